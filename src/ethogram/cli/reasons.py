"""Verbs that show the work: `why` for a person, `explain` for a segment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethogram.cli import wording
from ethogram.cli.context import (
    AsOf,
    as_of_option,
    json_option,
    opened,
    read_text,
    resolved,
    workspace_option,
    zone_of,
)
from ethogram.cli.define import show_text
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible, visible_lines
from ethogram.cli.output import Output, Part

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ethogram.model.results import ConditionState, Explanation, Why

_SHOWN_EVIDENCE = 3


@click.command(
    cls=Verb,
    examples=(
        "ethogram why regulars 17850",
        'ethogram why "count(purchase in last 30 days) >= 3" 17850  # a text does as well as a name',
        "ethogram why regulars 17850 --as-of 2026-01-31",
    ),
)
@click.argument("segment")
@click.argument("profile_id", metavar="ID")
@click.option("--evidence", type=click.IntRange(0), default=_SHOWN_EVIDENCE, help="How many events a condition shows.")
@as_of_option
@json_option
@workspace_option
def why(segment: str, profile_id: str, evidence: int, as_of: AsOf, as_json: bool) -> None:
    """Show why a person is in a segment, or is not.

    Each condition with its value, the events behind it, when it changes by itself, and what is missing to enter.
    """
    out = Output()
    with opened() as workspace:
        found = workspace.why(read_text(segment, None), profile_id, as_of=resolved(as_of, workspace))
        if as_json:
            out.json(found)
        else:
            show_why(out, found, zone_of(workspace), evidence=evidence)


def show_why(out: Output, found: Why, zone: ZoneInfo, *, evidence: int = _SHOWN_EVIDENCE) -> None:
    """Prints the conditions as an indented tree."""
    verdict: Part = ("is in", "bold green") if found.member else ("is not in", "bold red")
    out.line((visible(found.profile_id), "bold cyan"), " ", verdict, " ", (visible(found.segment), "bold"))
    out.line(visible(found.english), indent=2)
    out.line((f"as of {wording.instant(found.as_of, zone, seconds=True)} {zone.key}", "dim"), indent=2)
    if found.changes_at is not None:
        told = f"without a further event this changes {wording.instant(found.changes_at, zone, seconds=True)}"
        out.line((told, "yellow"), indent=2)
    if found.cutoffs_at is not None:
        told = f"cut-offs over everybody as of {wording.instant(found.cutoffs_at, zone, seconds=True)}"
        out.line((told, "dim"), indent=2)
    out.blank()
    for condition in found.conditions:
        _show_condition(out, condition, zone, evidence)


def _show_condition(out: Output, condition: ConditionState, zone: ZoneInfo, evidence: int) -> None:
    at = condition.depth * 2
    parts: list[Part] = [visible(condition.english)]
    if condition.value is not None:
        parts.append((f"  [{wording.value(condition.value, limit=80)}]", "bold"))
    out.item(out.mark(condition.holds), *parts, indent=at)
    if condition.missing is not None and not condition.holds:
        out.line(("missing: ", "red"), visible(condition.missing), indent=at + 4)
    if condition.changes_at is not None:
        out.line((f"changes {wording.instant(condition.changes_at, zone, seconds=True)}", "yellow"), indent=at + 4)
    for each in condition.evidence[:evidence]:
        when = wording.instant(each.at, zone, seconds=True)
        said = f"{visible(each.event)}  {wording.pairs(each.properties)}".rstrip()
        out.item((when, "dim"), (said, "dim"), indent=at + 4)
    if len(condition.evidence) > evidence > 0:
        out.line((f"… and {len(condition.evidence) - evidence} more", "dim"), indent=at + 4)


@click.command(
    cls=Verb,
    examples=(
        "ethogram explain regulars",
        "ethogram explain -f segment.txt --json  # with the tree",
    ),
)
@click.argument("segment", required=False)
@click.option(
    "--file",
    "-f",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
    help="Read the text from a file; `-` reads standard input.",
)
@as_of_option
@json_option
@workspace_option
def explain(segment: str | None, file: Path | None, as_of: AsOf, as_json: bool) -> None:
    """Show how a segment is understood and what it costs.

    Its text, its English, the query, the measured cost, and the names of the events that can change an answer.
    """
    text = read_text(segment, file, what="a segment's name or text")
    out = Output()
    with opened() as workspace:
        found, zone = workspace.explain(text, as_of=resolved(as_of, workspace)), zone_of(workspace)
    if as_json:
        out.json(found)
    else:
        show_explanation(out, found, zone)


def show_explanation(out: Output, found: Explanation, zone: ZoneInfo) -> None:
    """Prints an explanation, the query last and unfolded."""
    out.line((visible(found.english), "bold"))
    out.blank()
    show_text(out, found.text)
    out.blank()
    wakes = "every event" if "any" in found.wakes_on else ", ".join(visible(name) for name in found.wakes_on)
    cost = (
        f"{wording.length(found.milliseconds / 1000)}, {wording.counted(found.rows_read, 'row')}, "
        f"{wording.size(found.bytes_read)} read"
    )
    facts = [("woken by", wakes or "time and traits only"), ("cost", cost)]
    if found.cutoffs_at is not None:
        facts.append(("cut-offs", f"over everybody as of {wording.instant(found.cutoffs_at, zone, seconds=True)}"))
    out.facts(facts)
    out.blank()
    out.line(("query", "bold"))
    show_text(out, visible_lines(found.sql))
    if found.parameters:
        out.line(("parameters", "bold"))
        out.facts([("  " + visible(name), wording.value(held)) for name, held in found.parameters.items()])
