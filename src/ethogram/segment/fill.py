"""A fill: the segments that have changed, over everybody, while the others go on; then all of them switch at once.

Step of the path: segment. Reads definitions (ledger) and facts (warehouse); writes memberships, membership changes
(warehouse), sizes and the feed (ledger). A fill is begun where recorded membership follows another version of a segment
than the one that is saved, where a segment is new or deleted, where a list has changed that a segment refers to, and
where cut-offs over everybody are older than they may be.

The people are evaluated part by part into a table beside the memberships, which are kept right meanwhile by the
versions that they follow. Whoever did something since, or became due, is evaluated once more; when nobody is left,
everything switches in one go, planned in the ledger: killed before, a fill begins anew; killed after, it is finished.
So each entry and exit is recorded once.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import msgspec

from ethogram.model.segment import Definition, Entity
from ethogram.segment.compiler import Context
from ethogram.segment.editing import referring
from ethogram.segment.evaluate import CUT_OFFS, CUT_OFFS_AT, OVER_MANY, CutOffs, Evaluator, Recorded, name_of
from ethogram.segment.plan import Keys, Plan, Scope, Share
from ethogram.segment.recording import Recording
from ethogram.segment.saved import Live, SavedSegments
from ethogram.segment.sql import instant_of, micros
from ethogram.segment.windows import Frame
from ethogram.store.ledger import Ledger, Run, SavedSegment, SizeFound
from ethogram.store.loader import known_profiles
from ethogram.store.schema import INSTANT, NEVER
from ethogram.store.warehouse import Warehouse

# A part of the people takes a fraction of a second for a few segments; ticks come between two parts.
PEOPLE_AT_ONCE = 50_000
_MOST_DUE = 1_000
_ANY_DAY = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_TABLES = "fill_"  # the beginning of its tables' names


class Chosen(msgspec.Struct, frozen=True):
    """A segment that a fill switches, at its new version; `gone` where it was deleted."""

    number: int
    version: int
    entity: str
    static: bool
    cause: str
    announce: bool
    gone: bool = False


class Order(msgspec.Struct, frozen=True):
    """What a fill is to do, as the ledger keeps it.

    Attributes:
        cutoffs: those that it found, by entity and name.
        keep: names of cut-offs that are still in use.
    """

    chosen: tuple[Chosen, ...]
    cutoffs: dict[str, float | None] = {}
    keep: tuple[str, ...] = ()


class Touched(Protocol):
    """Gives the keys of some profiles that something happened to after a place, and the place after these."""

    def __call__(self, batch: int, moved: int) -> tuple[list[int], int, int]: ...


@dataclass(frozen=True, slots=True)
class Filled:
    """What one step did: the people it looked at, and after the switch who entered and left."""

    people: int = 0
    entered: int = 0
    left: int = 0
    switched: bool = False


@dataclass(slots=True)
class _Work:
    """A fill that is under way in this process."""

    run: Run
    order: Order
    revision: int
    batch: int
    moved: int
    parts: list[tuple[Entity, Scope | None]]
    definitions: Mapping[Entity, Mapping[int, Definition]]
    numbers: Mapping[str, int]
    known: Mapping[str, float | None]
    alone: bool
    cutoffs: dict[Entity, CutOffs] = field(default_factory=dict)
    passes: int = 0
    began: float = field(default_factory=time.perf_counter)


def _nothing(_point: str) -> None:
    """The default of `at_point`: tests put a fault there."""


class Filler:
    """Brings recorded membership from the versions that it follows to those that are saved.

    Args:
        touched: whom something happened to lately.
        settle: brings to its end what ticks have begun to write; called before and after a switch.
        at_point: called at each instant after which a killed process is found in another state.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        ledger: Ledger,
        saved: SavedSegments,
        evaluator: Evaluator,
        touched: Touched,
        settle: Callable[[], None],
        at_point: Callable[[str], None] = _nothing,
    ) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._saved = saved
        self._evaluator = evaluator
        self._touched = touched
        self._settle = settle
        self._at_point = at_point
        self._recording = Recording(warehouse, ledger)
        self._work: _Work | None = None
        self._looked: tuple[Live, dict[int, tuple[frozenset[str], bool]]] = ({}, {})

    def finish(self, now: dt.datetime) -> Filled | None:
        """Finishes what has begun to switch; what was not evaluated to its end is forgotten."""
        self._work = None
        run = self._ledger.unfinished_run(fill=True)
        if run is None:
            return None
        if run.phase == "planned":
            self._warehouse.command(f"DROP TABLE IF EXISTS {_table(run)} SYNC")
            self._ledger.forget_run(run.id)
            return None
        return self._switch(run, now)

    def resume(self, now: dt.datetime) -> Filled | None:
        """Finishes what has begun to switch in a process that was killed; what is under way here goes on later."""
        return self.finish(now) if self._work is None else None

    def step(self, now: dt.datetime, refresh_after: dt.timedelta, batch: int, moved: int) -> Filled | None:
        """Does the next part of a fill; None when there is none to do.

        Args:
            refresh_after: how old cut-offs over everybody may be.
            batch: the last batch that the warehouse has; `moved`: the last move of an id that is done.
        """
        filled = self.resume(now)
        if filled is not None:
            return filled
        work = self._work
        if work is None or work.revision != self._ledger.segments_revision():
            work = self._begin(now, refresh_after, batch, moved)
        if work is None:
            return None
        while True:
            people = self._evaluate_next(work, now)
            if people is None:
                order = msgspec.structs.replace(work.order, cutoffs=_found(work))
                run = self._ledger.advance_run(work.run.id, "evaluated", as_of=now, fill=msgspec.to_builtins(order))
                self._work = None
                self._at_point("fill evaluated")
                return self._switch(run, now, (time.perf_counter() - work.began) * 1000)
            if not work.alone:
                return Filled(people)

    def cutoffs_at(self) -> dict[int, dt.datetime]:
        """When the oldest cut-off that a segment compares with was found, by the segment's number."""
        live = self._saved.live()
        found_at: dict[str, int] = self._ledger.setting(CUT_OFFS_AT) or {}
        instants = {
            segment.number: [found_at[name] for name in self._looks(segment, live)[0] if name in found_at]
            for segment in live.values()
        }
        return {number: instant_of(min(found)) for number, found in instants.items() if found}

    def fresh_cutoffs(self, entity: Entity, now: dt.datetime, refresh_after: dt.timedelta) -> Recorded:
        """The cut-offs over everybody, by name, that a fill would not find anew."""
        prefix = f"{entity.value}: "
        known = self._fresh(self._stale(self._saved.live(), now - refresh_after))
        return {name.removeprefix(prefix): value for name, value in known.items() if name.startswith(prefix)}

    def _fresh(self, stale: frozenset[str]) -> dict[str, float | None]:
        known: dict[str, float | None] = self._ledger.setting(CUT_OFFS) or {}
        return {name: value for name, value in known.items() if name not in stale}

    # --- what is to be done -------------------------------------------------------------------------------------

    def _begin(self, now: dt.datetime, refresh_after: dt.timedelta, batch: int, moved: int) -> _Work | None:
        if self._work is not None:  # else `resume` has looked
            self.finish(now)
        revision = self._ledger.segments_revision()
        live, followed = self._saved.live(), self._saved.recorded()
        stale = self._stale(live, now - refresh_after)
        chosen = self._chosen(live, followed, stale)
        if not chosen:
            return None
        known = self._fresh(stale)
        used = frozenset().union(*(self._looks(segment, live)[0] for segment in live.values()))
        order = Order(tuple(chosen), keep=tuple(sorted(used)))
        run = self._ledger.start_run(now, now, fill=msgspec.to_builtins(order))
        left_over = self._warehouse.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {start:String})",
            {"start": _TABLES},
        )
        for (name,) in left_over:
            self._warehouse.command(f"DROP TABLE IF EXISTS {name} SYNC")
        self._warehouse.command(
            f"CREATE TABLE {_table(run)} (key UInt64, segments Array(UInt32), due_at {INSTANT}, pass UInt32) "
            # What the ledger says was evaluated must be there after a loss of power.
            "ENGINE = ReplacingMergeTree(pass) ORDER BY key SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
        )
        self._at_point("fill planned")
        by_number = {segment.number: segment for segment in live.values()}
        segments = [by_number[each.number] for each in chosen if not each.gone]
        definitions = {
            entity: {s.number: self._saved.definition(s, live) for s in segments if s.entity == entity.value}
            for entity in Entity
        }
        self._work = _Work(
            run,
            order,
            revision,
            batch,
            moved,
            [(entity, part) for entity in Entity if definitions[entity] for part in self._parts(entity)],
            definitions,
            {name: segment.number for name, segment in live.items()},
            known,
            # Who does something changes the answers of others: nothing may happen meanwhile.
            any(self._looks(segment, live)[1] for segment in segments),
            {entity: {} for entity in Entity},
        )
        return self._work

    def _chosen(self, live: Live, followed: Live, stale: frozenset[str]) -> list[Chosen]:
        """The segments that are to be switched: changed ones, those that refer to them, those with old cut-offs."""
        was = {segment.number: segment for segment in followed.values()}
        causes: dict[str, str] = {}
        announced: set[str] = set()
        for name, segment in live.items():
            before = was.get(segment.number)
            if before is not None and before.version == segment.version:
                continue
            cause = "list" if segment.static and before is not None and before.static else "definition"
            together = (name, *referring(self._saved, live, name))
            if segment.announce and cause == "definition":
                announced.update(together)
            for other in together:
                if causes.get(other) != "definition":
                    causes[other] = cause
        for name, segment in live.items():
            if name not in causes and self._looks(segment, live)[0] & stale:
                causes[name] = "time"
        alive = {segment.number for segment in live.values()}
        return [_chosen(live[name], causes[name], announce=name in announced) for name in live if name in causes] + [
            _chosen(each, "definition", gone=True) for number, each in was.items() if number not in alive
        ]

    def _stale(self, live: Live, before: dt.datetime) -> frozenset[str]:
        """Cut-offs that are in use and were found before an instant."""
        found_at: dict[str, int] = self._ledger.setting(CUT_OFFS_AT) or {}
        used = frozenset().union(*(self._looks(segment, live)[0] for segment in live.values()))
        return frozenset(name for name in used if found_at.get(name, 0) <= micros(before))

    def _looks(self, segment: SavedSegment, live: Live) -> tuple[frozenset[str], bool]:
        """The cut-offs that a segment compares with, and whether it looks at more than a profile's own facts."""
        known = self._looked
        if known[0] is not live:
            known = self._looked = (live, {})  # at once: others may be asking
        looked = known[1]
        if segment.number not in looked:
            definition = self._saved.definition(segment, live)
            numbers = {name: each.number for name, each in live.items()}
            context = Context(Frame(_ANY_DAY, self._evaluator.zone), definition.entity, numbers)
            plan = Plan(context)
            plan.add(definition.condition)
            names = frozenset(f"{segment.entity}: {name_of(cut)}" for cut in context.wanted)
            looked[segment.number] = (names, plan.looks_at_accounts)
        return looked[segment.number]

    def _parts(self, entity: Entity) -> list[Scope | None]:
        people: int = self._warehouse.query("SELECT count() FROM profiles")[0][0]
        parts = -(-people // PEOPLE_AT_ONCE)
        # Measures of accounts are gathered from everybody, for each part anew.
        if parts < 2 or entity is Entity.ACCOUNT:
            return [None]
        edges = [2**64 * part // parts for part in range(parts + 1)]
        return [Share(low, high - 1) for low, high in pairwise(edges)]

    # --- evaluating -----------------------------------------------------------------------------------------

    def _evaluate_next(self, work: _Work, now: dt.datetime) -> int | None:
        """How many it looked at of those who were left; None when nobody was."""
        if work.parts:
            entity, part = work.parts.pop(0)
            self._evaluate(work, entity, part, now, OVER_MANY)
            return 0
        if work.alone or not work.definitions[Entity.PROFILE]:
            return None
        keys, work.batch, work.moved = self._touched(work.batch, work.moved)
        if not keys:
            due = f"SELECT key FROM {_table(work.run)} FINAL WHERE due_at <= {{now:{INSTANT}}} LIMIT {_MOST_DUE}"
            keys = [int(row[0]) for row in self._warehouse.query(due, {"now": now})]
        if not keys:
            return None
        # Who is nobody any more is not found by the evaluation, and in nothing.
        work.passes += 1
        self._warehouse.command(
            f"INSERT INTO {_table(work.run)} SELECT arrayJoin({{keys:Array(UInt64)}}), CAST([] AS Array(UInt32)), "
            f"{{never:{INSTANT}}}, {{pass:UInt32}}",
            {"keys": keys, "never": NEVER, "pass": work.passes},
        )
        work.passes += 1
        self._evaluate(work, Entity.PROFILE, Keys(tuple(keys)), now, {})
        return len(keys)

    def _evaluate(
        self, work: _Work, entity: Entity, scope: Scope | None, now: dt.datetime, settings: Mapping[str, Any]
    ) -> None:
        definitions = work.definitions[entity]
        prefix = f"{entity.value}: "
        plan, compiled = self._evaluator.plan(
            list(definitions.values()),
            now,
            numbers=work.numbers,
            scope=scope,
            cutoffs=work.cutoffs[entity],
            recorded={n.removeprefix(prefix): cut for n, cut in work.known.items() if n.startswith(prefix)},
        )
        query = plan.evaluation(dict(zip(definitions, compiled, strict=True)))
        self._warehouse.command(
            f"INSERT INTO {_table(work.run)} SELECT key, segments, due_at, {work.passes} FROM (\n{query.sql}\n) "
            f"WHERE notEmpty(segments) OR due_at < {{never:{INSTANT}}}",
            {**query.parameters, "never": NEVER},
            **settings,
        )

    # --- switching ------------------------------------------------------------------------------------------

    def _switch(self, run: Run, now: dt.datetime, milliseconds: float = 0) -> Filled:
        order = msgspec.convert(run.fill, Order)
        self._settle()
        if run.phase == "evaluated":
            self._record_changes(run, order)
            run = self._ledger.advance_run(run.id, "changed")
            self._at_point("fill changed")
        self._keep(run, order)
        self._at_point("fill kept")
        self._recording.tell(
            run,
            {each.number: Entity(each.entity) for each in order.chosen},
            [each.number for each in order.chosen if each.announce],
        )
        self._at_point("fill told")
        counted = self._recording.counted(run)
        sizes = self._sizes(order)
        found = [
            SizeFound(
                each.number,
                each.version,
                sizes.get(each.number, 0),
                counted.get((each.number, "entered"), 0),
                counted.get((each.number, "left"), 0),
                each.cause,
            )
            for each in order.chosen
            if not each.gone
        ]
        self._keep_cutoffs(run, order)
        gone = [each.number for each in order.chosen if each.gone]
        people = known_profiles(self._warehouse)
        self._ledger.finish_run(run.id, people, milliseconds, found, now, gone=gone)
        self._at_point("fill done")
        self._warehouse.command(f"DROP TABLE IF EXISTS {_table(run)} SYNC")
        self._settle()
        entered = sum(count for (_, change), count in counted.items() if change == "entered")
        return Filled(people, entered, sum(counted.values()) - entered, switched=True)

    def _record_changes(self, run: Run, order: Order) -> None:
        self._recording.take_back(run)
        told = [each for each in order.chosen if not each.static]
        self._warehouse.command(
            f"""INSERT INTO membership_changes
                SELECT key, c.1, {{at:{INSTANT}}}, if(c.2 = 1, 'entered', 'left'),
                       transform(c.1, {{told:Array(UInt32)}}, {{causes:Array(String)}}, ''),
                       transform(c.1, {{told:Array(UInt32)}}, {{versions:Array(UInt32)}}, toUInt32(0)), {{run:UInt64}}
                FROM (
                    SELECT key, groupArrayArrayIf(segments, side = 'found') AS found,
                           groupArrayArrayIf(segments, side = 'held') AS held
                    FROM (
                        SELECT 'found' AS side, key, segments FROM {_table(run)} FINAL WHERE notEmpty(segments)
                        UNION ALL
                        SELECT 'held' AS side, key,
                               arrayFilter(n -> has({{told:Array(UInt32)}}, n), segments) AS segments
                        FROM memberships FINAL WHERE hasAny(segments, {{told:Array(UInt32)}})
                    )
                    GROUP BY key
                )
                ARRAY JOIN arrayConcat(arrayMap(n -> (n, 1), arrayFilter(n -> NOT has(held, n), found)),
                                       arrayMap(n -> (n, 0), arrayFilter(n -> NOT has(found, n), held))) AS c
                WHERE has({{told:Array(UInt32)}}, c.1)""",
            {
                "at": run.as_of,
                "run": run.id,
                "told": [each.number for each in told] or [0],
                "causes": [each.cause for each in told] or [""],
                "versions": [each.version for each in told] or [0],
            },
        )

    def _keep(self, run: Run, order: Order) -> None:
        # Done again, nothing differs. Whose recorded entries and exits others look at is due at once.
        others = "arrayFilter(n -> NOT has({chosen:Array(UInt32)}, n), held)"
        self._warehouse.command(
            f"""INSERT INTO memberships
                SELECT key, next_segments, next_due, {{at:{INSTANT}}}, {{revision:UInt64}}
                FROM (
                    SELECT key, groupArrayArrayIf(segments, side = 'held') AS held,
                           groupArrayArrayIf(segments, side = 'found') AS found,
                           arraySort(arrayConcat({others}, found)) AS next_segments,
                           countIf(side = 'held') AS is_held,
                           if(is_held > 0, minIf(due_at, side = 'held'), {{never:{INSTANT}}}) AS held_due,
                           min(due_at) AS next_due
                    FROM (
                        SELECT 'found' AS side, key, segments, due_at FROM {_table(run)} FINAL
                        UNION ALL
                        SELECT 'held' AS side, key, segments, due_at FROM memberships FINAL
                        WHERE hasAny(segments, {{chosen:Array(UInt32)}}) OR key IN (SELECT key FROM {_table(run)})
                        UNION ALL
                        SELECT DISTINCT 'due' AS side, key, CAST([] AS Array(UInt32)) AS segments,
                               {{at:{INSTANT}}} AS due_at
                        FROM membership_changes
                        WHERE run = {{run:UInt64}} AND has({{crossed:Array(UInt32)}}, segment)
                    )
                    GROUP BY key
                )
                WHERE next_segments != arraySort(held) OR next_due < held_due
                   OR (is_held = 0 AND next_due < {{never:{INSTANT}}})""",
            {
                "at": run.as_of,
                "never": NEVER,
                "run": run.id,
                "chosen": [each.number for each in order.chosen],
                "crossed": sorted(self._saved.crossed(self._saved.live())),
                "revision": self._ledger.next_revision(micros(run.as_of)),
            },
        )

    def _sizes(self, order: Order) -> dict[int, int]:
        rows = self._warehouse.query(
            "SELECT arrayJoin(arrayFilter(n -> has({chosen:Array(UInt32)}, n), segments)) AS number, count() "
            "FROM memberships FINAL WHERE hasAny(segments, {chosen:Array(UInt32)}) GROUP BY number",
            {"chosen": [each.number for each in order.chosen]},
        )
        return {int(number): int(count) for number, count in rows}

    def _keep_cutoffs(self, run: Run, order: Order) -> None:
        cuts: dict[str, float | None] = self._ledger.setting(CUT_OFFS) or {}
        found_at: dict[str, int] = self._ledger.setting(CUT_OFFS_AT) or {}
        used = set(order.keep)
        cuts = {name: cut for name, cut in cuts.items() if name in used} | order.cutoffs
        found_at |= dict.fromkeys(order.cutoffs, micros(run.as_of))
        self._ledger.set_setting(CUT_OFFS, cuts)
        self._ledger.set_setting(CUT_OFFS_AT, {name: at for name, at in found_at.items() if name in cuts})


def _chosen(segment: SavedSegment, cause: str, *, announce: bool = False, gone: bool = False) -> Chosen:
    return Chosen(segment.number, segment.version, segment.entity, segment.static, cause, announce, gone)


def _table(run: Run) -> str:
    return f"{_TABLES}{run.id}"


def _found(work: _Work) -> dict[str, float | None]:
    """The cut-offs that were not known before, by entity and name."""
    named = {f"{entity.value}: {name_of(cut)}": at for entity, cuts in work.cutoffs.items() for cut, at in cuts.items()}
    return {name: value for name, value in named.items() if name not in work.known}
