"""Verbs about ready segments: `ready`, `vocabulary`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import click

from ethogram.cli import wording
from ethogram.cli.context import json_option, opened, workspace_option
from ethogram.cli.define import show_text
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Column, Output
from ethogram.errors import UnknownNameError

if TYPE_CHECKING:
    from ethogram.runtime import AppliedTemplate
    from ethogram.segment.templates.template import Template
    from ethogram.segment.templates.vocabulary import Vocabulary

PAIR = "KEY=VALUE"


def pair(text: str, *, what: str) -> tuple[str, str]:
    """A `key=value` argument in two.

    Raises:
        click.UsageError: there is no `=`, or nothing before it.
    """
    key, mark, held = text.partition("=")
    if not mark or not key.strip():
        raise click.UsageError(f"`{text}` is not {what}; write {PAIR}.")
    return key.strip(), held


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    examples=(
        "ethogram ready  # the list",
        "ethogram ready show lapsing-buyers",
        "ethogram ready apply  # all that fit",
        "ethogram ready apply lapsing-buyers --set quiet=45",
    ),
)
@json_option
@workspace_option
@click.pass_context
def ready(ctx: click.Context, as_json: bool) -> None:
    """List ready segments and fit them to your events."""
    if ctx.invoked_subcommand is None:
        _list(None, as_json)


@ready.command("list", examples=("ethogram ready list", "ethogram ready list --category buying"))
@click.option("--category", help="Only this category.")
@json_option
@workspace_option
def list_(category: str | None, as_json: bool) -> None:
    """List the ready segments.

    With --json: a list of ready segments with text, parameters and the roles they need.
    """
    _list(category, as_json)


def _list(category: str | None, as_json: bool) -> None:
    out = Output()
    with opened() as workspace:
        found = tuple(each for each in workspace.ready() if category in (None, each.category))
    if as_json:
        out.json([_plain(each) for each in found])
        return
    out.table(
        (
            Column("template", style="cyan"),
            Column("who", fold=True),
            Column("category", style="dim"),
            Column("needs", fold=True),
        ),
        [(each.name, each.title, each.category, ", ".join(each.needs) or "–") for each in found],
    )
    out.note(("next: ", "dim"), "ethogram ready apply", (" saves those that fit; ", "dim"), "ethogram vocabulary")


def _plain(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "title": template.title,
        "description": template.description,
        "category": template.category,
        "tags": template.tags,
        "text": template.text,
        "needs": template.needs,
        "uses": template.uses,
        "parameters": template.parameters,
    }


@ready.command(examples=("ethogram ready show lapsing-buyers",))
@click.argument("name")
@json_option
@workspace_option
def show(name: str, as_json: bool) -> None:
    """Show one template: its text, parameters, and the roles it needs."""
    out = Output()
    with opened() as workspace:
        known = {each.name: each for each in workspace.ready()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "`ethogram ready` lists them."
        raise UnknownNameError(f"there is no template `{name}`", hint=hint, name=name)
    if as_json:
        out.json(_plain(known[name]))
    else:
        show_template(out, known[name])


def show_template(out: Output, template: Template) -> None:
    """Prints one template."""
    out.line((template.name, "bold cyan"), "  ", template.title)
    out.line(template.description, indent=2)
    out.blank()
    show_text(out, template.text)
    out.blank()
    out.facts(
        (
            ("needs", ", ".join(template.needs) or "nothing"),
            ("takes, if named", ", ".join(template.uses) or "nothing"),
            ("category", template.category),
        )
    )
    if template.parameters:
        out.blank()
        out.table(
            (Column("parameter", style="cyan"), Column("default", "right"), Column("meaning", fold=True)),
            [
                (
                    each.name,
                    "(to be given)" if each.default is None else wording.value(each.default),
                    f"{each.description} ({each.unit or each.kind})",
                )
                for each in template.parameters
            ],
        )


@ready.command(
    examples=(
        "ethogram ready apply",
        "ethogram ready apply lapsing-buyers win-back-candidates --set quiet=45",
        "ethogram ready apply --set lapsing-buyers.quiet=45  # all, one of them with another value",
    )
)
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="[TEMPLATE.]PARAMETER=VALUE",
    help="A parameter's value; repeat for several.",
)
@json_option
@workspace_option
def apply(names: tuple[str, ...], changes: tuple[str, ...], as_json: bool) -> None:
    """Save the templates that fit the workspace, under their own names.

    Without NAME: all of them. Those that do not fit are listed with the reason.

    With --json: a list of what became of each template.
    """
    out = Output()
    with opened() as workspace:
        overrides = _overrides(names, changes, tuple(workspace.ready()))
        applied = workspace.apply_ready(list(names) or None, overrides=overrides or None)
    if as_json:
        out.json(applied)
    else:
        show_applied(out, tuple(applied))


def _overrides(
    names: tuple[str, ...], changes: tuple[str, ...], known: tuple[Template, ...]
) -> dict[str, dict[str, object]]:
    """Template → parameter → value; a parameter without a template is for every named template that has it."""
    overrides: dict[str, dict[str, object]] = {}
    for change in changes:
        key, held = pair(change, what="a parameter")
        name, dot, parameter = key.rpartition(".")
        fitting = [
            each.name
            for each in known
            if (each.name == name if dot else not names or each.name in names) and each.has_parameter(parameter)
        ]
        if not fitting:
            raise UnknownNameError(
                f"no template{f' `{name}`' if dot else ' named here'} has a parameter `{parameter}`",
                hint="`ethogram ready show NAME` lists a template's parameters.",
                name=key,
            )
        for each in fitting:
            overrides.setdefault(each, {})[parameter] = held
    return overrides


def show_applied(out: Output, applied: tuple[AppliedTemplate, ...]) -> None:
    """Prints what was saved, then what does not fit and why."""
    saved = [each for each in applied if each.segment is not None]
    refused = [each for each in applied if each.segment is None]
    if saved:
        out.table(
            (Column("saved", style="cyan"), Column("who", fold=True)),
            [(visible(each.segment.name), visible(each.segment.english)) for each in saved if each.segment],
        )
    if refused:
        if saved:
            out.blank()
        out.table(
            (Column("does not fit", style="yellow"), Column("because", fold=True)),
            [(each.name, visible(each.reason or "")) for each in refused],
        )
    out.note(
        f"{wording.counted(len(saved), 'segment')} saved, {len(refused)} do not fit; ",
        ("next: ", "dim"),
        "ethogram run" if saved else "ethogram vocabulary set purchase=NAME",
    )


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    examples=(
        "ethogram vocabulary",
        "ethogram vocabulary set purchase='Order Completed' purchase.amount=total",
        "ethogram vocabulary set purchase.where=\"status = 'paid'\"",
    ),
)
@json_option
@workspace_option
@click.pass_context
def vocabulary(ctx: click.Context, as_json: bool) -> None:
    """Show and set which event means what."""
    if ctx.invoked_subcommand is None:
        _show_vocabulary(as_json)


@vocabulary.command("show")
@json_option
@workspace_option
def show_(as_json: bool) -> None:
    """Show which of your names fill which roles, and why.

    With --json: {"role": {"name", "why", "where"}}.
    """
    _show_vocabulary(as_json)


def _show_vocabulary(as_json: bool) -> None:
    out = Output()
    with opened() as workspace:
        words = workspace.vocabulary()
    _print_vocabulary(out, words, as_json=as_json)


def _print_vocabulary(out: Output, words: Vocabulary, *, as_json: bool) -> None:
    if as_json:
        out.json(words.to_dict())
        return
    entries = tuple(words)
    if entries:
        out.table(
            (Column("role", style="cyan"), Column("your name for it"), Column("why", style="dim", fold=True)),
            [
                (
                    entry.role,
                    ("any event" if entry.name is None else visible(entry.name))
                    + (f" where {visible(entry.where)}" if entry.where else ""),
                    visible(entry.why),
                )
                for entry in entries
            ],
        )
    unset = ", ".join(role.key for role in words.unset)
    if unset:
        out.blank()
        out.line(("unset: ", "dim"), (unset, "dim"))
    out.note(("change: ", "dim"), "ethogram vocabulary set ROLE=NAME")


@vocabulary.command(
    "set",
    examples=(
        "ethogram vocabulary set purchase='Order Completed' purchase.amount=total",
        "ethogram vocabulary set session=any  # every event",
        "ethogram vocabulary set purchase.where=\"status = 'paid'\"",
        "ethogram vocabulary set search=  # unset",
    ),
)
@click.argument("changes", metavar="ROLE=NAME...", nargs=-1, required=True)
@json_option
@workspace_option
def set_(changes: tuple[str, ...], as_json: bool) -> None:
    """Set which of your names fills a role; an empty name unsets it."""
    told = dict(pair(change, what="a role's name") for change in changes)
    out = Output()
    with opened() as workspace:
        words = workspace.set_vocabulary(**{role: name or None for role, name in told.items()})
    _print_vocabulary(out, words, as_json=as_json)
