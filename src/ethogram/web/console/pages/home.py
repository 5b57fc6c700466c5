"""Home: who is active, what comes in, which segments moved, and what needs somebody's attention."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from litestar import Response, Router, get
from litestar.params import FromQuery

from ethogram.collecting import RejectedCalls
from ethogram.model.results import ActiveCount, DayCount, FoundPerson, Health, SegmentVersion, Status
from ethogram.runtime import Workspace
from ethogram.sending import Messages
from ethogram.web.console.given import VIEW, Asked, Opened
from ethogram.web.console.pages.events import catalogue
from ethogram.web.console.rendering import PATH, fragment, page, redirect

_MUCH = 1_000_000  # events, from which on finding all names takes a while
_WEEK = dt.timedelta(days=7)
_SHOWN = 8
_POINTS = 30  # of a sparkline


@dataclass(frozen=True, slots=True)
class HomePage:
    """What is known at once; the figures come when they are counted."""

    status: Status


@dataclass(frozen=True, slots=True)
class ActivePart:
    """Who was active, and what came in by day."""

    active: tuple[ActiveCount, ...]
    days: tuple[DayCount, ...]


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment with its way of the last month."""

    name: str
    english: str
    size: int
    sizes: tuple[int, ...]
    change: int | None  # of the size in the last week; None where it was not known then
    entered: int  # in the last week
    left: int
    by_definition: bool  # the last week's change was made by another definition


@dataclass(frozen=True, slots=True)
class SegmentsPart:
    """The segments that moved most in the last week, of all."""

    rows: tuple[SegmentRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that needs somebody."""

    tone: str  # bad or warn
    text: str
    hint: str
    address: str


@dataclass(frozen=True, slots=True)
class AttentionPart:
    """Everything that needs somebody."""

    items: tuple[Attention, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Whatever has a text in its name."""

    q: str
    people: tuple[FoundPerson, ...]
    segments: tuple[SegmentVersion, ...]
    events: tuple[str, ...]


@get("/", opt=VIEW, sync_to_thread=True)
def show_home(request: Asked, workspace: Opened) -> Response[Any]:
    """The workspace at a glance; an empty one leads to the first steps."""
    status: Status = request.app.state.kept.get("status", workspace.status)
    if not status.events and not status.profiles:
        return redirect(request, f"{PATH}/start")
    if status.events > _MUCH:
        request.app.state.kept.foresee("names", workspace.drafts.names)
        request.app.state.kept.foresee("catalogue", workspace.catalogue)
    return page(request, "home/home.html", HomePage(status))


@get("/home/active", opt=VIEW, sync_to_thread=True)
def show_active(request: Asked, workspace: Opened) -> Response[Any]:
    """Who was active, and what came in by day."""
    kept = request.app.state.kept
    part = ActivePart(kept.get("active", workspace.active), kept.get("daily", lambda: workspace.daily(days=30)))
    return fragment(request, "home/_active.html", part)


@get("/home/segments", opt=VIEW, sync_to_thread=True)
def show_segments(request: Asked, workspace: Opened) -> Response[Any]:
    """The segments that moved most."""
    part: SegmentsPart = request.app.state.kept.get("moved", lambda: _moved(workspace))
    return fragment(request, "home/_segments.html", part)


@get("/home/attention", opt=VIEW, sync_to_thread=True)
def show_attention(request: Asked, workspace: Opened) -> Response[Any]:
    """What needs somebody's attention."""
    items = request.app.state.kept.get("attention", lambda: tuple(_attention(request, workspace)))
    return fragment(request, "home/_attention.html", AttentionPart(items))


@get("/search", opt=VIEW, sync_to_thread=True)
def search(request: Asked, workspace: Opened, q: FromQuery[str] = "") -> Response[Any]:
    """People, segments and events that have a text in their names, ids or traits."""
    sought = q.strip()[:200]
    people = workspace.find_people(sought, limit=10) if sought else ()
    folded = sought.casefold()
    segments = tuple(
        each
        for each in workspace.segments.list()
        if sought and (folded in each.name.casefold() or folded in each.english.casefold())
    )
    events = tuple(
        event.name for event in catalogue(request, workspace).events if sought and folded in event.name.casefold()
    )
    return page(request, "home/search.html", SearchPage(q, people, segments[:20], events[:20]))


def _moved(workspace: Workspace) -> SegmentsPart:
    now = workspace.now()
    rows = []
    listed = workspace.segments.list()
    for segment in listed:
        if segment.size is None:
            continue
        points = workspace.history(segment.name)
        lately = [point for point in points if point.at > now - _WEEK]
        before = next((point.size for point in reversed(points) if point.at <= now - _WEEK), None)
        rows.append(
            SegmentRow(
                segment.name,
                segment.english,
                segment.size,
                tuple(point.size for point in points[-_POINTS:]),
                segment.size - before if before is not None else None,
                sum(point.entered for point in lately),
                sum(point.left for point in lately),
                any(point.cause == "definition" for point in lately),
            )
        )
    rows.sort(key=lambda row: (-abs(row.change or 0) / max(row.size, 20), -row.size))
    return SegmentsPart(tuple(rows[:_SHOWN]), len(listed))


def _attention(request: Asked, workspace: Workspace) -> Iterator[Attention]:
    for finding in workspace.doctor():
        young = finding.check == "unfinished run" and finding.health is Health.WARNING
        if finding.health is not Health.OK and not young:  # what began just now is most likely going on in the server
            tone = "bad" if finding.health is Health.BROKEN else "warn"
            yield Attention(tone, f"{finding.check}: {finding.detail}", finding.hint or "", f"{PATH}/settings/health")
    found = catalogue(request, workspace)
    for event in found.events:
        for warning in event.warnings:
            yield Attention("warn", f"{event.name}: {warning}", "", f"{PATH}/events/{event.name}")
    with Messages(workspace.path, clock=workspace.clock) as messages:
        for pause in messages.paused():
            yield Attention("bad", f"{pause.kind} {pause.name} is paused: {pause.reason}", "", f"{PATH}/outbox")
        unsure = len(messages.unsure())
        if unsure:
            yield Attention("bad", f"{unsure} messages may or may not have been sent", "Decide.", f"{PATH}/outbox")
    with RejectedCalls(workspace.path) as calls:
        for code, count in list(calls.counts().items())[:3]:
            yield Attention("warn", f"{count:,} calls were rejected: {code}", "", f"{PATH}/settings/rejected")


router = Router("/", route_handlers=[show_home, show_active, show_segments, show_attention, search])
