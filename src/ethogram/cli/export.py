"""Writes a table of members as CSV, Parquet, JSON lines or Arrow: to a whole file at once, or to standard output."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ethogram.cli.plain import to_json
from ethogram.errors import InputError
from ethogram.model.spreadsheets import formula_proof

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("csv", "parquet", "jsonl", "arrow")
_ENDINGS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".arrow": "arrow"}
_BATCH = 50_000


def format_of(output: Path | None, given: str | None) -> str:
    """The format meant: the one given, else the file's ending.

    Raises:
        InputError: the ending says nothing.
    """
    if given is not None:
        return given
    ending = output.suffix.lower() if output is not None else ""
    if ending not in _ENDINGS:
        raise InputError(
            f"`{output}` has an ending that is no format", hint=f"Use {', '.join(_ENDINGS)}, or add --format."
        )
    return _ENDINGS[ending]


def write_file(table: pa.Table, path: Path, kind: str) -> None:
    """Writes the table to a file, which appears when it is whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        # A file that the person may read as any other: mkstemp's own mode is for secrets.
        os.fchmod(handle, 0o666 & ~_umask())
        with os.fdopen(handle, "wb") as file:
            _write(table, file, kind, seekable=True)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_stream(table: pa.Table, kind: str) -> None:
    """Writes the table to standard output.

    Raises:
        click.UsageError: bytes would go to a terminal.
    """
    if kind in ("parquet", "arrow") and sys.stdout.isatty():
        raise click.UsageError(f"{kind} is not for a terminal: add --output FILE, or redirect it.")
    stream = sys.stdout.buffer
    _write(table, stream, kind, seekable=False)
    stream.flush()


def _write(table: pa.Table, file: BinaryIO, kind: str, *, seekable: bool) -> None:
    if kind == "csv":
        _write_csv(table, file)
    elif kind == "jsonl":
        file.writelines(
            "".join(to_json(row, indent=None) + "\n" for row in batch.to_pylist()).encode()
            for batch in table.to_batches(max_chunksize=_BATCH)
        )
    elif kind == "parquet":
        from pyarrow import parquet

        parquet.write_table(table, file, compression="zstd")
    else:
        from pyarrow import ipc

        # The file form needs to know its place, so a pipe gets the stream form; readers take both.
        sink: Any = file  # the published types leave binary files out
        with (ipc.new_file if seekable else ipc.new_stream)(sink, table.schema) as writer:
            writer.write_table(table)


def _write_csv(table: pa.Table, file: BinaryIO) -> None:
    import csv
    import io

    names = table.column_names
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
    try:
        writer = csv.writer(text)
        writer.writerow([formula_proof(name) for name in names])
        for batch in table.to_batches(max_chunksize=_BATCH):
            writer.writerows([_cell(row[name]) for name in names] for row in batch.to_pylist())
    finally:
        text.detach()  # the caller closes the file


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return formula_proof(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
