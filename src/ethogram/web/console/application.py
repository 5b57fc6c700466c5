"""The application of `/console`: who may see and do what, how errors are shown, and the pages.

Looks up who is signed in, and refuses what other sites try in their name; everything else is the pages'. Made only
where a process has the warehouse.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from litestar import Litestar, Response, Router
from litestar.config.compression import CompressionConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler

from ethogram.errors import EthogramError, InternalError, UnknownNameError, UserError
from ethogram.single_sign_on import SingleSignOn
from ethogram.team import Role, Team, acting_as
from ethogram.web import answers
from ethogram.web.console.files import PREFIX as STATIC
from ethogram.web.console.files import Files
from ethogram.web.console.given import SESSION, Asked, session_of
from ethogram.web.console.importing import Imports
from ethogram.web.console.kept import Kept
from ethogram.web.console.live import Live
from ethogram.web.console.navigation import SECTIONS
from ethogram.web.console.pages import ROUTERS
from ethogram.web.console.pages.message_templates import Frames
from ethogram.web.console.pages.signing_in import COOKIE
from ethogram.web.console.rendering import PATH, Problem, Renderer, is_part, page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ethogram.runtime import Workspace
    from ethogram.web.answers import Asgi, Receive, Scope, Send
    from ethogram.web.faults import Faults

_MOST_BYTES = 4 << 20  # of a form; files that are loaded have their own limit
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-robots-tag", b"noindex"),
    (b"cache-control", b"no-store"),
)
_READS: Final = ("GET", "HEAD", "OPTIONS")


class SignedOutError(HTTPException):
    """A page that takes somebody who is signed in."""

    status_code = 401


class ForbiddenError(HTTPException):
    """A page, or a deed, that takes another role."""

    status_code = 403


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """A page that says what is wrong."""

    status: int
    problem: Problem


def console(workspace: Workspace, team: Team, live: Live, faults: Faults, given: Mapping[str, object]) -> Asgi:
    """The application, to be mounted at `/console`.

    Args:
        given: what views ask for by an argument's name, beside `workspace` and `team`.
    """
    files = Files()
    named = {**given, "workspace": workspace, "team": team}
    application = Litestar(
        route_handlers=[Router(PATH, route_handlers=list(ROUTERS))],
        guards=[_guard, _decoded],
        dependencies={name: Provide(_always(value), sync_to_thread=False) for name, value in named.items()},
        exception_handlers={EthogramError: _refused, HTTPException: _unfit, Exception: _fault(faults)},
        state=State(
            {
                "renderer": Renderer(workspace, files, SECTIONS),
                "kept": Kept(),
                "live": live,
                "imports": Imports(workspace),
                "frames": Frames(),
                "sign_on": SingleSignOn(workspace.settings),
            }
        ),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=_MOST_BYTES,
        compression_config=CompressionConfig(backend="gzip", minimum_size=1_000),
    )

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(STATIC + "/"):
            await files.answer(scope, send)
            return
        headers = answers.headers_of(scope)
        if scope["method"] not in _READS and not _from_here(headers):
            message = "this was sent by another site, or by no browser; programs use `/api` with a key"
            await answers.refuse(send, 403, "cross_site", message)
            return
        token = _token(headers)
        session = await asyncio.to_thread(team.session, token) if token else None
        # Names and ids may hold a slash: the address is cut into parts before they are decoded.
        path = scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1") or scope["path"]
        with acting_as(session.user.email) if session is not None else contextlib.nullcontext():
            asked = {**scope, "path": path, SESSION: session}
            await application(asked, receive, _guarded(send))  # type: ignore[arg-type]  # the same, otherwise named

    return answer


def _guarded(send: Send) -> Send:
    """Adds the headers that every page has, unless it has its own."""

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            held = [(name.lower(), value) for name, value in message.get("headers", [])]
            has = {name for name, _ in held}
            message = {**message, "headers": [*held, *(each for each in _HEADERS if each[0] not in has)]}
        await send(message)

    return sent


def _from_here(headers: dict[bytes, bytes]) -> bool:
    """Whether a request that changes something was sent by a page of this site.

    Browsers say so in `Sec-Fetch-Site`; ones too old for it name the page's origin (OWASP, Cross-Site Request Forgery
    Prevention; the same two looks as Go's `http.CrossOriginProtection`).
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site == b"same-origin"
    origin = headers.get(b"origin", b"").decode("latin-1")
    return bool(origin) and urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")


def _token(headers: dict[bytes, bytes]) -> str:
    try:
        held = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
    except CookieError:
        return ""
    return held.value if held is not None else ""


def _always(value: object) -> Callable[[], object]:
    return lambda: value


def _guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Lets through who may; a handler that says nothing is for admins."""
    wanted: Role | None = handler.opt.get("role", Role.ADMIN)
    if wanted is None:
        return
    session = connection.scope.get(SESSION)
    if session is None:
        raise SignedOutError(detail="sign in to see this page")
    if not session.user.role.allows(wanted):  # type: ignore[attr-defined]  # a key of ours in an open mapping
        raise ForbiddenError(detail=f"this takes the role `{wanted.value}`")


def _decoded(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Decodes the parts of the address that are names; the address was cut into parts as it came."""
    named: dict[str, Any] = connection.scope["path_params"]
    connection.scope["path_params"] = {
        name: unquote(value) if isinstance(value, str) else value for name, value in named.items()
    }


# --- errors ---------------------------------------------------------------------------------------------------------


def _refused(request: Asked, error: EthogramError) -> Response[Any]:
    """What Ethogram raises on purpose, as a page."""
    status = 404 if isinstance(error, UnknownNameError) else 400 if isinstance(error, UserError) else 503
    if isinstance(error, InternalError):
        status = 500
    return _shown(request, Problem.of(error), status)


def _unfit(request: Asked, error: HTTPException) -> Response[Any]:
    """A request that does not fit, or that may not."""
    if isinstance(error, SignedOutError) and not is_part(request):
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = quote(asked) if request.method == "GET" else quote(PATH + "/")
        return Response("", status_code=303, headers={"location": f"{PATH}/sign-in?next={back}"})
    told = {404: "there is no such page", 405: "this address takes other methods"}
    message = told.get(error.status_code, error.detail or "the request does not fit")
    return _shown(request, Problem(message), error.status_code)


def _fault(faults: Faults) -> Any:
    def shown(request: Asked, fault: Exception) -> Response[Any]:
        sign = faults.note(fault)
        return _shown(request, Problem("something is wrong here", f"The server's log tells it under {sign}."), 500)

    return shown


def _shown(request: Asked, problem: Problem, status: int) -> Response[Any]:
    template = "parts/problem.html" if is_part(request) else "error.html"
    if not is_part(request) and session_of(request) is None:
        template = "error_outside.html"
    return page(request, template, ErrorPage(status, problem), status=status)
