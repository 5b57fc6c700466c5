"""The verb `keys`: who may send events, ask, or manage. It opens the ledger only, so it works beside a server."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import found, json_option, workspace_option
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output

if TYPE_CHECKING:
    from ethogram.collecting import Key, Keys

_SCOPES = ("write", "read", "manage")


@click.group(
    cls=Verbs,
    examples=(
        'ethogram keys add --scope write --label "web site"',
        "ethogram keys add --scope write --value wk_demo  # a key that senders have already",
        "ethogram keys list",
        "ethogram keys revoke 2",
    ),
)
def keys() -> None:
    """Add, list and revoke the keys of senders and askers."""


@keys.command(examples=("ethogram keys add", "ethogram keys add --scope read --label shop"))
@click.option(
    "--scope",
    type=click.Choice(_SCOPES),
    default="write",
    show_default=True,
    help="write: send events. read: ask for profiles and members too. manage: everything.",
)
@click.option("--label", default="", help="What it is for, to know it again.")
@click.option("--value", metavar="KEY", help="A key that senders have already, instead of a new one.")
@json_option
@workspace_option
def add(scope: str, label: str, value: str | None, as_json: bool) -> None:
    """Add a key; its value is shown once and kept only as a hash.

    To change a key without a pause, add the new one, move the senders, and revoke the old one.
    """
    with _opened() as opened:
        key, made = opened.add(scope, label=label, value=value)
    out = Output()
    if as_json:
        out.json({**_plain(key), "value": made})
        return
    out.line((made, "bold"))
    out.note(f"key {key.id}, scope {key.scope.value}; it is not shown again")


@keys.command("list", examples=("ethogram keys list", "ethogram keys list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the keys; none shows its value."""
    with _opened() as opened:
        found_keys = opened.listed()
    out = Output()
    if as_json:
        out.json([_plain(key) for key in found_keys])
        return
    if not found_keys:
        out.note("there is no key; `ethogram keys add` makes one")
        return
    for key in found_keys:
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else _used(key)
        out.line(f"{key.id:>4}  {visible(key.hint)}…  {key.scope.value:<6}  {state}  {visible(key.label)}".rstrip())


@keys.command(examples=("ethogram keys revoke 2",))
@click.argument("number", type=int)
@workspace_option
def revoke(number: int) -> None:
    """Revoke a key; running servers refuse it within seconds."""
    with _opened() as opened:
        key = opened.revoke(number)
    Output().note(f"key {key.id} ({visible(key.hint)}…) is good for nothing any more")


def _used(key: Key) -> str:
    return f"used {key.used_at:%Y-%m-%d %H:%M} UTC" if key.used_at else "never used"


def _plain(key: Key) -> dict[str, object]:
    return {
        "id": key.id, "hint": key.hint, "scope": key.scope.value, "label": key.label, "created_at": key.created_at,
        "used_at": key.used_at, "revoked_at": key.revoked_at,
    }  # fmt: skip


def _opened() -> Keys:
    collecting = importlib.import_module("ethogram.collecting")  # `--help` starts no engine
    opened: Keys = collecting.Keys(found(click.get_current_context().find_object(str)))
    return opened
