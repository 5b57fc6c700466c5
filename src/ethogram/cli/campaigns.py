"""The verb `campaigns`: message plans, and what they do. It opens the ledger only, so it works beside a server."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import click

from ethogram.cli.context import json_option, opened, workspace_option
from ethogram.cli.definitions import definitions, save_verb, show_document, versions_verb, workspace_path
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.cli.plain import to_plain
from ethogram.cli.reports import show_report

if TYPE_CHECKING:
    from ethogram.campaigning import Campaigns, Launch, Progress
    from ethogram.rehearsing import DryRun


@click.group(
    cls=Verbs,
    examples=(
        "ethogram campaigns save spring spring.yaml",
        "ethogram campaigns start spring",
        "ethogram campaigns show spring",
        "ethogram campaigns trigger order-shipped --to ann --data '{\"order\": 7}'",
    ),
)
def campaigns() -> None:
    """Define, start, stop and call campaigns."""


@campaigns.command("list", examples=("ethogram campaigns list", "ethogram campaigns list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the campaigns, and what each does now."""
    with definitions() as defined, _campaigns() as campaigning:
        rows = [(saved, campaigning.progress(saved.name)) for saved in defined.listed("campaign")]
    out = Output()
    if as_json:
        out.json([{**to_plain(saved), "state": progress.state, "reason": progress.reason} for saved, progress in rows])
        return
    if not rows:
        out.note("there is no campaign; `ethogram campaigns save NAME FILE` makes one")
    for saved, progress in rows:
        out.line((f"{visible(saved.name)}", "bold"), f"  {_state(progress)}  version {saved.version}")


@campaigns.command(examples=("ethogram campaigns show spring", "ethogram campaigns show spring --version 1"))
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="Default: the newest one.")
@json_option
@workspace_option
def show(name: str, version: int | None, as_json: bool) -> None:
    """Show a campaign: its definition, what it does, and its launches."""
    with definitions() as defined, _campaigns() as campaigning:
        saved = defined.get("campaign", name, version)
        progress, launches, following = (
            campaigning.progress(name),
            campaigning.launches(name, limit=5),
            campaigning.next_at(name),
        )
    out = Output()
    if as_json:
        out.json({**to_plain(saved), "progress": progress, "launches": launches, "next": following})
        return
    out.line((visible(name), "bold"), f"  version {saved.version}, {_state(progress)}")
    show_document(out, "campaign", name, saved.body)
    if following is not None:
        out.line(f"next: {following.due_at:%Y-%m-%d %H:%M} UTC")
    for launch in launches:
        _launch_line(out, launch)


@campaigns.command(examples=("ethogram campaigns start spring",))
@click.argument("name")
@json_option
@workspace_option
def start(name: str, as_json: bool) -> None:
    """Let a campaign begin; the server decides and sends."""
    with _campaigns() as campaigning:
        _told(name, campaigning.start(name), as_json=as_json)


@campaigns.command(examples=("ethogram campaigns stop spring --reason 'a typo'",))
@click.argument("name")
@click.option("--reason", default="", help="Why, for those who wonder.")
@json_option
@workspace_option
def stop(name: str, reason: str, as_json: bool) -> None:
    """Let a campaign rest: nothing more is decided or sent until it is resumed."""
    with _campaigns() as campaigning:
        _told(name, campaigning.stop(name, reason=reason), as_json=as_json)


@campaigns.command(examples=("ethogram campaigns resume spring",))
@click.argument("name")
@json_option
@workspace_option
def resume(name: str, as_json: bool) -> None:
    """Let a stopped campaign go on where it was."""
    with _campaigns() as campaigning:
        _told(name, campaigning.resume(name), as_json=as_json)


@campaigns.command(examples=("ethogram campaigns finish spring",))
@click.argument("name")
@json_option
@workspace_option
def finish(name: str, as_json: bool) -> None:
    """End a campaign for good."""
    with _campaigns() as campaigning:
        _told(name, campaigning.finish(name), as_json=as_json)


@campaigns.command(
    "dry-run", examples=("ethogram campaigns dry-run spring", "ethogram campaigns dry-run spring --samples 1")
)
@click.argument("name")
@click.option("--samples", type=click.IntRange(0, 20), default=3, show_default=True, help="Rendered messages to show.")
@json_option
@workspace_option
def dry_run(name: str, samples: int, as_json: bool) -> None:
    """Show what a campaign would send now: how many get it, who does not and why, and some messages. Sends nothing.

    It asks the warehouse, so a running server answers it over HTTP instead: `POST /api/campaigns/NAME/dry-run`.
    """
    with opened() as workspace:
        rehearsal = importlib.import_module("ethogram.rehearsing").Rehearsal(
            workspace.path, workspace.people, clock=workspace.clock
        )
        told = rehearsal.dry_run(name, samples=samples)
    out = Output()
    if as_json:
        out.json(told)
        return
    _show_dry_run(out, told)


@campaigns.command(
    examples=("ethogram campaigns report spring", "ethogram campaigns report spring --method sequential --json")
)
@click.argument("name")
@click.option("--step", help="Of a journey of that name: one of its messages.")
@click.option(
    "--method",
    type=click.Choice(("fixed", "sequential", "bayesian")),
    default="fixed",
    show_default=True,
    help="fixed: looked at once, at the end. sequential: at any time.",
)
@json_option
@workspace_option
def report(name: str, step: str | None, method: str, as_json: bool) -> None:
    """Show what a campaign did: who got it, what they did, and the lift over those who were held out.

    It asks the warehouse, so a running server answers it over HTTP instead: `GET /api/campaigns/NAME/report`.
    """
    with opened() as workspace:
        reports = importlib.import_module("ethogram.reporting").Reports(workspace, workspace.path)
        how = importlib.import_module("ethogram.model.experiment").Method(method)
        told = reports.campaign(name, method=how) if step is None else reports.journey(name, step, method=how)
    out = Output()
    if as_json:
        out.json(told)
        return
    show_report(out, told)


@campaigns.command(
    examples=(
        "ethogram campaigns trigger order-shipped --to ann --data '{\"order\": 7}' --key order-7",
        "ethogram campaigns trigger reminder --recipients people.json",
    )
)
@click.argument("name")
@click.option("--to", "to", multiple=True, help="A profile id; repeat it for more.")
@click.option(
    "--recipients",
    type=click.File("r", encoding="utf-8"),
    help='A JSON list of `{"profile_id": …, "data": {…}}`; `-` reads standard input.',
)
@click.option("--data", default="{}", help="JSON for the templates, the same for all.")
@click.option("--key", help="Names the call: the same key again sends nothing again.")
@json_option
@workspace_option
def trigger(name: str, to: tuple[str, ...], recipients: Any, data: str, key: str | None, as_json: bool) -> None:
    """Send a campaign that is sent by calls to some people, now."""
    chosen = [{"profile_id": id_} for id_ in to] + (_json(recipients.read(), list) if recipients is not None else [])
    with _campaigns() as campaigning:
        launch, new = campaigning.trigger(name, chosen, data=_json(data, dict), key=key)
    out = Output()
    if as_json:
        out.json({"launch": launch, "new": new})
        return
    out.line(
        f"{len(chosen):,} {'recipient' if len(chosen) == 1 else 'recipients'}" if new else "this call was made before"
    )


@campaigns.command(examples=("ethogram campaigns launches spring",))
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@json_option
@workspace_option
def launches(name: str, limit: int, as_json: bool) -> None:
    """List a campaign's launches, newest first: when it was sent, and how far each has come."""
    with _campaigns() as campaigning:
        rows = campaigning.launches(name, limit=limit)
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note("it was not sent yet")
    for each in rows:
        _launch_line(out, each)


@campaigns.command(examples=("ethogram campaigns remove spring",))
@click.argument("name")
@workspace_option
def remove(name: str) -> None:
    """Remove a campaign; what it has sent stays on record."""
    with definitions() as defined, _campaigns() as campaigning:
        if campaigning.progress(name).state == "active":
            raise click.UsageError(
                f"Campaign `{visible(name)}` is under way; `ethogram campaigns finish` ends it first."
            )
        defined.remove("campaign", name)
    Output().note(f"campaign {visible(name)} is gone")


def _show_dry_run(out: Output, told: DryRun) -> None:
    later = f", {told.postponed:,} of them when quiet hours are over" if told.postponed else ""
    out.line((f"{told.audience:,} people are meant", "bold"))
    out.line(f"{told.eligible:,} would get it{later}", indent=2)
    if len(told.variants) > 1:
        out.line(", ".join(f"{visible(name)}: {count:,}" for name, count in told.variants.items()), indent=4)
    if told.held_out:
        out.line(f"{told.held_out:,} held out, for comparison", indent=2)
    for code, count in told.refused.items():
        out.line(f"{count:,} {visible(code)}: {visible(told.reasons.get(code, ''))}", indent=2)
    for name, share in told.missing.items():
        out.warn(f"{share:.1%} of those who would get it lack `{visible(name)}`, and so get nothing")
    for sample in told.samples:
        variant = f" ({visible(sample.variant)})" if sample.variant else ""
        out.line((f"for {visible(sample.profile_id)}{variant}", "bold"))
        for name, value in to_plain(sample.preview.content).items():
            if isinstance(value, str) and value and name != "html":
                out.line(f"{name}: {visible(value[:500])}", indent=2)


def _told(name: str, progress: Progress, *, as_json: bool) -> None:
    out = Output()
    if as_json:
        out.json(progress)
        return
    out.line((visible(name), "bold"), f"  {_state(progress)}")


def _state(progress: Progress) -> str:
    told = progress.state.value + (f": {visible(progress.reason)}" if progress.reason else "")
    if progress.paused is None:
        return told
    return f"{told}, but its messages wait: {visible(progress.paused)}; `ethogram campaigns resume` sends them"


def _launch_line(out: Output, launch: Launch) -> None:
    many = f"{launch.decided:,} people decided about" if launch.decided else ""
    occurrence = visible(launch.occurrence)
    out.line(f"{launch.due_at:%Y-%m-%d %H:%M:%S} UTC  {launch.state.value:<8}  {occurrence}  {many}".rstrip())


def _json(text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"`{visible(text[:80])}` is no JSON: {error}") from None
    if not isinstance(value, kind):
        raise click.UsageError(f"`{visible(text[:80])}` must be a JSON {'list' if kind is list else 'object'}.")
    return value


def _campaigns() -> Campaigns:
    campaigning: Campaigns = importlib.import_module("ethogram.campaigning").Campaigns(workspace_path())
    return campaigning


campaigns.add_command(save_verb("campaign", "spring"))
campaigns.add_command(versions_verb("campaign", "spring"))
