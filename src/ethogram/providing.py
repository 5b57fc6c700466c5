"""Composition of providers: from their definitions to ways out that are opened when the first letter goes.

Reads definitions (ledger) and hands providers to what sends. A provider that is saved anew takes the place of the one
before; one whose settings cannot be used pauses its channel with the reason, as a provider that refuses us does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ethogram.clock import Clock
from ethogram.deliver import lane
from ethogram.deliver.addresses import Rules
from ethogram.deliver.channels import protocol
from ethogram.deliver.channels.building import build
from ethogram.deliver.channels.chat import ChatChannel
from ethogram.deliver.channels.email import EmailChannel
from ethogram.deliver.channels.inapp import InAppChannel
from ethogram.deliver.channels.push import PushChannel
from ethogram.deliver.channels.recording import RecordingChannel
from ethogram.deliver.channels.sms import TextChannel
from ethogram.deliver.channels.webhook import WebhookChannel
from ethogram.deliver.channels.webpush import WebPushChannel
from ethogram.deliver.hands import Hands
from ethogram.errors import DefinitionError, EthogramError
from ethogram.model.message import Channel, Letter, Misconfigured, Outcome
from ethogram.model.provider import (
    KIND,
    Apprise,
    Provider,
    Push,
    Recording,
    Settings,
    Smtp,
    Twilio,
    Webhook,
    WebPush,
)
from ethogram.store import definitions
from ethogram.store.database import Database

_CHANNELS: Final[Mapping[type[Settings], type[protocol.Channel]]] = {
    Smtp: EmailChannel,
    Twilio: TextChannel,
    Push: PushChannel,
    WebPush: WebPushChannel,
    Webhook: WebhookChannel,
    Apprise: ChatChannel,
    Recording: RecordingChannel,
}

_AT_ONCE: Final = 500  # in-app messages that are written together


class Opening:
    """A provider's way out, which is opened in the event loop of whoever sends by it."""

    def __init__(self, provider: Provider, rules: Rules, clock: Clock) -> None:
        self.idempotent = _CHANNELS[type(provider.settings)].idempotent
        self._provider = provider
        self._rules = rules
        self._clock = clock
        self._opened: protocol.Channel | None = None

    async def send(self, letter: Letter) -> Outcome:
        """What became of a letter."""
        if self._opened is None:
            try:
                self._opened = build(self._provider, self._rules, self._clock)
            except EthogramError as error:
                return Misconfigured(error.message)
        return await self._opened.send(letter)

    async def close(self) -> None:
        """Ends what was opened."""
        if self._opened is not None:
            await self._opened.close()


def saved_provider(database: Database, name: str, version: int) -> Provider | None:
    """A version of a provider; None where there is none."""
    with database.reading() as connection:
        saved = definitions.find(connection, KIND, name, version)
    return None if saved is None else Provider.from_body(name, saved.body, version=version)


class Providers:
    """The providers of a workspace, as they are saved.

    Args:
        rules: which addresses may be connected to beside public ones.
        hands: send in other processes; None sends in this one.
    """

    def __init__(self, database: Database, rules: Rules, clock: Clock, *, hands: Hands | None = None) -> None:
        self._database = database
        self._rules = rules
        self._clock = clock
        self._hands = hands
        self._versions: dict[Channel, tuple[str, int]] = {}
        self._seen: dict[str, int] | None = None  # versions by name, at the last look

    def ways(self) -> dict[Channel, lane.Provider]:
        """Each channel's way out; of several providers of a channel, the one that was saved last.

        In-app messages need none: they wait in the ledger.
        """
        found = self._chosen()
        self._versions = {channel: (each.name, each.version) for channel, each in found.items()}
        in_app = InAppChannel(Channel.INAPP.value, self._database, self._clock)
        ways = {channel: self._way(each) for channel, each in found.items()}
        return {Channel.INAPP: lane.Provider(in_app, at_once=_AT_ONCE), **ways}

    def follow(self, replace: Callable[[Channel, lane.Provider], None], withdraw: Callable[[Channel], None]) -> bool:
        """Hands over what was saved since the last look, and what was removed; whether there was any."""
        seen = definitions.current(self._database, KIND)
        if seen == self._seen:
            return False
        chosen = self._chosen()
        gone = [channel for channel in self._versions if channel not in chosen]
        for channel in gone:
            withdraw(channel)
            del self._versions[channel]
        changed = bool(gone)
        for channel, provider in chosen.items():
            version = (provider.name, provider.version)
            if self._versions.get(channel) != version:
                replace(channel, self._way(provider))
                self._versions[channel] = version
                changed = True
        self._seen = seen
        return changed

    def _chosen(self) -> dict[Channel, Provider]:
        found: dict[Channel, Provider] = {}
        for saved in sorted(definitions.listed(self._database, KIND), key=lambda each: each.created_at):
            try:
                provider = Provider.from_body(saved.name, saved.body, version=saved.version)
            except DefinitionError:
                continue  # it was saved by a release that knew other settings; its channel says that it has none
            found[provider.channel] = provider
        return found

    def _way(self, provider: Provider) -> lane.Provider:
        way: lane.Way = Opening(provider, self._rules, self._clock)
        if self._hands is not None:
            key = (provider.channel.value, provider.name, provider.version)
            way = self._hands.way(key, idempotent=way.idempotent)
        return lane.Provider(way, at_once=provider.at_once, per_second=provider.per_second)
