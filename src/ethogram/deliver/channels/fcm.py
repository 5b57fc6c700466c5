"""Pushes to phones by Firebase Cloud Messaging, HTTP v1.

Step of the path: deliver. A service account signs for a token, which is used until shortly before it ends. The
message's id is the notification's tag and collapse key, so a repetition takes the first one's place on the device.
Sources: firebase.google.com/docs/reference/fcm/rest/v1 (projects.messages, ErrorCode), RFC 7523.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import msgspec

from ethogram.clock import Clock
from ethogram.deliver.attempts import asked_wait
from ethogram.deliver.channels.calling import Answer, Caller, Unanswered, Unreached
from ethogram.deliver.channels.protocol import harmless, refused, sound, unsent
from ethogram.model.message import Accepted, Later, Misconfigured, Never, Outcome, PushContent

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_HOUR = dt.timedelta(hours=1)
_SPARE = dt.timedelta(minutes=5)  # a token is renewed so long before its end
MOST = 4_000  # bytes of a notification and its data; 4,096 with what surrounds them


class Account(msgspec.Struct):
    """Of a service account's file, what is needed."""

    project_id: str
    client_email: str
    private_key: str
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
    private_key_id: str | None = None


def account(text: str) -> Account:
    """A service account's file.

    Raises:
        ValueError: the text is none.
    """
    try:
        found = msgspec.json.decode(text, type=Account)
        jwt.get_algorithm_by_name("RS256").prepare_key(found.private_key)
    except (msgspec.DecodeError, ValueError, TypeError, jwt.InvalidKeyError):
        raise ValueError(
            "`fcm.account` must be the whole JSON file of a service account, with its project_id, client_email and "
            "private_key"
        ) from None
    return found


class FcmSender:
    """Sends to tokens that the app got from Firebase."""

    def __init__(self, held: Account, url: str, *, caller: Caller, clock: Clock) -> None:
        self._account = held
        self._url = f"{url}/v1/projects/{quote(held.project_id, safe='')}/messages:send"
        self._caller = caller
        self._clock = clock
        self._token = ""
        self._until = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        self._renewing = asyncio.Lock()

    async def send(self, id: str, token: str, content: PushContent, expires_at: dt.datetime | None) -> Outcome:
        """What came of a push to a token."""
        now = self._clock.now()
        body = msgspec.json.encode({"message": _message(id, token, content, expires_at, now)})
        if len(body) > MOST + len(token) + len(id) * 4:
            return Never(f"the notification is too big: {len(body)} bytes with what surrounds it; 4096 are the most")
        access = await self._access(now)
        if not isinstance(access, str):
            return access
        headers = {"authorization": f"Bearer {access}", "content-type": "application/json; charset=UTF-8"}
        answer = await self._caller.post(self._url, headers, body)
        if isinstance(answer, (Unreached, Unanswered)):
            return unsent(answer)
        if answer.status == 401:
            self._until = now  # revoked before its end: the next attempt asks for a new one
        return judged(answer, now)

    async def _access(self, now: dt.datetime) -> str | Outcome:
        """A token that is good for some minutes yet; or what to say of the message instead."""
        async with self._renewing:
            if now < self._until - _SPARE:
                return self._token
            claims = {
                "iss": self._account.client_email,
                "scope": _SCOPE,
                "aud": self._account.token_uri,
                "iat": int(now.timestamp()),
                "exp": int((now + _HOUR).timestamp()),
            }
            key_id = self._account.private_key_id
            assertion = jwt.encode(
                claims, self._account.private_key, algorithm="RS256", headers={"kid": key_id} if key_id else None
            )
            form = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()
            headers = {"content-type": "application/x-www-form-urlencoded"}
            answer = await self._caller.post(self._account.token_uri, headers, form)
            if isinstance(answer, Unanswered):
                return Later(f"Google gave no token: {answer.reason}")  # no message has left
            if isinstance(answer, Unreached):
                return unsent(answer)
            token, seconds = answer.fields.get("access_token"), answer.fields.get("expires_in", 3600)
            if answer.status != 200 or not isinstance(token, str) or not isinstance(seconds, int):
                if answer.status in {408, 429} or answer.status >= 500:
                    return Later(
                        f"Google gave no token: it answered {answer.status}",
                        asked_wait(answer.headers.get("Retry-After", ""), now),
                    )
                return Misconfigured(f"Google gives the service account no token: {answer.status} {answer.text}")
            self._token, self._until = token, now + dt.timedelta(seconds=seconds)
            return token


def judged(answer: Answer, now: dt.datetime) -> Outcome:
    """What an answer of the API means."""
    if 200 <= answer.status < 300:
        name = answer.fields.get("name")
        return Accepted(name if isinstance(name, str) else None)
    error = answer.fields.get("error")
    error = error if isinstance(error, dict) else {}
    code = _code(error)
    told = f"it answered {answer.status}" + (f" ({code})" if code else "")
    told += f": {harmless(str(error.get('message') or answer.text))}"
    match code:
        case "UNREGISTERED":
            return Never(told, dead=True)
        case "SENDER_ID_MISMATCH" | "THIRD_PARTY_AUTH_ERROR" | "PERMISSION_DENIED" | "UNAUTHENTICATED":
            return Misconfigured(told)
        case "INVALID_ARGUMENT":
            return Never(told, dead=_about_token(error))
        case _ if answer.status == 404:
            return Misconfigured(told)  # of no such project, not of a token
        case _:
            return refused(answer, now)


def _code(error: dict[Any, Any]) -> str | None:
    """Firebase's own code, which is more exact than the status of Google's APIs."""
    details = error.get("details")
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict) and isinstance(each.get("errorCode"), str):
            return str(each["errorCode"])
    status = error.get("status")
    return status if isinstance(status, str) else None


def _about_token(error: dict[Any, Any]) -> bool:
    """Whether an invalid argument is the token; of everything else the token may be good."""
    text = msgspec.json.encode(error).decode()
    return "message.token" in text or "not a valid FCM registration token" in text


def _message(
    id: str, token: str, content: PushContent, expires_at: dt.datetime | None, now: dt.datetime
) -> dict[str, Any]:
    notification = {"title": sound(content.title), "body": sound(content.body)}
    if content.image is not None:
        notification["image"] = content.image
    data = {sound(name): sound(value) for name, value in content.data.items()} | {"message_id": id}
    if content.url is not None:
        data["url"] = content.url
    android: dict[str, Any] = {"collapse_key": id, "notification": {"tag": id}}
    apns: dict[str, Any] = {"headers": {"apns-collapse-id": id[:64]}}
    if expires_at is not None:
        android["ttl"] = f"{max(0, int((expires_at - now).total_seconds()))}s"
        apns["headers"]["apns-expiration"] = str(int(expires_at.timestamp()))
    return {"token": token, "notification": notification, "data": data, "android": android, "apns": apns}
