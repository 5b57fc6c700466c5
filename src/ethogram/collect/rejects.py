"""The rejects file: every row that was not taken, with its line and the reason, one JSON object per line.

Step of the path: collect. Writes beside the workspace. A load that is taken up again reads its source from the start,
so the file is written anew and is complete.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ethogram.model.results import Rejection


class RejectsFile:
    """Opened at the first rejection; no rejection, no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def add(self, source: str, rejections: Iterable[Rejection]) -> None:
        """Writes rejections of a source."""
        for each in rejections:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("wb")
            row = {"file": source, "line": each.line, "reason": each.reason, "row": each.row}
            self._file.write(msgspec.json.encode(row) + b"\n")

    @property
    def name(self) -> str | None:
        """The file, when there is one."""
        return str(self._path) if self._file is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
