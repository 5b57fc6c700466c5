"""Signing in and out, the first visit of somebody who was invited, and one's own account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from litestar import Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from ethogram.errors import UserError
from ethogram.runtime import Workspace
from ethogram.single_sign_on import SignOnError, SingleSignOn
from ethogram.team import SESSION as LENGTH
from ethogram.team import SHORTEST_PASSWORD, Invitation, Role, Session, ThrottledError, User
from ethogram.web.console.given import (
    OPEN,
    VIEW,
    Asked,
    Numbered,
    Opened,
    TeamOpened,
    public_url,
    session_of,
    signed_in,
    typed,
)
from ethogram.web.console.rendering import PATH, THEME, Problem, page, redirect
from ethogram.web.console.texts import _

COOKIE = "ethogram_session"
STATE = "ethogram_sign_on"  # binds an answer of the provider to the browser that asked
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class SignInPage:
    """The form of address and password."""

    email: str
    back: str
    problem: Problem | None = None
    new: bool = False  # nobody can sign in yet
    provider: str = ""  # the host by which one may sign in without a password


@dataclass(frozen=True, slots=True)
class WelcomePage:
    """The form of somebody who was invited; without an invitation, that the link is good for nothing."""

    token: str
    invitation: Invitation | None
    email: str = ""
    name: str = ""
    shortest: int = SHORTEST_PASSWORD
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Who is signed in, and with which browsers."""

    user: User
    sessions: tuple[Session, ...]
    current: int
    shortest: int = SHORTEST_PASSWORD
    problem: Problem | None = None


@get("/sign-in", opt=OPEN, sync_to_thread=True)
def show_sign_in(request: Asked, team: TeamOpened) -> Response[Any]:
    """The form of address and password."""
    back = _inside(request.query_params.get("next", ""))
    if session_of(request) is not None:
        return redirect(request, back)
    return page(request, "team/sign_in.html", _form(request, "", back, new=team.is_new()))


@get("/sign-in/provider", opt=OPEN, sync_to_thread=True)
def leave_for_provider(request: Asked, workspace: Opened) -> Response[Any]:
    """Sends somebody to the provider, to say who they are."""
    back = _inside(request.query_params.get("next", ""))
    try:
        address, state = _sign_on(request).begin(_returning(request, workspace), back)
    except SignOnError as error:
        return page(request, "team/sign_in.html", _form(request, "", back, Problem.of(error)), status=502)
    response: Response[Any] = Response("", status_code=303, headers={"location": address, "cache-control": "no-store"})
    response.cookies.append(_cookie(request, STATE, state, 600))
    return response


@get("/sign-in/returned", opt=OPEN, sync_to_thread=True)
def return_from_provider(request: Asked, workspace: Opened, team: TeamOpened) -> Response[Any]:
    """Begins a session for whom the provider knows."""
    held = workspace.settings
    agent = request.headers.get("user-agent", "")
    try:
        known, back = _sign_on(request).end(
            dict(request.query_params), request.cookies.get(STATE, ""), _returning(request, workspace)
        )
        role = Role(held.oidc_role) if held.oidc_role else None
        domains = [each.strip() for each in held.oidc_domains.split(",") if each.strip()]
        token = team.sign_on(known.email, known.name, role=role, domains=domains, agent=agent)
    except UserError as error:
        response = page(request, "team/sign_in.html", _form(request, "", f"{PATH}/", Problem.of(error)), status=403)
    else:
        response = _begun(request, token, back)
    response.delete_cookie(STATE, path=PATH)
    return response


@post("/sign-in", opt=OPEN, status_code=200, sync_to_thread=True)
def sign_in(request: Asked, team: TeamOpened, data: Form) -> Response[Any]:
    """Begins a session, always a new one."""
    email, back = typed(data, "email"), _inside(typed(data, "next"))
    problem, status = Problem(_("address and password do not go together")), 401
    try:
        source = request.client.host if request.client is not None else ""
        token = team.sign_in(
            email, str(data.get("password", "")), source=source, agent=request.headers.get("user-agent", "")
        )
    except ThrottledError as error:
        token, problem, status = None, Problem.of(error), 429
    if token is None:
        return page(request, "team/sign_in.html", _form(request, email, back, problem), status=status)
    return _begun(request, token, back)


@post("/sign-out", opt=VIEW, status_code=200, sync_to_thread=True)
def sign_out(request: Asked, team: TeamOpened) -> Response[Any]:
    """Ends the session, also where it is kept."""
    team.sign_out(signed_in(request))
    response = redirect(request, f"{PATH}/sign-in")
    response.delete_cookie(COOKIE, path=PATH)
    return response


@get("/welcome/{token:str}", opt=OPEN, sync_to_thread=True)
def show_welcome(request: Asked, team: TeamOpened, token: FromPath[str]) -> Response[Any]:
    """The form of somebody who was invited."""
    invitation = team.invited(token)
    email = invitation.email if invitation is not None else ""
    status = 200 if invitation is not None else 404
    return page(request, "team/welcome.html", WelcomePage(token, invitation, email), status=status)


@post("/welcome/{token:str}", opt=OPEN, status_code=200, sync_to_thread=True)
def accept(request: Asked, team: TeamOpened, token: FromPath[str], data: Form) -> Response[Any]:
    """Makes the user, and signs in."""
    email, name = typed(data, "email"), typed(data, "name")
    try:
        agent = request.headers.get("user-agent", "")
        session = team.accept(token, email, name, str(data.get("password", "")), agent=agent)
    except UserError as error:
        invitation = team.invited(token)
        shown = WelcomePage(token, invitation, email, name, problem=Problem.of(error))
        return page(request, "team/welcome.html", shown, status=400)
    return _begun(request, session, f"{PATH}/")


@get("/account", opt=VIEW, sync_to_thread=True)
def show_account(request: Asked, team: TeamOpened) -> Response[Any]:
    """Who is signed in, and with which browsers."""
    return page(request, "team/account.html", _account(request, team))


@post("/account/password", opt=VIEW, status_code=200, sync_to_thread=True)
def change_password(request: Asked, team: TeamOpened, data: Form) -> Response[Any]:
    """Another password; all other browsers are signed out."""
    try:
        team.change_password(signed_in(request), str(data.get("old", "")), str(data.get("new", "")))
    except UserError as error:
        return page(request, "team/account.html", _account(request, team, Problem.of(error)), status=400)
    return redirect(request, f"{PATH}/account", said=_("Your password is changed; other browsers are signed out."))


@post("/account/sessions/{number:int}/end", opt=VIEW, status_code=200, sync_to_thread=True)
def end_session(request: Asked, team: TeamOpened, number: Numbered) -> Response[Any]:
    """Signs out one of one's own browsers."""
    team.end_sessions(signed_in(request).user.id, only=number)
    return redirect(request, f"{PATH}/account", said=_("That browser is signed out."))


@post("/account/theme", opt=VIEW, status_code=200, sync_to_thread=True)
def set_theme(request: Asked, data: Form) -> Response[Any]:
    """Light, dark, or as the device has it; kept in this browser."""
    response = redirect(request, f"{PATH}/account")
    theme = typed(data, "theme")
    response.cookies.append(
        Cookie(
            key=THEME,
            value=theme if theme in ("light", "dark") else "",
            max_age=365 * 86_400,
            path=PATH,
            samesite="lax",
        )
    )
    return response


def _account(request: Asked, team: TeamOpened, problem: Problem | None = None) -> AccountPage:
    session = signed_in(request)
    return AccountPage(session.user, team.sessions_of(session.user.id), session.id, problem=problem)


def _inside(back: str) -> str:
    """Where to go after signing in: a page of the console, never another site."""
    cut = urlsplit(back)
    inside = not cut.scheme and not cut.netloc and cut.path.startswith(PATH + "/") and "\\" not in back
    return back if inside and "/sign-in" not in cut.path else f"{PATH}/"


def _begun(request: Asked, token: str, back: str) -> Response[Any]:
    response = redirect(request, back)
    response.cookies.append(_cookie(request, COOKIE, token, int(LENGTH.total_seconds())))
    return response


def _cookie(request: Asked, key: str, value: str, seconds: int) -> Cookie:
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    return Cookie(key=key, value=value, max_age=seconds, path=PATH, secure=secure, httponly=True, samesite="lax")


def _form(request: Asked, email: str, back: str, problem: Problem | None = None, *, new: bool = False) -> SignInPage:
    sign_on = _sign_on(request)
    return SignInPage(email, back, problem, new, sign_on.host if sign_on.offered else "")


def _sign_on(request: Asked) -> SingleSignOn:
    found: SingleSignOn = request.app.state.sign_on
    return found


def _returning(request: Asked, workspace: Workspace) -> str:
    return f"{public_url(request, workspace)}{PATH}/sign-in/returned"


router = Router(
    "/",
    route_handlers=[
        show_sign_in, leave_for_provider, return_from_provider, sign_in, sign_out, show_welcome, accept, show_account,
        change_password, end_session, set_theme,
    ],
)  # fmt: skip
