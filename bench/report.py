"""What was measured, as Markdown tables: ratios first, then seconds."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

_WANTED_MS = {
    "scoped run of 1 person, 100 segments": 20,
    "scoped run of 100 people, 100 segments": 60,
    "members page of 100": 50,
}


def report(found: dict[str, Any]) -> str:
    """The tables for `docs/benchmarks.md`."""
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    made, ours, run = found["generated"], found["ours"], found["run"]
    seconds = ours["seconds"]
    a = seconds["all"]
    versions = ", ".join(f"{name} {version(name)}" for name in ("chdb", "duckdb", "polars", "pandas"))
    yield f"{made['events']:,} events of {made['people']:,} people; Python {platform.python_version()}, {versions}."
    agreed = "the same counts" if found["agree"] else "DIFFERENT COUNTS"
    yield f"On {found['small']:,} events everybody finds {agreed}."
    yield ""
    yield "| 100 segments over everybody | seconds | of (a) | wanted |"
    yield "|---|---|---|---|"
    yield f"| (a) Ethogram, membership, one query | {a:.1f} | 1 | |"
    yield f"|   of this planning, before the first row | {seconds['planning']:.2f} | {seconds['planning'] / a:.2f} | |"
    yield f"|   with due instants | {seconds['due']:.1f} | {seconds['due'] / a:.2f} | |"
    whole = "the whole run: due instants, changes and state written"
    yield f"|   {whole} | {run['seconds']:.1f} | {run['seconds'] / a:.2f} | |"
    yield f"| (b) bare scan of the same columns | {seconds['scan']:.2f} | (a) is {a / seconds['scan']:.1f} × | ≤ 4 × |"
    single = seconds["single"]
    yield f"| (c) one query for each, from {ours['sample']} of 100 | {single:.0f} | {single / a:.1f} × | ≥ 10 × |"
    duck = found["duckdb"]
    yield f"| (d) DuckDB, one query | {duck['seconds']:.1f} | {duck['seconds'] / a:.1f} × | ≥ 5 × |"
    if "polars" in found:
        asked = sum(count is not None for count in found["polars"]["counts"])
        polars = found["polars"]["seconds"]
        yield f"| (e) Polars, one lazy query, {asked} of 100 | {polars:.1f} | {polars / a:.1f} × | |"
    if "pandas" in found:
        asked = sum(count is not None for count in found["pandas"]["counts"])
        pandas = found["pandas"]["seconds"]
        times = made["wanted"] / found["pandas_events"]
        yield (
            f"| (f) pandas, {asked} of 100, over {found['pandas_events']:,} events | {pandas:.1f} "
            f"| {pandas * times / a:.1f} × for as many events | |"
        )
    yield ""
    yield "| peak memory of the process | MB | wanted |"
    yield "|---|---|---|"
    yield f"| Ethogram, the whole run | {run['peak_mb']:,.0f} | ≤ 4,096 |"
    for side in ("duckdb", "polars", "pandas"):
        if side in found:
            yield f"| {side} | {found[side]['peak_mb']:,.0f} | |"
    yield ""
    yield "| asked of a workspace in use | ms | wanted |"
    yield "|---|---|---|"
    for name, milliseconds in ours.get("asked", {}).items():
        wanted = f"≤ {_WANTED_MS[name]}" if name in _WANTED_MS else ""
        yield f"| {name} | {milliseconds:,.0f} | {wanted} |"
    if "load" in found:
        load = found["load"]
        yield ""
        yield f"| loading {load['rows']:,} events from Parquet | rows/s | of the engine's | wanted |"
        yield "|---|---|---|---|"
        share = load["ours"] / load["engine"]
        yield f"| Ethogram: checked, accepted, stored | {load['ours']:,.0f} | {share:.2f} | ≥ 0.5 |"
        yield f"| the engine's own INSERT … SELECT | {load['engine']:,.0f} | 1 | |"
    if found["growth"]:
        yield ""
        yield "| events | (a) seconds | per million | (a) / (b) |"
        yield "|---|---|---|---|"
        for size, each in found["growth"].items():
            million = each["all"] / int(size) * 1e6
            yield f"| {int(size):,} | {each['all']:.2f} | {million:.3f} | {each['all'] / each['scan']:.1f} |"
        yield ""
        yield f"| segments, over {made['wanted'] // 5:,} events | seconds | per segment, ms |"
        yield "|---|---|---|"
        for count in ("10", "50", "100", "300"):
            taken = found["segments"][count]
            yield f"| {count} | {taken:.2f} | {taken / int(count) * 1000:.0f} |"
