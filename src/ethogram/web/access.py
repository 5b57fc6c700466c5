"""Access: which key a request carries, and whether it may do what it asks for.

Reads the keys of the ledger, at most every few seconds, and notes when they were used. Keys come in the header
`Authorization`, as Basic or Bearer, and never in the address, where logs would keep them. Sending events has its own
way (`ingest.py`), since browsers send keys in bodies.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethogram.collecting import Key, Scope
from ethogram.errors import EthogramError
from ethogram.web.ingest import key_in

if TYPE_CHECKING:
    from ethogram.clock import Clock
    from ethogram.collecting import Keys

_FRESH = dt.timedelta(seconds=5)  # a revoked key is good for nothing after this
_UNKNOWN = dt.timedelta(seconds=1)  # between looks for one that is not known
_NOTED = dt.timedelta(minutes=1)
CHALLENGE = (b"www-authenticate", b'Bearer realm="ethogram"')


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a request may not do what it asks for."""

    status: int
    code: str
    message: str


class Access:
    """The keys of a workspace as one process knows them; used from the event loop only.

    Args:
        keys: reads the ledger, in other threads.
    """

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._known: dict[str, Key] = {}
        self._read_at: dt.datetime | None = None
        self._noted_at = clock.now()
        self._used: dict[int, dt.datetime] = {}
        self._reading: asyncio.Task[bool] | None = None

    async def denied(self, authorization: bytes, wanted: Scope) -> Denied | None:
        """Why a request with that header may not; None for one that may."""
        value = key_in(authorization)
        if not value:
            return Denied(
                401, "missing_key", "no key: send one as `Authorization: Bearer KEY`, or as the user of Basic"
            )
        digest = self._keys.digest(value)
        if self._is_stale(digest):
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
            if digest not in self._known and not await asyncio.shield(self._reading) and digest not in self._known:
                return Denied(503, "unavailable", "the keys cannot be read now; ask again later")
        key = self._known.get(digest)
        if key is None or key.revoked_at is not None:
            return Denied(401, "unknown_key", "this key is unknown or revoked")
        if not key.allows(wanted):
            return Denied(
                403, "wrong_scope", f"a key of scope `{key.scope.value}` may not do this; it takes `{wanted.value}`"
            )
        self._used[key.id] = self._clock.now()
        return None

    def _is_stale(self, digest: str) -> bool:
        fresh = _FRESH if digest in self._known else _UNKNOWN
        return self._read_at is None or not dt.timedelta() <= self._clock.now() - self._read_at < fresh

    async def _read(self) -> bool:
        """Reads the keys anew; False when the ledger does not answer, and the ones known stay good."""
        now = self._clock.now()
        used: dict[int, dt.datetime] = {}
        if now - self._noted_at >= _NOTED:
            used, self._used, self._noted_at = self._used, {}, now
        try:
            self._known = {key.hash: key for key in await asyncio.to_thread(self._keys.listed)}
        except EthogramError:
            return False
        self._read_at = now
        if used:
            with contextlib.suppress(EthogramError):  # what is only for information is no reason to refuse
                await asyncio.to_thread(self._keys.note_used, used)
        return True
