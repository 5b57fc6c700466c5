"""The rights of the people of a workspace: to be told everything that is known of them, and to be forgotten.

A part of the composition root: `runtime.Workspace` hands over what it has opened. `privacy/` does the work.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ethogram.clock import Clock
from ethogram.errors import UnknownNameError
from ethogram.privacy.erasure import Erasing
from ethogram.privacy.exporting import exported
from ethogram.store import erasures
from ethogram.store.erasures import Erasure
from ethogram.store.ledger import Ledger
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from ethogram.runtime import Workspace

__all__ = ["Erasure", "Rights"]


class Rights:
    """What people may ask for about themselves: `ws.privacy.erase("ann")`."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        warehouse: Warehouse,
        ledger: Ledger,
        directory: Path,
        clock: Clock,
        settle: Callable[[], None],
        look_again: Callable[[Collection[str]], None],
    ) -> None:
        self._workspace = workspace
        self._warehouse = warehouse
        self._ledger = ledger
        self._database = ledger.database
        self._clock = clock
        self._settle = settle
        self._erasing = Erasing(warehouse, ledger, directory, look_again=look_again)

    def holdings(self, profile_id: str) -> dict[str, int]:
        """How much there is of a person, by kind: what an erasure would remove.

        Raises:
            UnknownNameError: nothing is known of anybody by this id.
        """
        return self._erasing.counts(self._erasing.found(profile_id))

    def export(self, profile_id: str) -> Iterator[str]:
        """Everything that is known of a person as one JSON document, in pieces: `"".join(ws.privacy.export("ann"))`.

        Args:
            profile_id: any id of the person; what came under the others is told, too.

        Raises:
            UnknownNameError: nothing is known of anybody by this id.
        """
        ids = self._erasing.found(profile_id)
        return exported(self._warehouse, self._ledger, ids, self._clock.now())

    def accept(self, profile_id: str, *, reason: str = "", actor: str = "local") -> Erasure:
        """The erasure of a person, accepted and still to be carried out: a server does it by itself.

        Args:
            profile_id: any id of the person; all others are erased with it.
            reason: why, without naming anybody: it stays in the audit log.

        Raises:
            UnknownNameError: nothing is known of anybody by this id.
            SettingError: the reason names the person.
        """
        with self._workspace.exclusively:
            self._settle()
            return self._erasing.accept(profile_id, reason=reason, actor=actor, now=self._clock.now())

    def erase(self, profile_id: str, *, reason: str = "", actor: str = "local") -> Erasure:
        """Erases a person with all ids, everywhere, now: nothing that was known is left, and nothing comes back.

        What is left to do when this returns is to tell webhooks and syncs that the person has left, where there are
        any: a server does that. See `accept` for arguments and errors.
        """
        accepted = self.accept(profile_id, reason=reason, actor=actor)
        while self.carry_on():
            pass
        return self.erasure(accepted.number)

    def carry_on(self) -> bool:
        """Takes what was accepted one step further, after a crash too; whether there is more to do at once."""
        with self._database.reading() as connection:
            if not erasures.are_under_way(connection):
                return False
        with self._workspace.exclusively:
            self._settle()
            return self._erasing.carry_on(self._clock.now())

    def erasure(self, number: int) -> Erasure:
        """An erasure and how far it is; `step` is `done` at the end.

        Raises:
            UnknownNameError: there is none of that number.
        """
        with self._database.reading() as connection:
            try:
                return erasures.existing(connection, number)
            except LookupError:
                raise UnknownNameError(
                    f"there is no erasure {number}", hint="`ethogram people erasures` lists them."
                ) from None

    def erasures(self, limit: int = 100) -> tuple[Erasure, ...]:
        """The newest erasures, newest first, with what was removed and how much was turned away since."""
        with self._database.reading() as connection:
            return erasures.listed(connection, limit)
