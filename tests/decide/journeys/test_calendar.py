"""Delays end once, at the right local time, whatever the clocks do."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from decide.journeys.world import World
from ethogram.decide.journeys.calendar import date_end, delay_end, entries, moment
from ethogram.model.journey.parts import DateEntry, Delay, UntilDate
from ethogram.model.journey.runs import RunState

STOCKHOLM, NEW_YORK = ZoneInfo("Europe/Stockholm"), ZoneInfo("America/New_York")


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text + "+00:00")


@pytest.mark.parametrize(
    ("zone", "since", "at", "end"),
    [
        (STOCKHOLM, "2026-03-28T12:00", dt.time(2, 30), "2026-03-29T01:00"),  # skipped: the first instant after
        (NEW_YORK, "2026-03-07T12:00", dt.time(2, 30), "2026-03-08T07:00"),
        (NEW_YORK, "2026-10-31T12:00", dt.time(1, 30), "2026-11-01T05:30"),  # twice: the first one
        (STOCKHOLM, "2026-10-24T12:00", dt.time(2, 30), "2026-10-25T00:30"),
        (STOCKHOLM, "2026-10-25T00:31", dt.time(2, 30), "2026-10-26T01:30"),  # and not the second
        (ZoneInfo("Australia/Lord_Howe"), "2026-07-01T00:00", dt.time(9), "2026-07-01T22:30"),
        (ZoneInfo("Pacific/Kiritimati"), "2026-07-01T00:00", dt.time(9), "2026-07-01T19:00"),
    ],
)
def test_a_local_time_comes_once(zone: ZoneInfo, since: str, at: dt.time, end: str) -> None:
    assert delay_end(Delay("d", None, at=at), utc(since), zone) == utc(end)


def test_lengths_are_of_real_time_over_a_change_of_the_clocks() -> None:
    step = Delay("d", None, length=dt.timedelta(days=1))
    assert delay_end(step, utc("2026-10-24T22:00"), STOCKHOLM) == utc("2026-10-25T22:00")


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("2026-05-10", "2026-05-07T07:00"),
        ("2026-05-10T23:30:00Z", "2026-05-08T07:00"),  # the eleventh, there
        (1778368200, "2026-05-07T07:00"),
        ("soon", None),
        (None, None),
        (True, None),
        ("9999-12-31", "9999-12-28T08:00"),
    ],
)
def test_dates_are_read_where_the_person_is(value: object, end: str | None) -> None:
    until = UntilDate("trait", "x", -dt.timedelta(days=3), dt.time(9))
    assert date_end(until, value, STOCKHOLM) == (None if end is None else utc(end))


def test_an_instant_is_taken_as_it_is() -> None:
    until = UntilDate("trigger", "x", -dt.timedelta(hours=2))
    assert date_end(until, "2026-05-10T12:00:00+02:00", NEW_YORK) == utc("2026-05-10T08:00")
    assert moment("2026-05-10T12:00:00", STOCKHOLM) == (dt.date(2026, 5, 10), utc("2026-05-10T10:00"))


def test_every_year_has_each_birthday_once() -> None:
    entry = DateEntry("born", yearly=True)
    for born, days in (("2000-02-29", {(2, 29), (3, 1)}), ("1999-12-31", {(12, 31)}), ("2000-01-01", {(1, 1)})):
        found = []
        at = utc("2000-01-02T00:00")
        while at.year < 2400:  # windows of odd lengths, without a gap
            following = at + dt.timedelta(days=97, hours=5)
            found += list(entries(entry, {"born": born}, STOCKHOLM, at, following))
            at = following
        years = [int(key[:4]) for key, _ in found]
        assert years == sorted(set(years))
        assert len(years) in (399, 400)
        assert {(int(key[5:7]), int(key[8:])) for key, _ in found} == days


def test_thirty_days_pass_once_and_on_time_across_a_change_of_zone(world: World) -> None:
    world.set("ann", timezone="Pacific/Auckland")
    steps = [
        {"name": "month", "delay": {"length": "30 days", "until": "09:00"}},
        {"name": "say", "message": {"channel": "email", "template": "say"}},
    ]
    world.save("later", {"entry": {"event": "Came"}, "steps": steps})
    world.did("ann", "Came")
    world.most = dt.timedelta(days=5)
    world.wait(dt.timedelta(days=10))
    world.set("ann", timezone="Pacific/Pago_Pago")
    world.wait(dt.timedelta(days=30))
    assert world.messages() == [("04-01 20:00", "ann", "say")]
    assert world.run("later").state is RunState.DONE
