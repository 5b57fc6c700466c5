"""Verbs over what was received: `events`, `traits`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from ethogram.cli import wording
from ethogram.cli.context import json_option, opened, workspace_option, zone_of
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output
from ethogram.errors import UnknownNameError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ethogram.model.results import Catalogue, EventFacts, PropertyFacts


@click.command(cls=Verb, examples=("ethogram events", "ethogram events purchase", "ethogram events --json"))
@click.argument("name", required=False)
@json_option
@workspace_option
def events(name: str | None, as_json: bool) -> None:
    """List the events received, or describe one.

    Names, counts, first and last seen; for one event its properties with types, fill rate, examples and most
    frequent values; warnings about the quality of the data.

    With --json: {"events": [...], "warnings": [...]}, or the one event.
    """
    out = Output()
    with opened() as workspace:
        found = workspace.catalogue()
        zone = zone_of(workspace)
    if name is None:
        if as_json:
            out.json({"events": found.events, "warnings": found.warnings})
        else:
            show_events(out, found, zone)
        return
    event = next((each for each in found.events if each.name == name), None)
    if event is None:
        raise _unknown("event", name, [each.name for each in found.events])
    if as_json:
        out.json(event)
    else:
        show_event(out, event, zone)


def show_events(out: Output, found: Catalogue, zone: ZoneInfo) -> None:
    """Prints all events as a table."""
    if not found.events:
        out.line("No event was received yet.")
        out.note(("next: ", "dim"), "ethogram load events FILE")
        return
    out.table(
        (
            Column("event", style="cyan"),
            Column("count", "right"),
            Column("profiles", "right"),
            Column("first", style="dim"),
            Column("last", style="dim"),
            Column("properties", fold=True),
        ),
        [
            (
                visible(each.name),
                wording.number(each.count),
                wording.number(each.profiles),
                wording.instant(each.first_at, zone),
                wording.instant(each.last_at, zone),
                ", ".join(wording.shortened(visible(held.name), 40) for held in each.properties),
            )
            for each in found.events
        ],
    )
    for warning in (*found.warnings, *(warning for each in found.events for warning in each.warnings)):
        out.warn(warning)


def show_event(out: Output, event: EventFacts, zone: ZoneInfo) -> None:
    """Prints one event and its properties."""
    out.line((visible(event.name), "bold cyan"))
    out.facts(
        (
            ("  received", f"{wording.number(event.count)}, from {wording.counted(event.profiles, 'profile')}"),
            ("  first", f"{wording.instant(event.first_at, zone, seconds=True)} {zone.key}"),
            ("  last", f"{wording.instant(event.last_at, zone, seconds=True)} {zone.key}"),
        )
    )
    out.blank()
    _show_properties(out, "property", event.properties)
    for warning in event.warnings:
        out.warn(warning)


@click.command(cls=Verb, examples=("ethogram traits", "ethogram traits country", "ethogram traits --json"))
@click.argument("name", required=False)
@json_option
@workspace_option
def traits(name: str | None, as_json: bool) -> None:
    """List the traits of profiles, or describe one.

    With --json: a list of traits, or the one trait.
    """
    out = Output()
    with opened() as workspace:
        found = workspace.catalogue().traits
    if name is not None:
        one = next((each for each in found if each.name == name), None)
        if one is None:
            raise _unknown("trait", name, [each.name for each in found])
        found = (one,)
        if as_json:
            out.json(one)
            return
    if as_json:
        out.json(found)
    elif not found:
        out.line("No trait was received yet.")
        out.note(("next: ", "dim"), "ethogram load profiles FILE")
    else:
        _show_properties(out, "trait", found)


def _show_properties(out: Output, head: str, properties: tuple[PropertyFacts, ...]) -> None:
    if not properties:
        out.line("It has no properties.")
        return
    out.table(
        (
            Column(head, style="cyan"),
            Column("type"),
            Column("filled", "right"),
            Column("different", "right"),
            Column("most frequent, or examples", fold=True),
        ),
        [
            (
                visible(each.name),
                _types(each.types),
                wording.share(each.filled),
                wording.number(each.distinct),
                _values(each),
            )
            for each in properties
        ],
    )


def _types(types: dict[str, int]) -> str:
    total = sum(types.values())
    if len(types) < 2 or not total:
        return ", ".join(types)
    ordered = sorted(types.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {wording.share(count / total)}" for name, count in ordered)


def _values(facts: PropertyFacts) -> str:
    frequent = sorted(facts.top, key=lambda each: -each[1])[:4]
    if frequent and frequent[0][1] > 1:
        return ", ".join(f"{wording.value(text, limit=30)} ({wording.number(count)})" for text, count in frequent)
    return ", ".join(wording.value(text, limit=30) for text in facts.examples[:4])


def _unknown(kind: str, name: str, known: list[str]) -> UnknownNameError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"`ethogram {kind}s` lists them."
    return UnknownNameError(f"no {kind} `{name}` was ever received", hint=hint, name=name)
