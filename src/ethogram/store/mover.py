"""The mover: messages that wait in the ledger become accepted blocks, and these rows of the warehouse, each once.

Step of the path: store. Reads waiting rows of messages; writes block files and, in one transaction, the batches of a
block together with the note that the block has taken these rows. From then on `loader.py` stores the batches under
their tokens, and a rebuild finds them beside those that came from files. Killed before the transaction, the rows still
wait and the files are swept; killed after it, the batches wait. It owns the warehouse's loading: one process does this.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ethogram.store import identities, joining, loads, requests, schema, tables, tombstones
from ethogram.store.identities import Claim
from ethogram.store.inbox import KNOWN, SCHEMAS, publish, sweep, write_ahead
from ethogram.store.loader import store_together, store_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ethogram.clock import Clock
    from ethogram.store.ledger import Ledger
    from ethogram.store.requests import Message, Waiting
    from ethogram.store.warehouse import Warehouse

KIND = "collected"  # of the loads that stand for what came over HTTP, one a day
MOST = 50_000  # messages a block
_ORDINALS = 2**31  # what the ledger can hold of a block's number


@dataclass(frozen=True, slots=True)
class Moved:
    """What one block took along."""

    messages: int = 0
    rows: int = 0
    oldest_at: dt.datetime | None = None


def _nothing(_point: str) -> None:
    """The default of `at_point`: tests put a fault there."""


def move(
    warehouse: Warehouse,
    ledger: Ledger,
    directory: Path,
    now: dt.datetime,
    *,
    most: int = MOST,
    at_point: Callable[[str], None] = _nothing,
) -> Moved:
    """What was moved: one block of what waits, in the warehouse when this returns; nothing when nothing waits.

    Args:
        directory: the workspace.
        at_point: called at each instant after which a killed process is found in another state.
    """
    with ledger.database.reading() as connection:
        taken = requests.waiting(connection, most)
        named = {id_ for each in taken for message in each.messages for id_ in requests.ids_of(message)}
        erased = tombstones.among(connection, named)
    if not taken:
        return Moved()
    if erased:  # kept by a collector that did not know yet
        taken = requests.leave_out_of(ledger.database, taken, erased)
    block = f"live-{taken[0].id:012d}"
    messages = [message for each in taken for message in each.messages]
    rows = {kind: table for kind, table in _tables(messages).items() if table.num_rows}
    claims, named = _said_of_ids(messages)
    stored = joining.standing(warehouse, {claim.anonymous_id for claim in claims})
    hashes = {kind: write_ahead(f"{block}-{kind}", kind, table, directory) for kind, table in rows.items()}
    at_point("written")
    for kind in rows:
        publish(f"{block}-{kind}", directory)
    at_point("published")
    with ledger.database.writing() as connection:
        load = _load_of(connection, taken[0].received_at, sum(table.num_rows for table in rows.values()), now)
        batches = [
            loads.accept(connection, f"{block}-{kind}", _facts(block, load, kind, table, taken, hashes[kind]), now)
            for kind, table in rows.items()
        ]
        requests.take(connection, block, taken)
        # From here on ids point where these calls say: rows that are stored now go there at once, others follow.
        identities.observe(connection, claims, named, stored, now)
    at_point("planned")
    # First what is there follows: at a profile that comes back, all that there is was left behind.
    joining.follow(warehouse, ledger.database, now, at_point=at_point)
    store_together(batches, warehouse, ledger.database, directory)
    at_point("stored")
    with ledger.database.writing() as connection:
        for batch in batches:
            loads.mark_stored(connection, batch.id, now)
    at_point("marked")
    return Moved(len(messages), sum(batch.rows for batch in batches), min(each.received_at for each in taken))


class Collected:
    """What collectors have kept in the ledger of a workspace, for the process that owns its warehouse."""

    def __init__(self, warehouse: Warehouse, ledger: Ledger, directory: Path, clock: Clock) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._directory = directory
        self._clock = clock
        self._swept = False

    def move(self) -> Moved:
        """What was moved to the warehouse: one block, or nothing when nothing waits.

        A block that a killed process had planned is stored first; files that it had written for none are removed.
        """
        now = self._clock.now()
        if not self._swept:
            sweep(self._directory, self._ledger)
            self._swept = True
        joining.follow(self._warehouse, self._ledger.database, now)
        store_waiting(self._warehouse, self._ledger, self._directory, now)
        return move(self._warehouse, self._ledger, self._directory, now)

    def depth(self) -> tuple[int, dt.timedelta]:
        """How many messages wait for the warehouse, and for how long the oldest has."""
        count, oldest = requests.depth(self._ledger.database)
        return count, max(self._clock.now() - oldest, dt.timedelta()) if oldest is not None else dt.timedelta()

    def prune(self, *, keep_for: dt.timedelta, remember_for: dt.timedelta) -> int:
        """How many rows of moved messages it removed; see `requests.prune`."""
        return requests.prune(self._ledger.database, self._clock.now(), keep_for=keep_for, remember_for=remember_for)


def _facts(
    block: str, load: str, kind: str, table: pa.Table, taken: Sequence[Waiting], sha256: str
) -> loads.BatchFacts:
    span = pc.min_max(table["ts"])
    return {
        "kind": kind,
        "load": load,
        "ordinal": taken[0].id % _ORDINALS,
        "file": f"{block}-{kind}.parquet",
        "sha256": sha256,
        "rows": table.num_rows,
        "rejected": 0,
        "duplicates": 0,
        "first_at": span["min"].as_py(),
        "last_at": span["max"].as_py(),
    }


def _load_of(connection: sa.Connection, day: dt.datetime, rows: int, now: dt.datetime) -> str:
    """The load that stands for a day of collecting; it is done at any time, and grows."""
    name = f"{KIND}-{day:%Y-%m-%d}"
    loads.start(connection, name, digest=name, kind=KIND, source="HTTP", reading={}, now=now)
    here = tables.loads.c.id == name
    connection.execute(
        tables.loads.update().where(here).values(state="done", accepted=tables.loads.c.accepted + rows, finished_at=now)
    )
    return name


def _said_of_ids(messages: Sequence[Message]) -> tuple[list[Claim], set[str]]:
    """Who claims which anonymous id, and every id that came as `userId`."""
    claims: list[Claim] = []
    named: set[str] = set()
    for message in messages:
        if not message.user_id:
            continue
        named.add(message.user_id)
        before = {"identify": message.anonymous_id, "alias": message.previous_id}.get(message.call, "")
        if before and before != message.user_id:
            claims.append(Claim(before, message.user_id, message.at))
    return claims, named


def _tables(messages: Sequence[Message]) -> dict[str, pa.Table]:
    """The messages as rows of each kind."""
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in SCHEMAS}
    for message in messages:
        # The id that the row came under; whom it belongs to is asked when it is stored, so that a rebuild asks again.
        who = {
            "profile_id": message.user_id or message.anonymous_id,
            KNOWN.name: schema.USER if message.user_id else schema.ANONYMOUS,
        }
        for fact in message.facts:
            row: dict[str, Any] = {"ts": message.at, "message_id": message.id}
            if fact.kind == "events":
                row |= {**who, "event": fact.event, "properties": fact.content}
            elif fact.kind == "profiles":
                row |= {**who, "traits": fact.content, "unset": list(fact.unset)}
            else:
                row |= {"account_id": fact.account_id, "traits": fact.content, "unset": list(fact.unset)}
            found[fact.kind].append(row)
    return {
        kind: pa.table(
            {field.name: pa.array([row[field.name] for row in rows], field.type) for field in _columns(kind)},
            schema=_columns(kind),
        )
        for kind, rows in found.items()
    }


def _columns(kind: str) -> pa.Schema:
    return SCHEMAS[kind] if kind == "accounts" else SCHEMAS[kind].append(KNOWN)
