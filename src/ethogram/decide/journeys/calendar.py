"""When a delay ends, and when a date lets people in, where the person is.

Step of the path: decide. Pure. Lengths are of real time, whatever the clocks do: two days are 48 hours. Times of day
are the person's: one that a change to summer time skips is the first instant after the gap, one that comes twice is
meant the first time. So whatever waits, waits once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from ethogram.decide.campaigns.occurrences import instant_of
from ethogram.model.journey.parts import DateEntry, Delay, UntilDate

_DAY = dt.timedelta(days=1)


def delay_end(step: Delay, since: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The instant at which a delay without a date ends.

    >>> step = Delay("a", None, at=dt.time(9), weekdays=(0,))
    >>> delay_end(step, dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC), ZoneInfo("Europe/Stockholm")).isoformat()
    '2026-03-09T08:00:00+00:00'
    """
    end = since + step.length
    if step.at is None and not step.weekdays:
        return end
    local = end.astimezone(zone)
    if step.at is None and local.weekday() in step.weekdays:
        return end
    day = local.date()
    while True:
        if not step.weekdays or day.weekday() in step.weekdays:
            # Without a time of day, a weekday begins where it begins.
            found = instant_of(dt.datetime.combine(day, step.at or dt.time()), zone)
            if found >= end:
                return found
        day += _DAY


def date_end(until: UntilDate, value: object, zone: ZoneInfo) -> dt.datetime | None:
    """The instant that a date stands for; None where there is none."""
    found = moment(value, zone)
    if found is None:
        return None
    day, instant = found
    try:
        if instant is not None and until.at is None:
            return instant + until.shift
        at = until.at or dt.time()
        return instant_of(dt.datetime.combine(day, at) + until.shift, zone)
    except OverflowError:
        return None


def moment(value: object, zone: ZoneInfo) -> tuple[dt.date, dt.datetime | None] | None:
    """A value as the day that it is where the person is, and the instant if it says one; None where it is no date."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):  # seconds since 1970, as events have them
        try:
            instant = dt.datetime.fromtimestamp(value, dt.UTC)
        except (OverflowError, ValueError, OSError):
            return None
        return instant.astimezone(zone).date(), instant
    try:
        read = dt.datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    if len(str(value).strip()) <= 10:
        return read.date(), None
    instant = instant_of(read, zone) if read.tzinfo is None else read.astimezone(dt.UTC)
    return instant.astimezone(zone).date(), instant


def entries(
    entry: DateEntry, traits: Mapping[str, Any], zone: ZoneInfo, after: dt.datetime, until: dt.datetime
) -> Iterator[tuple[str, dt.datetime]]:
    """The instants, after one and not after another, at which a date in a trait lets somebody in, each with its day.

    The day tells the entry apart from others for ever: it is that of the trait, in its year.
    """
    found = moment(traits.get(entry.trait), zone)
    if found is None:
        return
    day = found[0]
    if entry.yearly:
        first, last = (after - entry.shift).year - 1, (until - entry.shift).year + 1
        days = [each for year in range(first, last + 1) if (each := _in_year(day, year)) >= day]
    else:
        days = [day]
    for each in days:
        try:
            at = instant_of(dt.datetime.combine(each, entry.at) + entry.shift, zone)
        except OverflowError:
            continue
        if after < at <= until:
            yield each.isoformat(), at


def _in_year(day: dt.date, year: int) -> dt.date:
    """The day in another year; a leap day is the first of March where there is none."""
    try:
        return day.replace(year=year)
    except ValueError:
        return dt.date(year, 3, 1)
