"""Keeps files and endpoints elsewhere equal to the members of segments.

Step of the path: deliver. Reads the feed of changes, and the members and traits that it is handed functions for; writes
files in the workspace's `sync/`, deliveries and the syncs' state (ledger). First a difference is written down, then the
ledger says so, then it is handed over: killed anywhere, it goes on with the same difference, and what the target was
given, applied in order, is the members.

The feed's place is taken before members are read. Members may then be ahead of it; what the feed says after that place
is handed over too, and the last word on each person is the same, so a repetition does no harm.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ethogram.clock import Clock
from ethogram.deliver import files, schedule
from ethogram.deliver.announcing import Traits, derived_id, iso
from ethogram.deliver.handed import ADD, REMOVE, Handed, Step
from ethogram.errors import EthogramError, UnknownNameError
from ethogram.store import changes, deliveries, syncs
from ethogram.store.changes import Change
from ethogram.store.database import Database
from ethogram.store.deliveries import DeliveryDraft
from ethogram.store.syncs import NOTHING, Sync

FULL, CHANGES = "full", "changes"
GATHERED = dt.timedelta(seconds=5)  # changes that come within go along
_PAGE = 5_000
_PART = 500  # people in one request
_MOST_WAITING = 20  # requests of one sync that wait to be sent
_SNAPSHOT_EVERY = 100  # differences
_PAUSE = dt.timedelta(seconds=30)  # after trouble

Members = Callable[[str], Sequence[str]]  # the ids of everybody in a segment


def _nothing(_point: str) -> None:
    """The default of `at_point`: tests put a fault there."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A difference, and the place in the feed that it leads to."""

    steps: list[Step]
    watermark: int
    members: list[str] | None  # everybody after it, where they are known


class Mirroring:
    """Does the syncs of one workspace.

    Args:
        directory: of the workspace.
        members: everybody in a segment, by its name.
        at_point: called at each instant after which a killed process is found in another state.
    """

    def __init__(
        self,
        database: Database,
        directory: Path,
        zone: ZoneInfo,
        members: Members,
        traits: Traits,
        clock: Clock,
        at_point: Callable[[str], None] = _nothing,
    ) -> None:
        self._database = database
        self._folder = directory / "sync"
        self._zone = zone
        self._members = members
        self._traits = traits
        self._clock = clock
        self._at_point = at_point
        self._paused: dict[int, dt.datetime] = {}

    def step(self) -> bool:
        """Takes each sync one step further; whether one may go on at once."""
        more = [self._guarded(sync) for sync in syncs.listed(self._database)]
        return any(more)

    def _guarded(self, sync: Sync) -> bool:
        """One step of one sync: what stands in its way is written down, and holds up no other."""
        now = self._clock.now()
        until = self._paused.get(sync.id)
        if until is not None and now < until and not sync.asked:
            return False
        try:
            if sync.segment_deleted_at is not None:
                raise UnknownNameError(f"the segment `{sync.name}` was deleted")
            more = self._step(sync, now)
        except (EthogramError, OSError) as error:
            self._paused[sync.id] = now + _PAUSE
            told = error.message if isinstance(error, EthogramError) else str(error)
            if told != sync.trouble or sync.asked:
                syncs.note_trouble(self._database, sync.id, told)
            return False
        self._paused.pop(sync.id, None)
        return more

    def _step(self, sync: Sync, now: dt.datetime) -> bool:
        if sync.endpoint is not None and not sync.endpoint.enabled:
            return False
        if sync.place is not None:
            return self._hand_over(sync, sync.place, now)
        if not self._is_due(sync, now):
            return False
        if sync.mode == FULL and sync.path is not None:
            return self._replace(sync, self._folder / sync.path, now)
        return self._plan(sync, now)

    # --- whether there is anything to do ------------------------------------------------------------------------

    def _is_due(self, sync: Sync, now: dt.datetime) -> bool:
        if sync.asked or sync.watermark == NOTHING:
            return True
        if sync.due_at is not None:
            return now >= sync.due_at
        if sync.watermark < changes.pruned(self._database):
            return True
        waiting = changes.after(self._database, sync.watermark, limit=1, segments=[sync.segment])
        if not waiting:
            return False
        # On a clock that was put back, nothing is waited for.
        return not dt.timedelta() <= now - waiting[0].at < GATHERED

    def _done(self, sync: Sync, now: dt.datetime, rows: int) -> dict[str, Any]:
        due_at = schedule.next_at(schedule.read(sync.schedule), now, self._zone)
        return {"asked": False, "synced_at": now, "due_at": due_at, "trouble": None, "rows": rows}

    # --- everybody, in one file -------------------------------------------------------------------------------

    def _replace(self, sync: Sync, path: Path, now: dt.datetime) -> bool:
        upto = changes.last(self._database)
        ids = self._members(sync.name)
        named = f"{sync.entity}_id"
        rows = [{named: step.id, **step.traits} for step in self._adds(sync, ids)]
        files.write_rows(path, sync.format, [named, *sync.traits], rows)
        self._at_point("written")
        values = {"watermark": upto, "generation": sync.generation + 1, **self._done(sync, now, len(rows))}
        syncs.keep(self._database, sync, values, now=now)
        return False

    # --- differences --------------------------------------------------------------------------------------------

    def _plan(self, sync: Sync, now: dt.datetime) -> bool:
        """Writes down what the target has to be given; nothing where it has everything."""
        handed = self._handed(sync)
        planned = self._followed(sync)
        if planned is None:
            planned = self._compared(sync, handed)
        values: dict[str, Any] = {"watermark": planned.watermark}
        if not planned.steps and sync.mode == CHANGES:
            # A first sync of nobody leaves nothing behind, and from now on the feed is followed.
            values |= self._done(sync, now, 0)
            return not syncs.keep(self._database, sync, values, now=now)
        generation = sync.generation + 1
        handed.write_changes(generation, planned.steps)
        members = planned.members
        if members is None and generation - sync.snapshot >= _SNAPSHOT_EVERY:
            members = sorted(handed.members(sync.snapshot, generation))
        if members is not None and sync.mode == CHANGES:
            handed.write_members(generation, members)
            values["snapshot"] = generation
        self._at_point("planned")
        syncs.keep(self._database, sync, {**values, "generation": generation, "place": 0, "asked": False}, now=now)
        self._at_point("kept")
        return True

    def _followed(self, sync: Sync) -> _Planned | None:
        """The last word of the feed on each person; None where everybody must be looked at."""
        if sync.mode == FULL or sync.watermark == NOTHING or sync.watermark < changes.pruned(self._database):
            return None
        last: dict[str, Change] = {}
        watermark, upto = sync.watermark, changes.last(self._database)
        while page := changes.after(self._database, watermark, limit=_PAGE, segments=[sync.segment]):
            watermark = page[-1].id
            for change in page:
                if not change.profile_id:
                    return None  # an edit, which the feed tells in sum
                last.pop(change.profile_id, None)
                last[change.profile_id] = change
        entered = [who for who, change in last.items() if change.entered]
        adds = {step.id: step for step in self._adds(sync, entered)}
        return _Planned([adds.get(who) or Step(REMOVE, who, {}) for who in last], max(watermark, upto), None)

    def _compared(self, sync: Sync, handed: Handed) -> _Planned:
        """What there is with what the target has."""
        upto = changes.last(self._database)
        members = list(self._members(sync.name))
        held = handed.members(sync.snapshot, sync.generation) if sync.mode == CHANGES else set()
        removes = [Step(REMOVE, who, {}) for who in sorted(held.difference(members))]
        adds = list(self._adds(sync, [who for who in members if who not in held]))
        return _Planned([*removes, *adds], upto, members)

    def _adds(self, sync: Sync, ids: Sequence[str]) -> Iterator[Step]:
        """Those who are added, with the chosen traits; one that somebody lacks is None."""
        for at in range(0, len(ids), _PAGE):
            some = ids[at : at + _PAGE]
            known = self._traits(some, sync.entity, sync.traits) if sync.traits else {}
            for who in some:
                theirs = known.get(who, {})
                yield Step(ADD, who, {name: theirs.get(name) for name in sync.traits})

    # --- handing over -------------------------------------------------------------------------------------------

    def _hand_over(self, sync: Sync, place: int, now: dt.datetime) -> bool:
        handed = self._handed(sync)
        size = handed.size(sync.generation)
        drafts: list[DeliveryDraft] = []
        if sync.path is not None:
            self._write_difference(sync, sync.path, handed.changes(sync.generation))
            self._at_point("written")
        else:
            drafts = self._requests(sync, handed, place, size, now)
            if not drafts:
                return False  # enough of them wait
        upto = size if sync.path is not None else min(place + len(drafts) * _PART, size)
        values: dict[str, Any] = {"place": upto if upto < size else None}
        if upto == size:
            values |= self._done(sync, now, size) | {"asked": sync.asked}
        if not syncs.keep(self._database, sync, values, drafts=drafts, now=now):
            return True
        self._at_point("handed over")
        if upto == size:
            handed.drop(before=sync.snapshot if sync.mode == CHANGES else sync.generation)
        return True

    def _write_difference(self, sync: Sync, path: str, steps: Sequence[Step]) -> None:
        named = f"{sync.entity}_id"
        target = self._folder / path
        target = target.with_name(f"{target.stem}-{sync.generation:06d}{target.suffix}")
        rows = [{"op": step.op, named: step.id, **step.traits} for step in steps]
        files.write_rows(target, sync.format, ["op", named, *sync.traits], rows)

    def _requests(self, sync: Sync, handed: Handed, place: int, size: int, now: dt.datetime) -> list[DeliveryDraft]:
        """The next requests that fit; nobody at all is told in one, too."""
        endpoint = sync.endpoint
        assert endpoint is not None
        with self._database.reading() as connection:
            room = max(_MOST_WAITING - deliveries.waiting(connection, endpoint.id), 0)
        parts = max(-(-size // _PART), 1)
        first = place // _PART
        drafts = []
        for part in range(first, min(first + room, parts)):
            steps = handed.changes(sync.generation, part * _PART, _PART)
            body = {"type": "segment.synced", "timestamp": iso(now), "data": _told(sync, steps, part, parts)}
            about = f"{sync.name}: {len(steps)} people, part {part + 1} of {parts}"
            named = derived_id(endpoint, sync.generation, part)
            drafts.append(DeliveryDraft(named, about, msgspec.json.encode(body)))
        return drafts

    def _handed(self, sync: Sync) -> Handed:
        return Handed(self._folder / ".state" / str(sync.id))


def _told(sync: Sync, steps: Sequence[Step], part: int, parts: int) -> dict[str, Any]:
    named = f"{sync.entity}_id"
    traits = bool(sync.traits)
    return {
        "sync": sync.id,
        "segment": sync.name,
        "mode": sync.mode,
        "generation": sync.generation,
        "part": part + 1,
        "parts": parts,
        "adds": [{named: s.id, **({"traits": s.traits} if traits else {})} for s in steps if s.op == ADD],
        "removes": [{named: s.id} for s in steps if s.op == REMOVE],
    }
