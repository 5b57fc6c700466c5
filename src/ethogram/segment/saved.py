"""Saved segments as the engine uses them: read once per change, parsed once per text, expanded when asked for.

Step of the path: segment. Reads the ledger; writes nothing. Whether anything changed is asked every time, so a segment
that another process saved is seen at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ethogram.errors import UnknownNameError
from ethogram.model.segment import Crossed, Definition, Entity, InSegment
from ethogram.segment.checker import check
from ethogram.segment.parser import parse
from ethogram.segment.rewrites import expand
from ethogram.segment.shape import walk
from ethogram.store.ledger import Ledger, SavedSegment

Live = Mapping[str, SavedSegment]


@dataclass(slots=True)
class _Held:
    """Segments at one revision of the ledger, with what was found out about them."""

    revision: int
    live: Live
    expanded: dict[tuple[str, int], Definition] = field(default_factory=dict)
    crossed: frozenset[int] | None = None


class SavedSegments:
    """Looks up saved segments by name; safe to use from several threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._held = _Held(-1, {})
        self._followed = _Held(-1, {})

    def live(self) -> Live:
        """Every live segment at its newest version, by name."""
        # The revision is read first: a change in between is read early and read again, and never missed.
        revision = self._ledger.segments_revision()
        if revision != self._held.revision:
            self._held = _Held(revision, {segment.name: segment for segment in self._ledger.segments()})
        return self._held.live

    def recorded(self) -> Live:
        """Every segment that recorded membership follows, at the version that it follows, by name.

        A segment that was edited is here as it was, and a deleted one is here still, until a fill has switched.
        """
        # Every run and every fill ends with following something else.
        last = self._ledger.last_run(fill=None)
        revision = 0 if last is None else last.id
        if revision != self._followed.revision:
            followed = {segment.name: segment for segment in self._ledger.recorded_segments()}
            self._followed = _Held(revision, followed)
        return self._followed.live

    def parsed(self, text: str) -> Definition:
        """A saved text's definition; texts were checked when they were saved."""
        return _parsed(text)

    def named(self, segment: str) -> Definition:
        """A saved segment's definition, or that of a text; a saved name wins.

        Raises:
            SegmentSyntaxError: nothing of that name is saved, and it cannot be read as a text.
            SegmentError: the text can be read and not be used.
        """
        saved = self.live().get(segment)
        if saved is not None:
            return self._written(saved)
        definition = self.parsed(segment)
        check(definition)
        return definition

    def definition(self, segment: SavedSegment, live: Live) -> Definition:
        """A saved segment's definition, expanded; that of a static one is the list that was recorded."""
        if segment.text is None:
            return self._written(segment)
        held = self._of(live)
        known = held.expanded if held is not None else {}
        key = (segment.name, segment.version)
        if key not in known:
            known[key] = self.expanded(self._written(segment), live, segment.name)
        return known[key]

    def expanded(self, definition: Definition, live: Live, name: str | None = None) -> Definition:
        """The definition with references to other dynamic segments replaced by what they stand for."""
        return expand(definition, lambda other: self.lookup(live, other), within=(name,) if name else ())

    def crossed(self, live: Live) -> frozenset[int]:
        """The numbers of segments whose recorded entries and exits other segments look at."""
        held = self._of(live)
        if held is None or held.crossed is None:
            names = {
                node.name
                for segment in live.values()
                for node, _ in walk(self._written(segment).condition)
                if isinstance(node, Crossed)
            }
            found = frozenset(live[name].number for name in names if name in live)
            if held is None:
                return found
            held.crossed = found
        return held.crossed

    def lookup(self, live: Live, name: str) -> Definition | None:
        """The definition behind a name; None for a static segment.

        Raises:
            UnknownNameError: nothing of that name is saved.
        """
        segment = live.get(name)
        if segment is None:
            self._ledger.segment(name)  # raises, with the nearest name
            raise UnknownNameError(f"there is no segment `{name}`", name=name)
        return None if segment.text is None else self.parsed(segment.text)

    def _of(self, live: Live) -> _Held | None:
        return next((held for held in (self._held, self._followed) if live is held.live), None)

    def _written(self, segment: SavedSegment) -> Definition:
        if segment.text is None:
            return Definition(InSegment(segment.name), Entity(segment.entity))
        return self.parsed(segment.text)


# A definition is a frozen tree, so whoever has the same text shares it.
_parsed = lru_cache(maxsize=4096)(parse)
