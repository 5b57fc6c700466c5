"""The team: who may use the console, by programs that manage a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from ethogram.team import Invitation, Role, Team, User
from ethogram.web.api.given import Numbered

TeamOpened = NamedDependency[Team]


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom to invite; without an address the link works for whoever has it."""

    role: Role = Role.VIEWER
    email: Annotated[str, msgspec.Meta(max_length=320)] = ""


@dataclass(frozen=True, slots=True)
class InvitationMade:
    """An invitation with the path of its link, which is shown this once."""

    invitation: Invitation
    path: str


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to be changed about a user."""

    role: Role | None = None
    disabled: bool | None = None


@get("/team", sync_to_thread=True)
def list_team(team: TeamOpened) -> list[User]:
    """Every user of the console, oldest first."""
    return list(team.users())


@post("/team/invitations", sync_to_thread=True)
def invite(team: TeamOpened, data: JSONBody[Invited]) -> InvitationMade:
    """Makes a link that makes one user, once, within a week."""
    made, token = team.invite(data.role, data.email)
    return InvitationMade(made, f"/console/welcome/{token}")


@get("/team/invitations", sync_to_thread=True)
def list_invitations(team: TeamOpened) -> list[Invitation]:
    """The invitations that can be used, newest first."""
    return list(team.invitations())


@delete("/team/invitations/{number:int}", status_code=204, sync_to_thread=True)
def withdraw_invitation(team: TeamOpened, number: Numbered) -> None:
    """Makes an invitation good for nothing."""
    team.withdraw(number)


@patch("/team/{number:int}", sync_to_thread=True)
def change_user(team: TeamOpened, number: Numbered, data: JSONBody[UserChange]) -> User:
    """Gives a user another role, or keeps them from signing in, or lets them again."""
    found = team.user(number)
    if data.role is not None:
        found = team.set_role(number, data.role)
    if data.disabled is not None:
        found = team.disable(number) if data.disabled else team.enable(number)
    return found


router = Router(
    "/",
    tags=["Team"],
    route_handlers=[list_team, invite, list_invitations, withdraw_invitation, change_user],
)
