"""When a campaign is due, and when each person's local time comes.

Step of the path: decide. Pure. A local time that a change to summer time skips is the first instant after the gap; one
that comes twice is meant the first time. So each occurrence is sent once, whatever the clocks do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from ethogram.model.campaign import OnCall, Once, OnceLocal, OnEvent, OnItem, Recurring, When

# The zone where a day begins first: UTC+14.
_EARLIEST = dt.timezone(dt.timedelta(hours=14))


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a campaign is sent.

    Attributes:
        key: tells it apart from the campaign's other ones, for ever.
        due_at: when it is decided about.
        wall: the local time that each person waits for; None is the same instant for everybody.
    """

    key: str
    due_at: dt.datetime
    wall: dt.datetime | None = None


def check_cron(line: str) -> None:
    """Raises ValueError for what is no cron line, or never comes."""
    try:
        next(CronSim(line, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)))
    except CronSimError as error:
        raise ValueError(f"is no cron line: {error}") from None
    except StopIteration:
        raise ValueError("never comes") from None


def occurrences(
    when: When, *, started_at: dt.datetime, after: dt.datetime | None, until: dt.datetime, zone: ZoneInfo
) -> Iterator[Occurrence]:
    """The occurrences that are due after an instant and not after another one, in order.

    Args:
        started_at: since when the campaign may send.
        after: None is before the first one.
    """
    for occurrence in _all(when, started_at, after or started_at, zone):
        if occurrence.due_at > until:
            return
        if after is None or occurrence.due_at > after:
            yield occurrence


def next_occurrence(when: When, *, started_at: dt.datetime, now: dt.datetime, zone: ZoneInfo) -> Occurrence | None:
    """The first occurrence after now, if there is one."""
    later = (each for each in _all(when, started_at, now, zone) if each.due_at > now)
    return next(later, None)


def _all(when: When, started_at: dt.datetime, since: dt.datetime, zone: ZoneInfo) -> Iterator[Occurrence]:
    match when:
        case Once(at):
            yield Occurrence("once", max(started_at, at or started_at))
        case OnceLocal(date, time):
            wall = dt.datetime.combine(date, time)
            yield Occurrence(wall.isoformat("T", "minutes"), max(started_at, _earliest(wall)), wall)
        case Recurring(cron, until, local):
            for each in _local(cron, since) if local else _fixed(cron, since, zone):
                if until is not None and each.due_at > until:
                    return
                if each.due_at >= started_at:
                    yield each
        case OnEvent() | OnItem() | OnCall():
            return
        case _:
            assert_never(when)


def _fixed(cron: str, since: dt.datetime, zone: ZoneInfo) -> Iterator[Occurrence]:
    for local in CronSim(cron, (since - dt.timedelta(minutes=1)).astimezone(zone)):
        at = local.astimezone(dt.UTC)
        yield Occurrence(at.isoformat(), at)


def _local(cron: str, since: dt.datetime) -> Iterator[Occurrence]:
    for wall in CronSim(cron, (since - dt.timedelta(minutes=1)).astimezone(_EARLIEST).replace(tzinfo=None)):
        yield Occurrence(wall.isoformat("T", "minutes"), _earliest(wall), wall)


def _earliest(wall: dt.datetime) -> dt.datetime:
    return wall.replace(tzinfo=_EARLIEST).astimezone(dt.UTC)


def instant_of(wall: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The instant at which clocks of a zone show a local time for the first time, or have just passed over it.

    >>> instant_of(dt.datetime(2026, 3, 29, 2, 30), ZoneInfo("Europe/Stockholm")).isoformat()  # there is no 02:30
    '2026-03-29T01:00:00+00:00'
    """
    at = wall.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    shown = at.astimezone(zone).replace(tzinfo=None)
    if shown == wall:
        return at
    # The time does not exist: fold 1 reads it with the offset after the gap, fold 0 with the one before it. The gap is
    # where the clocks jump, between the two instants.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(dt.UTC), at
    before = low.astimezone(zone).utcoffset()
    while high - low > dt.timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle in (low, high):
            break
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
