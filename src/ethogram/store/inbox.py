"""The inbox: a block of checked rows becomes an accepted batch, on disk before anyone is told so.

Step of the path: collect → store. Writes one Parquet file per block beside the workspace, flushed together with its
folder, and then one row in the ledger; the file may be written ahead, while the block before is being stored. From
that row on the block is stored sooner or later, whatever happens to the process. It does not look at the rows:
`collect` has checked them, `loader.py` stores them.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ethogram.errors import InputError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    from ethogram.store.ledger import Batch, Ledger

_TS: pa.DataType = pa.timestamp("us", tz="UTC")
_TEXT: pa.DataType = pa.string()
_TEXTS: pa.DataType = pa.list_(pa.string())
# The columns of a block, by kind: what `collect` makes and `loader.py` stores.
SCHEMAS: dict[str, pa.Schema] = {
    "events": pa.schema(
        [
            ("profile_id", _TEXT),
            ("ts", _TS),
            ("event", _TEXT),
            ("properties", _TEXT),
            ("message_id", _TEXT),
        ]
    ),
    "profiles": pa.schema(
        [
            ("profile_id", _TEXT),
            ("ts", _TS),
            ("traits", _TEXT),
            ("unset", _TEXTS),
            ("message_id", _TEXT),
        ]
    ),
    "accounts": pa.schema(
        [
            ("account_id", _TEXT),
            ("ts", _TS),
            ("traits", _TEXT),
            ("unset", _TEXTS),
            ("message_id", _TEXT),
        ]
    ),
}
# Of rows that came as calls: how their id came, see `schema.py`.
KNOWN = pa.field("known", pa.uint8())
_TEMPORARY = ".part"


@dataclass(frozen=True, slots=True)
class Block:
    """Checked rows of one kind, with what was left out of them."""

    id: str
    kind: str  # 'events', 'profiles' or 'accounts'
    load: str
    ordinal: int
    rows: pa.Table  # of SCHEMAS[kind]
    rejected: int = 0
    duplicates: int = 0
    sha256: str | None = None  # of its file, when `write_ahead` has written just these rows


def folder(directory: Path) -> Path:
    """Where a workspace's block files are."""
    return directory / "batches"


def _nothing() -> None:
    """The default of `between`: tests put a fault there."""


def accept(
    block: Block, *, directory: Path, ledger: Ledger, now: dt.datetime, between: Callable[[], None] = _nothing
) -> Batch:
    """The accepted batch; it is on disk when this returns, and accepting it again changes nothing.

    Args:
        directory: the workspace.
        between: called after the file is on disk and before the ledger knows it.
    """
    file: str | None = None
    sha256: str | None = None
    first_at = last_at = None
    path = folder(directory) / f"{block.id}.parquet"
    if block.rows.num_rows:
        file = path.name
        sha256 = block.sha256
        # Whoever sweeps may have taken it for a leftover.
        if sha256 is None or not _temporary(path).exists():
            sha256 = write_ahead(block.id, block.kind, block.rows, directory)
        _temporary(path).rename(path)
        _flush_folder(path.parent)
        span = pc.min_max(block.rows["ts"])
        first_at, last_at = span["min"].as_py(), span["max"].as_py()
    else:
        _temporary(path).unlink(missing_ok=True)
    between()
    return ledger.accept_batch(
        block.id,
        kind=block.kind,
        load=block.load,
        ordinal=block.ordinal,
        file=file,
        sha256=sha256,
        rows=block.rows.num_rows,
        rejected=block.rejected,
        duplicates=block.duplicates,
        first_at=first_at,
        last_at=last_at,
        now=now,
    )


def write_ahead(block: str, kind: str, rows: pa.Table, directory: Path) -> str:
    """The SHA-256 of a block's file, which is complete and flushed, and not yet accepted: `sweep` removes it.

    Args:
        block: its id.
        directory: the workspace.
    """
    path = folder(directory) / f"{block}.parquet"
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        _flush_folder(path.parent.parent)
    schema = SCHEMAS[kind].append(KNOWN) if KNOWN.name in rows.column_names else SCHEMAS[kind]
    pq.write_table(rows.cast(schema), _temporary(path), compression="zstd", use_dictionary=False)
    with _temporary(path).open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        os.fsync(handle.fileno())
    return digest


def publish(block: str, directory: Path) -> None:
    """Gives a block's file, written ahead, the name that its batch will say, on disk."""
    path = folder(directory) / f"{block}.parquet"
    _temporary(path).rename(path)
    _flush_folder(path.parent)


def verify(batch: Batch, directory: Path) -> Path | None:
    """The batch's block file, its content checked; None for a batch without rows.

    Raises:
        InputError: the file is missing or is not what was accepted.
    """
    if batch.file is None:
        return None
    path = folder(directory) / batch.file
    hint = "Restore the file from a copy of the workspace, or load its source again with `--again`."
    if not path.exists():
        raise InputError(f"the accepted block `{path}` is missing", hint=hint, batch=batch.id)
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != batch.sha256:
        raise InputError(
            f"the accepted block `{path}` is damaged: its content is not what was accepted", hint=hint, batch=batch.id
        )
    return path


def sweep(directory: Path, ledger: Ledger) -> tuple[str, ...]:
    """Names of the files that it removed: unfinished ones, and finished ones whose acceptance never came.

    Only the process that owns the workspace calls this, before it accepts anything.
    """
    blocks = folder(directory)
    if not blocks.is_dir():
        return ()
    known = {batch.file for batch in ledger.batches()}
    orphans = sorted(
        path.name
        for path in blocks.iterdir()
        if path.name.endswith(_TEMPORARY) or (path.suffix == ".parquet" and path.name not in known)
    )
    for name in orphans:
        (blocks / name).unlink()
    return tuple(orphans)


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + _TEMPORARY)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
