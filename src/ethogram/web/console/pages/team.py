"""The team and the keys: who may use the console, and which programs may send, ask or manage."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from ethogram.collecting import Keys, Scope
from ethogram.errors import InputError, UserError
from ethogram.team import Invitation, Role, Team, User
from ethogram.web.console.given import ADMIN, Asked, KeysOpened, Numbered, TeamOpened, typed
from ethogram.web.console.rendering import PATH, Problem, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class TeamPage:
    """The users and the open invitations; a new one's link is shown once."""

    users: tuple[User, ...]
    invitations: tuple[Invitation, ...]
    roles: tuple[tuple[str, str], ...]
    link: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is kept: never its value, only how that begins."""

    id: int
    hint: str
    scope: str
    label: str
    created_at: dt.datetime
    used_at: dt.datetime | None
    revoked_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class KeysPage:
    """The keys; a new one's value is shown once."""

    keys: tuple[KeyRow, ...]
    scopes: tuple[tuple[str, str], ...]
    value: str = ""
    problem: Problem | None = None


@get("/settings/team", opt=ADMIN, sync_to_thread=True)
def show_team(request: Asked, team: TeamOpened) -> Response[Any]:
    """The users and the open invitations."""
    return page(request, "settings/team.html", _team(team))


@post("/settings/team/invite", opt=ADMIN, status_code=200, sync_to_thread=True)
def invite(request: Asked, team: TeamOpened, data: Form) -> Response[Any]:
    """Makes an invitation, and shows its link."""
    try:
        _made, token = team.invite(_role(typed(data, "role")), typed(data, "email"))
    except UserError as error:
        return page(request, "settings/team.html", _team(team, problem=Problem.of(error)), status=400)
    link = f"{str(request.base_url).rstrip('/')}{PATH}/welcome/{token}"
    return page(request, "settings/team.html", _team(team, link))


@post("/settings/team/invitations/{number:int}/withdraw", opt=ADMIN, status_code=200, sync_to_thread=True)
def withdraw(request: Asked, team: TeamOpened, number: Numbered) -> Response[Any]:
    """Makes an invitation good for nothing."""
    team.withdraw(number)
    return redirect(request, f"{PATH}/settings/team", said=_("The invitation is withdrawn."))


@post("/settings/team/{number:int}/role", opt=ADMIN, status_code=200, sync_to_thread=True)
def set_role(request: Asked, team: TeamOpened, number: Numbered, data: Form) -> Response[Any]:
    """Gives a user another role."""
    try:
        user = team.set_role(number, _role(typed(data, "role")))
    except UserError as error:
        return page(request, "settings/team.html", _team(team, problem=Problem.of(error)), status=400)
    return redirect(request, f"{PATH}/settings/team", said=f"{user.name}: {user.role.value}")


@post("/settings/team/{number:int}/disable", opt=ADMIN, status_code=200, sync_to_thread=True)
def disable(request: Asked, team: TeamOpened, number: Numbered) -> Response[Any]:
    """Keeps a user from signing in, and ends all sessions at once."""
    try:
        user = team.disable(number)
    except UserError as error:
        return page(request, "settings/team.html", _team(team, problem=Problem.of(error)), status=400)
    undo = f"{PATH}/settings/team/{number}/enable"
    return redirect(request, f"{PATH}/settings/team", said=f"{user.name}: " + _("cannot sign in any more."), undo=undo)


@post("/settings/team/{number:int}/enable", opt=ADMIN, status_code=200, sync_to_thread=True)
def enable(request: Asked, team: TeamOpened, number: Numbered) -> Response[Any]:
    """Lets a user sign in again."""
    user = team.enable(number)
    return redirect(request, f"{PATH}/settings/team", said=f"{user.name}: " + _("can sign in again."))


@post("/settings/team/{number:int}/sign-out", opt=ADMIN, status_code=200, sync_to_thread=True)
def end_sessions(request: Asked, team: TeamOpened, number: Numbered) -> Response[Any]:
    """Signs a user out everywhere."""
    team.end_sessions(number)
    return redirect(request, f"{PATH}/settings/team", said=_("Signed out everywhere."))


@get("/settings/keys", opt=ADMIN, sync_to_thread=True)
def show_keys(request: Asked, keys: KeysOpened) -> Response[Any]:
    """The keys."""
    return page(request, "settings/keys.html", _keys(keys))


@post("/settings/keys", opt=ADMIN, status_code=200, sync_to_thread=True)
def add_key(request: Asked, keys: KeysOpened, data: Form) -> Response[Any]:
    """Makes a key, and shows its value."""
    try:
        scope = typed(data, "scope", Scope.WRITE.value)
        if scope not in {each.value for each in Scope}:
            raise InputError(f"there is no scope `{scope[:40]}`")
        _made, value = keys.add(scope, label=typed(data, "label")[:200], value=typed(data, "value") or None)
    except UserError as error:
        return page(request, "settings/keys.html", _keys(keys, problem=Problem.of(error)), status=400)
    return page(request, "settings/keys.html", _keys(keys, value))


@post("/settings/keys/{number:int}/revoke", opt=ADMIN, status_code=200, sync_to_thread=True)
def revoke_key(request: Asked, keys: KeysOpened, number: Numbered) -> Response[Any]:
    """Makes a key good for nothing."""
    key = keys.revoke(number)
    return redirect(request, f"{PATH}/settings/keys", said=_("Revoked") + f": {key.hint}…")


def _team(team: Team, link: str = "", problem: Problem | None = None) -> TeamPage:
    roles = (
        (Role.VIEWER.value, _("Viewer: looks at everything")),
        (Role.ANALYST.value, _("Analyst: also saves segments, explores, exports")),
        (Role.MARKETER.value, _("Marketer: also sends: campaigns, journeys, templates")),
        (Role.ADMIN.value, _("Admin: also settings, keys, channels, the team")),
    )
    return TeamPage(team.users(), team.invitations(), roles, link, problem)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise InputError(f"there is no role `{text[:40]}`") from None


def _keys(keys: Keys, value: str = "", problem: Problem | None = None) -> KeysPage:
    rows = tuple(
        KeyRow(key.id, key.hint, key.scope.value, key.label, key.created_at, key.used_at, key.revoked_at)
        for key in reversed(keys.listed())
    )
    scopes = (
        (Scope.WRITE.value, _("write: may send events; may stand in a page")),
        (Scope.READ.value, _("read: may also ask for profiles and members")),
        (Scope.MANAGE.value, _("manage: may do everything; keep it secret")),
    )
    return KeysPage(rows, scopes, value, problem)


router = Router(
    "/",
    route_handlers=[
        show_team, invite, withdraw, set_role, disable, enable, end_sessions, show_keys, add_key, revoke_key,
    ],
)  # fmt: skip
