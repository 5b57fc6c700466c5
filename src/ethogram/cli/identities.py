"""The verb `identities`: which ids are one person, and putting that right by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ethogram.cli import wording
from ethogram.cli.context import json_option, opened, workspace_option, zone_of
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output

if TYPE_CHECKING:
    from ethogram.identities import Decision


@click.group(
    cls=Verbs,
    examples=(
        "ethogram identities of ann",
        "ethogram identities merge ann@old.example ann",
        "ethogram identities split 7f3c0a52",
        "ethogram identities list",
        "ethogram identities undo 3",
    ),
)
def identities() -> None:
    """Show which ids are one person; merge and split people."""


@identities.command(examples=("ethogram identities of ann", "ethogram identities of 7f3c0a52 --json"))
@click.argument("identity")
@json_option
@workspace_option
def of(identity: str, as_json: bool) -> None:
    """Show the profile that an id points at, and its other ids."""
    with opened() as workspace:
        profile = workspace.identities.resolve([identity])[identity]
        others = workspace.identities.of(profile)
    out = Output()
    if as_json:
        out.json({"profile_id": profile, "identities": others})
        return
    out.line((visible(profile), "bold cyan"), "" if others else "  no other id")
    for each in others:
        out.line(f"{visible(each.id)}{'  a user id' if each.known else ''}", indent=2)


@identities.command(examples=("ethogram identities merge ann@old.example ann",))
@click.argument("identity")
@click.argument("into")
@json_option
@workspace_option
def merge(identity: str, into: str, as_json: bool) -> None:
    """Make two people one: the first is given up, and its history becomes the second's.

    Membership follows with the next `ethogram run`, or at once where a server runs.
    """
    with opened() as workspace:
        decision = workspace.identities.merge(identity, into=into)
        days = workspace.settings.undo_days
    _show(decision, as_json, f"undo it within {days} days: ethogram identities undo {decision.id}")


@identities.command(examples=("ethogram identities split 7f3c0a52",))
@click.argument("identity")
@json_option
@workspace_option
def split(identity: str, as_json: bool) -> None:
    """Take an id out of its profile, with everything that came under it.

    A merge is undone; an anonymous id stands alone from now on, whatever calls say of it.
    """
    with opened() as workspace:
        decision = workspace.identities.split(identity)
    _show(decision, as_json, "")


@identities.command(examples=("ethogram identities undo 3",))
@click.argument("number", type=int)
@json_option
@workspace_option
def undo(number: int, as_json: bool) -> None:
    """Undo a merge or a split, as if it had never been decided."""
    with opened() as workspace:
        decision = workspace.identities.undo(number)
    _show(decision, as_json, "")


@identities.command("list", examples=("ethogram identities list", "ethogram identities list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List what was merged and split by hand, newest first."""
    with opened() as workspace:
        found = workspace.identities.decisions()
        zone = zone_of(workspace)
    out = Output()
    if as_json:
        out.json(found)
        return
    if not found:
        out.note("nothing was merged or split by hand")
        return
    out.table(
        (Column("number"), Column("at", style="dim"), Column("decision"), Column("by"), Column("undone", style="dim")),
        [
            (
                str(each.id),
                wording.instant(each.at, zone),
                _said(each),
                visible(each.actor),
                wording.instant(each.undone_at, zone) if each.undone_at else "",
            )
            for each in found
        ],
    )


def _show(decision: Decision, as_json: bool, note: str) -> None:
    out = Output()
    if as_json:
        out.json(decision)
        return
    out.line(f"{decision.id}: {_said(decision)}{', undone' if decision.undone_at else ''}")
    if note:
        out.note(note)


def _said(decision: Decision) -> str:
    into = f" into {visible(decision.into)}" if decision.into else ""
    return f"{decision.verb} {visible(decision.identity)}{into}"
