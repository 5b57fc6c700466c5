"""Segments: the list, and what is known of one: its course, its people, what sets them apart, its definition."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery

from ethogram.engagement import Definitions
from ethogram.errors import UserError
from ethogram.model.drafts import Persona, SegmentReport
from ethogram.model.results import Explanation, HistoryPoint, SegmentVersion
from ethogram.picturing import Labels
from ethogram.runtime import Workspace
from ethogram.segment.templates import Refused, apply
from ethogram.web.api.export import MEDIA_TYPES, encoded
from ethogram.web.console.given import ANALYSE, VIEW, Asked, Opened, typed
from ethogram.web.console.rendering import PATH, address_part, fragment, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
HOME = f"{PATH}/segments"
_WEEK = dt.timedelta(days=7)
_POINTS = 30  # of a sparkline
_MOST_POINTS = 366  # of a chart
_HOURLY = dt.timedelta(days=3)  # so long a course shows every point
_PAGE = 100
_MOST_FOUND = 200
_KINDS = {
    "campaign": "campaigns",
    "exploration": "explore/saved",
    "journey": "journeys",
    "segment": "segments",
    "template": "templates",
}


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment in the list."""

    segment: SegmentVersion
    labels: Labels
    mode: str  # live, scheduled, or a list
    sizes: tuple[int, ...]
    change: int | None
    used: int


@dataclass(frozen=True, slots=True)
class SegmentsPage:
    """The saved segments that match what is sought."""

    q: str
    sort: str
    tag: str
    rows: tuple[SegmentRow, ...]
    tags: tuple[str, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Use:
    """Something that refers to a segment."""

    kind: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands above every part of a segment's page."""

    segment: SegmentVersion
    labels: Labels
    mode: str
    share: float | None
    tab: str


@dataclass(frozen=True, slots=True)
class Course:
    """A day, or a point of one: how many there were; who entered and left, those of a new definition aside."""

    at: dt.datetime
    size: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """A segment at a glance."""

    shown: Shown
    course: tuple[Course, ...]
    entered: int  # in the last week
    left: int
    used: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class PersonaPart:
    """What sets a segment's people apart; what its definition itself says stands apart."""

    persona: Persona


@dataclass(frozen=True, slots=True)
class ReportPart:
    """A segment's people beside everybody."""

    report: SegmentReport


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a segment."""

    id: str
    since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class MembersPage:
    """A page of a segment's people."""

    shown: Shown
    q: str
    members: tuple[Member, ...]
    later: str
    current: bool  # whether recorded membership follows the newest version


@dataclass(frozen=True, slots=True)
class Change:
    """A version, and what is other than in the one before: lines that came and went."""

    version: SegmentVersion
    lines: tuple[tuple[str, str], ...]  # mark (+, -, or none) and text


@dataclass(frozen=True, slots=True)
class DefinitionPage:
    """How a segment is written, and how it was."""

    shown: Shown
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class SqlPart:
    """What is asked of the warehouse, and what it takes."""

    explained: Explanation
    rows: int  # that are read, about


@dataclass(frozen=True, slots=True)
class ReadyRow:
    """A ready segment, fitted to this workspace or with the reason why it does not fit."""

    name: str
    title: str
    text: str
    reason: str
    saved: bool


@dataclass(frozen=True, slots=True)
class ReadyPage:
    """The ready segments that match what is sought, those that fit first."""

    q: str
    rows: tuple[ReadyRow, ...]


@get("/segments", opt=VIEW, sync_to_thread=True)
def list_segments(
    request: Asked, workspace: Opened, q: FromQuery[str] = "", sort: FromQuery[str] = "name", tag: FromQuery[str] = ""
) -> Response[Any]:
    """The saved segments."""
    listed = workspace.segments.list()
    labels = workspace.pictures.labels()
    users = _users(workspace, listed)
    sought = q.strip().casefold()[:200]
    rows = []
    for each in listed:
        its = labels.get(each.name, Labels())
        held = " ".join((each.name, each.english, each.description, its.owner, *its.tags)).casefold()
        if sought not in held or (tag and tag not in its.tags and tag != its.folder):
            continue
        points = workspace.history(each.name) if each.size is not None else ()
        sizes = tuple(point.size for point in points[-_POINTS:])
        rows.append(SegmentRow(each, its, mode_of(each), sizes, _change(points, workspace), len(users[each.name])))
    name = sort.removeprefix("-")
    keys: dict[str, Any] = {
        "size": lambda row: row.segment.size or 0,
        "change": lambda row: row.change or 0,
        "used": lambda row: row.used,
        "saved": lambda row: row.segment.created_at,
    }
    rows.sort(key=lambda row: row.segment.name.casefold())
    if name in keys:
        rows.sort(key=keys[name], reverse=sort.startswith("-"))
    elif sort == "-name":
        rows.reverse()
    tags = sorted({tag for each in labels.values() for tag in (*each.tags, each.folder) if tag})
    return page(request, "segments/list.html", SegmentsPage(q, sort, tag, tuple(rows), tuple(tags), len(listed)))


@get("/segments/{name:str}", opt=VIEW, sync_to_thread=True)
def show_segment(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """A segment at a glance."""
    shown = _shown(request, workspace, name, "")
    points = workspace.history(name)
    lately = [point for point in points if point.at > workspace.now() - _WEEK]
    users = _users(workspace, workspace.segments.list())[name]
    context = SegmentPage(
        shown,
        tuple(_course(points, workspace)),
        sum(point.entered for point in lately),
        sum(point.left for point in lately),
        tuple(Use(kind, other, f"{PATH}/{_KINDS.get(kind, kind)}/{address_part(other)}") for kind, other in users),
    )
    return page(request, "segments/segment.html", context)


@get("/segments/{name:str}/persona", opt=VIEW, sync_to_thread=True)
def show_persona(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """What sets a segment's people apart."""
    version = workspace.segments.get(name)
    key = ("persona", name, version.number, version.evaluated_at)
    persona = request.app.state.kept.get(key, lambda: workspace.pictures.persona(name))
    return fragment(request, "segments/_persona.html", PersonaPart(persona))


@get("/segments/{name:str}/report", opt=VIEW, sync_to_thread=True)
def show_report(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """A segment's people beside everybody: active, kept, buying, spending."""
    version = workspace.segments.get(name)
    key = ("report", name, version.number, version.evaluated_at)
    report = request.app.state.kept.get(key, lambda: workspace.pictures.report(name))
    return fragment(request, "segments/_report.html", ReportPart(report))


@get("/segments/{name:str}/members", opt=VIEW, sync_to_thread=True)
def show_members(
    request: Asked, workspace: Opened, name: FromPath[str], q: FromQuery[str] = "", after: FromQuery[str] = ""
) -> Response[Any]:
    """The people of a segment, or those of them whom one looks for."""
    shown = _shown(request, workspace, name, "members")
    if q.strip() and shown.segment.entity == "profile":
        members: tuple[Member, ...] = tuple(_found(workspace, name, q.strip()[:200]))
        return page(request, "segments/members.html", MembersPage(shown, q, members, "", current=True))
    table = workspace.members(name, limit=_PAGE + 1, after=after or None)
    rows = table.to_pylist()
    key = table.column_names[0]
    members = tuple(Member(str(row[key]), row.get("entered_at")) for row in rows[:_PAGE])
    later = f"?after={address_part(members[-1].id)}" if len(rows) > _PAGE else ""
    current = "entered_at" in table.column_names
    return page(request, "segments/members.html", MembersPage(shown, q, members, later, current))


@get("/segments/{name:str}/members.csv", opt=ANALYSE, sync_to_thread=True)
def export_members(workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """Everybody in a segment, for a spreadsheet."""
    table = workspace.members(name)
    file = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[:60]
    headers = {"content-disposition": f'attachment; filename="segment-{file}.csv"'}
    return Response(encoded(table, "csv"), headers=headers, media_type=MEDIA_TYPES["csv"])


@get("/segments/{name:str}/definition", opt=VIEW, sync_to_thread=True)
def show_definition(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """How a segment is written, and how it was before."""
    shown = _shown(request, workspace, name, "definition")
    versions = workspace.segments.versions(name)
    changes = tuple(_changes(versions))[::-1]
    return page(request, "segments/definition.html", DefinitionPage(shown, changes))


@get("/segments/{name:str}/sql", opt=VIEW, sync_to_thread=True)
def show_sql(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """What is asked of the warehouse for a segment, and what it takes."""
    version = workspace.segments.get(name)
    key = ("sql", version.number, version.version)
    explained = request.app.state.kept.get(key, lambda: workspace.explain(name))
    rows = workspace.drafts.cost(explained.text).rows if version.text is not None else explained.rows_read
    return fragment(request, "segments/_sql.html", SqlPart(explained, rows))


@post("/segments/{name:str}/labels", opt=ANALYSE, sync_to_thread=True)
def change_labels(request: Asked, workspace: Opened, name: FromPath[str], data: Form) -> Response[Any]:
    """Changes tags and owner."""
    before = workspace.pictures.labels().get(name, Labels())
    tags = typed(data, "tags").split(",")
    try:
        workspace.pictures.label(name, tags=tags, owner=typed(data, "owner", before.owner))
    except UserError as error:
        return redirect(request, f"{HOME}/{address_part(name)}", said=f"{error.message}. {error.hint or ''}", bad=True)
    return redirect(request, f"{HOME}/{address_part(name)}", said=_("Saved."))


@post("/segments/{name:str}/delete", opt=ANALYSE, sync_to_thread=True)
def delete_segment(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """Deletes a segment; it can be taken back."""
    used = _users(workspace, workspace.segments.list()).get(name, ())
    address = f"{HOME}/{address_part(name)}"
    if used:
        shown = ", ".join(f"{kind} {other}" for kind, other in used[:5])
        return redirect(request, address, said=_("It is used by: ") + shown, bad=True)
    workspace.segments.delete(name)
    return redirect(request, HOME, said=_("Deleted: ") + name, undo=f"{address}/restore")


@post("/segments/{name:str}/restore", opt=ANALYSE, sync_to_thread=True)
def restore_segment(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """Takes a deletion back."""
    workspace.segments.restore(name)
    return redirect(request, f"{HOME}/{address_part(name)}", said=_("It is back."))


@get("/ready-segments", opt=VIEW, sync_to_thread=True)
def list_ready(request: Asked, workspace: Opened, q: FromQuery[str] = "") -> Response[Any]:
    """The ready segments, fitted to this workspace."""
    vocabulary = workspace.vocabulary()
    today = workspace.now().astimezone(workspace.settings.zone).date()
    saved = {each.name for each in workspace.segments.list()}
    rows = []
    sought = q.strip().casefold()
    for template in workspace.ready():
        if sought not in f"{template.name} {template.title}".casefold():
            continue
        fitted = apply(template, vocabulary, today=today)
        if isinstance(fitted, Refused):
            rows.append(ReadyRow(template.name, template.title, "", fitted.reason, saved=False))
        else:
            rows.append(ReadyRow(template.name, template.title, fitted.text, "", saved=fitted.name in saved))
    rows.sort(key=lambda row: (bool(row.reason), row.saved))
    return page(request, "segments/ready.html", ReadyPage(q, tuple(rows)))


@post("/ready-segments/{name:str}", opt=ANALYSE, sync_to_thread=True)
def apply_ready(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """Saves a ready segment."""
    (became,) = workspace.apply_ready([name])
    if became.segment is None:
        return redirect(request, f"{PATH}/ready-segments", said=became.reason or "", bad=True)
    saved = became.segment.name
    return redirect(
        request, f"{HOME}/{address_part(saved)}", said=_("Saved."), undo=f"{HOME}/{address_part(saved)}/delete"
    )


# --- parts ----------------------------------------------------------------------------------------------------------


def mode_of(segment: SegmentVersion) -> str:
    """How membership is kept: `live`, `scheduled` where cut-offs are found on schedule, or a `list`."""
    if segment.static:
        return "list"
    return "live" if segment.cutoffs_at is None else "scheduled"


def _shown(request: Asked, workspace: Workspace, name: str, tab: str) -> Shown:
    segment = workspace.segments.get(name)
    people = request.app.state.kept.get("status", workspace.status)
    everybody = people.accounts if segment.entity == "account" else people.profiles
    share = segment.size / everybody if segment.size is not None and everybody else None
    labels = workspace.pictures.labels().get(name, Labels())
    address = f"{HOME}/{address_part(name)}"
    return Shown(segment, labels, mode_of(segment), share, f"{address}/{tab}" if tab else address)


def _users(workspace: Workspace, listed: Sequence[SegmentVersion]) -> dict[str, list[tuple[str, str]]]:
    """What refers to each segment: other segments, campaigns, journeys."""
    names = workspace.segments.references()
    found: dict[str, list[tuple[str, str]]] = {each.name: [] for each in listed}
    for name, others in names.items():
        found.setdefault(name, []).extend(("segment", other) for other in others)
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        for name, users in definitions.users("segment").items():
            found.setdefault(name, []).extend(users)
    return found


def _change(points: Sequence[HistoryPoint], workspace: Workspace) -> int | None:
    if not points:
        return None
    week_ago = workspace.now() - _WEEK
    before = next((point.size for point in reversed(points) if point.at <= week_ago), None)
    return points[-1].size - before if before is not None else None


def _course(points: Sequence[HistoryPoint], workspace: Workspace) -> Iterator[Course]:
    """Every point of the first days; later, one for each day."""
    # A new definition moves many at once: beside them nobody would see who came and went by themselves.
    courses = [
        Course(point.at, point.size, point.entered, point.left)
        if before is not None and before.version == point.version and point.cause != "definition"
        else Course(point.at, point.size, 0, 0)
        for before, point in zip((None, *points), points, strict=False)
    ]
    if not points or points[-1].at - points[0].at <= _HOURLY:
        yield from courses
        return
    zone = workspace.settings.zone
    days = [(day, list(each)) for day, each in groupby(courses, key=lambda each: each.at.astimezone(zone).date())]
    for _day, each in days[-_MOST_POINTS:]:
        yield Course(each[-1].at, each[-1].size, sum(one.entered for one in each), sum(one.left for one in each))


def _found(workspace: Workspace, name: str, sought: str) -> Iterator[Member]:
    """Those of a segment whom one looks for."""
    for person in workspace.find_people(sought, limit=_MOST_FOUND):
        standing = workspace.look_up(person.profile_id, traits=False)
        held = standing.segments if standing is not None else ()
        yield from (Member(person.profile_id, each.since) for each in held if each.name == name)


def _changes(versions: Sequence[SegmentVersion]) -> Iterator[Change]:
    before: SegmentVersion | None = None
    for version in versions:
        old = _lines(before.text if before is not None else "")
        new = _lines(version.text)
        told = [(line[0].strip(), line[2:]) for line in difflib.ndiff(old, new) if line[0] != "?"]
        yield Change(version, tuple(told if before is not None else [("", line) for line in new]))
        before = version


def _lines(text: str | None) -> list[str]:
    """A text in parts that are easy to compare: each condition on its own line."""
    if not text:
        return []
    return text.replace(" and ", "\nand ").replace(" or ", "\nor ").split("\n")


router = Router(
    "/",
    route_handlers=[
        list_segments, show_segment, show_persona, show_report, show_members, export_members, show_definition, show_sql,
        change_labels, delete_segment, restore_segment, list_ready, apply_ready,
    ],
)  # fmt: skip
