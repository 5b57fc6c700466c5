"""The definitions of a workspace: its saved segments, and texts read against the names that it knows.

A part of the composition root: `runtime.Workspace` hands over what it has opened. Reads names (warehouse) and writes
definitions (ledger) and the people of static segments (warehouse); who is in a dynamic segment is not asked here.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ethogram.clock import Clock
from ethogram.errors import SegmentError, SettingError, UserError
from ethogram.measure.catalogue import names
from ethogram.model.editing import EditDifference
from ethogram.model.results import SegmentVersion, Warned
from ethogram.model.segment import Definition, Entity
from ethogram.segment import editing
from ethogram.segment import history as recorded
from ethogram.segment.checker import check
from ethogram.segment.english import to_english
from ethogram.segment.evaluate import Evaluator, Recorded
from ethogram.segment.parser import parse_located
from ethogram.segment.printer import to_text
from ethogram.segment.rewrites import references
from ethogram.segment.saved import SavedSegments
from ethogram.segment.tree import to_tree
from ethogram.segment.unknown_names import Known, warnings
from ethogram.store.ledger import Ledger, SavedSegment, SegmentDraft
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from ethogram.runtime import Workspace

AsOf = dt.datetime | Literal["latest"] | None
_MUCH = 1_000_000  # events, up to which looking for all names takes no time that anybody notices
_GOOD = 5e-6  # seconds for each event that names found in more are good for whoever is typing


@dataclass(frozen=True, slots=True)
class _Received:
    """Names, the number of batches that were stored when they were looked for, and how long they are good."""

    known: Known
    stored: int
    good_until: float


class Reader:
    """Reads texts, and warns of names that were never received."""

    def __init__(self, warehouse: Warehouse, ledger: Ledger, saved: SavedSegments) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._saved = saved
        self._received: _Received | None = None

    def known(self) -> Known:
        """Every name that was received or saved; looked for anew only after something was loaded."""
        stored = self._ledger.stored_batches()
        received = self._received
        if received is None or received.stored != stored:
            events, properties, traits, account_traits = names(self._warehouse)
            count = sum(events.values())
            # How long an answer of this process is good; no instant of the product's.
            good_until = time.monotonic() + (count * _GOOD if count > _MUCH else 0.0)
            received = _Received(Known(events, properties, traits, (), account_traits), stored, good_until)
            self._received = received
        return replace(received.known, segments=tuple(self._saved.live()))

    def lately(self) -> tuple[Known, int]:
        """As `known`, for whoever is typing: in a large store, into which events come all the time, minutes old.

        Returns:
            The names, and the number of batches that were stored when they were looked for.
        """
        received = self._received
        if received is None or time.monotonic() >= received.good_until:
            self.known()
            received = self._received
        assert received is not None
        return replace(received.known, segments=tuple(self._saved.live())), received.stored

    def read(self, text: str, known: Known | None = None) -> tuple[Definition, tuple[Warned, ...]]:
        """A text's definition, checked, with warnings about names that are not known.

        Raises:
            SegmentSyntaxError: the text cannot be read.
            SegmentError: it can be read and not be used.
        """
        located = parse_located(text)
        check(located.definition)
        return located.definition, warnings(located, known or self.known())


class Segments:
    """The saved segments of a workspace: `ws.segments.save("vip", "…")`."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        warehouse: Warehouse,
        ledger: Ledger,
        saved: SavedSegments,
        reader: Reader,
        evaluator: Callable[[], Evaluator],
        cutoffs_at: Callable[[], Mapping[int, dt.datetime]],
        fresh_cutoffs: Callable[[Entity, dt.datetime], Recorded],
        clock: Clock,
    ) -> None:
        self._workspace = workspace
        self._warehouse = warehouse
        self._ledger = ledger
        self._saved = saved
        self._reader = reader
        self._evaluator = evaluator
        self._cutoffs_at = cutoffs_at
        self._fresh_cutoffs = fresh_cutoffs
        self._clock = clock

    def save(
        self, name: str, text: str, *, description: str = "", known: Known | None = None, announce: bool = False
    ) -> SegmentVersion:
        """The saved segment; another text under the same name is a new version, the same text is not.

        Args:
            announce: whoever follows the feed of changes is told one by one who enters and leaves by this edit, and
                acts on it; otherwise they are told how many. `difference` says beforehand how many that are.
            known: names that were received, where they are at hand already; for warnings about others.

        Raises:
            SegmentSyntaxError: the text cannot be read.
            SegmentError: it cannot be used, or would make segments refer to each other in a circle.
        """
        definition, warned = self._reader.read(text, known)
        editing.with_edit(self._saved, self._saved.live(), name, definition)  # raises where it makes no sense
        draft = SegmentDraft(
            name,
            text=to_text(definition),
            tree=to_tree(definition),
            english=to_english(definition),
            entity=definition.entity.value,
            description=description,
            announce=announce,
        )
        return _version(self._ledger.save_segment(draft, self._clock.now()), None, warned)

    def difference(self, name: str, text: str, *, sample: int = 10) -> EditDifference:
        """What saving a text under a name would change: who stays, enters and leaves; nothing is saved.

        The text is computed over everybody at this instant, and compared with recorded membership, for the segment and
        for those that refer to it. Who enters and leaves by an edit is recorded with the cause `definition`.

        Args:
            sample: how many ids to show of those who stay, enter and leave each.

        Raises:
            SegmentSyntaxError: the text cannot be read.
            SegmentError: it cannot be used, or would make segments refer to each other in a circle.
        """
        definition, warned = self._reader.read(text)
        live, now = self._saved.live(), self._workspace.now()
        definitions = editing.with_edit(self._saved, live, name, definition)
        moves, population, milliseconds = editing.moves(
            self._warehouse,
            self._evaluator(),
            definitions,
            live,
            now,
            sample=sample,
            recorded=self._fresh_cutoffs(definition.entity, now),
        )
        return EditDifference(
            name=name,
            text=to_text(definition),
            english=to_english(definition),
            entity=definition.entity.value,
            replaces=live[name].version if name in live else None,
            as_of=now,
            population=population,
            moves=moves,
            watching=editing.watching(self._saved, live, tuple(definitions)),
            milliseconds=milliseconds,
            warnings=warned,
        )

    def save_static(
        self,
        name: str,
        profile_ids: Sequence[str] | None = None,
        *,
        snapshot_of: str | None = None,
        as_of: AsOf = None,
        description: str = "",
    ) -> SegmentVersion:
        """A frozen list of profiles: the given ids, or whoever is in another segment now.

        Ids that no profile has are not members; a warning counts them. Saving again replaces the list: who is new
        enters, who is no longer named leaves.
        """
        if (profile_ids is None) == (snapshot_of is None):
            raise SettingError("a static segment needs either profile ids or `snapshot_of`, not both")
        if snapshot_of is not None:
            ids = [str(id_) for id_ in self._workspace.members(snapshot_of, as_of=as_of).column(0).to_pylist()]
            english = f"People who were in “{snapshot_of}” on {self._workspace.now(as_of):%Y-%m-%d %H:%M} UTC."
        else:
            people = self._workspace.identities.resolve(list(profile_ids or ()))
            ids = list(dict.fromkeys(people.values()))
            english = f"People on the list “{name}”."
        draft = SegmentDraft(name, text=None, tree=None, english=english, static=True, description=description)
        saved = self._ledger.save_segment(draft, self._clock.now())
        effective = self._workspace.now()
        size, unknown = recorded.record_static(
            self._warehouse, saved.number, saved.version, ids, effective, cause="list"
        )
        warned: tuple[Warned, ...] = ()
        if unknown:
            shown = ", ".join(f"`{id_}`" for id_ in unknown[:3])
            warned = (Warned(f"{len(unknown):,} of the ids are no known profile and were left out: {shown} …"),)
        return _version(saved, size, warned)

    def change_static(self, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Lets people enter and leave a static segment; ids that no profile has change nothing.

        Raises:
            UnknownNameError: there is no such segment.
            SegmentError: it is not static: who is in it follows from its text.
        """
        saved = self._ledger.segment(name)
        if not saved.static:
            raise SegmentError(
                f"segment `{name}` is not a list: who is in it follows from its text",
                hint="Make a static segment, and name that one.",
            )
        with self._workspace.exclusively:
            people = self._workspace.identities.resolve([*add, *remove])
            recorded.change_static(
                self._warehouse,
                saved.number,
                saved.version,
                entering=[people[id_] for id_ in add],
                leaving=[people[id_] for id_ in remove],
                now=self._workspace.now(),
                cause="list",
            )

    def get(self, name: str, version: int | None = None) -> SegmentVersion:
        """A saved segment, at its newest version unless told otherwise.

        Raises:
            UnknownNameError: there is none; the hint names the nearest.
        """
        return self._sized([self._ledger.segment(name, version)])[0]

    def list(self) -> tuple[SegmentVersion, ...]:
        """Every saved segment at its newest version, with its size at the last run."""
        return self._sized(tuple(self._saved.live().values()))

    def versions(self, name: str) -> tuple[SegmentVersion, ...]:
        """Every version of a segment, oldest first."""
        return tuple(_version(segment, None) for segment in self._ledger.versions(name))

    def delete(self, name: str) -> SegmentVersion:
        """Deletes a segment; its versions and its history stay on record.

        Raises:
            SegmentError: another segment refers to it.
        """
        live = self._saved.live()
        users = [
            other
            for other, segment in live.items()
            if other != name
            and segment.text is not None
            and name in references(self._saved.parsed(segment.text).condition)
        ]
        if users:
            raise SegmentError(
                f"segment `{name}` is used by {', '.join(f'`{user}`' for user in users)}",
                hint="Change or delete these first.",
            )
        return _version(self._ledger.delete_segment(name, self._clock.now()), None)

    def references(self) -> dict[str, tuple[str, ...]]:
        """The names of the segments that refer to each one that is referred to, in order of name."""
        found: dict[str, list[str]] = {}
        for other, segment in sorted(self._saved.live().items()):
            if segment.text is not None:
                for name in sorted(set(references(self._saved.parsed(segment.text).condition))):
                    found.setdefault(name, []).append(other)
        return {name: tuple(others) for name, others in found.items()}

    def restore(self, name: str) -> SegmentVersion:
        """The segment of that name that was deleted last, live again with its versions and its history.

        Raises:
            UnknownNameError: none of that name was deleted.
            SegmentError: another one has the name now, or it refers to segments that are gone.
        """
        restored = self._ledger.restore_segment(name, self._clock.now())
        try:
            if restored.text is not None:
                editing.with_edit(self._saved, self._saved.live(), name, self._saved.parsed(restored.text))
        except UserError:
            self._ledger.delete_segment(name, self._clock.now())
            raise
        return _version(restored, None)

    def _sized(self, segments: Sequence[SavedSegment]) -> tuple[SegmentVersion, ...]:
        """The segments with their sizes at the last run or fill."""
        sizes = self._ledger.sizes_now()
        cutoffs_at = self._cutoffs_at()
        return tuple(
            replace(
                _version(segment, sizes[segment.number].size if segment.number in sizes else None),
                evaluated_at=sizes[segment.number].as_of if segment.number in sizes else None,
                cutoffs_at=cutoffs_at.get(segment.number),
            )
            for segment in segments
        )


def _version(segment: SavedSegment, size: int | None, warned: tuple[Warned, ...] = ()) -> SegmentVersion:
    return SegmentVersion(
        name=segment.name,
        number=segment.number,
        version=segment.version,
        text=segment.text,
        english=segment.english,
        entity=segment.entity,
        created_at=segment.created_at,
        description=segment.description,
        static=segment.static,
        size=size,
        warnings=warned,
    )
