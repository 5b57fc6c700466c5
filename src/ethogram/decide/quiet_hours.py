"""Quiet hours: whether clocks where a person is show one, and when none of them do any more.

Step of the path: decide. Pure. An instant is quiet if the wall clock then shows a quiet time, or the calendar beside it
a public holiday. So an hour that comes twice in autumn is quiet twice, one that is skipped in spring is never, and
where clocks jump out of quiet hours, these have ended.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ethogram.model import public_holidays
from ethogram.model.eligibility import QuietHours

_DAY = dt.timedelta(days=1)
_SECOND = dt.timedelta(seconds=1)
# Hours that follow each other for longer than that never end.
_PATIENCE = dt.timedelta(days=15)
# Holidays may fall on what little of each week the hours leave free, and in the weeks after it again.
_PATIENCE_WITH_HOLIDAYS = dt.timedelta(days=366)


def quiet_at(rule: QuietHours, wall: dt.datetime) -> dt.datetime | None:
    """When on the wall quiet hours end that a wall time lies in, or the holiday; None where it lies in none."""
    if rule.holidays and holiday(rule, wall.date()) is not None:
        return dt.datetime.combine(wall.date() + _DAY, dt.time())
    time, today = wall.time(), wall.date()
    if rule.start < rule.end:
        inside = rule.start <= time < rule.end and today.weekday() in rule.days
        return dt.datetime.combine(today, rule.end) if inside else None
    if time >= rule.start and today.weekday() in rule.days:
        return dt.datetime.combine(today + _DAY, rule.end)
    if time < rule.end and (today - _DAY).weekday() in rule.days:
        return dt.datetime.combine(today, rule.end)
    return None


def holiday(rule: QuietHours, day: dt.date) -> str | None:
    """The name of the public holiday that a day is by a rule; None where it is none."""
    return next(
        (name for region in rule.holidays if (name := public_holidays.of_year(region, day.year).get(day))), None
    )


@functools.lru_cache(maxsize=1024)  # a campaign asks the same for everybody of a zone
def _wall(at: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def first_quiet(rules: Sequence[QuietHours], at: dt.datetime, zone: ZoneInfo) -> QuietHours | None:
    """The first of some quiet hours that an instant lies in."""
    wall = _wall(at, zone)
    return next((rule for rule in rules if quiet_at(rule, wall) is not None), None)


def reason(rule: QuietHours, at: dt.datetime, zone: ZoneInfo) -> str:
    """Why an instant is quiet by a rule."""
    name = holiday(rule, _wall(at, zone).date())
    return f"quiet hours `{rule.name}`, " + (name if name is not None else f"{rule.start:%H:%M} to {rule.end:%H:%M}")


def ends(rules: Sequence[QuietHours], at: dt.datetime, zone: ZoneInfo) -> dt.datetime | None:
    """The first instant, not before a given one, that is in none of the quiet hours; None where they never end.

    >>> night = QuietHours("night", dt.time(22), dt.time(8))
    >>> at = dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)  # the night in which an hour is skipped
    >>> ends([night], at, ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29T06:00:00+00:00'
    """
    found = _first_free(rules, at, zone, _PATIENCE)
    if found is not None or not any(rule.holidays for rule in rules):
        return found
    hours = [dataclasses.replace(rule, holidays=()) for rule in rules]
    if _first_free(hours, at, zone, _PATIENCE) is None:
        return None
    return _first_free(rules, at, zone, _PATIENCE_WITH_HOLIDAYS)


def _first_free(
    rules: Sequence[QuietHours], at: dt.datetime, zone: ZoneInfo, patience: dt.timedelta
) -> dt.datetime | None:
    moment = at
    while moment - at <= patience:
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None)
        quiet_until = max((end for rule in rules if (end := quiet_at(rule, wall)) is not None), default=None)
        if quiet_until is None:
            return moment
        # Up to there clocks go on as they do now, or they change before: then one looks again at that instant.
        reached = moment + (quiet_until - wall)
        moment = change(moment, reached, zone) or reached
    return None


def change(after: dt.datetime, until: dt.datetime, zone: ZoneInfo) -> dt.datetime | None:
    """The instant, after one and not after another, at which a zone's clocks change; None where they do not.

    Instants are in UTC. Two changes that undo each other between the two are not seen.
    """
    before = _offset(after, zone)
    if _offset(until, zone) == before:
        return None
    low = after.replace(microsecond=0)
    high = until if until.microsecond == 0 else until.replace(microsecond=0) + _SECOND
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return min(high, until)


def _offset(at: dt.datetime, zone: ZoneInfo) -> dt.timedelta | None:
    return at.astimezone(zone).utcoffset()
