"""Explore: trends, funnels, retention and paths over everybody or a segment; each number leads to its people.

The address holds the whole question, so that it can be shared and kept as a bookmark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from ethogram.engagement import Definitions
from ethogram.errors import SegmentError, UnknownNameError, UserError
from ethogram.exploring import Answer, Exploration, Paths, Point, Unit, Way
from ethogram.model.exploration import KIND, MOST_DAYS, days_of, unit_of
from ethogram.runtime import Workspace
from ethogram.web.console.given import ANALYSE, VIEW, Asked, Opened, typed
from ethogram.web.console.pages.events import catalogue
from ethogram.web.console.rendering import PATH, address_part, fragment, page, redirect
from ethogram.web.console.sheets import sheet, table_of
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
HOME: Final = f"{PATH}/explore"
_PAGE = 100
_MOST_SAVED = 100_000
_STEPS = 5
# What of the address is the point whose people are asked for, and not the question.
_POINT = ("point", "value", "number", "lost", "after", "format")


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A question that is kept, with its address."""

    name: str
    question: Exploration
    address: str
    version: int


@dataclass(frozen=True, slots=True)
class ExplorePage:
    """The frame: the question; the answer comes when it is counted.

    Attributes:
        kept: the same question, if it is kept under a name.
        many: how many are kept.
    """

    kind: str
    question: Exploration
    asked: str
    events: tuple[str, ...]
    properties: tuple[str, ...]
    segments: tuple[str, ...]
    kept: KeptRow | None
    many: int


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """The answer, or why there is none.

    Attributes:
        most: the largest number of it, for the length of bars and the depth of colours.
    """

    kind: str
    question: Exploration
    asked: str
    answer: Answer | None
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
    held = kept_rows(workspace)
    same = plain(workspace.explore.spelled(question)) if question.is_asked else None
    found_as = next((each for each in held if plain(each.question) == same), None)
    context = ExplorePage(kind, question, _asked(request), names, properties, segments, found_as, len(held))
    return page(request, "explore/explore.html", context)


@get("/explore/{kind:str}/answer", opt=VIEW, sync_to_thread=True)
def show_answer(request: Asked, workspace: Opened, kind: FromPath[str]) -> Response[Any]:
    """The answer, when it is counted."""
    question, asked = _question(request, _known(kind)), _asked(request)
    try:
        answer = answered(request, workspace, question)
    except UserError as error:
        part = AnswerPart(kind, question, asked, None, 0, error.message, error.hint or "")
        return fragment(request, "explore/_answer.html", part, status=422)
    return fragment(request, "explore/_answer.html", AnswerPart(kind, question, asked, answer, _most(answer)))


@get("/explore/{kind:str}/answer.csv", opt=VIEW, sync_to_thread=True)
def download_answer(request: Asked, workspace: Opened, kind: FromPath[str]) -> Response[bytes]:
    """The answer as a file for spreadsheets."""
    question = _question(request, _known(kind))
    return sheet(f"{kind}.csv", *table_of(answered(request, workspace, question)))


@get("/explore/{kind:str}/people.csv", opt=ANALYSE, sync_to_thread=True)
def download_people(request: Asked, workspace: Opened, kind: FromPath[str]) -> Response[bytes]:
    """All people behind a number, as a file."""
    question = _question(request, _known(kind))
    ids = _people(request, workspace, question, None, _MOST_SAVED)
    return sheet("people.csv", ["profile_id"], [[each] for each in ids])


@get("/explore/{kind:str}/people", opt=VIEW, sync_to_thread=True)
def show_people(request: Asked, workspace: Opened, kind: FromPath[str]) -> Response[Any]:
    """The people behind a number of the answer."""
    question = _question(request, _known(kind))
    ids = _people(request, workspace, question, request.query_params.get("after") or None, _PAGE + 1)
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
    question = _question(request, _known(kind))
    name = typed(data, "name")
    if not name:
        raise SegmentError(_("The segment has no name."), hint=_("Write one."))
    if any(each.name == name for each in workspace.segments.list()):
        raise SegmentError(f"a segment `{name}` exists already", hint=_("Choose another name."))
    ids = _people(request, workspace, question, None, _MOST_SAVED + 1)
    if len(ids) > _MOST_SAVED:
        raise SegmentError(
            f"these are more than {_MOST_SAVED} people", hint=_("Describe them in words: build a segment instead.")
        )
    workspace.segments.save_static(name, ids, description=_told(request, kind, question))
    address = f"{PATH}/segments/{address_part(name)}"
    return redirect(request, address, said=_("Saved."), undo=f"{address}/delete")


def _known(kind: str) -> str:
    if kind not in list(Way):
        raise UnknownNameError(f"there is nothing called `{kind}` to explore", name=kind)
    return kind


def _asked(request: Asked) -> str:
    """The question as it stands in the address."""
    return urlencode([(name, value) for name, value in request.query_params.multi_items() if name not in _POINT])


def address_of(question: Exploration) -> str:
    """The address at which a question is asked."""
    body = plain(question).to_body()
    names = {"amount": "property"}
    pairs = [(names.get(name, name), value) for name, value in body.items() if name not in ("explore", "steps")]
    pairs += [("step", step) for step in question.steps]
    told = [(name, "yes" if value is True else value) for name, value in pairs]
    return f"{HOME}/{question.way}?{urlencode(told)}"


def plain(question: Exploration) -> Exploration:
    """The question alone, without what is said about it."""
    return replace(question, description="", owner="", pinned=False)


def kept_rows(workspace: Workspace) -> tuple[KeptRow, ...]:
    """Every question that is kept, by name."""
    with Definitions(workspace.path) as definitions:
        held = definitions.listed(KIND)
    rows = ((saved, Exploration.from_body(saved.name, saved.body)) for saved in held)
    return tuple(KeptRow(saved.name, asked, address_of(asked), saved.version) for saved, asked in rows)


def question_of(kind: str, pairs: Iterable[tuple[str, str]]) -> Exploration:
    """What is asked, as an address says it."""
    held = list(pairs)
    given = dict(held)
    way, unit = Way(kind), given.get("unit", "")
    steps = tuple(value.strip() for name, value in held if name == "step" and value.strip())[:_STEPS]
    return Exploration(
        way,
        event=given.get("event", "").strip() if way is not Way.FUNNELS else "",
        returning=given.get("returning", "").strip() if way is Way.RETENTION else "",
        steps=steps if way is Way.FUNNELS else (),
        amount=given.get("property", "").strip() if way is Way.TRENDS else "",
        by=given.get("by", "").strip() if way in (Way.TRENDS, Way.FUNNELS) else "",
        unit=Unit(unit) if unit in list(Unit) and way in (Way.TRENDS, Way.RETENTION) else unit_of(way),
        days=_number(given.get("days"), days_of(way), MOST_DAYS),
        within=_number(given.get("within"), 7, MOST_DAYS) if way is Way.FUNNELS else 7,
        length=_number(given.get("length"), 3, _STEPS) if way is Way.PATHS else 3,
        backwards=way is Way.PATHS and given.get("backwards", "") == "yes",
        compare=way is Way.TRENDS and given.get("compare", "") == "yes",
        segment=given.get("segment", "").strip(),
    )


def _question(request: Asked, kind: str) -> Exploration:
    return question_of(kind, request.query_params.multi_items())


def _number(text: str | None, default: int, most: int) -> int:
    return min(max(int(text), 1), most) if text and text.isascii() and text.isdigit() and len(text) < 9 else default


def answered(request: Asked, workspace: Workspace, question: Exploration) -> Answer:
    """The answer, computed now or lately."""
    asked = plain(question)
    found: Answer = request.app.state.kept.get(
        ("explore", asked), lambda: workspace.explore.ask(asked, workspace.now())
    )
    return found


def _most(answer: Answer) -> int:
    return max((path.sessions for path in answer.paths), default=0) if isinstance(answer, Paths) else 0


def _people(request: Asked, workspace: Workspace, question: Exploration, after: str | None, limit: int) -> list[str]:
    """The ids behind the point that the address names."""
    given = request.query_params
    number = given.get("number", "")
    unit = int(number) if number.isascii() and number.isdigit() and len(number) < 5 else None
    point = Point(tuple(given.getall("point", [])), given.get("value"), unit, given.get("lost") == "yes")
    return workspace.explore.ask_people(question, workspace.now(), point, after=after, limit=limit)


def _told(request: Asked, kind: str, question: Exploration) -> str:
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


router = Router(
    "/",
    route_handlers=[
        show_first,
        show_question,
        show_answer,
        download_answer,
        show_people,
        download_people,
        save_people,
    ],
)
