"""The search for changes finds those that were computed by hand, and the generated questions are worth asking."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings

from ethogram.model.segment import Definition, Did, InLast, Not, Selection, Sequence, Span, Step, Unit
from oracle.changes import Change, changes_between, telling_instants
from oracle.definitions import questions
from oracle.evaluator import evaluate, population
from oracle.histories import Scene
from oracle.world import Event, World

UTC = dt.UTC
START = dt.datetime(2026, 3, 1, tzinfo=UTC)
END = START + dt.timedelta(days=10)
MICROSECOND = dt.timedelta(microseconds=1)


def test_a_member_leaves_when_the_event_leaves_the_window() -> None:
    # Bought on 25 February 09:00; (now - 7 days, now] holds it until just before 4 March 09:00.
    bought = dt.datetime(2026, 2, 25, 9, tzinfo=UTC)
    world = World(events=(Event("ann", bought, "purchase", {}, "1"),))
    definition = Definition(Did(Selection("purchase", None, InLast(Span(7, Unit.DAY)))))
    left = bought + dt.timedelta(days=7)
    instants = telling_instants(definition, world, START, END)
    assert changes_between(definition, world, START, END, instants) == [
        Change("ann", left - MICROSECOND, left, entered=False)
    ]


def test_a_member_enters_when_an_hour_without_the_event_has_passed() -> None:
    put = START + dt.timedelta(minutes=10)
    world = World(events=(Event("ann", START, "login", {}, "1"), Event("ann", put, "add_to_cart", {}, "2")))
    step = Step("purchase", negated=True, within=Span(1, Unit.HOUR))
    definition = Definition(Sequence((Step("add_to_cart"), step)))
    instants = telling_instants(definition, world, START, END)
    passed = put + dt.timedelta(hours=1)
    assert changes_between(definition, world, START, END, instants) == [
        Change("ann", passed - MICROSECOND, passed, entered=True)
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(questions())
def test_a_condition_and_its_opposite_share_out_the_population(question: tuple[Definition, Scene]) -> None:
    definition, scene = question
    members = evaluate(definition, scene.world, scene.now)
    others = evaluate(Definition(Not(definition.condition), definition.entity), scene.world, scene.now)
    assert not members & others
    assert members | others == population(scene.world, definition.entity, scene.now)


def test_generated_questions_are_rarely_trivial() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=60, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    @given(questions(varied=True))
    def ask(question: tuple[Definition, Scene]) -> None:
        definition, scene = question
        members = evaluate(definition, scene.world, scene.now)
        everybody = population(scene.world, definition.entity, scene.now)
        seen["nobody" if not members else "everybody" if members == everybody else "some"] += 1

    ask()
    assert seen["some"] >= 8, seen
    assert seen["everybody"] <= 40, seen
