"""Verbs that define segments: `preview`, `save`, `schema`."""

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
    pasted,
    read_text,
    resolved,
    tree_schema,
    workspace_option,
    zone_of,
)
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible, visible_lines
from ethogram.cli.output import Column, Output

if TYPE_CHECKING:
    from ethogram.model.editing import EditDifference
    from ethogram.model.results import Preview, SegmentVersion, Warned

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)


@click.command(
    cls=Verb,
    examples=(
        'ethogram preview "count(purchase in last 90 days) >= 3"',
        'ethogram preview "not did(purchase in last 6 months)" --as-of 2026-01-31',
        "ethogram preview -f segment.txt --json",
        "echo \"plan = 'pro'\" | ethogram preview -",
    ),
)
@click.argument("text", required=False)
@click.option("--file", "-f", type=_FILE, help="Read the text from a file; `-` reads standard input.")
@click.option("--sample", type=click.IntRange(0, 1000), default=10, show_default=True, help="How many ids to show.")
@as_of_option
@json_option
@workspace_option
def preview(text: str | None, file: Path | None, sample: int, as_of: AsOf, as_json: bool) -> None:
    """Count the people a text describes; save nothing.

    Shows the text in plain English, how many people it describes, their share, and some of them.
    """
    definition = read_text(text, file)
    out = Output()
    with opened() as workspace:
        found = workspace.preview(definition, as_of=resolved(as_of, workspace), sample=sample)
        if as_json:
            out.json(found)
        else:
            show_preview(
                out, found, zone_name=workspace.settings.timezone, when=wording.instant(found.as_of, zone_of(workspace))
            )


def show_preview(out: Output, found: Preview, *, zone_name: str, when: str) -> None:
    """Prints a preview."""
    out.line((visible(found.english), "bold"))
    out.blank()
    noun = wording.counted(found.count, *nouns(found.entity)).split(" ", 1)
    out.line(
        (noun[0], "bold cyan"), f" {noun[1]} of {wording.number(found.population)}", f"  ({wording.share(found.share)})"
    )
    facts = [("as of", f"{when} {zone_name}"), ("computed in", wording.length(found.milliseconds / 1000))]
    if found.sample:
        facts.insert(0, ("for example", ", ".join(wording.value(each) for each in found.sample)))
    out.facts(facts)
    show_warnings(out, found.warnings)


def nouns(entity: str) -> tuple[str, str]:
    """What one and several of a segment's members are called."""
    return ("account", "accounts") if entity == "account" else ("person", "people")


def show_warnings(out: Output, warnings: tuple[Warned, ...]) -> None:
    """Prints what is probably not meant."""
    for warned in warnings:
        place = "" if warned.line is None else f"line {warned.line}, column {warned.column}: "
        told = warned.suggestion is None or warned.suggestion in warned.message
        out.warn(place + warned.message, None if told else warned.suggestion)


@click.command(
    cls=Verb,
    examples=(
        'ethogram save regulars "count(purchase in last 90 days) >= 3"',
        "ethogram save lapsing -f lapsing.txt --description 'For the spring letter'",
        'ethogram save regulars "count(purchase in last 60 days) >= 3" --dry-run',
    ),
)
@click.argument("name")
@click.argument("text", required=False)
@click.option("--file", "-f", type=_FILE, help="Read the text from a file; `-` reads standard input.")
@click.option("--description", default="", help="A note for your colleagues.")
@click.option("--dry-run", is_flag=True, help="Save nothing; show who would stay, enter and leave.")
@click.option(
    "--announce",
    is_flag=True,
    help="Tell whoever follows the changes one by one who enters and leaves by this edit.",
)
@json_option
@workspace_option
def save(
    name: str, text: str | None, file: Path | None, description: str, dry_run: bool, announce: bool, as_json: bool
) -> None:
    """Save a segment under a name.

    Saving under a name that exists makes a new version; the versions before stay readable with
    `ethogram segments versions NAME`. Who is in it is computed by the next `ethogram run`, or by a server at once.

    Who enters and leaves by an edit is recorded with the cause `definition`, and sets nothing off in what follows the
    changes (webhooks, `ethogram tail`) unless --announce says so. With --dry-run --json: the difference, with `moves`
    for the segment and for each that refers to it.
    """
    definition = read_text(text, file)
    out = Output()
    if dry_run:
        with opened() as workspace:
            found = workspace.segments.difference(name, definition)
            if as_json:
                out.json(found)
            else:
                show_difference(out, found, when=wording.instant(found.as_of, zone_of(workspace)))
        return
    with opened() as workspace:
        saved = workspace.segments.save(name, definition, description=description, announce=announce)
    if as_json:
        out.json(saved)
    else:
        show_saved(out, saved)


def show_difference(out: Output, found: EditDifference, *, when: str) -> None:
    """Prints what an edit would change."""
    out.line(
        (visible(found.name), "bold cyan"),
        "  is new" if found.replaces is None else f"  replaces version {found.replaces}",
        (f"  as of {when}", "dim"),
    )
    out.line(visible(found.english), indent=2)
    out.table(
        (
            Column("segment", style="cyan"),
            Column("stay", "right"),
            Column("enter", "right"),
            Column("leave", "right"),
            Column("of", "right", style="dim"),
        ),
        [
            (
                visible(move.segment),
                wording.number(move.stay),
                wording.number(move.enter),
                wording.number(move.leave),
                wording.number(found.population),
            )
            for move in found.moves
        ],
    )
    own = found.moves[0]
    shown = (("stay", own.stays), ("enter", own.enters), ("leave", own.leaves))
    out.facts([(f"who {what}", ", ".join(wording.value(each) for each in ids)) for what, ids in shown if ids])
    changes = sum(move.changes for move in found.moves)
    out.line(wording.counted(changes, "entry or exit", "entries and exits"), " would be recorded")
    if found.watching:
        out.line("looking at these entries and exits: ", ", ".join(map(visible, found.watching)))
    show_warnings(out, found.warnings)
    out.note(("nothing is saved; leave out --dry-run to save it", "dim"))


def show_saved(out: Output, saved: SegmentVersion) -> None:
    """Prints what was saved and what to do next."""
    out.line("saved ", (visible(saved.name), "bold cyan"), f", version {saved.version}")
    out.line(visible(saved.english), indent=2)
    show_warnings(out, saved.warnings)
    out.note(
        ("next: ", "dim"),
        pasted("ethogram", "run"),
        (" computes it; ", "dim"),
        pasted("ethogram", "members", saved.name),
    )


@click.command(cls=Verb, examples=("ethogram schema > segment.schema.json",))
def schema() -> None:
    """Print the JSON Schema of a segment's tree.

    The tree is the JSON form of a segment, as `ethogram explain NAME --json` shows it.
    """
    Output().json(tree_schema())


def show_text(out: Output, text: str, *, indent: int = 2) -> None:
    """Prints a segment's text as it is, line by line."""
    for line in visible_lines(text).splitlines():
        out.verbatim(" " * indent + line)
