"""The verb `webhooks`: who is told of entries and exits. It opens the ledger only, so it works beside a server."""

from __future__ import annotations

import datetime as dt
import importlib
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import found, json_option, workspace_option
from ethogram.cli.exits import ExitCode
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.cli.plain import to_plain

if TYPE_CHECKING:
    from ethogram.model.outgoing import DeliveryView, WebhookView
    from ethogram.recipients import Webhooks

_DIRECTIONS = ("entered", "left")
_STATES = ("waiting", "sent", "dead")


@click.group(
    cls=Verbs,
    examples=(
        "ethogram webhooks add https://example.com/hook --segment vip --change entered",
        "ethogram webhooks test 1",
        "ethogram webhooks deliveries --state dead",
        "ethogram webhooks retry 1",
    ),
)
def webhooks() -> None:
    """Tell other systems who enters and who leaves segments."""


@webhooks.command(
    examples=(
        "ethogram webhooks add https://example.com/hook  # every segment, entered and left",
        "ethogram webhooks add https://example.com/hook --segment vip --trait email --together 100",
    )
)
@click.argument("url")
@click.option("--segment", "segments", multiple=True, help="A segment to tell of; repeat it for more. Default: all.")
@click.option("--change", "changes", type=click.Choice(_DIRECTIONS), multiple=True, help="Only entries, or only exits.")
@click.option("--trait", "traits", multiple=True, help="A trait that is sent along; repeat it for more.")
@click.option(
    "--together", default=1, show_default=True, help="How many changes one request may hold; several have another form."
)
@click.option("--label", default="", help="What it is for, to know it again.")
@click.option("--secret", metavar="whsec_…", help="A secret that the receiver has already, instead of a new one.")
@json_option
@workspace_option
def add(
    url: str,
    segments: tuple[str, ...],
    changes: tuple[str, ...],
    traits: tuple[str, ...],
    together: int,
    label: str,
    secret: str | None,
    as_json: bool,
) -> None:
    """Add a webhook; the secret that signs what it is told is shown once."""
    with _opened() as opened:
        webhook, made = opened.add(
            url, segments=segments or None, changes=changes or _DIRECTIONS, traits=traits, together=together,
            label=label, secret=secret,
        )  # fmt: skip
    out = Output()
    if as_json:
        out.json(_with_secret(webhook, made))
        return
    out.line((made, "bold"))
    out.note(f"webhook {webhook.id}; the secret is not shown again. `ethogram webhooks test {webhook.id}` tries it")


@webhooks.command("list", examples=("ethogram webhooks list", "ethogram webhooks list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the webhooks, and how sending to them goes."""
    with _opened() as opened:
        rows = opened.listed()
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note("there is no webhook; `ethogram webhooks add URL` makes one")
    for each in rows:
        _show_line(out, each)


@webhooks.command(examples=("ethogram webhooks show 1",))
@click.argument("number", type=int)
@json_option
@workspace_option
def show(number: int, as_json: bool) -> None:
    """Show a webhook: what it is told, and how that goes."""
    with _opened() as opened:
        webhook = opened.one(number)
        newest = opened.deliveries(number, limit=5)
    out = Output()
    if as_json:
        out.json(webhook)
        return
    _show_line(out, webhook)
    for name in ("segments", "changes", "traits", "together", "behind", "failures", "held_until"):
        value = getattr(webhook, name)
        shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        out.line(f"{name}: {visible(str('all' if name == 'segments' and value is None else shown))}", indent=2)
    for delivery in newest:
        _delivery_line(out, delivery)


@webhooks.command(examples=("ethogram webhooks test 1",))
@click.argument("number", type=int)
@json_option
@workspace_option
def test(number: int, as_json: bool) -> None:
    """Send a webhook a message of the type `ethogram.test` now, and show what came of it."""
    with _opened() as opened:
        trial = opened.test(number)
    out = Output()
    if as_json:
        out.json(trial)
    else:
        told = f"it answered {trial.status}" if trial.delivered else str(trial.reason)
        out.item(out.mark(trial.delivered), visible(told))
    if not trial.delivered:
        raise click.exceptions.Exit(ExitCode.USER_ERROR)


@webhooks.command(examples=("ethogram webhooks pause 1",))
@click.argument("number", type=int)
@workspace_option
def pause(number: int) -> None:
    """Tell a webhook nothing until it is resumed; what changes meanwhile waits."""
    with _opened() as opened:
        opened.pause(number)
    Output().note(f"webhook {number} is told nothing until `ethogram webhooks resume {number}`")


@webhooks.command(examples=("ethogram webhooks resume 1",))
@click.argument("number", type=int)
@workspace_option
def resume(number: int) -> None:
    """Tell a paused or disabled webhook again, and what it missed meanwhile too."""
    with _opened() as opened:
        opened.resume(number)
    Output().note(f"webhook {number} is told again")


@webhooks.command(examples=("ethogram webhooks remove 1",))
@click.argument("number", type=int)
@workspace_option
def remove(number: int) -> None:
    """Remove a webhook; what waits for it is not sent."""
    with _opened() as opened:
        opened.remove(number)
    Output().note(f"webhook {number} is gone")


@webhooks.command(examples=("ethogram webhooks rotate 1", "ethogram webhooks rotate 1 --overlap-hours 1"))
@click.argument("number", type=int)
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 24 * 30),
    default=24,
    show_default=True,
    help="For how long the secret before signs too.",
)
@json_option
@workspace_option
def rotate(number: int, overlap_hours: int, as_json: bool) -> None:
    """Sign with a new secret, which is shown once; for a while with both."""
    with _opened() as opened:
        webhook, made = opened.rotate(number, overlap=dt.timedelta(hours=overlap_hours))
    out = Output()
    if as_json:
        out.json(_with_secret(webhook, made))
        return
    out.line((made, "bold"))
    out.note(f"the secret before is good for {overlap_hours} more hours")


@webhooks.command(examples=("ethogram webhooks deliveries", "ethogram webhooks deliveries 1 --state dead"))
@click.argument("number", type=int, required=False)
@click.option("--state", type=click.Choice(_STATES), help="dead: given up after the last attempt.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@json_option
@workspace_option
def deliveries(number: int | None, state: str | None, limit: int, as_json: bool) -> None:
    """List deliveries, newest first: what was sent, waits, or was given up."""
    with _opened() as opened:
        rows = opened.deliveries(number, state=state, limit=limit)
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note("there is no such delivery")
    for each in rows:
        _delivery_line(out, each)


@webhooks.command(
    examples=("ethogram webhooks retry 1  # everything that was given up", "ethogram webhooks retry --delivery msg_…")
)
@click.argument("number", type=int, required=False)
@click.option("--delivery", metavar="ID", help="Only this one, also if it was sent.")
@json_option
@workspace_option
def retry(number: int | None, delivery: str | None, as_json: bool) -> None:
    """Send again what was given up, under the ids it had."""
    with _opened() as opened:
        again = opened.retry(number, delivery=delivery)
    out = Output()
    if as_json:
        out.json({"again": again})
        return
    out.note(f"{again} {'delivery is' if again == 1 else 'deliveries are'} sent again")


def _show_line(out: Output, each: WebhookView) -> None:
    state = "on" if each.enabled else f"off: {each.reason}"
    failing = f", failing since {each.failing_since:%Y-%m-%d %H:%M} UTC" if each.failing_since else ""
    out.line(f"{each.id:>4}  {visible(each.url)}  {visible(state)}{failing}  {visible(each.label)}".rstrip())


def _delivery_line(out: Output, each: DeliveryView) -> None:
    tried = f"{each.attempts} {'attempt' if each.attempts == 1 else 'attempts'}"
    after = f"  next {each.due_at:%Y-%m-%d %H:%M:%S} UTC" if each.state == "waiting" and each.attempts else ""
    told = f"  {visible(each.error)}" if each.error else ""
    made = f"{each.created_at:%Y-%m-%d %H:%M:%S}"
    out.line(f"{made}  {each.state:<7}  {each.id}  {visible(each.about)}  {tried}{after}{told}")


def _with_secret(webhook: WebhookView, secret: str) -> dict[str, object]:
    return {**to_plain(webhook), "secret": secret}


def _opened() -> Webhooks:
    recipients = importlib.import_module("ethogram.recipients")  # `--help` loads no client
    opened: Webhooks = recipients.Webhooks(found(click.get_current_context().find_object(str)))
    return opened
