"""Verbs that set a workspace up: `init`, `config`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ethogram.cli.context import SETTINGS_FILE, checked_timezone, json_option, opened, pasted, runtime, workspace_option
from ethogram.cli.help import Verb, Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.errors import SettingError

# What stands between `user:` and `@` in an address is nobody's business on a screen.


@click.command(
    cls=Verb,
    examples=(
        "ethogram init",
        "ethogram init shop --timezone Europe/London",
        "ethogram init archive --now latest  # data of the past",
    ),
)
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--timezone", default="UTC", show_default=True, help="IANA time zone for days, weeks and birthdays.")
@click.option(
    "--now",
    type=click.Choice(("live", "latest")),
    default="live",
    show_default=True,
    help="What `now` means: the clock, or the newest event (for data of the past).",
)
@click.option("--ledger", metavar="URL", help="A PostgreSQL database for the ledger, instead of a file here.")
@click.option("--warehouse", metavar="DSN", help="A ClickHouse server for the warehouse, instead of the embedded one.")
@click.pass_context
def init(
    ctx: click.Context, *, directory: Path | None, timezone: str, now: str, ledger: str | None, warehouse: str | None
) -> None:
    """Make a directory a workspace.

    Writes ethogram.toml into DIRECTORY (default: --workspace, ETHOGRAM_WORKSPACE, or the current directory).
    """
    named = ctx.find_object(str) or os.environ.get("ETHOGRAM_WORKSPACE") or "."
    path = directory or Path(named).expanduser()
    if (path / SETTINGS_FILE).exists():
        raise SettingError(
            f"`{path}` is a workspace already",
            hint=f"`{pasted('ethogram', '-w', str(path), 'config')}` shows its settings.",
        )
    settings = {"timezone": checked_timezone(timezone), "now": now, "ledger": ledger, "warehouse": warehouse}
    with runtime().init(path, **{name: held for name, held in settings.items() if held is not None}):
        pass
    out = Output()
    out.line("made a workspace in ", (visible(str(path.resolve())), "cyan"), f" (time zone {timezone})")
    inside = path.resolve() == Path.cwd()
    load = ("ethogram", "load", "events") if inside else ("ethogram", "-w", str(path), "load", "events")
    out.note(("next: ", "dim"), pasted(*load), " FILE")


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    examples=("ethogram config", "ethogram config timezone Europe/Stockholm", "ethogram config now latest"),
)
@json_option
@workspace_option
@click.pass_context
def config(ctx: click.Context, as_json: bool) -> None:
    """Show and change the settings."""
    if ctx.invoked_subcommand is None:
        _show(as_json)


@config.command()
@json_option
@workspace_option
def show(as_json: bool) -> None:
    """Show the settings."""
    _show(as_json)


def _show(as_json: bool) -> None:
    out = Output()
    with opened(even_damaged=True) as workspace:
        shown = {name: str(held) for name, held in workspace.settings.shown().items()}
    if as_json:
        out.json(shown)
    else:
        out.facts([(name, visible(held) or ("(in the workspace)", "dim")) for name, held in shown.items()])


@config.command(examples=("ethogram config timezone Europe/Stockholm",))
@click.argument("name")
@workspace_option
def timezone(name: str) -> None:
    """Set the time zone for days, weeks, birthdays and what is shown.

    Memberships are computed anew by the next `ethogram run`.
    """
    _set(timezone=checked_timezone(name))


@config.command(examples=("ethogram config now latest",))
@click.argument("meaning", type=click.Choice(("live", "latest")))
@workspace_option
def now(meaning: str) -> None:
    """Set what `now` means: `live` is the clock, `latest` the newest event.

    `latest` is for data of the past: `in last 30 days` then means the last 30 days of the data.
    """
    _set(now=meaning)


def _set(**changes: str) -> None:
    out = Output()
    with opened(even_damaged=True) as workspace:
        workspace.configure(**changes)
    out.note(*[f"{name} is now {visible(held)}" for name, held in changes.items()])
