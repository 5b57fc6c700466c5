"""`python -m bench` (or `make bench`): generates events, asks everybody the same hundred questions, prints ratios.

Each side runs in a process of its own, one after the other, so that memory is its own and the embedded engine's
directory is free; what is compared as a ratio of ours runs in one process, interleaved, best of three.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import ours
from generate import EVENTS_EACH, generate
from others import duckdb_counts, duckdb_sql, pandas_counts, polars_counts
from questions import questions, text
from report import report

FULL = 50_000_000
_SAMPLE = 20  # questions asked one by one; their time is multiplied


def main() -> int:
    """Runs the benchmark, or one side of it."""
    arguments = _arguments()
    if arguments.show:
        parts = questions()
        print(duckdb_sql(parts) if arguments.show == "duckdb" else "\n".join(map(text, parts)))
        return 0
    events = round(FULL * arguments.scale)
    if arguments.side:
        print(json.dumps(_side(arguments.side, arguments.folder, arguments.events or events, arguments.repeat)))
        return 0
    result = _everything(arguments.folder, events, arguments)
    kept = arguments.folder / "result.json"
    kept.write_text(json.dumps(result, indent=1), "utf-8")
    print(report(result))
    return int(not result["agree"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help=f"share of {FULL:,} events")
    parser.add_argument("--folder", type=Path, default=Path(".cache/bench"), help="where the events are kept")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many runs counts")
    parser.add_argument("--show", choices=["segments", "duckdb"], help="print the questions instead")
    parser.add_argument("--growth", nargs="*", type=int, default=[], help="events in the table of growth")
    parser.add_argument("--without", nargs="*", default=[], help="sides to leave out: polars, pandas, growth, load")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--events", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _everything(folder: Path, events: int, arguments: argparse.Namespace) -> dict[str, Any]:
    def ask(side: str, size: int, repeat: int = arguments.repeat) -> dict[str, Any]:
        print(f"… {side} over {size:,} events", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, "--side", side, "--folder", str(folder), "--events", str(size)]
        done = subprocess.run([*command, "--repeat", str(repeat)], stdout=subprocess.PIPE, check=True)
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    small = min(events, FULL // 50)
    found: dict[str, Any] = {"generated": ask("generate", events), "small": small}
    ask("generate", small)
    found["check"] = {side: ask(side, small, 1)["counts"] for side in ("ours", "duckdb", "polars", "pandas")}
    found["agree"] = _agree(found["check"])
    found["run"] = ask("run", events)
    found["ours"] = ask("ours", events)
    found["duckdb"] = ask("duckdb", events, 1)
    if "polars" not in arguments.without:
        found["polars"] = ask("polars", events, 1)
    if "pandas" not in arguments.without:
        found["pandas_events"] = max(events // 10, small)
        ask("generate", found["pandas_events"])
        found["pandas"] = ask("pandas", found["pandas_events"], 1)
    if "load" not in arguments.without:
        found["load"] = ask("load", events)
    found["growth"] = {}
    if "growth" not in arguments.without:
        for size in sorted(arguments.growth or {events // 10, events // 5, events * 2 // 5, events}):
            ask("generate", size)
            found["growth"][str(size)] = ask("growth", size, min(arguments.repeat, 2))
        found["segments"] = ask("segments", events // 5)
    return found


def _agree(counts: dict[str, list[int | None]]) -> bool:
    """Whether everybody who can answer a question answers it as we do; prints where not."""
    agree = True
    for index, part in enumerate(questions()):
        answers = {side: each[index] for side, each in counts.items() if each[index] is not None}
        if len(set(answers.values())) > 1:
            agree = False
            print(f"DIFFERENT: {text(part)}: {answers}", file=sys.stderr)
    return agree


def _side(side: str, folder: Path, events: int, repeat: int) -> dict[str, Any]:
    place = folder / str(events)
    if side == "generate":
        started = time.perf_counter()
        return {**generate(place, events), "seconds": time.perf_counter() - started}
    people = max(events // EVENTS_EACH, 1)
    parts = questions()
    answer: dict[str, Any] = {}
    match side:
        case "duckdb" | "polars" | "pandas":
            count = {"duckdb": duckdb_counts, "polars": polars_counts, "pandas": pandas_counts}[side]
            counts, seconds = count(place, parts, repeat)
            answer = {"counts": counts, "seconds": min(seconds)}
        case "load":
            answer = ours.loading(place, min(events // 10, 1_000_000))
        case "run":
            with ours.open_workspace(place) as workspace:
                ours.save(workspace, parts)
                started = time.perf_counter()
                workspace.run(as_of=ours.AS_OF)
                answer = {"seconds": time.perf_counter() - started}
        case "ours":
            with ours.open_workspace(place) as workspace:
                answer = _ours(workspace, repeat)
                if workspace.segments.list():
                    answer["asked"] = ours.smaller_questions(workspace, people)
        case "growth":
            with ours.open_workspace(place) as workspace:
                answer = _interleaved(
                    {"all": lambda: ours.counts(workspace, parts), "scan": lambda: ours.scan(workspace)}, repeat
                )
        case "segments":
            with ours.open_workspace(place) as workspace:
                answer = _interleaved(
                    {str(n): lambda n=n: ours.counts(workspace, questions(n)) for n in (10, 50, 100, 300)}, repeat
                )
    return {**answer, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _ours(workspace: Any, repeat: int) -> dict[str, Any]:
    parts = questions()
    sample = parts[:: len(parts) // _SAMPLE]
    counts: list[int] = []

    def everybody() -> None:
        counts[:] = ours.counts(workspace, parts)

    seconds = _interleaved(
        {
            "scan": lambda: ours.scan(workspace),
            "all": everybody,
            "due": lambda: ours.with_due(workspace, parts),
            "planning": lambda: ours.planning(workspace, parts),
        },
        repeat,
    )
    started = time.perf_counter()
    single = ours.one_by_one(workspace, sample)
    seconds["single"] = (time.perf_counter() - started) * len(parts) / len(sample)
    assert single == counts[:: len(parts) // _SAMPLE]
    return {"counts": counts, "seconds": seconds, "sample": len(sample)}


def _interleaved(works: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeat):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - started)
    return best


if __name__ == "__main__":
    raise SystemExit(main())
