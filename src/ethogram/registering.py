"""Composition for devices that register themselves: browsers and apps that take notifications, by a write key.

Puts the ledger, devices and the keys of web push together; opens no warehouse, so that any collector can answer. A
device belongs to whoever registered it last. As with events, who asks is believed to be whoever the page says.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Final

from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.deliver.channels.push import address_of
from ethogram.deliver.channels.webpush import public_key
from ethogram.errors import DefinitionError, InputError, SettingError
from ethogram.model.message import Channel
from ethogram.model.provider import KIND, Provider, WebPush
from ethogram.store import definitions, devices

__all__ = ["PLATFORMS", "Registering"]

PLATFORMS: Final = ("web", "fcm", "apns")
_FRESH = dt.timedelta(seconds=30)  # a key that was changed is handed out after this
_REMOVED: Final = "it was taken back where it was registered"


class Registering:
    """Takes devices, and knows the key that browsers subscribe with. Works beside any other process.

    Args:
        path: the workspace's directory.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger = open_ledger(path, 5.0)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()
        self._key: tuple[dt.datetime, str | None] | None = None

    def close(self) -> None:
        """Closes the ledger."""
        self._ledger.close()

    def register(self, person_id: str, platform: str, token: str) -> str:
        """The id of a device that takes notifications from now on.

        Args:
            person_id: any id of the person.
            platform: `web`, `fcm` or `apns`.
            token: of a browser, its subscription as JSON.

        Raises:
            InputError: it is no token and no subscription.
        """
        channel, address = _address(platform, token)
        with self._database.writing() as connection:
            return devices.register(connection, person_id, channel, platform, address, self._clock.now())

    def remove(self, platform: str, token: str) -> bool:
        """Whether the device took notifications until now; whoever has its token may say that it takes none.

        Raises:
            InputError: it is no token and no subscription.
        """
        channel, address = _address(platform, token)
        with self._database.writing() as connection:
            return devices.end(connection, channel, address, _REMOVED, self._clock.now())

    def public_key(self) -> str | None:
        """What browsers subscribe with (`applicationServerKey`); None where no provider sends web push."""
        now = self._clock.now()
        if self._key is None or not dt.timedelta() <= now - self._key[0] < _FRESH:
            self._key = (now, self._read_key())
        return self._key[1]

    def _read_key(self) -> str | None:
        found: WebPush | None = None
        for saved in sorted(definitions.listed(self._database, KIND), key=lambda each: each.created_at):
            try:
                provider = Provider.from_body(saved.name, saved.body)
            except DefinitionError:
                continue
            if provider.channel is Channel.WEBPUSH:
                found = provider.settings if isinstance(provider.settings, WebPush) else None
        if found is None:
            return None
        try:
            return public_key(found.private_key.reveal(os.environ))
        except (SettingError, ValueError):  # the sender tells about it; nobody can subscribe until then
            return None


def _address(platform: str, token: str) -> tuple[Channel, str]:
    """A device in the form in which its channel writes to it.

    Raises:
        InputError: it is no token and no subscription.
    """
    if platform == "web":
        return Channel.WEBPUSH, token
    if platform not in PLATFORMS:
        raise InputError(f"there is no platform `{platform[:50]}`", hint=f"It is one of {', '.join(PLATFORMS)}.")
    if not token.strip() or not token.isascii():
        raise InputError("this is no token of a device", hint="It is what the app's push service gave it, in ASCII.")
    return Channel.PUSH, address_of(platform, token.strip())
