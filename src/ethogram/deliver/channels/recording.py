"""A channel that sends nothing and keeps what it was given: for dry runs, trying out, and tests.

Step of the path: deliver. With a path, each message is a line of JSON in a file, written before it counts as taken.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import IO, Any

import msgspec

from ethogram.clock import Clock
from ethogram.model.message import Accepted, Later, Letter, Outcome


class RecordingChannel:
    """Takes everything; the same id once.

    Attributes:
        letters: by id, in the order in which they came.
    """

    idempotent = True

    def __init__(self, name: str, clock: Clock, path: Path | None = None) -> None:
        self.name = name
        self.letters: dict[str, Letter] = {}
        self._clock = clock
        self._path = path
        self._file: IO[bytes] | None = None
        self._written: set[str] = set()

    async def send(self, letter: Letter) -> Outcome:
        """That it is kept."""
        if self._path is None:
            self.letters.setdefault(letter.id, letter)
            return Accepted(letter.id)
        try:
            file = self._file or self._open(self._path)
            if letter.id not in self._written:
                file.write(_line(letter, self._clock.now()))
                self._written.add(letter.id)
        except OSError as error:
            return Later(f"`{self._path}` cannot be written: {error.strerror or error}")
        return Accepted(letter.id)

    async def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, path: Path) -> IO[bytes]:
        """The file, opened for adding whole lines; what it has already is known by its ids."""
        if path.exists():
            with path.open("rb") as held:
                for line in held:
                    try:
                        self._written.add(msgspec.json.decode(line)["id"])
                    except (msgspec.DecodeError, KeyError, TypeError):
                        continue  # the end of a line that a crash cut off; its message comes again
        self._file = path.open("ab", buffering=0)
        if self._file.tell() and not _ends_whole(path):
            self._file.write(b"\n")
        return self._file


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as held:
        held.seek(-1, 2)
        return held.read(1) == b"\n"


def _line(letter: Letter, at: dt.datetime) -> bytes:
    content: dict[str, Any] = {
        field.name: getattr(letter.content, field.name) for field in dataclasses.fields(letter.content)
    }
    told = {
        "id": letter.id,
        "at": at,
        "address": letter.address,
        "content": type(letter.content).__name__,
        **content,
    }
    return msgspec.json.encode(told, enc_hook=dict) + b"\n"
