"""The verb `team`: who may use the console. It opens the ledger only, so it works beside a server."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import found, json_option, workspace_option
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.errors import UserError

if TYPE_CHECKING:
    from ethogram.team import Team, User

_ROLES = ("viewer", "analyst", "marketer", "admin")
_URL = click.option(
    "--url", metavar="URL", help="Where people reach the server; left out, the setting `public_url`, else this machine."
)


@click.group(
    cls=Verbs,
    examples=(
        "ethogram team link",
        "ethogram team invite --role marketer --email ben@shop.example",
        "ethogram team list",
        "ethogram team role 2 analyst",
        "ethogram team disable 2",
    ),
)
def team() -> None:
    """Invite people to the console, and say what they may do."""


@team.command(examples=("ethogram team link", "ethogram team link --url https://ethogram.shop.example"))
@_URL
@workspace_option
def link(url: str | None) -> None:
    """Print a link that makes the first user, an admin; it works once, within a day."""
    with _opened() as opened:
        token = opened.first_token()
    if token is None:
        raise UserError(
            "there are users already", hint="An admin invites others; `ethogram team invite --role admin` does so too."
        )
    click.echo(_address(url, token))


@team.command(examples=("ethogram team invite", "ethogram team invite --role admin --email ada@shop.example"))
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default="viewer",
    show_default=True,
    help="viewer: look. analyst: save segments, explore, export too. marketer: send too. admin: everything.",
)
@click.option("--email", default="", help="The only address that the link works for.")
@_URL
@json_option
@workspace_option
def invite(role: str, email: str, url: str | None, as_json: bool) -> None:
    """Print a link that makes one user, once, within a week."""
    chosen = importlib.import_module("ethogram.model.team").Role(role)
    with _opened() as opened:
        made, token = opened.invite(chosen, email)
    if as_json:
        told = {"id": made.id, "role": made.role.value, "email": made.email, "expires_at": made.expires_at}
        Output().json({**told, "link": _address(url, token)})
        return
    click.echo(_address(url, token))


@team.command("list", examples=("ethogram team list", "ethogram team list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the users."""
    with _opened() as opened:
        users = opened.users()
    out = Output()
    if as_json:
        out.json([_plain(user) for user in users])
        return
    if not users:
        out.note("nobody has an account; `ethogram team link` makes the first one")
    for user in users:
        state = "cannot sign in" if user.disabled_at else _seen(user)
        out.line(f"{user.id:>4}  {user.role.value:<8}  {visible(user.email)}  {visible(user.name)}  {state}")


@team.command(examples=("ethogram team role 2 marketer",))
@click.argument("number", type=int)
@click.argument("role", type=click.Choice(_ROLES))
@workspace_option
def role(number: int, role: str) -> None:
    """Give a user another role, which holds from the next page on."""
    with _opened() as opened:
        user = opened.set_role(number, importlib.import_module("ethogram.model.team").Role(role))
    Output().note(f"{visible(user.email)} is {user.role.value} from now on")


@team.command(examples=("ethogram team disable 2",))
@click.argument("number", type=int)
@workspace_option
def disable(number: int) -> None:
    """Keep a user from signing in; all their browsers are signed out at once."""
    with _opened() as opened:
        user = opened.disable(number)
    Output().note(f"{visible(user.email)} cannot sign in any more")


@team.command(examples=("ethogram team enable 2",))
@click.argument("number", type=int)
@workspace_option
def enable(number: int) -> None:
    """Let a user sign in again."""
    with _opened() as opened:
        user = opened.enable(number)
    Output().note(f"{visible(user.email)} can sign in again")


def _seen(user: User) -> str:
    return f"signed in {user.signed_in_at:%Y-%m-%d %H:%M} UTC" if user.signed_in_at else "never signed in"


def _plain(user: User) -> dict[str, object]:
    return {
        "id": user.id, "email": user.email, "name": user.name, "role": user.role.value, "created_at": user.created_at,
        "signed_in_at": user.signed_in_at, "disabled_at": user.disabled_at,
    }  # fmt: skip


def _address(url: str | None, token: str) -> str:
    config = importlib.import_module("ethogram.config")
    path = found(click.get_current_context().find_object(str))
    base = url or config.read(path).public_url or "http://127.0.0.1:8000"
    return f"{base.rstrip('/')}/console/welcome/{token}"


def _opened() -> Team:
    opened: Team = importlib.import_module("ethogram.team").Team(found(click.get_current_context().find_object(str)))
    return opened
