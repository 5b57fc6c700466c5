"""Requests: accepted messages wait in the ledger until the warehouse has them.

Step of the path: collect → store. A collector writes the messages of all requests that it is about to answer in one
transaction, each message once; from then on they are stored sooner or later, whatever happens to any process.
`mover.py` takes them in blocks and says here which block took which. Several collectors may write side by
side: nothing depends on the order of the rows' numbers. It judges no message.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from ethogram.errors import LedgerError
from ethogram.store import settings, tables, tombstones

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ethogram.store.database import Database


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """One thing that a message says, in the form of a row of its kind."""

    kind: str  # 'events', 'profiles' or 'accounts'
    content: str  # properties or traits as JSON
    event: str = ""  # of events
    account_id: str = ""  # of accounts
    unset: tuple[str, ...] = ()  # traits that are no more


class Message(msgspec.Struct, frozen=True, array_like=True):
    """One accepted call: who, when, and what it says. Both ids stay, so that they can be joined later."""

    id: str
    call: str  # 'track', 'page', 'screen', 'identify', 'group' or 'alias'
    user_id: str
    anonymous_id: str
    at: int  # microseconds since 1970
    facts: tuple[Fact, ...]
    previous_id: str = ""  # of an alias
    timestamp: str = ""  # as it came, where `at` is not what it says


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a group of messages."""

    new: int
    duplicates: int
    conflicts: int  # duplicates whose content is another one; the first stays


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of messages that no block has taken."""

    id: int
    received_at: dt.datetime
    messages: tuple[Message, ...]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[Message, ...])
_ROWS = 500  # a block takes at most, and one statement names at most
_TOGETHER = 5_000  # rows that are removed in one transaction
_STEP = 7_200  # seconds that one removal of old ids goes further than the one before; there is one an hour
_FORGOTTEN = "received_forgotten"  # the setting with how far it went
_PROBED = "probed_at"  # the setting that `probe` writes
_LITTLE = 1  # zlib's fastest: a third of the size for little time


def keep(database: Database, groups: Sequence[Sequence[Message]], now: dt.datetime) -> list[Kept]:
    """What became of each group; when this returns, all new messages are on disk, together.

    Args:
        groups: the messages of each request.
        now: when the oldest of them came.
    """
    hashes = [[_hash(message.id) for message in group] for group in groups]
    contents = _checksums(groups, hashes)
    with database.writing() as connection:
        return _keep(connection, groups, hashes, contents, now)


def keep_within(connection: sa.Connection, groups: Sequence[Sequence[Message]], now: dt.datetime) -> list[Kept]:
    """What became of each group, inside a transaction that does more; see `keep`."""
    hashes = [[_hash(message.id) for message in group] for group in groups]
    return _keep(connection, groups, hashes, _checksums(groups, hashes), now)


def _checksums(groups: Sequence[Sequence[Message]], hashes: Sequence[Sequence[str]]) -> dict[str, int]:
    contents: dict[str, int] = {}
    for group, hashed in zip(groups, hashes, strict=True):
        for message, each in zip(group, hashed, strict=True):
            contents.setdefault(each, _checksum(message))
    return contents


def _keep(
    connection: sa.Connection,
    groups: Sequence[Sequence[Message]],
    hashes: Sequence[Sequence[str]],
    contents: dict[str, int],
    now: dt.datetime,
) -> list[Kept]:
    new = _enter(connection, contents, now)
    repeated = {each for each in contents if each not in new}
    before = _contents_of(connection, repeated)
    chosen: list[Message] = []
    results: list[Kept] = []
    for group, hashed in zip(groups, hashes, strict=True):
        fresh = conflicts = 0
        for message, each in zip(group, hashed, strict=True):
            if each in new:
                new.discard(each)  # the second of its name in this very transaction is a repetition
                chosen.append(message)
                fresh += 1
            else:
                conflicts += before.get(each, contents[each]) != _checksum(message)
        results.append(Kept(fresh, len(group) - fresh, conflicts))
    chosen = _of_the_living(connection, chosen)
    if chosen:
        body = zlib.compress(_encoder.encode(chosen), _LITTLE)
        connection.execute(
            tables.requests.insert().values(received_at=now, messages=len(chosen), body=body, block=None)
        )
    return results


def _of_the_living(connection: sa.Connection, messages: Sequence[Message]) -> list[Message]:
    """The messages without those of people who were erased; these are counted."""
    named = {id_ for message in messages for id_ in ids_of(message)}
    erased = tombstones.among(connection, named)
    if not erased:
        return list(messages)
    turned_away = Counter(next(iter(ids_of(each) & erased)) for each in messages if ids_of(each) & erased)
    tombstones.count(connection, turned_away)
    return [each for each in messages if not ids_of(each) & erased]


def ids_of(message: Message) -> set[str]:
    """Every id that a message names somebody by."""
    return {message.user_id, message.anonymous_id, message.previous_id} - {""}


def leave_out(connection: sa.Connection, number: int, body: bytes, ids: Collection[str]) -> int:
    """How many messages a row no longer has: those of some people.

    Args:
        body: as it is kept, decompressed.
        ids: every id of theirs.
    """
    messages = _decoder.decode(body)
    others = [each for each in messages if ids_of(each).isdisjoint(ids)]
    if len(others) < len(messages):
        kept = zlib.compress(_encoder.encode(others), _LITTLE)
        here = tables.requests.c.id == number
        connection.execute(tables.requests.update().where(here).values(messages=len(others), body=kept))
    return len(messages) - len(others)


def leave_out_of(database: Database, taken: Sequence[Waiting], ids: Collection[str]) -> tuple[Waiting, ...]:
    """The rows, in the ledger too, without the messages of some people."""
    with database.writing() as connection:
        for each in taken:
            leave_out(connection, each.id, _encoder.encode(each.messages), ids)
    others = (tuple(each for each in row.messages if ids_of(each).isdisjoint(ids)) for row in taken)
    return tuple(Waiting(row.id, row.received_at, kept) for row, kept in zip(taken, others, strict=True))


def probe(database: Database, now: dt.datetime) -> None:
    """Returns when something could be written and is on disk.

    Raises:
        EthogramError: nothing can be written now.
    """
    with database.writing() as connection:
        settings.keep(connection, _PROBED, now.isoformat())


def waiting(connection: sa.Connection, messages: int) -> tuple[Waiting, ...]:
    """The oldest rows that wait, as many as hold about so many messages."""
    rows = tables.requests
    here = sa.select(rows.c.id, rows.c.messages).where(rows.c.block.is_(None)).order_by(rows.c.id).limit(_ROWS)
    chosen: list[int] = []
    held = 0
    for number, count in connection.execute(here):
        chosen.append(number)
        held += count
        if held >= messages:
            break
    if not chosen:
        return ()
    found = sa.select(rows.c.id, rows.c.received_at, rows.c.body).where(rows.c.id.in_(chosen)).order_by(rows.c.id)
    return tuple(
        Waiting(row.id, row.received_at, _decoder.decode(zlib.decompress(row.body)))
        for row in connection.execute(found)
    )


def take(connection: sa.Connection, block: str, taken: Sequence[Waiting]) -> None:
    """Notes that a block has taken rows, inside the transaction that accepts the block.

    Raises:
        LedgerError: another process has taken one of them; nothing of this transaction may stay.
    """
    rows = tables.requests
    numbers = [each.id for each in taken]
    changed = 0
    for begin in range(0, len(numbers), _ROWS):
        some = rows.c.id.in_(numbers[begin : begin + _ROWS]) & rows.c.block.is_(None)
        changed += connection.execute(rows.update().where(some).values(block=block)).rowcount
    if changed != len(numbers):
        raise LedgerError(
            "another process is moving the same messages", hint="One process with `--role work` is enough."
        )


def depth(database: Database) -> tuple[int, dt.datetime | None]:
    """How many messages wait, and since when the oldest does."""
    rows = tables.requests
    query = sa.select(sa.func.coalesce(sa.func.sum(rows.c.messages), 0), sa.func.min(rows.c.received_at))
    with database.reading() as connection:
        count, oldest = connection.execute(query.where(rows.c.block.is_(None))).one()
    return int(count), oldest


def prune(database: Database, now: dt.datetime, *, keep_for: dt.timedelta, remember_for: dt.timedelta) -> int:
    """How many rows of stored messages it removed; what waits stays, whatever its age.

    Args:
        keep_for: how long stored messages stay.
        remember_for: how long a message's repetition is recognised.
    """
    rows, ids = tables.requests, tables.received
    _remove(database, ids.c.hash, ids.c.received_at < _forgotten(database, now - remember_for))
    return _remove(database, rows.c.id, rows.c.block.is_not(None) & (rows.c.received_at < now - keep_for))


def _forgotten(database: Database, wanted: dt.datetime) -> int:
    """Up to when repetitions are no longer recognised, in seconds since 1970.

    A clock that is days ahead for a while must not make everything forgotten: each time it is a step at most.
    """
    with database.writing() as connection:
        before = settings.read(connection, _FORGOTTEN)
        reached = int(wanted.timestamp())
        if before is not None:
            reached = max(min(reached, before + _STEP), before)
        settings.keep(connection, _FORGOTTEN, reached)
        return reached


def _remove(database: Database, key: sa.Column[Any], which: sa.ColumnElement[bool]) -> int:
    """How many rows it removed, some at a time: senders wait while a transaction lasts."""
    removed = 0
    while True:
        some = sa.select(key).where(which).limit(_TOGETHER)
        with database.writing() as connection:
            found = connection.execute(sa.delete(key.table).where(key.in_(some))).rowcount
        removed += found
        if found < _TOGETHER:
            return removed


def _hash(message_id: str) -> str:
    return hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _checksum(message: Message) -> int:
    """Of what a message says; its instant is left out, which depends on when a retry was sent."""
    said = "\x1f".join((message.call, message.user_id, message.anonymous_id, *(fact.content for fact in message.facts)))
    return zlib.crc32(said.encode("utf-8", "surrogatepass"))


# One statement with one value, however many messages: any other form is compiled anew for each number of them.
_ENTER = {
    "sqlite": (
        "INSERT INTO received (hash, content, received_at) SELECT key, value, :now FROM json_each(:given) WHERE true "
        "ON CONFLICT DO NOTHING RETURNING hash"
    ),
    "postgresql": (
        "INSERT INTO received (hash, content, received_at) "
        "SELECT key, CAST(value AS bigint), CAST(:now AS bigint) "
        "FROM json_each_text(CAST(:given AS json)) ORDER BY key "
        "ON CONFLICT DO NOTHING RETURNING hash"
    ),
}
_CONTENTS = {
    "sqlite": "SELECT hash, content FROM received WHERE hash IN (SELECT value FROM json_each(:given))",
    "postgresql": (
        "SELECT hash, content FROM received "
        "WHERE hash IN (SELECT value FROM json_array_elements_text(CAST(:given AS json)))"
    ),
}


def _enter(connection: sa.Connection, contents: dict[str, int], now: dt.datetime) -> set[str]:
    """The hashes that were not there before, and are now."""
    statement = sa.text(_ENTER[connection.dialect.name])
    given = {"given": _encoder.encode(contents).decode(), "now": int(now.timestamp())}
    return set(connection.execute(statement, given).scalars())


def _contents_of(connection: sa.Connection, hashes: set[str]) -> dict[str, int]:
    if not hashes:
        return {}
    statement = sa.text(_CONTENTS[connection.dialect.name])
    rows = connection.execute(statement, {"given": _encoder.encode(sorted(hashes)).decode()})
    return {row[0]: int(row[1]) for row in rows}


def numbers_after(database: Database, number: int) -> list[int]:
    """The numbers of rows after one, oldest first; where several collectors write, an earlier one may come later."""
    rows = tables.requests
    query = sa.select(rows.c.id).where(rows.c.id > number).order_by(rows.c.id).limit(_ROWS)
    with database.reading() as connection:
        return list(connection.execute(query).scalars())


def last_number(database: Database) -> int:
    """The number of the newest row, 0 before the first."""
    with database.reading() as connection:
        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(tables.requests.c.id), 0))).scalar_one())


def read(database: Database, numbers: Sequence[int]) -> list[Waiting]:
    """The rows of these numbers, whether a block has taken them or not."""
    rows = tables.requests
    found: list[Waiting] = []
    with database.reading() as connection:
        for begin in range(0, len(numbers), _ROWS):
            some = rows.c.id.in_(numbers[begin : begin + _ROWS])
            query = sa.select(rows.c.id, rows.c.received_at, rows.c.body).where(some).order_by(rows.c.id)
            found += [
                Waiting(row.id, row.received_at, _decoder.decode(zlib.decompress(row.body)))
                for row in connection.execute(query)
            ]
    return found
