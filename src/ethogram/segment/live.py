"""Live membership: who a stored batch touched, and who is due, is evaluated at once, and every change recorded once.

Step of the path: segment. Reads stored batches (their files say whom they touch), memberships that are due, and
definitions; writes memberships and membership changes. Work is level-triggered: what should be is compared with what
is, so evaluating somebody twice is harmless. `touched.py` and `due.py` say who, `scoped.py` evaluates, and `writing.py`
writes each change once, wherever a process is killed.

Whoever does something touches the account, and where a segment looks at the account, the colleagues: they wait in the
ledger and follow page by page beside the ticks. It does not refresh what is relative to everybody: cut-offs are the
recorded ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ethogram.model.segment import Entity
from ethogram.segment.colleagues import Colleagues
from ethogram.segment.due import DueSoon
from ethogram.segment.evaluate import Recorded
from ethogram.segment.saved import Live as Segments
from ethogram.segment.saved import SavedSegments
from ethogram.segment.scoped import Asked, Scoped, Standing
from ethogram.segment.sql import micros
from ethogram.segment.touched import Touched, Touches
from ethogram.segment.writing import Change, Row, State, Writing
from ethogram.store import identities
from ethogram.store.ledger import Ledger
from ethogram.store.schema import HERE, NEVER
from ethogram.store.warehouse import Warehouse

# People at once, so that their rows fit and others do not wait long.
MOST_PEOPLE = 1000
# Rows of stored batches that one tick looks at together: whom several of them touched is looked at once.
MOST_TOUCHED = 3000
# Accounts whose people are looked for at once.
MOST_ACCOUNTS = 100
# Of those who are due, so many beside those whom something happened to, so that these do not wait long.
_DUE_BESIDE = 200
# Beyond so many, a run over everybody is quicker.
MOST_BEHIND = 50_000


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick did; `more` says that there was more to do, `behind` that stored batches are among it."""

    people: int = 0
    entered: int = 0
    left: int = 0
    more: bool = False
    behind: bool = False

    def plus(self, other: Ticked) -> Ticked:
        """Both together."""
        return Ticked(
            self.people + other.people,
            self.entered + other.entered,
            self.left + other.left,
            self.more or other.more,
            self.behind or other.behind,
        )


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
        self._touched = Touched(ledger, directory)
        self._due = DueSoon(warehouse)
        self._writing = Writing(warehouse, ledger, at_point, self._due.note)

    # --- catching up ----------------------------------------------------------------------------------------

    def caught(self) -> Caught:
        """Where a run that begins now will have caught up to."""
        moved = identities.last_done(self._ledger.database)
        return Caught(self._ledger.last_stored(), self._ledger.segments_revision(), moved)

    def start_from(self, caught: Caught) -> None:
        """Goes on from a finished run."""
        self._due.forget()
        self._writing.keep(State(caught.batch, caught.revision, caught.moved))

    def follow(self) -> None:
        """Notes that recorded membership follows the segments as they are saved now."""
        state, revision = self._writing.state(), self._ledger.segments_revision()
        if state.revision != revision:
            self._writing.keep(replace(state, revision=revision))

    def look_again(self, accounts: Collection[str]) -> None:
        """Notes that somebody has gone from these accounts, so that they and their people are looked at."""
        state = self._writing.state()
        waiting = {id_ for _, id_ in state.accounts[state.together :]}
        more = [["erasure", id_] for id_ in sorted(set(accounts) - waiting)]
        if more and state.batch >= 0:
            self._writing.keep(replace(state, accounts=[*state.accounts, *more]))

    def needs_run(self) -> bool:
        """Whether everybody must be looked at first, for every segment: nobody was yet, or too much has happened."""
        state = self._writing.state()
        if state.batch < 0:
            return True
        return sum(batch.rows for _, batch in self._ledger.stored_after(state.batch)) > MOST_BEHIND

    def touched_after(self, batch: int, moved: int) -> tuple[list[int], int, int]:
        """The keys of some profiles that something happened to after a batch and a move of an id, and up to which."""
        found = self._touched.after(batch, moved, MOST_PEOPLE)
        return sorted(found.told), found.batch, found.moved

    # --- one tick -------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Writes what a killed process had planned, if it had; to be called before a run, too."""
        self._due.forget()
        self._writing.finish(self._writing.state())

    def tick(self, now: dt.datetime, recorded: Recorded) -> Ticked:
        """Evaluates some of those whom new batches touched and who are due, and writes what changed.

        Args:
            recorded: the last run's cut-offs over everybody.
        """
        state = self._writing.state()
        if state.plan is not None:
            self.finish()
            state = self._writing.state()
        live = self._saved.recorded()
        touches = self._touched.after(state.batch, state.moved, MOST_TOUCHED)
        keys = sorted(touches.told)
        due = self._due.at(now, _DUE_BESIDE if keys else MOST_PEOPLE)
        following = replace(
            state,
            batch=touches.batch,
            moved=touches.moved,
            accounts=[*state.accounts, *self._concerned(touches, state, live)],
        )
        if not keys and not due:
            if following != state:
                self._writing.keep(following)
            return self._tick_accounts(following, now, recorded, live)
        ticked = Ticked(more=True, behind=touches.behind)
        # Only when all whom a batch touched are done, the batch is.
        first = [*keys[:MOST_PEOPLE], *(key for key in due if key not in touches.told)]
        for start in range(MOST_PEOPLE, len(keys), MOST_PEOPLE):
            state, done = self._record(state, first, touches, now, recorded, live)
            ticked = ticked.plus(done)
            first = keys[start : start + MOST_PEOPLE]
        state, done = self._record(following, first, touches, now, recorded, live)
        return ticked.plus(done).plus(self._tick_accounts(state, now, recorded, live))

    def _record(
        self,
        state: State,
        keys: Sequence[int],
        touches: Touches,
        now: dt.datetime,
        recorded: Recorded,
        live: Segments,
    ) -> tuple[State, Ticked]:
        """Writes what is found of these people, together with the state that follows."""
        rows, changes = self._compare(keys, now, recorded, touches, live) if keys else ([], [])
        state = self._writing.record(state, rows, changes, micros(now))
        entered = sum(change[2] for change in changes)
        return state, Ticked(len(keys), entered, len(changes) - entered, more=True)

    def _concerned(self, touches: Touches, state: State, live: Segments) -> list[list[str]]:
        """The accounts that must be looked at because of what happened to profiles, or was said of accounts, too."""
        looking = self._colleagues.looking(live)
        if not (looking.accounts or looking.colleagues):
            return []
        ids = set(touches.accounts)
        profiles = [key for key, told in touches.told.items() if looking.at(told)]
        if profiles:
            ids.update(self._colleagues.accounts_of(profiles))
        # One that is looked at now is looked at again: some of its people may be done already.
        ids.difference_update(id_ for _, id_ in state.accounts[state.together :])
        return [[touches.cause, id_] for id_ in sorted(ids)]

    def _tick_accounts(self, state: State, now: dt.datetime, recorded: Recorded, live: Segments) -> Ticked:
        """The next page of the accounts that wait and of the people who belong to them."""
        if not state.accounts:
            return Ticked()
        cause = state.accounts[0][0]
        together = state.together
        if not together:
            alike = (index for index, (each, _) in enumerate(state.accounts) if each != cause)
            together = min(next(alike, len(state.accounts)), MOST_ACCOUNTS)
        names = self._colleagues.keys([id_ for _, id_ in state.accounts[:together]])
        looking = self._colleagues.looking(live)
        people: list[int] = []
        if looking.colleagues:
            people = self._colleagues.members(names, state.after, MOST_PEOPLE)
        # The accounts themselves come with the first page.
        keys = [*people, *([] if state.after or not looking.accounts else sorted(names))]
        if len(people) < MOST_PEOPLE:
            following = replace(state, accounts=state.accounts[together:], together=0, after=0)
        else:
            following = replace(state, together=together, after=people[-1])
        touches = Touches(state.batch, state.moved, cause, dict.fromkeys(keys), names)
        return self._record(following, keys, touches, now, recorded, live)[1]

    def _compare(
        self, keys: Sequence[int], now: dt.datetime, recorded: Recorded, touches: Touches, live: Segments
    ) -> tuple[list[Row], list[Change]]:
        """The rows of membership and the changes that are to be written of these people."""
        crossed = self._saved.crossed(live) | self._saved.crossed(self._saved.live())
        definitions = {
            each.number: self._saved.definition(each, live)
            for each in live.values()
            if each.entity == Entity.PROFILE.value
        }
        versions = {each.number: each.version for each in live.values() if not each.static}
        asked = Asked(definitions, {name: segment.number for name, segment in live.items()}, recorded)
        evaluated, held = self._scoped.compared(asked, now, keys, touches.told)
        standings = {standing.key: standing for standing in evaluated}
        others = [key for key in keys if key not in standings]
        standings |= {each.key: each for each in self._colleagues.standings(others, live, now)}
        standings |= {each.key: each for each in self._to_come([key for key in keys if key not in standings])}
        # Who was somebody, and is nobody any more, is in nothing.
        standings |= {key: Standing(key, touches.names.get(key, ""), (), NEVER) for key in held if key not in standings}
        rows: list[Row] = []
        changes: list[Change] = []
        for key, standing in standings.items():
            before = held.get(key)
            found, next_at = set(standing.segments), micros(standing.due_at)
            if standing.asked is not None and before is not None:
                found.update(set(before.segments) - standing.asked)
                next_at = min(next_at, before.due)
            changed = sorted(found.symmetric_difference(before.segments if before is not None else ()))
            if before is not None and not changed and before.due == next_at:
                continue
            # Whose recorded entries and exits others look at is due again at once: by then they are recorded.
            rows.append((key, sorted(found), micros(now) if crossed.intersection(changed) else next_at))
            cause = touches.cause if key in touches.told else "time"
            changes += [
                (key, number, number in found, versions[number], cause, standing.id)
                for number in changed
                if number in versions
            ]
        return rows, changes

    def _to_come(self, keys: Sequence[int]) -> Iterator[Standing]:
        """Profiles whose first fact is dated ahead: in nothing yet, and to be looked at when they are known."""
        if keys:
            rows = self._warehouse.query(
                "SELECT profile, any(profile_id), min(known_at) FROM profiles WHERE profile IN {keys:Array(UInt64)} "
                f"GROUP BY profile HAVING {HERE}",
                {"keys": list(keys)},
            )
            yield from (Standing(int(key), name, (), known_at) for key, name, known_at in rows)
