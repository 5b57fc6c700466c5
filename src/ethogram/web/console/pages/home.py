"""Home: the workspace at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response, Router, get

from ethogram.model.results import Status
from ethogram.web.console.given import VIEW, Asked, Opened
from ethogram.web.console.rendering import page


@dataclass(frozen=True, slots=True)
class HomePage:
    """The workspace at a glance."""

    status: Status


@get("/", opt=VIEW, sync_to_thread=True)
def show_home(request: Asked, workspace: Opened) -> Response[Any]:
    """The workspace at a glance."""
    return page(request, "home/home.html", HomePage(workspace.status()))


router = Router("/", route_handlers=[show_home])
