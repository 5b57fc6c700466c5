"""Whom something happened to: read from the files of stored batches and from the moves of ids.

Step of the path: segment. Reads the ledger's batches and moves, and block files; writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from ethogram.segment.direct.conditions import Told
from ethogram.store import identities
from ethogram.store.inbox import folder
from ethogram.store.ledger import Batch, Ledger
from ethogram.store.profile_keys import key_of, keys_of


@dataclass(frozen=True, slots=True)
class Touches:
    """Some of those whom something happened to, and up to where that is all of them.

    Attributes:
        batch: all whom stored batches up to this one touched are here, or were before.
        moved: all whom moves of ids up to this one concerned, likewise.
        cause: what moved them: `merge` or `event`.
        told: what is new of profiles, by key; of whom a move concerned everything is new.
        names: the ids of profiles, by key, where a move concerned them.
        accounts: the ids of accounts that something was said of.
        behind: more stored batches wait to be looked at.
    """

    batch: int
    moved: int
    cause: str = "event"
    told: Mapping[int, Told | None] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    accounts: Sequence[str] = ()
    behind: bool = False


class Touched:
    """Looks up whom moves of ids concern, else whom stored batches touched.

    Args:
        directory: the workspace.
    """

    def __init__(self, ledger: Ledger, directory: Path) -> None:
        self._ledger = ledger
        self._folder = folder(directory)

    def after(self, batch: int, moved: int, most: int) -> Touches:
        """The next ones after a batch and a move of an id; about so many, or all of one batch."""
        moves = identities.done_after(self._ledger.database, moved, max(1, most // 2))
        if moves:
            people = {id_ for move in moves for id_ in (move.source, move.target)}
            names = {key: id_ for id_, key in keys_of(sorted(people)).items()}
            return Touches(batch, moves[-1].id, "merge", dict.fromkeys(names), names, behind=True)
        batches = self._ledger.stored_after(batch)
        if not batches:
            return Touches(batch, moved)
        told, accounts, batch = self._told(batches, most)
        by_key = {key_of(id_): each for id_, each in told.items()}
        return Touches(batch, moved, told=by_key, accounts=sorted(accounts), behind=batch < batches[-1][0])

    def _told(self, batches: Sequence[tuple[int, Batch]], most: int) -> tuple[dict[str, Told], set[str], int]:
        """What the next batches tell of profiles, by id; of which accounts; and the last of these batches."""
        told: defaultdict[str, Told] = defaultdict(Told)
        accounts: set[str] = set()
        upto = batches[0][0]
        for sequence, batch in batches:
            if (told or accounts) and len(told) + len(accounts) + batch.rows > most:
                break
            upto = sequence
            if batch.file is None:
                continue
            path = self._folder / batch.file
            if batch.kind == "accounts":
                accounts.update(map(str, pq.read_table(path, columns=["account_id"])["account_id"].to_pylist()))
                continue
            if batch.kind == "events":
                rows = pq.read_table(path, columns=["profile_id", "event"])
                for id_, event in zip(rows["profile_id"].to_pylist(), rows["event"].to_pylist(), strict=True):
                    told[str(id_)].events.add(str(event))
            else:
                for id_ in pq.read_table(path, columns=["profile_id"])["profile_id"].to_pylist():
                    told[str(id_)].traits = True
        for alias, person in identities.aliases(self._ledger.database, told).items():
            new = told.pop(alias)
            told[person].events |= new.events
            told[person].traits |= new.traits
        return told, accounts, upto
