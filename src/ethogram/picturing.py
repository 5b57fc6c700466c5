"""Saved segments as pictures of their people: what sets them apart, how they stand, and how they are labelled.

A part of the composition root: `runtime.Workspace` hands over what it has opened. Reads recorded membership and facts
(warehouse); writes labels (ledger).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethogram.errors import SegmentError
from ethogram.measure.persona import Group, persona
from ethogram.measure.standing import report
from ethogram.model.drafts import Persona, SegmentReport
from ethogram.segment.parser import parse_located
from ethogram.store.ledger import Ledger, SavedSegment
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from ethogram.runtime import Workspace

_LABELS = "segment_labels:"
_MOST_TAGS, _LONGEST = 12, 40


@dataclass(frozen=True, slots=True)
class Labels:
    """What people note about a segment beside its definition.

    Attributes:
        folder: the first part of its name, where that is written `folder/name`.
    """

    tags: tuple[str, ...] = ()
    owner: str = ""
    folder: str = ""


class Pictures:
    """What is known of the people in saved segments: `ws.pictures.persona("vip")`."""

    def __init__(self, workspace: Workspace, *, warehouse: Warehouse, ledger: Ledger) -> None:
        self._workspace = workspace
        self._warehouse = warehouse
        self._ledger = ledger

    def persona(self, name: str) -> Persona:
        """What the people of a segment are, do and choose more often than everybody, as it is recorded.

        Raises:
            UnknownNameError: there is no such segment.
            SegmentError: it is over accounts.
        """
        saved = self._over_people(name)
        speaks_of: frozenset[tuple[str, str]] = frozenset()
        if saved.text is not None:
            names = parse_located(saved.text).names
            speaks_of = frozenset((use.kind, use.name) for use in names if use.kind in ("event", "trait"))
        return persona(self._warehouse, Group(name, saved.number, speaks_of), self._workspace.now())

    def report(self, name: str, *, days: int = 30) -> SegmentReport:
        """How a segment's people and everybody stand over the last days: active, kept, buying, spending.

        Raises:
            UnknownNameError: there is no such segment.
            SegmentError: it is over accounts.
        """
        saved = self._over_people(name)
        vocabulary = self._workspace.vocabulary()
        bought, amount = vocabulary.get("purchase"), vocabulary.get("purchase.amount")
        purchase = bought.name if bought is not None and bought.where is None else None
        return report(
            self._warehouse,
            name,
            saved.number,
            self._workspace.now(),
            days=days,
            purchase=purchase,
            amount=amount.name if amount is not None and purchase is not None else None,
        )

    def labels(self) -> dict[str, Labels]:
        """The labels of every live segment, by name."""
        held = self._ledger.settings_below(_LABELS)
        return {each.name: _labels(each.name, held.get(f"{_LABELS}{each.number}")) for each in self._ledger.segments()}

    def label(self, name: str, *, tags: Sequence[str] | None = None, owner: str | None = None) -> Labels:
        """The labels of a segment after changing some; None leaves one as it is.

        Raises:
            UnknownNameError: there is no such segment.
            SegmentError: too many tags, or one that is too long.
        """
        number = self._ledger.segment(name).number
        key = f"{_LABELS}{number}"
        before = _labels(name, self._ledger.setting(key))
        kept = before.tags if tags is None else tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
        if len(kept) > _MOST_TAGS or any(len(tag) > _LONGEST for tag in kept):
            raise SegmentError(
                f"segment `{name}` cannot have these tags", hint=f"At most {_MOST_TAGS} of {_LONGEST} letters each."
            )
        after = Labels(kept, before.owner if owner is None else owner.strip()[:200], before.folder)
        self._ledger.set_setting(key, {"tags": list(after.tags), "owner": after.owner})
        return after

    def _over_people(self, name: str) -> SavedSegment:
        saved = self._ledger.segment(name)
        if saved.entity != "profile":
            raise SegmentError(f"segment `{name}` is over accounts", hint="Personas and reports are those of people.")
        return saved


def _labels(name: str, held: dict[str, object] | None) -> Labels:
    folder = name.rpartition("/")[0]
    if held is None:
        return Labels(folder=folder)
    tags = held.get("tags")
    return Labels(tuple(str(tag) for tag in tags) if isinstance(tags, list) else (), str(held.get("owner", "")), folder)
