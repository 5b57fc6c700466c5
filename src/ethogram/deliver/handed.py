"""What a sync has handed over: differences, and now and then all members, in files beside the workspace.

Step of the path: deliver. Reads and writes files only. The members that a target has are those of the newest snapshot
with the differences after it; they are here and not in the ledger, as there may be millions. A file is whole before the
ledger speaks of it, and one that the ledger does not speak of yet is written over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import parquet

from ethogram.deliver import files
from ethogram.errors import InputError

ADD, REMOVE = "add", "remove"
_CHANGES, _MEMBERS = "changes", "members"


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody is added or removed, with the traits that go along."""

    op: str
    id: str
    traits: dict[str, Any]


class Handed:
    """The files of one sync.

    Args:
        folder: of this sync alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write_changes(self, generation: int, steps: Sequence[Step]) -> None:
        """Writes down a difference."""
        table = pa.table(
            {
                "op": pa.array([step.op for step in steps], pa.string()),
                "id": pa.array([step.id for step in steps], pa.string()),
                "traits": pa.array([msgspec.json.encode(step.traits).decode() for step in steps], pa.string()),
            }
        )
        self._write(generation, _CHANGES, table)

    def changes(self, generation: int, at: int = 0, count: int | None = None) -> list[Step]:
        """A difference that was written down, or some of it."""
        table = self._read(generation, _CHANGES).slice(at, count)
        columns = (table.column(name).to_pylist() for name in ("op", "id", "traits"))
        return [Step(op, who, msgspec.json.decode(traits)) for op, who, traits in zip(*columns, strict=True)]

    def size(self, generation: int) -> int:
        """How many are added and removed by a difference."""
        return self._read(generation, _CHANGES).num_rows

    def write_members(self, generation: int, ids: Sequence[str]) -> None:
        """Writes down all members after a generation."""
        self._write(generation, _MEMBERS, pa.table({"id": pa.array(ids, pa.string())}))

    def members(self, snapshot: int, generation: int) -> set[str]:
        """Whom the target has after a generation.

        Args:
            snapshot: the generation whose members are in a file; 0 is before the first, when there was nobody.

        Raises:
            InputError: a file is missing.
        """
        held: set[str] = set(_texts(self._read(snapshot, _MEMBERS), "id")) if snapshot else set()
        for each in range(snapshot + 1, generation + 1):
            table = self._read(each, _CHANGES)
            for op, who in zip(_texts(table, "op"), _texts(table, "id"), strict=True):
                held.add(who) if op == ADD else held.discard(who)
        return held

    def drop(self, *, before: int) -> None:
        """Removes the files of the generations before one, and differences that its snapshot has in it."""
        for generation, kind, path in self._files():
            if generation < before or (generation == before and kind == _CHANGES):
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[int, str, Path]]:
        for path in sorted(self._folder.glob("*.parquet")):
            match = re.fullmatch(r"(\d+)\.(changes|members)\.parquet", path.name)
            if match is not None:
                yield int(match[1]), match[2], path

    def _path(self, generation: int, kind: str) -> Path:
        return self._folder / f"{generation:09d}.{kind}.parquet"

    def _write(self, generation: int, kind: str, table: pa.Table) -> None:
        files.write(self._path(generation, kind), lambda file: parquet.write_table(table, file, compression="zstd"))

    def _read(self, generation: int, kind: str) -> pa.Table:
        path = self._path(generation, kind)
        try:
            return parquet.read_table(path)
        except (FileNotFoundError, pa.ArrowInvalid) as error:
            raise InputError(
                f"`{path}`, which says whom the target has, is missing or damaged: {error}",
                hint="Restore it, or remove the sync and add it again; the target then gets everybody anew.",
            ) from error


def _texts(table: pa.Table, column: str) -> list[str]:
    found: list[Any] = table.column(column).to_pylist()
    return found
