"""How channels do: sending, paused, resting or unprovided, and what a person should mend.

Step of the path: deliver. Looks at the lanes of one sender and at what is paused; changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ethogram.deliver.lane import Lane
from ethogram.model.message import Channel
from ethogram.store.outbox_pauses import CHANNEL, Pause


@dataclass(frozen=True, slots=True)
class Status:
    """How a channel does.

    Attributes:
        state: sending, paused, resting (its provider fails; it is tried again) or unprovided (it has no provider).
        claimed: messages that are being composed; under_way: that a provider is being asked about.
    """

    channel: Channel
    state: str
    reason: str | None
    claimed: int
    under_way: int


def of(
    lanes: Sequence[Lane],
    pauses: Mapping[tuple[str, str], Pause],
    trouble: Mapping[Channel, str],
    unprovided: Sequence[Channel],
) -> tuple[Status, ...]:
    """How each channel does that has a provider or messages that are due.

    Args:
        trouble: why messages cannot be made, by channel.
        unprovided: channels with messages that are due, and without a provider.
    """
    found = []
    for lane in lanes:
        pause = pauses.get((CHANNEL, lane.channel.value))
        if pause is not None:
            state, reason = "paused", pause.reason
        elif lane.breaker.until is not None:
            state, reason = "resting", lane.breaker.reason or ""
        else:
            state, reason = "sending", trouble.get(lane.channel, "")
        found.append(Status(lane.channel, state, reason or None, lane.claimed, lane.under_way))
    missing = "it has no provider; its messages wait"
    return (*found, *(Status(channel, "unprovided", missing, 0, 0) for channel in unprovided))


def trouble(pauses: Mapping[tuple[str, str], Pause], composing: Mapping[Channel, str]) -> str | None:
    """What keeps messages from being sent that a person should mend; None where nothing does."""
    for pause in pauses.values():
        if pause.by == "provider":
            return f"the channel `{pause.name}` is paused since its provider refuses it: {pause.reason}"
    for channel, reason in composing.items():
        return f"messages of the channel `{channel}` cannot be made: {reason}"
    return None
