"""Events: what was ever received, how often and with what, what looks wrong, what comes in now, and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Stream

from ethogram.errors import UnknownNameError
from ethogram.model.results import Catalogue, DayCount, EventFacts, PropertyFacts
from ethogram.runtime import Workspace
from ethogram.segment.templates import ANY, ROLES
from ethogram.web.console.given import ANALYSE, VIEW, Asked, Opened
from ethogram.web.console.rendering import PATH, fragment, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class EventsPage:
    """The frame of the list; the list itself comes when it is counted."""

    q: str
    sort: str


@dataclass(frozen=True, slots=True)
class EventList:
    """The events received, those that match what is sought."""

    q: str
    sort: str
    events: tuple[EventFacts, ...]
    total: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventPage:
    """One event with its properties, and how often it came by day."""

    event: EventFacts
    days: tuple[DayCount, ...]


@dataclass(frozen=True, slots=True)
class TraitsPage:
    """The traits of profiles, and of accounts."""

    traits: tuple[PropertyFacts, ...]


@dataclass(frozen=True, slots=True)
class LivePage:
    """What comes in now."""

    path: str


@dataclass(frozen=True, slots=True)
class RoleRow:
    """What a role means, and what fills it."""

    key: str
    kind: str
    title: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class VocabularyPage:
    """Which of the workspace's names play which role, for ready segments."""

    roles: tuple[RoleRow, ...]
    events: tuple[str, ...]
    traits: tuple[str, ...]
    properties: tuple[str, ...]


@get("/events", opt=VIEW, sync_to_thread=True)
def list_events(request: Asked, q: FromQuery[str] = "", sort: FromQuery[str] = "-count") -> Response[Any]:
    """The frame of the list."""
    return page(request, "events/list.html", EventsPage(q, sort))


@get("/events-list", opt=VIEW, sync_to_thread=True)
def show_list(
    request: Asked, workspace: Opened, q: FromQuery[str] = "", sort: FromQuery[str] = "-count"
) -> Response[Any]:
    """The list, when everything is counted."""
    found = catalogue(request, workspace)
    chosen = [event for event in found.events if q.casefold() in event.name.casefold()]
    keys: dict[str, Any] = {
        "name": lambda event: event.name.casefold(),
        "count": lambda event: event.count,
        "people": lambda event: event.profiles,
        "last": lambda event: event.last_at,
    }
    key = keys.get(sort.lstrip("-"), keys["count"])
    chosen.sort(key=key, reverse=sort.startswith("-"))
    return fragment(request, "events/_list.html", EventList(q, sort, tuple(chosen), len(found.events), found.warnings))


@get("/events/{name:str}", opt=VIEW, sync_to_thread=True)
def show_event(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """One event."""
    for event in catalogue(request, workspace).events:
        if event.name == name:
            days = request.app.state.kept.get(("days", name), lambda: workspace.daily(days=90, event=name))
            return page(request, "events/event.html", EventPage(event, days))
    raise UnknownNameError(f"no event `{name}` was ever received", name=name)


@get("/traits", opt=VIEW, sync_to_thread=True)
def show_traits(request: Asked, workspace: Opened) -> Response[Any]:
    """The traits of profiles, and of accounts."""
    return page(request, "events/traits.html", TraitsPage(catalogue(request, workspace).traits))


@get("/live", opt=VIEW, sync_to_thread=True)
def show_live(request: Asked, workspace: Opened) -> Response[Any]:
    """What comes in now."""
    return page(request, "events/live.html", LivePage(str(workspace.path.name)))


@get("/live/stream", opt=VIEW)
async def stream(request: Asked) -> Stream:
    """What comes in now, as server-sent events."""
    return Stream(
        request.app.state.live.lines(),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no", "content-encoding": "identity"},
    )


@get("/vocabulary", opt=VIEW, sync_to_thread=True)
def show_vocabulary(request: Asked, workspace: Opened) -> Response[Any]:
    """Which of the workspace's names play which role."""
    return page(request, "events/vocabulary.html", _vocabulary(request, workspace))


@post("/vocabulary", opt=ANALYSE, status_code=200, sync_to_thread=True)
def set_vocabulary(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """Changes what fills roles; an empty name unsets one."""
    before = {row.key: row.name for row in _vocabulary(request, workspace).roles}
    changed = {
        key: str(value).strip() or None
        for key, value in data.items()
        if key in before and str(value).strip() != before[key]
    }
    if changed:
        workspace.set_vocabulary(**changed)
    return redirect(request, f"{PATH}/vocabulary", said=_("The vocabulary is saved."))


def catalogue(request: Asked, workspace: Workspace) -> Catalogue:
    """The events and traits received, counted now or lately."""
    found: Catalogue = request.app.state.kept.get("catalogue", workspace.catalogue)
    return found


def _vocabulary(request: Asked, workspace: Workspace) -> VocabularyPage:
    held = workspace.vocabulary()
    rows = []
    for role in ROLES.values():
        entry = held.get(role.key)
        name = (entry.name or ANY) if entry is not None else ""
        rows.append(RoleRow(role.key, role.kind.value, role.title, name, entry.why if entry is not None else ""))
    found = catalogue(request, workspace)
    properties = sorted({each.name for event in found.events for each in event.properties})
    return VocabularyPage(
        tuple(rows),
        tuple(event.name for event in found.events),
        tuple(trait.name for trait in found.traits),
        tuple(properties),
    )


router = Router(
    "/",
    route_handlers=[
        list_events, show_list, show_event, show_traits, show_live, stream, show_vocabulary, set_vocabulary,
    ],
)  # fmt: skip
