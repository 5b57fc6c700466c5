"""Saved segments as the engine uses them: parsed once per version, with the numbers that stand for them.

Step of the path: segment. Reads the ledger; writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from ethogram.errors import UnknownNameError
from ethogram.model.segment import Definition, Entity, InSegment
from ethogram.segment.checker import check
from ethogram.segment.parser import parse
from ethogram.segment.rewrites import expand
from ethogram.store.ledger import Ledger, SavedSegment


class SavedSegments:
    """Looks up saved segments by name."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parsed: dict[str, Definition] = {}

    def live(self) -> dict[str, SavedSegment]:
        """Every live segment at its newest version, by name."""
        return {segment.name: segment for segment in self._ledger.segments()}

    def parsed(self, text: str) -> Definition:
        """A saved text's definition; texts were checked when they were saved."""
        if text not in self._parsed:
            self._parsed[text] = parse(text)
        return self._parsed[text]

    def named(self, segment: str) -> Definition:
        """A saved segment's definition, or that of a text; a saved name wins.

        Raises:
            SegmentSyntaxError: nothing of that name is saved, and it cannot be read as a text.
            SegmentError: the text can be read and not be used.
        """
        saved = self.live().get(segment)
        if saved is not None:
            return self._written(saved)
        definition = parse(segment)
        check(definition)
        return definition

    def definition(self, segment: SavedSegment, live: Mapping[str, SavedSegment]) -> Definition:
        """A saved segment's definition, expanded; that of a static one is the list that was recorded."""
        written = self._written(segment)
        return written if segment.text is None else self.expanded(written, live, segment.name)

    def _written(self, segment: SavedSegment) -> Definition:
        if segment.text is None:
            return Definition(InSegment(segment.name), Entity(segment.entity))
        return self.parsed(segment.text)

    def lookup(self, live: Mapping[str, SavedSegment], name: str) -> Definition | None:
        """The definition behind a name; None for a static segment.

        Raises:
            UnknownNameError: nothing of that name is saved.
        """
        segment = live.get(name)
        if segment is None:
            self._ledger.segment(name)  # raises, with the nearest name
            raise UnknownNameError(f"there is no segment `{name}`", name=name)
        return None if segment.text is None else self.parsed(segment.text)

    def expanded(self, definition: Definition, live: Mapping[str, SavedSegment], name: str | None = None) -> Definition:
        """The definition with references to other dynamic segments replaced by what they stand for."""
        return expand(definition, lambda other: self.lookup(live, other), within=(name,) if name else ())
