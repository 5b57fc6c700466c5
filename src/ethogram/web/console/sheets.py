"""Answers of explore as files for spreadsheets: text that a spreadsheet would take for a formula is made harmless."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from typing import assert_never

from litestar import Response

from ethogram.exploring import Answer, Funnel, Paths, Retention, Trend
from ethogram.model.spreadsheets import formula_proof

Cell = str | int | float | dt.date | dt.timedelta | None


def sheet(name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response[bytes]:
    """A file that a browser keeps under a name."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([formula_proof(column) for column in columns])
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return Response(
        text.getvalue().encode("utf-8", "backslashreplace"),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def table_of(answer: Answer) -> tuple[list[str], list[list[Cell]]]:
    """The numbers of an answer: titles of columns, and rows."""
    match answer:
        case Trend():
            return _trend(answer)
        case Funnel():
            return ["value", "step", "event", "people", "share", "kept", "median_seconds"], [
                [value, at, step.event, step.people, step.share, step.kept, step.median]
                for value, steps in ((None, answer.steps), *((part.value, part.steps) for part in answer.parts))
                for at, step in enumerate(steps, 1)
            ]
        case Retention():
            widest = max((len(cohort.returned) for cohort in answer.cohorts), default=0)
            return ["start", "people", *(f"{answer.unit}_{number}" for number in range(widest))], [
                [cohort.start, cohort.people, *cohort.returned, *[None] * (widest - len(cohort.returned))]
                for cohort in answer.cohorts
            ]
        case Paths():
            longest = max((len(path.events) for path in answer.paths), default=0)
            return [*(f"event_{number + 1}" for number in range(longest)), "sessions", "people"], [
                [*path.events, *[None] * (longest - len(path.events)), path.sessions, path.people]
                for path in answer.paths
            ]
        case _:
            assert_never(answer)


def _trend(answer: Trend) -> tuple[list[str], list[list[Cell]]]:
    columns = ["start", "events", "people", "sum", "mean", "median"]
    earlier = answer.before.points if answer.before is not None else ()
    columns += ["events_before", "people_before"] if earlier else []
    columns += [f"events: {'all others' if each.value is None else each.value}" for each in answer.series]
    rows: list[list[Cell]] = []
    for at, point in enumerate(answer.points):
        row: list[Cell] = [point.start, point.events, point.people, point.sum, point.mean, point.median]
        if earlier:
            row += [earlier[at].events, earlier[at].people] if at < len(earlier) else [None, None]
        rows.append([*row, *(each.points[at].events for each in answer.series)])
    return columns, rows


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return formula_proof(cell)
    if isinstance(cell, dt.timedelta):
        return str(cell.total_seconds())
    return cell.isoformat() if isinstance(cell, dt.date) else str(cell)
