"""The builder: a segment as rows and as text side by side, with whom it describes while it is written.

The text is the truth. The page's script sends what was changed (`/console/drafts/…`) and shows what comes back; without
a script, the text and a button do the same.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery, JSONBody

from ethogram.drafting import DRAFT
from ethogram.errors import SegmentError, UserError
from ethogram.model.drafts import Completion, Review, ValueCounts
from ethogram.model.editing import Moves
from ethogram.model.results import SegmentVersion
from ethogram.picturing import Labels
from ethogram.runtime import Workspace
from ethogram.web.console.given import ANALYSE, VIEW, Asked, Numbered, Opened, session_of, typed
from ethogram.web.console.pages.segments import HOME
from ethogram.web.console.rendering import PATH, Problem, address_part, fragment, page, redirect
from ethogram.web.console.sets import UpSet, Venn, drawn
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
_Text = Annotated[str, msgspec.Meta(max_length=1_000_000)]
_SAMPLE = 8
_MOST_COMPARED = 5
_MOST_TURNS = 1_000


@dataclass(frozen=True, slots=True)
class BuilderPage:
    """A segment that is written, new or saved before."""

    name: str
    new: bool
    description: str
    text: str
    review: Review
    labels: Labels
    segments: tuple[str, ...]  # to compare with
    counted: Counted | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Whom a text describes, and what saving it would change.

    Attributes:
        heavy: so much would be read that one is asked first; nothing was counted.
        superseded: a newer question of the same page came before this one was begun; nothing was counted.
    """

    count: int = 0
    population: int = 0
    share: float = 0.0
    sample: tuple[str, ...] = ()
    entity: str = "profile"
    milliseconds: float = 0.0
    rows: int = 0
    moves: Moves | None = None
    along: tuple[Moves, ...] = ()  # other segments that would change with it
    heavy: bool = False
    superseded: bool = False
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A text, or the rows that say one."""

    text: _Text | None = None
    rows: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A text and a place in it, counted in characters."""

    text: _Text
    cursor: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class Question:
    """A text to be counted.

    Attributes:
        page: a mark of the page that asks; `turn` grows with each of its questions.
        anyway: also where it is heavy.
    """

    text: _Text
    name: str = ""
    page: Annotated[str, msgspec.Meta(max_length=64)] = ""
    turn: int = 0
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class Together:
    """People in exactly these segments."""

    names: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class ComparePart:
    """How a draft overlaps with saved segments: the size of each, and of each exact combination, the largest first."""

    sizes: dict[str, int] = field(default_factory=dict)
    exact: tuple[Together, ...] = ()
    picture: Venn | UpSet | None = None
    upset: bool = False
    draft: str = DRAFT
    problem: Problem | None = None


@dataclass(slots=True)
class _Turn:
    newest: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Turns:
    """One question of a page at a time; those that a newer one has overtaken are not begun."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}
        self._lock = threading.Lock()

    @contextmanager
    def take(self, key: str, number: int) -> Iterator[bool]:
        """Waits for the page's question before; then says whether this one is still wanted."""
        with self._lock:
            while len(self._turns) >= _MOST_TURNS and key not in self._turns:
                self._turns.pop(next(iter(self._turns)))
            turn = self._turns.setdefault(key, _Turn())
            turn.newest = max(turn.newest, number)
        with turn.lock:
            yield number >= turn.newest


_turns = Turns()


@get("/segments/new", opt=ANALYSE, sync_to_thread=True)
def show_new(
    request: Asked, workspace: Opened, text: FromQuery[str] = "", event: FromQuery[str] = "", name: FromQuery[str] = ""
) -> Response[Any]:
    """An empty builder, or one that begins with a text or an event."""
    if event and not text:
        rows = {"kind": "group", "join": "and", "items": [{"kind": "event", "measure": "did", "event": event}]}
        text = workspace.drafts.check_rows(rows).text
    return _builder(request, workspace, name=name, text=text, new=True)


@get("/segments/{name:str}/edit", opt=ANALYSE, sync_to_thread=True)
def show_edit(
    request: Asked, workspace: Opened, name: FromPath[str], version: FromQuery[int | None] = None
) -> Response[Any]:
    """The builder of a saved segment, at its newest version unless told otherwise."""
    segment = workspace.segments.get(name, version)
    if segment.text is None:
        return redirect(
            request, f"{HOME}/{address_part(name)}", said=_("A list has no conditions to be edited."), bad=True
        )
    return _builder(request, workspace, name=name, text=segment.text, new=False, segment=segment)


@post("/segments", opt=ANALYSE, sync_to_thread=True)
def save(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """Saves a segment; `do=check` only looks at it."""
    name, text, new = typed(data, "name"), str(data.get("text", "")), typed(data, "new") == "yes"
    labels = Labels(tuple(tag.strip() for tag in typed(data, "tags").split(",") if tag.strip()), typed(data, "owner"))
    description = typed(data, "description")
    problem: Problem | None = None
    if typed(data, "do") != "check":
        try:
            if new:
                _refuse_taken(workspace, name)
            before = None if new else workspace.segments.get(name)
            saved = workspace.segments.save(name, text, description=description)
            workspace.pictures.label(name, tags=labels.tags, owner=labels.owner)
        except UserError as error:
            problem = Problem.of(error)
        else:
            address = f"{HOME}/{address_part(name)}"
            if before is not None and before.version != saved.version:
                return redirect(request, address, said=_("Saved."), undo=f"{address}/revert/{before.version}")
            return redirect(request, address, said=_("Saved."), undo=f"{address}/delete" if new else "")
    counted = _counted(workspace, Question(text, "" if new else name)) if problem is None else None
    return _builder(
        request, workspace, name=name, text=text, new=new, labels=labels, description=description, counted=counted,
        problem=problem,
    )  # fmt: skip


@post("/segments/{name:str}/revert/{version:int}", opt=ANALYSE, sync_to_thread=True)
def revert(request: Asked, workspace: Opened, name: FromPath[str], version: Numbered) -> Response[Any]:
    """Saves an earlier version again, as a new one."""
    earlier = workspace.segments.get(name, version)
    address = f"{HOME}/{address_part(name)}"
    if earlier.text is None:
        return redirect(request, address, said=_("Lists have no texts to go back to."), bad=True)
    before = workspace.segments.get(name).version
    workspace.segments.save(name, earlier.text)
    return redirect(request, address, said=_("It is as it was."), undo=f"{address}/revert/{before}")


@post("/drafts/check", status_code=200, opt=VIEW, sync_to_thread=True)
def check(workspace: Opened, data: JSONBody[Draft]) -> Review:
    """A text, or rows, as they are understood."""
    if data.rows is not None:
        return workspace.drafts.check_rows(data.rows)
    return workspace.drafts.check(data.text or "")


@post("/drafts/complete", status_code=200, opt=VIEW, sync_to_thread=True)
def complete(workspace: Opened, data: JSONBody[Place]) -> Completion:
    """What could stand at a place of a text."""
    return workspace.drafts.complete(data.text, data.cursor)


@get("/drafts/names", opt=VIEW, sync_to_thread=True)
def names(workspace: Opened) -> dict[str, Any]:
    """Every name that rows can be made of."""
    return workspace.drafts.names()


@get("/drafts/values", opt=VIEW, sync_to_thread=True)
def values(
    workspace: Opened, name: FromQuery[str] = "", event: FromQuery[str] = "", of: FromQuery[str] = "event"
) -> ValueCounts:
    """The most frequent values of a property or a trait."""
    return workspace.drafts.values(name[:500], event=event or None, trait=of == "trait")


@post("/drafts/size", status_code=200, opt=VIEW, sync_to_thread=True)
def size(request: Asked, workspace: Opened, data: JSONBody[Question]) -> Response[Any]:
    """Whom a text describes, unless a newer question of the same page has come meanwhile."""
    session = session_of(request)
    key = f"{session.user.email if session is not None else ''}/{data.page}"
    with _turns.take(key, data.turn) as wanted:
        counted = _counted(workspace, data) if wanted else Counted(superseded=True)
    return fragment(request, "segments/_size.html", counted)


@post("/drafts/compare", status_code=200, opt=VIEW, sync_to_thread=True)
def compare(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """How a text overlaps with saved segments, as a picture and in numbers."""
    chosen = data.get("with", [])
    others = tuple(dict.fromkeys([chosen] if isinstance(chosen, str) else chosen))[:_MOST_COMPARED]
    if not others:
        return fragment(request, "segments/_compare.html", ComparePart())
    try:
        overlap = workspace.drafts.overlap(str(data.get("text", "")), others)
    except UserError as error:
        return fragment(request, "segments/_compare.html", ComparePart(problem=Problem.of(error)))
    picture = drawn(overlap)
    exact = tuple(Together(*each) for each in sorted(overlap.exact.items(), key=lambda each: (-each[1], each[0])))
    part = ComparePart(overlap.sizes, exact, picture, isinstance(picture, UpSet))
    return fragment(request, "segments/_compare.html", part)


# --- parts ----------------------------------------------------------------------------------------------------------


def _builder(
    request: Asked,
    workspace: Workspace,
    *,
    name: str,
    text: str,
    new: bool,
    segment: SegmentVersion | None = None,
    labels: Labels | None = None,
    description: str = "",
    counted: Counted | None = None,
    problem: Problem | None = None,
) -> Response[Any]:
    held = labels or (workspace.pictures.labels().get(name, Labels()) if not new else Labels())
    shown = BuilderPage(
        name,
        new,
        segment.description if segment is not None else description,
        text,
        workspace.drafts.check(text),
        held,
        tuple(each.name for each in workspace.segments.list() if each.name != name),
        counted,
        problem,
    )
    return page(request, "segments/builder.html", shown, status=400 if problem is not None else 200)


def _counted(workspace: Workspace, asked: Question) -> Counted:
    """Whom a text describes; compared with what is recorded where it would replace a saved segment."""
    review = workspace.drafts.check(asked.text)
    if not review.ok:
        return Counted(problem=Problem(review.problems[0].message if review.problems else ""))
    try:
        cost = workspace.drafts.cost(asked.text)
        if cost.heavy and not asked.anyway:
            return Counted(rows=cost.rows, heavy=True)
        if asked.name and any(each.name == asked.name for each in workspace.segments.list()):
            found = workspace.segments.difference(asked.name, asked.text, sample=_SAMPLE)
            own, *along = found.moves
            count = own.stay + own.enter
            return Counted(
                count,
                found.population,
                count / found.population if found.population else 0.0,
                (*own.stays, *own.enters)[:_SAMPLE],
                found.entity,
                found.milliseconds,
                cost.rows,
                own,
                tuple(each for each in along if each.changes),
            )
        preview = workspace.preview(asked.text, sample=_SAMPLE)
    except UserError as error:
        return Counted(problem=Problem.of(error))
    return Counted(
        preview.count, preview.population, preview.share, preview.sample, preview.entity, preview.milliseconds,
        cost.rows,
    )  # fmt: skip


def _refuse_taken(workspace: Workspace, name: str) -> None:
    if not name:
        raise SegmentError("the segment has no name", hint="Give it one that says who is in it, such as `vip`.")
    if name == "new":
        raise SegmentError("a segment cannot be called `new`", hint="The console makes new segments at that address.")
    if any(each.name == name for each in workspace.segments.list()):
        raise SegmentError(
            f"there is a segment `{name}` already",
            hint=f"Choose another name, or edit that one at {PATH}/segments/{address_part(name)}/edit.",
        )


router = Router("/", route_handlers=[show_new, show_edit, save, revert, check, complete, names, values, size, compare])
