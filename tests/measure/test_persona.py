"""What sets a segment's people apart: compared with a plain recount, person by person."""

from __future__ import annotations

import datetime as dt
import json
import math
import random
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from scipy import stats

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.measure.persona import benjamini_hochberg, p_value
from ethogram.runtime import Workspace

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
Held = dict[tuple[str, str, str, str], set[str]]


def _people() -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    chance = random.Random(5)
    for who in range(400):
        likes_tv = who % 4 == 0
        id_ = f"p{who}"
        traits = {"profile_id": id_, "plan": "pro" if likes_tv and who % 3 else "free", "beta": who % 2 == 0, "n": who}
        events = [
            {
                "profile_id": id_,
                "event": "view",
                "timestamp": (NOW - dt.timedelta(days=chance.randrange(1, 80), hours=n)).isoformat(),
                "category": "tv" if likes_tv and chance.random() < 0.8 else chance.choice(["books", "toys", "tv"]),
                "page": f"/p/{chance.randrange(10_000)}",
                "full": chance.random() < 0.5,
            }
            for n in range(chance.randrange(1, 5))
        ]
        if likes_tv or who % 7 == 0:
            at = (NOW - dt.timedelta(days=chance.randrange(1, 50))).isoformat()
            events.append({"profile_id": id_, "event": "order", "timestamp": at, "total": 10 + who % 5})
        yield traits, events


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    path = tmp_path_factory.mktemp("persona") / "shop"
    eg.init(path).close()
    people = list(_people())
    profiles, events = path / "people.jsonl", path / "events.jsonl"
    profiles.write_text("\n".join(json.dumps(traits) for traits, _ in people))
    # A plan that was changed later: only the last one counts.
    changed = [{"profile_id": f"p{who}", "plan": "old", "timestamp": "2020-01-01T00:00:00Z"} for who in range(100)]
    before = path / "before.jsonl"
    before.write_text("\n".join(json.dumps(each) for each in changed))
    events.write_text("\n".join(json.dumps(each) for _, done in people for each in done))
    with eg.open(path, clock=ManualClock(NOW)) as workspace:
        workspace.load_profiles(before, mapping={"profile_id": "profile_id", "timestamp": "timestamp"})
        workspace.load_profiles(profiles)
        workspace.load_events(events)
        workspace.segments.save("tv", "did(order)")
        workspace.segments.save("even", "beta = true")
        workspace.segments.save("few", "n < 3")
        workspace.segments.save("teams", "for account: name exists")
        workspace.run()
        yield workspace


def _recount(workspace: Workspace) -> tuple[Held, int]:
    """Who has what, read person by person."""
    held: Held = defaultdict(set)
    ids = [f"p{who}" for who in range(400)]
    for id_ in ids:
        view = workspace.profile(id_, limit=1_000)
        for name, value in view.traits.items():
            if isinstance(value, (str, bool)):
                held["trait", name, "", _shown(value)].add(id_)
        for event in view.timeline:
            held["event", event.event, "", ""].add(id_)
            for name, value in event.properties.items():
                if isinstance(value, (str, bool)):
                    held["property", event.event, name, _shown(value)].add(id_)
    return held, len(ids)


def _shown(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def test_shares_are_those_of_a_plain_recount(shop: Workspace) -> None:
    held, everybody = _recount(shop)
    told = shop.pictures.persona("tv")
    inside = {str(each) for each in shop.members("tv").column("profile_id").to_pylist()}
    assert (told.size, told.population, told.looked_at, told.compared) == (len(inside), everybody, len(inside), 400)
    assert told.distinctions
    for each in told.distinctions:
        people = held[each.kind, each.name, each.part, each.value]
        assert each.people == len(people & inside)
        assert each.inside == pytest.approx(len(people & inside) / len(inside))
        assert each.overall == pytest.approx(len(people) / everybody)
        assert each.ratio == pytest.approx(each.inside / each.overall)


def test_what_is_planted_is_found_and_what_is_chance_is_not(shop: Workspace) -> None:
    told = {(each.kind, each.name, each.part, each.value): each for each in shop.pictures.persona("tv").distinctions}
    assert told["trait", "plan", "", "pro"].ratio == pytest.approx(1 / told["trait", "plan", "", "pro"].overall * told[
        "trait", "plan", "", "pro"
    ].inside)  # fmt: skip
    assert ("property", "view", "category", "tv") in told
    assert told["event", "order", "", ""].defining
    assert not told["trait", "plan", "", "pro"].defining
    assert not {name for _, _, name, _ in told} & {"page", "full"}
    assert ("trait", "plan", "", "old") not in told


def test_nothing_is_told_of_a_handful(shop: Workspace) -> None:
    assert shop.pictures.persona("few").distinctions == ()
    assert shop.pictures.persona("few").size == 3


def test_accounts_have_no_persona(shop: Workspace) -> None:
    with pytest.raises(eg.SegmentError, match="over accounts"):
        shop.pictures.persona("teams")


@pytest.mark.parametrize("table", [(30, 100, 20, 200), (50, 500, 40, 900), (80, 100, 150, 300), (60, 100, 700, 1000)])
def test_chance_is_that_of_the_likelihood_ratio_test(table: tuple[int, int, int, int]) -> None:
    a, of_a, b, of_b = table
    expected = stats.chi2_contingency([[a, of_a - a], [b, of_b - b]], correction=False, lambda_="log-likelihood").pvalue
    assert p_value(*table) == pytest.approx(float(expected), rel=1e-9)
    assert p_value(0, 10, 0, 10) == 1.0


@pytest.mark.parametrize(
    "table", [(7, 554, 5, 2446), (0, 30, 9, 60), (5, 5, 2, 60), (15, 20, 985, 100_000), (4, 40, 4, 40)]
)
def test_chance_among_few_is_counted_out(table: tuple[int, int, int, int]) -> None:
    a, of_a, b, of_b = table

    def ways(k: int) -> int:
        return math.comb(of_a, k) * math.comb(of_b, a + b - k) if 0 <= a + b - k <= of_b else 0

    every = sum(ways(k) for k in range(of_a + 1))
    more, fewer = sum(ways(k) for k in range(a, of_a + 1)), sum(ways(k) for k in range(a + 1))
    assert p_value(*table) == pytest.approx(min(1.0, float(2 * Fraction(min(more, fewer), every))), rel=1e-6)


def test_false_discoveries_are_held_as_published() -> None:
    # Benjamini and Hochberg 1995, section 3.2: at 5 %, the first four of these fifteen.
    chances = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
        1.0,
    ]  # fmt: skip
    assert benjamini_hochberg(chances, 0.05) == [True] * 4 + [False] * 11


def test_people_are_set_beside_everybody(shop: Workspace) -> None:
    shop.set_vocabulary(**{"purchase": "order", "purchase.amount": "total"})
    told = shop.pictures.report("tv")
    since = NOW - dt.timedelta(days=30)
    inside = {str(each) for each in shop.members("tv").column("profile_id").to_pylist()}
    for whom, standing in ((inside, told.members), ({f"p{who}" for who in range(400)}, told.everybody)):
        timelines = {id_: shop.profile(id_, limit=1_000).timeline for id_ in whom}
        recent = {id_ for id_, events in timelines.items() if any(event.at > since for event in events)}
        earlier = {
            id_
            for id_, events in timelines.items()
            if any(since - dt.timedelta(days=30) < event.at <= since for event in events)
        }
        orders = [
            (id_, event.properties["total"])
            for id_, events in timelines.items()
            for event in events
            if event.event == "order" and event.at > since
        ]
        assert standing.people == len(whom)
        assert (standing.active, standing.before, standing.kept) == (len(recent), len(earlier), len(recent & earlier))
        assert standing.buyers == len({id_ for id_, _ in orders})
        assert standing.revenue == pytest.approx(sum(total for _, total in orders))


def test_values_come_with_their_counts_and_their_kind(shop: Workspace) -> None:
    found = shop.drafts.values("beta", trait=True)
    assert (found.kind, dict(found.values)) == ("boolean", {"true": 200, "false": 200})
    assert shop.drafts.values("total", event="order").kind == "number"
    held = _recount(shop)[0]
    assert dict(shop.drafts.values("category", event="view").values).keys() == {
        value for kind, _, part, value in held if kind == "property" and part == "category"
    }
    assert shop.drafts.values("a\x00b", trait=True).values == ()


def test_labels_are_kept_beside_the_definition(shop: Workspace) -> None:
    assert shop.pictures.label("tv", tags=["spring", " spring ", "tv"], owner="Ada").tags == ("spring", "tv")
    shop.pictures.label("tv", tags=["tv"])
    assert (shop.pictures.labels()["tv"].tags, shop.pictures.labels()["tv"].owner) == (("tv",), "Ada")
    assert shop.pictures.labels()["even"].tags == ()
    with pytest.raises(eg.SegmentError, match="cannot have these tags"):
        shop.pictures.label("tv", tags=["x" * 41])


def test_a_draft_overlaps_and_costs_what_it_reads(shop: Workspace) -> None:
    found = shop.drafts.overlap("did(order)", ["tv", "even"])
    assert found.pairs["this segment", "tv"] == found.sizes["tv"] == found.sizes["this segment"]
    cost = shop.drafts.cost("did(view)")
    assert cost.rows > 400
    assert not cost.heavy
    assert shop.drafts.cost("top(10%, count(view))").rows > cost.rows
