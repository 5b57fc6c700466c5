"""Ethogram's side: the hundred questions at once, a bare scan of the same columns, one query for each; then the rest.

Reads and writes the generated workspace through `Workspace`; the questions over everybody go through its evaluator, so
that membership alone can be asked, without due instants and without writing state.
"""

# Parts of a run are measured by themselves, which the facade does not offer.
# ruff: noqa: SLF001

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import ethogram
from ethogram.model.segment import Entity
from ethogram.runtime import Workspace
from ethogram.segment.compiler import Compiled
from ethogram.segment.evaluate import OVER_MANY
from ethogram.segment.parser import parse
from ethogram.segment.plan import Plan
from generate import AS_OF, PROPERTIES
from questions import Part, text

# What a scan has to read of each property: whole numbers and others are columns of their own.
_READ = [f"properties.{name}.:{kind}" for name in PROPERTIES for kind in ("String", "Int64", "Float64")]


def open_workspace(folder: Path) -> Workspace:
    return ethogram.open(folder / "workspace")


def counts(workspace: Workspace, parts: list[Part]) -> list[int]:
    """How many people each question finds, all in one query."""
    found = [0] * len(parts)
    for plan, compiled in _plans(workspace, parts):
        query = plan.query(", ".join(f"countIf({each.holds})" for each in compiled))
        counted = workspace._warehouse.query(query.sql, query.parameters, **OVER_MANY)[0]
        found = [before + more for before, more in zip(found, counted, strict=True)]
    return found


def _plans(workspace: Workspace, parts: list[Part]) -> Iterator[tuple[Plan, list[Compiled]]]:
    """A run's plans: one for each share of the people."""
    definitions = [parse(text(part)) for part in parts]
    for scope in workspace._evaluator.shares(Entity.PROFILE):
        yield workspace._evaluator.plan(definitions, AS_OF, numbers={}, scope=scope)


def with_due(workspace: Workspace, parts: list[Part]) -> None:
    """Membership and the next due instant of everybody, thrown away."""
    for plan, compiled in _plans(workspace, parts):
        query = plan.evaluation(dict(enumerate(compiled, start=1)))
        sql = f"SELECT count(), sum(length(segments)), min(due_at) FROM (\n{query.sql}\n)"
        workspace._warehouse.query(sql, query.parameters, **OVER_MANY)


def planning(workspace: Workspace, parts: list[Part]) -> None:
    """What the engine needs before it reads the first row."""
    for plan, compiled in _plans(workspace, parts):
        query = plan.query(", ".join(f"countIf({each.holds})" for each in compiled))
        workspace._warehouse.query("EXPLAIN " + query.sql, query.parameters)


def scan(workspace: Workspace) -> None:
    """Reads the same columns and makes one hash of each row."""
    workspace._warehouse.query(f"SELECT max(cityHash64(profile, ts, event, {', '.join(_READ)})) FROM events")


def one_by_one(workspace: Workspace, parts: list[Part]) -> list[int]:
    return [counts(workspace, [part])[0] for part in parts]


def save(workspace: Workspace, parts: list[Part]) -> None:
    wanted = {f"question {index:03}": text(part) for index, part in enumerate(parts)}
    saved = {version.name: version.text for version in workspace.segments.list()}
    if set(saved) == set(wanted):
        return
    known = workspace._reader.known()
    for name, sentence in wanted.items():
        workspace.segments.save(name, sentence, known=known)


def smaller_questions(workspace: Workspace, people: int) -> dict[str, float]:
    """Milliseconds, best of three, of what a page or a caller asks for; the state of a run must be there."""
    ids = [f"p{number * 7919 % people}" for number in range(1000)]
    asked: dict[str, Callable[[], object]] = {
        "preview of one segment": lambda: workspace.preview("count(purchase in last 90 days) >= 2", as_of=AS_OF),
        "scoped run of 1 person, 100 segments": lambda: workspace.evaluate(ids[:1], as_of=AS_OF),
        "scoped run of 100 people, 100 segments": lambda: workspace.evaluate(ids[:100], as_of=AS_OF),
        "scoped run of 1,000 people, 100 segments": lambda: workspace.evaluate(ids, as_of=AS_OF),
        "members page of 100": lambda: workspace.members("question 000", limit=100),
        "sizes of all segments": workspace.segments.list,
        "overlap of two segments": lambda: workspace.overlap(["question 000", "question 001"]),
    }
    return {name: best(work) * 1000 for name, work in asked.items()}


def loading(folder: Path, rows: int) -> dict[str, float]:
    """Rows per second of a customer's Parquet file through the loader, and of the engine's own insert."""
    place = folder / "loading"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    with ethogram.init(place / "workspace") as workspace:
        warehouse = workspace._warehouse
        source = str(min((folder / "parquet").glob("events-*.parquet")))
        flat, ready = str(place / "flat.parquet"), str(place / "ready.parquet")
        limit = {"source": source, "rows": rows}
        warehouse.command(
            "INSERT INTO FUNCTION file({flat:String}, 'Parquet') SELECT toString(profile) AS profile_id, event, "
            f"ts AS timestamp, toString(rowNumberInAllBlocks()) AS message_id, {', '.join(PROPERTIES)} "
            "FROM file({source:String}, 'Parquet') LIMIT {rows:UInt64}",
            {**limit, "flat": flat},
        )
        started = time.perf_counter()
        summary = workspace.load_events(flat)
        ours = time.perf_counter() - started
        assert summary.accepted == rows, summary
        warehouse.command(
            "INSERT INTO FUNCTION file({ready:String}, 'Parquet') SELECT toString(profile) AS profile_id, event, ts, "
            "toString(properties) AS properties, message_id FROM events",
            {"ready": ready},
        )
        warehouse.command("CREATE TABLE other AS events")
        started = time.perf_counter()
        warehouse.command(
            "INSERT INTO other (profile, ts, event, properties, properties_text, message_id, batch) "
            "SELECT sipHash64(profile_id), ts, event, properties, properties, message_id, 'bench' "
            "FROM file({ready:String}, 'Parquet')",
            {"ready": ready},
        )
        engine = time.perf_counter() - started
    shutil.rmtree(place)
    return {"rows": rows, "ours": rows / ours, "engine": rows / engine}


def best(work: Callable[[], object], repeat: int = 3) -> float:
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
