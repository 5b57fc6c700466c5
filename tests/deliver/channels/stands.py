"""Stand-ins on this machine that speak each provider's documented protocol, told beforehand what to answer."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs

import http_ece
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from deliver.receiver import Answer, Received, Receiver, drops, silent, status
from ethogram.clock import ManualClock
from ethogram.deliver import signing
from ethogram.deliver.addresses import Rules
from ethogram.deliver.channels.webpush import new_keys
from ethogram.model.message import ChatContent, Content, Letter, PushContent, TextContent, WebhookContent
from ethogram.model.provider import Provider

HERE = Rules.of("127.0.0.1, ::1")
START = dt.datetime.now(dt.UTC).replace(microsecond=0)  # what is signed is checked against the machine's clock


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as the provider has it: the key by which it would know a repetition, and what it says."""

    key: str
    text: str


class Stand(ABC):
    """A provider's stand-in.

    Attributes:
        kinds: what it can be told to answer.
        most: characters of a text that the channel sends at all.
    """

    kinds: Sequence[str] = ("later", "never", "misconfigured", "silent", "drop")
    idempotent = True
    most = 10_000_000
    retry_after = True
    takes_nothing = True  # a text that is empty

    def __init__(self) -> None:
        self.clock = ManualClock(START)

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    @abstractmethod
    def provider(self) -> Provider: ...

    @abstractmethod
    def will(self, *kinds: str) -> None:
        """What it answers to the next messages: a kind, or `later` with what its `Retry-After` says."""

    @abstractmethod
    def content(self, text: str) -> Content: ...

    @property
    @abstractmethod
    def arrived(self) -> list[Arrived]: ...

    @property
    @abstractmethod
    def address(self) -> str: ...

    def letter(self, id: str = "msg_1", text: str = "Hello") -> Letter:
        return Letter(id, self.address, self.content(text))

    def made(self, **body: Any) -> Provider:
        return Provider.from_body("tested", {"timeout": "1 second", **body})


class HttpStand(Stand):
    """One that listens for HTTP."""

    never = 400
    misconfigured = 401

    def __init__(self) -> None:
        super().__init__()
        self.receiver = Receiver(otherwise=self.answer("accept"))

    def __exit__(self, *_: object) -> None:
        self.receiver.__exit__()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}"

    def will(self, *kinds: str) -> None:
        self.receiver.script += [self.answer(kind) for kind in kinds]

    def answer(self, kind: str) -> Answer:
        match kind.split(" ", 1):
            case ["accept"]:
                return status(201, b"{}")
            case ["later"]:
                return status(429)
            case ["later", asked]:
                return status(503, Retry_After=asked)
            case ["never"]:
                return status(self.never)
            case ["misconfigured"]:
                return status(self.misconfigured)
            case ["silent"]:
                return silent
            case ["drop"]:
                return drops
            case _:
                raise ValueError(kind)

    @property
    def messages(self) -> list[Received]:
        return self.receiver.received


class WebhookStand(HttpStand):
    kinds = ("later", "never", "silent", "drop")

    def __init__(self) -> None:
        super().__init__()
        self.secret = signing.new_secret()

    def provider(self) -> Provider:
        return self.made(channel="webhook", secrets=[self.secret])

    def content(self, text: str) -> Content:
        return WebhookContent(self.base + "/hook", text.encode())

    @property
    def address(self) -> str:
        return ""

    @property
    def arrived(self) -> list[Arrived]:
        return [Arrived(each.headers["webhook-id"], each.body.decode()) for each in self.messages]


class TwilioStand(HttpStand):
    """Twilio's `Messages` resource."""

    idempotent = False
    takes_nothing = False
    most = 1_600
    channel = "sms"

    def provider(self) -> Provider:
        return self.made(channel=self.channel, account="AC1", token="secret", sender="+15005550006", url=self.base)

    def content(self, text: str) -> Content:
        return TextContent(text)

    @property
    def address(self) -> str:
        return "+46701740605"

    def answer(self, kind: str) -> Answer:
        match kind:
            case "accept":
                return status(201, json.dumps({"sid": "SM1", "status": "queued"}).encode())
            case "never":
                return twilio_error(400, 21617)
            case "misconfigured":
                return twilio_error(401, 20003)
            case "later":
                return twilio_error(429, 20429)
            case _:
                return super().answer(kind)

    @property
    def forms(self) -> list[dict[str, str]]:
        return [
            {name: values[0] for name, values in parse_qs(each.body.decode(), keep_blank_values=True).items()}
            for each in self.messages
        ]

    @property
    def arrived(self) -> list[Arrived]:
        return [Arrived("", each["Body"]) for each in self.forms]  # the API takes no key


class WhatsappStand(TwilioStand):
    channel = "whatsapp"


def twilio_error(number: int, code: int, **headers: str) -> Answer:
    body = {"code": code, "message": "said by the stand-in", "status": number, "more_info": ""}
    return status(number, json.dumps(body).encode(), **headers)


class WebPushStand(HttpStand):
    """A push service with one subscription: checks who signed, and decrypts as the browser would."""

    never = 413
    misconfigured = 403
    most = 3_000

    def __init__(self) -> None:
        super().__init__()
        self.keys = new_keys()
        self.browser = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"0123456789abcdef"

    def provider(self) -> Provider:
        return self.made(channel="webpush", private_key=self.keys.private, contact="mailto:web@shop.example")

    def content(self, text: str) -> Content:
        return PushContent("Title", text, url="https://shop.example/", data={"a": "b"})

    @property
    def address(self) -> str:
        point = self.browser.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": _base64url(point), "auth": _base64url(self.auth)}
        return json.dumps({"endpoint": self.base + "/push/1", "expirationTime": None, "keys": keys})

    def opened(self, received: Received) -> dict[str, Any]:
        """The payload, after checking the signature as RFC 8292 says."""
        scheme, _, rest = received.headers["authorization"].partition(" ")
        assert scheme == "vapid"
        told = dict(each.strip().split("=", 1) for each in rest.split(","))
        assert told["k"] == self.keys.public
        point = base64.urlsafe_b64decode(told["k"] + "=")
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        claims = jwt.decode(told["t"], key, algorithms=["ES256"], audience=self.base)
        assert 0 < claims["exp"] - dt.datetime.now(dt.UTC).timestamp() <= 24 * 3600
        assert claims["sub"] == "mailto:web@shop.example"
        assert received.headers["content-encoding"] == "aes128gcm"
        plain = http_ece.decrypt(received.body, private_key=self.browser, auth_secret=self.auth, version="aes128gcm")
        opened: dict[str, Any] = json.loads(plain)
        return opened

    @property
    def arrived(self) -> list[Arrived]:
        return [Arrived(each.headers["topic"], self.opened(each)["body"]) for each in self.messages]


def _base64url(held: bytes) -> str:
    return base64.urlsafe_b64encode(held).decode().rstrip("=")


@functools.cache
def _service_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class FcmStand(HttpStand):
    """Google's token endpoint and FCM's `messages:send`."""

    most = 3_000

    def __init__(self) -> None:
        key = _service_key()
        self.public = key.public_key()
        self.private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.tokens = 0
        self._seen: list[Received] = []
        self._script: list[Answer] = []
        self._lock = threading.Lock()
        super().__init__()
        self.receiver.otherwise = self._routed

    def will(self, *kinds: str) -> None:
        self._script += [self.answer(kind) for kind in kinds]

    def _routed(self, connection: Any, receiver: Receiver) -> None:
        # Answers by path, as the two are one server here; which request it was is the newest unanswered one.
        with self._lock:
            received = next(
                each for each in reversed(receiver.received) if not any(each is seen for seen in self._seen)
            )
            self._seen.append(received)
        if received.path == "/token":
            self._granted(received)(connection, receiver)
            return
        with self._lock:
            answer = self._script.pop(0) if self._script else self.answer("accept")
        answer(connection, receiver)

    def _granted(self, received: Received) -> Answer:
        form = parse_qs(received.body.decode())
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        claims = jwt.decode(
            form["assertion"][0],
            self.public,
            algorithms=["RS256"],
            audience=self.base + "/token",
            options={"verify_iat": False},  # the test's clock may be ahead
        )
        assert claims["iss"] == "sender@project.example"
        assert claims["exp"] - claims["iat"] <= 3600
        self.tokens += 1
        return status(200, json.dumps({"access_token": f"ya29.{self.tokens}", "expires_in": 3599}).encode())

    def account(self) -> str:
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "shop",
                "private_key_id": "k1",
                "private_key": self.private,
                "client_email": "sender@project.example",
                "token_uri": self.base + "/token",
            }
        )

    def provider(self) -> Provider:
        return self.made(channel="push", fcm={"account": self.account(), "url": self.base})

    def content(self, text: str) -> Content:
        return PushContent("Title", text, url="https://shop.example/")

    @property
    def address(self) -> str:
        return json.dumps({"platform": "fcm", "token": "device:1"})

    def answer(self, kind: str) -> Answer:
        match kind:
            case "accept":
                return status(200, json.dumps({"name": "projects/shop/messages/1"}).encode())
            case "never":
                return fcm_error(400, "INVALID_ARGUMENT")
            case "misconfigured":
                return fcm_error(403, "SENDER_ID_MISMATCH")
            case "later":
                return fcm_error(429, "QUOTA_EXCEEDED")
            case _:
                return super().answer(kind)

    @property
    def messages(self) -> list[Received]:
        return [each for each in self.receiver.received if each.path == "/v1/projects/shop/messages:send"]

    @property
    def arrived(self) -> list[Arrived]:
        told = [each.json["message"] for each in self.messages]
        return [Arrived(each["android"]["collapse_key"], each["notification"]["body"]) for each in told]


def fcm_error(number: int, code: str, message: str = "said by the stand-in") -> Answer:
    kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    error = {"code": number, "message": message, "status": "X", "details": [{"@type": kind, "errorCode": code}]}
    return status(number, json.dumps({"error": error}).encode())


class ChatStand(HttpStand):
    """Apprise's own form of JSON, to an address here."""

    idempotent = False
    takes_nothing = False
    retry_after = False

    def provider(self) -> Provider:
        return self.made(channel="chat", urls=[f"json://127.0.0.1:{self.receiver.port}/chat"])

    def answer(self, kind: str) -> Answer:
        return status(200, b"") if kind == "accept" else super().answer(kind)

    def content(self, text: str) -> Content:
        return ChatContent("Title", text)

    @property
    def address(self) -> str:
        return ""

    @property
    def arrived(self) -> list[Arrived]:
        return [Arrived("", each.json["message"]) for each in self.messages]
