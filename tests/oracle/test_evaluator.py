"""The oracle against cases computed by hand, one table for each phrase of the language."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ethogram.model import segment as s
from ethogram.model.segment import CalendarUnit, Comparator, Entity, Function, Unit
from oracle.evaluator import evaluate, population
from oracle.world import Event, MembershipChange, TraitChange, World

UTC = dt.UTC
NOW = dt.datetime(2026, 3, 31, 12, tzinfo=UTC)  # a Tuesday
MICROSECOND = dt.timedelta(microseconds=1)
MISSING = object()


def at(text: str) -> dt.datetime:
    """`'03-31 11:00'` in 2026, or a full instant; UTC."""
    full = text if text.count("-") == 2 else f"2026-{text}"
    return dt.datetime.fromisoformat(full).replace(tzinfo=UTC)


def happened(*rows: tuple[Any, ...], who: str = "ann", timezone: str = "UTC") -> World:
    """A world in which `ann` did things: (name, instant[, properties])."""
    events = [
        Event(
            who, when if isinstance(when, dt.datetime) else at(when), name, properties[0] if properties else {}, str(n)
        )
        for n, (name, when, *properties) in enumerate(rows)
    ]
    return World(events=tuple(events), timezone=timezone)


def told(*rows: tuple[str, dict[str, Any]], unset: tuple[str, ...] = ()) -> World:
    """A world in which traits of `ann` are told: (instant, traits); the last row may unset."""
    last = len(rows) - 1
    changes = [
        TraitChange("ann", at(when), traits, unset if n == last else (), str(n))
        for n, (when, traits) in enumerate(rows)
    ]
    return World(profile_changes=tuple(changes))


def ann_is_in(condition: Any, world: World, now: dt.datetime = NOW) -> bool:
    """Whether the condition holds for `ann`, who is known in every world here."""
    known = World(
        (*world.events, Event("ann", at("1990-01-01 00:00"), "born", {}, "born")),
        world.profile_changes,
        world.account_changes,
        world.membership_changes,
        world.static_segments,
        world.definitions,
        world.timezone,
    )
    return "ann" in evaluate(s.Definition(condition), known, now)


def days(amount: int) -> s.Span:
    return s.Span(amount, Unit.DAY)


def did(window: Any, event: str = "e") -> s.Did:
    return s.Did(s.Selection(event, None, window))


def measure(function: Function, property: str | None = None, where: Any = None, window: Any = None) -> s.Measure:
    return s.Measure(function, s.Selection("e", where, window), property)


def equals(operand: Any, value: Any) -> Any:
    """`operand = value`, or, for MISSING, `not operand exists`."""
    if value is MISSING:
        return s.Not(s.Exists(operand))
    literal = s.Boolean(value) if isinstance(value, bool) else s.Text(value) if isinstance(value, str) else None
    return s.Compare(operand, Comparator.EQ, literal or s.Number(value))


def moment(text: str) -> s.Moment:
    return s.Moment(at(text) if " " in text else dt.date.fromisoformat(text))


@pytest.mark.parametrize(
    ("window", "when", "expected"),
    [
        # NOW is 31 March 12:00. (now - 1 day, now]: the start is excluded, now is included.
        (s.InLast(days(1)), NOW - dt.timedelta(days=1), False),
        (s.InLast(days(1)), NOW - dt.timedelta(days=1) + MICROSECOND, True),
        (s.InLast(days(1)), NOW, True),
        (s.InLast(days(1)), NOW + MICROSECOND, False),  # the future does not exist
        (s.InLast(s.Span(1, Unit.WEEK)), NOW - dt.timedelta(days=7) + MICROSECOND, True),
        # One month before 31 March is 31 February, clamped to the 28th at 12:00.
        (s.InLast(s.Span(1, Unit.MONTH)), at("02-28 12:00"), False),
        (s.InLast(s.Span(1, Unit.MONTH)), at("02-28 12:00:01"), True),
        # (now - 1 - 2 days, now - 1 day]
        (s.InPreceding(days(2), days(1)), at("03-28 12:00"), False),
        (s.InPreceding(days(2), days(1)), at("03-28 12:00:01"), True),
        (s.InPreceding(days(2), days(1)), at("03-30 12:00"), True),
        (s.InPreceding(days(2), days(1)), at("03-30 12:00:01"), False),
        # Shift first: 28 February; the month before that starts after 28 January.
        (s.InPreceding(s.Span(1, Unit.MONTH), s.Span(1, Unit.MONTH)), at("01-28 12:00"), False),
        (s.InPreceding(s.Span(1, Unit.MONTH), s.Span(1, Unit.MONTH)), at("01-28 12:00:01"), True),
        (s.BeforeAgo(days(30)), NOW - dt.timedelta(days=30), False),
        (s.BeforeAgo(days(30)), NOW - dt.timedelta(days=30) - MICROSECOND, True),
        (s.InCalendar(CalendarUnit.DAY), at("03-31 00:00"), True),
        (s.InCalendar(CalendarUnit.DAY), at("03-30 23:59:59"), False),
        (s.InCalendar(CalendarUnit.DAY, previous=True), at("03-30 00:00"), True),
        (s.InCalendar(CalendarUnit.DAY, previous=True), at("03-31 00:00"), False),
        # The week of Tuesday 31 March starts on Monday the 30th.
        (s.InCalendar(CalendarUnit.WEEK), at("03-30 00:00"), True),
        (s.InCalendar(CalendarUnit.WEEK), at("03-29 23:59"), False),
        (s.InCalendar(CalendarUnit.WEEK, previous=True), at("03-23 00:00"), True),
        (s.InCalendar(CalendarUnit.MONTH, previous=True), at("02-28 23:59"), True),
        (s.InCalendar(CalendarUnit.QUARTER), at("01-01 00:00"), True),
        (s.InCalendar(CalendarUnit.QUARTER, previous=True), at("2025-09-30 23:59"), False),
        (s.InCalendar(CalendarUnit.QUARTER, previous=True), at("2025-10-01 00:00"), True),
        (s.InCalendar(CalendarUnit.YEAR, previous=True), at("2025-12-31 23:59"), True),
        # Dates are whole days, both included; instants are taken as they are, both included.
        (s.BetweenMoments(moment("2026-01-01"), moment("2026-01-31")), at("01-31 23:59:59"), True),
        (s.BetweenMoments(moment("2026-01-01"), moment("2026-01-31")), at("02-01 00:00"), False),
        (s.BetweenMoments(moment("2026-01-01"), moment("01-31 12:00")), at("01-31 12:00"), True),
        (s.BetweenMoments(moment("2026-01-01"), moment("01-31 12:00")), at("01-31 12:00:01"), False),
        (s.Since(moment("2026-01-01")), at("01-01 00:00"), True),
        (s.Since(moment("2026-01-01")), at("2025-12-31 23:59"), False),
        (s.Before(moment("2026-01-01")), at("2025-12-31 23:59"), True),
        (s.Before(moment("2026-01-01")), at("01-01 00:00"), False),
    ],
)
def test_an_event_lies_in_the_window(window: Any, when: dt.datetime, expected: bool) -> None:
    assert ann_is_in(did(window), happened(("e", when))) is expected


@pytest.mark.parametrize(
    ("zone", "now", "window", "when", "expected"),
    [
        # Stockholm puts clocks forward on 29 March 2026 at 02:00: the day starts at 23:00 UTC the day before …
        ("Europe/Stockholm", "03-29 12:00", s.InCalendar(CalendarUnit.DAY), "03-28 23:00", True),
        ("Europe/Stockholm", "03-29 12:00", s.InCalendar(CalendarUnit.DAY), "03-28 22:59", False),
        # … and has 23 hours: it ends at 22:00 UTC.
        ("Europe/Stockholm", "03-30 12:00", s.InCalendar(CalendarUnit.DAY, previous=True), "03-29 21:59", True),
        ("Europe/Stockholm", "03-30 12:00", s.InCalendar(CalendarUnit.DAY, previous=True), "03-29 22:00", False),
        # `last 1 day` is 24 hours even then.
        ("Europe/Stockholm", "03-29 12:00", s.InLast(days(1)), "03-28 12:00", False),
        # A month is local: 28 April 12:00 UTC is 14:00, and 14:00 on 28 March (winter time still) is 13:00 UTC.
        ("Europe/Stockholm", "04-28 12:00", s.InLast(s.Span(1, Unit.MONTH)), "03-28 13:00", False),
        ("Europe/Stockholm", "04-28 12:00", s.InLast(s.Span(1, Unit.MONTH)), "03-28 13:00:01", True),
        # 02:30 does not exist on 29 March; read with winter time it is 01:30 UTC.
        ("Europe/Stockholm", "04-29 00:30", s.InLast(s.Span(1, Unit.MONTH)), "03-29 01:30", False),
        ("Europe/Stockholm", "04-29 00:30", s.InLast(s.Span(1, Unit.MONTH)), "03-29 01:30:01", True),
        # Lord Howe moves by half an hour: on 5 April 2026 it is UTC+11 until 02:00, then UTC+10:30.
        ("Australia/Lord_Howe", "04-05 12:00", s.InCalendar(CalendarUnit.DAY), "04-04 13:00", True),
        ("Australia/Lord_Howe", "04-06 00:00", s.InCalendar(CalendarUnit.DAY, previous=True), "04-05 13:29", True),
        ("Australia/Lord_Howe", "04-06 00:00", s.InCalendar(CalendarUnit.DAY, previous=True), "04-05 13:30", False),
    ],
)
def test_calendar_windows_follow_the_zone(zone: str, now: str, window: Any, when: str, expected: bool) -> None:
    assert ann_is_in(did(window), happened(("e", when), timezone=zone), at(now)) is expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [("03-01 08:59", False), ("03-01 09:00", True), ("03-08 09:00", True), ("03-08 09:00:01", False)],
)
def test_a_window_after_the_first_anchor_includes_both_its_ends(when: str, expected: bool) -> None:
    window = s.AfterFirst(days(7), s.Selection("signup"))
    world = happened(("signup", "03-01 09:00"), ("signup", "03-20 09:00"), ("e", when))
    assert ann_is_in(did(window), world) is expected
    assert not ann_is_in(did(window), happened(("e", when)))  # no anchor, nothing in the window


# Five events: prices 3, '12' (a text that is wholly a number), 'n/a', absent, 1.5.
SHOP = happened(
    ("e", "03-27 08:00", {"price": 3, "category": "books"}),
    ("e", "03-29 09:00", {"price": "12", "category": "tv"}),
    ("e", "03-30 09:30", {"price": "n/a", "category": "books", "address": {"city": "Oslo"}}),
    ("e", "03-30 10:00", {"category": "tv"}),
    ("e", "03-31 10:00", {"price": 1.5, "category": 12, "gift": True}),
)
NOTHING = happened()


@pytest.mark.parametrize(
    ("operand", "world", "value"),
    [
        (measure(Function.COUNT), SHOP, 5),
        (measure(Function.COUNT), NOTHING, 0),
        (measure(Function.SUM, "price"), SHOP, 16.5),  # 3 + 12 + 1.5
        (measure(Function.SUM, "price"), NOTHING, 0),
        (measure(Function.AVG, "price"), SHOP, 5.5),  # 16.5 / 3: events without a number are ignored
        (measure(Function.AVG, "price"), NOTHING, MISSING),
        (measure(Function.MIN, "price"), SHOP, 1.5),
        (measure(Function.MAX, "price"), SHOP, 12),
        (measure(Function.MEDIAN, "price"), SHOP, 3),
        (measure(Function.MEDIAN, "price", window=s.InLast(days(3))), SHOP, 6.75),  # between 12 and 1.5
        (measure(Function.DISTINCT, "category"), SHOP, 3),
        (measure(Function.DISTINCT, "category"), NOTHING, 0),
        (measure(Function.FAVORITE, "category"), SHOP, "tv"),  # two of each; tv was seen last
        (measure(Function.FAVORITE, "category"), NOTHING, MISSING),
        (measure(Function.FIRST, "category"), SHOP, "books"),
        (measure(Function.LAST, "category"), SHOP, 12),
        (measure(Function.LAST, "address.city"), SHOP, MISSING),  # the last event has none
        (measure(Function.LAST, "address.city", s.Exists(s.Property("address.city"))), SHOP, "Oslo"),
        (measure(Function.ACTIVE_DAYS), SHOP, 4),
        (measure(Function.STREAK), SHOP, 3),  # 29, 30, 31
        (measure(Function.STREAK, window=s.BeforeAgo(s.Span(12, Unit.HOUR))), SHOP, 2),  # 29, 30: up to yesterday
        (measure(Function.STREAK, window=s.BeforeAgo(days(2))), SHOP, 0),  # the last is two days old
        (measure(Function.GAP), SHOP, 88_200),  # 98 hours / 4 = 24.5 hours
        (measure(Function.GAP), happened(("e", "03-01 00:00")), MISSING),
        (measure(Function.HOUR), SHOP, 10),  # 9 and 10 twice each; 10 was last
        (measure(Function.WEEKDAY), SHOP, "mon"),  # 30 March twice
        (measure(Function.HOUR), NOTHING, MISSING),
    ],
)
def test_a_measure_over_events(operand: Any, world: World, value: Any) -> None:
    assert ann_is_in(equals(operand, value), world)


def test_events_at_one_instant_do_not_hide_each_other() -> None:
    world = happened(("e", "03-30 09:00", {"x": 5}), ("e", "03-30 09:00", {"x": "a"}), ("e", "03-30 09:00", {}))
    assert ann_is_in(equals(measure(Function.LAST, "x"), 5), world)
    assert ann_is_in(equals(measure(Function.LAST, "x"), "a"), world)


def test_numbers_and_texts_that_look_alike_are_one_generic_value() -> None:
    world = happened(
        ("e", "03-30 09:00", {"x": 12}), ("e", "03-30 10:00", {"x": "12"}), ("e", "03-30 11:00", {"x": 12.0})
    )
    assert ann_is_in(equals(measure(Function.DISTINCT, "x"), 1), world)


def test_active_days_are_local() -> None:
    # 22:30 UTC on 30 March is 00:30 on the 31st in Stockholm, the same day as 08:00 on the 31st.
    events = (("e", "03-30 22:30"), ("e", "03-31 08:00"))
    assert ann_is_in(equals(measure(Function.ACTIVE_DAYS), 1), happened(*events, timezone="Europe/Stockholm"))
    assert ann_is_in(equals(measure(Function.ACTIVE_DAYS), 2), happened(*events))


PLAN = s.Trait("plan")


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        (equals(PLAN, "pro"), "pro", True),
        (equals(PLAN, "Pro"), "pro", False),
        (s.Compare(PLAN, Comparator.EQ_CASELESS, s.Text("ÅRE")), "Åre", True),
        (s.Compare(PLAN, Comparator.NE_CASELESS, s.Text("ÅRE")), "Åre", False),
        (s.Compare(PLAN, Comparator.NE, s.Text("pro")), None, False),  # missing: false, the negative one too
        (s.Not(equals(PLAN, "pro")), None, True),
        (s.Compare(PLAN, Comparator.NE, s.Number(5)), "five", False),  # no number there
        (s.Compare(PLAN, Comparator.NE, s.Number(5)), "6", True),
        (equals(PLAN, 12), "12", True),  # a text that is wholly a number
        (equals(PLAN, 12), " 12", False),
        (equals(PLAN, "12"), 12, False),  # text looks at text only
        (equals(PLAN, 1), True, False),  # a boolean is no number
        (equals(PLAN, True), True, True),
        (equals(PLAN, True), "true", False),
        (s.In(PLAN, (s.Text("a"), s.Text("b"))), "b", True),
        (s.In(PLAN, (s.Text("A"),), caseless=True), "a", True),
        (s.In(PLAN, (s.Text("a"),), negated=True), "b", True),
        (s.In(PLAN, (s.Text("a"),), negated=True), None, False),
        (s.In(PLAN, (s.Text("a"),), negated=True), 7, False),  # no text there
        (s.Between(PLAN, s.Number(1), s.Number(3)), 3, True),
        (s.Between(PLAN, s.Number(1), s.Number(3)), 3.25, False),
        (s.Exists(PLAN), "", True),
        (s.Exists(PLAN), False, True),
        (s.Exists(PLAN), {"a": 1}, True),
        (s.Exists(PLAN), None, False),
        (s.TextMatch(PLAN, s.TextTest.CONTAINS, "oo"), "books", True),
        (s.TextMatch(PLAN, s.TextTest.CONTAINS, "OO", caseless=True), "books", True),
        (s.TextMatch(PLAN, s.TextTest.CONTAINS, "books"), ["books", "tv"], True),
        (s.TextMatch(PLAN, s.TextTest.CONTAINS, "book"), ["books", "tv"], False),  # an item exactly
        (equals(PLAN, "books"), ["books"], False),
        (s.TextMatch(PLAN, s.TextTest.STARTS_WITH, "bo"), "books", True),
        (s.TextMatch(PLAN, s.TextTest.ENDS_WITH, "KS"), "books", False),
        (s.TextMatch(PLAN, s.TextTest.MATCHES, "o+k"), "books", True),
        (s.TextMatch(PLAN, s.TextTest.MATCHES, "^o"), "books", False),
        (s.Compare(PLAN, Comparator.LT, s.Text("b")), "a", True),
        (s.Compare(PLAN, Comparator.LT, s.Text("a")), "B", True),  # by code point
        # 59.25 and 59.3293 north are 8.8 km apart (0.0793 degrees of 111.195 km); 3.9 km more from 0.0686 east.
        (s.Near(PLAN, 10, 59.3293, 18), {"lat": 59.25, "lon": 18}, True),
        (s.Near(PLAN, 8, 59.3293, 18), {"latitude": 59.25, "longitude": 18}, False),
        (s.Near(PLAN, 10, 59.3293, 18), "59.25,18", True),
        (s.Near(PLAN, 10, 59.3293, 18), "nowhere", False),
    ],
)
def test_a_comparison_looks_at_the_view_its_literal_asks_for(condition: Any, value: Any, expected: bool) -> None:
    assert ann_is_in(condition, told(("03-01 00:00", {"plan": value}))) is expected


@pytest.mark.parametrize(
    ("value", "window", "expected"),
    [
        ("2026-03-24", s.InLast(days(7)), False),  # starts at 00:00, seven and a half days ago
        ("2026-03-25", s.InLast(days(7)), True),
        ("2026-04-01", s.InNext(days(1)), True),
        ("2026-03-31", s.InNext(days(1)), False),  # started already
        ("2026-03-31T14:00:00+02:00", s.InNext(days(1)), False),  # exactly now
        ("2026-03-31 12:00:00.000001Z", s.InNext(days(1)), True),
        ("2026-04-15", s.InCalendar(CalendarUnit.QUARTER), False),
        ("2026-03-31T23:00", s.InCalendar(CalendarUnit.MONTH), True),  # still to come, and in this month
        ("2026-02-29", s.Since(moment("2020-01-01")), False),  # no such day
        (20260301, s.Since(moment("2020-01-01")), False),  # a number is no instant
        (None, s.BeforeAgo(days(30)), False),
    ],
)
def test_a_trait_holds_an_instant(value: Any, window: Any, expected: bool) -> None:
    assert ann_is_in(s.During(PLAN, window), told(("03-01 00:00", {"plan": value}))) is expected


@pytest.mark.parametrize(
    ("born", "now", "window", "expected"),
    [
        ("1990-04-07", "2026-03-31 12:00", s.InNext(days(7)), True),
        ("1990-04-08", "2026-03-31 12:00", s.InNext(days(7)), False),
        ("1990-03-31", "2026-03-31 12:00", s.InNext(days(7)), True),  # today is included
        ("1990-03-30", "2026-03-31 12:00", s.InNext(days(7)), False),
        ("1990-01-02", "2026-12-30 12:00", s.InNext(days(7)), True),  # over the end of the year
        ("1990-03-24", "2026-03-31 12:00", s.InLast(days(7)), True),
        ("1990-03-23", "2026-03-31 12:00", s.InLast(days(7)), False),
        ("2000-02-29", "2026-03-01 12:00", s.InCalendar(CalendarUnit.DAY), True),  # 1 March in common years
        ("2000-02-29", "2026-02-28 12:00", s.InCalendar(CalendarUnit.DAY), False),
        ("2000-02-29", "2028-02-29 12:00", s.InCalendar(CalendarUnit.DAY), True),
        ("2000-02-29", "2028-03-01 12:00", s.InCalendar(CalendarUnit.DAY), False),
        ("2026-04-02", "2026-03-31 12:00", s.InNext(days(7)), True),  # the day itself counts
        ("2027-04-02", "2026-03-31 12:00", s.InNext(days(7)), False),  # there is none before it
    ],
)
def test_an_anniversary_comes_every_year(born: str, now: str, window: Any, expected: bool) -> None:
    world = told(("2000-03-01 00:00", {"plan": born}))
    assert ann_is_in(s.During(s.Anniversary(PLAN), window), world, at(now)) is expected


HOUR = s.Span(1, Unit.HOUR)
A, B, C = s.Step("a"), s.Step("b"), s.Step("c")
NOT_B = s.Step("b", negated=True)


@pytest.mark.parametrize(
    ("steps", "events", "expected"),
    [
        ((A, B), [("a", "09:00"), ("b", "09:01")], True),
        ((A, B), [("a", "09:00"), ("b", "09:00")], False),  # one instant has no order
        ((A, B), [("b", "09:00"), ("a", "09:01")], False),
        ((A, s.Step("b", within=HOUR)), [("a", "09:00"), ("b", "10:00")], True),  # the end is included
        ((A, s.Step("b", within=HOUR)), [("a", "09:00"), ("b", "10:00:01")], False),
        ((A, s.Step("b", within=HOUR)), [("a", "08:00"), ("a", "09:30"), ("b", "10:00")], True),  # some choice
        ((A, s.Step("a", within=HOUR)), [("a", "09:00"), ("a", "09:30")], True),
        ((A, NOT_B, C), [("a", "09:00"), ("b", "09:30"), ("c", "10:00")], False),
        ((A, NOT_B, C), [("a", "09:00"), ("b", "09:00"), ("b", "10:00"), ("c", "10:00")], True),  # not between
        ((A, NOT_B, C), [("a", "09:00"), ("b", "09:30"), ("a", "09:40"), ("c", "10:00")], True),
        ((A, s.Step("b", negated=True, within=HOUR)), [("a", "11:00")], True),  # the hour has passed at 12:00
        ((A, s.Step("b", negated=True, within=HOUR)), [("a", "11:00:01")], False),  # not yet
        ((A, s.Step("b", negated=True, within=HOUR)), [("a", "10:00"), ("b", "11:00")], False),
        ((A, s.Step("b", negated=True, within=HOUR)), [("a", "10:00"), ("b", "11:00:01")], True),
        ((A, s.Step("b", negated=True, within=HOUR)), [("a", "10:00"), ("b", "10:00")], True),  # not after it
    ],
)
def test_a_sequence_is_some_choice_of_events(steps: tuple[s.Step, ...], events: list[Any], expected: bool) -> None:
    world = happened(*((name, f"03-31 {time}") for name, time in events))
    assert ann_is_in(s.Sequence(steps), world) is expected


def test_all_steps_of_a_sequence_lie_in_its_window() -> None:
    world = happened(("a", "03-29 12:00"), ("b", "03-31 11:00"))
    assert ann_is_in(s.Sequence((A, B), s.InLast(days(3))), world)
    assert not ann_is_in(s.Sequence((A, B), s.InLast(days(2))), world)


def people(values: dict[str, Any]) -> World:
    """One event `e` for each person, with the price x."""
    return World(events=tuple(Event(who, at("03-30 00:00"), "e", {"x": x}, who) for who, x in values.items()))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # Five have a number: k of 20% is 1, of 21% is 2; the tie at 5 takes both.
        (s.Top(20, measure(Function.MAX, "x")), "e"),
        (s.Top(40, measure(Function.MAX, "x")), "ecd"),  # k = 2: cut-off 5, reached by c, d too
        (s.Top(21, measure(Function.MAX, "x")), "ecd"),
        (s.Top(20, measure(Function.MAX, "x"), bottom=True), "a"),
        (s.Top(100, measure(Function.MAX, "x")), "abcde"),
        # Sums: f has 0, so that six have one; k of 20% is ceil(1.2) = 2.
        (s.Top(20, measure(Function.SUM, "x")), "cde"),
        # Cut-offs of the top 80, 60, 40, 20 % (k = 4, 3, 2, 1) are 2, 5, 5, 9.
        (equals(s.Quintile(measure(Function.MAX, "x")), 5), "e"),
        (equals(s.Quintile(measure(Function.MAX, "x")), 4), "cd"),
        (equals(s.Quintile(measure(Function.MAX, "x")), 2), "b"),
        (equals(s.Quintile(measure(Function.MAX, "x")), 1), "a"),
    ],
)
def test_top_and_quintile_are_relative_to_everybody_with_a_value(condition: Any, expected: str) -> None:
    world = people({"a": 1, "b": 2, "c": 5, "d": 5, "e": 9, "f": "n/a"})
    assert evaluate(s.Definition(condition), world, NOW) == set(expected)


@pytest.mark.parametrize(
    ("operator", "right", "value"),
    [("+", 2, 7), ("-", 2, 3), ("*", 2, 10), ("/", 2, 2.5), ("/", 0, MISSING)],
)
def test_arithmetic(operator: str, right: int, value: Any) -> None:
    operand = s.Arithmetic(s.Operator(operator), measure(Function.SUM, "x"), s.Number(right))
    assert ann_is_in(equals(operand, value), happened(("e", "03-30 00:00", {"x": 5})))
    missing = s.Arithmetic(s.Operator(operator), measure(Function.AVG, "y"), s.Number(right))
    assert ann_is_in(equals(missing, MISSING), happened(("e", "03-30 00:00", {"x": 5})))


def test_gap_compares_with_a_length() -> None:
    world = happened(("e", "03-01 00:00"), ("e", "03-31 00:00"))
    assert not ann_is_in(s.Compare(measure(Function.GAP), Comparator.GT, s.Duration(days(30))), world)
    # A month as a length is 30 days.
    assert ann_is_in(s.Compare(measure(Function.GAP), Comparator.GE, s.Duration(s.Span(1, Unit.MONTH))), world)


def test_a_trait_is_the_newest_told_by_then() -> None:
    world = told(("03-01 00:00", {"plan": "free", "age": 5}), ("03-20 00:00", {"plan": "pro"}))
    assert ann_is_in(equals(PLAN, "pro"), world)
    assert ann_is_in(equals(PLAN, "free"), world, at("03-19 23:59"))
    assert ann_is_in(equals(PLAN, MISSING), world, at("02-01 00:00"))
    assert ann_is_in(equals(s.Trait("age"), 5), world)


def test_a_trait_can_be_unset() -> None:
    world = told(
        ("03-01 00:00", {"plan": "pro", "address": {"city": "Oslo"}}), ("03-20 00:00", {}), unset=("plan", "address")
    )
    assert ann_is_in(equals(PLAN, MISSING), world)
    assert ann_is_in(equals(s.Trait("address.city"), MISSING), world)
    assert ann_is_in(equals(s.Trait("address.city"), "Oslo"), world, at("03-19 00:00"))
    assert ann_is_in(equals(PLAN, MISSING), told(("03-01 00:00", {"plan": "pro"}), ("03-02 00:00", {"plan": None})))


def test_the_greatest_of_two_values_told_at_one_instant_is_taken() -> None:
    world = told(("03-01 00:00", {"plan": "b"}), ("03-01 00:00", {"plan": "a"}))
    assert ann_is_in(equals(PLAN, "b"), world)
    mixed = told(("03-01 00:00", {"plan": "b"}), ("03-01 00:00", {"plan": 3}))
    # Each kind is looked at on its own: a comparison with a number looks at numbers, one with text at texts.
    assert ann_is_in(equals(PLAN, 3), mixed)
    assert ann_is_in(equals(PLAN, "b"), mixed)


def test_a_score_is_a_trait() -> None:
    world = told(("03-01 00:00", {"$score.churn": 0.75}))
    assert ann_is_in(s.Compare(s.Score("churn"), Comparator.GT, s.Number(0.7)), world)


def test_the_population_is_whoever_was_known_by_then() -> None:
    world = World(
        events=(Event("by event", at("03-10 00:00"), "e", {}, "1"), Event("later", at("04-10 00:00"), "e", {}, "2")),
        profile_changes=(TraitChange("by trait", at("03-11 00:00"), {"plan": "pro"}, (), "3"),),
    )
    assert population(world, Entity.PROFILE, NOW) == {"by event", "by trait"}
    assert evaluate(s.Definition(s.Not(did(None, "x"))), world, at("03-10 00:00")) == {"by event"}


ACCOUNTS = World(
    events=(
        Event("ann", at("03-01 00:00"), "e", {"x": 1}, "1"),  # before she was known to be at 12
        Event("bob", at("03-20 00:00"), "e", {"x": 2}, "2"),
        Event("cid", at("03-20 00:00"), "e", {"x": 4}, "3"),  # at no account
    ),
    profile_changes=(
        TraitChange("ann", at("03-10 00:00"), {"account_id": 12}, (), "4"),
        TraitChange("bob", at("03-10 00:00"), {"account_id": "12"}, (), "5"),
    ),
    account_changes=(
        TraitChange("12", at("03-05 00:00"), {"plan": "team"}, (), "6"),
        TraitChange("empty", at("03-05 00:00"), {"plan": "free"}, (), "7"),
    ),
)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (s.Definition(equals(s.Trait("plan", Entity.ACCOUNT), "team")), {"ann", "bob"}),
        (s.Definition(equals(s.Measure(Function.SUM, s.Selection("e"), "x", Entity.ACCOUNT), 3)), {"ann", "bob"}),
        (s.Definition(equals(s.Measure(Function.COUNT, s.Selection("e"), None, Entity.ACCOUNT), 0)), {"cid"}),
        (s.Definition(equals(measure(Function.COUNT), 2), Entity.ACCOUNT), {"12"}),
        (s.Definition(equals(measure(Function.COUNT), 0), Entity.ACCOUNT), {"empty"}),
        (s.Definition(equals(PLAN, "team"), Entity.ACCOUNT), {"12"}),
    ],
)
def test_accounts_gather_the_events_of_their_profiles(definition: s.Definition, expected: set[str]) -> None:
    assert evaluate(definition, ACCOUNTS, NOW) == expected


def test_membership_of_other_segments_and_its_history() -> None:
    world = World(
        events=(Event("ann", at("03-01 00:00"), "e", {}, "1"), Event("bob", at("03-01 00:00"), "f", {}, "2")),
        membership_changes=(
            MembershipChange("vip", "ann", at("03-02 00:00"), entered=True),
            MembershipChange("vip", "ann", at("03-30 00:00"), entered=False),
            MembershipChange("vip", "bob", at("03-29 00:00"), entered=True),
        ),
        static_segments=frozenset({"vip"}),
        definitions={"buyers": s.Definition(did(None))},
    )

    def members(condition: Any, now: dt.datetime = NOW) -> set[str]:
        return evaluate(s.Definition(condition), world, now)

    assert members(s.InSegment("vip")) == {"bob"}
    assert members(s.InSegment("vip"), at("03-29 00:00")) == {"ann", "bob"}
    assert members(s.InSegment("buyers")) == {"ann"}
    assert members(s.Crossed("vip", window=s.InLast(days(3)))) == {"bob"}
    assert members(s.Crossed("vip")) == {"ann", "bob"}
    assert members(s.Crossed("vip", left=True)) == {"ann"}


def test_and_or_not() -> None:
    world = people({"a": 1, "b": 2, "c": 3})
    more = [s.Compare(measure(Function.MAX, "x"), Comparator.GT, s.Number(limit)) for limit in (1, 2)]
    assert evaluate(s.Definition(s.And(tuple(more))), world, NOW) == {"c"}
    assert evaluate(s.Definition(s.Or(tuple(more))), world, NOW) == {"b", "c"}
    assert evaluate(s.Definition(s.Not(more[0])), world, NOW) == {"a"}


def test_a_condition_on_properties_chooses_events() -> None:
    where = s.Compare(
        s.Arithmetic(s.Operator.MULTIPLY, s.Property("price"), s.Property("n")), Comparator.GT, s.Number(5)
    )
    world = happened(
        ("e", "03-30 00:00", {"price": 2, "n": 3}),
        ("e", "03-30 01:00", {"price": 2, "n": 2}),
        ("e", "03-30 02:00", {"n": 9}),
    )
    assert ann_is_in(equals(measure(Function.COUNT, where=where), 1), world)
    assert ann_is_in(equals(measure(Function.COUNT, where=s.Not(where)), 2), world)  # `not` of a false comparison
