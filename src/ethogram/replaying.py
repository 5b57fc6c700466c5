"""Composition for playing a history to a server, over HTTP, at the pace of its timestamps.

Reads files through `collect`, sends batches of the Segment tracking spec and waits for each answer. Writes nothing but
a key of its own, where it is given a workspace instead of a key. A call has the same id every time, so a history that
was stopped and is played again is told once.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import http.client
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ethogram.clock import Clock, SystemClock
from ethogram.collect.history import Call, History, read_history
from ethogram.collect.mapping import MappingGuess, guess_mapping
from ethogram.collecting import Keys
from ethogram.errors import SettingError, UserError

__all__ = [
    "Answered", "History", "MappingGuess", "Played", "Player", "Stamps", "Target", "guess_mapping", "read_history",
    "temporary_key",
]  # fmt: skip

_MOST = 100  # calls a request
_BYTES = 400_000  # below what a server takes by default
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds before trying again
_NEW_KEY = 3.0  # seconds until every server knows a key that was added now
_TELL = 0.25  # seconds between reports while nothing is due


class Stamps(StrEnum):
    """When a call says that it happened."""

    SENT = "sent"  # when it is sent: the history is squeezed as it is played faster
    SHIFTED = "shifted"  # all moved by the same length, so that the last one is at the start of playing
    KEPT = "kept"  # as in the file


@dataclass(frozen=True, slots=True)
class Target:
    """Where a history is played to.

    Args:
        url: a server's address.
        key: one of scope write.
        fresh: it was added a moment ago, so that servers may not know it yet.

    Raises:
        SettingError: that is no address of a server.
    """

    url: str
    key: str
    fresh: bool = False

    def __post_init__(self) -> None:
        found = urlsplit(self.url)
        if found.scheme not in ("http", "https") or not found.hostname:
            raise SettingError(f"`{self.url}` is no server's address", hint="Give one such as `http://127.0.0.1:8000`.")


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that the server has taken, for whoever measures.

    Attributes:
        profile_ids: of its calls, in their order.
        at: of `time.monotonic`, when the answer came.
    """

    profile_ids: tuple[str, ...]
    at: float


@dataclass(slots=True)
class Played:
    """How far the playing is, and at its end what came of it.

    Attributes:
        sent: calls in requests that were answered.
        acknowledged: of these, those that are on the server's disk, repetitions included.
        repeated: of these, those that were there already.
        rejected: code → how many.
        reasons: code → the first message with it.
        refused: how often the server asked to come back later.
        broken: how often it did not answer.
        position: the instant in the history.
        lag: how much later than due the last request was sent, in seconds.
        worst_lag: the longest that this was.
    """

    calls: int
    sent: int = 0
    acknowledged: int = 0
    repeated: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    broken: int = 0
    position: dt.datetime = _EPOCH
    lag: float = 0.0
    worst_lag: float = 0.0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return self.acknowledged / self.seconds if self.seconds else 0.0


@contextlib.contextmanager
def temporary_key(path: Path) -> Iterator[str]:
    """A key of scope write for a workspace, revoked at the end."""
    with Keys(path) as keys:
        key, value = keys.add("write", label="replay")
        try:
            yield value
        finally:
            keys.revoke(key.id)


class Player:
    """Plays one history to one server.

    Args:
        speed: how many times faster than it happened; infinite is as fast as the server acknowledges.
        started_at: the instant at which the history begins; in the past, what is behind is caught up with at once.
        report: called now and then with how far it is.
        answered: called with every request that was taken.
    """

    def __init__(
        self,
        history: History,
        target: Target,
        *,
        speed: float = 1.0,
        stamps: Stamps = Stamps.SENT,
        started_at: dt.datetime | None = None,
        clock: Clock | None = None,
        report: Callable[[Played], None] = lambda _: None,
        answered: Callable[[Answered], None] = lambda _: None,
    ) -> None:
        if not speed > 0:
            raise SettingError(f"the speed cannot be {speed:g}", hint="It is more than 0; 1 is as it happened.")
        self._history = history
        self._target = target
        self._speed = speed
        self._stamps = stamps
        self._clock = clock or SystemClock()
        self.started_at = started_at or self._clock.now()
        self._report = report
        self._answered = answered
        self._stopping = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self.played = Played(len(history))

    def stop(self) -> None:
        """Makes `play` end after the request it is at; from any thread."""
        self._stopping.set()

    def play(self) -> Played:
        """What came of it, once all is acknowledged or it was stopped.

        Raises:
            UserError: the server does not take the key, or is no collector.
        """
        began = time.monotonic()
        # Paced by a clock that nobody sets, from where the wall clock says that we are.
        zero = began - (self._clock.now() - self.started_at).total_seconds()
        try:
            for batch in self._batches(zero):
                due = zero + self._offset(batch[-1])
                self.played.lag = max(0.0, time.monotonic() - due) if math.isfinite(self._speed) else 0.0
                self.played.worst_lag = max(self.played.worst_lag, self.played.lag)
                self._send(batch, began)
                if self._stopping.is_set():
                    break
                self.played.position = _EPOCH + dt.timedelta(microseconds=batch[-1].at)
                self.played.seconds = time.monotonic() - began
                self._report(self.played)
        finally:
            self.played.seconds = time.monotonic() - began
            if self._connection is not None:
                self._connection.close()
        return self.played

    def _offset(self, call: Call) -> float:
        """Seconds after the start at which a call is due."""
        return (call.at - self._history.first_at) / 1e6 / self._speed

    def _batches(self, zero: float) -> Iterator[list[Call]]:
        """What is due, together, in order of time; waits while nothing is."""
        batch: list[Call] = []
        size = 0
        for call in self._history.calls():
            wait = zero + self._offset(call) - time.monotonic()
            if batch and (wait > 0 or len(batch) == _MOST or size > _BYTES):
                yield batch
                batch, size = [], 0
                wait = zero + self._offset(call) - time.monotonic()
            while wait > 0 and not self._stopping.wait(min(wait, _TELL)):
                wait = zero + self._offset(call) - time.monotonic()
                self._report(self.played)
            if self._stopping.is_set():
                return
            batch.append(call)
            size += len(call.content) + len(call.id) + 200
        if batch:
            yield batch

    # --- one request ----------------------------------------------------------------------------------------

    def _send(self, batch: list[Call], began: float) -> None:
        """Sends until the server has decided about every call of a batch."""
        body = b'{"batch":[' + b",".join(self._written(call) for call in batch) + b'],"sentAt":null}'
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                status, after, said = self._asked(body)
            except (OSError, http.client.HTTPException) as error:
                self.played.broken += 1
                if not self.played.sent and self.played.broken > 3:
                    raise UserError(
                        f"the server `{self._target.url}` does not answer: {error}",
                        hint="Start one with `ethogram serve`, or name another with `--url`.",
                    ) from error
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            if status in (429, 500, 502, 503, 504):
                self.played.refused += 1
                self._stopping.wait(after if after is not None else pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            if status == 413 and len(batch) > 1:
                half = len(batch) // 2
                self._send(batch[:half], began)
                self._send(batch[half:], began)
                return
            if status == 401 and self._target.fresh and time.monotonic() - began < _NEW_KEY:
                self._stopping.wait(_FIRST_PAUSE)
                continue
            self._count(batch, status, said)
            return

    def _asked(self, body: bytes) -> tuple[int, float | None, dict[str, Any]]:
        if self._connection is None:
            found = urlsplit(self._target.url)
            kind = http.client.HTTPSConnection if found.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(str(found.hostname), found.port, timeout=60)
        token = base64.b64encode(f"{self._target.key}:".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        path = urlsplit(self._target.url).path.rstrip("/") + "/v1/batch"
        try:
            self._connection.request("POST", path, body, headers)
            with self._connection.getresponse() as answer:
                raw = answer.read()
                after = answer.getheader("Retry-After", "")
        except BaseException:
            self._connection.close()
            self._connection = None
            raise
        try:
            said = json.loads(raw)
        except ValueError:
            said = {}
        return answer.status, float(after) if after.isdecimal() else None, said if isinstance(said, dict) else {}

    def _count(self, batch: list[Call], status: int, said: dict[str, Any]) -> None:
        rejected = said.get("rejected")
        if status != 200 and not rejected:
            if status in (400, 413) and len(batch) == 1:
                rejected = [{"code": said.get("code", str(status)), "message": said.get("message", "")}]
            else:
                raise UserError(
                    f"the server `{self._target.url}` refuses: {said.get('message') or f'status {status}'}",
                    hint="A key of scope write is needed: `ethogram keys add`."
                    if status in (401, 403)
                    else "Is this the address of `ethogram serve`?",
                )
        for each in rejected or ():
            code = str(each.get("code", "rejected"))
            self.played.rejected[code] = self.played.rejected.get(code, 0) + 1
            self.played.reasons.setdefault(code, str(each.get("message", "")))
        self.played.sent += len(batch)
        self.played.acknowledged += len(batch) - len(rejected or ())
        self.played.repeated += int(said.get("duplicates", 0))
        gone = {each.get("index") for each in rejected or ()}
        taken = tuple(call.profile_id for index, call in enumerate(batch) if index not in gone)
        self._answered(Answered(taken, time.monotonic()))

    def _written(self, call: Call) -> bytes:
        head = {
            "type": "identify" if call.event is None else "track",
            "messageId": call.id,
            "userId": call.profile_id,
            "timestamp": self._stamp(call).isoformat(timespec="microseconds"),
        }
        content = call.content
        if call.event is not None:
            head["event"] = call.event
        elif call.unset:
            content = json.dumps({**json.loads(content), **dict.fromkeys(call.unset)})
        inside = "properties" if call.event is not None else "traits"
        return f'{json.dumps(head)[:-1]},"{inside}":{content}}}'.encode()

    def _stamp(self, call: Call) -> dt.datetime:
        match self._stamps:
            case Stamps.SENT if math.isfinite(self._speed):
                return self.started_at + dt.timedelta(seconds=self._offset(call))
            case Stamps.SENT:
                return self._clock.now()
            case Stamps.SHIFTED:
                return self.started_at - dt.timedelta(microseconds=self._history.last_at - call.at)
            case Stamps.KEPT:
                return _EPOCH + dt.timedelta(microseconds=call.at)
