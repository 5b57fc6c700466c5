"""Funnels, retention, paths and trends say what a plain count over the same events says, and name the people."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.errors import SegmentError
from ethogram.measure.funnels import Funnel, FunnelQuestion
from ethogram.measure.ground import Ground
from ethogram.measure.paths import PathQuestion, Paths
from ethogram.measure.retention import Retention, RetentionQuestion, start_of, units_between
from ethogram.measure.trends import Trend, TrendQuestion, earlier
from ethogram.model.exploration import DAYS_UP, Exploration, Unit, Way
from ethogram.runtime import Workspace

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SINCE = NOW - dt.timedelta(days=40)
ZONE = ZoneInfo("Europe/Berlin")
STEPS = ("view", "cart where price > 5", "buy")
WITHIN = dt.timedelta(days=15)
Row = dict[str, Any]


def _history(seed: int) -> list[Row]:
    chance = random.Random(seed)
    rows: list[Row] = []
    for who in range(50):
        for _ in range(chance.randrange(40)):
            # Coarse minutes, so that instants coincide and sessions arise.
            at = NOW - dt.timedelta(days=chance.randrange(45), minutes=chance.choice([0, 5, 5, 20, 34, 35, 70, 900]))
            rows.append(
                {
                    "profile_id": f"p{who}",
                    "ts": at,
                    "event": chance.choice(["view", "view", "cart", "buy"]),
                    "price": chance.choice([1, 5, 7.5, "9", "much", None]),
                    "page": chance.choice(["home", "item"]),
                    "shelf": f"s{min(int(chance.expovariate(0.15)), 25)}",
                    "message_id": f"m{len(rows):05d}",
                }
            )
    return rows


@pytest.fixture(scope="module", params=[1, 2])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Any]]:
    """A workspace in a zone with the rows in it."""
    rows = _history(request.param)
    place = tmp_path_factory.mktemp("explore")
    file = place / "events.jsonl"
    file.write_text("\n".join(json.dumps({**row, "ts": row["ts"].isoformat()}) for row in rows))
    with eg.init(place / "shop", clock=ManualClock(NOW), timezone=ZONE.key) as ws:
        ws.load_events(Path(file))
        yield ws, [row for row in rows if SINCE <= row["ts"] < NOW]


def _ground(ws: Workspace, segment: str | None = None) -> Ground:
    return ws.explore.ground(SINCE, NOW, segment)


def _price(row: Row) -> float | None:
    value = row["price"]
    return None if value in (None, "much") else float(value)


def _people(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["ts"], row["message_id"])):
        found[row["profile_id"]].append(row)
    return found


def _taken(rows: list[Row]) -> list[dt.datetime]:
    """When one person took each step."""
    tests: list[Callable[[Row], bool]] = [
        lambda row: row["event"] == "view",
        lambda row: row["event"] == "cart" and (_price(row) or 0) > 5,
        lambda row: row["event"] == "buy",
    ]
    taken: list[dt.datetime] = []
    for test in tests:
        later = [row["ts"] for row in rows if test(row) and (not taken or taken[-1] < row["ts"] <= taken[0] + WITHIN)]
        if not later:
            break
        taken.append(min(later))
    return taken


def test_funnel_counts_people_who_do_one_thing_after_another(asked: tuple[Workspace, list[Row]]) -> None:
    ws, rows = asked
    taken = {who: _taken(done) for who, done in _people(rows).items()}
    question = FunnelQuestion(STEPS, WITHIN)
    found = ws.explore.funnel(_ground(ws), question)
    for at, step in enumerate(found.steps):
        there = {who for who, instants in taken.items() if len(instants) > at}
        assert step.people == len(there)
        assert set(ws.explore.funnel_people(_ground(ws), question, at + 1)) == there
        if at:
            lost = {who for who, instants in taken.items() if len(instants) == at}
            assert set(ws.explore.funnel_people(_ground(ws), question, at + 1, lost=True)) == lost
            waits = sorted(instants[at] - instants[at - 1] for instants in taken.values() if len(instants) > at)
            assert step.median == (waits[len(waits) // 2] if waits else None)
    assert found.steps[0].people > found.steps[2].people > 0


def test_funnel_parts_add_up_to_everybody(asked: tuple[Workspace, list[Row]]) -> None:
    ws, _ = asked
    found = ws.explore.funnel(_ground(ws), FunnelQuestion(STEPS, WITHIN, by="page"))
    assert {part.value for part in found.parts} == {"home", "item"}
    for at, step in enumerate(found.steps):
        assert step.people == sum(part.steps[at].people for part in found.parts)


@pytest.mark.parametrize("unit", DAYS_UP)
def test_retention_counts_who_comes_back(asked: tuple[Workspace, list[Row]], unit: Unit) -> None:
    ws, rows = asked
    began: dict[dt.date, set[str]] = defaultdict(set)
    back: dict[tuple[dt.date, dt.date], set[str]] = defaultdict(set)

    def unit_of(row: Row) -> dt.date:
        return start_of(row["ts"].astimezone(ZONE).date(), unit)

    for who, done in _people(rows).items():
        first = next((row for row in done if row["event"] == "view"), None)
        if first is None:
            continue
        began[unit_of(first)].add(who)
        for row in done:
            if row["event"] == "buy" and row["ts"] > first["ts"]:
                back[unit_of(first), unit_of(row)].add(who)
    question = RetentionQuestion("view", "buy", unit)
    found = ws.explore.retention(_ground(ws), question)
    assert [cohort.start for cohort in found.cohorts] == sorted(began)
    for cohort in found.cohorts:
        units = units_between(cohort.start, start_of(NOW.astimezone(ZONE).date(), unit), unit)
        assert cohort.people == len(began[cohort.start])
        assert cohort.returned == tuple(len(back[cohort.start, each]) for each in units)
    cohort = found.cohorts[0]
    assert set(ws.explore.retention_people(_ground(ws), question, cohort.start)) == began[cohort.start]
    for number, start in enumerate(units_between(cohort.start, NOW.date(), unit)[:3]):
        people = ws.explore.retention_people(_ground(ws), question, cohort.start, number)
        assert set(people) == back[cohort.start, start]


@pytest.mark.parametrize("backwards", [False, True])
def test_paths_are_what_follows_in_a_session(asked: tuple[Workspace, list[Row]], backwards: bool) -> None:
    ws, rows = asked
    counted: Counter[tuple[str, ...]] = Counter()
    people: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for who, done in _people(rows).items():
        sessions = [[done[0]]]
        for before, row in pairwise(done):
            if row["ts"] - before["ts"] > dt.timedelta(minutes=30):
                sessions.append([])
            sessions[-1].append(row)
        for session in sessions:
            names = [row["event"] for row in session]
            if backwards:
                names.reverse()
            if "cart" in names:
                at = names.index("cart")
                counted[tuple(names[at : at + 4])] += 1
                people[tuple(names[at : at + 4])].add(who)
    question = PathQuestion("cart", backwards=backwards, steps=3)
    found = ws.explore.paths(_ground(ws), question, most=1000)
    assert {path.events: path.sessions for path in found.paths} == counted
    assert {path.events: path.people for path in found.paths} == {path: len(who) for path, who in people.items()}
    assert found.sessions == counted.total()
    begun = {who for path, each in people.items() for who in each if path[:2] == ("cart", "view")}
    assert set(ws.explore.path_people(_ground(ws), question, ("cart", "view"))) == begun
    for path in found.paths[:5]:
        assert set(ws.explore.path_people(_ground(ws), question, path.events, whole=True)) == people[path.events]


@pytest.mark.parametrize("unit", DAYS_UP)
def test_trends_count_events_people_and_amounts(asked: tuple[Workspace, list[Row]], unit: Unit) -> None:
    ws, rows = asked
    by_unit: dict[dt.date, list[Row]] = defaultdict(list)
    for row in rows:
        if row["event"] == "buy":
            by_unit[start_of(row["ts"].astimezone(ZONE).date(), unit)].append(row)
    question = TrendQuestion("buy", unit, property="price", by="page")
    found = ws.explore.trend(_ground(ws), question)
    for point in found.points:
        there = by_unit.pop(point.start, [])
        numbers = [price for row in there if (price := _price(row)) is not None]
        assert (point.events, point.people) == (len(there), len({row["profile_id"] for row in there}))
        assert point.sum == (pytest.approx(sum(numbers)) if numbers else None)
        assert sum(series.points[found.points.index(point)].events for series in found.series) == len(there)
        who = {row["profile_id"] for row in there if row["page"] == "home"}
        assert set(ws.explore.trend_people(_ground(ws), question, point.start, value="home")) == who
    assert not by_unit


def test_a_segment_limits_whose_events_are_looked_at(asked: tuple[Workspace, list[Row]]) -> None:
    ws, _ = asked
    text = "count(buy) >= 4"
    question = TrendQuestion("view", Unit.MONTH)
    by_text = ws.explore.trend(_ground(ws, text), question)
    assert (
        0
        < sum(point.events for point in by_text.points)
        < sum(point.events for point in ws.explore.trend(_ground(ws), question).points)
    )
    ws.segments.save("buyers", text)
    ws.run()
    assert ws.explore.trend(_ground(ws, "buyers"), question) == by_text
    assert set(ws.explore.trend_people(_ground(ws, text), question, by_text.points[0].start)) <= set(
        ws.members("buyers").column(0).to_pylist()
    )


def test_people_come_page_by_page(asked: tuple[Workspace, list[Row]]) -> None:
    ws, _ = asked
    question = FunnelQuestion(("view",))
    everybody = ws.explore.funnel_people(_ground(ws), question, 1)
    first = ws.explore.funnel_people(_ground(ws), question, 1, limit=7)
    rest = ws.explore.funnel_people(_ground(ws), question, 1, after=first[-1])
    assert [*first, *rest] == everybody


@pytest.mark.parametrize("text", ["view) or did(buy", "not view", "", "sum(price)"])
def test_what_is_no_event_is_refused(asked: tuple[Workspace, list[Row]], text: str) -> None:
    ws, _ = asked
    with pytest.raises(SegmentError):
        ws.explore.trend(_ground(ws), TrendQuestion(text))


def test_trends_by_the_hour_count_what_happened_in_each(asked: tuple[Workspace, list[Row]]) -> None:
    ws, rows = asked
    by_hour: dict[dt.datetime, list[Row]] = defaultdict(list)
    for row in rows:
        if row["event"] == "view":
            by_hour[row["ts"].replace(minute=0, second=0, microsecond=0)].append(row)
    question = TrendQuestion("view", Unit.HOUR)
    points = ws.explore.trend(_ground(ws), question).points
    assert len(points) == 40 * 24
    assert {point.start: point.events for point in points if point.events} == {
        at: len(there) for at, there in by_hour.items()
    }
    at = next(point.start for point in points if point.people > 1)
    assert isinstance(at, dt.datetime)
    assert set(ws.explore.trend_people(_ground(ws), question, at)) == {row["profile_id"] for row in by_hour[at]}


@pytest.mark.parametrize(("unit", "back"), [(Unit.DAY, 19), (Unit.WEEK, 21), (Unit.HOUR, 19)])
def test_a_trend_stands_beside_the_period_before(asked: tuple[Workspace, list[Row]], unit: Unit, back: int) -> None:
    ws, rows = asked
    ground = ws.explore.ground(NOW - dt.timedelta(days=19), NOW)
    found = ws.explore.trend(ground, TrendQuestion("buy", unit, property="price"), compare=True)
    assert found.before is not None
    for total, until in ((found.total, NOW), (found.before.total, NOW - dt.timedelta(days=back))):
        there = [row for row in rows if row["event"] == "buy" and until - dt.timedelta(days=19) <= row["ts"] < until]
        assert total.events == len(there) > 0
        assert total.people == len({row["profile_id"] for row in there})
        assert total.sum == pytest.approx(sum(_price(row) or 0 for row in there))
    assert len(found.before.points) == len(found.points)
    assert sum(point.events for point in found.before.points) == found.before.total.events


def test_values_beyond_the_ten_most_frequent_are_the_rest(asked: tuple[Workspace, list[Row]]) -> None:
    ws, rows = asked
    found = ws.explore.trend(_ground(ws), TrendQuestion("view", Unit.MONTH, by="message_id"))
    assert [series.value for series in found.series] == [""]  # it is no property
    found = ws.explore.trend(_ground(ws), TrendQuestion("view", Unit.DAY, by="shelf"))
    frequent = Counter(row["shelf"] for row in rows if row["event"] == "view")
    assert frequent.total() == found.total.events
    sizes = {each.value: sum(point.events for point in each.points) for each in found.series}
    rest = sizes.pop(None)
    assert len(sizes) == 10
    assert sizes == {value: frequent[value] for value in sizes if value is not None}
    assert rest == frequent.total() - sum(sizes.values())
    assert min(sizes.values()) >= max(count for value, count in frequent.items() if value not in sizes)


def test_a_question_is_answered_over_its_days_with_names_as_they_are(asked: tuple[Workspace, list[Row]]) -> None:
    ws, rows = asked
    first = dt.datetime.combine(NOW.astimezone(ZONE).date() - dt.timedelta(days=9), dt.time(), ZONE)
    there = [row for row in rows if row["event"] == "view" and row["ts"] >= first]
    answer = ws.explore.ask(Exploration(Way.TRENDS, "view", days=10), NOW - dt.timedelta(microseconds=1))
    assert answer == ws.explore.trend(ws.explore.ground(first, NOW), TrendQuestion("view"))
    assert isinstance(answer, Trend)
    assert answer.total.events == len(there)
    assert len(answer.points) == 10
    assert ws.explore.spelled(Exploration(Way.TRENDS, "no such event")).event == "no such event"
    assert isinstance(ws.explore.ask(Exploration(Way.FUNNELS, steps=STEPS), NOW), Funnel)
    assert isinstance(ws.explore.ask(Exploration(Way.RETENTION, "view", unit=Unit.WEEK), NOW), Retention)
    assert isinstance(ws.explore.ask(Exploration(Way.PATHS, "view"), NOW), Paths)


@pytest.mark.parametrize(
    ("since", "until", "unit", "expected"),
    [
        ("2026-03-27", "2026-03-31", Unit.DAY, ("2026-03-23", "2026-03-27")),  # the clock is set forward on the 29th
        ("2026-03-02", "2026-03-12", Unit.WEEK, ("2026-02-16", "2026-02-26")),
        ("2026-03-31", "2026-04-30", Unit.MONTH, ("2026-01-31", "2026-02-28")),
        ("2026-01-01", "2027-01-01", Unit.MONTH, ("2025-01-01", "2026-01-01")),
    ],
)
def test_the_period_before_lies_whole_units_back(since: str, until: str, unit: Unit, expected: tuple[str, str]) -> None:
    at = [dt.datetime.fromisoformat(text).replace(tzinfo=ZONE) for text in (since, until, *expected)]
    found = earlier(Ground(at[0], at[1], ZONE), unit)
    assert (found.since, found.until) == (at[2], at[3])
    assert found.until <= at[0]
