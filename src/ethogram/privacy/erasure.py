"""Erasing a person: accepted in the ledger first, then carried out step by step until nothing of theirs is left.

Step of the path: beside all of them. Reads and writes both stores and the files beside them. From the moment that an
erasure is accepted nothing of the person is taken any more, whoever carries it out and however often that is cut off:
each step removes what there is, and is noted when nothing is left for it. It reads no clock (every instant comes in).

What others hold is theirs to remove: webhooks and syncs are told that the person has left, with the cause `erasure`,
and only then the ledger forgets the ids. What stays is an entry without them, and hashes with the workspace's salt.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Final

from ethogram.errors import SettingError, UnknownNameError
from ethogram.store import audit, changes, erase_facts, erase_ledger, erasures, persons, syncs, webhooks
from ethogram.store.erasures import DONE, About, Erasure
from ethogram.store.ledger import Ledger
from ethogram.store.warehouse import Warehouse

STEPS: Final = ("announce", "ledger", "blocks", "facts", "files", "tell", "compact", DONE)
CAUSE: Final = "erasure"
TELL_FOR = dt.timedelta(days=7)  # how long others have to hear of it
_LOOK_EVERY = dt.timedelta(seconds=2)  # whether they have
_LONGEST = 200  # letters of a reason


def _nothing(_point: str) -> None:
    """The default of `at_point`: tests put a fault there."""


class Erasing:
    """Erases the people of one workspace, for whoever owns its warehouse and lets nobody else write meanwhile.

    Args:
        directory: the workspace.
        look_again: is told the accounts that somebody has gone from.
        at_point: called at each instant after which a killed process is found in another state.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        ledger: Ledger,
        directory: Path,
        *,
        look_again: Callable[[Collection[str]], None],
        at_point: Callable[[str], None] = _nothing,
    ) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._directory = directory
        self._look_again = look_again
        self._at_point = at_point
        self._look_at: dict[int, dt.datetime] = {}
        self._steps: dict[str, Callable[[Erasure, About, dt.datetime], bool]] = {
            "announce": self._announce,
            "ledger": self._erase_rows,
            "blocks": self._erase_blocks,
            "facts": self._erase_facts,
            "files": self._erase_files,
            "tell": self._tell,
            "compact": self._compact,
        }

    def found(self, profile_id: str) -> tuple[str, ...]:
        """Every id of a person, the profile's first.

        Raises:
            UnknownNameError: nothing is known of anybody by this id.
        """
        with self._ledger.database.reading() as connection:
            people = persons.of(connection, [profile_id])
            root = people.of(profile_id)
            ids = (root, *(id_ for id_ in people.joined.get(root, ()) if id_ != root))
            known = erase_ledger.holds(connection, ids)
        if not known and not erase_facts.is_somebody(self._warehouse, ids):
            raise UnknownNameError(
                f"nobody is known by the id `{profile_id}`",
                hint="`ethogram people search` finds people by a part of their id, or of what is known of them.",
            )
        return ids

    def counts(self, ids: Collection[str]) -> dict[str, int]:
        """How much there is of a person, by kind."""
        with self._ledger.database.reading() as connection:
            return {**erase_facts.counts(self._warehouse, ids), **erase_ledger.counts(connection, ids)}

    def accept(self, profile_id: str, *, reason: str, actor: str, now: dt.datetime) -> Erasure:
        """The erasure, accepted: nothing stops it any more, and nothing that comes for the person is taken.

        Raises:
            UnknownNameError: nothing is known of anybody by this id.
            SettingError: the reason names the person, or is too long.
        """
        ids = self.found(profile_id)
        if len(reason) > _LONGEST or not set(ids).isdisjoint(re.split(r"[\s,;()]+", reason)):
            raise SettingError(
                "the reason of an erasure stays, so it may not name the person",
                hint=f"Say why in up to {_LONGEST} letters without an id, or leave it out.",
            )
        with self._ledger.database.writing() as connection:
            accepted = erasures.accept(
                connection, About(ids), STEPS[0], reason=reason, actor=audit.acting(actor), now=now
            )
        self._at_point("accepted")
        return accepted

    def carry_on(self, now: dt.datetime) -> bool:
        """Takes each erasure that is accepted one step further; whether one may go on at once."""
        with self._ledger.database.reading() as connection:
            waiting = erasures.under_way(connection)
        more = [self._step(erasure, about, now) for erasure, about in waiting]
        return any(more)

    def _step(self, erasure: Erasure, about: About, now: dt.datetime) -> bool:
        if now < self._look_at.get(erasure.number, now):
            return False
        if not self._steps[erasure.step](erasure, about, now):
            self._look_at[erasure.number] = now + _LOOK_EVERY
            return False
        self._at_point(erasure.step)
        return True

    # --- steps: each notes the next one when nothing is left for it ---------------------------------------------

    def _announce(self, erasure: Erasure, about: About, now: dt.datetime) -> bool:
        """Others are to be told what the person leaves; from now on that is known, whatever is removed."""
        recorded = {each.number: each for each in self._ledger.recorded_segments() if each.entity == "profile"}
        left = [
            recorded[number] for number in erase_facts.memberships(self._warehouse, about.ids) if number in recorded
        ]
        values = erase_facts.texts(self._warehouse, about.ids)
        accounts = erase_facts.accounts_of(self._warehouse, about.ids)
        database = self._ledger.database
        followed = bool(webhooks.listed(database) or syncs.listed(database))
        counts = self.counts(about.ids)
        with database.writing() as connection:
            addresses = erase_ledger.addresses_of(connection, about.ids, values)
            erase_ledger.erase_feed(connection, about.ids)
            if followed:
                told = [changes.Draft(about.ids[0], each.number, each.version, False, CAUSE) for each in left]
                changes.append(connection, told, now)
            known = replace(about, addresses=addresses, accounts=accounts)
            erasures.keep(connection, erasure.number, "ledger", counts=counts, about=known)
        return True

    def _erase_rows(self, erasure: Erasure, about: About, _now: dt.datetime) -> bool:
        with self._ledger.database.writing() as connection:
            erase_ledger.erase_rows(connection, erasure.number, about)
            erasures.keep(connection, erasure.number, "blocks")
        return True

    def _erase_blocks(self, erasure: Erasure, about: About, _now: dt.datetime) -> bool:
        erase_facts.erase_blocks(self._ledger, self._directory, erasure.number, about.ids)
        self._keep(erasure, "facts")
        return True

    def _erase_facts(self, erasure: Erasure, about: About, _now: dt.datetime) -> bool:
        erase_facts.erase_facts(self._warehouse, about.ids)
        self._at_point("deleted")
        erase_facts.compact(self._warehouse)
        self._look_again(about.accounts)
        self._keep(erasure, "files")
        return True

    def _erase_files(self, erasure: Erasure, about: About, _now: dt.datetime) -> bool:
        erase_facts.erase_rejects(self._directory, {*about.ids, *(address for _, address in about.addresses)})
        self._keep(erasure, "tell")
        return True

    def _tell(self, erasure: Erasure, about: About, now: dt.datetime) -> bool:
        """Forgets the ids when everybody who follows the feed has heard of it."""
        if now - erasure.accepted_at < TELL_FOR and not self._is_told(about):
            if erasure.removed_at is None and self._ledger.database.compact():
                with self._ledger.database.writing() as connection:
                    erasures.keep(connection, erasure.number, "tell", removed_at=now)
            return False
        erase_facts.erase_handed(self._directory, about.ids)
        with self._ledger.database.writing() as connection:
            # What was under way when the erasure was accepted may have been written since.
            erase_ledger.erase_rows(connection, erasure.number, about)
            erase_ledger.erase_feed(connection, about.ids)
            erasures.keep(connection, erasure.number, "compact", about=About(()))
        return True

    def _is_told(self, about: About) -> bool:
        database = self._ledger.database
        with database.reading() as connection:
            last = changes.last_of(connection, about.ids[0])
            if last is None:
                return True
            if erase_ledger.deliveries_wait(connection, about.ids):
                return False
        hooks = [each.watermark >= last for each in webhooks.listed(database) if each.endpoint.enabled]
        mirrored = [
            each.place is None and each.watermark >= last
            for each in syncs.listed(database)
            if each.segment_deleted_at is None and (each.endpoint is None or each.endpoint.enabled)
        ]
        return all(hooks) and all(mirrored)

    def _compact(self, erasure: Erasure, _about: About, now: dt.datetime) -> bool:
        """The ledger's file is written anew, without what was removed."""
        if not self._ledger.database.compact():
            return False
        with self._ledger.database.writing() as connection:
            erasures.keep(connection, erasure.number, DONE, removed_at=erasure.removed_at or now, finished_at=now)
            audit.record(
                connection, actor=erasure.actor, verb="erase", object=f"erasure:{erasure.number}",
                detail={"reason": erasure.reason, "counts": erasure.counts}, now=now,
            )  # fmt: skip
        return True

    def _keep(self, erasure: Erasure, step: str) -> None:
        with self._ledger.database.writing() as connection:
            erasures.keep(connection, erasure.number, step)
