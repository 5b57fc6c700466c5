"""The only module that reads the time. Everything else takes `now`."""

from __future__ import annotations

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant, aware and in UTC."""

    def now(self) -> dt.datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        """The present instant, in UTC."""
        return dt.datetime.now(dt.UTC)


class ManualClock:
    """A clock that moves when told to, for tests and for users' tests."""

    def __init__(self, at: dt.datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware instant; add tzinfo=datetime.UTC")
        self._at = at.astimezone(dt.UTC)

    def now(self) -> dt.datetime:
        """The instant that the clock was set to, in UTC."""
        return self._at

    def advance(self, by: dt.timedelta) -> None:
        """Moves the clock by `by`; a negative length moves it back."""
        self._at += by
