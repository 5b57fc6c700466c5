"""The verb `journeys`: what people pass through, and where they are. All but its report opens the ledger only."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import json_option, opened, workspace_option
from ethogram.cli.definitions import (
    definitions,
    list_verb,
    remove_verb,
    save_verb,
    show_document,
    versions_verb,
    workspace_path,
)
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.cli.plain import to_plain
from ethogram.cli.reports import show_report

if TYPE_CHECKING:
    from ethogram.journeying import Journeys, Run, Standing

_NAME = "welcome"


@click.group(
    cls=Verbs,
    examples=(
        "ethogram journeys ready",
        "ethogram journeys ready abandoned_cart  # saves it in the words of this workspace",
        "ethogram journeys start abandoned_cart",
        "ethogram journeys show abandoned_cart",
    ),
)
def journeys() -> None:
    """Define, start and watch journeys."""


@journeys.command(examples=("ethogram journeys ready", "ethogram journeys ready welcome_series abandoned_cart"))
@click.argument("names", nargs=-1)
@json_option
@workspace_option
def ready(names: tuple[str, ...], as_json: bool) -> None:
    """List the ready journeys; or save some, in the words of this workspace, with their templates.

    The vocabulary says which event is a purchase, and so on; `ethogram vocabulary` shows and sets it.
    """
    shelf = importlib.import_module("ethogram.readying")
    out = Output()
    if not names:
        rows = shelf.listed()
        if as_json:
            out.json(rows)
            return
        for each in rows:
            out.line((each.name, "bold"), f"  {each.title}: {each.purpose}")
        return
    with opened() as workspace, definitions() as defined:
        saved = shelf.save(workspace, defined, names)
    if as_json:
        out.json(saved)
        return
    for each in saved:
        out.line((f"{each.kind} {visible(each.name)}", "bold"), f"  version {each.version}")


@journeys.command(
    examples=("ethogram journeys report welcome", "ethogram journeys report welcome --step lot --method sequential")
)
@click.argument("name")
@click.option("--step", default="", help="One of its messages, or a split whose ways are compared.")
@click.option(
    "--method",
    type=click.Choice(("fixed", "sequential", "bayesian")),
    default="fixed",
    show_default=True,
    help="fixed: looked at once, at the end. sequential: at any time.",
)
@json_option
@workspace_option
def report(name: str, step: str, method: str, as_json: bool) -> None:
    """Show who entered a journey and reached its goal, and the lift over those who were held out.

    It asks the warehouse, so a running server answers it over HTTP instead: `GET /api/journeys/NAME/report`.
    """
    with opened() as workspace:
        reports = importlib.import_module("ethogram.reporting").Reports(workspace, workspace.path)
        how = importlib.import_module("ethogram.model.experiment").Method(method)
        told = reports.journey(name, step, method=how)
    out = Output()
    if as_json:
        out.json(told)
        return
    show_report(out, told)


@journeys.command(examples=("ethogram journeys show welcome",))
@click.argument("name")
@json_option
@workspace_option
def show(name: str, as_json: bool) -> None:
    """Show a journey: its definition, what it does, and where its people are."""
    with definitions() as defined, _journeys() as journeying:
        saved, found = defined.get("journey", name), journeying.shown(name)
    out = Output()
    if as_json:
        out.json({**to_plain(saved), **to_plain(found)})
        return
    out.line((visible(name), "bold"), f"  version {saved.version}, {_state(found.standing)}")
    show_document(out, "journey", name, saved.body)
    for step in found.steps:
        through = ", ".join(f"{count:,} {visible(way)}" for way, count in sorted(step.outcomes.items()))
        out.line(
            f"v{step.version} {visible(step.step)}: {step.at:,} there now" + (f"; left: {through}" if through else "")
        )
    for ended in found.ended:
        reason = f" ({visible(ended.reason)})" if ended.reason else ""
        out.line(f"v{ended.version} {ended.state.value}{reason}: {ended.runs:,}")


@journeys.command(
    examples=("ethogram journeys start welcome", "ethogram journeys start welcome --move old_step=new_step")
)
@click.argument("name")
@click.option("--move", "moves", multiple=True, metavar="OLD=NEW", help="Who is at an old step goes on at a new one.")
@json_option
@workspace_option
def start(name: str, moves: tuple[str, ...], as_json: bool) -> None:
    """Open a journey in its newest version; who is in an earlier one stays on it unless moved."""
    pairs = dict(_pair(each) for each in moves)
    with _journeys() as journeying:
        _told(name, journeying.start(name, moves=pairs), as_json=as_json)


@journeys.command(examples=("ethogram journeys close welcome",))
@click.argument("name")
@json_option
@workspace_option
def close(name: str, as_json: bool) -> None:
    """Let nobody enter a journey any more; who is in it goes on."""
    with _journeys() as journeying:
        _told(name, journeying.close(name), as_json=as_json)


@journeys.command(examples=("ethogram journeys stop welcome --reason 'a wrong price'",))
@click.argument("name")
@click.option("--reason", default="", help="Why, for those who wonder.")
@json_option
@workspace_option
def stop(name: str, reason: str, as_json: bool) -> None:
    """Let a journey rest: nobody enters, nobody moves, nothing of it is sent."""
    with _journeys() as journeying:
        _told(name, journeying.stop(name, reason=reason), as_json=as_json)


@journeys.command(examples=("ethogram journeys resume welcome",))
@click.argument("name")
@json_option
@workspace_option
def resume(name: str, as_json: bool) -> None:
    """Let a stopped journey go on where it was."""
    with _journeys() as journeying:
        _told(name, journeying.resume(name), as_json=as_json)


@journeys.command(examples=("ethogram journeys runs welcome", "ethogram journeys runs welcome --step remind"))
@click.argument("name")
@click.option("--step", help="Only those who are at this step now.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@json_option
@workspace_option
def runs(name: str, step: str | None, limit: int, as_json: bool) -> None:
    """List who is or was in a journey, and where."""
    with _journeys() as journeying:
        rows = journeying.runs(name, step=step, limit=limit)
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note("nobody")
    for each in rows:
        _run_line(out, each)


@journeys.command(examples=("ethogram journeys run run_…",))
@click.argument("id")
@json_option
@workspace_option
def run(id: str, as_json: bool) -> None:
    """Show one person's passage: what started it, and each step with the way that it took."""
    with _journeys() as journeying:
        found, passed = journeying.run(id)
    out = Output()
    if as_json:
        out.json({**to_plain(found), "passed": passed})
        return
    _run_line(out, found)
    out.line(visible(json.dumps(dict(found.data), ensure_ascii=False)[:500]), indent=2)
    for each in passed:
        out.line(f"{each.left_at:%Y-%m-%d %H:%M} UTC  {visible(each.step)} → {visible(each.outcome)}", indent=2)


@journeys.command("end-runs", examples=("ethogram journeys end-runs welcome --reason 'the offer is over'",))
@click.argument("name")
@click.option("--reason", default="ended by hand", show_default=True, help="For counting, and for who wonders.")
@json_option
@workspace_option
def end_runs(name: str, reason: str, as_json: bool) -> None:
    """Take everybody out of a journey, with what waits for them in the outbox."""
    with _journeys() as journeying:
        ended = journeying.end_runs(name, reason=reason)
    out = Output()
    if as_json:
        out.json({"ended": ended})
        return
    out.note(f"{ended:,} {'run is' if ended == 1 else 'runs are'} over")


for _verb in (list_verb, save_verb, versions_verb, remove_verb):
    journeys.add_command(_verb("journey", _NAME))


def _told(name: str, standing: Standing, *, as_json: bool) -> None:
    out = Output()
    if as_json:
        out.json(standing)
        return
    out.line((visible(name), "bold"), f"  {_state(standing)}")


def _state(standing: Standing) -> str:
    version = f", entered in version {standing.version}" if standing.version else ""
    told = standing.state.value + version + (f": {visible(standing.reason)}" if standing.reason else "")
    if standing.paused is None:
        return told
    return f"{told}, but its messages wait: {visible(standing.paused)}; `ethogram journeys resume` sends them"


def _run_line(out: Output, each: Run) -> None:
    reason = f" ({visible(each.reason)})" if each.reason else ""
    due = f", until {each.due_at:%Y-%m-%d %H:%M} UTC" if each.due_at is not None else ""
    out.line(f"{each.id}  {visible(each.profile_id)}  {each.state.value}{reason} at {visible(each.step)}{due}")


def _pair(text: str) -> tuple[str, str]:
    old, mark, new = text.partition("=")
    if not mark or not old or not new:
        raise click.UsageError(f"`{visible(text)}` is no move; write OLD=NEW.")
    return old, new


def _journeys() -> Journeys:
    opened_: Journeys = importlib.import_module("ethogram.journeying").Journeys(workspace_path())
    return opened_
