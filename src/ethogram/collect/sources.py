"""Sources: which files are meant, what they are, and their bytes.

Step of the path: collect. Resolves paths, globs and standard input; tells compression and format from the content;
computes the digest that makes loading a file twice harmless. It refuses what is no data file, and reads no row.
"""

from __future__ import annotations

import glob
import hashlib
import io
import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pyarrow as pa

from ethogram.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FORMATS = ("csv", "jsonl", "parquet")
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_ALIASES = {"json": "jsonl", "ndjson": "jsonl", "jsonlines": "jsonl", "tsv": "csv", "pq": "parquet"}
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """One file to load."""

    name: str  # as it was given, for people
    path: Path
    format: str  # 'csv', 'jsonl' or 'parquet'
    compression: str | None  # 'gzip', 'zstd' or None
    size: int  # bytes on disk


def resolve(given: Sequence[str | Path]) -> list[tuple[str, Path | None]]:
    """The files that paths and globs name, in order; None stands for standard input.

    Raises:
        InputError: nothing there, a glob without a match, or a directory.
    """
    found: list[tuple[str, Path | None]] = []
    for each in given:
        name = str(each)
        if name == "-":
            found.append(("standard input", None))
            continue
        path = Path(name)
        if path.is_dir():
            raise InputError(f"`{name}` is a directory", hint=f"Name its files: `{name.rstrip('/')}/*.csv`.")
        if path.exists():
            found.append((name, path))
            continue
        # `Path.glob` takes no absolute patterns.
        matches = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []  # noqa: PTH207
        files = [(match, Path(match)) for match in matches if Path(match).is_file()]
        if not files:
            what = "matches no file" if glob.has_magic(name) else "does not exist"
            raise InputError(f"`{name}` {what}", hint="Check the path; it starts from the current directory.")
        found.extend(files)
    if not found:
        raise InputError("there is no file to load", hint="Name one: `ethogram load events orders.csv`.")
    return found


@contextmanager
def opened(name: str, path: Path | None, format: str | None) -> Iterator[Source]:
    """The source, looked at; standard input is kept in a temporary file meanwhile.

    Raises:
        InputError: empty, not readable, UTF-16, or of no known format.
    """
    if path is not None:
        yield _examined(name, path, format)
        return
    with tempfile.TemporaryDirectory(prefix="ethogram-") as folder:
        kept = Path(folder) / "stdin"
        with kept.open("wb") as handle:
            shutil.copyfileobj(sys.stdin.buffer, handle)
        yield _examined(name, kept, format)


def digest(source: Source) -> str:
    """The SHA-256 of the file's bytes; compressed content is read to its end on the way.

    Raises:
        InputError: the compressed data is damaged or ends early. Nothing has been accepted then.
    """
    if source.compression is not None:
        with stream(source) as content:
            try:
                while content.read(_CHUNK):
                    pass
            except (OSError, EOFError, pa.ArrowInvalid) as error:
                raise InputError(
                    f"`{source.name}` is damaged: its {source.compression} data cannot be read to the end",
                    hint="Transfer or compress the file again; nothing was loaded from it.",
                ) from error
    with source.path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def stream(source: Source) -> BinaryIO:
    """The content, decompressed."""
    raw = source.path.open("rb")
    if source.compression is None:
        return raw
    return cast("BinaryIO", io.BufferedReader(_Decompressed(raw, source.compression), _CHUNK))


class _Decompressed(io.RawIOBase):
    """Arrow's decompression as a Python file; a truncated end is an error, never a short read."""

    def __init__(self, raw: BinaryIO, compression: str) -> None:
        self._raw = raw
        self._content = pa.CompressedInputStream(
            pa.PythonFile(cast("io.IOBase", raw), mode="r"), cast("Any", compression)
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type] # any writable buffer
        data = self._content.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._content.close()
            self._raw.close()
        super().close()


def _examined(name: str, path: Path, format: str | None) -> Source:
    try:
        size = path.stat().st_size
        with path.open("rb") as handle:
            head = handle.read(8)
    except OSError as error:
        raise InputError(f"`{name}` cannot be read: {error.strerror}") from error
    if not size:
        raise InputError(f"`{name}` is empty", hint="Check how it was made; there is nothing in it to load.")
    compression = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    source = Source(name, path, "csv", compression, size)
    if compression is not None:
        with stream(source) as content:
            try:
                head = content.read(4096)
            except (OSError, EOFError, pa.ArrowInvalid) as error:
                raise InputError(f"`{name}` is damaged: it is no readable {compression} file") from error
        if not head:
            raise InputError(f"`{name}` is empty once it is decompressed")
    else:
        with path.open("rb") as handle:
            head = handle.read(4096)
    return Source(name, path, _format(name, head, format), compression, size)


def _format(name: str, head: bytes, given: str | None) -> str:
    if given is not None:
        chosen = _ALIASES.get(given.lower(), given.lower())
        if chosen not in FORMATS:
            raise InputError(f"there is no format `{given}`", hint=f"Formats are {', '.join(FORMATS)}.")
    else:
        chosen = ""
    if head.startswith(b"PAR1"):
        return "parquet"
    if chosen == "parquet":
        raise InputError(f"`{name}` is not a Parquet file", hint="Leave out the format to have it found out.")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[:64].count(b"\x00") * 3 > len(head[:64]):
        raise InputError(
            f"`{name}` is UTF-16 or binary, not UTF-8 text",
            hint="Save it as UTF-8 (in a shell: `iconv -f UTF-16 -t UTF-8 FILE > NEW`) and load that.",
        )
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise InputError(f"`{name}` holds nothing but blanks", hint="Check how it was made.")
    if chosen:
        return chosen
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return "jsonl"
    return "csv"
