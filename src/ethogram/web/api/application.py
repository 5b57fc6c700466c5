"""The application of `/api`: the topics' routers, who may use them, how errors are answered, and the document.

Reads the key of each request; everything else is the topics'. Made only where a process has the warehouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from litestar import Litestar, Request, Router, get
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.openapi.spec.license import License

from ethogram.collecting import Scope
from ethogram.errors import EthogramError
from ethogram.web.api.description import described
from ethogram.web.api.failures import DeniedError, of_fault, of_ours, of_request
from ethogram.web.api.topics import ROUTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ethogram.web.access import Access
    from ethogram.web.answers import Asgi, Receive, Send
    from ethogram.web.answers import Scope as AsgiScope
    from ethogram.web.faults import Faults

PREFIX = "/api"
_MOST_BYTES = 4 << 20  # of a request; files have their own limit
_DESCRIPTION = """\
Everything that the command line does. Each route takes a key of scope `manage`; those that change nothing take one of
scope `read` too. A request is answered when its work is done: a run or a load of much data may take minutes, and goes
on to its end also when the caller hangs up.
"""


def management(access: Access, faults: Faults, given: Mapping[str, object]) -> Asgi:
    """The application, to be mounted at `/api`.

    Args:
        given: what routes ask for by an argument's name: `workspace`, `keys`, and what further topics need.
    """
    application = Litestar(
        route_handlers=[Router(PREFIX, route_handlers=[document, *ROUTERS], security=[{"key": []}])],
        guards=[_guard(access), _decoded],
        dependencies={name: Provide(_always(value), sync_to_thread=False) for name, value in given.items()},
        exception_handlers={EthogramError: of_ours, HTTPException: of_request, Exception: of_fault(faults)},
        openapi_config=OpenAPIConfig(
            title="Ethogram",
            version="1",
            description=_DESCRIPTION,
            license=License("Apache-2.0", identifier="Apache-2.0"),
            components=Components(
                security_schemes={"key": SecurityScheme(type="http", scheme="bearer", description="A key")}
            ),
            render_plugins=[],
            path="/api/described",
            use_handler_docstrings=True,
        ),
        logging_config=None,
        request_max_body_size=_MOST_BYTES,
    )

    async def answer(scope: AsgiScope, receive: Receive, send: Send) -> None:
        # Names and ids may hold a slash: the address is cut into parts before they are decoded.
        path = scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1") or scope["path"]
        await application({**scope, "path": path}, receive, send)  # type: ignore[arg-type]  # the same, otherwise named

    return answer


@get("/openapi.json", opt={"open": True}, include_in_schema=False, sync_to_thread=False)
def document(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The OpenAPI document."""
    return described(request.app.openapi_schema.to_schema())


def _always(value: object) -> Callable[[], object]:
    return lambda: value


def _guard(access: Access) -> Any:
    async def allowed(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Lets a request pass whose key is good for the route."""
        if handler.opt.get("open"):
            return
        wanted = handler.opt.get("scope", Scope.MANAGE)
        given = connection.headers.get("authorization", "").encode("latin-1")
        denied = await access.denied(given, wanted)
        if denied is not None:
            raise DeniedError(denied.status, denied.code, denied.message)

    return allowed


def _decoded(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Decodes the parts of the address that are names; the address was cut into parts as it came."""
    named: dict[str, Any] = connection.scope["path_params"]
    connection.scope["path_params"] = {
        name: unquote(value) if isinstance(value, str) else value for name, value in named.items()
    }
