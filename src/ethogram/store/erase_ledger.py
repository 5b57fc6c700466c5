"""Erasing a person from the ledger: every row that carries one of the ids, or what was said under them.

Step of the path: store. Statements inside a transaction of the ledger. Level-triggered: it removes what there is, so
doing it again is harmless. What is about others as well (the audit log, a request with the messages of several people,
a delivery that tells of several) stays without the person.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from ethogram.model.contacts import key_of
from ethogram.model.message import Channel
from ethogram.store import given, requests, tables, tombstones
from ethogram.store.erasures import About
from ethogram.store.suppressions import ADDRESSED

ERASED = "erased"  # stands where an id was
_PAGE = 200


def addresses_of(connection: sa.Connection, ids: Iterable[str], values: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    """Where a person could be reached, by channel: addresses among traits' values, and those that messages went to."""
    found: set[tuple[str, str]] = set()
    for value in values:
        if isinstance(value, str):
            found.update((channel.value, key) for channel in ADDRESSED if (key := key_of(channel, value)) is not None)
    rows = tables.messages
    sent = sa.select(rows.c.channel, rows.c.address).where(
        given.among(connection, rows.c.profile_id, ids) & rows.c.address.is_not(None)
    )
    for channel, address in connection.execute(sent.distinct()):
        if Channel(channel) in ADDRESSED and (key := key_of(Channel(channel), address)) is not None:
            found.add((channel, key))
    return tuple(sorted(found))


def holds(connection: sa.Connection, ids: Iterable[str]) -> bool:
    """Whether the ledger has anything of a person."""
    held = list(ids)
    columns = (
        tables.identities.c.id, tables.consents.c.profile_id, tables.devices.c.profile_id,
        tables.messages.c.profile_id, tables.journey_runs.c.profile_id,
    )  # fmt: skip
    return any(
        connection.execute(sa.select(column).where(given.among(connection, column, held)).limit(1)).first() is not None
        for column in columns
    )


def counts(connection: sa.Connection, ids: Iterable[str]) -> dict[str, int]:
    """How many rows the ledger has of a person, by kind."""
    held = list(ids)
    columns = {
        "messages": tables.messages.c.profile_id, "journey_runs": tables.journey_runs.c.profile_id,
        "consents": tables.consents.c.profile_id, "devices": tables.devices.c.profile_id,
    }  # fmt: skip
    return {
        kind: int(
            connection.execute(sa.select(sa.func.count()).where(given.among(connection, column, held))).scalar_one()
        )
        for kind, column in columns.items()
    }


def erase_rows(connection: sa.Connection, erasure: int, about: About) -> None:
    """Removes a person's rows; what is kept of others forgets the person."""
    ids = about.ids
    _keep_silent(connection, erasure, about)
    _erase_messages(connection, ids)
    _erase_runs(connection, ids)
    _delete(connection, tables.consents.c.profile_id, ids)
    _delete(connection, tables.devices.c.profile_id, ids)
    _erase_requests(connection, about)
    _erase_identities(connection, ids)
    coupons = tables.coupons
    connection.execute(
        coupons.update().where(given.among(connection, coupons.c.profile_id, ids)).values(profile_id=None)
    )
    _erase_launches(connection, ids)
    _scrub_audit(connection, about)


def _delete(connection: sa.Connection, column: sa.Column[Any], values: Iterable[Any]) -> None:
    connection.execute(sa.delete(column.table).where(given.among(connection, column, values)))


def _keep_silent(connection: sa.Connection, erasure: int, about: About) -> None:
    """An address that nothing was sent to stays so, by its hash; in clear it goes."""
    rows, said = tables.suppressions, tables.consents
    refused = set(
        connection.execute(
            sa.select(said.c.channel).where(
                given.among(connection, said.c.profile_id, about.ids) & said.c.newest & ~said.c.subscribed
            )
        ).scalars()
    )
    for channel in {channel for channel, _ in about.addresses}:
        mine = [address for each, address in about.addresses if each == channel]
        here = (rows.c.channel == channel) & given.among(connection, rows.c.address, mine)
        suppressed = set(connection.execute(sa.select(rows.c.address).where(here)).scalars())
        tombstones.put(connection, erasure, channel, mine if channel in refused else suppressed)
        connection.execute(rows.delete().where(here))


def _erase_messages(connection: sa.Connection, ids: Iterable[str]) -> None:
    rows, told, reports = tables.messages, tables.message_events, tables.message_reports
    mine = connection.execute(
        sa.select(rows.c.number, rows.c.id, rows.c.provider_id).where(given.among(connection, rows.c.profile_id, ids))
    ).all()
    _delete(connection, tables.in_app.c.profile_id, ids)
    if mine:
        _delete(connection, told.c.message, [row.number for row in mine])
        _delete(connection, tables.addressed.c.message_id, [row.id for row in mine])
        _delete(connection, reports.c.provider_id, [row.provider_id for row in mine if row.provider_id])
        _delete(connection, rows.c.number, [row.number for row in mine])


def _erase_runs(connection: sa.Connection, ids: Iterable[str]) -> None:
    rows = tables.journey_runs
    mine = sa.select(rows.c.number).where(given.among(connection, rows.c.profile_id, ids))
    connection.execute(tables.journey_steps.delete().where(tables.journey_steps.c.run.in_(mine)))
    _delete(connection, tables.journey_changes.c.profile_id, ids)
    _delete(connection, rows.c.profile_id, ids)


def _erase_identities(connection: sa.Connection, ids: tuple[str, ...]) -> None:
    claims, decisions, moves = tables.identity_claims, tables.identity_decisions, tables.identity_moves
    for column in (
        claims.c.anonymous_id, claims.c.user_id, decisions.c.identity, decisions.c.into,
        moves.c.identity, moves.c.source, moves.c.target,
    ):  # fmt: skip
        _delete(connection, column, ids)
    _delete(connection, tables.identities.c.id, ids)


def _erase_launches(connection: sa.Connection, ids: tuple[str, ...]) -> None:
    """A call of a campaign names its recipients, and may say something of them."""
    rows = tables.launches
    for row in connection.execute(
        sa.select(rows.c.number, rows.c.recipients).where(rows.c.recipients.is_not(None))
    ).all():
        others = [each for each in row.recipients if each not in ids]
        if len(others) < len(row.recipients):
            values: dict[str, Any] = {"recipients": others} if others else {"recipients": others, "data": {}}
            connection.execute(rows.update().where(rows.c.number == row.number).values(**values))
    over = given.among(connection, rows.c.last, ids) & rows.c.finished_at.is_not(None)
    connection.execute(rows.update().where(over).values(last=""))


def _scrub_audit(connection: sa.Connection, about: About) -> None:
    rows = tables.audit
    words = {*about.ids, *(address for _, address in about.addresses)}
    said = sa.cast(rows.c.detail, sa.Text)
    for word in words:
        written = msgspec.json.encode(word).decode()[1:-1]
        plain = rows.c.object.contains(word, autoescape=True) | said.contains(written, autoescape=True)
        # SQLAlchemy's JSON writes what is beyond ASCII as escapes.
        escaped = word.encode("ascii", "backslashreplace").decode()
        found = connection.execute(
            sa.select(rows.c.id, rows.c.actor, rows.c.object, rows.c.detail).where(
                plain | said.contains(escaped, autoescape=True) | (rows.c.actor == word)
            )
        ).all()
        for row in found:
            values = {
                "actor": ERASED if row.actor in words else row.actor,
                "object": _object_without(row.object, words),
                "detail": _without(row.detail, words),
            }
            connection.execute(rows.update().where(rows.c.id == row.id).values(**values))


def _object_without(said: str, words: set[str]) -> str:
    kind, colon, name = said.partition(":")
    return f"{kind}:{ERASED}" if colon and name in words else said


def _without(value: Any, words: set[str]) -> Any:
    """A value of JSON in which an id or an address of the person is not named any more."""
    match value:
        case str():
            return ERASED if value in words else value
        case list():
            return [_without(each, words) for each in value]
        case dict():
            return {ERASED if name in words else name: _without(each, words) for name, each in value.items()}
        case _:
            return value


def _erase_requests(connection: sa.Connection, about: About) -> None:
    """Removes the person's messages from what collectors have kept, and rejected calls that name the person."""
    ids = frozenset(about.ids)
    rows = tables.requests
    after = 0
    while page := connection.execute(
        sa.select(rows.c.id, rows.c.body).where(rows.c.id > after).order_by(rows.c.id).limit(_PAGE)
    ).all():
        after = page[-1].id
        for row in page:
            held = zlib.decompress(row.body)
            if any(msgspec.json.encode(id_)[1:-1] in held for id_ in ids):
                requests.leave_out(connection, row.id, held, ids)
    noted = tables.rejected
    for word in {*about.ids, *(address for _, address in about.addresses)}:
        named = noted.c.content.contains(word, autoescape=True) | noted.c.message_id.contains(word, autoescape=True)
        connection.execute(noted.delete().where(named))


# --- what tells others -----------------------------------------------------------------------------------------------


def erase_feed(connection: sa.Connection, ids: tuple[str, ...]) -> None:
    """Lets the feed of changes and the deliveries, sent and waiting ones, tell nothing more of a person."""
    _delete(connection, tables.changes.c.profile_id, ids)
    sent = tables.deliveries
    for row in _deliveries_of(connection, ids, sa.true()):
        body = _told_of_others(msgspec.json.decode(row.body), frozenset(ids))
        here = sent.c.number == row.number
        if body is None:
            connection.execute(sent.delete().where(here))
        else:
            connection.execute(sent.update().where(here).values(body=msgspec.json.encode(body)))


def deliveries_wait(connection: sa.Connection, ids: tuple[str, ...]) -> bool:
    """Whether something that tells of a person is still to be sent to an endpoint that takes it."""
    live = sa.select(tables.endpoints.c.id).where(tables.endpoints.c.enabled & tables.endpoints.c.removed_at.is_(None))
    sent = tables.deliveries
    return bool(_deliveries_of(connection, ids, (sent.c.state == "waiting") & sent.c.endpoint.in_(live)))


def _deliveries_of(connection: sa.Connection, ids: tuple[str, ...], where: sa.ColumnElement[bool]) -> list[Any]:
    rows = tables.deliveries
    needles = [msgspec.json.encode(id_) for id_ in ids]
    found = connection.execute(sa.select(rows.c.number, rows.c.body).where(where)).all()
    return [row for row in found if any(needle in row.body for needle in needles)]


def _told_of_others(body: Any, ids: frozenset[str]) -> Any | None:
    """What a delivery tells, without a person; None where it tells of nobody else."""

    def about(told: Any) -> bool:
        return isinstance(told, dict) and told.get("profile_id") in ids

    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or about(data):
        return None
    lists = [name for name in ("changes", "adds", "removes") if isinstance(data.get(name), list)]
    kept = {name: [each for each in data[name] if not about(each)] for name in lists}
    if "changes" in kept and not kept["changes"]:
        return None
    return {**body, "data": {**data, **kept}}
