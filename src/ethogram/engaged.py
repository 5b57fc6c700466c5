"""Composition of engagement in a server: what decides, what sends by the providers that are saved, and what is told.

Puts `engaging.py`, `providing.py` and `sending.py` together over one workspace. Each part keeps its own state in the
ledger, so any of them may be killed at any instant.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Self

from ethogram.clock import Clock
from ethogram.collecting import open_ledger
from ethogram.deliver.addresses import Rules
from ethogram.deliver.hands import Hands
from ethogram.engaging import Engaging
from ethogram.errors import UserError
from ethogram.providing import Providers
from ethogram.runtime import Workspace
from ethogram.sending import Hooks, Sending
from ethogram.store import journey_changes

_MOST = 1_000  # wishes of journeys that are seen to at once


class Engaged:
    """Decides about messages and sends them, in the process that owns the warehouse.

    Args:
        senders: how many processes write letters and give them to providers; 0 does both in this one.
        counted: called with the states that messages have come to, and how many.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        clock: Clock,
        senders: int = 0,
        counted: Callable[[str, int], None] = lambda *_: None,
    ) -> None:
        self._workspace = workspace
        path = str(workspace.path.resolve())
        self._hands = Hands([sys.executable, "-m", "ethogram.hand", path], senders) if senders else None
        write = self._hands.write if self._hands is not None else None
        self._engaging = Engaging(workspace.path, workspace.people, clock=clock, write=write)
        self._ledger = open_ledger(workspace.path)
        rules = Rules.of(workspace.settings.allow_addresses)
        self._providers = Providers(self._ledger.database, rules, clock, hands=self._hands)
        hooks = Hooks(self._engaging.gate, self._engaging.compose, self._engaging.speeds, counted=counted)
        self._sending = Sending(workspace.path, self._providers.ways(), hooks, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sending.__exit__()
        if self._hands is not None:
            self._hands.close()
        self._ledger.close()
        self._engaging.__exit__()

    @property
    def wake(self) -> Callable[[], None]:
        """Called when there may be something to send."""
        return self._sending.wake

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        self._sending.wake = wake

    def decide(self) -> bool:
        """Takes campaigns and journeys one step further; whether there may be more to do at once."""
        more = self._engaging.decide()
        if more:
            self.wake()
        return self._change_lists() or more

    def send(self) -> bool:
        """Sends what is due, by the providers as they are saved now; whether there may be more to do at once."""
        self._providers.follow(self._sending.replace, self._sending.withdraw)
        return self._sending.send()

    def tell(self) -> bool:
        """Makes events of what became of messages; whether there was any of it."""
        return self._sending.tell()

    def end(self) -> None:
        """Begins nothing new."""
        self._sending.end()

    def trouble(self) -> str | None:
        """What keeps messages from being sent that a person should mend."""
        return self._sending.trouble()

    def gauges(self) -> dict[str, tuple[str, float]]:
        """How much is to be sent, for Prometheus."""
        return self._sending.gauges()

    def _change_lists(self) -> bool:
        """Lets people enter and leave the static segments that journeys name; whether there were any."""
        with self._ledger.database.reading() as connection:
            wishes = journey_changes.waiting(connection, "list", most=_MOST)
        if not wishes:
            return False
        last = {(str(wish.body["segment"]), wish.profile_id): bool(wish.body["added"]) for wish in wishes}
        for name in dict.fromkeys(segment for segment, _ in last):
            add, remove = (
                [id_ for (segment, id_), added in last.items() if segment == name and added is wanted]
                for wanted in (True, False)
            )
            with contextlib.suppress(UserError):  # the list is not there any more: nobody can be on it
                self._workspace.segments.change_static(name, add=add, remove=remove)
        with self._ledger.database.writing() as connection:
            journey_changes.done(connection, wishes)
        return True
