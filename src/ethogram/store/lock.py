"""Holds an embedded warehouse for one process, and says who holds it otherwise.

Step of the path: store. The embedded engine lets one process open a path; a second one would get the engine's own
words. The lock is the operating system's (flock), so that it ends with its process however that ends; the file's
text is only for the message.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path
from typing import IO

from ethogram.errors import WorkspaceBusyError


class PathLock:
    """The lock of one directory.

    Raises:
        WorkspaceBusyError: another process holds it; the message names its number and command.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._file: IO[str] | None = None
        file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = _holder(file.read())
            file.close()
            raise WorkspaceBusyError(
                f"`{directory}` is in use by {holder}",
                hint="Wait until it has finished, or stop it, and try again. Nothing was changed.",
                path=str(directory),
            ) from None
        file.seek(0)
        file.truncate()
        # argv is what the person typed; it is the quickest way to recognise the other window.
        json.dump({"pid": os.getpid(), "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]}, file)
        file.flush()
        self._file = file

    def release(self) -> None:
        """Gives the directory free; a second call does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _holder(text: str) -> str:
    try:
        facts = json.loads(text)
        return f"process {facts['pid']} (`{facts['command']}`)"
    except (ValueError, KeyError, TypeError):
        return "another process"
