"""When a sync is due: on each change, every so often, or at the times of a cron line.

Step of the path: deliver. Pure.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import assert_never
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_EVERY = re.compile(r"(\d{1,4}) (minute|hour|day)s?")
_LENGTHS = {"minute": dt.timedelta(minutes=1), "hour": dt.timedelta(hours=1), "day": dt.timedelta(days=1)}
_LONGEST = dt.timedelta(days=31)


@dataclass(frozen=True, slots=True)
class OnChange:
    """Whenever somebody entered or left."""

    def __str__(self) -> str:
        return "on change"


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, so long after the time before."""

    length: dt.timedelta

    def __str__(self) -> str:
        for unit, length in reversed(_LENGTHS.items()):
            if not self.length % length:
                count = self.length // length
                return f"every {count} {unit}{'s' if count > 1 else ''}"
        raise AssertionError(self.length)


@dataclass(frozen=True, slots=True)
class Cron:
    """At the times of a cron line, on the clocks of the workspace's zone."""

    line: str

    def __str__(self) -> str:
        return f"cron {self.line}"


Schedule = OnChange | Every | Cron


def read(text: str) -> Schedule:
    """The schedule in a text.

    >>> str(read("every 60 minutes"))
    'every 1 hour'

    Raises:
        ValueError: it is none; the message says what would be.
    """
    words = " ".join(text.split())
    if words == "on change":
        return OnChange()
    if words.startswith("cron "):
        try:
            next(CronSim(words[5:], dt.datetime(2026, 1, 1, tzinfo=dt.UTC)))
        except CronSimError as error:
            raise ValueError(f"`{words[5:]}` is no cron line: {error}") from None
        except StopIteration:
            raise ValueError(f"`{words[5:]}` never comes") from None
        return Cron(words[5:])
    match = _EVERY.fullmatch(words.removeprefix("every "))
    length = int(match[1]) * _LENGTHS[match[2]] if match else dt.timedelta()
    if not dt.timedelta() < length <= _LONGEST:
        raise ValueError(
            f"`{text}` is no schedule: `on change`, `every 15 minutes`, `every 6 hours`, or `cron 0 6 * * *`"
        )
    return Every(length)


def next_at(schedule: Schedule, now: dt.datetime, zone: ZoneInfo) -> dt.datetime | None:
    """The first instant after `now` at which it is due; None: whenever something changes."""
    match schedule:
        case OnChange():
            return None
        case Every(length):
            return now + length
        case Cron(line):
            return next(CronSim(line, now.astimezone(zone))).astimezone(dt.UTC)
        case _:
            assert_never(schedule)
