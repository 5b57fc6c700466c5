"""Files that somebody drops on a page: kept beside the workspace, looked at, loaded in the background, then removed.

Each import has a number of its own that only its page knows. Loading goes on when the page is closed; stopping it keeps
what is stored by then, and loading the file again adds the rest.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ethogram import generated_shop
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
        made_up: it is the generated shop, for looking round.
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
    made_up: bool = False
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
        self._filling = threading.Lock()
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

    def look_round(self) -> Import:
        """Begins to fill an empty workspace with the generated shop and the ready segments that fit it.

        Raises:
            InputError: the workspace is not empty.
        """
        status = self._workspace.status()
        if status.events or status.profiles or not self._filling.acquire(blocking=False):
            raise InputError(
                "the made-up shop is for an empty workspace only, so that nobody mixes it up with their own people",
                hint="`ethogram init` makes another workspace.",
            )
        chosen = self.begin("generated shop")
        chosen.made_up = chosen.running = True
        threading.Thread(target=self._ended, args=(chosen, self._fill), daemon=True).start()
        return chosen

    def _fill(self, chosen: Import) -> LoadSummary:
        workspace = self._workspace
        try:
            shop = generated_shop.moved(generated_shop.generate(), workspace.now())
            events, profiles, accounts = generated_shop.write(chosen.path.parent, shop)
            summary = workspace.load_events(events, progress=chosen.report)
            workspace.load_profiles(profiles)
            workspace.load_accounts(accounts)
            workspace.apply_ready()
            workspace.run()
            return summary
        finally:
            self._filling.release()
            shutil.rmtree(chosen.path.parent, ignore_errors=True)

    def _load(self, chosen: Import, options: LoadOptions) -> None:
        workspace = self._workspace
        loads = {
            "events": workspace.load_events,
            "profiles": workspace.load_profiles,
            "accounts": workspace.load_accounts,
        }
        options["progress"] = chosen.report
        options["rejects"] = chosen.rejects
        self._ended(chosen, lambda it: loads[it.kind](it.path, **options))

    @staticmethod
    def _ended(chosen: Import, load: Callable[[Import], LoadSummary]) -> None:
        """Loads, and notes how that ended."""
        try:
            chosen.summary = load(chosen)
        except StoppedError:
            chosen.stopped = True
        except EthogramError as error:
            chosen.error = error
        except Exception as fault:  # noqa: BLE001  # a page waits for an end, whatever it is
            chosen.error = InputError(f"the file cannot be loaded: {type(fault).__name__}: {fault}")
        finally:
            chosen.running = False
