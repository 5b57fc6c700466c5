"""Texts of segments while they are written: what is wrong with them, what could follow, whom they describe.

A part of the composition root: `runtime.Workspace` hands over what it has opened. Reads names and values (warehouse)
and saved segments (ledger); writes nothing. Names and values are kept until something more was loaded (in a large store
for some minutes), so that a keystroke asks the warehouse for nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ethogram.definitions import Reader
from ethogram.errors import SegmentError
from ethogram.measure.frequent import frequent
from ethogram.model.drafts import Completion, Cost, Problem, Review, ValueCounts
from ethogram.model.results import Overlap
from ethogram.segment import history as recorded
from ethogram.segment.completing import complete, wanted
from ethogram.segment.evaluate import Evaluator
from ethogram.segment.printer import to_text
from ethogram.segment.reviewing import review
from ethogram.segment.rows import definition_of
from ethogram.segment.saved import SavedSegments
from ethogram.segment.syntax import quoted_text
from ethogram.segment.tree import from_tree
from ethogram.store.ledger import Ledger
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from ethogram.runtime import Workspace

DRAFT = "this segment"  # the name of a text among saved segments
_HEAVY = 20_000_000  # rows: some seconds on one machine
_MOST_KEPT = 2_000  # lists of values


class Drafts:
    """Texts that are being written: `ws.drafts.check("did(purchse)")`."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        warehouse: Warehouse,
        ledger: Ledger,
        saved: SavedSegments,
        reader: Reader,
        evaluator: Callable[[], Evaluator],
    ) -> None:
        self._workspace = workspace
        self._warehouse = warehouse
        self._ledger = ledger
        self._saved = saved
        self._reader = reader
        self._evaluator = evaluator
        self._values: dict[tuple[str, str | None, bool], ValueCounts] = {}
        self._values_of = -1
        self._lock = threading.Lock()

    def check(self, text: str) -> Review:
        """The text as it is understood: tree, English, rows, and every problem with its place and what mends it."""
        return review(text, self._reader.lately()[0])

    def written(self, *, rows: object = None, tree: object = None) -> str:
        """The text that a visual editor's rows, or a tree, say.

        Raises:
            SegmentError: a row or a node lacks something; the message says which.
        """
        definition = from_tree(tree) if tree is not None else definition_of(rows)
        return to_text(definition)

    def check_rows(self, rows: object) -> Review:
        """As `check`, of a visual editor's rows; what they lack is a problem of the whole."""
        try:
            return self.check(self.written(rows=rows))
        except SegmentError as error:
            return Review("", "", "", "profile", None, None, (Problem(error.message, error.hint, 0, 0, 1, 1),))

    def complete(self, text: str, cursor: int) -> Completion:
        """What could stand at a place of a text: events, properties, traits, segments, values with counts, words.

        Args:
            cursor: how many characters stand before it.
        """
        at = wanted(text, cursor)
        values: Sequence[tuple[str, int]] = ()
        if (of := at.values_of) is not None:
            held = self.values(of.name, event=of.event, trait=of.trait)
            bare = held.kind in ("number", "boolean")
            values = [(value if bare else quoted_text(value), count) for value, count in held.values]
        return complete(text, cursor, self._reader.lately()[0], values, at=at)

    def values(self, name: str, *, event: str | None = None, trait: bool = False) -> ValueCounts:
        """The most frequent values of a property of an event (None: of any), or of a trait."""
        if not name or "\x00" in name:
            return ValueCounts((), "text")
        known, stored = self._reader.lately()
        key = (name, event, trait)
        with self._lock:
            if stored != self._values_of or len(self._values) > _MOST_KEPT:
                self._values, self._values_of = {}, stored
            found = self._values.get(key)
        if found is None:
            total = sum(known.events.values()) if event is None else known.events.get(event, 0)
            found = frequent(self._warehouse, name, event=event, trait=trait, total=0 if trait else total)
            with self._lock:
                self._values[key] = found
        return found

    def names(self) -> dict[str, Any]:
        """Every name that a visual editor offers: events with counts and their properties, traits, segments."""
        known, _ = self._reader.lately()
        return {
            "events": [
                {"name": name, "count": count, "properties": sorted(known.properties.get(name, ()))}
                for name, count in sorted(known.events.items(), key=lambda each: (-each[1], each[0]))
            ],
            "traits": [
                {"name": name, "count": count}
                for name, count in sorted(known.traits.items(), key=lambda each: (-each[1], each[0]))
                if not name.startswith("$score.")
            ],
            "account_traits": sorted(known.account_traits or ()),
            "segments": sorted(known.segments),
        }

    def cost(self, text: str) -> Cost:
        """What counting a text takes, found without counting.

        Raises:
            SegmentError: the text cannot be read or used.
        """
        definition, _ = self._reader.read(text, self._reader.lately()[0])
        live = self._saved.live()
        rows = self._evaluator().rows_to_read(
            self._saved.expanded(definition, live),
            self._workspace.now(),
            numbers={name: segment.number for name, segment in live.items()},
        )
        return Cost(rows, rows > _HEAVY)

    def overlap(self, text: str, names: Sequence[str]) -> Overlap:
        """How the people that a text describes overlap with those of saved segments, at this instant.

        Raises:
            SegmentError: the text cannot be used, or a segment is over something else.
            UnknownNameError: there is no such segment.
        """
        definition, _ = self._reader.read(text, self._reader.lately()[0])
        live = self._saved.live()
        chosen = {name: self._ledger.segment(name) for name in names}
        if any(segment.entity != definition.entity.value for segment in chosen.values()):
            raise SegmentError("segments over profiles and segments over accounts cannot overlap")
        definitions = {
            DRAFT: self._saved.expanded(definition, live),
            **{name: self._saved.definition(segment, live) for name, segment in chosen.items()},
        }
        return recorded.evaluated_overlap(
            self._warehouse,
            self._evaluator(),
            definitions,
            self._workspace.now(),
            numbers={name: segment.number for name, segment in live.items()},
        )
