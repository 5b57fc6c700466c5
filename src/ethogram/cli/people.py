"""Verbs about who: `run`, `members`, `evaluate`, `profile`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethogram.cli import wording
from ethogram.cli.context import (
    AsOf,
    as_of_option,
    json_option,
    opened,
    pasted,
    read_text,
    resolved,
    workspace_option,
    zone_of,
)
from ethogram.cli.export import FORMATS, format_of, write_file, write_stream
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output, Part
from ethogram.errors import InputError, UserError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ethogram.model.results import ProfileView, RunReport, SegmentSize


@click.command(cls=Verb, examples=("ethogram run", "ethogram run --as-of 2026-01-31", "ethogram run --json"))
@as_of_option
@json_option
@workspace_option
def run(as_of: AsOf, as_json: bool) -> None:
    """Compute every saved segment over everybody.

    Records who is in which segment, and who entered and left since the run before.
    """
    out = Output()
    with opened() as workspace:
        report = workspace.run(as_of=resolved(as_of, workspace))
        if as_json:
            out.json(report)
        else:
            show_run(out, report, zone_of(workspace))


def show_run(out: Output, report: RunReport, zone: ZoneInfo) -> None:
    """Prints a run as a table of segments."""
    if not report.segments:
        out.line("There is no segment to compute yet.")
        out.note(("next: ", "dim"), "ethogram save NAME TEXT", (" or ", "dim"), "ethogram ready apply")
        return
    out.table(
        (
            Column("segment", style="cyan"),
            Column("who", fold=True),
            Column("people", "right"),
            Column("share", "right"),
            Column("change", "right"),
        ),
        [
            (
                visible(each.name),
                visible(each.english),
                wording.number(each.size),
                wording.share(each.share),
                change(each),
            )
            for each in report.segments
        ],
    )
    out.blank()
    out.line(
        f"{wording.counted(len(report.segments), 'segment')} over {wording.counted(report.population, 'profile')} "
        f"as of {wording.instant(report.as_of, zone)} {zone.key}, in {wording.length(report.milliseconds / 1000)}; "
        f"{wording.number(report.entered)} entered, {wording.number(report.left)} left"
    )
    if report.next_due_at is not None:
        out.line(("the next change by time alone: " + wording.instant(report.next_due_at, zone, seconds=True), "dim"))


def change(size: SegmentSize) -> Part:
    """How a segment's size changed since the run before."""
    if size.previous is None:
        return ("new", "dim")
    difference = size.size - size.previous
    if not size.entered and not size.left and not difference:
        return ("±0", "dim")
    moved = f" ({wording.signed(size.entered)} {wording.signed(-size.left)})" if size.entered and size.left else ""
    return (wording.signed(difference) + moved, "green" if difference > 0 else "red" if difference < 0 else "")


@click.command(
    cls=Verb,
    examples=(
        "ethogram members regulars",
        "ethogram members regulars --after 17850  # the next page",
        "ethogram members regulars --output regulars.csv  # everybody; also .parquet, .jsonl, .arrow",
        "ethogram members regulars --as-of 2026-01-31 --format jsonl | head",
    ),
)
@click.argument("segment")
@click.option("--limit", type=click.IntRange(1), help="How many people; 50 on screen, everybody in an export.")
@click.option("--after", metavar="ID", help="Begin after this id (the last one of the page before).")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write to a file; the ending says the format.",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Write this format to standard output (or FILE).")
@as_of_option
@json_option
@workspace_option
def members(
    *,
    segment: str,
    limit: int | None,
    after: str | None,
    output: Path | None,
    format_: str | None,
    as_of: AsOf,
    as_json: bool,
) -> None:
    """List or export the people in a segment.

    On screen a page at a time, as the last run found them; with --as-of as they were at that instant. The order is
    fixed and means nothing (that of the ids' hashes), so that a page is quick however many there are. In CSV, text
    that a spreadsheet would take for a formula gets an apostrophe in front.

    With --json: {"segment", "members": [{"profile_id", "entered_at"}], "next_after"}.
    """
    exported = output is not None or format_ is not None
    if exported and as_json:
        raise click.UsageError("--json prints a page; for an export use --format jsonl without it.")
    kind = format_of(output, format_) if exported else None
    page = limit if limit is not None else None if exported else 50
    out = Output()
    with opened() as workspace:
        at = resolved(as_of, workspace)
        table = workspace.members(segment, as_of=at, limit=page, after=after)
        if kind is not None:
            if output is not None:
                write_file(table, output, kind)
                out.note(f"wrote {wording.counted(table.num_rows, 'row')} to {visible(str(output))}")
            else:
                write_stream(table, kind)
            return
        rows = table.to_pylist()
        full = page is not None and len(rows) == page
        next_after = str(rows[-1][table.column_names[0]]) if rows and full else None
        if as_json:
            out.json({"segment": segment, "members": rows, "next_after": next_after})
            return
        if not rows:
            out.line("Nobody." if after is None else "Nobody more.")
            return
        zone = zone_of(workspace)
        names = table.column_names
        shown = [
            tuple(
                wording.instant(row[name], zone) if name.endswith("_at") else wording.value(row[name]) for name in names
            )
            for row in rows
        ]
        out.table([Column(name.removesuffix("_at")) for name in names], shown)
    if next_after is not None:
        out.note(("next page: ", "dim"), pasted("ethogram", "members", segment, "--after", next_after))


@click.command(
    cls=Verb,
    examples=(
        "ethogram evaluate 17850 13047",
        "ethogram evaluate -f ids.txt --as-of 2026-01-31 --json",
    ),
)
@click.argument("profile_ids", metavar="ID...", nargs=-1)
@click.option(
    "--file",
    "-f",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
    help="Read ids from a file, one a line; `-` reads standard input.",
)
@as_of_option
@json_option
@workspace_option
def evaluate(profile_ids: tuple[str, ...], file: Path | None, as_of: AsOf, as_json: bool) -> None:
    """Tell which segments given people are in.

    Computed now for these people alone, from their events; it does not wait for a run.

    With --json: {"ID": ["segment", …]}; ids that nobody has are left out.
    """
    ids = list(profile_ids)
    if file is not None:
        ids += [line.strip() for line in read_text(None, file, what="ids").splitlines() if line.strip()]
    if not ids:
        raise click.UsageError("Give at least one profile's id, or -f FILE.")
    out = Output()
    with opened() as workspace:
        found = workspace.evaluate(ids, as_of=resolved(as_of, workspace))
    if as_json:
        out.json(found)
        return
    out.table(
        (Column("profile", style="cyan"), Column("segments", fold=True)),
        [
            (visible(each), ", ".join(visible(name) for name in names) or ("none", "dim"))
            for each, names in found.items()
        ],
    )
    unknown = [each for each in dict.fromkeys(ids) if each not in found]
    if unknown:
        out.warn("nobody has the id " + ", ".join(f"`{each}`" for each in unknown[:20]))


@click.command(cls=Verb, examples=("ethogram profile 17850", "ethogram profile 17850 --limit 200 --as-of 2026-01-31"))
@click.argument("profile_id", metavar="ID")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="How many events to show.")
@as_of_option
@json_option
@workspace_option
def profile(profile_id: str, limit: int, as_of: AsOf, as_json: bool) -> None:
    """Show one person: traits, segments, timeline."""
    out = Output()
    with opened() as workspace:
        view = workspace.profile(profile_id, as_of=resolved(as_of, workspace), limit=limit)
        if as_json:
            out.json(view)
        else:
            show_profile(out, view, zone_of(workspace))


def show_profile(out: Output, view: ProfileView, zone: ZoneInfo) -> None:
    """Prints a person."""
    out.line(
        (visible(view.profile_id), "bold cyan"),
        f"  {'anonymous, ' if view.anonymous else ''}known since {wording.instant(view.known_at, zone)} {zone.key}",
    )
    if view.identities:
        out.line(("also ", "dim"), ", ".join(visible(id_) for id_ in view.identities), indent=2)
    if view.traits:
        out.blank()
        out.line(("traits", "bold"))
        out.facts([("  " + visible(name), wording.value(held)) for name, held in sorted(view.traits.items())])
    out.blank()
    out.line(("segments", "bold"), "" if view.segments else "  none")
    out.facts(
        [
            ("  " + visible(each.name), f"since {wording.instant(each.since, zone)}" if each.since else "")
            for each in view.segments
        ]
    )
    if view.due_at is not None:
        out.line(
            (f"the next change by time alone: {wording.instant(view.due_at, zone, seconds=True)}", "dim"), indent=2
        )
    out.blank()
    shown = "" if len(view.timeline) == view.events_total else f", the newest {wording.number(len(view.timeline))}"
    out.line(("timeline", "bold"), f"  {wording.counted(view.events_total, 'event')}{shown}")
    out.table(
        (Column("at", style="dim"), Column("event", style="cyan"), Column("properties", fold=True)),
        [
            (wording.instant(each.at, zone, seconds=True), visible(each.event), wording.pairs(each.properties))
            for each in view.timeline
        ],
    )


def ids_in(file: Path, column: str | None) -> list[str]:
    """The ids in a file: one a line, or one column of a CSV file with a header.

    Raises:
        InputError: the column is not there, or the file holds no id.
    """
    import csv

    text = read_text(None, file, what="ids")
    if column is None:
        ids = [line.strip() for line in text.splitlines()]
    else:
        reader = csv.DictReader(text.splitlines())
        if column not in (reader.fieldnames or ()):
            raise InputError(
                f"`{file}` has no column `{column}`",
                hint=f"Its columns are: {', '.join(f'`{visible(name)}`' for name in reader.fieldnames or ())}.",
            )
        ids = [(row[column] or "").strip() for row in reader]
    ids = list(dict.fromkeys(each for each in ids if each))
    if not ids:
        raise UserError(f"`{file}` holds no id", hint="Write one id a line.")
    return ids


def is_terminal() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()
