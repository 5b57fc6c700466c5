"""Settings: of the workspace, its health, what was rejected, and who did what."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromQuery

from ethogram.collecting import Rejected, RejectedCalls, open_ledger
from ethogram.errors import UserError
from ethogram.model.results import Finding
from ethogram.runtime import Workspace
from ethogram.web.console.given import ADMIN, VIEW, Asked, Opened, typed
from ethogram.web.console.rendering import PATH, Problem, fragment, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
# What stands between `user:` and `@` in an address is nobody's business.
_LINES = 100
# What can be changed while a server runs; the others are read when it starts, from its file.
_CHANGEABLE = {
    "timezone": (_("Time zone"), _("Whose days, weeks and months calendar windows follow, such as Europe/Stockholm.")),
    "public_url": (_("Public address"), _("Where people reach this server; links in messages lead there first.")),
    "language": (_("Language of messages"), _("For people whose own is not known, such as en or pt-BR.")),
    "currency": (_("Currency"), _("Of amounts that say none: three letters, such as EUR.")),
    "now": (_("The present"), _("live: the clock. latest: the newest event, for historical data.")),
}


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting with what it means."""

    name: str
    title: str
    hint: str
    value: str


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The settings that can be changed here, and the others as they are."""

    rows: tuple[SettingRow, ...]
    others: dict[str, str | int]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class HealthPage:
    """How the stages do; what takes longer comes by itself."""

    waiting: int
    lag: dt.timedelta


@dataclass(frozen=True, slots=True)
class FindingsPart:
    """Everything that was looked at."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class RejectedPage:
    """What senders sent in vain."""

    code: str
    counts: dict[str, int]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what to which object."""

    at: dt.datetime
    actor: str
    verb: str
    object: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The newest lines of the audit log, those that have a text."""

    q: str
    lines: tuple[AuditLine, ...]


@get("/settings", opt=VIEW, sync_to_thread=True)
def show_settings(request: Asked, workspace: Opened) -> Response[Any]:
    """The settings of the workspace."""
    return page(request, "settings/settings.html", _settings(workspace))


@post("/settings", opt=ADMIN, status_code=200, sync_to_thread=True)
def change_settings(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """Changes settings, from now on; membership follows with the next run."""
    changes = {name: typed(data, name) for name in _CHANGEABLE if name in data}
    try:
        with workspace.exclusively:
            workspace.configure(**changes)
    except UserError as error:
        return page(request, "settings/settings.html", _settings(workspace, changes, Problem.of(error)), status=400)
    return redirect(request, f"{PATH}/settings", said=_("The settings are saved and hold from now on."))


@get("/settings/health", opt=VIEW, sync_to_thread=True)
def show_health(request: Asked, workspace: Opened) -> Response[Any]:
    """How the stages do."""
    return page(request, "settings/health.html", HealthPage(*workspace.backlog()))


@get("/settings/health/findings", opt=VIEW, sync_to_thread=True)
def show_findings(request: Asked, workspace: Opened) -> Response[Any]:
    """Everything that can be wrong, looked at."""
    return fragment(request, "settings/_findings.html", FindingsPart(workspace.doctor()))


@get("/settings/rejected", opt=VIEW, sync_to_thread=True)
def show_rejected(request: Asked, workspace: Opened, code: FromQuery[str] = "") -> Response[Any]:
    """What senders sent in vain."""
    with RejectedCalls(workspace.path) as calls:
        shown = RejectedPage(code, calls.counts(), tuple(calls.listed(limit=_LINES, code=code or None)))
    return page(request, "settings/rejected.html", shown)


@get("/settings/audit", opt=ADMIN, sync_to_thread=True)
def show_audit(request: Asked, workspace: Opened, q: FromQuery[str] = "") -> Response[Any]:
    """Who did what."""
    ledger = open_ledger(workspace.path)
    try:
        entries = ledger.audit(5_000 if q else _LINES)
    finally:
        ledger.close()
    sought = q.casefold()
    lines = (AuditLine(each.at, each.actor, each.verb, each.object, each.detail) for each in entries)
    chosen = [line for line in lines if sought in f"{line.actor} {line.verb} {line.object}".casefold()]
    return page(request, "settings/audit.html", AuditPage(q, tuple(chosen[:_LINES])))


def _settings(
    workspace: Workspace, typed_: dict[str, str] | None = None, problem: Problem | None = None
) -> SettingsPage:
    shown = workspace.settings.shown()
    rows = tuple(
        SettingRow(name, title, hint, (typed_ or {}).get(name, str(shown[name])))
        for name, (title, hint) in _CHANGEABLE.items()
    )
    return SettingsPage(rows, {name: value for name, value in shown.items() if name not in _CHANGEABLE}, problem)


router = Router(
    "/",
    route_handlers=[show_settings, change_settings, show_health, show_findings, show_rejected, show_audit],
)
