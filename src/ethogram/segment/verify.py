"""Verification: everything is computed anew and compared with what is recorded.

Step of the path: segment. Reads facts, membership state, membership changes (warehouse), definitions, runs and the live
state (ledger); writes nothing. Three things must be equal for everybody: what the plan finds, the row of memberships,
and what the recorded entries and exits add up to. Nobody may be due later than an answer can change by itself.

The people are looked at in parts by key, so memory does not grow with them, and beside whatever a server does
meanwhile: whoever changes under the look seems to differ, so all who do are looked at once more while nothing is
recorded. Whoever is still to be evaluated (an event that the live part has not seen, an instant that has come) is left
out and said: that is work, and no difference.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ethogram.errors import UserError
from ethogram.model.segment import Crossed, Entity
from ethogram.model.verification import Difference, RecordedChange, Verification
from ethogram.segment.evaluate import CUT_OFFS, OVER_MANY, Evaluator, ids_of
from ethogram.segment.plan import Keys, Scope, Share
from ethogram.segment.saved import SavedSegments
from ethogram.segment.shape import walk
from ethogram.segment.writing import STATE
from ethogram.store.inbox import folder
from ethogram.store.ledger import Ledger, Run, SavedSegment
from ethogram.store.schema import HERE, INSTANT, NEVER
from ethogram.store.warehouse import Warehouse

_PEOPLE_AT_ONCE = 100_000
# Whom a server's work is held up for: a fraction of a second's.
_AGAIN_AT_ONCE = 2_000
# Beyond so many rows that wait, a run is what is needed.
_MOST_WAITING = 200_000
_SHOWN_CHANGES = 20
_ANY_DAY = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Caught:
    """What was done before looking: who waited was evaluated, where that takes no run over everybody.

    Attributes:
        now: the present, after that.
        up: whether what is recorded is up to the present.
    """

    now: dt.datetime
    up: bool
    people: int = 0


CatchUp = Callable[[], Caught]
# Adds to a difference what else is known of the person at an instant.
Attach = Callable[[Difference, dt.datetime], Difference]


@dataclass(frozen=True, slots=True)
class _State:
    """What is recorded, and since when.

    Attributes:
        at: the instant at which recorded and computed must be equal.
        chosen: the segments that are compared, by number.
        waiting: keys of profiles that a stored batch touched and nobody has evaluated since.
    """

    at: dt.datetime
    chosen: Mapping[int, SavedSegment]
    waiting: Sequence[int]


@dataclass(slots=True)
class _Counts:
    people: int = 0
    accounts: int = 0
    waited: int = 0
    wrong: int = 0
    told: int = 0
    differences: list[Difference] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)


class Verifier:
    """Compares the recorded memberships of one workspace with what computing them anew gives."""

    def __init__(
        self, warehouse: Warehouse, ledger: Ledger, saved: SavedSegments, evaluator: Evaluator, directory: Path
    ) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._saved = saved
        self._evaluator = evaluator
        self._directory = directory
        self._dependences: dict[tuple[int, int], tuple[bool, bool]] = {}

    def verify(
        self, exclusively: AbstractContextManager[Any], catch_up: CatchUp, attach: Attach, *, most: int
    ) -> Verification:
        """Everybody, part by part.

        Args:
            exclusively: held while who seems to differ is looked at again, so that nothing is recorded meanwhile.
            most: how many people's differences are told; all are counted.

        Raises:
            UserError: nothing is recorded yet, or too much waits.
        """
        began = time.perf_counter()
        counts = _Counts()
        for entity in Entity:
            for part in self._parts(entity):
                with exclusively:
                    state = self._state(catch_up(), counts)
                people, doubtful = self._doubtful(state, entity, part)
                if entity is Entity.ACCOUNT:
                    counts.accounts += people
                else:
                    counts.people += people
                for begin in range(0, len(doubtful), _AGAIN_AT_ONCE):
                    with exclusively:
                        state = self._state(catch_up(), counts)
                        some = Keys(tuple(doubtful[begin : begin + _AGAIN_AT_ONCE]))
                        for difference in self._different(state, entity, some, counts, most):
                            counts.differences.append(attach(difference, state.at))
        return Verification(
            as_of=state.at,
            people=counts.people,
            accounts=counts.accounts,
            segments=len(state.chosen),
            wrong=counts.wrong,
            differences=tuple(counts.differences),
            notes=(*_told_of_waiting(counts.waited), *counts.notes),
            milliseconds=(time.perf_counter() - began) * 1000,
        )

    def _parts(self, entity: Entity) -> list[Share]:
        people: int = self._warehouse.query("SELECT count() FROM profiles")[0][0]
        # Definitions over accounts are not parted: their measures are gathered from everybody.
        parts = 1 if entity is Entity.ACCOUNT else max(1, -(-people // _PEOPLE_AT_ONCE))
        edges = [2**64 * part // parts for part in range(parts + 1)]
        return [Share(low, high - 1) for low, high in pairwise(edges)]

    # --- what is recorded -----------------------------------------------------------------------------------

    def _state(self, caught: Caught, counts: _Counts) -> _State:
        last = self._ledger.last_run()
        if last is None:
            raise UserError(
                "there is nothing to verify: nobody has been evaluated yet",
                hint="`ethogram run` evaluates everybody, and `ethogram serve` does it by itself.",
            )
        newest = self._warehouse.query("SELECT max(evaluated_at), count() FROM memberships")[0]
        at = max([last.as_of, *([newest[0]] if newest[1] else [])])
        counts.waited += caught.people
        if caught.up:
            chosen, notes = self._compared(accounts=True)
            counts.notes |= dict.fromkeys(notes)
            return _State(max(at, caught.now), chosen, ())
        waiting = self._waiting(last)
        chosen, notes = self._compared(accounts=at == last.as_of and not waiting)
        if waiting:
            told = f"{_people(len(waiting))} did something since, wait to be evaluated, and are not compared"
            counts.notes[told] = None
        counts.notes[f"what is recorded is as of {at.isoformat()}; no server keeps it up to now"] = None
        counts.notes |= dict.fromkeys(notes)
        return _State(at, chosen, waiting)

    def _waiting(self, last: Run) -> list[int]:
        """The keys of profiles in batches that neither the live part nor a run has seen."""
        seen = int((self._ledger.setting(STATE) or {}).get("batch", -1))
        unseen = [
            batch
            for sequence, batch in self._ledger.stored_after(-1)
            if sequence > seen and batch.stored_at is not None and batch.stored_at > last.started_at
        ]
        if sum(batch.rows for batch in unseen) > _MOST_WAITING:
            raise UserError(
                "too much has been stored since everybody was evaluated to say who is still to be evaluated",
                hint="`ethogram run` first, or let `ethogram serve` catch up.",
            )
        ids: set[str] = set()
        for batch in unseen:
            if batch.file is not None and batch.kind != "accounts":
                column = pq.read_table(folder(self._directory) / batch.file, columns=["profile_id"])
                ids.update(map(str, column.column("profile_id").to_pylist()))
        return sorted(self._evaluator.keys(sorted(ids)).values()) if ids else []

    def _compared(self, *, accounts: bool) -> tuple[dict[int, SavedSegment], list[str]]:
        """The segments that can be compared, and about the others why they cannot.

        Args:
            accounts: accounts and colleagues are evaluated up to the same instant as whoever did something.
        """
        live = self._saved.live()
        evaluated = {segment.number: segment.version for segment in self._saved.recorded().values()}
        current = (self._ledger.setting(STATE) or {}).get("revision") == self._ledger.segments_revision()
        chosen: dict[int, SavedSegment] = {}
        changed, by_account, lagging = [], [], []
        for name, segment in live.items():
            if evaluated.get(segment.number) != segment.version:
                changed.append(name)
                continue
            crosses, of_accounts = self._depends(segment, live)
            if of_accounts and not accounts:
                by_account.append(name)
            elif crosses and not current:
                lagging.append(name)
            else:
                chosen[segment.number] = segment
        notes = [
            f"{', '.join(f'`{name}`' for name in names)}: {why}"
            for names, why in (
                (changed, "changed since everybody was evaluated; not compared"),
                (by_account, "looks at accounts, whose people have done something since; not compared"),
                (lagging, "looks at entries and exits, which a run records after it has evaluated; not compared"),
            )
            if names
        ]
        return chosen, notes

    def _depends(self, segment: SavedSegment, live: Mapping[str, SavedSegment]) -> tuple[bool, bool]:
        """Whether a segment looks at recorded entries and exits, and whether at accounts."""
        key = (segment.number, segment.version)
        if key not in self._dependences:
            definition = self._saved.definition(segment, live)
            plan, _ = self._evaluator.plan([definition], _ANY_DAY, numbers=_numbers(live), recorded=_AnyCut())
            crosses = any(isinstance(node, Crossed) for node, _ in walk(definition.condition))
            self._dependences[key] = (crosses, plan.looks_at_accounts)
        return self._dependences[key]

    # --- one part -------------------------------------------------------------------------------------------

    def _doubtful(self, state: _State, entity: Entity, part: Share) -> tuple[int, list[int]]:
        """How many of a part were compared, and the keys of those who seem to differ."""
        found = self._compare(state, entity, part, "groupArrayIf(key, wrong)")
        return (0, []) if found is None else (int(found[0]), [int(key) for key in found[1]])

    def _different(self, state: _State, entity: Entity, keys: Keys, counts: _Counts, most: int) -> Iterator[Difference]:
        """Counts those who do differ, and gives the differences that are told."""
        room = max(0, most - counts.told)
        told = f"groupArrayIf({max(room, 1)})((key, name, found, kept, summed, odd, must_by, looked_at), wrong)"
        found = self._compare(state, entity, keys, f"countIf(wrong), {told}")
        if found is None:
            return
        _, wrong, rows = found
        counts.wrong += int(wrong)
        for row in rows[:room]:
            counts.told += 1
            yield from self._differences(row, entity, state.chosen)

    def _compare(self, state: _State, entity: Entity, scope: Scope, columns: str) -> tuple[Any, ...] | None:
        """One row about a scope: how many are compared, and the columns; None where there is nothing to compare."""
        chosen = {number: each for number, each in state.chosen.items() if each.entity == entity.value}
        if not chosen:
            return None
        live = self._saved.live()
        definitions = [self._saved.definition(segment, live) for segment in chosen.values()]
        cutoffs: dict[str, float | None] = self._ledger.setting(CUT_OFFS) or {}
        prefix = f"{entity.value}: "
        plan, compiled = self._evaluator.plan(
            definitions,
            state.at,
            numbers=_numbers(live),
            scope=scope,
            recorded={name.removeprefix(prefix): cut for name, cut in cutoffs.items() if name.startswith(prefix)},
        )
        # Where colleagues count, a plan takes anybody's fact that is dated ahead for everybody's: only theirs is kept.
        query = plan.evaluation(dict(zip(chosen, compiled, strict=True)), ahead=not plan.looks_at_accounts)
        bound: dict[str, object] = {
            **query.parameters, "at": state.at, "never": NEVER, "chosen": list(chosen), "waiting": list(state.waiting),
        }  # fmt: skip
        match scope:
            case Share(low, high):
                within = "BETWEEN {low:UInt64} AND {high:UInt64}"
                bound |= {"low": low, "high": high}
            case Keys(keys):
                within = "IN {only:Array(UInt64)}"
                bound |= {"only": sorted(keys)}
        return self._warehouse.query(_comparison(query.sql, entity, within, columns), bound, **OVER_MANY)[0]

    def _differences(
        self, row: Sequence[Any], entity: Entity, chosen: Mapping[int, SavedSegment]
    ) -> Iterator[Difference]:
        key, id_, found, held, summed, odd, must_by, due_at = row
        id_ = id_ or ids_of(self._warehouse, {int(key): entity})[int(key)]
        changes = self._changes(int(key))
        for number in sorted({*found, *held, *summed, *odd}):
            told = changes.get(number, [])
            adding = sum(1 if change.entered else -1 for change in told)
            computed, recorded = number in found, number in held
            if computed == recorded and adding == recorded:
                continue
            name = chosen[number].name
            if computed and not recorded:
                problem = f"belongs to `{name}`, and is not recorded in it"
            elif recorded and not computed:
                problem = f"is recorded in `{name}`, and does not belong to it"
            else:
                problem = (
                    f"is rightly {'in' if recorded else 'outside of'} `{name}`, but recorded entries and exits add up "
                    f"to {adding}"
                )
            newest = tuple(reversed(told[-_SHOWN_CHANGES:]))
            yield Difference(id_, entity.value, name, problem, computed, recorded, adding, changes=newest)
        if must_by < NEVER and due_at > must_by:
            when = "never" if due_at >= NEVER else f"only at {due_at.isoformat()}"
            yield Difference(
                id_,
                entity.value,
                "",
                f"may change by itself at {must_by.isoformat()}, and is looked at again {when}",
                due_at=None if due_at >= NEVER else due_at,
                must_by=must_by,
            )

    def _changes(self, key: int) -> dict[int, list[RecordedChange]]:
        """What is recorded of a person, oldest first, by segment."""
        found: dict[int, list[RecordedChange]] = {}
        for number, at, change, cause, version in self._warehouse.query(
            "SELECT segment, at, toString(change), cause, version FROM membership_changes WHERE key = {key:UInt64} "
            "ORDER BY segment, at, version",
            {"key": key},
        ):
            found.setdefault(int(number), []).append(RecordedChange(at, change == "entered", cause, int(version)))
        return found


class _AnyCut(Mapping[str, "float | None"]):
    """Some cut-off for every share: to see what a plan looks at, any will do."""

    def __getitem__(self, name: str) -> float:
        return 0.0

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


def _comparison(evaluation: str, entity: Entity, within: str, columns: str) -> str:
    """One row: how many are compared, and the columns, over people of whom is known whether something is `wrong`.

    Nothing is joined: what was computed, the state and the changes are put below each other and grouped by key.
    """
    mine = "arrayFilter(n -> has({chosen:Array(UInt32)}, n), segments)"
    nothing, never = "CAST([] AS Array(UInt32))", f"{{never:{INSTANT}}}"
    sides = [f"SELECT 'computed' AS side, key, id, segments, due_at FROM (\n{evaluation}\n)"]
    sides.append(
        f"SELECT 'held' AS side, key, '' AS id, {mine} AS segments, due_at FROM memberships FINAL WHERE key {within}"
    )
    for side, adding_up in (("summed", "added = 1"), ("odd", "added NOT IN (0, 1)")):
        sides.append(
            f"SELECT '{side}' AS side, key, '' AS id, groupArray(segment) AS segments, {never} AS due_at "
            f"FROM ({_summed(within)}) WHERE {adding_up} GROUP BY key"
        )
    if entity is Entity.PROFILE:
        # Whose first fact is dated ahead is in nothing yet, and must be looked at when they are known.
        sides.append(
            f"SELECT 'computed' AS side, profile AS key, any(profile_id) AS id, {nothing} AS segments, "
            f"min(known_at) AS due_at FROM profiles WHERE profile {within} GROUP BY profile "
            f"HAVING min(known_at) > {{at:{INSTANT}}} AND {HERE}"
        )
    gathered = ", ".join(
        f"arraySort(groupArrayArrayIf(segments, side = '{side}')) AS {name}"
        for side, name in (("computed", "found"), ("held", "kept"), ("summed", "summed"), ("odd", "odd"))
    )
    grouped = (
        f"SELECT key, max(id) AS name, {gathered}, "
        "countIf(side = 'computed') AS known, countIf(side = 'held') AS is_kept, "
        f"if(known > 0, minIf(due_at, side = 'computed'), {never}) AS must_by, "
        f"if(is_kept > 0, minIf(due_at, side = 'held'), {never}) AS looked_at\n"
        f"FROM (\n{' UNION ALL '.join(sides)}\n) GROUP BY key"
    )
    waits = f"(has({{waiting:Array(UInt64)}}, key) OR looked_at <= {{at:{INSTANT}}})"
    differs = f"found != kept OR kept != summed OR notEmpty(odd) OR (must_by < {never} AND looked_at > must_by)"
    return (
        f"SELECT countIf(known > 0 AND NOT waits) AS people, {columns} FROM (\n"
        f"SELECT *, {waits} AS waits, NOT waits AND ({differs}) AS wrong FROM (\n{grouped}\n))"
    )


def _summed(within: str) -> str:
    return (
        "SELECT key, segment, sum(if(change = 'entered', 1, -1)) AS added FROM membership_changes "
        f"WHERE key {within} AND has({{chosen:Array(UInt32)}}, segment) GROUP BY key, segment"
    )


def _numbers(live: Mapping[str, SavedSegment]) -> dict[str, int]:
    return {name: segment.number for name, segment in live.items()}


def _told_of_waiting(waited: int) -> tuple[str, ...]:
    return (f"{_people(waited)} waited to be evaluated, and were evaluated first",) if waited else ()


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"
