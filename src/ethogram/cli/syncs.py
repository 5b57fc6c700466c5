"""The verb `syncs`: members of segments that are kept the same elsewhere. It opens the ledger only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import found, json_option, workspace_option
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.cli.plain import to_plain

if TYPE_CHECKING:
    from ethogram.model.outgoing import SyncView
    from ethogram.recipients import Syncs


@click.group(
    cls=Verbs,
    examples=(
        "ethogram syncs add vip vip.csv --full --every '1 hour'",
        "ethogram syncs add vip https://example.com/audience --trait email",
        "ethogram syncs list",
        "ethogram syncs run 1",
    ),
)
def syncs() -> None:
    """Keep files and other systems equal to a segment's members."""


@syncs.command(
    examples=(
        "ethogram syncs add vip vip.csv  # a file for each difference, in the workspace's sync/",
        "ethogram syncs add vip lists/vip.parquet --full --cron '0 6 * * *' --trait email --trait plan",
        "ethogram syncs add vip https://example.com/audience",
    )
)
@click.argument("segment")
@click.argument("target", metavar="FILE|URL")
@click.option("--format", type=click.Choice(("csv", "parquet", "jsonl")), help="Default: what the file's name says.")
@click.option("--full", is_flag=True, help="Everybody each time, instead of adds and removes.")
@click.option("--trait", "traits", multiple=True, help="A column beside the id; repeat it for more.")
@click.option(
    "--every", metavar="LENGTH", help="`15 minutes`, `6 hours` … Default: whenever somebody enters or leaves."
)
@click.option("--cron", metavar="LINE", help="Times as a cron line, in the workspace's zone.")
@click.option("--label", default="", help="What it is for, to know it again.")
@click.option("--secret", metavar="whsec_…", help="A secret that the receiver has already, instead of a new one.")
@json_option
@workspace_option
def add(
    segment: str,
    target: str,
    format: str | None,
    full: bool,
    traits: tuple[str, ...],
    every: str | None,
    cron: str | None,
    label: str,
    secret: str | None,
    as_json: bool,
) -> None:
    """Add a sync; its target is given everybody first. A running server begins at once."""
    if every and cron:
        raise click.UsageError("Give --every or --cron, not both.")
    when = f"every {every}" if every else f"cron {cron}" if cron else "on change"
    with _opened() as opened:
        sync, made = opened.add(
            segment, target, format=format, mode="full" if full else "changes", traits=traits, when=when, label=label,
            secret=secret,
        )  # fmt: skip
    out = Output()
    if as_json:
        out.json({**to_plain(sync), "secret": made})
        return
    if made is not None:
        out.line((made, "bold"))
        out.note("the secret that signs what is sent; it is not shown again")
    out.note(f"sync {sync.id}: {visible(sync.segment)} to {visible(target)}, {sync.when}")


@syncs.command("list", examples=("ethogram syncs list", "ethogram syncs list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the syncs, and how they go."""
    with _opened() as opened:
        rows = opened.listed()
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note("there is no sync; `ethogram syncs add SEGMENT FILE` makes one")
    for sync in rows:
        _show_line(out, sync)


@syncs.command(examples=("ethogram syncs show 1",))
@click.argument("number", type=int)
@json_option
@workspace_option
def show(number: int, as_json: bool) -> None:
    """Show a sync: what goes where, when, and how that goes."""
    with _opened() as opened:
        sync = opened.one(number)
    out = Output()
    if as_json:
        out.json(sync)
        return
    _show_line(out, sync)
    for name, value in to_plain(sync).items():
        if value not in (None, [], ""):
            out.line(f"{name}: {visible(str(value))}", indent=2)


@syncs.command(examples=("ethogram syncs run 1",))
@click.argument("number", type=int)
@workspace_option
def run(number: int) -> None:
    """Have a sync done now, by the running server or the next one; one that failures stopped goes on."""
    with _opened() as opened:
        opened.run(number)
    Output().note(f"sync {number} is done as soon as a server works on the workspace")


@syncs.command(examples=("ethogram syncs remove 1",))
@click.argument("number", type=int)
@workspace_option
def remove(number: int) -> None:
    """Remove a sync; what it wrote stays."""
    with _opened() as opened:
        opened.remove(number)
    Output().note(f"sync {number} is gone; what it wrote stays")


def _show_line(out: Output, sync: SyncView) -> None:
    done = f"synced {sync.synced_at:%Y-%m-%d %H:%M:%S} UTC" if sync.synced_at else "not yet synced"
    told = f"  {visible(sync.trouble)}" if sync.trouble else ""
    target = visible(str(sync.file or sync.url))
    out.line(f"{sync.id:>4}  {visible(sync.segment)} → {target}  {sync.mode}, {sync.when}, {done}{told}")


def _opened() -> Syncs:
    recipients = importlib.import_module("ethogram.recipients")  # `--help` loads no client
    opened: Syncs = recipients.Syncs(found(click.get_current_context().find_object(str)))
    return opened
