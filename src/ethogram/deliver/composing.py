"""From claimed messages to letters: asks once more whether each may be sent, then renders it.

Step of the path: deliver. Works on sets of messages, in a thread; what is asked and rendered comes in as functions. A
message that cannot be composed does not take the others along; where nothing can be asked, nothing is sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ethogram.deliver.outcomes import result_of
from ethogram.errors import EthogramError
from ethogram.model.message import (
    Eligible,
    Later,
    Letter,
    Message,
    Postponed,
    Refused,
    State,
    Unrenderable,
    Verdict,
)
from ethogram.store.outbox_claims import Result

# Verdicts on messages, in their order, at an instant.
Gate: TypeAlias = Callable[[Sequence[Message], dt.datetime], Sequence[Verdict]]
# What each message says, in their order: a letter, or one for each device of the person; or why there is none.
Compose: TypeAlias = Callable[[Sequence[Message]], Sequence["Letter | Sequence[Letter] | Unrenderable"]]


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of claimed messages before anybody was asked to send them.

    Attributes:
        count: of those that were claimed.
        ready: to be sent, with their letters.
        results: of the others.
    """

    count: int
    ready: list[tuple[Message, Sequence[Letter]]]
    results: list[Result]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing can be said about any of the messages."""

    numbers: list[int]
    reason: str

    @property
    def count(self) -> int:
        """Of those that were claimed."""
        return len(self.numbers)


def judged(messages: Sequence[Message], now: dt.datetime, gate: Gate, compose: Compose) -> Judged | Trouble:
    """The messages as letters, with a result for each that is none; Trouble where nothing can be asked now."""
    numbers = [message.number for message in messages]
    try:
        verdicts = list(zip(messages, gate(messages, now), strict=True))
    except Exception as error:  # noqa: BLE001  # whatever it is: who cannot be asked about is not written to
        return Trouble(numbers, _told(error))
    eligible: list[Message] = []
    results: list[Result] = []
    for message, verdict in verdicts:
        match verdict:
            case Eligible():
                eligible.append(message)
            case Postponed(until, reason):
                # Not before the next look: a judge that says "now" would be asked again and again.
                due_at = max(until, now + dt.timedelta(seconds=1))
                results.append(Result(message.number, State.WAITING, due_at, "postponed", reason))
            case Refused(code, reason):
                results.append(Result(message.number, State.REFUSED, code=code, reason=reason))
    if not eligible:
        return Judged(len(messages), [], results)
    try:
        found: Sequence[Letter | Sequence[Letter] | Unrenderable | Later] = compose(eligible)
    except EthogramError as error:
        return Trouble(numbers, _told(error))
    except Exception:  # noqa: BLE001  # one of them may be to blame
        found = [_alone(message, compose) for message in eligible]
    if len(found) != len(eligible):
        return Trouble(numbers, f"{len(eligible)} messages were to be composed, and {len(found)} came back")
    ready: list[tuple[Message, Sequence[Letter]]] = []
    for message, made in zip(eligible, found, strict=True):
        match made:
            case Unrenderable(reason, aborted=True):
                results.append(Result(message.number, State.REFUSED, code="aborted", reason=reason))
            case Unrenderable(reason):
                results.append(Result(message.number, State.FAILED, code="unrenderable", reason=reason))
            case Later():
                results.append(result_of(message, made, now, idempotent=True))
            case Letter():
                ready.append((message, (made,)))
            case [] | ():
                results.append(Result(message.number, State.REFUSED, code="unreachable", reason="it has no address"))
            case _:
                ready.append((message, tuple(made)))
    return Judged(len(messages), ready, results)


def _alone(message: Message, compose: Compose) -> Letter | Sequence[Letter] | Unrenderable | Later:
    try:
        return compose([message])[0]
    except Exception as error:  # noqa: BLE001  # a mistake of ours is tried again, and given up at last
        return Later(f"it cannot be made: {_told(error)}", provider=False)


def _told(error: Exception) -> str:
    return error.message if isinstance(error, EthogramError) else f"{type(error).__name__}: {error}"
