"""The verb `people`: what somebody may ask for: everything that is known of them, or to be forgotten."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethogram.cli import wording
from ethogram.cli.context import json_option, opened, workspace_option, zone_of
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output
from ethogram.errors import InputError

if TYPE_CHECKING:
    from ethogram.rights import Erasure


@click.group(
    cls=Verbs,
    examples=(
        "ethogram people export ann --out ann.json",
        "ethogram people erase ann",
        'ethogram people erase ann --reason "asked by letter" --yes',
        "ethogram people erasures",
    ),
)
def people() -> None:
    """Export everything that is known of somebody, or erase it."""


@people.command(examples=("ethogram people export ann", "ethogram people export ann --out ann.json"))
@click.argument("profile_id")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@workspace_option
def export(profile_id: str, out: Path | None) -> None:
    """Write everything that is known of somebody as one JSON document.

    Traits with their history, events, segments, consents, messages, journeys: of all ids of the person.
    """
    with opened() as workspace:
        pieces = workspace.privacy.export(profile_id)
        if out is None:
            sys.stdout.writelines(pieces)
            return
        with out.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    Output().note(f"written to {visible(str(out))}")


@people.command(examples=("ethogram people erase ann", 'ethogram people erase ann --reason "asked by letter" --yes'))
@click.argument("profile_id")
@click.option("--reason", default="", help="Why, without naming anybody: it stays in the audit log.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@workspace_option
def erase(profile_id: str, reason: str, yes: bool, as_json: bool) -> None:
    """Erase somebody with all ids, everywhere; this cannot be undone.

    What comes for the person afterwards is not taken, and counted.
    """
    out = Output()
    with opened() as workspace:
        if not yes:
            if as_json or not sys.stdin.isatty():
                raise InputError(
                    "nobody was erased: it cannot be undone", hint="Add `--yes` to do it without a question."
                )
            out.line(f"{visible(profile_id)}: {_counted(workspace.privacy.holdings(profile_id))}")
            if click.prompt("Type the id to erase all of it", default="", show_default=False) != profile_id:
                raise InputError("nobody was erased: that is another id", hint="Nothing was changed.")
        done = workspace.privacy.erase(profile_id, reason=reason)
    if as_json:
        out.json(done)
        return
    out.line(f"erasure {done.number}: {_counted(done.counts)}")
    if done.finished_at is None:
        out.note("webhooks and syncs are told by the server; then it is done: ethogram people erasures")


@people.command("erasures", examples=("ethogram people erasures", "ethogram people erasures --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List erasures, newest first, with how far each is and how much was turned away since."""
    with opened() as workspace:
        found = workspace.privacy.erasures()
        zone = zone_of(workspace)
    out = Output()
    if as_json:
        out.json(found)
        return
    if not found:
        out.note("nobody was erased")
        return
    out.table(
        (Column("number"), Column("at", style="dim"), Column("state"), Column("by"), Column("removed", fold=True),
         Column("turned away", "right")),
        [
            (
                str(each.number), wording.instant(each.accepted_at, zone), _state(each), visible(each.actor),
                _counted(each.counts), wording.number(each.suppressed),
            )
            for each in found
        ],
    )  # fmt: skip


def _state(erasure: Erasure) -> str:
    if erasure.finished_at is not None:
        return "done"
    return "telling others" if erasure.removed_at is not None else f"under way ({erasure.step})"


def _counted(counts: dict[str, int]) -> str:
    there = [f"{much:,} {kind.replace('_', ' ')}" for kind, much in counts.items() if much]
    return ", ".join(there) or "nothing is stored"
