"""One person's facts: what they did, what was known of them, what was recorded; sorted, and read when asked for.

Step of the path: segment, language half. Holds only what lies at or before now; the first instant after it at which
something stored starts to count is `future_at`. Instants are microseconds since 1970.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ethogram.segment.direct import looks

Rows = tuple["Stream", int, int]
# Brings the properties of the events from one place to another.
Properties = Callable[[int, int], list[Any]]
_decode = msgspec.json.Decoder().decode


class Stream:
    """Some events in order of time, with their properties.

    Windows end now or a little before, and of somebody who did much they hold a small part: what is asked of the
    events is found out from the oldest one that was asked about on, and once for all who ask.

    Args:
        ts: their instants.
        read: brings the properties of those from one place to another, each as a mapping; called when a condition
            looks at them.
    """

    __slots__ = ("_columns", "_read", "ts")

    def __init__(self, ts: list[int], read: Properties) -> None:
        self.ts = ts
        self._read = read
        self._columns: dict[Any, tuple[int, list[Any]]] = {}

    def properties(self, start: int, stop: int) -> list[Any]:
        """The properties of the events from one place to another, each as a mapping."""
        return self._part(None, start, stop, self._read)

    def column(self, name: tuple[str, ...], look: Callable[[Any], Any], start: int, stop: int) -> list[Any]:
        """One property of each of these events as one look sees it."""

        def values(start: int, stop: int) -> list[Any]:
            part = looks.part(name)
            return [look(part(each)) for each in self.properties(start, stop)]

        return self._part((name, look), start, stop, values)

    def derived(self, key: Any, of_instants: Callable[[list[int]], list[int]], start: int, stop: int) -> list[int]:
        """Something of each of these events' instants, for all who ask with this key."""
        return self._part(key, start, stop, lambda start, stop: of_instants(self.ts[start:stop]))

    def _part(self, key: Any, start: int, stop: int, values: Properties) -> list[Any]:
        first, held = self._columns.get(key, (len(self.ts), []))
        if start < first:
            first, held = self._columns[key] = start, values(start, first) + held
        return held[start - first : stop - first]

    def where(self, test: Callable[[Any], bool], low: int | None) -> Stream:
        """The events, from an instant on, whose properties pass a test."""
        start = 0 if low is None else bisect_left(self.ts, low)
        passing = self.properties(start, len(self.ts))
        kept = [(at, each) for at, each in zip(self.ts[start:], passing, strict=True) if test(each)]
        return Stream([at for at, _ in kept], lambda start, stop: [each for _, each in kept[start:stop]])

    def within(self, low: int | None, high: int | None) -> Rows:
        """The stream with the places of the events from `low` to `high`, both included: the last one is left out."""
        start = 0 if low is None else bisect_left(self.ts, low)
        stop = len(self.ts) if high is None else bisect_right(self.ts, high)
        return self, start, max(start, stop)


def _none(_start: int, _stop: int) -> list[Any]:
    return []


_NOTHING = Stream([], _none)


class Person:
    """The facts of one profile up to now.

    Attributes:
        events: where the events of each name are in `rows`: the first, and the one after the last.
        rows: instants in order, name by name and without a gap, and what brings the properties of a part of them.
        traits: instants of changes, what they set (JSON text) and what they took away, newest first.
        future_at: the first stored instant after now; None if there is none.
        chosen: streams that conditions on properties have picked, by the number of the condition, and from when on;
            None is from the beginning.
    """

    __slots__ = (
        "_changes", "_last", "_names", "_read", "_streams",
        "chosen", "events", "future_at", "id", "key", "rows", "traits",
    )  # fmt: skip

    def __init__(self, key: int, id: str) -> None:
        self.key = key
        self.id = id
        self.events: dict[str, tuple[int, int]] = {}
        self.rows: tuple[list[int], Properties] = ([], _none)
        self._streams: dict[str | None, Stream] = {}
        self.traits: list[tuple[int, Any, list[str]]] = []
        self.future_at: int | None = None
        self.chosen: dict[int, tuple[int | None, Stream]] = {}
        self._changes: dict[tuple[int, bool], list[int]] = {}
        self._last: dict[int, tuple[int, int, bool]] = {}
        self._names: dict[tuple[str, ...], list[Any]] = {}
        self._read = False

    def add_traits(self, rows: Iterable[tuple[int, str, list[str]]]) -> None:
        """Takes in changes of traits: instant, what was set as JSON text, the names of what was taken away."""
        self.traits = sorted(rows, reverse=True)

    def add_changes(self, rows: Iterable[tuple[int, int, int, bool]]) -> None:
        """Takes in recorded changes of membership: instant, version, the segment's number, entered or left."""
        for at, version, segment, entered in sorted(rows):
            self._changes.setdefault((segment, entered), []).append(at)
            # Of changes at one instant the newest version's counts, then an entry.
            last = (at, version, entered)
            self._last[segment] = max(last, self._last.get(segment, last))

    def stream(self, event: str | None) -> Stream:
        """The events of a name; None is all."""
        found = self._streams.get(event)
        if found is None:
            found = self._streams[event] = self._all() if event is None else self._of(event)
        return found

    def _of(self, event: str) -> Stream:
        place = self.events.get(event)
        if place is None:
            return _NOTHING
        start, stop = place
        instants, properties = self.rows
        return Stream(instants[start:stop], lambda low, high: properties(start + low, start + high))

    def _all(self) -> Stream:
        if not self.events:
            return _NOTHING
        start, stop = min(self.events.values())[0], max(self.events.values())[1]
        instants, properties = self.rows
        some = instants[start:stop]

        def read(low: int, high: int) -> list[Any]:
            ordered = sorted(zip(some, properties(start, stop), strict=True), key=lambda row: row[0])
            return [each for _, each in ordered[low:high]]

        return Stream(sorted(some), read)

    def is_in(self, segment: int) -> bool:
        """Whether the newest recorded change of a segment is an entry."""
        return segment in self._last and self._last[segment][2]

    def changes(self, segment: int, *, entered: bool) -> list[int]:
        """The instants at which the profile was recorded to enter (or leave) a segment, in order."""
        return self._changes.get((segment, entered), [])

    def trait(self, name: tuple[str, ...]) -> list[Any]:
        """What the newest change of a trait says: one value, or several where changes share an instant."""
        if name not in self._names:
            self._names[name] = self._newest(name)
        return self._names[name]

    def _newest(self, name: tuple[str, ...]) -> list[Any]:
        if not self._read:
            self.traits = [(at, _decode(sent), unset) for at, sent, unset in self.traits]
            self._read = True
        above = {".".join(name[:length]) for length in range(1, len(name) + 1)}
        part = looks.part(name)
        newest: int | None = None
        found: list[Any] = []
        for at, traits, unset in self.traits:
            if newest is not None and at < newest:
                break
            value = part(traits)
            if looks.exists(value) or not above.isdisjoint(unset):
                newest = at
                found.append(value)
        return found
