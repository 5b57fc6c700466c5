"""The identities of a workspace: which ids are one person, and putting that right by hand.

A part of the composition root: `runtime.Workspace` hands over what it has opened. What calls say about ids is taken
note of as they are moved to the warehouse (`store/mover.py`); here is what people decide, and what anybody may ask.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING

from ethogram.clock import Clock
from ethogram.store import identities, joining
from ethogram.store.database import Database
from ethogram.store.identities import Decision, Identity
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from ethogram.runtime import Workspace

__all__ = ["Decision", "Identities", "Identity"]


class Identities:
    """Who is who in a workspace: `ws.identities.merge("old-id", into="new-id")`."""

    def __init__(self, workspace: Workspace, *, warehouse: Warehouse, database: Database, clock: Clock) -> None:
        self._workspace = workspace
        self._warehouse = warehouse
        self._database = database
        self._clock = clock

    def resolve(self, ids: Collection[str]) -> dict[str, str]:
        """The profile that each id points at: itself, where nothing else is known of it."""
        aliases = identities.aliases(self._database, ids)
        return {id_: aliases.get(id_, id_) for id_ in ids}

    def of(self, profile_id: str) -> tuple[Identity, ...]:
        """The other ids that point at a profile."""
        return identities.of_profile(self._database, profile_id)

    def merge(self, identity: str, *, into: str, actor: str = "local") -> Decision:
        """Makes two people one: the history of the first becomes the second's.

        Membership follows with the next tick of a server, or the next run.

        Args:
            identity: any id of the one who is given up.
            into: any id of the one who stays.

        Raises:
            SettingError: they are one person already.
        """
        with self._workspace.exclusively:
            now = self._clock.now()
            joining.follow(self._warehouse, self._database, now)
            stored = joining.standing(self._warehouse, {identity, into})
            known = [id_ for id_, is_known in stored.items() if is_known]
            with self._database.writing() as connection:
                decision = identities.merge(connection, identity, into, known, now, actor)
            joining.follow(self._warehouse, self._database, now)
            return decision

    def split(self, identity: str, *, actor: str = "local") -> Decision:
        """Takes an id out of the profile that it points at, with everything that came under it.

        What was merged is undone; an anonymous id stands alone, whatever calls say of it, until that is undone.

        Raises:
            UnknownNameError: the id points at no other profile.
            SettingError: it was merged longer ago than the setting `undo_days` allows.
        """
        with self._workspace.exclusively:
            now = self._clock.now()
            joining.follow(self._warehouse, self._database, now)
            with self._database.writing() as connection:
                decision = identities.split(connection, identity, now, actor, self._undo_for())
            joining.follow(self._warehouse, self._database, now)
            return decision

    def undo(self, number: int, *, actor: str = "local") -> Decision:
        """Undoes a merge or a split, as if it had never been decided.

        Raises:
            UnknownNameError: there is no such decision.
            SettingError: it is undone already, or was made longer ago than the setting `undo_days` allows.
        """
        with self._workspace.exclusively:
            now = self._clock.now()
            joining.follow(self._warehouse, self._database, now)
            with self._database.writing() as connection:
                decision = identities.undo(connection, number, now, actor, self._undo_for())
            joining.follow(self._warehouse, self._database, now)
            return decision

    def decisions(self, limit: int = 100) -> tuple[Decision, ...]:
        """What was merged and split by hand, newest first, with what was undone."""
        return identities.decisions(self._database, limit)

    def _undo_for(self) -> dt.timedelta:
        return dt.timedelta(days=self._workspace.settings.undo_days)
