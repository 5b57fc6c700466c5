"""What an attempt to deliver came to, and when the next one is.

Step of the path: deliver. Pure: knows no network and no ledger, so that every channel can judge by it. The schedule is
that of Standard Webhooks: ten attempts over more than three days.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_WAITS = tuple(
    dt.timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
MOST_ATTEMPTS = len(_WAITS) + 1
_JITTER = 0.2  # a wait is up to so much longer, so that what failed together does not come again together
_LONGEST_ASKED = dt.timedelta(days=1)  # of what `Retry-After` may ask for
_BUSY = frozenset({429, 502, 503, 504})
# An endpoint that fails again and again is asked by one delivery at a time, at most so rarely.
_PATIENT = 3
_SHORTEST_HOLD, _LONGEST_HOLD = dt.timedelta(seconds=5), dt.timedelta(minutes=10)
GIVES_UP_AFTER = dt.timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""

    status: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The receiver does not have it, or did not say so.

    Attributes:
        status: that it answered; None where there was no answer.
        endpoint: the endpoint is in trouble, and not this one delivery.
        wait: how long it asked us to wait.
    """

    reason: str
    status: int | None = None
    endpoint: bool = False
    busy: bool = False
    wait: dt.timedelta | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The receiver wants nothing more (410)."""

    status: int = 410
    reason: str = "the receiver answered 410: it wants nothing more"


Outcome = Delivered | Failed | Gone


def judged(status: int, headers: Mapping[str, str], text: str, now: dt.datetime) -> Outcome:
    """What an answer means.

    Args:
        headers: with names in any letter case, as the client library gives them.
        text: how the answer's body began.
    """
    if 200 <= status < 300:
        return Delivered(status)
    if status == 410:
        return Gone()
    if 300 <= status < 400:
        return Failed(f"it answered {status}; redirects are not followed", status)
    told = f"it answered {status}" + (f": {text}" if text else "")
    busy = status in _BUSY
    wait = asked_wait(headers.get("Retry-After", ""), now) if busy else None
    return Failed(told, status, endpoint=busy or status >= 500, busy=busy, wait=wait)


def asked_wait(text: str, now: dt.datetime) -> dt.timedelta | None:
    """How long a `Retry-After` asks to wait, in seconds or as a date, a day at most; None when it says nothing.

    >>> asked_wait("120", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    datetime.timedelta(seconds=120)
    """
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return min(dt.timedelta(seconds=int(text[:9])), _LONGEST_ASKED)
    try:
        at: dt.datetime = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    wait = (at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)) - now
    return min(max(wait, dt.timedelta()), _LONGEST_ASKED)


def next_wait(id: str, attempts: int, asked: dt.timedelta | None = None) -> dt.timedelta | None:
    """How long after a failed attempt the next one is; None after the last.

    Args:
        attempts: how many there were, with this one.
        asked: how long the receiver asked to wait.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    wait = _WAITS[attempts - 1]
    return max(wait + wait * (_JITTER * share(f"{id} {attempts}")), asked or dt.timedelta())


def hold(endpoint: int, failures: int, outcome: Failed) -> dt.timedelta | None:
    """How long an endpoint is left alone after a failure of its own; None when others may go on.

    Args:
        failures: in a row, with this one.
    """
    if not outcome.busy and failures < _PATIENT:
        return None
    wait = min(_SHORTEST_HOLD * (1 << min(failures - 1, 10)), _LONGEST_HOLD)
    return max(wait + wait * (_JITTER * share(f"{endpoint} {failures}")), outcome.wait or dt.timedelta())


def share(text: str) -> float:
    """A number from 0 to 1 that looks drawn, and is the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
