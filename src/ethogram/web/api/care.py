"""Care: the workspace at a glance, what is wrong with it, its settings, and rebuilding the warehouse."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import msgspec
from litestar import Router, get, patch, post
from litestar.params import JSONBody

from ethogram.model.results import Finding, Status
from ethogram.web.api.given import READ, Opened

# What stands between `user:` and `@` in an address is nobody's business.


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild stored."""

    batches: int
    rows: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Settings to be changed; what a server reads at its start is changed in its file."""

    timezone: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    now: Literal["live", "latest"] | None = None


@get("/status", opt=READ, sync_to_thread=True)
def status(workspace: Opened) -> Status:
    """The workspace at a glance."""
    return workspace.status()


@get("/doctor", opt=READ, sync_to_thread=True)
def doctor(workspace: Opened) -> list[Finding]:
    """Everything that can be wrong with a workspace, looked at, and what to do about it."""
    return list(workspace.doctor())


@get("/settings", opt=READ, sync_to_thread=True)
def get_settings(workspace: Opened) -> dict[str, str | int]:
    """The settings; passwords in addresses are left out."""
    return _shown(workspace)


@patch("/settings", sync_to_thread=True)
def change_settings(workspace: Opened, data: JSONBody[Changes]) -> dict[str, str | int]:
    """Changes settings, from now on; membership follows with the next run."""
    changes = {name: value for name, value in asdict(data).items() if value is not None}
    if changes:
        with workspace.exclusively:
            workspace.configure(**changes)
    return _shown(workspace)


@post("/rebuild", status_code=200, sync_to_thread=True)
def rebuild(workspace: Opened) -> Rebuilt:
    """Empties the warehouse's facts and stores every accepted batch again; everything else waits meanwhile."""
    report = workspace.rebuild()
    return Rebuilt(report.batches, report.rows)


def _shown(workspace: Opened) -> dict[str, str | int]:
    return workspace.settings.shown()


router = Router("/", tags=["Care"], route_handlers=[status, doctor, get_settings, change_settings, rebuild])
