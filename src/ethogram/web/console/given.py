"""What views are given: the request with who is signed in, the workspace, the team; and roles for `opt`.

A view names what it wants as an argument (`workspace: Opened`); `application.py` provides it under that name.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import PathParameter

from ethogram.collecting import Keys
from ethogram.runtime import Workspace
from ethogram.team import Role, Session, Team

Asked = Request[Any, Any, Any]
Opened = NamedDependency[Workspace]
KeysOpened = NamedDependency[Keys]
TeamOpened = NamedDependency[Team]
Numbered = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]  # a number in the address

# What a route says in `opt` of who may use it; one that says nothing is for admins.
OPEN: Final = {"role": None}
VIEW: Final = {"role": Role.VIEWER}
ANALYSE: Final = {"role": Role.ANALYST}
MARKET: Final = {"role": Role.MARKETER}
ADMIN: Final = {"role": Role.ADMIN}

SESSION: Final = "ethogram.session"  # where a request's scope has it


def session_of(request: Asked) -> Session | None:
    """The session of who is signed in."""
    found: Session | None = request.scope.get(SESSION)  # type: ignore[assignment]  # a key of ours in an open mapping
    return found


def signed_in(request: Asked) -> Session:
    """The session of who is signed in, on a page for which that was made sure."""
    found = session_of(request)
    assert found is not None
    return found


def may(request: Asked, wanted: Role) -> bool:
    """Whether who is signed in may do what takes a role."""
    found = session_of(request)
    return found is not None and found.user.role.allows(wanted)


def public_url(request: Asked, workspace: Workspace) -> str:
    """Where people reach this server: as the setting says, or as they did now; without a slash at its end."""
    return workspace.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")


def typed(values: dict[str, Any], name: str, default: str = "") -> str:
    """What a form has in a field, without blanks around it."""
    value = values.get(name, default)
    return str(value).strip() if isinstance(value, str) else default
