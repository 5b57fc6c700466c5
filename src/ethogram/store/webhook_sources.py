"""Webhook sources: whose webhooks are taken, under which name, by which mapping, and how they are believed.

Step of the path: before collect. Reads and writes the ledger's table of them. Secrets come in the form in which they
are kept (`collect/inbound/trust.py` says which); it maps nothing and verifies nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ethogram.errors import InputError, UnknownNameError
from ethogram.store import audit, tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from ethogram.store.database import Database

_TABLE = tables.webhook_sources


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """A provider whose webhooks are taken.

    Attributes:
        ready: the ready mapping's name; None where `mapping` is its own.
        trust: how a request shows that it is the provider's.
        secrets: any of them will do; in the form in which they are kept.
        header: where a signature or a token is, where the trust does not say it.
        sender: whom the payload must name.
    """

    id: int
    name: str
    ready: str | None
    mapping: dict[str, Any] | None
    trust: str
    secrets: tuple[str, ...]
    header: str | None
    sender: str | None
    enabled: bool
    created_at: dt.datetime
    changed_at: dt.datetime
    removed_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class WebhookSourceDraft:
    """What is to be saved."""

    name: str
    ready: str | None
    mapping: dict[str, Any] | None
    trust: str
    secrets: tuple[str, ...]
    header: str | None = None
    sender: str | None = None
    enabled: bool = True


def add(database: Database, draft: WebhookSourceDraft, now: dt.datetime, actor: str = "local") -> WebhookSource:
    """A new source.

    Raises:
        InputError: there is one of that name.
    """
    try:
        with database.writing() as connection:
            connection.execute(_TABLE.insert().values(**_facts(draft), created_at=now, changed_at=now))
            _note(connection, "add source", draft.name, _told(draft), now, actor)
            return _existing(connection, draft.name)
    except IntegrityError as error:
        raise InputError(
            f"there is a source `{draft.name}` already",
            hint=f"Change it with `ethogram sources change {draft.name} …`, or choose another name.",
        ) from error


def change(database: Database, draft: WebhookSourceDraft, now: dt.datetime, actor: str = "local") -> WebhookSource:
    """The source of that name, as the draft says from now on.

    Raises:
        UnknownNameError: there is none.
    """
    with database.writing() as connection:
        before = _existing(connection, draft.name)
        connection.execute(_TABLE.update().where(_TABLE.c.id == before.id).values(**_facts(draft), changed_at=now))
        _note(connection, "change source", draft.name, _told(draft), now, actor)
        return _existing(connection, draft.name)


def remove(database: Database, name: str, now: dt.datetime, actor: str = "local") -> WebhookSource:
    """The source that was removed; its secrets are gone.

    Raises:
        UnknownNameError: there is none.
    """
    with database.writing() as connection:
        found = _existing(connection, name)
        values = {"removed_at": now, "changed_at": now, "enabled": False, "secrets": []}
        connection.execute(_TABLE.update().where(_TABLE.c.id == found.id).values(**values))
        _note(connection, "remove source", name, {}, now, actor)
        return found


def listed(database: Database) -> tuple[WebhookSource, ...]:
    """Every source that there is, by name."""
    query = sa.select(_TABLE).where(_TABLE.c.removed_at.is_(None)).order_by(_TABLE.c.name)
    with database.reading() as connection:
        return tuple(_source(row) for row in connection.execute(query))


def existing(database: Database, name: str) -> WebhookSource:
    """The source of that name.

    Raises:
        UnknownNameError: there is none.
    """
    with database.reading() as connection:
        return _existing(connection, name)


def _existing(connection: sa.Connection, name: str) -> WebhookSource:
    row = connection.execute(sa.select(_TABLE).where((_TABLE.c.name == name) & _TABLE.c.removed_at.is_(None))).first()
    if row is None:
        raise UnknownNameError(f"there is no source `{name}`", hint="`ethogram sources list` shows them.", source=name)
    return _source(row)


def _source(row: sa.Row[Any]) -> WebhookSource:
    facts = row._asdict()
    return WebhookSource(**{**facts, "secrets": tuple(facts["secrets"])})


def _facts(draft: WebhookSourceDraft) -> dict[str, Any]:
    return {
        "name": draft.name, "ready": draft.ready, "mapping": draft.mapping, "trust": draft.trust,
        "secrets": list(draft.secrets), "header": draft.header, "sender": draft.sender, "enabled": draft.enabled,
    }  # fmt: skip


def _told(draft: WebhookSourceDraft) -> dict[str, Any]:
    """What the audit log keeps: never a secret."""
    return {
        "mapping": draft.ready or "own", "trust": draft.trust, "secrets": len(draft.secrets), "sender": draft.sender,
        "enabled": draft.enabled,
    }  # fmt: skip


def _note(
    connection: sa.Connection, verb: str, name: str, detail: Mapping[str, Any], now: dt.datetime, actor: str
) -> None:
    audit.record(connection, actor=actor, verb=verb, object=name, detail=detail, now=now)
