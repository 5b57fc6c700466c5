"""Evidence that a ledger is the one that sent last, and the lock on sending where it is not.

Step of the path: store → deliver. An old copy of the ledger does not know what was sent after it, and would send it
again. So a small file beside the ledger counts along with it while messages are sent. A ledger that is behind its
file, a file that is missing, or one that was written by anybody else (a copy has another time of change than the
ledger has noted, which nobody can set) locks sending until a person has looked. A snapshot of a whole disk shows none
of this: after rolling one back, a person locks by hand.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethogram.store import settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ethogram.store.database import Database

_FILE = "sending.json"
_NOTED, _LOCKED = "sending_evidence", "sending_locked"
_FIRST = {"epoch": 1, "changed": None}
_WIDTH = 200  # characters: written over in one piece, so that a killed process leaves one or the other


@dataclass(frozen=True, slots=True)
class Locked:
    """Nothing is sent.

    Attributes:
        reason: what was found, or what a person said.
    """

    reason: str
    at: dt.datetime


class Evidence:
    """The file of one workspace's directory, and what the ledger has noted of it."""

    def __init__(self, database: Database, directory: Path) -> None:
        self._database = database
        self._file = directory / _FILE

    def check(self, now: dt.datetime) -> Locked | None:
        """Why nothing may be sent; what does not fit together locks here, and stays locked."""
        with self._database.reading() as connection:
            held, noted = locked(connection), settings.read(connection, _NOTED, {})
        if held is not None:
            return held
        reason = self._odd(noted)
        if reason is None:
            return None
        with self._database.writing() as connection:
            return lock(connection, reason, now)

    def count(self) -> None:
        """Counts one further, in the ledger and beside it; called before messages go, now and then."""
        told = self._read()
        id_ = secrets.token_hex(8) if told is None else told[0]
        with self._database.writing() as connection:
            noted = settings.read(connection, _NOTED, {})
            epoch = int(noted.get(id_, {}).get("epoch", 0)) + 1
            # Killed before the end, the ledger says so, and takes the file as it was or as it was to be.
            settings.keep(connection, _NOTED, {**noted, id_: {"epoch": epoch, "changed": None}})
        self._write(id_, epoch)
        with self._database.writing() as connection:
            noted = settings.read(connection, _NOTED, {})
            settings.keep(connection, _NOTED, {**noted, id_: {"epoch": epoch, "changed": self._changed()}})

    def begin_again(self) -> None:
        """Takes the ledger as it is from now on; what is beside it counts from here."""
        with self._database.writing() as connection:
            settings.keep(connection, _NOTED, {})
        self._file.unlink(missing_ok=True)
        self.count()

    def _odd(self, noted: dict[str, Any]) -> str | None:
        """What does not fit together; None where all is as it was left."""
        told = self._read()
        if told is None:
            # Whoever was killed when it was about to write the first one has sent nothing yet.
            if all(each == _FIRST for each in noted.values()):
                return None
            return "messages were sent from another copy of this workspace: its file of evidence is missing"
        id_, epoch = told
        known = noted.get(id_)
        if known is None:
            return "the ledger is older than what was sent, or another one: it does not know its file of evidence"
        if epoch > known["epoch"] or (known["changed"] is not None and epoch < known["epoch"]):
            return "the ledger is older than what was sent: a backup of it was restored"
        if known["changed"] is not None and known["changed"] != self._changed():
            return "this workspace is a copy, or was restored from a backup: it may not know what was sent since"
        return None

    def _read(self) -> tuple[str, int] | None:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return str(found["id"]), int(found["epoch"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self, id_: str, epoch: int) -> None:
        new = not self._file.exists()
        file = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(file, json.dumps({"id": id_, "epoch": epoch}).ljust(_WIDTH).encode(), 0)
            os.fsync(file)
        finally:
            os.close(file)
        if new:
            folder = os.open(self._file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _changed(self) -> int:
        return self._file.stat().st_ctime_ns


def locked(connection: sa.Connection) -> Locked | None:
    """Why nothing is sent; None where nothing is locked."""
    found = settings.read(connection, _LOCKED)
    return None if not found else Locked(found["reason"], dt.datetime.fromisoformat(found["at"]))


def lock(connection: sa.Connection, reason: str, now: dt.datetime) -> Locked:
    """Sends nothing any more until it is unlocked; what was locked before keeps its reason."""
    held = locked(connection)
    if held is None:
        held = Locked(reason, now)
        settings.keep(connection, _LOCKED, {"reason": reason, "at": now.isoformat()})
    return held


def unlock(connection: sa.Connection) -> bool:
    """Whether sending was locked until now."""
    if locked(connection) is None:
        return False
    settings.keep(connection, _LOCKED, None)
    return True
