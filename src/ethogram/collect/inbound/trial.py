"""A trial: what a mapping makes of a payload, before anything is kept; and the calls as a request.

Step of the path: collect. What it says is what a source will do, since both go the same way.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ethogram.collect import payload
from ethogram.collect.inbound import content
from ethogram.collect.inbound.calls import Mapped, Prepared
from ethogram.collect.inbound.receive import mapped
from ethogram.collect.payload import Envelope, PayloadLimits, Refused, Unfit
from ethogram.errors import InputError


@dataclass(frozen=True, slots=True)
class TrialCall:
    """One call that a payload would become."""

    call: str
    event: str  # empty where the call is none
    profile_id: str
    anonymous_id: str
    account_id: str
    at: dt.datetime
    content: dict[str, Any]  # properties or traits
    message_id: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a mapping makes of a payload.

    Attributes:
        items: how many things the payload holds.
        skipped: how many of them the mapping has no call for.
        rejected: calls that would not be taken, with the reason.
        warnings: what is odd about calls that would be taken → how many.
    """

    items: int
    skipped: int
    calls: tuple[TrialCall, ...]
    rejected: tuple[Unfit, ...]
    warnings: dict[str, int]


def tried(prepared: Prepared, name: str, body: bytes, headers: Mapping[str, str], now: dt.datetime) -> Trial:
    """What a mapping makes of a payload."""
    parsed = content.parsed(body, prepared.mapping.format)
    lowered = {key.lower(): value for key, value in headers.items()}
    found = parsed if isinstance(parsed, Refused) else mapped(prepared, parsed, lowered, name)
    if isinstance(found, Refused):
        raise InputError(
            f"the payload cannot be taken: {found.message}", hint="Save the body as the provider sends it."
        )
    taken = payload.checked(envelope_of(found), now, PayloadLimits())
    calls = tuple(
        TrialCall(
            call=message.call,
            event=next((fact.event for fact in message.facts), ""),
            profile_id=message.user_id,
            anonymous_id=message.anonymous_id or message.previous_id,
            account_id=next((fact.account_id for fact in message.facts if fact.account_id), ""),
            at=dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=message.at),
            content=msgspec.json.decode(message.facts[0].content) if message.facts else {},
            message_id=message.id,
        )
        for message in taken.messages
    )
    return Trial(found.items, found.skipped, calls, taken.rejected, taken.warnings)


def envelope_of(found: Mapped) -> Envelope:
    """The calls as a request of the collection API, so that they pass the same checks."""
    raw = tuple(
        msgspec.Raw(json.dumps(call, ensure_ascii=False).encode("utf-8", "surrogatepass")) for call in found.calls
    )
    return Envelope(raw, None, None, None, None)
