"""Tombstones: who was erased does not come back, and an address that asked not to be written to stays so.

Step of the path: store. Statements inside a transaction of the ledger. Of an id or an address only a hash is kept, with
a salt that is the workspace's own: whoever has the id can ask, and nobody can list. Collectors, loads, the mover, the
outbox and journeys ask here before they take anybody in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import sqlalchemy as sa

from ethogram.store import given, settings, tables

_TABLE = tables.tombstones
_SALT = "erasure_salt"  # the setting; where it is missing, nobody was ever erased
ID: Final = "id"


def salted(connection: sa.Connection) -> str:
    """The workspace's salt, made when it is first asked for."""
    found = settings.read(connection, _SALT)
    if found is None:
        found = secrets.token_hex(32)
        settings.keep(connection, _SALT, found)
    return str(found)


def hash_of(salt: str, kind: str, value: str) -> str:
    """The hash of an id, or of a channel's address."""
    said = f"{kind}:{value}".encode("utf-8", "surrogatepass")
    return hmac.new(bytes.fromhex(salt), said, hashlib.sha256).hexdigest()


def put(connection: sa.Connection, erasure: int, kind: str, values: Iterable[str]) -> None:
    """Remembers ids or addresses by their hashes; what is there stays."""
    salt = salted(connection)
    hashes = {hash_of(salt, kind, value) for value in values}
    there = set(
        connection.execute(sa.select(_TABLE.c.hash).where(given.among(connection, _TABLE.c.hash, hashes))).scalars()
    )
    new = [{"hash": each, "erasure": erasure, "kind": kind, "suppressed": 0} for each in sorted(hashes - there)]
    if new:
        connection.execute(_TABLE.insert(), new)


def exist(connection: sa.Connection) -> bool:
    """Whether anybody was ever erased."""
    return settings.read(connection, _SALT) is not None


def among(connection: sa.Connection, values: Collection[str], kind: str = ID) -> set[str]:
    """Those of some ids (or addresses in their one form) that are erased."""
    salt = settings.read(connection, _SALT) if values else None
    if salt is None:
        return set()
    hashes = {hash_of(str(salt), kind, value): value for value in values}
    query = sa.select(_TABLE.c.hash).where(given.among(connection, _TABLE.c.hash, hashes))
    return {hashes[each] for each in connection.execute(query).scalars()}


def count(connection: sa.Connection, turned_away: Mapping[str, int]) -> None:
    """Counts what came for erased ids and was not taken.

    Args:
        turned_away: how much, by id.
    """
    salt = salted(connection)
    for id_, much in turned_away.items():
        here = _TABLE.c.hash == hash_of(salt, ID, id_)
        connection.execute(_TABLE.update().where(here).values(suppressed=_TABLE.c.suppressed + much))


def lift(connection: sa.Connection, values: Iterable[str], kind: str = ID) -> int:
    """How many of the ids (or addresses) may come again."""
    if not exist(connection):
        return 0
    salt = salted(connection)
    hashes = [hash_of(salt, kind, value) for value in values]
    return connection.execute(_TABLE.delete().where(given.among(connection, _TABLE.c.hash, hashes))).rowcount
