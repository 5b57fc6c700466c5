"""Requests of the Segment tracking spec as messages: what is accepted, and a reason for everything that is not.

Step of the path: collect. Reads the decompressed body of one request; gives messages in the form that the ledger keeps.
A call means here what it means in a file (`segment_spec.py`), and its values pass the same checks (`values.py`). It
reads no clock, no key and no store: when the request came is told, whose it is is not its business.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ethogram.collect.segment_spec import CALLS, facts
from ethogram.collect.values import Limits, UnacceptableError, document
from ethogram.store.requests import Fact, Message

if TYPE_CHECKING:
    from collections.abc import Callable

# The last part of a path -> what it takes.
ENDPOINTS = {
    "track": "track", "identify": "identify", "page": "page", "screen": "screen", "group": "group", "alias": "alias",
    "batch": "batch", "t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias",
    "b": "batch", "import": "batch",
}  # fmt: skip
LONGEST_NAME = 4_096  # bytes of an id or an event's name, as in files
_EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_AHEAD = dt.timedelta(hours=24)  # further in the future a timestamp is a wrong clock
_MICROSECOND = dt.timedelta(microseconds=1)
# What some clients put around ids, and what PostgreSQL cannot hold.
_BLANK = " \t\r\n\x00\xa0\u200b\ufeff"
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)")


@dataclass(frozen=True, slots=True)
class PayloadLimits:
    """How much a request may hold, decompressed."""

    event_bytes: int = 32 << 10
    batch_bytes: int = 500 << 10


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a whole request cannot be taken."""

    code: str
    message: str
    status: int = 400


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why one call of a request is not taken."""

    index: int
    code: str
    reason: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request, opened: the calls are not decoded yet, so that a bad one does not take the others along."""

    calls: tuple[msgspec.Raw, ...]
    call: str | None  # what the address says that it is; None for a batch
    write_key: str | None
    sent_at: Any
    context: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a request is taken, and what is not."""

    messages: tuple[Message, ...]
    rejected: tuple[Unfit, ...]
    warnings: dict[str, int]


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw] | None = None
    writeKey: Any = None  # noqa: N815  # as it stands in the JSON
    sentAt: Any = None  # noqa: N815  # as above
    context: Any = None


class _Single(msgspec.Struct):
    writeKey: Any = None  # noqa: N815  # as above
    sentAt: Any = None  # noqa: N815  # as above


_batch = msgspec.json.Decoder(_Batch)
_single = msgspec.json.Decoder(_Single)
_any = msgspec.json.Decoder()


def opened(endpoint: str, body: bytes, limits: PayloadLimits) -> Envelope | Refused:
    """The request, opened, or why it cannot be.

    Args:
        endpoint: the last part of the path, one of `ENDPOINTS`.
        body: decompressed.
    """
    call = ENDPOINTS[endpoint]
    most = limits.batch_bytes if call == "batch" else limits.event_bytes
    if len(body) > most:
        what = "a batch" if call == "batch" else "an event"
        return Refused("too_large", f"the body has {len(body):,} bytes; the limit is {most:,} for {what}", 413)
    if not body.strip():
        return Refused("empty_body", "the body is empty; send a JSON object")
    decoder: msgspec.json.Decoder[Any] = _batch if call == "batch" else _single
    found = _decoded(decoder, body)
    if isinstance(found, str):
        return Refused("invalid_json", f"the body is not a JSON object of the tracking spec: {found}")
    envelope, body = found
    key = envelope.writeKey if isinstance(envelope.writeKey, str) else None
    if isinstance(envelope, _Single):
        return Envelope((msgspec.Raw(body),), call, key, envelope.sentAt, None)
    if not envelope.batch:
        return Refused("empty_batch", "`batch` is missing or empty; it is a list of calls")
    context = envelope.context if isinstance(envelope.context, dict) and envelope.context else None
    return Envelope(tuple(envelope.batch), None, key, envelope.sentAt, context)


def checked(
    envelope: Envelope,
    received_at: dt.datetime,
    limits: PayloadLimits,
    make_id: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> Taken:
    """What of a request is taken.

    Args:
        received_at: when it came.
        make_id: gives the messageId of a call that has none.
    """
    messages: list[Message] = []
    rejected: list[Unfit] = []
    warnings: dict[str, int] = {}
    values = Limits(bytes=limits.event_bytes)
    for index, raw in enumerate(envelope.calls):
        text = bytes(raw)
        if len(text) > limits.event_bytes:
            reason = f"the event has {len(text):,} bytes; the limit is {limits.event_bytes:,}"
            rejected.append(Unfit(index, "too_large", reason))
            continue
        found = _decoded(_any, text)
        if isinstance(found, str):
            rejected.append(Unfit(index, "invalid_json", found))
            continue
        call = found[0]
        if not isinstance(call, dict):
            rejected.append(Unfit(index, "invalid_event", "an event is a JSON object"))
            continue
        if envelope.call is not None:
            call["type"] = envelope.call
        if envelope.context is not None:
            own = call.get("context")
            call["context"] = {**envelope.context, **own} if isinstance(own, dict) else envelope.context
        given_id = _shown_id(call)
        try:
            messages.append(_message(call, envelope.sent_at, received_at, values, make_id, warnings))
        except _UnfitError as unfit:
            rejected.append(Unfit(index, unfit.code, str(unfit), given_id))
        except UnacceptableError as unfit:
            rejected.append(Unfit(index, "invalid_value", str(unfit), given_id))
    return Taken(tuple(messages), tuple(rejected), warnings)


class _UnfitError(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def json_value(text: bytes) -> tuple[Any, bytes] | str:
    """The value of a JSON text, with the text that it was read from (halves of surrogate pairs mended), or why not."""
    return _decoded(_any, text)


def _decoded(decoder: msgspec.json.Decoder[Any], text: bytes) -> tuple[Any, bytes] | str:
    """The value, with the text that it was read from, or why there is none."""
    try:
        return decoder.decode(text), text
    except RecursionError:
        return "it is nested too deeply"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mended = _ESCAPE.sub(_whole, text)
        if mended != text:
            return _decoded(decoder, mended)
        return str(error)


def _whole(escape: re.Match[bytes]) -> bytes:
    """The escape itself, or U+FFFD for half of a surrogate pair."""
    found = escape[0]
    return b"\\ufffd" if len(found) == 6 and found[1:2] == b"u" and found[2:3] in b"dD" else found


def _message(
    call: dict[str, Any],
    batch_sent_at: Any,
    received_at: dt.datetime,
    limits: Limits,
    make_id: Callable[[], str],
    warnings: dict[str, int],
) -> Message:
    kind = call.get("type")
    if not isinstance(kind, str) or kind not in CALLS:
        raise _UnfitError("invalid_type", f"`type` is {_brief(kind)}; it is one of {', '.join(sorted(CALLS))}")
    user, anonymous = _id(call, "userId"), _id(call, "anonymousId")
    message_id = _id(call, "messageId").strip(_BLANK) or make_id()
    previous = _id(call, "previousId")
    if kind == "alias":
        previous = previous or anonymous
        if not (user and previous):
            raise _UnfitError("missing_id", "an `alias` call needs `userId` and `previousId`")
        said: tuple[Fact, ...] = ()
    else:
        if not (user or anonymous):
            raise _UnfitError("missing_id", "neither `userId` nor `anonymousId` is given")
        call["userId"], call["anonymousId"], call["messageId"] = user, anonymous, message_id
        said = tuple(_fact(each, limits) for each in _meant(call))
    at, as_given = _instant(call, batch_sent_at, received_at, warnings)
    return Message(message_id, kind, user, anonymous, at, said, previous, as_given)


def _meant(call: dict[str, Any]) -> list[Any]:
    if call["type"] == "track":
        name = call.get("event")
        if not isinstance(name, str) or not name.strip(_BLANK):
            raise _UnfitError("missing_event", "a `track` call needs `event`, the name of what happened")
        call["event"] = _name(name, "event")
    elif call["type"] == "group":
        account = _id(call, "groupId")
        if not account:
            raise _UnfitError("missing_group_id", "a `group` call needs `groupId`")
        call["groupId"] = account
    return facts(call)


def _fact(meant: Any, limits: Limits) -> Fact:
    content, unset = document(meant.content, limits)
    if meant.kind == "events":
        return Fact("events", content, event=meant.event or "")
    return Fact(meant.kind, content, "", meant.id if meant.kind == "accounts" else "", tuple(unset))


def _id(call: dict[str, Any], key: str) -> str:
    """An id as text; empty where there is none."""
    value = call.get(key)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _UnfitError("invalid_id", f"`{key}` is {_kind(value)}, not text or a number")
    if isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < 2**53 else value
    text = str(value)
    return _name(text, key) if text.strip(_BLANK) else ""


def _name(text: str, what: str) -> str:
    """The text without NUL, which nothing behind us may hold in a name.

    Raises:
        _UnfitError: it is too long.
    """
    if len(text) * 4 > LONGEST_NAME and len(text.encode()) > LONGEST_NAME:
        raise _UnfitError("invalid_id", f"`{what}` is longer than {LONGEST_NAME:,} bytes")
    return text.replace("\x00", "\ufffd")


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", bool: "true or false"}.get(type(value), f"a {type(value).__name__}")


def _brief(value: Any) -> str:
    return f"`{value[:40]}`" if isinstance(value, str) else "missing" if value is None else _kind(value)


def _shown_id(call: dict[str, Any]) -> str | None:
    value = call.get("messageId")
    return value[:100] if isinstance(value, str) else None


# --- instants ------------------------------------------------------------------------------------------------------


def _instant(
    call: dict[str, Any], batch_sent_at: Any, received_at: dt.datetime, warnings: dict[str, int]
) -> tuple[int, str]:
    """When it happened, in microseconds since 1970, and the timestamp as it came where that says something else.

    `timestamp = receivedAt - (sentAt - originalTimestamp)`: what the sender's clock was wrong by when sending, it was
    wrong by before (Segment's common fields).
    """
    given = call.get("timestamp")
    if given is None:
        given = call.get("originalTimestamp")
    if given is None:
        return _micros(received_at), ""
    at = instant(given)
    sent = call.get("sentAt")
    sent_at = instant(sent if sent is not None else batch_sent_at)
    if at is None:
        warnings["unreadable_timestamp"] = warnings.get("unreadable_timestamp", 0) + 1
        return _micros(received_at), str(given)[:100]
    if sent_at is not None:
        try:
            at += received_at - sent_at
        except OverflowError:
            at = received_at
    clamped = min(max(at, _EARLIEST), received_at + _AHEAD)
    if clamped != at:
        warnings["timestamp_out_of_range"] = warnings.get("timestamp_out_of_range", 0) + 1
    # The text is kept where the correction is more than the way through the network.
    moved = sent_at is not None and abs(received_at - sent_at) > dt.timedelta(seconds=10)
    return _micros(clamped), str(given)[:100] if clamped != at or moved else ""


def instant(value: Any) -> dt.datetime | None:
    """The instant that a timestamp of a request means; None where it means none.

    ISO 8601, where one without an offset is UTC, or seconds, milliseconds, microseconds or nanoseconds since 1970 by
    their size, as in files.

    >>> instant("2026-03-01T12:00:00+01:00")
    datetime.datetime(2026, 3, 1, 11, 0, tzinfo=datetime.timezone.utc)
    >>> instant(1_767_225_600_000)
    datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            at = dt.datetime.fromisoformat(text)
            return at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
        except (ValueError, OverflowError):
            if not re.fullmatch(r"[1-9]\d{8,18}(\.\d{1,9})?", text):
                return None
            value = float(text) if "." in text else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    size = abs(value)
    unit = 10**6 if size < 10**11 else 10**3 if size < 10**14 else 1 if size < 10**17 else 10**-3
    try:
        return _EARLIEST + dt.timedelta(microseconds=round(value * unit))
    except OverflowError:
        return None


def _micros(at: dt.datetime) -> int:
    return (at - _EARLIEST) // _MICROSECOND
