"""Definitions other than segments, and their versions: templates, campaigns, journeys, topics and the like.

Step of the path: store. A definition's body is its kind's own form, which whoever saves it has checked. A version never
changes, so what was sent by one can be explained for ever; the same body again is the same version.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ethogram.errors import UnknownNameError
from ethogram.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethogram.store.database import Database

_HEADS, _VERSIONS = tables.definitions, tables.definition_versions


@dataclass(frozen=True, slots=True)
class Saved:
    """A version of a definition.

    Attributes:
        new: it was made by the call that returned it.
    """

    kind: str
    name: str
    version: int
    body: dict[str, Any]
    created_at: dt.datetime
    new: bool = False


def save(connection: sa.Connection, kind: str, name: str, body: Mapping[str, Any], now: dt.datetime) -> Saved:
    """The definition's newest version: a new one, unless its body is the one before; a removed one is there again."""
    head = connection.execute(
        sa.select(_HEADS).where((_HEADS.c.kind == kind) & (_HEADS.c.name == name)).with_for_update()
    ).one_or_none()
    if head is not None:
        newest = _version(connection, kind, name, head.version)
        if newest.body == body and head.removed_at is None:
            return newest
        version = head.version + (newest.body != body)
        changed = {"version": version, "changed_at": now, "removed_at": None}
        connection.execute(_HEADS.update().where((_HEADS.c.kind == kind) & (_HEADS.c.name == name)).values(**changed))
        if version == head.version:
            return newest
    else:
        version = 1
        connection.execute(_HEADS.insert().values(kind=kind, name=name, version=1, created_at=now, changed_at=now))
    connection.execute(
        _VERSIONS.insert().values(kind=kind, name=name, version=version, body=dict(body), created_at=now)
    )
    return Saved(kind, name, version, dict(body), now, new=True)


def find(connection: sa.Connection, kind: str, name: str, version: int | None = None) -> Saved | None:
    """A definition's version, its newest one unless told; None where there is none, or it was removed.

    A version that is asked for by its number is found also after it was removed, for what was sent by it.
    """
    if version is None:
        head = connection.execute(
            sa.select(_HEADS.c.version).where(
                (_HEADS.c.kind == kind) & (_HEADS.c.name == name) & _HEADS.c.removed_at.is_(None)
            )
        ).scalar_one_or_none()
        if head is None:
            return None
        version = int(head)
    query = sa.select(_VERSIONS).where(
        (_VERSIONS.c.kind == kind) & (_VERSIONS.c.name == name) & (_VERSIONS.c.version == version)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Saved(**row._asdict())


def get(database: Database, kind: str, name: str, version: int | None = None) -> Saved:
    """A definition's version, its newest one unless told.

    Raises:
        UnknownNameError: there is none.
    """
    with database.reading() as connection:
        found = find(connection, kind, name, version)
    if found is None:
        told = f" in version {version}" if version is not None else ""
        raise UnknownNameError(f"there is no {kind} `{name}`{told}", hint=f"`ethogram {kind}s list` shows them.")
    return found


_HERE: Final = (_HEADS.c.kind == sa.bindparam("kind")) & _HEADS.c.removed_at.is_(None)
_CURRENT: Final = sa.select(_HEADS.c.name, _HEADS.c.version).where(_HERE)
_LISTED: Final = (
    sa.select(_VERSIONS)
    .join(
        _HEADS,
        (_HEADS.c.kind == _VERSIONS.c.kind)
        & (_HEADS.c.name == _VERSIONS.c.name)
        & (_HEADS.c.version == _VERSIONS.c.version),
    )
    .where(_HERE)
    .order_by(_HEADS.c.name)
)


def listed(database: Database, kind: str) -> tuple[Saved, ...]:
    """The newest version of every definition of a kind that was not removed, by name."""
    with database.reading() as connection:
        return tuple(Saved(**row._asdict()) for row in connection.execute(_LISTED, {"kind": kind}))


def current(database: Database, kind: str) -> dict[str, int]:
    """The newest version of every definition of a kind that was not removed, by name: a quick look for changes."""
    with database.reading() as connection:
        return {row.name: row.version for row in connection.execute(_CURRENT, {"kind": kind})}


def versions(database: Database, kind: str, name: str) -> tuple[Saved, ...]:
    """All versions of a definition, oldest first."""
    query = sa.select(_VERSIONS).where((_VERSIONS.c.kind == kind) & (_VERSIONS.c.name == name))
    with database.reading() as connection:
        return tuple(Saved(**row._asdict()) for row in connection.execute(query.order_by(_VERSIONS.c.version)))


def remove(connection: sa.Connection, kind: str, name: str, now: dt.datetime) -> bool:
    """Whether there was such a definition; its versions stay."""
    live = (_HEADS.c.kind == kind) & (_HEADS.c.name == name) & _HEADS.c.removed_at.is_(None)
    return bool(connection.execute(_HEADS.update().where(live).values(removed_at=now)).rowcount)


def _version(connection: sa.Connection, kind: str, name: str, version: int) -> Saved:
    found = find(connection, kind, name, version)
    assert found is not None, "every version up to the newest is kept"
    return found
