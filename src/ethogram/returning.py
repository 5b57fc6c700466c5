"""Composition for what comes back: texts that people send, reports about texts, and mail that could not be delivered.

Puts the ledger, providers and the stage `deliver` together; opens no warehouse, so that any collector can answer. A
text counts only with the signature of the provider that it names.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ethogram import config
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.deliver import bounces, returned
from ethogram.deliver.channels import texts_inbound
from ethogram.deliver.channels.texts_inbound import Asked, Reply
from ethogram.deliver.returned import MailTaken
from ethogram.errors import DefinitionError
from ethogram.model.provider import KIND, Provider, Twilio
from ethogram.store import definitions

__all__ = ["Asked", "Forged", "MailTaken", "Returning", "TextTaken", "UnknownProvider"]

_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class UnknownProvider:
    """There is no provider of that name that takes texts."""


@dataclass(frozen=True, slots=True)
class Forged:
    """The request is not signed by the provider."""


@dataclass(frozen=True, slots=True)
class TextTaken:
    """What a request about texts was.

    Attributes:
        reply: whether a person sent it; else it is a report.
        asked: what the reply asks for, and nobody has answered yet.
    """

    reply: bool
    asked: Asked | None = None


Taken: TypeAlias = TextTaken | Forged | UnknownProvider


class Returning:
    """Takes what comes back to a workspace. Works beside any other process.

    Args:
        path: the workspace's directory.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._public = config.read(path).public_url.rstrip("/")
        self._ledger = open_ledger(path, _PATIENCE)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()

    def close(self) -> None:
        """Closes the ledger."""
        self._ledger.close()

    def text(
        self, provider: str, form: Sequence[tuple[str, str]], signature: str, *, place: str, address: str
    ) -> Taken:
        """What a provider's request about texts was; what follows from it holds when this returns.

        Args:
            form: its fields as they came.
            place: its path with the query, below the workspace's public address.
            address: its whole address as this server sees it.

        Raises:
            SettingError: the provider's token is not in the environment.
        """
        token = self._token(provider)
        if token is None:
            return UnknownProvider()
        urls = [self._public + place, address] if self._public else [address]
        if not any(texts_inbound.verified(url, form, signature, [token]) for url in urls):
            return Forged()
        fields = dict(form)
        found = texts_inbound.parse(fields)
        now = self._clock.now()
        if found is None:
            return TextTaken(reply=False)
        with self._database.writing() as connection:
            if isinstance(found, Reply):
                returned.take_reply(connection, found, now)
                # Where the provider knows the word itself, it has answered already.
                return TextTaken(reply=True, asked=None if fields.get("OptOutType") else found.asked)
            returned.take_report(connection, found, now)
            return TextTaken(reply=False)

    def mail(self, raw: bytes, *, to: str = "") -> MailTaken:
        """What became of a mail that came back: a bounce, a complaint, or anything else, which is left alone.

        Args:
            to: the address that it came to, which may name the message.
        """
        found = bounces.parse(raw, to=to)
        if not found:
            return MailTaken(0, 0)
        with self._database.writing() as connection:
            return returned.take_mail(connection, found, self._clock.now())

    def _token(self, name: str) -> str | None:
        with self._database.reading() as connection:
            saved = definitions.find(connection, KIND, name)
        try:
            provider = Provider.from_body(name, saved.body) if saved is not None else None
        except DefinitionError:  # it was saved by a release that knew other settings
            return None
        settings = provider.settings if provider is not None else None
        return settings.token.reveal(os.environ) if isinstance(settings, Twilio) else None
