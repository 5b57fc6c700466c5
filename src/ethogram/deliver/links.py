"""Signed addresses in messages: tracked links, the open pixel, unsubscribing, preferences, the view in a browser.

Step of the path: deliver. Pure, but for the key, which the ledger keeps. A token says what it is for and which message
it was in; nobody else can make one, so a click leads only where a message of ours did, and who follows a link needs no
login. A token has no secret in it and does not expire: a message may be read years later.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from ethogram.store import settings

if TYPE_CHECKING:
    from ethogram.store.database import Database

_SETTING = "links_key"
_MAC = 12  # bytes: 96 bits, which nobody guesses over a network
_LONGEST = 8_192  # characters of a token; longer addresses are not tracked
_OURS = re.compile(r"msg_([0-9a-f]{32})")


class Purpose(IntEnum):
    """What a token is good for; one for another purpose is none."""

    CLICK = 1
    OPEN = 2
    UNSUBSCRIBE = 3
    PREFERENCES = 4
    VIEW = 5
    CONFIRM = 6


# Below the public address of the workspace; a token follows. Short, as they stand in text messages, too.
PATHS = {
    Purpose.CLICK: "/l/",
    Purpose.OPEN: "/o/",
    Purpose.UNSUBSCRIBE: "/u/",
    Purpose.PREFERENCES: "/p/",
    Purpose.VIEW: "/v/",
    Purpose.CONFIRM: "/c/",
}


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says.

    Attributes:
        message_id: of the message that it is in; it knows the person.
        number: which of the message's links it is, from 1; 0 where it is none of them.
        url: where a click leads.
    """

    purpose: Purpose
    message_id: str
    number: int = 0
    url: str = ""


class Signer:
    """Signs links and reads them back.

    Args:
        keys: the first signs; all verify, so that links in old messages work after a key was changed.

    >>> signer = Signer([b"k" * 32])
    >>> token = signer.sign(Link(Purpose.CLICK, "msg_" + "0" * 32, 1, "https://shop.example/"))
    >>> signer.verify(token, Purpose.CLICK).url
    'https://shop.example/'
    >>> signer.verify(token[:-1] + ("A" if token[-1] != "A" else "B"), Purpose.CLICK) is None
    True
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(not 16 <= len(key) <= 64 for key in keys):
            raise ValueError("a key that signs links has 16 to 64 bytes")
        self._keys = tuple(keys)

    def sign(self, link: Link) -> str:
        """The token of a link, for an address.

        Raises:
            ValueError: the address that it leads to is too long for one.
        """
        content = _packed(link)
        token = base64.urlsafe_b64encode(content + _mac(self._keys[0], content)).rstrip(b"=").decode()
        if len(token) > _LONGEST:
            raise ValueError("the address is too long to be tracked")
        return token

    def verify(self, token: str, purpose: Purpose) -> Link | None:
        """What a token says; None where it is forged, damaged or for another purpose."""
        if not token or len(token) > _LONGEST or not token.isascii():
            return None
        try:
            whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        content, mac = whole[:-_MAC], whole[-_MAC:]
        # One way of writing each token: others decode to the same bytes.
        if base64.urlsafe_b64encode(whole).rstrip(b"=").decode() != token:
            return None
        if not any(hmac.compare_digest(_mac(key, content), mac) for key in self._keys):
            return None
        link = _unpacked(content)
        return link if link is not None and link.purpose == purpose else None

    def address(self, base: str, link: Link) -> str:
        """The whole address of a link.

        Args:
            base: the workspace's public address, such as `https://news.shop.example`.
        """
        return base.rstrip("/") + PATHS[link.purpose] + self.sign(link)


def signer(database: Database) -> Signer:
    """The workspace's own; its key is made when it is first asked for."""
    with database.reading() as connection:
        kept = settings.read(connection, _SETTING)
    if kept is None:
        with database.writing() as connection:
            kept = settings.keep_first(connection, _SETTING, [secrets.token_hex(32)])
    return Signer([bytes.fromhex(key) for key in kept])


def _mac(key: bytes, content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_MAC, key=key, person=b"ethogram links").digest()


def _packed(link: Link) -> bytes:
    if not 0 <= link.number < 0x10000:
        raise ValueError("a message has fewer links than that")
    ours = _OURS.fullmatch(link.message_id)
    id_ = bytes.fromhex(ours[1]) if ours else link.message_id.encode()
    if not 0 < len(id_) < 0x100:
        raise ValueError(f"`{link.message_id[:50]}` is no message's id")
    head = bytes([link.purpose << 1 | (ours is None), *([] if ours else [len(id_)])])
    return head + id_ + link.number.to_bytes(2) + link.url.encode()


def _unpacked(content: bytes) -> Link | None:
    """A content's link; it is ours, so only another version's could be None."""
    try:
        purpose, foreign = Purpose(content[0] >> 1), content[0] & 1
        begin, length = (2, content[1]) if foreign else (1, 16)
        id_ = content[begin : begin + length]
        rest = content[begin + length :]
        message_id = id_.decode() if foreign else f"msg_{id_.hex()}"
        return Link(purpose, message_id, int.from_bytes(rest[:2]), rest[2:].decode())
    except (ValueError, IndexError):
        return None
