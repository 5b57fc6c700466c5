"""Composition for inbound webhooks: the sources of a workspace, and what a server needs to take their requests.

Puts the ledger and `collect/inbound` together; opens no warehouse, so that it works in collectors and beside a running
server. `WebhookSources` is the facade of the command line, the library and the management API; `Receiver` is a
server's.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from ethogram.clock import Clock, SystemClock
from ethogram.collect import payload
from ethogram.collect.inbound import content, ready, sources
from ethogram.collect.inbound.calls import Mapped
from ethogram.collect.inbound.receive import Confirm, NeedsCertificate, Received, Source, receive
from ethogram.collect.inbound.trial import Trial, TrialCall, envelope_of, tried
from ethogram.collect.inbound.trust import TRUSTS, Delivery, chosen
from ethogram.collect.inbound.trust import made as made_secret
from ethogram.collect.payload import Refused
from ethogram.collecting import Unsure, open_ledger
from ethogram.deliver import receipts
from ethogram.deliver.attempts import Failed
from ethogram.deliver.fetch import fetched
from ethogram.errors import EthogramError, InputError, UserError
from ethogram.store import webhook_sources
from ethogram.store.webhook_sources import WebhookSource, WebhookSourceDraft

__all__ = [
    "ACK", "TRUSTS", "Delivery", "Mapped", "Receiver", "Refused", "Trial", "TrialCall", "WebhookSource",
    "WebhookSources", "envelope_of",
]  # fmt: skip

ACK = content.ACK
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_FRESH = dt.timedelta(seconds=5)  # a removed source is good for nothing after this
_UNKNOWN = dt.timedelta(seconds=1)  # between looks for one that is not known
_PATIENCE = 5.0
_CERTIFICATE_BYTES = 20_000
_ANSWER_BYTES = 100_000
_CERTIFICATES = 20  # kept at once


class WebhookSources:
    """The sources of webhooks of a workspace; needs the ledger only, so it works beside a running server."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger = open_ledger(path)
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def add(
        self,
        name: str,
        *,
        ready: str | None = None,
        mapping: str | None = None,
        trust: str | None = None,
        secrets: Sequence[str] = (),
        header: str | None = None,
        sender: str | None = None,
    ) -> tuple[WebhookSource, str | None]:
        """A new source, with the secret that was made for it if none was given: nobody can show it again.

        Args:
            ready: the name of a ready mapping.
            mapping: an own one, as JSON or TOML.
            trust: how a request shows that it is the provider's; left out, what the mapping says.
            secrets: what the provider signs or sends; any of several will do.
            header: where the signature or the token is, for trusts that do not say it.
            sender: whom the payload must name: the ARN of a topic, the id of an organisation.

        Raises:
            InputError: something does not fit, or there is one of that name.
            UnknownNameError: there is no such ready mapping.
        """
        if not _NAME.fullmatch(name):
            raise InputError(
                f"a source cannot be called `{name[:80]}`",
                hint="A name has small letters, digits, `-` and `_`, at most 63; it is part of the address.",
            )
        own, found = sources.mapped_by(ready, mapping)
        kind = chosen(trust or found.trust or "token")
        made = None if secrets or not kind.made else made_secret(kind)
        draft = WebhookSourceDraft(
            name=name, ready=ready, mapping=own, trust=kind.name,
            secrets=sources.kept_secrets(kind, [made] if made is not None else secrets), header=header, sender=sender,
        )  # fmt: skip
        sources.check(kind, draft)
        return webhook_sources.add(self._ledger.database, draft, self._clock.now()), made

    def change(
        self,
        name: str,
        *,
        ready: str | None = None,
        mapping: str | None = None,
        secrets: Sequence[str] | None = None,
        header: str | None = None,
        sender: str | None = None,
        enabled: bool | None = None,
    ) -> WebhookSource:
        """The source, changed; what is left out stays. Running servers follow within seconds.

        Args:
            secrets: the only ones that are good from now on.

        Raises:
            InputError: something does not fit.
            UnknownNameError: there is no such source, or no such ready mapping.
        """
        before = self.get(name)
        kind = chosen(before.trust)
        own, by = before.mapping, before.ready
        if ready is not None or mapping is not None:
            own, by = sources.mapped_by(ready, mapping)[0], ready
        draft = WebhookSourceDraft(
            name=name, ready=by, mapping=own, trust=before.trust,
            secrets=before.secrets if secrets is None else sources.kept_secrets(kind, secrets),
            header=before.header if header is None else header,
            sender=before.sender if sender is None else sender,
            enabled=before.enabled if enabled is None else enabled,
        )  # fmt: skip
        sources.check(kind, draft)
        return webhook_sources.change(self._ledger.database, draft, self._clock.now())

    def listed(self) -> tuple[WebhookSource, ...]:
        """Every source, by name."""
        return webhook_sources.listed(self._ledger.database)

    def get(self, name: str) -> WebhookSource:
        """The source of that name.

        Raises:
            UnknownNameError: there is none.
        """
        return webhook_sources.existing(self._ledger.database, name)

    def remove(self, name: str) -> WebhookSource:
        """The source that was removed; what it sent stays.

        Raises:
            UnknownNameError: there is none.
        """
        return webhook_sources.remove(self._ledger.database, name, self._clock.now())

    def test(self, name: str, body: bytes, headers: Mapping[str, str] | None = None) -> Trial:
        """What a source's mapping makes of a payload; nothing is kept, and no signature is asked for.

        Raises:
            InputError: the payload cannot be read.
            UnknownNameError: there is no such source.
        """
        return tried(sources.prepared(self.get(name)), name, body, headers or {}, self._clock.now())

    def test_mapping(
        self, body: bytes, *, ready: str | None = None, mapping: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Trial:  # fmt: skip
        """What a mapping makes of a payload, before there is a source.

        Raises:
            InputError: the mapping or the payload cannot be read.
        """
        own, _ = sources.mapped_by(ready, mapping)
        return tried(sources.prepared_by(ready, own), "test", body, headers or {}, self._clock.now())

    @staticmethod
    def mappings() -> dict[str, str]:
        """The ready mappings: name → what it is for."""
        return {name: ready.prepared(name).mapping.description for name in ready.names()}

    @staticmethod
    def mapping_text(name: str) -> str:
        """A ready mapping as it is written, as a start for one's own.

        Raises:
            UnknownNameError: there is none of that name.
        """
        return ready.text(name)


class Receiver:
    """What a server needs to take webhooks: the sources as one process knows them, and what lies at Amazon.

    Args:
        fetch: gives a document of at most so many bytes.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        fetch: Callable[[str, int], Awaitable[bytes | Failed]] | None = None,
    ) -> None:
        self._ledger = open_ledger(path, _PATIENCE)
        self._clock = clock or SystemClock()
        self._fetch = fetch or _fetch
        self._reading = threading.Lock()
        self._sources: dict[str, tuple[WebhookSource, Source | None]] = {}
        self._read_at: dt.datetime | None = None
        self._certificates: dict[str, bytes] = {}

    def close(self) -> None:
        """Closes the ledger."""
        self._ledger.close()

    def known(self, name: str) -> Source | Unsure | None:
        """The source, as far as this process knows; None for one that it does not know or that is disabled.

        Unsure for one whose mapping this version cannot use: its provider shall come again, not give up.
        """
        found = self._sources.get(name)
        return (found[1] or Unsure()) if found is not None and found[0].enabled else None

    def is_stale(self, name: str) -> bool:
        """Whether the sources should be read again before or while this one is used."""
        fresh = _FRESH if name in self._sources else _UNKNOWN
        return self._read_at is None or not dt.timedelta() <= self._clock.now() - self._read_at < fresh

    def read_sources(self) -> Unsure | None:
        """Reads the sources anew; Unsure when the ledger does not answer, and the ones known stay good."""
        with self._reading:
            now = self._clock.now()
            try:
                listed = webhook_sources.listed(self._ledger.database)
            except EthogramError:
                return Unsure()
            found: dict[str, tuple[WebhookSource, Source | None]] = {}
            for source in listed:
                held = self._sources.get(source.name)
                found[source.name] = held if held is not None and held[0] == source else (source, _ready(source))
            self._sources, self._read_at = found, now
            return None

    async def received(self, source: Source, sent: Delivery) -> Mapped | Refused | Unsure:
        """What a request means, or why it is refused; Unsure when Amazon does not answer."""
        # A large one takes a while, in which others shall be answered.
        work = asyncio.to_thread if len(sent.body) > 16_384 else _at_once
        found: Received = await work(receive, source, sent, self._clock.now(), self._certificates)
        if isinstance(found, NeedsCertificate):
            certificate = await self._fetch(found.address, _CERTIFICATE_BYTES)
            if isinstance(certificate, Failed):
                return Unsure()
            if len(self._certificates) >= _CERTIFICATES:
                self._certificates = {}
            certificates = {**self._certificates, found.address: certificate}
            found = await work(receive, source, sent, self._clock.now(), certificates)
            if not isinstance(found, Refused):
                self._certificates = certificates
        if isinstance(found, Confirm):
            confirmed = await self._fetch(found.address, _ANSWER_BYTES)
            return Unsure() if isinstance(confirmed, Failed) else Mapped((), 1, 1)
        assert not isinstance(found, NeedsCertificate)
        if isinstance(found, Mapped) and receipts.about_messages(found.calls):
            return await asyncio.to_thread(self._noted, found)
        return found

    def _noted(self, found: Mapped) -> Mapped | Unsure:
        """What is left of a request when reports about messages of ours are noted: these come back as events anyway."""
        instants = [payload.instant(call.get("timestamp")) for call in found.calls]
        try:
            with self._ledger.database.writing() as connection:
                rest = receipts.take(connection, found.calls, instants, self._clock.now())
        except EthogramError:
            return Unsure()
        return replace(found, calls=tuple(map(dict, rest)))


async def _fetch(address: str, most: int) -> bytes | Failed:
    return await fetched(address, most=most)


async def _at_once(function: Callable[..., Received], *given: Any) -> Received:
    return function(*given)


def _ready(source: WebhookSource) -> Source | None:
    try:
        return sources.ready_source(source)
    except UserError:
        return None
