"""Files that somebody drops on a page: kept beside the workspace, looked at, loaded in the background, then removed.

Each import has a number of its own that only its page knows. Loading goes on when the page is closed; stopping it keeps
what is stored by then, and loading the file again adds the rest.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ethogram.errors import EthogramError, InputError, UnknownNameError
from ethogram.model.results import LoadSummary
from ethogram.runtime import Kind, LoadOptions, Workspace

_FOLDER: Final = ".importing"
_MOST: Final = 20


class StoppedError(Exception):
    """Somebody stopped the load."""


@dataclass(slots=True)
class Import:
    """A file on its way in.

    Attributes:
        fraction: of the file that is read; None while it is not known.
        summary: what the load did, when it is done.
    """

    token: str
    path: Path
    name: str
    kind: Kind = "events"
    running: bool = False
    rows: int = 0
    rejected: int = 0
    fraction: float | None = None
    summary: LoadSummary | None = None
    error: EthogramError | None = None
    stopped: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def rejects(self) -> Path:
        """Where rows are that cannot be taken."""
        return self.path.with_name("rejected.jsonl")

    def stop(self) -> None:
        """Ends the load after the block that it is at."""
        self.stopping.set()

    def report(self, progress: Any) -> None:
        """Notes how far the load is.

        Raises:
            StoppedError: somebody stopped it.
        """
        self.rows, self.rejected, self.fraction = progress.rows, progress.rejected, progress.fraction
        if self.stopping.is_set():
            raise StoppedError


class Imports:
    """The imports of one process."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._folder = workspace.path / _FOLDER
        self._imports: dict[str, Import] = {}
        self._lock = threading.Lock()
        shutil.rmtree(self._folder, ignore_errors=True)  # of a process that ended meanwhile

    def begin(self, name: str) -> Import:
        """A place for a file that is about to come."""
        token = secrets.token_urlsafe(16)
        shown = Path(name.replace("\\", "/")).name[:200] or "file"
        # The ending says what a file is; nothing else of the name becomes a path of ours.
        endings = [each for each in Path(shown).suffixes[-2:] if each.removeprefix(".").isalnum() and each.isascii()]
        folder = self._folder / token
        with self._lock:
            for old in list(self._imports.values())[: max(0, len(self._imports) - _MOST)]:
                if not old.running:
                    self.remove(old.token)
            folder.mkdir(parents=True)
            made = self._imports[token] = Import(token, folder / ("file" + "".join(endings).lower()), shown)
        return made

    def get(self, token: str) -> Import:
        """The import of a token.

        Raises:
            UnknownNameError: there is none, any more.
        """
        found = self._imports.get(token)
        if found is None:
            raise UnknownNameError("this file is not here any more", hint="Drop it once more.")
        return found

    def remove(self, token: str) -> None:
        """Forgets an import, and its file."""
        self._imports.pop(token, None)
        shutil.rmtree(self._folder / token, ignore_errors=True)

    def start(self, chosen: Import, kind: Kind, options: LoadOptions) -> None:
        """Begins to load a file in the background.

        Raises:
            InputError: it is being loaded already.
        """
        with self._lock:
            if chosen.running:
                raise InputError("this file is being loaded already")
            chosen.kind, chosen.running, chosen.error, chosen.summary, chosen.stopped = kind, True, None, None, False
            chosen.stopping.clear()
        threading.Thread(target=self._load, args=(chosen, options), daemon=True).start()

    def _load(self, chosen: Import, options: LoadOptions) -> None:
        workspace = self._workspace
        loads = {
            "events": workspace.load_events,
            "profiles": workspace.load_profiles,
            "accounts": workspace.load_accounts,
        }
        options["progress"] = chosen.report
        options["rejects"] = chosen.rejects
        try:
            chosen.summary = loads[chosen.kind](chosen.path, **options)
        except StoppedError:
            chosen.stopped = True
        except EthogramError as error:
            chosen.error = error
        except Exception as fault:  # noqa: BLE001  # a page waits for an end, whatever it is
            chosen.error = InputError(f"the file cannot be loaded: {type(fault).__name__}: {fault}")
        finally:
            chosen.running = False
