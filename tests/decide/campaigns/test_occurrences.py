"""A campaign is due once at each of its times, whatever the clocks do."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.decide.campaigns.occurrences import (
    Occurrence,
    check_cron,
    instant_of,
    next_occurrence,
    occurrences,
)
from ethogram.model.campaign import OnCall, Once, OnceLocal, Recurring, When

STOCKHOLM = ZoneInfo("Europe/Stockholm")
DAY = dt.timedelta(days=1)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def due(when: When, started: str, until: str, after: str | None = None, zone: ZoneInfo = STOCKHOLM) -> list[Occurrence]:
    since = None if after is None else at(after)
    return list(occurrences(when, started_at=at(started), after=since, until=at(until), zone=zone))


def test_once_is_due_at_its_instant_or_at_the_start_if_that_is_later() -> None:
    assert due(Once(), "2026-01-05", "2026-01-06") == [Occurrence("once", at("2026-01-05"))]
    assert due(Once(at("2026-01-07")), "2026-01-05", "2026-01-06") == []
    assert due(Once(at("2026-01-01")), "2026-01-05", "2026-01-06") == [Occurrence("once", at("2026-01-05"))]
    assert due(Once(), "2026-01-05", "2026-01-06", after="2026-01-05") == []


def test_a_local_time_is_due_where_the_day_begins_first() -> None:
    found = due(OnceLocal(dt.date(2026, 3, 1), dt.time(9)), "2026-02-01", "2026-03-02")
    assert found == [Occurrence("2026-03-01T09:00", at("2026-02-28T19:00"), dt.datetime(2026, 3, 1, 9))]


@pytest.mark.parametrize(
    ("month", "instants"),
    [
        (3, ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]),  # 02:30 does not exist on the 29th
        (10, ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]),  # and is there twice on the 25th
    ],
)
def test_a_daily_campaign_comes_once_a_day_over_changes_of_summer_time(month: int, instants: list[str]) -> None:
    start = at(instants[0]) - dt.timedelta(hours=1)
    found = due(Recurring("30 2 * * *"), start.replace(tzinfo=None).isoformat(), instants[-1])
    assert [each.due_at for each in found] == list(map(at, instants))


def test_recurring_ends_and_goes_on_where_it_was() -> None:
    daily = Recurring("0 8 * * *", until=at("2026-01-08"))
    utc = ZoneInfo("UTC")
    whole = due(daily, "2026-01-05", "2026-02-01", zone=utc)
    assert [each.due_at.day for each in whole] == [5, 6, 7]
    pieces = due(daily, "2026-01-05", "2026-01-06T09:00", zone=utc)
    pieces += due(daily, "2026-01-05", "2026-02-01", after="2026-01-06T09:00", zone=utc)
    assert pieces == whole


def test_the_next_one_is_found() -> None:
    utc = ZoneInfo("UTC")
    found = next_occurrence(Recurring("0 8 * * MON"), started_at=at("2026-01-01"), now=at("2026-01-05T08:00"), zone=utc)
    assert found is not None
    assert found.due_at == at("2026-01-12T08:00")
    assert next_occurrence(OnCall(), started_at=at("2026-01-01"), now=at("2026-01-05"), zone=utc) is None


@pytest.mark.parametrize("line", ["0 9 * *", "61 * * * *", "0 0 31 2 *", "soon"])
def test_what_is_no_cron_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"no cron line|never comes"):
        check_cron(line)


@given(
    st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2037, 12, 31)).map(
        lambda wall: wall.replace(second=0, microsecond=0)
    ),
    st.sampled_from(sorted(zoneinfo.available_timezones() - {"localtime"})).map(ZoneInfo),
)
def test_a_local_time_is_one_instant_in_every_zone(wall: dt.datetime, zone: ZoneInfo) -> None:
    found = instant_of(wall, zone)
    shown = found.astimezone(zone).replace(tzinfo=None)
    assert shown >= wall
    if shown == wall:  # the first time that the clocks show it
        assert found == wall.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    else:  # the first instant after a gap: a second before, clocks showed a time before the wall
        assert (found - dt.timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) < wall
