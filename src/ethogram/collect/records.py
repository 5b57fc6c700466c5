"""Readers: each file format as blocks of raw rows, always the same blocks for the same file.

Step of the path: collect. Reads a source; yields columns (CSV, Parquet) or objects (JSON lines) with their line
numbers, and a rejection for each row that its format does not allow. It knows no mapping and checks no value.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ethogram.collect.columns import check_names
from ethogram.collect.sources import Source, stream
from ethogram.errors import InputError
from ethogram.model.results import Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ethogram.collect.arrays import Column
    from ethogram.collect.values import Limits

SHOWN = 10_000  # characters of a rejected row that are kept


@dataclass(frozen=True, slots=True)
class Rows:
    """One block: either columns (`columns`) or one object per row (`objects`), and the rows that are neither."""

    lines: list[int] | range  # of each row: line, or row number in Parquet; from 1
    columns: dict[str, Column] | None
    objects: list[dict[str, Any]] | None
    shown: Callable[[int], str]  # a row as text, for the rejects file
    rejections: list[Rejection] = field(default_factory=list)
    position: int = 0  # bytes of the file that are behind it

    @property
    def count(self) -> int:
        """Rows that could be read."""
        return len(self.lines)


def read(source: Source, limits: Limits) -> Iterator[Rows]:
    """The blocks of a source, in order; rejected rows count towards a block's size, so blocks are always the same.

    Raises:
        InputError: the file as a whole cannot be taken.
    """
    match source.format:
        case "csv":
            return _read_csv(source, limits)
        case "jsonl":
            return _read_json(source, limits)
        case _:
            return _read_parquet(source, limits)


# --- CSV -------------------------------------------------------------------------------------------------------


class _Lines:
    """Lines of a text file with their numbers, some of which may be pushed back."""

    def __init__(self, text: TextIO, head: str) -> None:
        self._text = text
        self._again = [head]
        self.number = 0  # of the line handed out last
        self.taken: list[str] = []  # since the record began

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._text)
        self.number += 1
        self.taken.append(line)
        return line

    def begin(self) -> int:
        """The number of the line at which the next record begins."""
        self.taken = []
        return self.number + 1

    def keep_first(self) -> str:
        """The first line of the record; the others are handed out again."""
        first, rest = self.taken[0], self.taken[1:]
        self._again.extend(reversed(rest))
        self.number -= len(rest)
        return first


def _read_csv(source: Source, limits: Limits) -> Iterator[Rows]:
    with stream(source) as raw:
        # Bytes that are not UTF-8 become lone surrogates here, so that only their row is rejected.
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
        csv.field_size_limit(2 * limits.bytes)
        head = _header_line(text, source, limits)
        delimiter = _delimiter(head)
        lines = _Lines(text, head)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            names = next(reader)
        except csv.Error as error:
            raise InputError(f"the header of `{source.name}` is not CSV: {error}") from error
        names = [name.strip() for name in names]
        if any("\udc80" <= letter <= "\udcff" for name in names for letter in name):
            raise InputError(
                f"the header of `{source.name}` is not UTF-8",
                hint="Save the file as UTF-8 (in a shell: `iconv -f LATIN1 -t UTF-8 FILE > NEW`).",
            )
        names = [name or f"column_{at}" for at, name in enumerate(names, start=1)]
        check_names(names, limits, source.name)
        yield from _csv_blocks(reader, lines, names, limits)


def _header_line(text: TextIO, source: Source, limits: Limits) -> str:
    head = text.readline(64 * limits.bytes)
    if not head.strip():
        raise InputError(f"`{source.name}` has no header line", hint="The first line names the columns.")
    return head


def _delimiter(head: str) -> str:
    """The character that separates the header's names: the most frequent outside of quotes."""
    outside = "".join(head.split('"')[::2])
    return max(",;\t|", key=outside.count) if any(mark in outside for mark in ",;\t|") else ","


def _csv_blocks(reader: Any, lines: _Lines, names: list[str], limits: Limits) -> Iterator[Rows]:
    width = len(names)
    at: list[int] = []
    rows: list[list[str]] = []
    rejections: list[Rejection] = []
    size = 0
    more = True
    while more:
        begin = lines.begin()
        try:
            row = next(reader)
        except StopIteration:
            more = False
        except csv.Error as error:
            taken = len(lines.taken)
            first = lines.keep_first()
            rejections.append(Rejection(begin, _csv_reason(str(error), taken, limits), first.rstrip("\r\n")[:SHOWN]))
        else:
            size += sum(map(len, lines.taken))
            if len(row) == width:
                at.append(begin)
                rows.append(row)
            elif row:  # blank lines are nothing
                reason = f"{len(row):,} fields where the header names {width:,}"
                rejections.append(Rejection(begin, reason, "".join(lines.taken).rstrip("\r\n")[:SHOWN]))
        full = len(rows) + len(rejections) >= limits.rows_per_block or size >= limits.bytes_per_block
        if (full or not more) and (rows or rejections):
            yield _csv_rows(at, rows, names, rejections, size)
            at, rows, rejections, size = [], [], [], 0


def _csv_reason(error: str, taken: int, limits: Limits) -> str:
    if "field larger" in error:
        if taken == 1:
            return f"a field is longer than {2 * limits.bytes:,} bytes"
        return "a quote opens here and does not close"
    if "unexpected end" in error:
        return "a quote opens here and does not close"
    if "expected after" in error:
        return "text follows a closing quote; a quote inside a quoted field is written twice"
    return f"not CSV: {error}"


def _csv_rows(at: list[int], rows: list[list[str]], names: list[str], rejections: list[Rejection], size: int) -> Rows:
    try:
        columns = _text_columns(rows, names)
    except UnicodeEncodeError:
        kept_at, kept = [], []
        for line, row in zip(at, rows, strict=True):
            broken = next((name for name, value in zip(names, row, strict=True) if not _is_text(value)), None)
            if broken is None:
                kept_at.append(line)
                kept.append(row)
            else:
                shown = ",".join(row).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                rejections.append(Rejection(line, f"`{broken}` is not UTF-8", shown[:SHOWN]))
        at, rows = kept_at, kept
        columns = _text_columns(rows, names)
    return Rows(at, columns, None, lambda row: _as_csv(rows[row]), rejections, size)


def _text_columns(rows: list[list[str]], names: list[str]) -> dict[str, Column]:
    turned: Any = zip(*rows, strict=True) if rows else ([] for _ in names)
    # An empty field is no value: CSV cannot tell it from an empty text.
    return {
        name: pa.array([value or None for value in column], pa.string())
        for name, column in zip(names, turned, strict=True)
    }


def _is_text(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _as_csv(row: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()[:SHOWN]


# --- JSON lines --------------------------------------------------------------------------------------------------


def _read_json(source: Source, limits: Limits) -> Iterator[Rows]:
    at: list[int] = []
    objects: list[dict[str, Any]] = []
    raws: list[bytes] = []
    rejections: list[Rejection] = []
    size = 0
    decode = msgspec.json.Decoder().decode
    with stream(source) as raw:
        for number, line in enumerate(_json_lines(raw, source, limits), start=1):
            size += len(line)
            content = line.strip()
            if content:
                value = _decoded(content, decode)
                if isinstance(value, dict):
                    at.append(number)
                    objects.append(value)
                    raws.append(content)
                else:
                    shown = content[: 4 * SHOWN].decode("utf-8", "backslashreplace")[:SHOWN]
                    rejections.append(Rejection(number, value, shown))
            if len(objects) + len(rejections) >= limits.rows_per_block or size >= limits.bytes_per_block:
                yield _json_rows(at, objects, raws, rejections, size)
                at, objects, raws, rejections, size = [], [], [], [], 0
    if objects or rejections:
        yield _json_rows(at, objects, raws, rejections, size)


def _json_rows(
    at: list[int], objects: list[dict[str, Any]], raws: list[bytes], rejections: list[Rejection], size: int
) -> Rows:
    return Rows(at, None, objects, lambda row: raws[row].decode("utf-8", "backslashreplace")[:SHOWN], rejections, size)


def _json_lines(raw: Any, source: Source, limits: Limits) -> Iterator[bytes]:
    """Lines; a line longer than a block is cut, so that a file without line ends does not fill the memory."""
    first = True
    longest = limits.bytes_per_block
    while line := raw.readline(longest):
        if first:
            line = line.removeprefix(b"\xef\xbb\xbf")
            if line.lstrip().startswith(b"["):
                raise InputError(
                    f"`{source.name}` is one JSON list, not JSON lines",
                    hint="Write one object per line (in a shell: `jq -c '.[]' FILE > NEW.jsonl`).",
                )
            first = False
        if len(line) >= longest and not line.endswith(b"\n"):
            while (rest := raw.readline(longest)) and not rest.endswith(b"\n"):
                pass
            line = line[:SHOWN]
        yield line


def _decoded(content: bytes, decode: Callable[[bytes], Any]) -> dict[str, Any] | str:
    """The object, or the reason why there is none."""
    try:
        value = decode(content)
    except UnicodeDecodeError:
        return "not UTF-8"
    except RecursionError:
        return "nested too deeply"
    except msgspec.MsgspecError as error:
        return _json_reason(content, str(error))
    if isinstance(value, dict):
        return value
    return f"a JSON {type(value).__name__} where an object is expected"


def _json_reason(content: bytes, error: str) -> str:
    if "out of range" in error:
        return "a number that is too large to be kept"
    if any(word in content for word in (b"NaN", b"Infinity")):
        return "NaN or Infinity, which JSON does not have"
    if b"\\ud" in content.lower() and ("truncated" in error or "surrogate" in error or "escape" in error):
        return "text with half of a surrogate pair"
    return f"not JSON: {error[:200]}"


# --- Parquet -----------------------------------------------------------------------------------------------------


def _read_parquet(source: Source, limits: Limits) -> Iterator[Rows]:
    try:
        with stream(source) as raw:
            file = pq.ParquetFile(io.BytesIO(raw.read()) if source.compression else source.path, memory_map=True)
            names = file.schema_arrow.names
            check_names(names, limits, source.name)
            total = sum(file.metadata.row_group(at).total_byte_size for at in range(file.metadata.num_row_groups))
            rows = max(1, file.metadata.num_rows)
            # Wide rows come in smaller blocks; the file's own figures decide, so it is the same every time.
            size = max(1, min(limits.rows_per_block, limits.bytes_per_block * 4 * rows // max(1, total)))
            begin = 0
            for table in _evenly(file.iter_batches(batch_size=size), size):
                yield table_rows(table, begin, source.size * min(begin + size, rows) // rows)
                begin += table.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"`{source.name}` is a damaged Parquet file: {str(error).splitlines()[0][:200]}",
            hint="Write or transfer it again.",
        ) from error


def _evenly(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """Tables of exactly `size` rows and a last one, however the file's row groups lie."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= size:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, size)
            waiting = table.slice(size).to_batches()
            rows -= size
    if rows:
        yield pa.Table.from_batches(waiting)


def table_rows(table: pa.Table, begin: int, position: int) -> Rows:
    """Rows of a table of columns; `begin` is how many rows came before."""
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}

    def shown(row: int) -> str:
        facts = {name: _shown_value(column, row) for name, column in columns.items()}
        try:
            return msgspec.json.encode(facts, enc_hook=str).decode()[:SHOWN]
        except (ValueError, OverflowError, TypeError):
            return str(facts)[:SHOWN]

    return Rows(range(begin + 1, begin + 1 + table.num_rows), columns, None, shown, [], position)


def _shown_value(column: Column, row: int) -> Any:
    """A value for people to read, whatever it is."""
    try:
        return column[row].as_py()
    except UnicodeDecodeError as error:
        return bytes(error.object).decode("utf-8", "backslashreplace")
    except (ValueError, OverflowError):
        return f"a {column.type} that Python cannot show"
