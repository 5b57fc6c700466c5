"""The verb `outbox`: messages on their way, and what people decide about them.

It opens the ledger only, so it works beside a server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

from ethogram.cli.context import json_option, workspace_option
from ethogram.cli.definitions import workspace_path
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.model.message import Channel, Maker, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethogram.model.message import Message
    from ethogram.sending import Messages

_CHANNELS = click.Choice([each.value for each in Channel])
_STATES = click.Choice([each.value for each in State])


def _origin_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--journey", metavar="NAME", help="Messages of this journey.")(command)
    return click.option("--campaign", metavar="NAME", help="Messages of this campaign.")(command)


_channel_option = click.option("--channel", type=_CHANNELS, help="Messages of this channel.")
_reason_option = click.option("--reason", default="", help="Why, for those who wonder.")


@click.group(
    cls=Verbs,
    examples=(
        "ethogram outbox status",
        "ethogram outbox list --state failed --campaign spring",
        "ethogram outbox unsure",
        "ethogram outbox pause --channel sms --reason 'the provider is down'",
    ),
)
def outbox() -> None:
    """Show messages on their way, decide about unsure ones, pause and cancel."""


@outbox.command("list", examples=("ethogram outbox list", "ethogram outbox list --state failed --channel email"))
@click.option("--state", type=_STATES, help="Messages in this state.")
@_channel_option
@_origin_options
@click.option("--profile", metavar="ID", help="Messages to this profile.")
@click.option("--before", type=click.IntRange(1, 2**63 - 1), help="Older than the message of this number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@json_option
@workspace_option
def list_(
    state: str | None, channel: str | None, campaign: str | None, journey: str | None, profile: str | None,
    before: int | None, limit: int, as_json: bool,
) -> None:  # fmt: skip
    """List messages, newest first."""
    with _messages() as opened:
        rows = opened.listed(
            state=State(state) if state is not None else None,
            channel=Channel(channel) if channel is not None else None,
            origin=_origin(campaign, journey),
            profile_ids=None if profile is None else [profile],
            before=before,
            limit=limit,
        )
    _show_all(rows, "there is no such message", as_json=as_json)


@outbox.command(examples=("ethogram outbox show msg_0123456789abcdef0123456789abcdef",))
@click.argument("id_", metavar="ID")
@json_option
@workspace_option
def show(id_: str, as_json: bool) -> None:
    """Show a message, and what happened to it."""
    with _messages() as opened:
        message, happened = opened.get(id_)
    out = Output()
    if as_json:
        out.json({"message": message, "happened": happened})
        return
    _line(out, message)
    wanted = message.wanted
    for name, value in (
        ("address", message.address), ("template", wanted.template), ("topic", wanted.topic),
        ("variant", wanted.origin.variant), ("occurrence", wanted.origin.occurrence),
        ("provider's id", message.provider_id), ("attempts", message.attempts or ""),
    ):  # fmt: skip
        if value:
            out.line(f"{name}: {visible(str(value))}", indent=2)
    for each in happened:
        told = ", ".join(f"{name}: {value}" for name, value in each.properties.items())
        out.line(f"{each.at:%Y-%m-%d %H:%M:%S} UTC  {visible(each.event)}  {visible(told)}".rstrip(), indent=2)


@outbox.command(examples=("ethogram outbox unsure", "ethogram outbox unsure --json"))
@json_option
@workspace_option
def unsure(as_json: bool) -> None:
    """List messages of which nobody knows whether they were sent, oldest first."""
    with _messages() as opened:
        rows = opened.unsure()
    _show_all(rows, "nothing is in doubt", as_json=as_json)


@outbox.command(examples=("ethogram outbox decide msg_0123456789abcdef0123456789abcdef again  # sent, again or drop",))
@click.argument("id_", metavar="ID")
@click.argument("decision", type=click.Choice(["sent", "again", "drop"]))
@workspace_option
def decide(id_: str, decision: str) -> None:
    """Say what shall become of an unsure message: it was sent, send it again, or drop it."""
    chosen = importlib.import_module("ethogram.sending").Decision(decision)
    with _messages() as opened:
        opened.decide(id_, chosen)
    told = {"sent": "counts as sent", "again": "is sent again", "drop": "is not sent"}[decision]
    Output().note(f"message {visible(id_)} {told}")


@outbox.command(examples=("ethogram outbox status", "ethogram outbox status --json"))
@json_option
@workspace_option
def status(as_json: bool) -> None:
    """Show how much each channel has to send, and what is paused."""
    with _messages() as opened:
        depths, pauses, locked = opened.depths(), opened.paused(), opened.locked()
    out = Output()
    if as_json:
        out.json({"depths": depths, "pauses": pauses, "locked": locked})
        return
    if locked is not None:
        out.warn(f"nothing is sent since {locked.at:%Y-%m-%d %H:%M} UTC: {visible(locked.reason)}")
    if not depths:
        out.note("nothing is to be sent")
    for each in depths:
        since = f", since {each.oldest_at:%Y-%m-%d %H:%M:%S} UTC" if each.oldest_at is not None else ""
        in_doubt = f", {each.unsure:,} unsure" if each.unsure else ""
        out.line((each.channel.value, "bold"), f"  {each.waiting:,} waiting, {each.due:,} due{since}{in_doubt}")
    for pause_ in pauses:
        why = f": {visible(pause_.reason)}" if pause_.reason else ""
        out.warn(f"{pause_.kind} {visible(pause_.name)} is paused since {pause_.at:%Y-%m-%d %H:%M} UTC{why}")


@outbox.command(examples=("ethogram outbox pause --channel sms --reason 'wrong sender'",))
@_channel_option
@_origin_options
@_reason_option
@workspace_option
def pause(channel: str | None, campaign: str | None, journey: str | None, reason: str) -> None:
    """Let messages of a channel, a campaign or a journey wait until it is resumed."""
    _one_of(channel, campaign, journey)
    origin = _origin(campaign, journey)
    with _messages() as opened:
        if origin is None:
            assert channel is not None
            changed = opened.pause_channel(Channel(channel), reason)
        else:
            changed = opened.pause(*origin, reason)
    Output().note("its messages wait until `ethogram outbox resume`" if changed else "it is paused already")


@outbox.command(examples=("ethogram outbox resume --channel sms",))
@_channel_option
@_origin_options
@workspace_option
def resume(channel: str | None, campaign: str | None, journey: str | None) -> None:
    """Send messages of a paused channel, campaign or journey again."""
    _one_of(channel, campaign, journey)
    origin = _origin(campaign, journey)
    with _messages() as opened:
        if origin is None:
            assert channel is not None
            changed = opened.resume_channel(Channel(channel))
        else:
            changed = opened.resume(*origin)
    Output().note("its messages are sent again" if changed else "it is not paused")


@outbox.command(examples=("ethogram outbox cancel --campaign spring --reason 'wrong price'",))
@_origin_options
@_reason_option
@json_option
@workspace_option
def cancel(campaign: str | None, journey: str | None, reason: str, as_json: bool) -> None:
    """Take back the messages of a campaign or journey that are not sent yet."""
    origin = _origin(campaign, journey)
    if origin is None:
        raise click.UsageError("Say whose messages: --campaign NAME or --journey NAME.")
    with _messages() as opened:
        cancelled = opened.cancel(*origin, reason)
    out = Output()
    if as_json:
        out.json({"cancelled": cancelled})
        return
    out.note(f"{cancelled:,} {'message is' if cancelled == 1 else 'messages are'} not sent any more")


@outbox.command(examples=("ethogram outbox lock --reason 'the disk was rolled back'",))
@_reason_option
@json_option
@workspace_option
def lock(reason: str, as_json: bool) -> None:
    """Send nothing at all until it is unlocked, on any channel."""
    with _messages() as opened:
        held = opened.lock(reason)
    out = Output()
    if as_json:
        out.json(held)
        return
    out.note(f"nothing is sent until `ethogram outbox unlock`: {visible(held.reason)}")


@outbox.command(examples=("ethogram outbox unlock",))
@json_option
@workspace_option
def unlock(as_json: bool) -> None:
    """Send again after a backup was restored, once a person has looked.

    Messages that wait in a restored ledger and were sent meanwhile are sent once more: cancel them first.
    """
    with _messages() as opened:
        changed = opened.unlock()
    out = Output()
    if as_json:
        out.json({"changed": changed})
        return
    out.note("messages are sent again" if changed else "it is not locked")


def _one_of(*given: str | None) -> None:
    if sum(each is not None for each in given) != 1:
        raise click.UsageError("Say one of --channel, --campaign and --journey.")


def _origin(campaign: str | None, journey: str | None) -> tuple[Maker, str] | None:
    if campaign is not None and journey is not None:
        raise click.UsageError("Say --campaign or --journey, not both.")
    if campaign is not None:
        return Maker.CAMPAIGN, campaign
    return (Maker.JOURNEY, journey) if journey is not None else None


def _show_all(rows: tuple[Message, ...], otherwise: str, *, as_json: bool) -> None:
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note(otherwise)
    for each in rows:
        _line(out, each)


def _line(out: Output, each: Message) -> None:
    origin = each.wanted.origin
    step = f" / {origin.step}" if origin.step else ""
    why = f"  {each.code or ''} {each.reason or ''}".rstrip()
    out.line(
        f"{each.number:>6}  {each.created_at:%Y-%m-%d %H:%M:%S}  {each.state.value:<9}  {visible(each.id)}  "
        f"{each.wanted.channel.value} to {visible(each.wanted.profile_id)}  "
        f"{origin.maker.value} {visible(origin.name + step)}{visible(why)}"
    )


def _messages() -> Messages:
    opened: Messages = importlib.import_module("ethogram.sending").Messages(workspace_path())
    return opened
