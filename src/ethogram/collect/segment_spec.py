"""Calls of the Segment tracking spec as events and traits.

Step of the path: collect. Reads one decoded call; gives the events and trait changes that it means. `track`, `page`
and `screen` are events, `identify` changes a profile, `group` changes an account and says who belongs to it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from ethogram.collect.values import UnacceptableError

MAPPING = {"profile_id": "userId", "event": "event", "timestamp": "timestamp", "message_id": "messageId"}
CALLS = frozenset({"track", "page", "screen", "identify", "group", "alias"})


@dataclass(frozen=True, slots=True)
class Meant:
    """One fact of a call: of kind 'events', 'profiles' or 'accounts'."""

    kind: str
    id: str
    at: Any
    message_id: str
    content: dict[str, Any] = field(default_factory=dict)
    event: str | None = None


def is_call(value: dict[str, Any]) -> bool:
    """Whether an object is a call of the spec."""
    kind = value.get("type")
    return isinstance(kind, str) and kind in CALLS and ("userId" in value or "anonymousId" in value)


def facts(call: dict[str, Any]) -> list[Meant]:
    """What a call says.

    Raises:
        UnacceptableError: it is no call, names nobody, or is of a kind that is not taken.
    """
    kind = call.get("type")
    if not isinstance(kind, str) or kind not in CALLS:
        raise UnacceptableError(f"`type` is {kind!r}, which is no call of the Segment spec")
    if kind == "alias":
        raise UnacceptableError("`alias` calls join two ids, which is not supported")
    who = _text(call, "userId") or _text(call, "anonymousId")
    at, message_id = _at(call), _text(call, "messageId") or ""
    if kind in ("track", "page", "screen"):
        content = dict(_object(call, "properties"))
        name = call.get("event") if kind == "track" else kind
        if kind != "track":
            content |= {key: call[key] for key in ("name", "category") if call.get(key) is not None}
        if _object(call, "context"):
            content.setdefault("context", call["context"])
        return [Meant("events", who, at, message_id, content, name if isinstance(name, str) else None)]
    traits = dict(_object(call, "traits"))
    if kind == "identify" and not traits:
        # Where RudderStack's clients put them.
        traits = dict(_object(_object(call, "context"), "traits"))
    if kind == "identify":
        return [Meant("profiles", who, at, message_id, traits)]
    account = _text(call, "groupId")
    if not account:
        raise UnacceptableError("a `group` call without `groupId`")
    return [
        Meant("accounts", account, at, message_id, traits),
        Meant("profiles", who, at, message_id, {"account_id": account}),
    ]


def _text(call: dict[str, Any], key: str) -> str:
    value = call.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UnacceptableError(f"`{key}` is a {type(value).__name__}, not text or a number")


def _object(call: dict[str, Any], key: str) -> dict[str, Any]:
    value = call.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnacceptableError(f"`{key}` is a {type(value).__name__}, not an object")
    return value


def _at(call: dict[str, Any]) -> Any:
    """When it happened: `timestamp`, or the sender's own time put right by how wrong its clock was when sending."""
    if call.get("timestamp") is not None:
        return call["timestamp"]
    original, sent, received = (_instant(call.get(key)) for key in ("originalTimestamp", "sentAt", "receivedAt"))
    if original is not None and sent is not None and received is not None:
        return (original + (received - sent)).isoformat()
    return call.get("originalTimestamp") or call.get("sentAt") or call.get("receivedAt")


def _instant(value: Any) -> dt.datetime | None:
    try:
        at = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None
