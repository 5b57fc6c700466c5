"""Verbs over several runs or several segments: `history`, `overlap`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ethogram.cli import wording
from ethogram.cli.context import AsOf, as_of_option, json_option, opened, resolved, workspace_option, zone_of
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output, Part

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ethogram.model.results import HistoryPoint, Overlap

_SHOWN_COMBINATIONS = 15


@click.command(cls=Verb, examples=("ethogram history regulars", "ethogram history regulars --limit 100 --json"))
@click.argument("segment")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many runs to show, newest.")
@json_option
@workspace_option
def history(segment: str, limit: int, as_json: bool) -> None:
    """Show a segment's size over time, with who entered and left.

    With --json: {"segment", "points": [...]}, oldest first.
    """
    out = Output()
    with opened() as workspace:
        points = tuple(sorted(workspace.history(segment), key=lambda point: point.at))[-limit:]
        if as_json:
            out.json({"segment": segment, "points": points})
        else:
            show_history(out, segment, points, zone_of(workspace))


def show_history(out: Output, segment: str, points: tuple[HistoryPoint, ...], zone: ZoneInfo) -> None:
    """Prints the course of a segment's size, oldest first."""
    if not points:
        out.line("No run has computed ", (visible(segment), "cyan"), " yet.")
        out.note(("next: ", "dim"), "ethogram run")
        return
    sizes = [point.size for point in points]
    bars = wording.sparkline(sizes, ascii_only=out.ascii_only)
    out.line(
        (visible(segment), "bold cyan"), "  ", bars, f"  {wording.number(min(sizes))} – {wording.number(max(sizes))}"
    )
    out.blank()
    out.table(
        (
            Column(f"at ({zone.key})", style="dim"),
            Column("people", "right"),
            Column("entered", "right"),
            Column("left", "right"),
            Column("version", "right"),
            Column("cause", fold=True),
        ),
        [
            (
                wording.instant(point.at, zone),
                wording.number(point.size),
                _moved(point.entered, "green"),
                _moved(-point.left, "red"),
                str(point.version),
                visible(point.cause),
            )
            for point in points
        ],
    )


def _moved(by: int, style: str) -> Part:
    return (wording.signed(by), style) if by else ("–", "dim")


@click.command(cls=Verb, examples=("ethogram overlap regulars lapsing vips", "ethogram overlap a b --json"))
@click.argument("segments", metavar="SEGMENT SEGMENT...", nargs=-1, required=True)
@as_of_option
@json_option
@workspace_option
def overlap(segments: tuple[str, ...], as_of: AsOf, as_json: bool) -> None:
    """Show how segments overlap: each pair, and each exact combination."""
    if len(set(segments)) < 2:
        raise click.UsageError("Name at least two segments.")
    out = Output()
    with opened() as workspace:
        found = workspace.overlap(tuple(dict.fromkeys(segments)), as_of=resolved(as_of, workspace))
        if as_json:
            out.json(found)
        else:
            show_overlap(out, found, zone_of(workspace))


def show_overlap(out: Output, found: Overlap, zone: ZoneInfo) -> None:
    """Prints the pairs as a matrix, then who is in exactly which of them."""
    out.line((f"people in both, and their share of the segment at the left; {_as_of(found, zone)}", "dim"))
    columns = [Column("", style="cyan"), Column("people", "right")]
    columns += [Column(visible(name), "right") for name in found.names]
    out.table(columns, [_row(found, name) for name in found.names])
    combinations = sorted(found.exact.items(), key=lambda item: (-item[1], item[0]))
    out.blank()
    out.table(
        (
            Column("in exactly these", style="cyan", fold=True),
            Column("people", "right"),
            Column("share of all", "right"),
        ),
        [
            (
                " + ".join(visible(name) for name in names),
                wording.number(count),
                wording.share(count / found.union if found.union else 0),
            )
            for names, count in combinations[:_SHOWN_COMBINATIONS]
            if names
        ],
    )
    if len(combinations) > _SHOWN_COMBINATIONS:
        out.line((f"… and {len(combinations) - _SHOWN_COMBINATIONS} more combinations (--json has them all)", "dim"))
    out.line(f"{wording.counted(found.union, 'person', 'people')} in at least one of them")


def _as_of(found: Overlap, zone: ZoneInfo) -> str:
    return f"as of {wording.instant(found.as_of, zone)} {zone.key}"


def _row(found: Overlap, name: str) -> list[Part]:
    size = found.sizes.get(name, 0)
    row: list[Part] = [visible(name), wording.number(size)]
    for other in found.names:
        both = found.pairs.get((name, other), found.pairs.get((other, name), 0))
        row.append(
            ("·", "dim") if other == name else f"{wording.number(both)} ({wording.share(both / size if size else 0)})"
        )
    return row
