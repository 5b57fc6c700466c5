"""Webhooks: which changes of membership an endpoint is told, and up to where it was told them.

Step of the path: store. Reads and writes the ledger. Making deliveries and moving the watermark is one transaction, so
each change becomes a delivery once, wherever a process is killed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.errors import UnknownNameError
from ethogram.store import audit, changes, deliveries, endpoints, tables
from ethogram.store.deliveries import DeliveryDraft
from ethogram.store.endpoints import Endpoint

if TYPE_CHECKING:
    from ethogram.store.database import Database

KIND = "webhook"
ENTERED, LEFT = "entered", "left"
_TABLE = tables.webhooks


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription to changes of membership.

    Attributes:
        segments: numbers of the segments; None is all.
        changes: `entered`, `left`, or both.
        traits: names of the traits that are sent along.
        most: how many changes one request may hold.
        watermark: the last change of the feed that it was told, or is being told.
    """

    endpoint: Endpoint
    segments: tuple[int, ...] | None
    changes: tuple[str, ...]
    traits: tuple[str, ...]
    most: int
    watermark: int

    @property
    def id(self) -> int:
        return self.endpoint.id


def add(
    database: Database,
    *,
    url: str,
    secret: str,
    label: str,
    segments: Sequence[int] | None,
    wanted: Sequence[str],
    traits: Sequence[str],
    most: int,
    now: dt.datetime,
    actor: str = "local",
) -> Webhook:
    """A new webhook, which is told what changes from now on."""
    watermark = changes.last(database)
    with database.writing() as connection:
        endpoint = endpoints.add(connection, kind=KIND, url=url, label=label, secret=secret, in_order=False, now=now)
        facts = {
            "id": endpoint.id, "segments": None if segments is None else list(segments), "changes": list(wanted),
            "traits": list(traits), "most": most, "watermark": watermark,
        }  # fmt: skip
        connection.execute(_TABLE.insert().values(**facts))
        _note(connection, "add webhook", endpoint.id, {"url": url, **facts}, now, actor)
        return _existing(connection, endpoint.id)


def existing(database: Database, number: int) -> Webhook:
    """The webhook of that number.

    Raises:
        UnknownNameError: there is none.
    """
    with database.reading() as connection:
        return _existing(connection, number)


def listed(database: Database) -> tuple[Webhook, ...]:
    """Every webhook that was not removed, oldest first."""
    with database.reading() as connection:
        return tuple(_webhook(row) for row in connection.execute(_query().order_by(_TABLE.c.id)))


def pause(database: Database, number: int, reason: str, now: dt.datetime, actor: str = "local") -> Webhook:
    """The webhook, which is told nothing until it is resumed; what changes meanwhile is told then."""
    with database.writing() as connection:
        _existing(connection, number)
        endpoints.disable(connection, number, reason)
        _note(connection, "pause webhook", number, {"reason": reason}, now, actor)
        return _existing(connection, number)


def resume(database: Database, number: int, now: dt.datetime, actor: str = "local") -> Webhook:
    """The webhook, which is told everything that it was not told while it was paused."""
    with database.writing() as connection:
        _existing(connection, number)
        endpoints.enable(connection, number)
        _note(connection, "resume webhook", number, {}, now, actor)
        return _existing(connection, number)


def remove(database: Database, number: int, now: dt.datetime, actor: str = "local") -> None:
    """Ends a webhook; what waits for it is not sent."""
    with database.writing() as connection:
        _existing(connection, number)
        endpoints.remove(connection, number, now)
        _note(connection, "remove webhook", number, {}, now, actor)


def rotate(
    database: Database, number: int, secret: str, overlap: dt.timedelta, now: dt.datetime, actor: str = "local"
) -> Webhook:
    """The webhook, which signs with another secret; with the one before too, as long as they overlap."""
    with database.writing() as connection:
        _existing(connection, number)
        endpoints.rotate(connection, number, secret, now + overlap)
        _note(connection, "rotate secret of webhook", number, {"overlap": overlap.total_seconds()}, now, actor)
        return _existing(connection, number)


def tell(
    database: Database, webhook: Webhook, watermark: int, drafts: Sequence[DeliveryDraft], now: dt.datetime
) -> bool:
    """Whether the deliveries were made, and the watermark moved: both, or neither where another process was faster."""
    with database.writing() as connection:
        mine = (_TABLE.c.id == webhook.id) & (_TABLE.c.watermark == webhook.watermark)
        if not connection.execute(_TABLE.update().where(mine).values(watermark=watermark)).rowcount:
            return False
        deliveries.add(connection, webhook.id, drafts, now)
        return True


def note_missed(database: Database, webhook: Webhook, upto: int, now: dt.datetime) -> None:
    """Goes on after changes that are no longer kept, and writes down that they were never told."""
    with database.writing() as connection:
        connection.execute(_TABLE.update().where(_TABLE.c.id == webhook.id).values(watermark=upto))
        detail = {"after": webhook.watermark, "upto": upto}
        _note(connection, "missed changes of webhook", webhook.id, detail, now, "worker")


def _query() -> sa.Select[Any]:
    owners = tables.endpoints
    facts = (column for column in _TABLE.c if column.name != "id")
    return sa.select(owners, *facts).join(_TABLE, _TABLE.c.id == owners.c.id).where(owners.c.removed_at.is_(None))


def _existing(connection: sa.Connection, number: int) -> Webhook:
    row = connection.execute(_query().where(_TABLE.c.id == number)).first()
    if row is None:
        raise UnknownNameError(f"there is no webhook {number}", hint="`ethogram webhooks list` shows them.")
    return _webhook(row)


def _webhook(row: sa.Row[Any]) -> Webhook:
    facts = row._asdict()
    return Webhook(
        endpoint=Endpoint(**{column.name: facts[column.name] for column in tables.endpoints.c}),
        segments=None if row.segments is None else tuple(row.segments),
        changes=tuple(row.changes),
        traits=tuple(row.traits),
        most=row.most,
        watermark=row.watermark,
    )


def _note(
    connection: sa.Connection, verb: str, number: int, detail: dict[str, Any], now: dt.datetime, actor: str
) -> None:
    audit.record(connection, actor=actor, verb=verb, object=str(number), detail=detail, now=now)
