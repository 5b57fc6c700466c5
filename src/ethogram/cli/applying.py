"""Verbs about definitions in files: `plan`, `apply`, `dump`."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import json_option, opened, workspace_option
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethogram.applying import Applied, Applying

_FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE|DIRECTORY…"
)
_MARKS = {"new": ("+", "green"), "changed": ("~", "yellow"), "same": ("=", "dim")}


@click.command(
    cls=Verb, examples=("ethogram plan engage.yaml", "ethogram plan definitions/  # every YAML and JSON file in it")
)
@_FILES
@json_option
@workspace_option
def plan(files: tuple[Path, ...], as_json: bool) -> None:
    """Show what applying files would change, and how many people it concerns; save nothing.

    A file is a mapping of kinds (segments, templates, campaigns …) to names to definitions. A file in which anything is
    wrong is refused with all that is wrong.
    """
    documents = importlib.import_module("ethogram.documents").read(files)
    with _applying() as applying:
        planned = applying.difference(documents)
    out = Output()
    if as_json:
        out.json(planned)
        return
    _show(out, planned)
    if any(each.state != "same" for each in planned):
        out.note("nothing is saved; `ethogram apply` with the same files saves this")


@click.command(cls=Verb, examples=("ethogram apply engage.yaml", "ethogram apply definitions/ --json"))
@_FILES
@json_option
@workspace_option
def apply(files: tuple[Path, ...], as_json: bool) -> None:
    """Save what files define: segments, templates, campaigns and the like.

    What says the same as before is left alone, so that applying twice does no more than applying once. What the files
    do not name stays as it is. A campaign is saved and not started.
    """
    documents = importlib.import_module("ethogram.documents").read(files)
    with _applying() as applying:
        done = applying.apply(documents)
    out = Output()
    if as_json:
        out.json(done)
        return
    _show(out, done)


@click.command(cls=Verb, examples=("ethogram dump > definitions.yaml", "ethogram dump --kind segment --kind campaign"))
@click.option("--kind", "kinds", multiple=True, help="Only this kind, such as `segment`; repeat it for more.")
@workspace_option
def dump(kinds: tuple[str, ...]) -> None:
    """Print the saved definitions as a file that `ethogram apply` takes."""
    known = list(importlib.import_module("ethogram.documents").KINDS.values())
    for kind in kinds:
        if kind not in known:
            raise click.UsageError(f"There is no kind `{visible(kind)}`; there are {', '.join(known)}.")
    with _applying() as applying:
        text = applying.export(kinds)
    click.echo(text, nl=False)


def _show(out: Output, applied: tuple[Applied, ...]) -> None:
    if not applied:
        out.note("the files define nothing")
    for each in applied:
        mark, style = _MARKS[each.state]
        version = f" version {each.version}" if each.version is not None else ""
        out.item(
            (mark, style), (f"{each.kind} {visible(each.name)}", "bold"), f"  {each.state}{version}", _people(each)
        )
        for line in each.lines:
            if not line.startswith("@@"):
                out.line(visible(line), indent=4)


def _people(each: Applied) -> str:
    if each.people is None:
        return ""
    moves = f", {each.enter:,} enter, {each.leave:,} leave" if each.enter is not None else ""
    return f"  {each.people:,} {'person' if each.people == 1 else 'people'}{moves}"


@contextlib.contextmanager
def _applying() -> Iterator[Applying]:
    """A workspace and its definitions, opened together."""
    module, engagement = (importlib.import_module(f"ethogram.{name}") for name in ("applying", "engagement"))
    with opened() as workspace, engagement.Definitions(workspace.path) as definitions:
        yield module.Applying(workspace, definitions)
