"""Quiet hours end when clocks on the wall say so, in every zone, whatever these do."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.decide.quiet_hours import ends, first_quiet, quiet_at, reason
from ethogram.model import public_holidays
from ethogram.model.eligibility import QuietHours

ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
MINUTE = dt.timedelta(minutes=1)
NIGHT = QuietHours("night", dt.time(22), dt.time(8))
WEEKEND = QuietHours("weekend", dt.time(), dt.time(), days=(5, 6))
HOLIDAYS = QuietHours("holidays", dt.time(), dt.time(), days=(), holidays=("SE",))
US = QuietHours("us", dt.time(), dt.time(), days=(), holidays=("US",))

times = st.builds(dt.time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
days = st.lists(st.integers(0, 6), min_size=1, unique=True).map(lambda found: tuple(sorted(found)))
regions = st.lists(st.sampled_from(["SE", "US-CA", "JP", "CN"]), max_size=2, unique=True).map(tuple)
rules = st.one_of(
    st.builds(QuietHours, st.just("q"), times, times, days),
    st.builds(QuietHours, st.just("q"), times, times, days, holidays=regions),
    st.builds(lambda some: QuietHours("q", dt.time(), dt.time(), (), holidays=(*some, "SE")), regions),
)
# As Sweden's law on public holidays (1989:253) names them, for 2026; Sundays that are nothing else are not told apart.
SWEDEN_2026 = {
    (1, 1), (1, 6), (4, 3), (4, 5), (4, 6), (5, 1), (5, 14), (5, 24), (6, 6), (6, 20), (10, 31), (12, 25), (12, 26),
}  # fmt: skip


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def is_quiet(some: list[QuietHours], moment: dt.datetime, zone: ZoneInfo) -> bool:
    """What quiet means, said another way: the minutes of the two days that may reach to this one."""
    wall = moment.astimezone(zone).replace(tzinfo=None)
    for rule in some:
        if any(wall.date() in public_holidays.of_year(region, wall.year) for region in rule.holidays):
            return True
        for day in (wall.date(), wall.date() - dt.timedelta(days=1)):
            start = dt.datetime.combine(day, rule.start)
            end = dt.datetime.combine(day, rule.end)
            end += dt.timedelta(days=rule.end <= rule.start)
            if day.weekday() in rule.days and start <= wall < end:
                return True
    return False


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        ("2026-01-10T23:00:00+00:00", "UTC", "2026-01-11T08:00:00+00:00"),
        ("2026-01-10T12:00:00+00:00", "UTC", "2026-01-10T12:00:00+00:00"),  # not quiet
        ("2026-01-10T22:00:00+00:00", "UTC", "2026-01-11T08:00:00+00:00"),  # the first quiet instant
        ("2026-01-11T08:00:00+00:00", "UTC", "2026-01-11T08:00:00+00:00"),  # the first after
        ("2026-03-28T22:30:00+00:00", "Europe/Stockholm", "2026-03-29T06:00:00+00:00"),  # an hour is skipped
        ("2026-10-24T22:30:00+00:00", "Europe/Stockholm", "2026-10-25T07:00:00+00:00"),  # an hour comes twice
        ("2026-07-01T08:30:00+00:00", "Pacific/Kiritimati", "2026-07-01T18:00:00+00:00"),  # UTC+14
        ("2026-07-01T11:00:00+00:00", "Etc/GMT+12", "2026-07-01T20:00:00+00:00"),  # UTC-12
        ("2026-07-01T16:15:00+00:00", "Asia/Kathmandu", "2026-07-02T02:15:00+00:00"),  # UTC+5:45
        ("2026-04-04T13:00:00+00:00", "Australia/Lord_Howe", "2026-04-04T21:30:00+00:00"),  # half an hour comes twice
    ],
)
def test_a_night_ends_at_eight_on_the_wall(moment: str, zone: str, expected: str) -> None:
    assert ends([NIGHT], at(moment), ZoneInfo(zone)) == at(expected)


def test_an_end_in_the_skipped_hour_is_the_instant_of_the_change() -> None:
    rule = QuietHours("q", dt.time(1), dt.time(2, 30))
    found = ends([rule], at("2026-03-29T00:30:00+00:00"), ZoneInfo("Europe/Stockholm"))
    assert found == at("2026-03-29T01:00:00+00:00")


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    rule, zone = QuietHours("q", dt.time(1), dt.time(1, 30)), ZoneInfo("America/New_York")
    assert ends([rule], at("2026-11-01T05:10:00+00:00"), zone) == at("2026-11-01T05:30:00+00:00")
    assert ends([rule], at("2026-11-01T06:10:00+00:00"), zone) == at("2026-11-01T06:30:00+00:00")


def test_days_are_those_on_which_the_hours_begin() -> None:
    friday = QuietHours("q", dt.time(22), dt.time(8), days=(4,))
    zone = ZoneInfo("UTC")
    assert ends([friday], at("2026-01-10T03:00:00+00:00"), zone) == at("2026-01-10T08:00:00+00:00")  # a Saturday
    assert ends([friday], at("2026-01-09T03:00:00+00:00"), zone) == at("2026-01-09T03:00:00+00:00")
    assert first_quiet([friday], at("2026-01-10T22:00:00+00:00"), zone) is None


def test_hours_that_touch_end_together_and_those_without_end_have_none() -> None:
    zone = ZoneInfo("UTC")
    weekend = QuietHours("weekend", dt.time(0), dt.time(0), days=(5, 6))
    assert ends([NIGHT, weekend], at("2026-01-09T23:00:00+00:00"), zone) == at("2026-01-12T08:00:00+00:00")
    assert ends([QuietHours("ever", dt.time(5), dt.time(5))], at("2026-01-09T23:00:00+00:00"), zone) is None


def test_holidays_are_those_of_the_law() -> None:
    assert set(public_holidays.of_year("SE", 2026)) == {dt.date(2026, *each) for each in SWEDEN_2026}
    # A day of one state, and of no other.
    assert dt.date(2026, 3, 31) in public_holidays.of_year("US-CA", 2026)  # Cesar Chavez Day
    assert dt.date(2026, 3, 31) not in public_holidays.of_year("US", 2026)


@pytest.mark.parametrize(
    ("some", "moment", "expected"),
    [
        ([HOLIDAYS], "2026-12-24T20:00:00+01:00", "2026-12-24T20:00:00+01:00"),  # Christmas Eve is none by law
        ([HOLIDAYS], "2026-12-25T00:00:00+01:00", "2026-12-27T00:00:00+01:00"),
        ([HOLIDAYS, NIGHT], "2026-12-24T22:30:00+01:00", "2026-12-27T08:00:00+01:00"),
        ([HOLIDAYS, WEEKEND], "2026-12-25T12:00:00+01:00", "2026-12-28T00:00:00+01:00"),
        ([HOLIDAYS, NIGHT, WEEKEND], "2026-04-02T23:00:00+02:00", "2026-04-07T08:00:00+02:00"),  # Easter
    ],
)
def test_holidays_join_nights_and_weekends(some: list[QuietHours], moment: str, expected: str) -> None:
    assert ends(some, at(moment), ZoneInfo("Europe/Stockholm")) == at(expected)


def test_holidays_on_all_that_hours_leave_free_do_not_last_for_ever() -> None:
    fridays_only = QuietHours("q", dt.time(), dt.time(), days=(0, 1, 2, 3, 5, 6), holidays=("SE",))
    # Both the 25th of December and the 1st of January are Fridays.
    found = ends([fridays_only], at("2026-12-19T12:00:00+01:00"), ZoneInfo("Europe/Stockholm"))
    assert found == at("2027-01-08T00:00:00+01:00")
    never = QuietHours("ever", dt.time(5), dt.time(5), holidays=("SE",))
    assert ends([never], at("2026-12-19T12:00:00+01:00"), ZoneInfo("Europe/Stockholm")) is None


def test_the_holiday_is_the_one_where_the_person_is() -> None:
    moment = at("2026-12-25T23:30:00+00:00")
    assert first_quiet([US], moment, ZoneInfo("America/Los_Angeles")) is US
    assert first_quiet([US], moment, ZoneInfo("Asia/Tokyo")) is None  # it is the 26th there
    assert reason(US, moment, ZoneInfo("America/Los_Angeles")) == "quiet hours `us`, Christmas Day"
    assert reason(NIGHT, moment, ZoneInfo("UTC")) == "quiet hours `night`, 22:00 to 08:00"


@settings(max_examples=300, deadline=None)  # holidays are loaded when they are first asked for
@given(
    st.lists(rules, min_size=1, max_size=3),
    st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2300, 1, 1), timezones=st.just(dt.UTC)),
    st.sampled_from(ZONES),
)
def test_the_end_is_the_first_instant_that_is_not_quiet(some: list[QuietHours], moment: dt.datetime, name: str) -> None:
    zone = ZoneInfo(name)
    found = ends(some, moment, zone)
    assert is_quiet(some, moment, zone) == (first_quiet(some, moment, zone) is not None)
    if found is None:
        assert all(is_quiet(some, moment + hours * dt.timedelta(hours=1), zone) for hours in range(24 * 14))
        return
    assert not is_quiet(some, found, zone)
    steps = int((found - moment) / MINUTE)
    stride = max(steps // 300, 1)
    assert all(is_quiet(some, moment + step * MINUTE, zone) for step in range(0, steps, stride))
    if found > moment:
        assert is_quiet(some, found - dt.timedelta(microseconds=1), zone)


@settings(deadline=None)
@given(rules, st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1)))
def test_an_end_on_the_wall_is_at_most_a_day_away(rule: QuietHours, wall: dt.datetime) -> None:
    end = quiet_at(rule, wall)
    assert end is None or dt.timedelta(0) < end - wall <= dt.timedelta(days=1)
