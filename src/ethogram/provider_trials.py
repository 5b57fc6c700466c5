"""Trying a provider out: one real message to an address that somebody gives, and what the provider said to it.

Composition over the ledger, so it works beside a running server. Reads the provider's definition, sends through its
channel in an event loop of its own, and writes the audit log; no outbox is asked, and nobody's consent: whoever tries
names an address that is theirs.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, assert_never

from ethogram import config
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.deliver.addresses import Rules
from ethogram.deliver.channels.building import build
from ethogram.deliver.channels.webpush import Keys, new_keys
from ethogram.errors import EthogramError, InputError
from ethogram.model.contacts import key_of
from ethogram.model.message import (
    Accepted,
    Channel,
    ChatContent,
    Content,
    EmailContent,
    Later,
    Letter,
    Lost,
    Misconfigured,
    Never,
    Outcome,
    PushContent,
    TextContent,
    WebhookContent,
)
from ethogram.model.provider import KIND, Provider
from ethogram.store import audit, definitions, devices

__all__ = ["Keys", "ProviderTrial", "ProviderTrials", "new_keys"]

Said: TypeAlias = Literal["accepted", "later", "never", "misconfigured", "lost"]
_TITLE = "A test of Ethogram"
_TEXT = "This message shows that the provider works. Nobody else got it."


@dataclass(frozen=True, slots=True)
class ProviderTrial:
    """What a provider said to a test message.

    Attributes:
        outcome: `accepted`; `later` is a trouble that passes; `never` is about this message or address;
            `misconfigured` is about the settings; `lost` is a connection that ended before the answer.
        reason: in words; None where it was accepted.
        provider_id: the provider's own id of the message.
    """

    outcome: Said
    reason: str | None = None
    provider_id: str | None = None


class ProviderTrials:
    """Sends test messages: `ProviderTrials(path).send("mail", "me@shop.example")`."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._rules = Rules.of(config.read(path).allow_addresses)
        self._ledger = open_ledger(path)
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def send(self, name: str, to: str = "", *, actor: str = "local") -> ProviderTrial:
        """What a provider says to a test message.

        Args:
            to: an e-mail address, a number, a device's id, or the address of a webhook; a chat needs none.

        Raises:
            UnknownNameError: there is no such provider, or no such device.
            InputError: that is no address of the provider's channel.
        """
        saved = definitions.get(self._ledger.database, KIND, name)
        provider = Provider.from_body(name, saved.body, version=saved.version)
        letter = self._letter(provider.channel, to.strip())
        try:
            outcome: Outcome = asyncio.run(self._sent(provider, letter))
        except EthogramError as error:  # a secret that the environment lacks, a file that cannot be read
            outcome = Misconfigured(error.message)
        trial = _told(outcome)
        with self._ledger.database.writing() as connection:
            detail: dict[str, Any] = {"version": saved.version, "outcome": trial.outcome}
            now = self._clock.now()
            audit.record(connection, actor=actor, verb="test", object=f"{KIND}:{name}", detail=detail, now=now)
        return trial

    async def _sent(self, provider: Provider, letter: Letter) -> Outcome:
        channel = build(provider, self._rules, self._clock)
        try:
            return await channel.send(letter)
        finally:
            await channel.close()

    def _letter(self, channel: Channel, to: str) -> Letter:
        id_ = "msg_" + secrets.token_hex(16)
        match channel:
            case Channel.EMAIL | Channel.SMS | Channel.WHATSAPP:
                address = key_of(channel, to)
                if address is None:
                    raise InputError(
                        f"`{to[:100]}` is no address of the channel `{channel}`",
                        hint="An e-mail address has one `@`; a number begins with `+` and its country's code.",
                    )
                return Letter(id_, address, _content(channel, to))
            case Channel.PUSH | Channel.WEBPUSH:
                with self._ledger.database.reading() as connection:
                    device = devices.get(connection, to)
                if device.channel is not channel:
                    raise InputError(f"device `{to}` is one of `{device.channel}`, not of `{channel}`")
                return Letter(id_, device.address, _content(channel, to))
            case Channel.WEBHOOK:
                if not to.startswith(("https://", "http://")):
                    raise InputError(f"`{to[:100]}` is no address of a webhook", hint="It begins with `https://`.")
                return Letter(id_, "", _content(channel, to))
            case Channel.CHAT | Channel.INAPP:
                return Letter(id_, "", _content(channel, to))
            case _:
                assert_never(channel)


def _content(channel: Channel, to: str) -> Content:
    match channel:
        case Channel.EMAIL:
            return EmailContent(_TITLE, f"<p>{_TEXT}</p>", _TEXT)
        case Channel.SMS | Channel.WHATSAPP:
            return TextContent(f"{_TITLE}: {_TEXT}")
        case Channel.PUSH | Channel.WEBPUSH:
            return PushContent(_TITLE, _TEXT)
        case Channel.WEBHOOK:
            return WebhookContent(to, json.dumps({"type": "ethogram.test", "data": {"text": _TEXT}}).encode())
        case Channel.CHAT | Channel.INAPP:
            return ChatContent(_TITLE, _TEXT)
        case _:
            assert_never(channel)


def _told(outcome: Outcome) -> ProviderTrial:
    match outcome:
        case Accepted(provider_id):
            return ProviderTrial("accepted", None, provider_id)
        case Later(reason):
            return ProviderTrial("later", reason)
        case Never(reason):
            return ProviderTrial("never", reason)
        case Misconfigured(reason):
            return ProviderTrial("misconfigured", reason)
        case Lost(reason):
            return ProviderTrial("lost", reason)
        case _:
            assert_never(outcome)
