"""Writes rows as CSV, Parquet or JSON lines, whole or not at all.

Step of the path: deliver. Writes files; knows no segment and no ledger. A file appears under its name when its bytes
are on disk, so that whoever reads it never sees half of one.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
from pyarrow import parquet

from ethogram.model.spreadsheets import formula_proof

FORMATS = ("csv", "parquet", "jsonl")
Row = Mapping[str, Any]


def write(path: Path, write_into: Callable[[BinaryIO], None]) -> None:
    """Puts a file in place: written beside it, brought to disk, and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            write_into(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_rows(path: Path, format: str, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Puts a file with rows in place.

    Args:
        names: of the columns, in order.
    """
    if format == "csv":
        write(path, lambda file: _write_csv(file, names, rows))
    elif format == "jsonl":
        encode = msgspec.json.Encoder(order="deterministic").encode
        write(
            path, lambda file: file.writelines(encode({name: row.get(name) for name in names}) + b"\n" for row in rows)
        )
    elif format == "parquet":
        table = pa.table({name: _column([row.get(name) for row in rows]) for name in names})
        write(path, lambda file: parquet.write_table(table, file, compression="zstd"))
    else:
        raise ValueError(f"no such format: {format}")


def _write_csv(file: BinaryIO, names: Sequence[str], rows: Sequence[Row]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
    try:
        writer = csv.writer(text)
        writer.writerow([formula_proof(name) for name in names])
        writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
    finally:
        text.detach()  # whoever opened the file closes it


def _cell(value: Any) -> str:
    """A cell: text that no spreadsheet takes for a formula; a number stays one, below zero too."""
    if value is None:
        return ""
    if isinstance(value, str):
        return formula_proof(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else msgspec.json.encode(value).decode()


def _column(values: Sequence[Any]) -> pa.Array[Any]:
    """A column of the one type that all values have, else of text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or kinds in ({bool}, {str}):
        try:
            return pa.array([float(v) if float in kinds and v is not None else v for v in values], _type(kinds))
        except (pa.ArrowInvalid, OverflowError):
            pass
    encoded = [v if v is None or isinstance(v, str) else msgspec.json.encode(v).decode() for v in values]
    return pa.array(encoded, pa.string())


def _type(kinds: set[type]) -> pa.DataType:
    if float in kinds:
        return pa.float64()
    if int in kinds:
        return pa.int64()
    return pa.bool_() if bool in kinds else pa.string()
