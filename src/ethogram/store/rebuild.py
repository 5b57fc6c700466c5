"""Rebuild: the warehouse anew from the accepted batches, in the order they were accepted.

Step of the path: store. Reads every block file and the ledger; replaces the tables of facts. Membership state and its
changes stay: they are history, not a copy of what was loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethogram.errors import InputError
from ethogram.store.inbox import verify
from ethogram.store.loader import store

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    from ethogram.store.ledger import Ledger
    from ethogram.store.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild is."""

    batches: int
    batches_total: int
    rows: int
    rows_total: int

    @property
    def fraction(self) -> float:
        """Which part of all rows is stored again, 0 to 1."""
        return self.rows / self.rows_total if self.rows_total else 1.0


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild stored."""

    batches: int
    rows: int


def rebuild(
    warehouse: Warehouse,
    ledger: Ledger,
    directory: Path,
    now: dt.datetime,
    progress: Callable[[RebuildProgress], None] | None = None,
) -> RebuildReport:
    """The number of batches and rows that were stored again.

    Every block file is checked before anything is dropped. Killed half-way, the same call starts over.

    Raises:
        InputError: block files are missing or damaged; the message names each, and the warehouse is untouched.
    """
    batches = ledger.batches()
    damaged: list[str] = []
    for batch in batches:
        try:
            verify(batch, directory)
        except InputError as error:
            damaged.append(error.message)
    if damaged:
        raise InputError(
            f"{len(damaged)} accepted block{'s' if len(damaged) > 1 else ''} cannot be read, nothing was changed:\n"
            + "\n".join(f"  {line}" for line in damaged),
            hint="Restore the files from a copy of the workspace and run `ethogram rebuild` again.",
            damaged=damaged,
        )
    warehouse.recreate_facts()
    total = sum(batch.rows for batch in batches)
    rows = 0
    for done, batch in enumerate(batches, start=1):
        store(batch, warehouse, ledger.database, directory)
        if batch.state != "stored":
            ledger.mark_stored(batch.id, now)
        rows += batch.rows
        if progress is not None:
            progress(RebuildProgress(done, len(batches), rows, total))
    return RebuildReport(len(batches), rows)
