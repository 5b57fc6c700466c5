"""The verb `consents`: what people chose to receive, looked at and said on their behalf. It opens the ledger only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import json_option, workspace_option
from ethogram.cli.definitions import workspace_path
from ethogram.cli.exits import ExitCode
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.model.message import Channel

if TYPE_CHECKING:
    from ethogram.consenting import Choice, Consents

_CHANNELS = click.Choice([each.value for each in Channel])
_SHOWN = 10  # rejected rows that are told


@click.group(
    cls=Verbs,
    examples=(
        "ethogram consents show ann",
        "ethogram consents set ann --channel email --topic news --yes",
        "ethogram consents history ann",
        "ethogram consents import consents.csv",
    ),
)
def consents() -> None:
    """Show what people chose to receive, and say it on their behalf."""


@consents.command(examples=("ethogram consents show ann", "ethogram consents show ann --json"))
@click.argument("profile", metavar="ID")
@json_option
@workspace_option
def show(profile: str, as_json: bool) -> None:
    """Show what holds for a person now, by channel and topic."""
    with _consents() as opened:
        rows = opened.holding(profile)
    _show(rows, as_json=as_json)


@consents.command(examples=("ethogram consents history ann",))
@click.argument("profile", metavar="ID")
@json_option
@workspace_option
def history(profile: str, as_json: bool) -> None:
    """Show everything that a person ever chose, oldest first."""
    with _consents() as opened:
        rows = opened.history(profile)
    _show(rows, as_json=as_json)


@consents.command(
    "set",
    examples=(
        "ethogram consents set ann --channel email --topic news --yes",
        "ethogram consents set ann --channel sms --no --source 'phone call'",
    ),
)
@click.argument("profile", metavar="ID")
@click.option("--channel", type=_CHANNELS, required=True, help="By which it comes.")
@click.option("--topic", default="", metavar="NAME", help="What it is about; left out, the channel as a whole.")
@click.option("--yes/--no", "subscribed", default=None, help="Whether it shall come.")
@click.option("--confirmed", is_flag=True, help="Whoever has the address has confirmed it already.")
@click.option("--at", metavar="INSTANT", help="When it was said, with its zone; left out, now.")
@click.option("--source", default="cli", show_default=True, help="How it was said.")
@click.option("--wording", default="", help="The version of the text that was agreed to.")
@json_option
@workspace_option
def set_(
    profile: str, channel: str, topic: str, subscribed: bool | None, confirmed: bool, at: str | None, source: str,
    wording: str, as_json: bool,
) -> None:  # fmt: skip
    """Write down what a person said; a topic that needs a double opt-in sends its question."""
    if subscribed is None:
        raise click.UsageError("Say --yes or --no.")
    choice = {
        "channel": channel, "topic": topic or None, "subscribed": subscribed, "confirmed": confirmed, "at": at,
        "source": source, "wording": wording or None,
    }  # fmt: skip
    with _consents() as opened:
        said = opened.set(profile, [choice])
    out = Output()
    if as_json:
        out.json(said)
        return
    _show(said.holding, as_json=False)
    if said.asked:
        out.note("a message asks for the second yes; without it nothing comes")


@consents.command("import", examples=("ethogram consents import consents.csv", "ethogram consents import - < c.jsonl"))
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--format", "format_", type=click.Choice(["csv", "jsonl", "parquet"]), help="Where the content is mute.")
@json_option
@workspace_option
def import_(files: tuple[str, ...], format_: str | None, as_json: bool) -> None:
    """Take choices from files, with the columns profile_id, channel, topic, subscribed, at, source, wording, confirmed.

    Rows that cannot be taken are told; nobody is asked for a second yes.
    """
    with _consents() as opened:
        done = opened.import_files(files, format=format_)
    out = Output()
    if as_json:
        out.json(done)
    else:
        out.line(f"{done.written:,} choices are written down")
        for each in done.rejections[:_SHOWN]:
            out.warn(f"line {each.line}: {each.reason}")
        if done.rejected > _SHOWN:
            out.note(f"{done.rejected:,} rows were not taken")
    if done.rejected:
        raise click.exceptions.Exit(ExitCode.REJECTS)


def _show(rows: tuple[Choice, ...], *, as_json: bool) -> None:
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note("nothing was said")
    for each in rows:
        about = f"{each.channel.value}{f' / {each.topic}' if each.topic else ''}"
        said = ("yes, confirmed" if each.confirmed else "yes") if each.subscribed else "no"
        wording = f" to {each.wording}" if each.wording else ""
        out.line(
            f"{each.at:%Y-%m-%d %H:%M:%S} UTC  ",
            (visible(about), "bold"),
            f"  {said}  {visible(each.source + wording)}",
        )


def _consents() -> Consents:
    opened: Consents = importlib.import_module("ethogram.consenting").Consents(workspace_path())
    return opened
