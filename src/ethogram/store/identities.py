"""Identities: which profile an id points at, why, and what has to move when that changes.

Step of the path: store. Statements inside transactions of the ledger. A *claim* is what an `identify` or `alias` call
says: this anonymous id is that person. A *decision* is what somebody said by `merge` or `split`. From both follows, in
whatever order they come, one answer:

- a decision about an id comes first: it points where it was merged into; split off, or the one that stays, at itself;
- an id that ever came as `userId` is known, and points at itself: no call joins two known people;
- an anonymous id points at the person who claimed it first by the calls' own time: a device that two people share
  stays with the first;
- any other id is a profile of its own.

What changed is planned here as *moves* and done by `joining.py`. It reads no event and no clock.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from ethogram.errors import LedgerError, SettingError, UnknownNameError
from ethogram.store import audit, segments, tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ethogram.store.database import Database

ACTOR: Final = "collector"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a call says: an anonymous id is a known person."""

    anonymous_id: str
    user_id: str
    at: int  # microseconds since 1970, by the call's own time


@dataclass(frozen=True, slots=True)
class Move:
    """Everything that came under one id goes from one profile to another."""

    id: int
    identity: str
    source: str
    target: str
    cause: str  # claim, known, merge, split or undo


@dataclass(frozen=True, slots=True)
class Decision:
    """A merge or a split, for as long as it is not undone."""

    id: int
    verb: str  # merge or split
    identity: str
    into: str | None  # of a merge
    at: dt.datetime
    actor: str
    undone_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Identity:
    """An id that belongs to a profile."""

    id: str
    known: bool  # it came as `userId`


# --- asking ----------------------------------------------------------------------------------------------------------


def exist(database: Database) -> bool:
    """Whether any claim or decision was ever made."""
    with database.reading() as connection:
        return connection.execute(sa.select(tables.identities.c.id).limit(1)).first() is not None


def aliases(database: Database, ids: Collection[str]) -> dict[str, str]:
    """The profiles of those of the ids that point at another id than themselves."""
    with database.reading() as connection:
        return {id_: row.profile_id for id_, row in _rows(connection, ids).items() if row.profile_id != id_}


def of_profile(database: Database, profile_id: str) -> tuple[Identity, ...]:
    """The other ids of a profile, in order."""
    rows = tables.identities
    query = sa.select(rows.c.id, rows.c.known).where((rows.c.profile_id == profile_id) & (rows.c.id != profile_id))
    with database.reading() as connection:
        return tuple(Identity(*row) for row in connection.execute(query.order_by(rows.c.id)))


def decisions(database: Database, limit: int = 100) -> tuple[Decision, ...]:
    """The newest decisions, newest first, undone ones too."""
    rows = tables.identity_decisions
    with database.reading() as connection:
        found = connection.execute(sa.select(rows).order_by(rows.c.id.desc()).limit(limit))
        return tuple(Decision(**row._asdict()) for row in found)


def planned(database: Database, limit: int) -> list[Move]:
    """The next moves that are not done."""
    rows = tables.identity_moves
    with database.reading() as connection:
        return [_move(row) for row in connection.execute(_moves(rows.c.done.is_(False)).limit(limit))]


def done_after(database: Database, number: int, limit: int) -> list[Move]:
    """The next moves after a number that are done."""
    rows = tables.identity_moves
    with database.reading() as connection:
        return [_move(row) for row in connection.execute(_moves(rows.c.done & (rows.c.id > number)).limit(limit))]


def last_done(database: Database) -> int:
    """The number of the newest move that is done, 0 before the first."""
    rows = tables.identity_moves
    with database.reading() as connection:
        return int(connection.execute(sa.select(sa.func.max(rows.c.id)).where(rows.c.done)).scalar() or 0)


def known(database: Database, ids: Collection[str]) -> set[str]:
    """Those of the ids that are known as ever having come as `userId`."""
    with database.reading() as connection:
        return {id_ for id_, row in _rows(connection, ids).items() if row.known}


def known_among(connection: sa.Connection, ids: Collection[str]) -> set[str]:
    """The same as `known`, inside a transaction."""
    return {id_ for id_, row in _rows(connection, ids).items() if row.known}


def static_segments(database: Database) -> dict[int, int]:
    """The numbers of the segments that are lists of people, with their newest versions."""
    with database.reading() as connection:
        return {segment.number: segment.version for segment in segments.live(connection) if segment.static}


# --- what calls say --------------------------------------------------------------------------------------------------


def observe(
    connection: sa.Connection,
    claims: Iterable[Claim],
    named: Collection[str],
    stored: Mapping[str, bool],
    now: dt.datetime,
) -> None:
    """Takes note of what a block of calls says about ids, and plans the moves that follow.

    Args:
        named: every id that came as `userId`.
        stored: those of the claimed ids that are profiles of the warehouse, and whether they came as `userId`.
    """
    given = list(claims)
    held = _rows(connection, {each for claim in given for each in (claim.anonymous_id, claim.user_id)} | set(named))
    people = {claim.user_id for claim in given} | set(named) | {id_ for id_, is_known in stored.items() if is_known}
    became = [id_ for id_, row in held.items() if id_ in people and not row.known]
    if became:
        rows = tables.identities
        connection.execute(rows.update().where(_among(connection, rows.c.id, became)).values(known=True))
    new = dict.fromkeys(each for claim in given for each in (claim.anonymous_id, claim.user_id) if each not in held)
    if new:
        connection.execute(
            tables.identities.insert(), [{"id": id_, "profile_id": id_, "known": id_ in people} for id_ in new]
        )
    _keep_claims(connection, given)
    affected = dict.fromkeys((claim.anonymous_id for claim in given), "claim") | dict.fromkeys(became, "known")
    _settle(connection, affected, now, ACTOR, stored=stored)


def _keep_claims(connection: sa.Connection, given: Sequence[Claim]) -> None:
    """Of several claims of one person the earliest stays."""
    if not given:
        return
    rows = tables.identity_claims
    found = connection.execute(
        sa.select(rows).where(_among(connection, rows.c.anonymous_id, {claim.anonymous_id for claim in given}))
    )
    before = {(row.anonymous_id, row.user_id): row.at for row in found}
    earliest: dict[tuple[str, str], int] = {}
    for claim in given:
        pair = (claim.anonymous_id, claim.user_id)
        earliest[pair] = min(claim.at, earliest.get(pair, claim.at))
    new = [
        {"anonymous_id": anonymous, "user_id": user, "at": at}
        for (anonymous, user), at in earliest.items()
        if (anonymous, user) not in before
    ]
    if new:
        connection.execute(rows.insert(), new)
    for (anonymous, user), at in earliest.items():
        if at < before.get((anonymous, user), at):
            here = (rows.c.anonymous_id == anonymous) & (rows.c.user_id == user)
            connection.execute(rows.update().where(here).values(at=at))


# --- what people decide ----------------------------------------------------------------------------------------------


def merge(
    connection: sa.Connection,
    identity: str,
    into: str,
    known: Collection[str],
    now: dt.datetime,
    actor: str,
) -> Decision:
    """Makes two people one: everything of the first is the second's from now on.

    Args:
        known: those of both that the warehouse has seen as `userId`.

    Raises:
        SettingError: they are one person already.
    """
    found = _resolved(connection, {identity, into})
    source, target = found[identity], found[into]
    if source == target:
        raise SettingError(f"`{identity}` and `{into}` are one person already", hint="Nothing was changed.")
    cluster = _cluster(connection, source)
    new = {source, target} - set(_rows(connection, {source, target}))
    if new:
        connection.execute(
            tables.identities.insert(), [{"id": id_, "profile_id": id_, "known": id_ in known} for id_ in sorted(new)]
        )
    decision = _decide(connection, "merge", source, target, now, actor)
    _settle(connection, dict.fromkeys(cluster, "merge"), now, actor)
    return decision


def split(connection: sa.Connection, identity: str, now: dt.datetime, actor: str, undo_for: dt.timedelta) -> Decision:
    """Takes an id out of the profile that it points at: a merge of it is undone, an anonymous id stands alone.

    Args:
        undo_for: how long a merge can be undone.

    Raises:
        UnknownNameError: the id points at no other profile.
        SettingError: it was merged longer ago.
    """
    row = _rows(connection, {identity}).get(identity)
    if row is None or row.profile_id == identity:
        raise UnknownNameError(
            f"`{identity}` belongs to no other profile, so there is nothing to split",
            hint="Name the id that was joined, not the profile that it was joined to.",
            id=identity,
        )
    cluster = _cluster(connection, row.profile_id)
    merged = _active(connection, {identity}).get(identity)
    if merged is not None and merged.verb == "merge":
        return undo(connection, merged.id, now, actor, undo_for)
    decision = _decide(connection, "split", identity, None, now, actor)
    _settle(connection, dict.fromkeys(cluster, "split"), now, actor)
    return decision


def undo(connection: sa.Connection, number: int, now: dt.datetime, actor: str, undo_for: dt.timedelta) -> Decision:
    """Undoes a merge or a split: everything is as if it had never been decided.

    Raises:
        UnknownNameError: there is no such decision.
        SettingError: it is undone already, or too long ago.
    """
    rows = tables.identity_decisions
    found = connection.execute(sa.select(rows).where(rows.c.id == number)).first()
    if found is None:
        raise UnknownNameError(f"there is no decision {number}", hint="`ethogram identities list` shows them.")
    decision = Decision(**found._asdict())
    if decision.undone_at is not None:
        raise SettingError(f"decision {number} is undone already", hint="Nothing was changed.")
    if now - decision.at > undo_for:
        raise SettingError(
            f"decision {number} was made on {decision.at:%Y-%m-%d}, and can be undone for {undo_for.days} days only",
            hint="Decide anew, or raise the setting `undo_days`.",
        )
    profile = _resolved(connection, {decision.identity})[decision.identity]
    cluster = _cluster(connection, profile) | {decision.identity}
    connection.execute(rows.update().where(rows.c.id == number).values(undone_at=now))
    _settle(connection, dict.fromkeys(cluster, "undo"), now, actor)
    return Decision(**{**found._asdict(), "undone_at": now})


def _decide(
    connection: sa.Connection, verb: str, identity: str, into: str | None, now: dt.datetime, actor: str
) -> Decision:
    facts: dict[str, Any] = {"verb": verb, "identity": identity, "into": into, "at": now, "actor": actor}
    # A newer decision about the same id takes the place of an older one.
    rows = tables.identity_decisions
    connection.execute(
        rows.update().where((rows.c.identity == identity) & rows.c.undone_at.is_(None)).values(undone_at=now)
    )
    created = connection.execute(rows.insert().values(**facts)).inserted_primary_key
    assert created is not None
    return Decision(id=int(created[0]), undone_at=None, **facts)


# --- what follows ----------------------------------------------------------------------------------------------------


def mark_done(connection: sa.Connection, moves: Sequence[Move]) -> None:
    """Notes that the warehouse has followed."""
    rows = tables.identity_moves
    connection.execute(rows.update().where(rows.c.id.in_([move.id for move in moves])).values(done=True))


def _settle(
    connection: sa.Connection,
    affected: Mapping[str, str],
    now: dt.datetime,
    actor: str,
    stored: Collection[str] | None = None,
) -> None:
    """Points ids where they should point, and plans the moves of those that pointed elsewhere.

    Args:
        affected: id → why it may point elsewhere.
        stored: those that have rows in the warehouse as profiles of their own; None where that is not known.
    """
    if not affected:
        return
    held = _rows(connection, set(affected))
    found = _resolved(connection, set(affected))
    moved = [(id_, held[id_].profile_id, found[id_]) for id_ in affected if held[id_].profile_id != found[id_]]
    if not moved:
        return
    rows = tables.identities
    pointing = rows.update().where(rows.c.id == sa.bindparam("of")).values(profile_id=sa.bindparam("to"))
    connection.execute(pointing, [{"of": id_, "to": target} for id_, _, target in moved])
    connection.execute(
        tables.identity_moves.insert(),
        [
            {
                "identity": id_,
                "source": source,
                "target": target,
                "cause": affected[id_],
                "at": now,
                # Most people say who they are before anything of theirs is stored.
                "done": stored is not None and source == id_ and id_ not in stored,
            }
            for id_, source, target in moved
        ],
    )
    audit.record_all(
        connection,
        [
            audit.AuditEntry(
                now,
                actor,
                "part" if target == id_ else "join",
                f"profile:{source if target == id_ else target}",
                {"id": id_, "from": source, "to": target, "cause": affected[id_]},
            )
            for id_, source, target in moved
        ],
    )


def _resolved(connection: sa.Connection, ids: set[str]) -> dict[str, str]:
    """Where each id should point."""
    place = {id_: id_ for id_ in ids}
    walking = set(ids)
    for _ in range(1000):
        hops = _hops(connection, {place[id_] for id_ in walking})
        walking = {id_ for id_ in walking if hops[place[id_]] != place[id_]}
        if not walking:
            return place
        for id_ in walking:
            place[id_] = hops[place[id_]]
    raise LedgerError("merged profiles point at each other in a circle", hint="Undo one of the merges.")


def _hops(connection: sa.Connection, ids: set[str]) -> dict[str, str]:
    """The next id on the way of each; itself at the end."""
    hops = {id_: id_ for id_ in ids}
    decided = _active(connection, ids)
    for id_, decision in decided.items():
        hops[id_] = decision.into or id_
    decisions = tables.identity_decisions
    # Who stays in a merge is decided too: a claim by the one who was given up would lead in a circle.
    stays = connection.execute(
        sa.select(decisions.c.into).where(decisions.c.undone_at.is_(None) & _among(connection, decisions.c.into, ids))
    ).scalars()
    settled = {*decided, *stays}
    open_ids = {id_ for id_, row in _rows(connection, ids).items() if not row.known and id_ not in settled}
    if open_ids:
        claims = tables.identity_claims
        query = sa.select(claims).where(_among(connection, claims.c.anonymous_id, open_ids))
        owners: dict[str, tuple[int, str]] = {}
        for row in connection.execute(query):
            mine = (row.at, row.user_id)
            owners[row.anonymous_id] = min(mine, owners.get(row.anonymous_id, mine))
        hops |= {id_: user for id_, (_, user) in owners.items()}
    return hops


def _active(connection: sa.Connection, ids: Collection[str]) -> dict[str, Decision]:
    rows = tables.identity_decisions
    query = sa.select(rows).where(rows.c.undone_at.is_(None) & _among(connection, rows.c.identity, ids))
    return {row.identity: Decision(**row._asdict()) for row in connection.execute(query.order_by(rows.c.id))}


def _cluster(connection: sa.Connection, profile_id: str) -> set[str]:
    """A profile's id and all that point at it."""
    rows = tables.identities
    found = connection.execute(sa.select(rows.c.id).where(rows.c.profile_id == profile_id)).scalars()
    return {profile_id, *found}


def _rows(connection: sa.Connection, ids: Collection[str]) -> dict[str, Any]:
    if not ids:
        return {}
    rows = tables.identities
    return {row.id: row for row in connection.execute(sa.select(rows).where(_among(connection, rows.c.id, ids)))}


def _moves(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    rows = tables.identity_moves
    return (
        sa.select(rows.c.id, rows.c.identity, rows.c.source, rows.c.target, rows.c.cause)
        .where(condition)
        .order_by(rows.c.id)
    )


def _move(row: Any) -> Move:
    return Move(**row._asdict())


def _among(connection: sa.Connection, column: sa.Column[Any], values: Collection[str]) -> sa.ColumnElement[bool]:
    """That a column's value is among these; one bound value, however many there are."""
    given: sa.BindParameter[str] = sa.bindparam(None, msgspec.json.encode(sorted(values)).decode(), unique=True)
    if connection.dialect.name == "sqlite":
        listed = sa.func.json_each(given).table_valued("value")
        return column.in_(sa.select(listed.c.value))
    return column.in_(sa.select(sa.func.json_array_elements_text(sa.cast(given, sa.JSON))))
