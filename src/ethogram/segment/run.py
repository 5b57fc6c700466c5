"""A run: every saved segment over everybody, compared with what was, and kept.

Step of the path: segment. Reads definitions (ledger) and facts (warehouse); writes memberships, membership changes
(warehouse) and sizes (ledger). A run is killed at any point and finished by the next one: each phase is recorded in
the ledger, and doing a phase twice gives what doing it once gives.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ethogram.errors import UserError
from ethogram.model.results import RunReport, SegmentSize
from ethogram.model.segment import Definition, Entity, InSegment
from ethogram.segment.evaluate import (
    CUT_OFFS,
    CUT_OFFS_AT,
    KNOWN_ACCOUNTS,
    OVER_MANY,
    CutOffs,
    Evaluator,
    name_of,
)
from ethogram.segment.recording import Recording
from ethogram.segment.saved import SavedSegments
from ethogram.segment.sql import micros
from ethogram.store.ledger import Ledger, Run, SavedSegment, SizeAt, SizeFound
from ethogram.store.schema import INSTANT, NEVER
from ethogram.store.warehouse import Warehouse

# Called when a phase is recorded; tests stop there.
Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Work:
    run: Run
    segments: tuple[SavedSegment, ...]
    recorded: tuple[SavedSegment, ...]
    before: Mapping[int, SizeAt]

    @property
    def table(self) -> str:
        return f"evaluation_{self.run.id}"


class Runner:
    """Runs all saved segments of one workspace."""

    def __init__(self, warehouse: Warehouse, ledger: Ledger, saved: SavedSegments, evaluator: Evaluator) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._saved = saved
        self._evaluator = evaluator
        self._recording = Recording(warehouse, ledger)

    def run(self, as_of: dt.datetime, now: dt.datetime, watch: Watch = lambda _: None) -> RunReport:
        """Evaluates every saved segment at `as_of` and records who entered and who left since the run before.

        Args:
            as_of: the instant to evaluate at; not earlier than the last run's.
            now: the present, for the records.

        Raises:
            UserError: `as_of` lies before the last run; recorded membership does not go back.
        """
        started = time.perf_counter()
        self.finish(now, watch)
        last = self._ledger.last_run(fill=None)
        if last is not None and as_of < last.as_of:
            raise UserError(
                f"the last run was as of {last.as_of.isoformat()}, and {as_of.isoformat()} lies before it",
                hint="Recorded membership does not go back; ask about the past with `--as-of` on `preview`, "
                "`members` and `why`.",
            )
        run = self._ledger.start_run(as_of, now)
        return self._finish(run, now, watch, started)

    def finish(self, now: dt.datetime, watch: Watch = lambda _: None) -> RunReport | None:
        """Finishes a run that was cut off, if there is one."""
        unfinished = self._ledger.unfinished_run()
        return None if unfinished is None else self._finish(unfinished, now, watch, time.perf_counter())

    def _finish(self, run: Run, now: dt.datetime, watch: Watch, started: float) -> RunReport:
        work = _Work(run, self._ledger.segments(), self._ledger.recorded_segments(), self._ledger.sizes_now())
        if run.phase == "planned":
            self._evaluate(work)
            run = self._ledger.advance_run(run.id, "evaluated")
            watch("evaluated")
        if run.phase == "evaluated":
            self._record_changes(work)
            run = self._ledger.advance_run(run.id, "changed")
            watch("changed")
        self._keep(work)
        watch("kept")
        segments = (*work.recorded, *work.segments)
        self._recording.tell(
            run,
            {segment.number: Entity(segment.entity) for segment in segments},
            [segment.number for segment in work.segments if segment.announce],
        )
        watch("told")
        report = self._report(work, (time.perf_counter() - started) * 1000)
        found = {segment.name: segment for segment in work.segments}
        sizes = [
            SizeFound(found[s.name].number, found[s.name].version, s.size, s.entered, s.left) for s in report.segments
        ]
        self._ledger.finish_run(run.id, report.population, report.milliseconds, sizes, now)
        self._warehouse.command(f"DROP TABLE IF EXISTS {work.table} SYNC")
        return report

    # --- phases ---------------------------------------------------------------------------------------------

    def _evaluate(self, work: _Work) -> None:
        self._warehouse.command(f"DROP TABLE IF EXISTS {work.table} SYNC")
        self._warehouse.command(
            f"CREATE TABLE {work.table} (entity Enum8('profile' = 0, 'account' = 1), key UInt64, "
            f"segments Array(UInt32), due_at {INSTANT}) ENGINE = MergeTree ORDER BY key "
            # What the ledger says was evaluated must be there after a loss of power.
            "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
        )
        live = {segment.name: segment for segment in work.segments}
        numbers = {segment.name: segment.number for segment in work.segments}
        found: dict[str, float | None] = {}
        for entity in Entity:
            cutoffs: CutOffs = {}
            chosen = [segment for segment in work.segments if segment.entity == entity.value]
            if not chosen and entity is Entity.ACCOUNT:
                continue
            definitions = [self._definition(segment, live) for segment in chosen]
            for scope in self._evaluator.shares(entity):
                plan, compiled = self._evaluator.plan(
                    definitions, work.run.as_of, numbers=numbers, scope=scope, cutoffs=cutoffs
                )
                query = plan.evaluation({s.number: holds for s, holds in zip(chosen, compiled, strict=True)})
                self._warehouse.command(
                    f"INSERT INTO {work.table} SELECT '{entity.value}', key, segments, due_at FROM (\n{query.sql}\n)",
                    query.parameters,
                    **OVER_MANY,
                )
            found |= {f"{entity.value}: {name_of(cut)}": value for cut, value in cutoffs.items()}
        self._ledger.set_setting(CUT_OFFS, found)
        self._ledger.set_setting(CUT_OFFS_AT, dict.fromkeys(found, micros(work.run.as_of)))

    def _definition(self, segment: SavedSegment, live: dict[str, SavedSegment]) -> Definition:
        if segment.text is None:
            return Definition(InSegment(segment.name), Entity(segment.entity))
        return self._saved.expanded(self._saved.parsed(segment.text), live, segment.name)

    def _record_changes(self, work: _Work) -> None:
        self._recording.take_back(work.run)
        recorded = {segment.number: segment.version for segment in work.recorded}
        gone = recorded.keys() - {segment.number for segment in work.segments}
        dynamic = [segment for segment in work.segments if not segment.static]
        edited = [segment.number for segment in dynamic if recorded.get(segment.number) != segment.version]
        # Who was in a segment that was deleted has left it.
        dynamic += [segment for segment in work.recorded if segment.number in gone and not segment.static]
        edited += gone
        entered = "arrayMap(n -> (n, 1), arrayFilter(n -> NOT has(held, n), found))"
        left = "arrayMap(n -> (n, 0), arrayFilter(n -> NOT has(found, n), held))"
        self._warehouse.command(
            f"""INSERT INTO membership_changes
                SELECT key, c.1, {{at:{INSTANT}}}, if(c.2 = 1, 'entered', 'left'),
                       if(has({{edited:Array(UInt32)}}, c.1), 'definition', 'run'),
                       transform(c.1, {{dynamic:Array(UInt32)}}, {{versions:Array(UInt32)}}, toUInt32(0)),
                       {{run:UInt64}}
                FROM (
                    SELECT if(n.key = 0, o.key, n.key) AS key, n.segments AS found, o.segments AS held
                    FROM {work.table} AS n FULL OUTER JOIN (SELECT key, segments FROM memberships FINAL) AS o
                    ON n.key = o.key
                    WHERE found != held
                )
                ARRAY JOIN arrayConcat({entered}, {left}) AS c
                WHERE has({{dynamic:Array(UInt32)}}, c.1)""",
            {
                "at": work.run.as_of,
                "run": work.run.id,
                "edited": edited,
                "dynamic": [segment.number for segment in dynamic] or [0],
                "versions": [segment.version for segment in dynamic] or [0],
            },
        )

    def _keep(self, work: _Work) -> None:
        # Rows replace each other by revision, so writing them twice is writing them once. Whoever becomes known later
        # is in nothing yet, and due then; whose recorded entries and exits others look at is due at once.
        live = {segment.name: segment for segment in work.segments}
        self._warehouse.command(
            f"""INSERT INTO memberships
                SELECT if(n.key = 0, o.key, n.key), n.segments,
                       if(n.key = 0, {{never:{INSTANT}}}, n.due_at) AS due, {{at:{INSTANT}}}, {{revision:UInt64}}
                FROM (
                    SELECT key, segments, if(key IN (
                        SELECT key FROM membership_changes
                        WHERE run = {{run:UInt64}} AND has({{crossed:Array(UInt32)}}, segment)
                    ), {{at:{INSTANT}}}, due_at) AS due_at FROM {work.table}
                    UNION ALL
                    SELECT profile AS key, CAST([] AS Array(UInt32)) AS segments, min(known_at) AS due_at
                    FROM profiles GROUP BY profile HAVING min(known_at) > {{at:{INSTANT}}}
                    UNION ALL
                    SELECT account AS key, CAST([] AS Array(UInt32)) AS segments, min(known_at) AS due_at
                    FROM ({KNOWN_ACCOUNTS}) GROUP BY account HAVING min(known_at) > {{at:{INSTANT}}}
                ) AS n
                FULL OUTER JOIN (SELECT key, segments, due_at FROM memberships FINAL) AS o ON n.key = o.key
                WHERE n.segments != o.segments OR due != o.due_at OR o.key = 0""",
            {
                "at": work.run.as_of,
                "never": NEVER,
                "run": work.run.id,
                "crossed": sorted(self._saved.crossed(live)),
                "revision": self._ledger.next_revision(micros(work.run.started_at)),
            },
        )

    def _report(self, work: _Work, milliseconds: float) -> RunReport:
        sizes = dict(
            self._warehouse.query(f"SELECT arrayJoin(segments) AS number, count() FROM {work.table} GROUP BY number")
        )
        populations = dict(self._warehouse.query(f"SELECT toString(entity), count() FROM {work.table} GROUP BY entity"))
        moved = self._recording.counted(work.run)
        segments = []
        for segment in work.segments:
            size = int(sizes.get(segment.number, 0))
            population = int(populations.get(segment.entity, 0))
            segments.append(
                SegmentSize(
                    name=segment.name,
                    english=segment.english,
                    size=size,
                    share=size / population if population else 0.0,
                    entered=int(moved.get((segment.number, "entered"), 0)),
                    left=int(moved.get((segment.number, "left"), 0)),
                    previous=work.before[segment.number].size if segment.number in work.before else None,
                )
            )
        due = self._warehouse.query(
            f"SELECT min(due_at), count() FROM {work.table} WHERE due_at < {{never:{INSTANT}}}", {"never": NEVER}
        )[0]
        return RunReport(
            as_of=work.run.as_of,
            population=int(populations.get("profile", 0)),
            segments=tuple(segments),
            entered=sum(s.entered for s in segments),
            left=sum(s.left for s in segments),
            milliseconds=milliseconds,
            next_due_at=due[0] if due[1] else None,
        )
