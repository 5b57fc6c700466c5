"""Explore: trends, funnels, retention and paths over everybody or a segment; each number leads to its people.

The address holds the whole question, so that it can be shared and kept as a bookmark.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from ethogram.errors import InputError, SegmentError, UnknownNameError, UserError
from ethogram.exploring import (
    Funnel,
    FunnelQuestion,
    Ground,
    PathQuestion,
    Paths,
    Retention,
    RetentionQuestion,
    Trend,
    TrendQuestion,
    Unit,
    event_text,
)
from ethogram.runtime import Workspace
from ethogram.web.console.given import ANALYSE, VIEW, Asked, Opened, typed
from ethogram.web.console.pages.events import catalogue
from ethogram.web.console.rendering import PATH, address_part, fragment, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
HOME: Final = f"{PATH}/explore"
KINDS: Final = ("trends", "funnels", "retention", "paths")
_PAGE = 100
_MOST_SAVED = 100_000
_MOST_DAYS = 3660
_STEPS = 5
# What of the address is the point whose people are asked for, and not the question.
_POINT = ("point", "value", "number", "lost", "after", "format")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, as the address says it."""

    event: str
    returning: str
    steps: tuple[str, ...]
    amount: str
    by: str
    unit: Unit
    days: int
    within: int
    length: int
    backwards: bool
    segment: str

    @property
    def is_asked(self) -> bool:
        """Whether there is enough to answer."""
        return bool(self.event or any(self.steps))


@dataclass(frozen=True, slots=True)
class ExplorePage:
    """The frame: the question; the answer comes when it is counted."""

    kind: str
    question: Question
    asked: str
    events: tuple[str, ...]
    properties: tuple[str, ...]
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """The answer, or why there is none.

    Attributes:
        most: the largest number of it, for the length of bars and the depth of colours.
    """

    kind: str
    question: Question
    asked: str
    answer: Trend | Funnel | Retention | Paths | None
    most: int = 0
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PointPage:
    """The people behind a number."""

    kind: str
    asked: str
    told: str
    ids: tuple[str, ...]
    address: str
    later: str


@get("/explore", opt=VIEW, sync_to_thread=True)
def show_first(request: Asked, workspace: Opened) -> Response[Any]:
    """Trends: where one begins."""
    return _page(request, workspace, "trends")


@get("/explore/{kind:str}", opt=VIEW, sync_to_thread=True)
def show_question(request: Asked, workspace: Opened, kind: FromPath[str]) -> Response[Any]:
    """A question, and where its answer will be."""
    return _page(request, workspace, _known(kind))


def _page(request: Asked, workspace: Workspace, kind: str) -> Response[Any]:
    found = catalogue(request, workspace)
    names = tuple(event.name for event in sorted(found.events, key=lambda event: -event.count))
    properties = tuple(sorted({each.name for event in found.events for each in event.properties}))
    segments = tuple(sorted(each.name for each in workspace.segments.list() if each.entity == "profile"))
    question = _question(request, kind)
    context = ExplorePage(kind, question, _asked(request), names, properties, segments)
    return page(request, "explore/explore.html", context)


@get("/explore/{kind:str}/answer", opt=VIEW, sync_to_thread=True)
def show_answer(request: Asked, workspace: Opened, kind: FromPath[str]) -> Response[Any]:
    """The answer, when it is counted."""
    question, asked = _spelled(request, workspace, _known(kind)), _asked(request)
    try:
        answer = request.app.state.kept.get(("explore", kind, question), lambda: _answered(workspace, kind, question))
    except UserError as error:
        part = AnswerPart(kind, question, asked, None, 0, error.message, error.hint or "")
        return fragment(request, "explore/_answer.html", part, status=422)
    return fragment(request, "explore/_answer.html", AnswerPart(kind, question, asked, answer, _most(answer)))


@get("/explore/{kind:str}/people", opt=VIEW, sync_to_thread=True)
def show_people(request: Asked, workspace: Opened, kind: FromPath[str]) -> Response[Any]:
    """The people behind a number of the answer."""
    question = _spelled(request, workspace, _known(kind))
    ids = _people(request, workspace, kind, question, request.query_params.get("after") or None, _PAGE + 1)
    shown = tuple(ids[:_PAGE])
    held = {name: value for name, value in request.query_params.multi_items() if name not in ("after", "format")}
    query = urlencode(held)
    later = f"{HOME}/{kind}/people?{urlencode({**held, 'after': shown[-1]})}" if len(ids) > _PAGE else ""
    told = _told(request, kind, question)
    return page(
        request,
        "explore/people.html",
        PointPage(kind, _asked(request), told, shown, f"{HOME}/{kind}/people?{query}", later),
    )


@post("/explore/{kind:str}/people", opt=ANALYSE, status_code=200, sync_to_thread=True)
def save_people(request: Asked, workspace: Opened, kind: FromPath[str], data: Form) -> Response[Any]:
    """Makes a segment of the people behind a number: a list, as they are now."""
    question = _spelled(request, workspace, _known(kind))
    name = typed(data, "name")
    if not name:
        raise SegmentError(_("The segment has no name."), hint=_("Write one."))
    if any(each.name == name for each in workspace.segments.list()):
        raise SegmentError(f"a segment `{name}` exists already", hint=_("Choose another name."))
    ids = _people(request, workspace, kind, question, None, _MOST_SAVED + 1)
    if len(ids) > _MOST_SAVED:
        raise SegmentError(
            f"these are more than {_MOST_SAVED} people", hint=_("Describe them in words: build a segment instead.")
        )
    workspace.segments.save_static(name, ids, description=_told(request, kind, question))
    address = f"{PATH}/segments/{address_part(name)}"
    return redirect(request, address, said=_("Saved."), undo=f"{address}/delete")


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise UnknownNameError(f"there is nothing called `{kind}` to explore", name=kind)
    return kind


def _asked(request: Asked) -> str:
    """The question as it stands in the address."""
    return urlencode([(name, value) for name, value in request.query_params.multi_items() if name not in _POINT])


def _question(request: Asked, kind: str) -> Question:
    given = request.query_params
    unit = given.get("unit", "")
    return Question(
        event=given.get("event", "").strip(),
        returning=given.get("returning", "").strip(),
        steps=tuple(step.strip() for step in given.getall("step", []) if step.strip())[:_STEPS],
        amount=given.get("property", "").strip(),
        by=given.get("by", "").strip(),
        unit=Unit(unit) if unit in list(Unit) else Unit.WEEK if kind == "retention" else Unit.DAY,
        days=_number(given.get("days"), 90 if kind == "retention" else 30, _MOST_DAYS),
        within=_number(given.get("within"), 7, _MOST_DAYS),
        length=_number(given.get("length"), 3, _STEPS),
        backwards=given.get("backwards", "") == "yes",
        segment=given.get("segment", "").strip(),
    )


def _spelled(request: Asked, workspace: Workspace, kind: str) -> Question:
    """The question with bare names of events (`Order Completed`) as the segment language writes them."""
    question = _question(request, kind)
    if kind == "paths":  # it asks for a name
        return question
    names = {event.name for event in catalogue(request, workspace).events}

    def spelled(text: str) -> str:
        return event_text(text) if text in names else text

    return replace(
        question,
        event=spelled(question.event),
        returning=spelled(question.returning),
        steps=tuple(map(spelled, question.steps)),
    )


def _number(text: str | None, default: int, most: int) -> int:
    return min(max(int(text), 1), most) if text and text.isascii() and text.isdigit() and len(text) < 9 else default


def _ground(workspace: Workspace, question: Question) -> Ground:
    """The last days, whole ones of the workspace's zone, up to now."""
    now, zone = workspace.now(), workspace.settings.zone
    first = now.astimezone(zone).date() - dt.timedelta(days=question.days - 1)
    since = dt.datetime.combine(first, dt.time(), zone).astimezone(dt.UTC)
    return workspace.explore.ground(since, now + dt.timedelta(microseconds=1), question.segment or None)


def _trend(question: Question) -> TrendQuestion:
    return TrendQuestion(question.event, question.unit, question.amount or None, question.by or None)


def _funnel(question: Question) -> FunnelQuestion:
    return FunnelQuestion(question.steps, dt.timedelta(days=question.within), question.by or None)


def _retention(question: Question) -> RetentionQuestion:
    return RetentionQuestion(question.event, question.returning or question.event, question.unit)


def _path(question: Question) -> PathQuestion:
    return PathQuestion(question.event, question.backwards, question.length)


def _answered(workspace: Workspace, kind: str, question: Question) -> Trend | Funnel | Retention | Paths:
    ground, explore = _ground(workspace, question), workspace.explore
    if kind == "funnels":
        return explore.funnel(ground, _funnel(question))
    if kind == "retention":
        return explore.retention(ground, _retention(question))
    return explore.paths(ground, _path(question)) if kind == "paths" else explore.trend(ground, _trend(question))


def _most(answer: Trend | Funnel | Retention | Paths) -> int:
    return max((path.sessions for path in answer.paths), default=0) if isinstance(answer, Paths) else 0


def _people(
    request: Asked, workspace: Workspace, kind: str, question: Question, after: str | None, limit: int
) -> list[str]:
    """The ids behind the point that the address names."""
    ground, explore, given = _ground(workspace, question), workspace.explore, request.query_params
    point, value, number = given.get("point", ""), given.get("value"), given.get("number", "")
    if kind == "paths":
        events = tuple(given.getall("point", []))
        return explore.path_people(ground, _path(question), events, whole=True, after=after, limit=limit)
    if kind == "funnels":
        step, lost = _number(point, 1, _STEPS), given.get("lost") == "yes"
        return explore.funnel_people(ground, _funnel(question), step, lost=lost, value=value, after=after, limit=limit)
    try:
        start = dt.date.fromisoformat(point)
    except ValueError as error:
        raise InputError(f"`{point}` is not a day", hint="Choose a number on the page of the question.") from error
    if kind == "retention":
        unit = int(number) if number.isascii() and number.isdigit() and len(number) < 5 else None
        return explore.retention_people(ground, _retention(question), start, unit, after=after, limit=limit)
    return explore.trend_people(ground, _trend(question), start, value=value, after=after, limit=limit)


def _told(request: Asked, kind: str, question: Question) -> str:
    """Who the people of a point are, in words."""
    given = request.query_params
    point, number = given.get("point", ""), given.get("number")
    if kind == "paths":
        return " → ".join(given.getall("point", []))
    if kind == "funnels":
        at = _number(point, 1, max(len(question.steps), 1))
        steps = " → ".join(question.steps[:at])
        told = f"{' → '.join(question.steps[: at - 1])}, not {question.steps[at - 1]}" if given.get("lost") else steps
    elif kind == "retention":
        told = f"{question.event} from {point}"
        if number is not None:
            told += f", {question.returning or question.event} {question.unit} {number}"
    else:
        told = f"{question.event}, {question.unit} of {point}"
    value = given.get("value")
    return f"{told}, {question.by}: {value}" if value is not None else told


router = Router("/", route_handlers=[show_first, show_question, show_answer, show_people, save_people])
