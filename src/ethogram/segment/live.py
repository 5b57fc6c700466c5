"""Live membership: who a stored batch touched, and who is due, is evaluated at once, and every change recorded once.

Step of the path: segment. Reads stored batches (their files say whom they touch), memberships that are due, and
definitions; writes memberships and membership changes. Work is level-triggered: what should be is compared with what
is, so evaluating somebody twice is harmless. What a tick will write is planned in the ledger before it is written, and
carries deduplication tokens: killed anywhere, it is written once.

Whoever does something touches the account, and where a segment looks at the account, the colleagues: they wait in the
ledger and follow page by page beside the ticks. It does not refresh what is relative to everybody: cut-offs are the
recorded ones.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ethogram.model.segment import Definition, Entity
from ethogram.segment.colleagues import Colleagues
from ethogram.segment.direct.conditions import Told
from ethogram.segment.evaluate import Recorded
from ethogram.segment.saved import SavedSegments
from ethogram.segment.scoped import Scoped, Standing
from ethogram.segment.sql import instant_of, micros
from ethogram.store import changes as feed
from ethogram.store import identities, settings
from ethogram.store.inbox import folder
from ethogram.store.ledger import Batch, Ledger
from ethogram.store.schema import HERE, INSTANT, NEVER
from ethogram.store.warehouse import Warehouse

STATE = "live"  # the ledger's setting
# People at once, so that their rows fit and others do not wait long.
MOST_PEOPLE = 1000
# Accounts whose people are looked for at once.
MOST_ACCOUNTS = 100
_DUE_EVERY = dt.timedelta(milliseconds=500)  # between looks for who is due, while there is something else to do
# Beyond so many, a run over everybody is quicker.
MOST_BEHIND = 50_000


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick did; `more` says that there was more to do."""

    people: int = 0
    entered: int = 0
    left: int = 0
    more: bool = False

    def plus(self, other: Ticked) -> Ticked:
        """Both together."""
        return Ticked(
            self.people + other.people, self.entered + other.entered, self.left + other.left, self.more or other.more
        )


@dataclass(frozen=True, slots=True)
class _State:
    """What is kept between ticks.

    Attributes:
        batch: everybody whom stored batches up to this one touched has been evaluated.
        moved: everybody whom moves of ids up to this one concerned has been evaluated.
        revision: the ledger's revision of the segments that were evaluated.
        plan: what a tick writes, until it is written.
        accounts: the ids of accounts that wait, each with the cause; the first `together` of them are looked at now.
        after: whoever of theirs has a key up to this one has been looked at.
    """

    batch: int = -1
    revision: int = -1
    moved: int = 0
    plan: dict[str, Any] | None = None
    accounts: list[list[str]] = field(default_factory=list)
    together: int = 0
    after: int = 0

    def plain(self) -> dict[str, Any]:
        """As it is kept; `asdict` would copy every number of a plan."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class Caught:
    """Up to where a run over everybody has seen everything; to be taken before it begins."""

    batch: int
    revision: int
    moved: int


def _nothing(_point: str) -> None:
    """The default of `at_point`: tests put a fault there."""


class Live:
    """Keeps the memberships of one workspace right at every instant.

    Args:
        directory: the workspace.
        at_point: called at each instant after which a killed process is found in another state.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        ledger: Ledger,
        saved: SavedSegments,
        scoped: Scoped,
        directory: Path,
        at_point: Callable[[str], None] = _nothing,
    ) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._saved = saved
        self._scoped = scoped
        self._colleagues = Colleagues(warehouse, ledger, saved, scoped.evaluator)
        self._directory = directory
        self._at_point = at_point
        self._next_due_at: dt.datetime | None = None  # None: not known
        self._due_at: dt.datetime | None = None  # when it was last looked at who is due

    # --- catching up ----------------------------------------------------------------------------------------

    def caught(self) -> Caught:
        """Where a run that begins now will have caught up to."""
        moved = identities.last_done(self._ledger.database)
        return Caught(self._ledger.last_stored(), self._ledger.segments_revision(), moved)

    def start_from(self, caught: Caught) -> None:
        """Goes on from a finished run."""
        self._keep(_State(caught.batch, caught.revision, caught.moved))

    def follow(self) -> None:
        """Notes that recorded membership follows the segments as they are saved now."""
        state, revision = self._state(), self._ledger.segments_revision()
        if state.revision != revision:
            self._keep(replace(state, revision=revision))

    def needs_run(self) -> bool:
        """Whether everybody must be looked at first, for every segment: nobody was yet, or too much has happened."""
        state = self._state()
        if state.batch < 0:
            return True
        return sum(batch.rows for _, batch in self._ledger.stored_after(state.batch)) > MOST_BEHIND

    # --- one tick -------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Writes what a killed process had planned, if it had; to be called before a run, too."""
        self._next_due_at = None
        state = self._state()
        if state.plan is not None:
            self._write(state)

    def tick(self, now: dt.datetime, recorded: Recorded) -> Ticked:
        """Evaluates some of those whom new batches touched or who are due, and writes what changed.

        Args:
            recorded: the last run's cut-offs over everybody.
        """
        state = self._state()
        if state.plan is not None:
            self.finish()
            state = self._state()
        ticked = self._tick_touched(state, now, recorded)
        # However much happens, who is due is not kept waiting for long; finding them is a look at everybody.
        if not ticked.more or self._due_at is None or not dt.timedelta() <= now - self._due_at < _DUE_EVERY:
            self._due_at = now
            ticked = ticked.plus(self._tick_due(self._state(), now, recorded))
        return ticked.plus(self._tick_accounts(self._state(), now, recorded))

    def _tick_touched(self, state: _State, now: dt.datetime, recorded: Recorded) -> Ticked:
        """Those whom moves of ids concern, else whom new batches touched."""
        batch, moved = state.batch, state.moved
        names, moved = self._moved(moved)
        touched, cause = sorted(names), "merge"
        told: dict[int, Told] = {}
        named: Sequence[str] = ()
        if not touched:
            told, named, batch = self._touched(self._ledger.stored_after(batch), batch)
            touched, cause = sorted(told), "event"
        waiting = [*state.accounts, *self._concerned(touched, told, named, cause, state)]
        if not touched:
            if batch != state.batch:
                self._keep(replace(state, batch=batch, moved=moved, accounts=waiting))
            return Ticked()
        ticked = Ticked(more=True)
        for start in range(0, len(touched), MOST_PEOPLE):
            keys = touched[start : start + MOST_PEOPLE]
            # Only when all whom a batch touched are done, the batch is.
            if start + MOST_PEOPLE >= len(touched):
                state = replace(state, batch=batch, moved=moved, accounts=waiting)
            ticked = ticked.plus(self._record(state, keys, self._compare(keys, now, recorded, cause, names, told), now))
        return ticked

    def _tick_due(self, state: _State, now: dt.datetime, recorded: Recorded) -> Ticked:
        """Those who are due."""
        keys = self._due(now)
        if not keys:
            return Ticked()
        return self._record(state, keys, self._compare(keys, now, recorded, "time", {}, {}), now)

    def _record(
        self,
        state: _State,
        keys: Sequence[int],
        compared: tuple[list[list[Any]], list[list[Any]]],
        now: dt.datetime,
    ) -> Ticked:
        """Plans what was found of these people together with the state that follows, and writes it."""
        rows, changes = compared
        revision = self._ledger.next_revision(micros(now))
        planned = replace(state, plan={"at": micros(now), "revision": revision, "rows": rows, "changes": changes})
        self._keep(planned)
        self._at_point("planned")
        self._write(planned)
        entered = sum(change[2] for change in changes)
        return Ticked(len(keys), entered, len(changes) - entered, more=True)

    def _concerned(
        self,
        touched: Sequence[int],
        told: Mapping[int, Told],
        named: Sequence[str],
        cause: str,
        state: _State,
    ) -> list[list[str]]:
        """The accounts that must be looked at because of what happened to profiles, or was said of accounts, too."""
        looking = self._colleagues.looking(self._saved.recorded())
        if not (looking.accounts or looking.colleagues):
            return []
        ids = set(named)
        profiles = [key for key in touched if looking.at(told.get(key))]
        if profiles:
            ids.update(self._colleagues.accounts_of(profiles))
        # One that is looked at now is looked at again: some of its people may be done already.
        ids.difference_update(id_ for _, id_ in state.accounts[state.together :])
        return [[cause, id_] for id_ in sorted(ids)]

    def _tick_accounts(self, state: _State, now: dt.datetime, recorded: Recorded) -> Ticked:
        """The next page of the accounts that wait and of the people who belong to them."""
        if not state.accounts:
            return Ticked()
        cause = state.accounts[0][0]
        together = state.together
        if not together:
            alike = (index for index, (each, _) in enumerate(state.accounts) if each != cause)
            together = min(next(alike, len(state.accounts)), MOST_ACCOUNTS)
        names = self._colleagues.keys([id_ for _, id_ in state.accounts[:together]])
        looking = self._colleagues.looking(self._saved.recorded())
        people: list[int] = []
        if looking.colleagues:
            people = self._colleagues.members(names, state.after, MOST_PEOPLE)
        # The accounts themselves come with the first page.
        keys = [*people, *([] if state.after or not looking.accounts else sorted(names))]
        compared = self._compare(keys, now, recorded, cause, names, {}) if keys else ([], [])
        if len(people) < MOST_PEOPLE:
            following = replace(state, accounts=state.accounts[together:], together=0, after=0)
        else:
            following = replace(state, together=together, after=people[-1])
        return self._record(following, keys, compared, now)

    def _touched(self, batches: Sequence[tuple[int, Batch]], upto: int) -> tuple[dict[int, Told], list[str], int]:
        """What the next batches tell of profiles, by key; of which accounts, by id; and the last of these batches."""
        told: defaultdict[str, Told] = defaultdict(Told)
        named: set[str] = set()
        for sequence, batch in batches:
            if (told or named) and len(told) + len(named) + batch.rows > MOST_PEOPLE:
                break
            upto = sequence
            if batch.file is None:
                continue
            path = folder(self._directory) / batch.file
            if batch.kind == "accounts":
                named.update(map(str, pq.read_table(path, columns=["account_id"])["account_id"].to_pylist()))
                continue
            if batch.kind == "events":
                rows = pq.read_table(path, columns=["profile_id", "event"])
                for id_, event in zip(rows["profile_id"].to_pylist(), rows["event"].to_pylist(), strict=True):
                    told[str(id_)].events.add(str(event))
            else:
                for id_ in pq.read_table(path, columns=["profile_id"])["profile_id"].to_pylist():
                    told[str(id_)].traits = True
        for alias, person in identities.aliases(self._ledger.database, told).items():
            new = told.pop(alias)
            told[person].events |= new.events
            told[person].traits |= new.traits
        keys = self._scoped.keys(list(told))
        return {keys[id_]: each for id_, each in told.items()}, sorted(named), upto

    def touched_after(self, batch: int, moved: int) -> tuple[list[int], int, int]:
        """The keys of some profiles that something happened to after a batch and a move of an id, and up to which."""
        names, moved = self._moved(moved)
        if names:
            return sorted(names), batch, moved
        told, _, batch = self._touched(self._ledger.stored_after(batch), batch)
        return sorted(told), batch, moved

    def _moved(self, upto: int) -> tuple[dict[int, str], int]:
        """The profiles that lost or won what came under an id, by key, and the last of these moves."""
        moves = identities.done_after(self._ledger.database, upto, MOST_PEOPLE // 2)
        if not moves:
            return {}, upto
        people = {id_ for move in moves for id_ in (move.source, move.target)}
        return {key: id_ for id_, key in self._scoped.keys(sorted(people)).items()}, moves[-1].id

    def _due(self, now: dt.datetime) -> list[int]:
        """The keys of those who are due, the earliest first. When nobody is, the next instant is remembered."""
        if self._next_due_at is not None and now < self._next_due_at:
            return []
        rows = self._warehouse.query(
            f"SELECT key FROM memberships FINAL WHERE due_at <= {{now:{INSTANT}}} ORDER BY due_at LIMIT {MOST_PEOPLE}",
            {"now": now},
        )
        if not rows:
            soonest = self._warehouse.query("SELECT min(due_at), count() FROM memberships FINAL")[0]
            self._next_due_at = soonest[0] if soonest[1] else NEVER
        return [int(row[0]) for row in rows]

    def _compare(
        self,
        keys: Sequence[int],
        now: dt.datetime,
        recorded: Recorded,
        cause: str,
        names: Mapping[int, str],
        told: Mapping[int, Told],
    ) -> tuple[list[list[Any]], list[list[Any]]]:
        """What to write: rows of membership (key, segments, due at), and changes.

        A change is a key, a segment, whether it was entered, the version, the cause, and the profile's id.
        """
        live = self._saved.recorded()
        crossed = self._saved.crossed(live) | self._saved.crossed(self._saved.live())
        profiles = {each.number: each for each in live.values() if each.entity == Entity.PROFILE.value}
        dynamic = {each.number: each for each in live.values() if not each.static}
        definitions: Mapping[int, Definition] = {
            number: self._saved.definition(segment, live) for number, segment in profiles.items()
        }
        held = self._held(keys)
        # Of somebody who is evaluated up to now only what was told may change something.
        current = {key: told[key] for key in keys if key in told and key in held and held[key][1] > now}
        standings = {
            standing.key: standing
            for standing in self._scoped.standings(
                definitions,
                now,
                numbers={name: segment.number for name, segment in live.items()},
                keys=keys,
                recorded=recorded,
                told=current,
            )
        }
        others = [key for key in keys if key not in standings]
        standings |= {each.key: each for each in self._colleagues.standings(others, live, now)}
        standings |= {each.key: each for each in self._to_come([key for key in keys if key not in standings])}
        # Who was somebody, and is nobody any more, is in nothing.
        standings |= {key: Standing(key, names.get(key, ""), (), NEVER) for key in held if key not in standings}
        rows: list[list[Any]] = []
        changes: list[list[Any]] = []
        for key, standing in standings.items():
            before, due_at = held.get(key, ((), None))
            found, next_at = tuple(sorted(standing.segments)), standing.due_at
            if standing.asked is not None and due_at is not None:
                found = tuple(sorted({*standing.segments, *(set(before) - standing.asked)}))
                next_at = min(next_at, due_at)
            if key in held and found == tuple(sorted(before)) and due_at == next_at:
                continue
            changed = sorted(set(found) ^ set(before))
            # Whose recorded entries and exits others look at is due again at once: by then they are recorded.
            due_at = now if crossed.intersection(changed) else next_at
            rows.append([key, list(found), micros(due_at)])
            for number in changed:
                segment = dynamic.get(number)
                if segment is not None:
                    changes.append([key, number, number in found, segment.version, cause, standing.id])
        return rows, changes

    def _held(self, keys: Sequence[int]) -> dict[int, tuple[tuple[int, ...], dt.datetime]]:
        rows = self._warehouse.query(
            "SELECT key, segments, due_at FROM memberships FINAL WHERE key IN {keys:Array(UInt64)}",
            {"keys": list(keys)},
        )
        return {int(key): (tuple(segments), due_at) for key, segments, due_at in rows}

    def _to_come(self, keys: Sequence[int]) -> Iterator[Standing]:
        """Profiles whose first fact is dated ahead: in nothing yet, and to be looked at when they are known."""
        if keys:
            rows = self._warehouse.query(
                "SELECT profile, any(profile_id), min(known_at) FROM profiles WHERE profile IN {keys:Array(UInt64)} "
                f"GROUP BY profile HAVING {HERE}",
                {"keys": list(keys)},
            )
            yield from (Standing(int(key), name, (), known_at) for key, name, known_at in rows)

    # --- writing --------------------------------------------------------------------------------------------

    def _write(self, state: _State) -> None:
        plan = state.plan
        assert plan is not None
        rows, changes = plan["rows"], plan["changes"]
        at, revision = instant_of(plan["at"]), plan["revision"]
        if changes:
            columns = list(zip(*changes, strict=True))[:5]
            names = ("keys", "segments", "entered", "versions", "causes")
            self._warehouse.command(
                f"""INSERT INTO membership_changes
                    SELECT c.1, c.2, {{at:{INSTANT}}}, if(c.3 = 1, 'entered', 'left'), c.5, c.4, 0
                    FROM (SELECT arrayJoin(arrayZip({{keys:Array(UInt64)}}, {{segments:Array(UInt32)}},
                          {{entered:Array(UInt8)}}, {{versions:Array(UInt32)}}, {{causes:Array(String)}})) AS c)""",
                {**{name: list(column) for name, column in zip(names, columns, strict=True)}, "at": at}
                | {"entered": [int(change[2]) for change in changes]},
                token=f"live-{revision}-changes",
            )
        self._at_point("changed")
        if rows:
            self._warehouse.command(
                f"""INSERT INTO memberships
                    SELECT r.1, r.2, fromUnixTimestamp64Micro(r.3, 'UTC'), {{at:{INSTANT}}}, {{revision:UInt64}}
                    FROM (SELECT arrayJoin(arrayZip({{keys:Array(UInt64)}}, {{segments:Array(Array(UInt32))}},
                          {{dues:Array(Int64)}})) AS r)""",
                {
                    "keys": [row[0] for row in rows],
                    "segments": [row[1] for row in rows],
                    "dues": [row[2] for row in rows],
                    "at": at,
                    "revision": revision,
                },
                token=f"live-{revision}-rows",
            )
        self._at_point("kept")
        drafts = [
            feed.Draft(id_, segment, version, bool(entered), cause)
            for _, segment, entered, version, cause, id_ in changes
        ]
        with self._ledger.database.writing() as connection:
            feed.append(connection, drafts, at)
            settings.keep(connection, STATE, replace(state, plan=None).plain())
        self._at_point("done")
        if rows and self._next_due_at is not None:
            self._next_due_at = min(self._next_due_at, instant_of(min(row[2] for row in rows)))

    def _state(self) -> _State:
        return _State(**(self._ledger.setting(STATE) or {}))

    def _keep(self, state: _State) -> None:
        self._ledger.set_setting(STATE, state.plain())
