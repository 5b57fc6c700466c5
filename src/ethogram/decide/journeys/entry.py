"""Who enters a journey, and what becomes of a person's runs by what happened to them.

Step of the path: decide. Pure. Everything that happened to one person is looked at together and in order of time: it
moves the runs that are under way, starts others, and these see what came later. What must be known first of the person
is asked for, as in `advance.py`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ethogram.decide.journeys.advance import Advanced, Facts, Needs, advance, drawn
from ethogram.decide.journeys.binding import bind
from ethogram.decide.journeys.matching import fits, parsed
from ethogram.model.journey.graph import Journey
from ethogram.model.journey.parts import APART
from ethogram.model.journey.runs import EventHappened, Happened, Run, run_id
from ethogram.model.segment import Definition
from ethogram.store.journey_runs import Tally

# What happened longer ago lets nobody in: whoever was not there to see it comes too late.
OLD = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Open:
    """A journey that people may enter.

    Attributes:
        since: what happened before lets nobody in.
    """

    journey: Journey
    version: int
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Under:
    """A run under way, with the journey in its version."""

    journey: Journey
    run: Run
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of a person's runs.

    Attributes:
        moved: runs that were under way.
        started: new ones, moved as far as they go.
        refused: how often somebody was not let in, by journey.
        tallies: by journey, what was looked at to let somebody in.
    """

    moved: tuple[Advanced, ...] = ()
    started: tuple[Advanced, ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)


def follow(
    opened: Sequence[Open],
    under: Sequence[Under],
    happened: Sequence[Happened],
    tallies: Mapping[str, Tally],
    now: dt.datetime,
    facts: Facts,
) -> Followed | Needs:
    """What becomes of a person's runs by what happened to them.

    Args:
        opened: the journeys that people may enter by events or segments.
        under: the person's runs under way.
        tallies: how often the person was in journeys, by name.
    """
    needs: set[Definition] = set()
    moved: list[Advanced] = []
    unclear: set[str] = set()
    for each in under:
        result = advance(each.journey, each.run, happened, now, facts, stopped=each.stopped)
        if isinstance(result, Needs):
            needs |= result.conditions
            unclear.add(each.journey.name)
        else:
            moved.append(result)
    started: list[Advanced] = []
    refused: Counter[str] = Counter()
    looked: dict[str, Tally] = {}
    for way in opened:
        name = way.journey.name
        if name in unclear:
            continue
        tally = tallies.get(name, Tally())
        runs = [advanced.run for advanced in moved if advanced.run.journey == name]
        entering = _entering(way, runs, happened, tally, now, facts)
        if isinstance(entering, Needs):
            needs |= entering.conditions
            continue
        began, count = entering
        if began or count:
            looked[name] = tally
        started += began
        refused[name] += count
    if needs:
        return Needs(frozenset(needs))
    changed = [advanced for advanced, each in zip(moved, under, strict=True) if advanced.run != each.run]
    return Followed(tuple(changed), tuple(started), {name: n for name, n in refused.items() if n}, looked)


def _entering(
    opened: Open, runs: Sequence[Run], happened: Sequence[Happened], tally: Tally, now: dt.datetime, facts: Facts
) -> tuple[list[Advanced], int] | Needs:
    """The runs that start, and how often none did by the rules."""
    journey, entry = opened.journey, opened.journey.entry
    assert not isinstance(entry, APART), "others than signals come another way"
    began: list[Advanced] = []
    refused = 0
    held = list(runs)
    ordered = sorted(happened, key=lambda each: each.at)
    for place, each in enumerate(ordered):
        if each.at < max(opened.since, now - OLD) or not fits(entry, each, {}, facts.zone):
            continue
        at = min(each.at, now)
        busy = any(run.ended_at is None or run.ended_at > at for run in held)
        if refusal(journey, tally, at, busy=busy) is not None:
            refused += 1
            continue
        run = started(opened, each.profile_id, each.id, at, _told(each))
        lets_in = let_in(journey, run, facts.answers)
        if isinstance(lets_in, Needs):
            return lets_in
        if not lets_in:
            continue
        result = advance(journey, run, ordered[place + 1 :], now, facts)
        if isinstance(result, Needs):
            return result
        began.append(result)
        held.append(result.run)
        tally = Tally(tally.runs + 1, tally.today + 1, at)
    return began, refused


def refusal(journey: Journey, tally: Tally, at: dt.datetime, *, busy: bool) -> str | None:
    """Why somebody may not enter at an instant; None where they may.

    Args:
        busy: a run of theirs is under way.
    """
    again = journey.again
    if busy and not again.overlapping:
        return "a run is under way"
    if tally.last_at is not None and again.after is None:
        return "nobody enters twice"
    if tally.last_at is not None and again.after is not None and at < tally.last_at + again.after:
        return "the run before started too short a time ago"
    if tally.today >= journey.limits.runs_a_day:
        return f"{tally.today} runs within a day are the most"
    return None


def let_in(journey: Journey, run: Run, answers: Mapping[Definition, bool]) -> bool | Needs:
    """Whether the journey's condition lets a run begin."""
    if journey.where is None:
        return True
    condition = bind(parsed(journey.where), run.data)
    answer = answers.get(condition)
    return Needs(frozenset({condition})) if answer is None else answer


def started(opened: Open, profile_id: str, occurrence: str, at: dt.datetime, trigger: Mapping[str, Any]) -> Run:
    """The run that begins at an instant."""
    journey = opened.journey
    lot = drawn(f"{journey.salt or journey.name}/", profile_id)
    return Run(
        run_id(journey.name, profile_id, occurrence),
        journey.name,
        opened.version,
        profile_id,
        occurrence,
        journey.first,
        started_at=at,
        step_at=at,
        due_at=at,
        data={"trigger": dict(trigger)},
        held_out=lot < journey.holdout,
    )


def _told(happened: Happened) -> Mapping[str, Any]:
    """What a run knows of what started it."""
    if isinstance(happened, EventHappened):
        return happened.properties
    return {"segment": happened.segment, "entered": happened.entered}


def numbered(advanced: Advanced, number: int) -> Advanced:
    """The same under the number by which its run is kept."""
    return replace(advanced, run=replace(advanced.run, number=number))
