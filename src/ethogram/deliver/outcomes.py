"""What to record of an attempt to send a message, and when the next one is.

Step of the path: deliver. Pure. A message may have gone to several devices; one that took it is enough. Who failed for
a while is tried again with growing pauses that differ; who may have taken a message without our knowing is asked again
only where a repetition is known, or wanted rather than none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final, assert_never

from ethogram.deliver.attempts import share
from ethogram.model.message import Accepted, Later, Lost, Message, Misconfigured, Never, Outcome, State
from ethogram.store.outbox_claims import UNSURE, Result

GAVE_UP: Final = "gave_up"
EXPIRED: Final = "expired"
REJECTED: Final = "rejected"
_WAITS = tuple(dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 240, 480, 720, 1440))
_SHORTEST, _LONGEST = dt.timedelta(seconds=15), dt.timedelta(minutes=15)  # where it is the provider's trouble
_MOST_TRIES = len(_WAITS) + 1
_MOST_TRIES_IN_TROUBLE = 200  # about two days; a message that is too late ends before
_LONGEST_ASKED = dt.timedelta(days=1)
_JITTER = 0.2


def one_of(outcomes: Sequence[Outcome]) -> Outcome:
    """What came of a message that went to several devices.

    >>> one_of([Never("gone", dead=True), Accepted("7")])
    Accepted(provider_id='7')
    """
    for kind in (Accepted, Lost, Misconfigured, Later):
        for outcome in outcomes:
            if isinstance(outcome, kind):
                return outcome
    return outcomes[0]


def result_of(message: Message, outcome: Outcome, now: dt.datetime, *, idempotent: bool) -> Result:
    """What to record of a message after an attempt.

    Args:
        idempotent: the provider knows a repetition by the message's id.
    """
    match outcome:
        case Accepted(provider_id):
            return Result(message.number, State.SENT, provider_id=provider_id)
        case Never(reason):
            return Result(message.number, State.FAILED, code=REJECTED, reason=reason)
        case Misconfigured(reason):
            return Result(message.number, State.WAITING, code="misconfigured", reason=reason)
        case Later(reason, wait, provider):
            return _later(message, reason, wait, now, provider=provider)
        case Lost(reason):
            if idempotent or message.wanted.twice_rather_than_not:
                return _later(message, reason, None, now, provider=True)
            return Result(message.number, State.UNSURE, code=UNSURE, reason=reason)
        case _:
            assert_never(outcome)


def _later(message: Message, reason: str, asked: dt.timedelta | None, now: dt.datetime, *, provider: bool) -> Result:
    tries = message.attempts + 1
    if tries >= (_MOST_TRIES_IN_TROUBLE if provider else _MOST_TRIES):
        return Result(message.number, State.FAILED, code=GAVE_UP, reason=f"it failed {tries} times: {reason}")
    wait = min(_SHORTEST * 2 ** min(tries - 1, 10), _LONGEST) if provider else _WAITS[tries - 1]
    wait += wait * _JITTER * share(f"{message.id} {tries}")
    due_at = now + max(wait, min(asked or dt.timedelta(), _LONGEST_ASKED))
    if message.wanted.expires_at is not None and due_at >= message.wanted.expires_at:
        return Result(
            message.number, State.FAILED, code=EXPIRED, reason=f"it would come too late after an attempt: {reason}"
        )
    return Result(message.number, State.WAITING, due_at=due_at, code="retrying", reason=reason)


def expired(message: Message) -> Result:
    """What to record of a message that is too late before anybody was asked."""
    at = message.wanted.expires_at
    assert at is not None, "only what has an end is too late"
    told = f"it was of use until {at:%Y-%m-%d %H:%M} UTC" + (
        f"; the last attempt: {message.reason}" if message.reason else ""
    )
    return Result(message.number, State.FAILED, code=EXPIRED, reason=told)
