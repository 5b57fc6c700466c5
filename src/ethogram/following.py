"""Composition for following along: events and membership changes as they come, beside the process that makes them.

Reads the ledger only: what collectors keep, and the feed of changes. Opens no warehouse, so it works beside a running
server. Writes nothing.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ethogram.collecting import open_ledger
from ethogram.store import changes, identities, requests
from ethogram.store.changes import Change
from ethogram.store.requests import Waiting

__all__ = ["Change", "Following", "Happened"]

_OVERLAP = 200  # rows that are looked at again, since several collectors' numbers come out of order
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Happened:
    """A call that a collector has kept.

    Attributes:
        at: when it happened.
        received_at: when it came.
        profile_id: the person, as known by now.
        name: an event's; else the call: `identify`, `group` or `alias`.
        content: properties or traits.
    """

    at: dt.datetime
    received_at: dt.datetime
    profile_id: str
    sent_id: str
    call: str
    name: str
    content: dict[str, Any]
    message_id: str


class Following:
    """Hands out what is new since it was asked last.

    Args:
        path: the workspace's directory.
    """

    def __init__(self, path: Path) -> None:
        self._ledger = open_ledger(path)
        self._database = self._ledger.database
        self._change = changes.last(self._database)
        self._request = requests.last_number(self._database)
        self._seen = set(requests.numbers_after(self._database, self._request - _OVERLAP))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def latest(self, count: int) -> list[Happened | Change]:
        """The newest events and changes before it began to follow, oldest first."""
        found: list[Happened | Change] = []
        number = self._request
        while number > 0 and len(found) < count:
            before = max(0, number - 100)
            rows = requests.read(self._database, list(range(before + 1, number + 1)))
            found += self._happened(rows)
            number = before
        found += changes.after(self._database, max(0, self._change - count), limit=count)
        return sorted(found, key=_came_at)[-count:] if count else []

    def step(self) -> list[Happened | Change]:
        """What is new: events, then the changes that they may have caused."""
        numbers = requests.numbers_after(self._database, max(0, self._request - _OVERLAP))
        new = [number for number in numbers if number not in self._seen]
        found: list[Happened | Change] = []
        if new:
            self._request = max(self._request, new[-1])
            self._seen = {number for number in self._seen | set(new) if number > self._request - _OVERLAP}
            found += self._happened(requests.read(self._database, new))
        came = changes.after(self._database, self._change, limit=_PAGE)
        if came:
            self._change = came[-1].id
        return [*found, *came]

    def _happened(self, rows: list[Waiting]) -> Iterator[Happened]:
        ids = {message.user_id or message.anonymous_id for row in rows for message in row.messages}
        people = identities.aliases(self._database, ids) if ids else {}
        for row in rows:
            for message in row.messages:
                sent = message.user_id or message.anonymous_id
                fact = next((each for each in message.facts if each.kind == "events"), None)
                told = fact or next(iter(message.facts), None)
                yield Happened(
                    at=dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=message.at),
                    received_at=row.received_at,
                    profile_id=people.get(sent, sent),
                    sent_id=sent,
                    call=message.call,
                    name=fact.event if fact is not None else message.call,
                    content=json.loads(told.content) if told is not None else {},
                    message_id=message.id,
                )


def _came_at(each: Happened | Change) -> dt.datetime:
    return each.received_at if isinstance(each, Happened) else each.at
