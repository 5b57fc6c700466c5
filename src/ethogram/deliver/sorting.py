"""Claimed messages that go on, and what becomes of the others: too late, paused, or faster than they may be.

Step of the path: deliver. Pure, but for how fast each campaign was up to now, which one sender remembers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from ethogram.deliver.hooks import Origin
from ethogram.deliver.outcomes import expired
from ethogram.deliver.pacing import Paces
from ethogram.model.message import Message, State
from ethogram.store.outbox_claims import Result
from ethogram.store.outbox_pauses import LAID_ASIDE, NEVER, Pause

PACED: Final = "paced"  # the code of messages that wait for their campaign's speed


class Sorting:
    """Sorts the messages of one sender."""

    def __init__(self) -> None:
        self._paces = Paces()

    def sorted_out(
        self,
        claimed: Sequence[Message],
        pauses: Mapping[tuple[str, str], Pause],
        speeds: Mapping[Origin, float],
        now: dt.datetime,
        at: float,
    ) -> tuple[list[Message], list[Result]]:
        """Those that go on, and results for the others.

        Args:
            speeds: messages a second of the campaigns that have a limit.
            at: seconds of a clock that only goes forward.
        """
        self._paces.keep_only(speeds.keys())
        going: list[Message] = []
        others: list[Result] = []
        for message in claimed:
            origin = (message.wanted.origin.maker, message.wanted.origin.name)
            if message.wanted.expires_at is not None and message.wanted.expires_at <= now:
                others.append(expired(message))
            elif (pause := pauses.get(origin)) is not None:
                others.append(Result(message.number, State.WAITING, NEVER, LAID_ASIDE, pause.reason))
            elif origin in speeds and (
                wait := self._paces.wait(origin, speeds[origin], at, paced=message.code == PACED)
            ):
                slot = now + dt.timedelta(seconds=wait)
                others.append(Result(message.number, State.WAITING, slot, PACED, "it waits for its campaign's speed"))
            else:
                going.append(message)
        return going, others
