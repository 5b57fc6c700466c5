"""Channels with a test message, what people agree to, and the sources whose webhooks are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from ethogram.errors import UnknownNameError, UserError
from ethogram.model.message import Channel
from ethogram.provider_trials import ProviderTrials
from ethogram.receiving import WebhookSources
from ethogram.runtime import Workspace
from ethogram.sending import Messages, Pause
from ethogram.web.console.given import ADMIN, MARKET, VIEW, Asked, Opened, typed
from ethogram.web.console.pages.documents import DocumentRow, rows
from ethogram.web.console.rendering import PATH, Problem, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class ChannelsPage:
    """Whose servers send, and what is paused."""

    providers: tuple[DocumentRow, ...]
    paused: tuple[Pause, ...]
    channels: tuple[str, ...]
    tried: str = ""
    outcome: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """What people agree to, and how often and when they are written to."""

    topics: tuple[DocumentRow, ...]
    caps: tuple[DocumentRow, ...]
    quiet_hours: tuple[DocumentRow, ...]
    holdouts: tuple[DocumentRow, ...]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A provider whose webhooks are taken."""

    name: str
    mapping: str
    trust: str
    enabled: bool
    address: str


@dataclass(frozen=True, slots=True)
class SourcesPage:
    """The providers whose webhooks are taken; a new one's secret is shown once."""

    sources: tuple[SourceRow, ...]
    mappings: dict[str, str]
    made: str = ""
    secret: str = ""
    problem: Problem | None = None


@get("/settings/channels", opt=VIEW, sync_to_thread=True)
def show_channels(request: Asked, workspace: Opened) -> Response[Any]:
    """Whose servers send, and what is paused."""
    return page(request, "settings/channels.html", _channels(workspace))


@post("/settings/channels/{name:str}/test", opt=ADMIN, status_code=200, sync_to_thread=True)
def try_channel(request: Asked, workspace: Opened, name: FromPath[str], data: Form) -> Response[Any]:
    """Sends a real message to an address that is given, and shows what the provider said."""
    try:
        with ProviderTrials(workspace.path, clock=workspace.clock) as trials:
            trial = trials.send(name, typed(data, "to"))
    except UserError as error:
        return page(request, "settings/channels.html", _channels(workspace, problem=Problem.of(error)), status=400)
    told = trial.outcome if trial.reason is None else f"{trial.outcome}: {trial.reason}"
    return page(request, "settings/channels.html", _channels(workspace, name, told))


@post("/settings/channels/pause/{channel:str}", opt=MARKET, status_code=200, sync_to_thread=True)
def pause_channel(request: Asked, workspace: Opened, channel: FromPath[str]) -> Response[Any]:
    """Lets a channel rest; messages wait."""
    with Messages(workspace.path, clock=workspace.clock) as messages:
        messages.pause_channel(_channel(channel), _("paused by hand"))
    undo = f"{PATH}/settings/channels/resume/{channel}"
    return redirect(request, f"{PATH}/settings/channels", said=f"{channel}: " + _("messages wait."), undo=undo)


@post("/settings/channels/resume/{channel:str}", opt=MARKET, status_code=200, sync_to_thread=True)
def resume_channel(request: Asked, workspace: Opened, channel: FromPath[str]) -> Response[Any]:
    """Lets a channel send again."""
    with Messages(workspace.path, clock=workspace.clock) as messages:
        messages.resume_channel(_channel(channel))
    return redirect(request, f"{PATH}/settings/channels", said=f"{channel}: " + _("messages are sent again."))


@get("/settings/consent", opt=VIEW, sync_to_thread=True)
def show_consent(request: Asked, workspace: Opened) -> Response[Any]:
    """What people agree to, and how often and when they are written to."""
    found = ConsentPage(*(rows(workspace, kind) for kind in ("topic", "cap", "quiet_hours", "holdout")))
    return page(request, "settings/consent.html", found)


@get("/settings/sources", opt=VIEW, sync_to_thread=True)
def show_sources(request: Asked, workspace: Opened) -> Response[Any]:
    """The providers whose webhooks are taken."""
    return page(request, "settings/sources.html", _sources(request, workspace))


@post("/settings/sources", opt=ADMIN, status_code=200, sync_to_thread=True)
def add_source(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """A new source with a ready mapping; a secret that is made for it is shown once."""
    name, given = typed(data, "name"), typed(data, "secret")
    try:
        with WebhookSources(workspace.path, clock=workspace.clock) as sources:
            _source, secret = sources.add(name, ready=typed(data, "mapping"), secrets=[given] if given else [])
    except UserError as error:
        shown = _sources(request, workspace, problem=Problem.of(error))
        return page(request, "settings/sources.html", shown, status=400)
    return page(request, "settings/sources.html", _sources(request, workspace, name, secret or ""))


@post("/settings/sources/{name:str}/enabled", opt=ADMIN, status_code=200, sync_to_thread=True)
def enable_source(request: Asked, workspace: Opened, name: FromPath[str], data: Form) -> Response[Any]:
    """Takes a source's webhooks, or does not for now."""
    on = typed(data, "on") == "yes"
    with WebhookSources(workspace.path, clock=workspace.clock) as sources:
        sources.change(name, enabled=on)
    return redirect(request, f"{PATH}/settings/sources", said=f"{name}: " + (_("taken") if on else _("not taken")))


def _channels(workspace: Workspace, tried: str = "", outcome: str = "", problem: Problem | None = None) -> ChannelsPage:
    with Messages(workspace.path, clock=workspace.clock) as messages:
        paused = messages.paused()
    names = tuple(each.value for each in Channel)
    return ChannelsPage(rows(workspace, "provider"), paused, names, tried, outcome, problem)


def _channel(text: str) -> Channel:
    try:
        return Channel(text)
    except ValueError:
        raise UnknownNameError(f"there is no channel `{text[:40]}`") from None


def _sources(
    request: Asked, workspace: Workspace, made: str = "", secret: str = "", problem: Problem | None = None
) -> SourcesPage:
    base = workspace.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    with WebhookSources(workspace.path, clock=workspace.clock) as sources:
        found = tuple(
            SourceRow(each.name, each.ready or _("its own"), each.trust, each.enabled, f"{base}/v1/sources/{each.name}")
            for each in sources.listed()
        )
        mappings = dict(sources.mappings())
    return SourcesPage(found, mappings, made, secret, problem)


router = Router(
    "/",
    route_handlers=[
        show_channels, try_channel, pause_channel, resume_channel, show_consent, show_sources, add_source,
        enable_source,
    ],
)  # fmt: skip
