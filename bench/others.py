"""The same hundred questions in DuckDB's SQL, in Polars and in pandas, each over its own copy of the events.

Every function returns how many people each question finds, or None where the tool has no plain way to say it. All data
is in the tool's own memory or file format before the clock starts.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from generate import AS_OF, MIX, PROPERTIES
from questions import Both, Measure, Part, Recency, Rows, Sequence, Trait, Trend, Without, literal

Counts = list[int | None]
_NAMES = [*MIX, "signup"]
_DAY = 86_400_000_000


# --- DuckDB: one query --------------------------------------------------------------------------------------------


def _at(days: float) -> str:
    return f"(TIMESTAMP '{AS_OF:%Y-%m-%d %H:%M:%S}' - INTERVAL {days:g} DAY)"


def _filter(rows: Rows) -> str:
    tests = [f"event = '{rows.event}'"] if rows.event != "any" else []
    tests += [f"{w.property} {w.operator} {literal(w.value)}" for w in rows.where]
    if rows.days is not None:
        tests.append(f"ts > {_at(rows.shift + rows.days)}")
        tests.append(f"ts <= {_at(rows.shift)}")
    return f"FILTER ({' AND '.join(tests) or 'true'})".replace("FILTER (", "FILTER (WHERE ")


def _grouped(part: Part) -> str:
    """A part as a condition over aggregates; traits are joined later and stand as names."""
    match part:
        case Measure(function, rows, operator, value, name):
            aggregate = {
                "count": "count(*)", "sum": f"sum({name})", "avg": f"avg({name})", "max": f"max({name})",
                "distinct": f"count(DISTINCT {name})", "active_days": "count(DISTINCT ts::DATE)",
                "last": f"arg_max({name}, ts)",
            }[function]  # fmt: skip
            return f"coalesce({aggregate} {_filter(rows)} {operator} {literal(value)}, false)"
        case Recency(edge, rows, inside, days):
            aggregate = "max(ts)" if edge == "last" else "min(ts)"
            return f"coalesce({aggregate} {_filter(rows)} {'>' if inside else '<'} {_at(days)}, false)"
        case Trend(event, days, operator, factor):
            now, before = Rows(event, days), Rows(event, days, days)
            return f"count(*) {_filter(now)} {operator} {factor} * count(*) {_filter(before)}"
        case Sequence(first, then, hours, days, negated):
            a, b = (f"coalesce(list(ts) {_filter(Rows(event, days))}, [])" for event in (first, then))
            end = f"a + INTERVAL {hours} HOUR"
            if negated:
                missing = f"len(list_filter({b}, lambda b: b > a AND b <= {end})) = 0"
                return f"len(list_filter({a}, lambda a: {end} <= {_at(0)} AND {missing})) > 0"
            return f"len(list_filter({a}, lambda a: len(list_filter({b}, lambda b: b > a AND b <= {end})) > 0)) > 0"
        case Trait(name, value):
            return f"any_value({name}) = {literal(value)}"
        case Both(parts):
            return "(" + " AND ".join(_grouped(each) for each in parts) + ")"
        case Without(inner):
            return f"(NOT {_grouped(inner)})"


def duckdb_sql(parts: list[Part]) -> str:
    """One query for all questions. Traits, of which each person has one row, are carried along by the join."""
    columns = ",\n".join(f"  {_grouped(part)} AS q{index}" for index, part in enumerate(parts))
    counts = ", ".join(f"count(*) FILTER (WHERE q{index})" for index in range(len(parts)))
    source = "events"
    if "any_value(" in columns:
        source = "events JOIN traits USING (profile)"
    return f"SELECT {counts}\nFROM (\nSELECT profile,\n{columns}\nFROM {source}\nGROUP BY profile\n)"


def duckdb_counts(folder: Path, parts: list[Part], repeat: int) -> tuple[Counts, list[float]]:
    import duckdb

    file = folder / "others.duckdb"
    fresh = not file.exists()
    with duckdb.connect(str(file)) as connection:
        if fresh:
            names = ", ".join(f"'{name}'" for name in _NAMES)
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"CREATE TYPE event_name AS ENUM ({names})")
            connection.execute(
                f"CREATE TABLE events AS SELECT profile, ts::TIMESTAMP AS ts, event::event_name AS event, "
                f"{', '.join(PROPERTIES)} FROM read_parquet('{folder}/parquet/events-*.parquet')"
            )
            connection.execute(f"CREATE TABLE traits AS FROM read_parquet('{folder}/parquet/traits.parquet')")
            connection.execute("CHECKPOINT")
        seconds, found = _timed(lambda: connection.execute(duckdb_sql(parts)).fetchone(), repeat)
    assert found is not None
    return list(found), seconds


# --- Polars: one lazy query ---------------------------------------------------------------------------------------


def _polars(part: Part) -> Any:
    import polars as pl

    def kept(rows: Rows) -> Any:
        mask = pl.lit(True) if rows.event == "any" else pl.col("event") == rows.event
        for w in rows.where:
            column = pl.col(w.property)
            mask &= column == w.value if w.operator == "=" else column > w.value
        if rows.days is not None:
            low, high = (_micros() - _DAY * days for days in (rows.shift + rows.days, rows.shift))
            mask &= (pl.col("at") > low) & (pl.col("at") <= high)
        return mask

    match part:
        case Measure(function, rows, operator, value, name):
            mask = kept(rows)
            column = pl.col(name or "at")
            measure = {
                "count": mask.sum,
                "sum": lambda: column.filter(mask).sum(),
                "avg": lambda: column.filter(mask).mean(),
                "max": lambda: column.filter(mask).max(),
                "distinct": lambda: column.filter(mask).n_unique(),
                "active_days": lambda: (pl.col("at") // _DAY).filter(mask).n_unique(),
                "last": lambda: column.filter(mask).sort_by(pl.col("at").filter(mask)).last(),
            }[function]()
            return measure == value if operator == "=" else measure > value if operator == ">" else measure >= value
        case Recency(edge, rows, inside, days):
            times = pl.col("at").filter(kept(rows))
            at = times.max() if edge == "last" else times.min()
            edge_at = _micros() - _DAY * days
            return at > edge_at if inside else at < edge_at
        case Trend(event, days, operator, factor):
            now, before = (kept(Rows(event, days, shift)).sum() for shift in (0, days))
            return now < factor * before if operator == "<" else now > factor * before
        case Sequence():
            return None
        case Trait(name, value):
            return pl.col(name).first() == value
        case Both(parts):
            each = [_polars(inner) for inner in parts]
            return each[0] & each[1]
        case Without(inner):
            return ~_polars(inner).fill_null(value=False)


def polars_counts(folder: Path, parts: list[Part], repeat: int) -> tuple[Counts, list[float]]:
    """Sequences are left out: an aggregate that looks at two lists at once is not plain Polars."""
    import polars as pl

    asked = {f"q{index}": found for index, part in enumerate(parts) if (found := _polars(part)) is not None}
    traits = pl.scan_parquet(folder / "parquet" / "traits.parquet")
    query = (
        pl.scan_parquet(folder / "parquet" / "events-*.parquet")
        .with_columns(pl.col("event").cast(pl.Enum(_NAMES)), pl.col("ts").dt.epoch("us").alias("at"))
        .join(traits, on="profile")
        .group_by("profile")
        .agg(**asked)
        .select(pl.exclude("profile").sum())
    )
    seconds, frame = _timed(lambda: query.collect(engine="streaming"), repeat)
    found = frame.row(0, named=True)
    return [found.get(f"q{index}") for index in range(len(parts))], seconds


# --- pandas: one pass per question ----------------------------------------------------------------------------------


def pandas_counts(folder: Path, parts: list[Part], repeat: int) -> tuple[Counts, list[float]]:
    import pandas as pd

    frame = pd.read_parquet(sorted((folder / "parquet").glob("events-*.parquet")))
    traits = pd.read_parquet(folder / "parquet" / "traits.parquet").set_index("profile")
    frame["at"] = frame.pop("ts").dt.tz_localize(None).astype("datetime64[us]").astype("int64")
    for name in ("event", "category", "device", "campaign"):
        frame[name] = frame[name].astype("category")
    people = traits.index

    def kept(rows: Rows) -> Any:
        mask = frame["at"] <= _micros()
        if rows.event != "any":
            mask &= frame["event"] == rows.event
        for w in rows.where:
            mask &= frame[w.property] == w.value if w.operator == "=" else frame[w.property] > w.value
        if rows.days is not None:
            mask &= frame["at"] > _micros() - _DAY * (rows.shift + rows.days)
            mask &= frame["at"] <= _micros() - _DAY * rows.shift
        return frame.loc[mask]

    def holds(part: Part) -> Any:
        match part:
            case Measure(function, rows, operator, value, name):
                chosen = kept(rows)
                groups = chosen.groupby("profile")
                if function == "active_days":
                    groups = chosen.assign(day=chosen["at"] // _DAY).groupby("profile")
                    measure = groups["day"].nunique()
                elif function == "count":
                    measure = groups.size()
                elif function == "last":
                    measure = chosen.sort_values("at").groupby("profile")[name].last()
                else:
                    method = {"avg": "mean", "distinct": "nunique"}.get(function, function)
                    measure = getattr(groups[name], method)()
                if operator == "=":
                    found = measure == value
                else:
                    found = measure > value if operator == ">" else measure >= value
                return found.reindex(people, fill_value=False)
            case Recency(edge, rows, inside, days):
                times = kept(rows).groupby("profile")["at"]
                at = times.max() if edge == "last" else times.min()
                edge_at = _micros() - _DAY * days
                return (at > edge_at if inside else at < edge_at).reindex(people, fill_value=False)
            case Trend(event, days, operator, factor):
                now, before = (
                    kept(Rows(event, days, shift)).groupby("profile").size().reindex(people, fill_value=0)
                    for shift in (0, days)
                )
                return now < factor * before if operator == "<" else now > factor * before
            case Sequence():
                return None
            case Trait(name, value):
                return traits[name] == value
            case Both(inner):
                return holds(inner[0]) & holds(inner[1])
            case Without(inner):
                return ~holds(inner)

    def all_counts() -> Counts:
        found = (holds(part) for part in parts)
        return [None if each is None else int(each.sum()) for each in found]

    seconds, counts = _timed(all_counts, repeat)
    return counts, seconds


def _micros() -> int:
    return int(AS_OF.timestamp()) * 1_000_000


def _timed(work: Any, repeat: int) -> tuple[list[float], Any]:
    seconds, result = [], None
    for _ in range(repeat):
        started = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - started)
    return seconds, result
