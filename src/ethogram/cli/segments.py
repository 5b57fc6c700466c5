"""`ethogram segments`: the saved segments themselves."""

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
    resolved,
    workspace_option,
    zone_of,
)
from ethogram.cli.define import show_saved, show_text, show_warnings
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output
from ethogram.cli.people import ids_in, is_terminal
from ethogram.errors import UserError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ethogram.model.results import SegmentVersion


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    examples=(
        "ethogram segments  # the list",
        "ethogram segments show regulars",
        "ethogram segments upload newsletter ids.txt",
        "ethogram segments freeze champions_january --of champions --as-of 2026-01-31",
    ),
)
@json_option
@workspace_option
@click.pass_context
def segments(ctx: click.Context, as_json: bool) -> None:
    """List, show, delete and upload segments."""
    if ctx.invoked_subcommand is None:
        _list(as_json)


@segments.command("list")
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the saved segments.

    With --json: a list of segments, each with its newest version.
    """
    _list(as_json)


def _list(as_json: bool) -> None:
    out = Output()
    with opened() as workspace:
        saved = workspace.segments.list()
        if as_json:
            out.json(saved)
        else:
            show_segments(out, tuple(saved), zone_of(workspace))


def show_segments(out: Output, saved: tuple[SegmentVersion, ...], zone: ZoneInfo) -> None:
    """Prints the saved segments as a table."""
    if not saved:
        out.line("No segment is saved yet.")
        out.note(("next: ", "dim"), "ethogram save NAME TEXT", (" or ", "dim"), "ethogram ready apply")
        return
    out.table(
        (
            Column("segment", style="cyan"),
            Column("who", fold=True),
            Column("people", "right"),
            Column("last run", style="dim"),
            Column("version", "right"),
        ),
        [
            (
                visible(each.name),
                visible(each.english),
                wording.number(each.size),
                wording.instant(each.evaluated_at, zone),
                str(each.version),
            )
            for each in saved
        ],
    )


@segments.command(examples=("ethogram segments show regulars", "ethogram segments show regulars --version 1"))
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="An earlier version.")
@json_option
@workspace_option
def show(name: str, version: int | None, as_json: bool) -> None:
    """Show one segment: its text, English and size."""
    out = Output()
    with opened() as workspace:
        saved = workspace.segments.get(name, version=version)
        if as_json:
            out.json(saved)
        else:
            show_segment(out, saved, zone_of(workspace))


def show_segment(out: Output, saved: SegmentVersion, zone: ZoneInfo) -> None:
    """Prints one segment."""
    out.line((visible(saved.name), "bold cyan"), f"  version {saved.version}", "  static" if saved.static else "")
    out.line(visible(saved.english), indent=2)
    if saved.text is not None:
        out.blank()
        show_text(out, saved.text)
        out.blank()
    facts = [("  over", "accounts" if saved.entity == "account" else "profiles")]
    if saved.description:
        facts.append(("  note", visible(saved.description)))
    facts.append(("  saved", f"{wording.instant(saved.created_at, zone)} {zone.key}"))
    if saved.size is not None:
        facts.append(("  people", f"{wording.number(saved.size)} at {wording.instant(saved.evaluated_at, zone)}"))
    if saved.cutoffs_at is not None:
        facts.append(("  cut-offs", f"over everybody as of {wording.instant(saved.cutoffs_at, zone)}"))
    out.facts(facts)
    show_warnings(out, saved.warnings)


@segments.command(examples=("ethogram segments versions regulars",))
@click.argument("name")
@json_option
@workspace_option
def versions(name: str, as_json: bool) -> None:
    """List the versions of a segment, newest first."""
    out = Output()
    with opened() as workspace:
        found = sorted(workspace.segments.versions(name), key=lambda each: -each.version)
        zone = zone_of(workspace)
    if as_json:
        out.json(found)
        return
    out.table(
        (Column("version", "right"), Column("saved", style="dim"), Column("text", fold=True)),
        [
            (
                str(each.version),
                wording.instant(each.created_at, zone),
                visible(each.text) if each.text else "(a static list)",
            )
            for each in found
        ],
    )


@segments.command(examples=("ethogram segments delete regulars", "ethogram segments delete regulars --yes"))
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@workspace_option
def delete(name: str, yes: bool) -> None:
    """Delete a segment; its history stays on record.

    Segments that refer to it keep it from being deleted.
    """
    out = Output()
    with opened() as workspace:
        saved = workspace.segments.get(name)
        if not yes:
            if not is_terminal():
                raise UserError(f"`{name}` is not deleted: nobody is here to be asked", hint="Add --yes to delete it.")
            out.line((visible(saved.name), "bold cyan"), "  ", visible(saved.english))
            if not click.confirm("Delete it?", err=True):
                raise UserError("nothing was deleted")
        workspace.segments.delete(name)
    out.note(f"deleted {visible(name)}")


@segments.command(
    examples=(
        "ethogram segments upload newsletter ids.txt  # one id a line",
        "ethogram segments upload newsletter people.csv --column CustomerID",
        "cut -f1 people.tsv | ethogram segments upload newsletter -",
    )
)
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--column", help="FILE is CSV with a header; take the ids from this column.")
@json_option
@workspace_option
def upload(name: str, file: Path, column: str | None, as_json: bool) -> None:
    """Save a static segment from a list of ids.

    Uploading under a name that exists makes a new version.
    """
    ids = ids_in(file, column)
    out = Output()
    with opened() as workspace:
        saved = workspace.segments.save_static(name, profile_ids=ids)
    if as_json:
        out.json(saved)
        return
    out.note(f"{wording.counted(len(ids), 'different id')} read")
    show_saved(out, saved)


@segments.command(examples=("ethogram segments freeze champions_january --of champions --as-of 2026-01-31",))
@click.argument("name")
@click.option("--of", "source", required=True, metavar="SEGMENT", help="The segment to take the people from.")
@as_of_option
@json_option
@workspace_option
def freeze(name: str, source: str, as_of: AsOf, as_json: bool) -> None:
    """Save a static segment of the people now in another one."""
    out = Output()
    with opened() as workspace:
        saved = workspace.segments.save_static(name, snapshot_of=source, as_of=resolved(as_of, workspace))
    if as_json:
        out.json(saved)
    else:
        show_saved(out, saved)
