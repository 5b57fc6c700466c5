"""What every kind of definition can do on the command line: be saved from a file, listed, shown and removed.

Makes verbs for a group; a group has those that it adds, beside its own. They open the ledger only.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethogram.cli.context import found, json_option, workspace_option
from ethogram.cli.help import Verb, Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output

if TYPE_CHECKING:
    from ethogram.engagement import Definitions, Saved


def add_all(group: Verbs, kind: str, name: str) -> None:
    """Adds every verb of definitions to a group.

    Args:
        name: an example of a definition's name.
    """
    for made in (list_verb, save_verb, show_verb, versions_verb, remove_verb):
        group.add_command(made(kind, name))


def verb_of(kind: str) -> str:
    """The verb about a kind of definition.

    >>> verb_of("campaign"), verb_of("quiet_hours")
    ('campaigns', 'quiet-hours')
    """
    return (kind if kind.endswith("s") else f"{kind}s").replace("_", "-")


def _words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def definitions() -> Definitions:
    """The definitions of the workspace that the command is about."""
    opened: Definitions = importlib.import_module("ethogram.engagement").Definitions(workspace_path())
    return opened


def shown(saved: Saved) -> Saved:
    """A definition as anybody may see it."""
    found: Saved = importlib.import_module("ethogram.engagement").shown(saved)
    return found


def workspace_path() -> Path:
    """The workspace that the command is about."""
    return found(click.get_current_context().find_object(str))


def show_document(out: Output, kind: str, name: str, body: Any) -> None:
    """Shows a definition as a file would have it."""
    for line in importlib.import_module("ethogram.documents").dump([(kind, name, body)]).splitlines()[2:]:
        out.line(visible(line[2:]))


def list_verb(kind: str, name: str) -> click.Command:  # noqa: ARG001  # as the others are made
    """`list`: all of a kind."""

    @click.command(
        "list", cls=Verb, help=f"List the {_words(verb_of(kind))}.",
        examples=(f"ethogram {verb_of(kind)} list", f"ethogram {verb_of(kind)} list --json"),
    )  # fmt: skip
    @json_option
    @workspace_option
    def listing(as_json: bool) -> None:
        with definitions() as opened:
            rows = tuple(map(shown, opened.listed(kind)))
        out = Output()
        if as_json:
            out.json(rows)
            return
        if not rows:
            out.note(f"there is no {_words(kind)}; `ethogram {verb_of(kind)} save NAME FILE` makes one")
        for each in rows:
            described = each.body.get("description", "")
            out.line((visible(each.name), "bold"), f"  version {each.version}  {visible(described)}".rstrip())

    return listing


def save_verb(kind: str, name: str) -> click.Command:
    """`save`: from a file."""

    @click.command(
        "save", cls=Verb,
        help=f"Save a {_words(kind)} that a YAML or JSON file describes; another document is a new version.",
        examples=(f"ethogram {verb_of(kind)} save {name} {name}.yaml", f"ethogram {verb_of(kind)} save {name} -"),
    )  # fmt: skip
    @click.argument("name")
    @click.argument("file", type=click.File("r", encoding="utf-8"))
    @json_option
    @workspace_option
    def save(name: str, file: Any, as_json: bool) -> None:
        body = importlib.import_module("ethogram.documents").parse(file.read(), getattr(file, "name", "the file"))
        with definitions() as opened:
            saved = shown(opened.save(kind, name, body))
        out = Output()
        if as_json:
            out.json(saved)
            return
        told = "is saved" if saved.new else "says this already"
        out.line((visible(name), "bold"), f" {told}: version {saved.version}")

    return save


def show_verb(kind: str, name: str) -> click.Command:
    """`show`: one, as a file would have it."""

    @click.command(
        "show", cls=Verb, help=f"Show a {_words(kind)} as a file would have it.",
        examples=(f"ethogram {verb_of(kind)} show {name}", f"ethogram {verb_of(kind)} show {name} --version 1"),
    )  # fmt: skip
    @click.argument("name")
    @click.option("--version", type=click.IntRange(1), help="Default: the newest one.")
    @json_option
    @workspace_option
    def show(name: str, version: int | None, as_json: bool) -> None:
        with definitions() as opened:
            saved = shown(opened.get(kind, name, version))
        out = Output()
        if as_json:
            out.json(saved)
            return
        out.line((visible(name), "bold"), f"  version {saved.version}, saved {saved.created_at:%Y-%m-%d %H:%M} UTC")
        show_document(out, kind, name, saved.body)

    return show


def versions_verb(kind: str, name: str) -> click.Command:
    """`versions`: what one was before."""

    @click.command(
        "versions", cls=Verb, help=f"List the versions of a {_words(kind)}, oldest first.",
        examples=(f"ethogram {verb_of(kind)} versions {name}",),
    )  # fmt: skip
    @click.argument("name")
    @json_option
    @workspace_option
    def versions(name: str, as_json: bool) -> None:
        with definitions() as opened:
            opened.get(kind, name)
            rows = tuple(map(shown, opened.versions(kind, name)))
        out = Output()
        if as_json:
            out.json(rows)
            return
        for each in rows:
            said = json.dumps(each.body, ensure_ascii=False)
            out.line(f"{each.version:>4}  {each.created_at:%Y-%m-%d %H:%M} UTC  {visible(said[:200])}")

    return versions


def remove_verb(kind: str, name: str) -> click.Command:
    """`remove`: one that nothing refers to."""

    @click.command(
        "remove", cls=Verb,
        help=f"Remove a {_words(kind)} that nothing else uses; its versions stay on record.",
        examples=(f"ethogram {verb_of(kind)} remove {name}",),
    )  # fmt: skip
    @click.argument("name")
    @workspace_option
    def remove(name: str) -> None:
        with definitions() as opened:
            opened.remove(kind, name)
        Output().note(f"{kind} {visible(name)} is gone")

    return remove
