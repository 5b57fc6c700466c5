"""Saved segments and their versions.

Step of the path: store. Statements inside a transaction of the ledger (`ledger.py`). A version is never changed and
a number never used again; what a definition means is not known here.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import sqlalchemy as sa

from ethogram.errors import SegmentError, UnknownNameError, UserError
from ethogram.store import audit, settings, tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """A segment at one version, as the ledger keeps it."""

    name: str
    number: int
    version: int
    text: str | None  # None for a static segment
    tree: dict[str, Any] | None
    english: str
    entity: str  # 'profile' or 'account'
    static: bool
    description: str
    created_at: dt.datetime  # of this version
    deleted_at: dt.datetime | None = None
    recorded: int | None = None  # the version that recorded membership follows
    announce: bool = False  # who enters and leaves by this edit is told one by one


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    """A segment to be saved, before it has a number and a version."""

    name: str
    text: str | None
    tree: Mapping[str, Any] | None
    english: str
    entity: str = "profile"
    static: bool = False
    description: str = ""
    announce: bool = False

    def __post_init__(self) -> None:
        for what, value in (("name", self.name), ("text", self.text or ""), ("description", self.description)):
            _storable(what, value)
        if not self.name.strip():
            raise UserError("a segment needs a name", hint="Name it by what it means: `vip`, `lapsing_buyers`.")


_segments, _versions = tables.segments, tables.segment_versions
# Under this key the settings count the changes to saved segments.
_REVISION = "segments_revision"

_SEGMENT = sa.select(
    _segments.c.name,
    _segments.c.number,
    _versions.c.version,
    _versions.c.text,
    _versions.c.tree,
    _versions.c.english,
    _versions.c.entity,
    _versions.c.static,
    _segments.c.description,
    _versions.c.created_at,
    _segments.c.deleted_at,
    _segments.c.recorded,
    _versions.c.announce,
).join_from(_segments, _versions)


def save(connection: sa.Connection, draft: SegmentDraft, now: dt.datetime, actor: str) -> SavedSegment:
    """The saved segment; an unchanged text keeps its version, a static segment always gets a new one."""
    number = connection.execute(sa.select(_segments.c.number).where(_live(draft.name)).with_for_update()).scalar()
    latest = find(connection, draft.name) if number is not None else None
    if number is None:
        created = connection.execute(
            _segments.insert().values(name=draft.name, description=draft.description, created_at=now)
        ).inserted_primary_key
        assert created is not None
        number = int(created[0])
    elif latest is not None and draft.description not in ("", latest.description):
        connection.execute(_segments.update().where(_segments.c.number == number).values(description=draft.description))
        _revise(connection)
    if latest is None or not _says_the_same(latest, draft):
        version = latest.version + 1 if latest else 1
        connection.execute(
            _versions.insert().values(
                segment=number,
                version=version,
                text=draft.text,
                tree=dict(draft.tree) if draft.tree is not None else None,
                english=draft.english,
                entity=draft.entity,
                static=draft.static,
                created_at=now,
                announce=draft.announce,
            )
        )
        detail = {"version": version, "text": draft.text}
        audit.record(connection, actor=actor, verb="save", object=f"segment:{draft.name}", detail=detail, now=now)
        _revise(connection)
    return existing(connection, draft.name)


def delete(connection: sa.Connection, name: str, now: dt.datetime, actor: str) -> SavedSegment:
    """The segment that was deleted; its number is never used again, its versions and sizes stay for audit."""
    found = existing(connection, name)
    connection.execute(_segments.update().where(_segments.c.number == found.number).values(deleted_at=now))
    detail = {"version": found.version}
    audit.record(connection, actor=actor, verb="delete", object=f"segment:{name}", detail=detail, now=now)
    _revise(connection)
    return found


def restore(connection: sa.Connection, name: str, now: dt.datetime, actor: str) -> SavedSegment:
    """The segment of that name that was deleted last, live again with its versions and its history.

    Raises:
        UnknownNameError: none of that name was deleted.
        SegmentError: another one has the name now.
    """
    if find(connection, name) is not None:
        raise SegmentError(f"there is a segment `{name}` again", hint="Rename or delete it first.", name=name)
    number = connection.execute(
        sa.select(_segments.c.number).where(_segments.c.name == name).order_by(_segments.c.deleted_at.desc()).limit(1)
    ).scalar()
    if number is None:
        _refuse_unknown(connection, name, None)
    connection.execute(_segments.update().where(_segments.c.number == number).values(deleted_at=None))
    audit.record(connection, actor=actor, verb="restore", object=f"segment:{name}", detail={}, now=now)
    _revise(connection)
    return existing(connection, name)


def find(connection: sa.Connection, name: str, version: int | None = None) -> SavedSegment | None:
    """The live segment of that name, its newest version unless told otherwise; None where there is none."""
    query = _SEGMENT.where(_live(name))
    if version is not None:
        query = query.where(_versions.c.version == version)
    row = connection.execute(query.order_by(_versions.c.version.desc()).limit(1)).first()
    return SavedSegment(**row._asdict()) if row is not None else None


def existing(connection: sa.Connection, name: str, version: int | None = None) -> SavedSegment:
    """As `find`, where there must be one.

    Raises:
        UnknownNameError: there is none; the hint names the nearest.
    """
    found = find(connection, name, version)
    if found is None:
        _refuse_unknown(connection, name, version)
    return found


def revision(connection: sa.Connection) -> int:
    """A number that is another one whenever what `live` returns has changed, whichever process changed it."""
    counted: int = settings.read(connection, _REVISION, 0)
    return counted


def live(connection: sa.Connection) -> tuple[SavedSegment, ...]:
    """Every live segment at its newest version, by number."""
    newest = (
        sa.select(_versions.c.segment, sa.func.max(_versions.c.version).label("version"))
        .group_by(_versions.c.segment)
        .subquery()
    )
    query = (
        _SEGMENT.join(newest, (newest.c.segment == _versions.c.segment) & (newest.c.version == _versions.c.version))
        .where(_segments.c.deleted_at.is_(None))
        .order_by(_segments.c.number)
    )
    return tuple(SavedSegment(**row._asdict()) for row in connection.execute(query))


def recorded(connection: sa.Connection) -> tuple[SavedSegment, ...]:
    """Every segment that recorded membership follows, at the version that it follows, by number: deleted ones, too."""
    query = _SEGMENT.where(_segments.c.recorded == _versions.c.version).order_by(_segments.c.number)
    return tuple(SavedSegment(**row._asdict()) for row in connection.execute(query))


def follow(connection: sa.Connection, versions: Mapping[int, int], *, only: bool, gone: Collection[int] = ()) -> None:
    """Notes which versions recorded membership follows from now on, by number.

    Args:
        only: it follows no other segments.
        gone: segments that it follows no more.
    """
    if only:
        connection.execute(_segments.update().values(recorded=None))
    elif gone:
        connection.execute(_segments.update().where(_segments.c.number.in_(gone)).values(recorded=None))
    for number, version in versions.items():
        connection.execute(_segments.update().where(_segments.c.number == number).values(recorded=version))


def versions(connection: sa.Connection, name: str) -> tuple[SavedSegment, ...]:
    """Every version of a live segment, oldest first."""
    query = _SEGMENT.where(_live(name)).order_by(_versions.c.version)
    found = tuple(SavedSegment(**row._asdict()) for row in connection.execute(query))
    if not found:
        _refuse_unknown(connection, name, None)
    return found


def _live(name: str) -> sa.ColumnElement[bool]:
    return _segments.c.deleted_at.is_(None) & (_segments.c.name == name)


def _revise(connection: sa.Connection) -> None:
    # Counted in place and under a lock: whoever changes a segment meanwhile waits, and no two changes count as one.
    rows = tables.settings
    mine = rows.c.key == _REVISION
    counted = connection.execute(sa.select(rows.c.value).where(mine).with_for_update()).scalar()
    if counted is None:
        connection.execute(rows.insert().values(key=_REVISION, value=1))
    else:
        connection.execute(rows.update().where(mine).values(value=counted + 1))


def _says_the_same(saved: SavedSegment, draft: SegmentDraft) -> bool:
    return not (saved.static or draft.static) and (saved.text, saved.entity) == (draft.text, draft.entity)


def _refuse_unknown(connection: sa.Connection, name: str, version: int | None) -> NoReturn:
    names = list(connection.execute(sa.select(_segments.c.name).where(_segments.c.deleted_at.is_(None))).scalars())
    if version is not None and name in names:
        raise UnknownNameError(
            f"segment `{name}` has no version {version}", hint="`versions` lists what there is.", name=name
        )
    near = difflib.get_close_matches(name, names, n=1)
    raise UnknownNameError(
        f"there is no segment `{name}`",
        hint=f"Did you mean `{near[0]}`?" if near else "`ethogram segments` lists what there is.",
        name=name,
    )


def _storable(what: str, value: str) -> None:
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UserError(
            f"the segment's {what} holds a NUL or half of a surrogate pair", hint="Remove it; no database keeps it."
        )
