"""Pushes to Apple's devices over HTTP/2.

Step of the path: deliver. One connection carries many requests; one signature serves for 40 minutes, as Apple refuses
who signs more often than every 20 and who signs less often than hourly. `apns-id` and `apns-collapse-id` come from the
message's id, so a repetition takes the first one's place. Connects only where `addresses.Rules` allow. Source:
developer.apple.com/documentation/usernotifications (sending requests, handling responses, token-based connections).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import uuid
from collections.abc import Iterable
from typing import Any

import httpcore2
import jwt
import msgspec
from httpcore2 import AsyncNetworkStream

from ethogram.clock import Clock
from ethogram.deliver.addresses import AddressRefusedError, Rules, resolved
from ethogram.deliver.attempts import asked_wait
from ethogram.deliver.channels.protocol import harmless, sound
from ethogram.model.message import Accepted, Later, Lost, Misconfigured, Never, Outcome, PushContent
from ethogram.model.provider import APNS_SERVERS, Apns

MOST = 4_096  # bytes of a payload
_REUSED = dt.timedelta(minutes=40)
_NAMES = uuid.UUID("6f0e5f9c-2b1c-5d6e-9a53-6d6f1f3f7a10")  # of our own: it makes an id of a message's
_CONNECTIONS = 2
# Of Apple's reasons, those that are about us.
_OURS = frozenset({"BadTopic", "TopicDisallowed", "MissingTopic", "BadCertificate", "BadCertificateEnvironment"})


class _Checked(httpcore2.AnyIOBackend):
    """Connects where the rules allow, to the very address that was looked at."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's own way
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        found = await resolved(host, port, self._rules, encrypted=True)
        failure: Exception = OSError(f"`{host}` has no address")
        for address in found:
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.NetworkError as error:
                failure = error
        raise failure


class ApnsSender:
    """Sends to device tokens of one app.

    Args:
        key: revealed.
        tls: what verifies Apple's server.
    """

    def __init__(
        self, settings: Apns, *, key: str, rules: Rules, clock: Clock, timeout: dt.timedelta, tls: ssl.SSLContext
    ) -> None:
        try:
            jwt.get_algorithm_by_name("ES256").prepare_key(key)
        except (ValueError, TypeError, jwt.InvalidKeyError):
            raise ValueError("`apns.key` must be the whole text of the .p8 file, a private EC key in PEM") from None
        self._settings = settings
        self._key = key
        self._clock = clock
        self._seconds = timeout.total_seconds()
        self._server = APNS_SERVERS.get(settings.server, settings.server).rstrip("/")
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            http1=False,
            http2=True,
            max_connections=_CONNECTIONS,
            network_backend=_Checked(rules),
        )
        self._signed: tuple[dt.datetime, str] | None = None

    async def send(self, id: str, token: str, content: PushContent, expires_at: dt.datetime | None) -> Outcome:
        """What came of a push to a device."""
        now = self._clock.now()
        if not (token.isascii() and token.isalnum() and len(token) <= 200):
            return Never("the device's token is none", dead=True)
        payload = _payload(id, content)
        if len(payload) > MOST:
            return Never(f"the notification has {len(payload)} bytes; {MOST} are the most")
        headers = {
            "authorization": f"bearer {self._authorization(now)}",
            "apns-topic": self._settings.topic,
            "apns-push-type": "alert",
            "apns-id": str(uuid.uuid5(_NAMES, id)),
            "apns-collapse-id": id[:64],
        }
        if expires_at is not None:
            headers["apns-expiration"] = str(int(expires_at.timestamp()))
        left = False

        async def traced(event: str, _about: object) -> None:
            nonlocal left
            left = left or event == "http2.send_request_headers.started"

        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._pool.request(
                    "POST",
                    f"{self._server}/3/device/{token}",
                    headers=[(name.encode(), value.encode()) for name, value in headers.items()],
                    content=payload,
                    extensions={"trace": traced},
                )
        except AddressRefusedError as error:
            return Misconfigured(f"{self._server} cannot be connected to: {error}")
        except TimeoutError:
            told = f"Apple did not answer within {self._seconds:g} seconds"
            return Lost(told) if left else Later(told)
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as error:
            if _untrusted(error):
                return Misconfigured(f"the certificate of {self._server} is not to be trusted: {harmless(str(error))}")
            told = f"{type(error).__name__}: {harmless(str(error))}"
            return Lost(f"{told}, after the request had left") if left else Later(told)
        return self._judged(answer, now)

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.aclose()

    def _authorization(self, now: dt.datetime) -> str:
        if self._signed is None or not self._signed[0] <= now < self._signed[0] + _REUSED:
            claims = {"iss": self._settings.team_id, "iat": int(now.timestamp())}
            signed = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._settings.key_id})
            self._signed = (now, signed)
        return self._signed[1]

    def _judged(self, answer: httpcore2.Response, now: dt.datetime) -> Outcome:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in answer.headers}
        if answer.status == 200:
            return Accepted(headers.get("apns-id"))
        reason = _reason(answer.content)
        told = f"Apple answered {answer.status}" + (f": {reason}" if reason else "")
        match answer.status, reason:
            case 410, _:
                return Never(told, dead=True)
            case 403, "ExpiredProviderToken":
                self._signed = None  # our clock runs behind theirs: the next attempt signs anew
                return Later(told)
            case ((401 | 403 | 404 | 405), _):
                return Misconfigured(told)
            case _, _ if reason in _OURS:
                return Misconfigured(told)
            case 400, "BadDeviceToken" | "DeviceTokenNotForTopic":
                # Also said of every good token where the settings name the other server: no reason to forget one.
                return Never(f"{told}; is `server` (production or sandbox) and `topic` the app's?")
            case 429, "TooManyRequests":
                return Later(told, asked_wait(headers.get("retry-after", ""), now), provider=False)
            case 429, _:
                return Later(told, asked_wait(headers.get("retry-after", ""), now))
            case status, _ if status >= 500:
                return Later(told, asked_wait(headers.get("retry-after", ""), now))
            case _:
                return Never(told)


def _reason(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    return harmless(str(found.get("reason", ""))) if isinstance(found, dict) else ""


def _untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _payload(id: str, content: PushContent) -> bytes:
    aps: dict[str, Any] = {"alert": {"title": sound(content.title), "body": sound(content.body)}, "sound": "default"}
    told: dict[str, Any] = {sound(name): sound(value) for name, value in content.data.items() if name != "aps"}
    told |= {"aps": aps, "message_id": id}
    if content.url is not None:
        told["url"] = content.url
    if content.image is not None:
        told["image"], aps["mutable-content"] = content.image, 1
    return msgspec.json.encode(told)
