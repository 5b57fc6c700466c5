"""Tables of members in the formats that people ask for.

Turns an Arrow table into bytes, whole: members are an id and an instant each, so a million are some tens of megabytes.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import ipc, parquet

from ethogram.model.spreadsheets import formula_proof

MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
_BATCH = 50_000


def wanted(accept: str) -> str:
    """The format that an `Accept` header names first; JSON where it names none of ours."""
    for part in accept.split(","):
        asked = part.partition(";")[0].strip().lower()
        for kind, media_type in MEDIA_TYPES.items():
            if asked == media_type.partition(";")[0]:
                return kind
    return "json"


def encoded(table: pa.Table, kind: str) -> bytes:
    """The table in a format."""
    if kind == "csv":
        return _csv(table)
    if kind == "jsonl":
        encoder = msgspec.json.Encoder()
        return b"".join(encoder.encode_lines(batch.to_pylist()) for batch in table.to_batches(max_chunksize=_BATCH))
    sink = io.BytesIO()
    if kind == "parquet":
        parquet.write_table(table, sink, compression="zstd")
    else:
        target: Any = sink  # the published types leave binary files out
        with ipc.new_stream(target, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def _csv(table: pa.Table) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    names = table.column_names
    writer.writerow([formula_proof(name) for name in names])
    for batch in table.to_batches(max_chunksize=_BATCH):
        writer.writerows([_cell(row[name]) for name in names] for row in batch.to_pylist())
    return text.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return formula_proof(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
