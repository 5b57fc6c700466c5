"""Pushes to phones: each device's address says which of the two services reaches it.

Step of the path: deliver. An address is JSON: `{"platform": "fcm", "token": "…"}`, or `apns`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ethogram.deliver.channels.apns import ApnsSender
from ethogram.deliver.channels.calling import Caller
from ethogram.deliver.channels.fcm import FcmSender
from ethogram.deliver.channels.protocol import wrong_content
from ethogram.model.message import Letter, Misconfigured, Never, Outcome, PushContent


class Device(msgspec.Struct, frozen=True):
    """Where an app runs."""

    platform: Literal["fcm", "apns"]
    token: str


def address_of(platform: str, token: str) -> str:
    """Where an app is written to.

    >>> address_of("fcm", "t1")
    '{"platform":"fcm","token":"t1"}'
    """
    return msgspec.json.encode({"platform": platform, "token": token}).decode()


class PushChannel:
    """Sends pushes to phones; a repetition takes the first one's place on the device."""

    idempotent = True

    def __init__(self, name: str, *, fcm: FcmSender | None, apns: ApnsSender | None, caller: Caller | None) -> None:
        self.name = name
        self._senders: dict[str, FcmSender | ApnsSender | None] = {"fcm": fcm, "apns": apns}
        self._apns = apns
        self._caller = caller

    async def send(self, letter: Letter) -> Outcome:
        """What came of a push."""
        content = letter.content
        if not isinstance(content, PushContent):
            return wrong_content(self.name, letter)
        try:
            device = msgspec.json.decode(letter.address, type=Device)
        except (msgspec.DecodeError, UnicodeError):
            return Never('the address is no device, such as `{"platform": "fcm", "token": "…"}`', dead=True)
        sender = self._senders[device.platform]
        if sender is None:
            return Misconfigured(f"the settings have no `{device.platform}`, which the device needs")
        return await sender.send(letter.id, device.token, content, letter.expires_at)

    async def close(self) -> None:
        """Closes all connections."""
        if self._caller is not None:
            await self._caller.close()
        if self._apns is not None:
            await self._apns.close()
