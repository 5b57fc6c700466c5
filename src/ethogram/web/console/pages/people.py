"""People: finding them, and all that is known of one: what they did, what they are in and why, what they received."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from litestar import Response, Router, get
from litestar.params import FromPath, FromQuery

from ethogram.errors import UserError
from ethogram.model.message import Message
from ethogram.model.results import FoundPerson, ProfileView, TimelineEvent, Why
from ethogram.runtime import Workspace
from ethogram.sending import Happening, Messages
from ethogram.web.console.given import VIEW, Asked, Opened
from ethogram.web.console.rendering import PATH, Problem, address_part, fragment, page, wants_json

_PAGE = 50
_SESSION = dt.timedelta(minutes=30)  # a pause that ends a session, as everywhere on the web
_MAIN = ("name", "first_name", "firstName", "last_name", "lastName", "email", "phone", "country", "city", "plan")


@dataclass(frozen=True, slots=True)
class PeopleFrame:
    """What is sought; who matches comes when it is found."""

    q: str


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Who matches what is sought."""

    q: str
    people: tuple[FoundPerson, ...]
    columns: tuple[str, ...]  # traits that are shown
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """Events without a longer pause between them, newest first."""

    began_at: dt.datetime
    ended_at: dt.datetime
    events: tuple[TimelineEvent, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """What stands above every part of a person's page."""

    id: str
    title: str
    view: ProfileView
    tab: str


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """What somebody did, by sessions."""

    person: Person
    visits: tuple[Visit, ...]
    names: dict[str, int]
    event: str
    older: str  # the address of what came before, empty where that is all


@dataclass(frozen=True, slots=True)
class SegmentsPage:
    """Which segments somebody is in since when, and why or why not."""

    person: Person
    names: tuple[str, ...]
    asked: str
    why: Why | None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message with what happened to it."""

    message: Message
    happened: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class MessagesPage:
    """What somebody received, and what was refused and why."""

    person: Person
    messages: tuple[SentMessage, ...]


@get("/people", opt=VIEW, sync_to_thread=True)
def list_people(request: Asked, workspace: Opened, q: FromQuery[str] = "") -> Response[Any]:
    """Who matches what is sought; who became known last where nothing is. The list comes when it is found."""
    if wants_json(request):
        return page(request, "people/list.html", _found(request, workspace, q))
    return page(request, "people/list.html", PeopleFrame(q))


@get("/people-list", opt=VIEW, sync_to_thread=True)
def show_list(request: Asked, workspace: Opened, q: FromQuery[str] = "") -> Response[Any]:
    """The list, when it is found."""
    return fragment(request, "people/_list.html", _found(request, workspace, q))


def _found(request: Asked, workspace: Workspace, q: str) -> PeoplePage:
    sought = q.strip()[:200]
    kept = request.app.state.kept
    found = kept.get(("people", sought), lambda: workspace.find_people(sought, limit=_PAGE + 1))
    people = found[:_PAGE]
    total = kept.get("status", workspace.status).profiles
    return PeoplePage(q, people, _columns(people), total, len(found) > _PAGE)


@get("/people/{profile_id:str}", opt=VIEW, sync_to_thread=True)
def show_timeline(
    request: Asked,
    workspace: Opened,
    profile_id: FromPath[str],
    event: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Response[Any]:
    """What somebody did, newest first."""
    person = person_of(workspace, profile_id, "")
    until = _instant(before)
    events = workspace.timeline(person.id, before=until, event=event or None, limit=_PAGE)
    older = ""
    if len(events) == _PAGE:
        older = f"?before={address_part(events[-1].at.isoformat())}" + (
            f"&event={address_part(event)}" if event else ""
        )
    shown = TimelinePage(person, tuple(_visits(events)), workspace.event_counts(person.id), event, older)
    return page(request, "people/timeline.html", shown)


@get("/people/{profile_id:str}/segments", opt=VIEW, sync_to_thread=True)
def show_segments(
    request: Asked, workspace: Opened, profile_id: FromPath[str], segment: FromQuery[str] = ""
) -> Response[Any]:
    """Which segments somebody is in since when; why, or why not, for a chosen one."""
    person = person_of(workspace, profile_id, "segments")
    names = tuple(each.name for each in workspace.segments.list() if each.entity == "profile" and not each.static)
    why, problem = None, None
    if segment:
        try:
            why = workspace.why(segment, person.id)
        except UserError as error:
            problem = Problem.of(error)
    return page(request, "people/segments.html", SegmentsPage(person, names, segment, why, problem))


@get("/people/{profile_id:str}/messages", opt=VIEW, sync_to_thread=True)
def show_messages(request: Asked, workspace: Opened, profile_id: FromPath[str]) -> Response[Any]:
    """What somebody received, and what was refused and why."""
    person = person_of(workspace, profile_id, "messages")
    ids = [person.id, *person.view.identities]
    with Messages(workspace.path, clock=workspace.clock) as opened:
        listed = opened.listed(profile_ids=ids, limit=100)
        messages = tuple(SentMessage(each, tuple(opened.get(each.id)[1])) for each in listed)
    return page(request, "people/messages.html", MessagesPage(person, messages))


def person_of(workspace: Workspace, profile_id: str, tab: str) -> Person:
    """What stands above a part of a person's page.

    Raises:
        UnknownNameError: nobody is known by the id.
    """
    view = workspace.profile(profile_id, limit=0)
    traits = view.traits
    full = " ".join(
        str(traits[name]) for name in ("first_name", "firstName", "last_name", "lastName") if traits.get(name)
    )
    title = str(traits.get("name") or full or traits.get("email") or view.profile_id)
    address = f"{PATH}/people/{address_part(view.profile_id)}"
    return Person(view.profile_id, title, view, f"{address}/{tab}" if tab else address)


def _columns(people: Iterable[FoundPerson]) -> tuple[str, ...]:
    """The traits that tell people apart best: well-known ones first, then what most of them have."""
    counts: dict[str, int] = {}
    for person in people:
        for name, value in person.traits.items():
            if isinstance(value, (str, int, float, bool)):
                counts[name] = counts.get(name, 0) + 1
    known = [name for name in _MAIN if name in counts]
    others = sorted((name for name in counts if name not in known), key=lambda name: (-counts[name], name))
    return tuple([*known, *others][:4])


def _visits(events: tuple[TimelineEvent, ...]) -> Iterator[Visit]:
    """Events by sessions: a pause of half an hour begins another."""
    if not events:
        return
    cuts = [0, *(at + 1 for at, (newer, older) in enumerate(pairwise(events)) if newer.at - older.at > _SESSION)]
    for begin, end in pairwise([*cuts, len(events)]):
        part = events[begin:end]
        yield Visit(part[-1].at, part[0].at, part)


def _instant(text: str) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None and 1900 <= found.year < 2300 else None


router = Router("/", route_handlers=[list_people, show_list, show_timeline, show_segments, show_messages])
