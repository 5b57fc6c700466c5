"""Pushes to browsers: encrypted for the subscription (RFC 8291), signed by our own key (VAPID, RFC 8292).

Step of the path: deliver. The push service is whichever the browser named, so its address is treated as anybody's. The
`Topic` is the message's own: a repetition takes the first one's place, and the service worker gives it one tag.
Sources: RFC 8030 (TTL, Urgency, Topic), 8188.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException
from pywebpush import WebPusher, WebPushException
from yarl import URL

from ethogram.clock import Clock
from ethogram.deliver.channels.calling import Caller, Unanswered, Unreached
from ethogram.deliver.channels.protocol import harmless, refused, sound, unsent, wrong_content
from ethogram.model.message import Accepted, Letter, Never, Outcome, PushContent
from ethogram.model.provider import WebPush

MOST = 3_993  # bytes of a payload: 4,096 less what encrypting adds (RFC 8291, section 4)
_LIFE = dt.timedelta(hours=12)  # of a signature; 24 hours are the most
_REUSED = dt.timedelta(hours=1)
_ORIGINS = 1_000  # whose signatures are held
_DEAD = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Keys:
    """A pair of keys.

    Attributes:
        private: for the settings; secret.
        public: for browsers, as `applicationServerKey`.
    """

    private: str
    public: str


def new_keys() -> Keys:
    """A fresh pair of keys; whoever changes them loses all subscriptions."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_numbers().private_value.to_bytes(32, "big")
    text = base64.urlsafe_b64encode(private).decode().rstrip("=")
    return Keys(text, public_key(text))


def public_key(private: str) -> str:
    """What browsers subscribe with, of a private key.

    Raises:
        ValueError: it is none.
    """
    try:
        held = base64.urlsafe_b64decode(private + "=" * (-len(private) % 4))
        key = ec.derive_private_key(int.from_bytes(held, "big"), ec.SECP256R1())
    except ValueError:
        key = None
    if key is None or len(held) != 32:
        raise ValueError("a VAPID key is 32 bytes as base64url, such as `ethogram` makes one")
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


class WebPushChannel:
    """Sends pushes to browsers.

    Args:
        private_key: revealed.
    """

    idempotent = True

    def __init__(self, name: str, settings: WebPush, *, private_key: str, caller: Caller, clock: Clock) -> None:
        public_key(private_key)
        self.name = name
        self._settings = settings
        self._key = Vapid02.from_raw(private_key.encode())
        self._caller = caller
        self._clock = clock
        self._signed: dict[str, tuple[dt.datetime, str]] = {}

    async def send(self, letter: Letter) -> Outcome:
        """What came of a push."""
        content = letter.content
        if not isinstance(content, PushContent):
            return wrong_content(self.name, letter)
        now = self._clock.now()
        payload = _payload(letter.id, content)
        if len(payload) > MOST:
            return Never(f"the notification has {len(payload)} bytes; {MOST} are the most")
        try:
            subscription = msgspec.json.decode(letter.address, type=_Subscription)
            url = URL(subscription.endpoint, encoded=True)
            body = _encrypted(subscription, payload)
            authorization = self._authorization(str(url.origin()), now)
        except (msgspec.DecodeError, WebPushException, VapidException, ValueError, TypeError) as error:
            return Never(f"the subscription cannot be used: {harmless(str(error))}", dead=True)
        ttl = int(self._settings.ttl.total_seconds())
        if letter.expires_at is not None:
            ttl = min(ttl, max(0, int((letter.expires_at - now).total_seconds())))
        headers = {
            "authorization": authorization,
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(ttl),
            "urgency": self._settings.urgency,
            "topic": topic(letter.id),
        }
        answer = await self._caller.post(subscription.endpoint, headers, body)
        if isinstance(answer, Unreached) and (answer.refused or answer.untrusted):
            return Never(f"the subscription's push service cannot be used: {answer.reason}", dead=answer.refused)
        if isinstance(answer, (Unreached, Unanswered)):
            return unsent(answer)
        if 200 <= answer.status < 300:
            return Accepted(answer.headers.get("Location"))
        if answer.status in _DEAD:
            return Never(f"the subscription has ended: the push service answered {answer.status}", dead=True)
        return refused(answer, now)

    async def close(self) -> None:
        """Closes all connections."""
        await self._caller.close()

    def _authorization(self, origin: str, now: dt.datetime) -> str:
        """The signature for a push service, made once an hour."""
        held = self._signed.get(origin)
        if held is not None and held[0] <= now < held[0] + _REUSED:
            return held[1]
        claims = {"aud": origin, "exp": int((now + _LIFE).timestamp()), "sub": self._settings.contact}
        made = str(self._key.sign(claims)["Authorization"])
        if len(self._signed) >= _ORIGINS:
            self._signed.pop(next(iter(self._signed)))
        self._signed[origin] = (now, made)
        return made


class _Keys(msgspec.Struct):
    p256dh: str
    auth: str


class _Subscription(msgspec.Struct):
    """What a browser's `PushSubscription.toJSON()` says."""

    endpoint: str
    keys: _Keys


def topic(id: str) -> str:
    """A message's own topic: 32 characters of base64url, which is the most.

    >>> len(topic("msg_1"))
    32
    """
    return base64.urlsafe_b64encode(hashlib.blake2b(id.encode(), digest_size=24).digest()).decode()


def _payload(id: str, content: PushContent) -> bytes:
    told: dict[str, str | Mapping[str, str]] = {"id": id, "title": sound(content.title), "body": sound(content.body)}
    if content.url is not None:
        told["url"] = content.url
    if content.image is not None:
        told["image"] = content.image
    if content.data:
        told["data"] = {sound(name): sound(value) for name, value in content.data.items()}
    return msgspec.json.encode(told)


def _encrypted(subscription: _Subscription, payload: bytes) -> bytes:
    keys = {"p256dh": subscription.keys.p256dh, "auth": subscription.keys.auth}
    pusher = WebPusher({"endpoint": subscription.endpoint, "keys": keys})
    return bytes(pusher.encode(payload, content_encoding="aes128gcm")["body"])
