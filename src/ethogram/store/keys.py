"""Keys: who may send, ask or manage.

Step of the path: before collect. Reads and writes the ledger's table of keys. A key is 256 random bits, so a plain
SHA-256 of it tells nothing and is found by looking it up; the key itself is shown once, when it is made.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ethogram.errors import InputError, UnknownNameError
from ethogram.store import audit, tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from ethogram.store.database import Database

_SHOWN = 6
_SHORTEST, _LONGEST = 6, 200  # of a key that somebody brings along


class Scope(StrEnum):
    """What a key is good for; each may do what the one before may."""

    WRITE = "write"  # send events
    READ = "read"  # and ask for profiles and members
    MANAGE = "manage"  # and change segments, keys and people


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the ledger knows it: never the key itself."""

    id: int
    hash: str
    hint: str  # its first characters
    scope: Scope
    label: str
    created_at: dt.datetime
    used_at: dt.datetime | None
    revoked_at: dt.datetime | None

    def allows(self, wanted: Scope) -> bool:
        """Whether it is good for something, and not revoked."""
        order = list(Scope)
        return self.revoked_at is None and order.index(self.scope) >= order.index(wanted)


def digest(value: str) -> str:
    """What the ledger keeps of a key."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def add(
    database: Database, scope: Scope, now: dt.datetime, *, label: str = "", value: str | None = None
) -> tuple[Key, str]:
    """A new key with its value, which nobody can show again.

    Args:
        value: a key that senders have already; left out, one is made.

    Raises:
        InputError: the given key cannot be one, or there is one like it.
    """
    made = value if value is not None else f"{scope.value[0]}k_{secrets.token_urlsafe(32)}"
    # It travels as the user name of Basic authentication, where a colon ends it.
    if not _SHORTEST <= len(made) <= _LONGEST or not made.isascii() or not made.isprintable() or {":", " "} & set(made):
        raise InputError(
            "the given key cannot be one",
            hint=f"A key has {_SHORTEST} to {_LONGEST} printable ASCII characters, no blank and no colon.",
        )
    facts = {
        "hash": digest(made), "hint": made[: min(_SHOWN, len(made) // 2)], "scope": scope.value, "label": label,
        "created_at": now,
    }  # fmt: skip
    try:
        with database.writing() as connection:
            connection.execute(tables.keys.insert().values(**facts))
            row = connection.execute(sa.select(tables.keys).where(tables.keys.c.hash == facts["hash"])).one()
            key = _key(row)
            detail = {"scope": scope.value, "label": label}
            audit.record(connection, actor="local", verb="add key", object=str(key.id), detail=detail, now=now)
    except IntegrityError as error:
        raise InputError("there is such a key already", hint="`ethogram keys list` shows the keys.") from error
    return key, made


def revoke(database: Database, number: int, now: dt.datetime) -> Key:
    """The key of that number, which is good for nothing any more; revoking it again changes nothing.

    Raises:
        UnknownNameError: there is none.
    """
    keys = tables.keys
    with database.writing() as connection:
        found = keys.c.id == number
        revoked = connection.execute(
            keys.update().where(found & keys.c.revoked_at.is_(None)).values(revoked_at=now)
        ).rowcount
        row = connection.execute(sa.select(keys).where(found)).first()
        if row is None:
            raise UnknownNameError(f"there is no key {number}", hint="`ethogram keys list` shows the keys.")
        if revoked:
            audit.record(connection, actor="local", verb="revoke key", object=str(number), detail={}, now=now)
    return _key(row)


def listed(database: Database) -> tuple[Key, ...]:
    """Every key that there is or was, oldest first."""
    with database.reading() as connection:
        return tuple(_key(row) for row in connection.execute(sa.select(tables.keys).order_by(tables.keys.c.id)))


def note_used(database: Database, used: Mapping[int, dt.datetime]) -> None:
    """Notes when keys were used last."""
    with database.writing() as connection:
        for number, at in used.items():
            connection.execute(tables.keys.update().where(tables.keys.c.id == number).values(used_at=at))


def _key(row: sa.Row[tuple[object, ...]]) -> Key:
    facts = row._asdict()
    return Key(**{**facts, "scope": Scope(facts["scope"])})
