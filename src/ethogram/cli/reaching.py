"""The verbs `suppressions` and `devices`: where people can be reached, and where not. They open the ledger only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import json_option, workspace_option
from ethogram.cli.definitions import workspace_path
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.model.message import Channel

if TYPE_CHECKING:
    from ethogram.reaching import Device, Devices, Suppression, Suppressions

_ADDRESSED = click.Choice(["email", "sms", "whatsapp"])
_channel = click.option("--channel", type=_ADDRESSED, default="email", show_default=True, help="Whose addresses.")


@click.group(
    cls=Verbs,
    examples=(
        "ethogram suppressions list --channel email",
        "ethogram suppressions add ann@shop.example --reason asked-us",
        "ethogram suppressions import bounced.csv",
    ),
)
def suppressions() -> None:
    """List, add, remove and import addresses that nothing is sent to."""


@suppressions.command("list", examples=("ethogram suppressions list", "ethogram suppressions list --channel sms"))
@click.option("--channel", type=_ADDRESSED, help="Only addresses of this channel.")
@click.option("--after", default="", metavar="WHERE", help="Where the page before ended.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@json_option
@workspace_option
def list_suppressions(channel: str | None, after: str, limit: int, as_json: bool) -> None:
    """List addresses that nothing is sent to, and why."""
    with _suppressions() as opened:
        page = opened.listed(Channel(channel) if channel is not None else None, after=after, limit=limit)
    out = Output()
    if as_json:
        out.json(page)
        return
    if not page.suppressions:
        out.note("nothing is suppressed")
    for each in page.suppressions:
        _suppression(out, each)
    if page.after is not None:
        out.note(f"there are more: --after '{visible(page.after)}'")


@suppressions.command(examples=("ethogram suppressions show ann@shop.example",))
@click.argument("address")
@_channel
@json_option
@workspace_option
def show(address: str, channel: str, as_json: bool) -> None:
    """Show why nothing is sent to an address."""
    with _suppressions() as opened:
        found = opened.find(Channel(channel), address)
    out = Output()
    if as_json:
        out.json(found)
        return
    _suppression(out, found)


@suppressions.command(
    examples=("ethogram suppressions add ann@shop.example", "ethogram suppressions add +46701740605 --channel sms")
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@_channel
@click.option("--reason", default="added", show_default=True, help="Why, in a word.")
@json_option
@workspace_option
def add(addresses: tuple[str, ...], channel: str, reason: str, as_json: bool) -> None:
    """Send nothing to addresses from now on."""
    with _suppressions() as opened:
        added = opened.add(Channel(channel), addresses, reason=reason)
    out = Output()
    if as_json:
        out.json({"added": added})
        return
    out.note(f"{added:,} of {len(addresses):,} were not suppressed before")


@suppressions.command(examples=("ethogram suppressions remove ann@shop.example",))
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@_channel
@json_option
@workspace_option
def remove(addresses: tuple[str, ...], channel: str, as_json: bool) -> None:
    """Send to addresses again, as far as their people want it."""
    with _suppressions() as opened:
        removed = opened.remove(Channel(channel), addresses)
    out = Output()
    if as_json:
        out.json({"removed": removed})
        return
    out.note(f"{removed:,} of {len(addresses):,} were suppressed, and are so no more")


@suppressions.command("import", examples=("ethogram suppressions import bounced.csv --column Email --reason bounced",))
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@_channel
@click.option("--column", metavar="NAME", help="Which one holds the addresses; else address, email, phone or the only.")
@click.option("--reason", default="imported", show_default=True, help="Why, in a word.")
@click.option("--format", "format_", type=click.Choice(["csv", "jsonl", "parquet"]), help="Where the content is mute.")
@json_option
@workspace_option
def import_(
    files: tuple[str, ...], channel: str, column: str | None, reason: str, format_: str | None, as_json: bool
) -> None:
    """Send nothing to the addresses of files from now on; `-` reads standard input."""
    with _suppressions() as opened:
        done = opened.import_files(Channel(channel), files, column=column, reason=reason, format=format_)
    out = Output()
    if as_json:
        out.json(done)
        return
    out.line(f"{done.added:,} added, {done.known:,} known already, {done.faulty:,} are no addresses")
    for each in done.examples:
        out.warn(f"no address: {each}")


@click.group(
    cls=Verbs,
    examples=("ethogram devices list ann", "ethogram devices remove dev_0123456789abcdef0123456789abcdef"),
)
def devices() -> None:
    """List phones and browsers that take notifications, and end them."""


@devices.command("list", examples=("ethogram devices list ann", "ethogram devices list --channel webpush"))
@click.argument("profile", metavar="ID", required=False)
@click.option("--channel", type=click.Choice(["push", "webpush"]), help="Only of this channel; not beside an ID.")
@click.option("--ended", is_flag=True, help="Those that take nothing any more, too.")
@click.option("--after", default="", metavar="DEVICE", help="Only behind this one; not beside an ID.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@json_option
@workspace_option
def list_devices(profile: str | None, channel: str | None, ended: bool, after: str, limit: int, as_json: bool) -> None:
    """List the devices of a person, or of everybody."""
    with _devices() as opened:
        if profile is not None:
            rows = tuple(each for each in opened.of(profile) if ended or each.ended_at is None)[:limit]
        else:
            chosen = Channel(channel) if channel is not None else None
            rows = opened.listed(chosen, ended=ended, after=after, limit=limit)
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note("there is no device")
    for each in rows:
        _device(out, each)


@devices.command("remove", examples=("ethogram devices remove dev_0123456789abcdef0123456789abcdef",))
@click.argument("id_", metavar="DEVICE")
@json_option
@workspace_option
def remove_device(id_: str, as_json: bool) -> None:
    """Send nothing to a device any more, until it registers again."""
    with _devices() as opened:
        found = opened.remove(id_)
    out = Output()
    if as_json:
        out.json(found)
        return
    out.note(f"device {visible(found.id)} takes nothing any more")


def _suppression(out: Output, each: Suppression) -> None:
    out.line(
        f"{each.at:%Y-%m-%d %H:%M:%S} UTC  {each.channel.value}  ",
        (visible(each.address), "bold"),
        f"  {visible(each.reason)}, said by {visible(each.source)}",
    )


def _device(out: Output, each: Device) -> None:
    ended = f"  ended {each.ended_at:%Y-%m-%d %H:%M}: {each.end_reason or ''}" if each.ended_at is not None else ""
    out.line(
        f"{each.seen_at:%Y-%m-%d %H:%M:%S} UTC  ",
        (visible(each.id), "bold"),
        f"  {each.channel.value} {visible(each.platform)} of {visible(each.profile_id)}{visible(ended)}",
    )


def _suppressions() -> Suppressions:
    opened: Suppressions = importlib.import_module("ethogram.reaching").Suppressions(workspace_path())
    return opened


def _devices() -> Devices:
    opened: Devices = importlib.import_module("ethogram.reaching").Devices(workspace_path())
    return opened
