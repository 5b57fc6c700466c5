"""Saved segments as the engine uses them: parsed once per version, with the numbers that stand for them.

Step of the path: segment. Reads the ledger; writes nothing.
"""

from __future__ import annotations

from ethogram.errors import UnknownNameError
from ethogram.model.segment import Definition
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

    def lookup(self, live: dict[str, SavedSegment], name: str) -> Definition | None:
        """The definition behind a name; None for a static segment.

        Raises:
            UnknownNameError: nothing of that name is saved.
        """
        segment = live.get(name)
        if segment is None:
            self._ledger.segment(name)  # raises, with the nearest name
            raise UnknownNameError(f"there is no segment `{name}`", name=name)
        return None if segment.text is None else self.parsed(segment.text)

    def expanded(self, definition: Definition, live: dict[str, SavedSegment], name: str | None = None) -> Definition:
        """The definition with references to other dynamic segments replaced by what they stand for."""
        return expand(definition, lambda other: self.lookup(live, other), within=(name,) if name else ())
