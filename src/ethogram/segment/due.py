"""Who is due within the next moments, kept beside the stored memberships so that a tick need not look through them.

Step of the path: segment. Reads memberships; writes nothing. It holds no fact of its own: what it knows is what is
stored, it is told of every row that a tick writes, and it forgets everything where others write (a run, the switch of a
fill) or a tick fails; then it looks again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from ethogram.segment.sql import micros
from ethogram.store.schema import INSTANT
from ethogram.store.warehouse import Warehouse

_AHEAD = dt.timedelta(seconds=30)  # how far one look through everybody reaches
_MOST = 20_000  # whom it brings at most: the earliest


class DueSoon:
    """The profiles and accounts whose membership must be looked at soon because of time alone."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._due: dict[int, int] = {}  # key -> instant, in microseconds: everybody who is due before `_until`
        self._until: int | None = None  # None: nothing is known

    def forget(self) -> None:
        """Looks at the stored rows again next time: others have written some."""
        self._until = None
        self._due = {}

    def note(self, rows: Iterable[tuple[int, int]]) -> None:
        """Takes over what a tick has stored: keys with the instants (microseconds) that they are due at."""
        if self._until is None:
            return
        for key, at in rows:
            if at < self._until:
                self._due[key] = at
            else:
                self._due.pop(key, None)

    def at(self, now: dt.datetime, most: int) -> list[int]:
        """The keys of those who are due, the earliest first."""
        reached = micros(now)
        found = self._until_now(reached)
        if not found and (self._until is None or self._until <= reached):
            self._look(now)
            found = self._until_now(reached)
        return found[:most]

    def _until_now(self, reached: int) -> list[int]:
        return [key for at, key in sorted((at, key) for key, at in self._due.items() if at <= reached)]

    def _look(self, now: dt.datetime) -> None:
        rows = self._warehouse.query(
            "SELECT key, toUnixTimestamp64Micro(due_at) AS due FROM memberships FINAL "
            f"WHERE due_at < {{until:{INSTANT}}} ORDER BY due_at LIMIT {_MOST}",
            {"until": now + _AHEAD},
        )
        self._due = {int(key): int(at) for key, at in rows}
        # Of those who are due later than the last one that was brought nothing is known.
        self._until = micros(now + _AHEAD) if len(rows) < _MOST else int(rows[-1][1])
