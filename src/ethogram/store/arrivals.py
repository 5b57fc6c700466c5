"""Newly stored events: those of the batches after a place in the order of storing, read from their files.

Step of the path: store → decide. Reads the ledger's batches and block files; writes nothing. Whoever follows along
keeps the place, and is told each event once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ethogram.store import identities
from ethogram.store.inbox import folder
from ethogram.store.ledger import Batch, Ledger

_decode = msgspec.json.Decoder().decode
_COLUMNS = ["profile_id", "ts", "event", "properties", "message_id"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A stored event."""

    id: str
    profile_id: str
    at: dt.datetime
    event: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arrived:
    """Some stored events, and up to which batch these are all that there are."""

    batch: int
    events: tuple[Arrival, ...] = ()


class Arrivals:
    """Reads newly stored events of one workspace.

    Args:
        directory: the workspace.
    """

    def __init__(self, ledger: Ledger, directory: Path) -> None:
        self._ledger = ledger
        self._folder = folder(directory)

    def last(self) -> int:
        """The place of the newest stored batch."""
        return self._ledger.last_stored()

    def after(self, batch: int, names: Collection[str], since: dt.datetime, most: int) -> Arrived:
        """The events of these names in the next batches: about so many, or all of one batch.

        Args:
            since: older events are left out, such as those of a history that is loaded.
        """
        found: list[Arrival] = []
        upto = batch
        for sequence, each in self._ledger.stored_after(batch):
            if found and len(found) + each.rows > most:
                break
            upto = sequence
            if each.kind == "events" and each.file is not None and names and not _before(each, since):
                found += self._read(each.file, names, since)
        aliases = identities.aliases(self._ledger.database, {each.profile_id for each in found}) if found else {}
        return Arrived(
            upto,
            tuple(
                Arrival(each.id, aliases.get(each.profile_id, each.profile_id), each.at, each.event, each.properties)
                for each in found
            ),
        )

    def _read(self, file: str, names: Collection[str], since: dt.datetime) -> list[Arrival]:
        rows = pq.read_table(self._folder / file, columns=_COLUMNS, filters=pc.field("event").isin(sorted(names)))
        found = []
        for row in rows.to_pylist():
            at = row["ts"].astimezone(dt.UTC)
            if at >= since:
                properties = _decode(row["properties"]) if row["properties"] else {}
                found.append(Arrival(_id(row), str(row["profile_id"]), at, row["event"], properties))
        return found


def _id(row: Mapping[str, Any]) -> str:
    """The id that an event came with, else one that says what it is."""
    if row["message_id"]:
        return str(row["message_id"])
    told = repr([row[name] for name in ("profile_id", "ts", "event", "properties")])
    return "event_" + hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _before(batch: Batch, since: dt.datetime) -> bool:
    return batch.last_at is not None and batch.last_at < since
