"""Composition for whoever says what shall be sent: the webhooks and syncs of a workspace.

Puts the ledger and the rules about addresses together; needs no warehouse, so it works beside a running server, which
does the sending (`delivering.py`). `ethogram webhooks`, `ethogram syncs` and their routes come through here.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Self

from ethogram import config
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.deliver import schedule, signing
from ethogram.deliver.addresses import Rules, check
from ethogram.deliver.announcing import trial_body
from ethogram.deliver.attempts import Delivered, Outcome
from ethogram.deliver.client import Client
from ethogram.deliver.files import FORMATS
from ethogram.deliver.mirroring import CHANGES, FULL
from ethogram.errors import InputError
from ethogram.model.outgoing import DeliveryView, SyncView, Trial, WebhookView
from ethogram.store import changes, deliveries, syncs, webhooks
from ethogram.store.deliveries import Delivery
from ethogram.store.syncs import Sync
from ethogram.store.webhooks import ENTERED, LEFT, Webhook

DIRECTIONS = (ENTERED, LEFT)
_MOST_TOGETHER = 1000  # changes in one request
_OVERLAP = dt.timedelta(days=1)  # for which a secret that was replaced still signs
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,99}")
_ENDINGS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class _Facade:
    """The ledger and the rules of a workspace."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._settings = config.read(path)
        self._ledger = open_ledger(path)
        self._database = self._ledger.database
        self._rules = Rules.of(self._settings.allow_addresses)
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def _checked(self, url: str) -> str:
        refused = check(url, self._rules)
        if refused is not None:
            raise InputError(
                f"`{url}` cannot be sent to: {refused.reason}",
                hint="A public address with https can; the setting `allow_addresses` names others that may be sent to.",
            )
        return url


class Webhooks(_Facade):
    """The webhooks of a workspace: who is told of entries and exits. Works beside a running server."""

    def add(
        self,
        url: str,
        *,
        segments: Sequence[str] | None = None,
        changes: Sequence[str] = DIRECTIONS,
        traits: Sequence[str] = (),
        together: int = 1,
        label: str = "",
        secret: str | None = None,
    ) -> tuple[WebhookView, str]:
        """A new webhook, told what changes from now on, with the secret that signs what it is told.

        Args:
            segments: names; left out, all there are and will be.
            changes: `entered`, `left`, or both.
            traits: that are sent along.
            together: how many changes one request may hold; more than one have a form of their own.
            secret: one that the receiver has already; left out, one is made.

        Raises:
            InputError: the address cannot be sent to, or something else cannot be used.
            UnknownNameError: there is no such segment.
        """
        if not changes or not set(changes) <= set(DIRECTIONS):
            raise InputError("a webhook is told who `entered`, who `left`, or both")
        if not 1 <= together <= _MOST_TOGETHER:
            raise InputError(f"one request holds 1 to {_MOST_TOGETHER} changes, not {together}")
        made = _secret(secret)
        numbers = None if segments is None else [self._ledger.segment(name).number for name in segments]
        webhook = webhooks.add(
            self._database,
            url=self._checked(url),
            secret=made,
            label=label,
            segments=numbers,
            wanted=[direction for direction in DIRECTIONS if direction in changes],
            traits=traits,
            most=together,
            now=self._clock.now(),
        )
        return self._view(webhook), made

    def listed(self) -> tuple[WebhookView, ...]:
        """Every webhook, oldest first."""
        return tuple(self._view(webhook) for webhook in webhooks.listed(self._database))

    def one(self, number: int) -> WebhookView:
        """The webhook of that number."""
        return self._view(webhooks.existing(self._database, number))

    def _view(self, webhook: Webhook) -> WebhookView:
        endpoint = webhook.endpoint
        names = {segment.number: segment.name for segment in self._ledger.segments()}
        chosen = webhook.segments
        return WebhookView(
            id=webhook.id,
            url=endpoint.url,
            label=endpoint.label,
            enabled=endpoint.enabled,
            reason=endpoint.reason,
            segments=None if chosen is None else tuple(names.get(n, f"(deleted {n})") for n in chosen),
            changes=webhook.changes,
            traits=webhook.traits,
            together=webhook.most,
            behind=max(changes.last(self._database) - webhook.watermark, 0),
            failures=endpoint.failures,
            failing_since=endpoint.failing_since,
            held_until=endpoint.held_until,
            created_at=endpoint.created_at,
            old_secret_until=endpoint.old_until,
        )

    def test(self, number: int) -> Trial:
        """What came of sending it a message of the type `ethogram.test` now."""
        webhook, now = webhooks.existing(self._database, number), self._clock.now()
        body = trial_body(webhook, now)
        signed = signing.headers(f"msg_test_{int(now.timestamp())}", now, body, webhook.endpoint.signers(now))

        async def posted() -> Outcome:
            async with Client(self._rules, self._clock) as client:
                return await client.post(webhook.endpoint.url, signed, body)

        outcome = asyncio.run(posted())
        return Trial(isinstance(outcome, Delivered), outcome.status, getattr(outcome, "reason", None))

    def pause(self, number: int) -> WebhookView:
        """The webhook, told nothing until it is resumed."""
        return self._view(webhooks.pause(self._database, number, "it was paused", self._clock.now()))

    def resume(self, number: int) -> WebhookView:
        """The webhook, told again, and what it missed meanwhile too."""
        webhook = webhooks.existing(self._database, number)
        self._checked(webhook.endpoint.url)
        return self._view(webhooks.resume(self._database, number, self._clock.now()))

    def remove(self, number: int) -> None:
        """Ends a webhook; what waits for it is not sent."""
        webhooks.remove(self._database, number, self._clock.now())

    def rotate(
        self, number: int, *, overlap: dt.timedelta = _OVERLAP, secret: str | None = None
    ) -> tuple[WebhookView, str]:
        """The webhook with its new secret; both sign as long as they overlap."""
        made = _secret(secret)
        return self._view(webhooks.rotate(self._database, number, made, overlap, self._clock.now())), made

    def deliveries(
        self, number: int | None = None, *, state: str | None = None, limit: int = 100
    ) -> tuple[DeliveryView, ...]:
        """What was sent, is to be sent or was given up, newest first; of syncs too, unless a webhook is named."""
        if number is not None:
            webhooks.existing(self._database, number)
        rows = deliveries.listed(self._database, endpoint=number, state=state, limit=limit)
        return tuple(_delivery_view(row) for row in rows)

    def retry(self, number: int | None = None, *, delivery: str | None = None) -> int:
        """How many deliveries are sent again: those given up (of one webhook), or the one named.

        Raises:
            UnknownNameError: there is no such webhook or delivery.
        """
        if number is not None:
            webhooks.existing(self._database, number)
        return deliveries.retry(self._database, self._clock.now(), endpoint=number, id=delivery)


class Syncs(_Facade):
    """The syncs of a workspace: members of segments that are kept the same elsewhere. Works beside a running server."""

    def add(
        self,
        segment: str,
        target: str,
        *,
        format: str | None = None,
        mode: str = CHANGES,
        traits: Sequence[str] = (),
        when: str = "on change",
        label: str = "",
        secret: str | None = None,
    ) -> tuple[SyncView, str | None]:
        """A new sync, which gives its target everybody first; for an endpoint with the secret that signs.

        Args:
            target: a file's name in the workspace's `sync/`, or an address.
            format: of a file: `csv`, `parquet` or `jsonl`, where its name does not say.
            mode: `changes`: adds and removes, a file for each difference; `full`: everybody each time.
            traits: columns beside the id.
            when: `on change`, `every 15 minutes`, `every 6 hours`, `cron 0 6 * * *` (in the workspace's zone).

        Raises:
            InputError: the target cannot be used, or something else cannot.
            UnknownNameError: there is no such segment.
        """
        if mode not in (FULL, CHANGES):
            raise InputError(f"a sync is of `{CHANGES}` or `{FULL}`, not `{mode}`")
        chosen = _schedule(when)
        number, now = self._ledger.segment(segment).number, self._clock.now()
        is_url = "://" in target
        if is_url and format not in (None, "json"):
            raise InputError("an address is sent JSON", hint="CSV, Parquet and JSON lines are for files.")
        made = _secret(secret)
        sync = syncs.add(
            self._database,
            segment=number,
            path=None if is_url else _file_name(target),
            url=self._checked(target) if is_url else None,
            secret=made,
            label=label,
            format="json" if is_url else _format(target, format),
            mode=mode,
            traits=_columns(traits),
            schedule=str(chosen),
            due_at=schedule.next_at(chosen, now, self._settings.zone),
            now=now,
        )
        return _sync_view(sync), made if is_url else None

    def listed(self) -> tuple[SyncView, ...]:
        """Every sync, oldest first."""
        return tuple(_sync_view(sync) for sync in syncs.listed(self._database))

    def one(self, number: int) -> SyncView:
        """The sync of that number."""
        return _sync_view(syncs.existing(self._database, number))

    def run(self, number: int) -> SyncView:
        """The sync, done as soon as a server works on the workspace; one that was stopped by failures goes on."""
        return _sync_view(syncs.ask(self._database, number, self._clock.now()))

    def remove(self, number: int) -> None:
        """Ends a sync; what it wrote stays."""
        syncs.remove(self._database, number, self._clock.now())


def _secret(given: str | None) -> str:
    if given is None:
        return signing.new_secret()
    if not signing.is_secret(given):
        raise InputError(
            "the given secret cannot sign", hint="It is `whsec_` with 24 to 64 random bytes in base64 after it."
        )
    return given


def _schedule(text: str) -> schedule.Schedule:
    try:
        return schedule.read(text)
    except ValueError as error:
        raise InputError(str(error)) from None


def _file_name(target: str) -> str:
    path = PurePosixPath(target)
    if path.is_absolute() or not path.parts or not all(_NAME.fullmatch(part) for part in path.parts):
        raise InputError(
            f"`{target}` is no file's name in the workspace's `sync/`",
            hint="Letters, digits, `_`, `-`, `.` and blanks, with `/` between folders; no part begins with a dot.",
        )
    return str(path)


def _format(target: str, given: str | None) -> str:
    chosen = given or _ENDINGS.get(PurePosixPath(target).suffix.lower())
    if chosen not in FORMATS:
        raise InputError(f"`{target}` has an ending that is no format", hint=f"Use {', '.join(_ENDINGS)}.")
    return chosen


def _columns(traits: Sequence[str]) -> list[str]:
    reserved = {"op", "profile_id", "account_id"} & set(traits)
    if reserved or len(set(traits)) < len(traits):
        raise InputError("each column has a name of its own, and `op` and the id are there already")
    return list(traits)


def _delivery_view(row: Delivery) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        endpoint=row.endpoint,
        about=row.about,
        state=row.state,
        attempts=row.attempts,
        status=row.status,
        error=row.error,
        created_at=row.created_at,
        due_at=row.due_at,
        finished_at=row.finished_at,
        body=row.body.decode("utf-8", "replace"),
    )


def _sync_view(sync: Sync) -> SyncView:
    endpoint = sync.endpoint
    stopped = endpoint is not None and not endpoint.enabled
    return SyncView(
        id=sync.id,
        segment=sync.name,
        file=sync.path,
        url=None if endpoint is None else endpoint.url,
        label="" if endpoint is None else endpoint.label,
        format=sync.format,
        mode=sync.mode,
        traits=sync.traits,
        when=sync.schedule,
        due_at=sync.due_at,
        synced_at=sync.synced_at,
        rows=sync.rows,
        generation=sync.generation,
        trouble=f"stopped: {endpoint.reason}" if endpoint is not None and stopped else sync.trouble,
        created_at=sync.created_at,
    )
