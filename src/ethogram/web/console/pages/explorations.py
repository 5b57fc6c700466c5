"""Questions that are kept: saved from the pages of explore, listed, renamed, removed, and pinned to the home page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery

from ethogram.engagement import Definitions
from ethogram.errors import InputError, UnknownNameError, UserError
from ethogram.exploring import Answer, Exploration, Funnel, Paths, Retention, Trend
from ethogram.model.exploration import KIND
from ethogram.runtime import Workspace
from ethogram.web.console.given import ANALYSE, VIEW, Asked, Numbered, Opened, signed_in, typed
from ethogram.web.console.pages.explore import HOME, Form, KeptRow, address_of, answered, kept_rows, question_of
from ethogram.web.console.rendering import address_part, fragment, page, redirect
from ethogram.web.console.texts import _

SAVED: Final = f"{HOME}/saved"


@dataclass(frozen=True, slots=True)
class KeptPage:
    """The questions that have a text in their names or words."""

    q: str
    sort: str
    rows: tuple[KeptRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class PinnedPart:
    """The questions of the home page."""

    rows: tuple[KeptRow, ...]


@dataclass(frozen=True, slots=True)
class PicturePart:
    """A question with its one number and a small picture.

    Attributes:
        figure: how many events of a trend; the share of those who come to a funnel's end, of those who come back in
            the unit after, of sessions that take the most frequent path; None where there is nothing to divide by.
        values: of the line.
        change: against the period before, where the question asks for it.
    """

    row: KeptRow
    figure: float | None = None
    is_share: bool = False
    values: tuple[float, ...] = ()
    change: float | None = None
    note: str = ""
    message: str = ""


@get("/explore/saved", opt=VIEW, sync_to_thread=True)
def list_kept(
    request: Asked, workspace: Opened, q: FromQuery[str] = "", sort: FromQuery[str] = "name"
) -> Response[Any]:
    """Every question that is kept."""
    held = kept_rows(workspace)
    folded = q.strip().casefold()
    rows = [row for row in held if folded in f"{row.name} {row.question} {row.question.owner}".casefold()]
    keys = {
        "name": lambda row: row.name.casefold(),
        "way": lambda row: (row.question.way, row.name.casefold()),
        "owner": lambda row: (row.question.owner, row.name.casefold()),
    }
    rows.sort(key=keys.get(sort.removeprefix("-"), keys["name"]), reverse=sort.startswith("-"))
    return page(request, "explore/saved.html", KeptPage(q, sort, tuple(rows), len(held)))


@get("/explore/saved/{name:str}", opt=VIEW, sync_to_thread=True)
def open_kept(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """Leads to the question of a name."""
    return redirect(request, _one(workspace, name).address)


@get("/explore/saved/{name:str}/picture", opt=VIEW, sync_to_thread=True)
def show_picture(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """A question's number, with a small picture."""
    row = _one(workspace, name)
    try:
        part = _picture(row, answered(request, workspace, row.question))
    except UserError as error:
        part = PicturePart(row, message=error.message)
    return fragment(request, "explore/_picture.html", part)


@get("/home/pinned", opt=VIEW, sync_to_thread=True)
def show_pinned(request: Asked, workspace: Opened) -> Response[Any]:
    """The questions that are pinned, each to be counted for itself."""
    rows = tuple(row for row in kept_rows(workspace) if row.question.pinned)
    return fragment(request, "explore/_pinned.html", PinnedPart(rows))


@post("/explore/{kind:str}/save", opt=ANALYSE, status_code=200, sync_to_thread=True)
def save_kept(request: Asked, workspace: Opened, kind: FromPath[str], data: Form) -> Response[Any]:
    """Keeps the question of the address under a name."""
    name = typed(data, "name")
    if not name:
        raise InputError(_("The question has no name."), hint=_("Write one."))
    try:
        asked = workspace.explore.spelled(question_of(kind, request.query_params.multi_items()))
    except ValueError as error:
        raise UnknownNameError(f"there is nothing called `{kind}` to explore", name=kind) from error
    owner = signed_in(request).user.email
    return _save(request, workspace, name, replace(asked, owner=owner, pinned=typed(data, "pinned") == "yes"))


@post("/explore/saved/{name:str}/pin", opt=ANALYSE, status_code=200, sync_to_thread=True)
def pin(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """Pins a question to the home page, or takes it from there."""
    asked = _one(workspace, name).question
    return _save(request, workspace, name, replace(asked, pinned=not asked.pinned))


@post("/explore/saved/{name:str}/rename", opt=ANALYSE, status_code=200, sync_to_thread=True)
def rename(request: Asked, workspace: Opened, name: FromPath[str], data: Form) -> Response[Any]:
    """Keeps a question under another name."""
    new = typed(data, "name")
    row = _one(workspace, name)
    if any(each.name == new for each in kept_rows(workspace)):
        raise InputError(f"a question `{new}` is kept already", hint=_("Choose another name."))
    actor = signed_in(request).user.email
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        definitions.save(KIND, new, row.question.to_body(), actor=actor)
        definitions.remove(KIND, name, actor=actor)
    return redirect(request, SAVED, said=_("Renamed."))


@post("/explore/saved/{name:str}/remove", opt=ANALYSE, status_code=200, sync_to_thread=True)
def remove(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """Removes a question; it can be had back."""
    row = _one(workspace, name)
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        definitions.remove(KIND, name, actor=signed_in(request).user.email)
    return redirect(request, SAVED, said=_("Removed."), undo=f"{SAVED}/{address_part(name)}/revert/{row.version}")


@post("/explore/saved/{name:str}/revert/{version:int}", opt=ANALYSE, status_code=200, sync_to_thread=True)
def revert(request: Asked, workspace: Opened, name: FromPath[str], version: Numbered) -> Response[Any]:
    """Makes a question what a version of it says, also one that is removed."""
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        then = next((each for each in definitions.versions(KIND, name) if each.version == version), None)
        if then is None:
            raise UnknownNameError(f"there is no version {version} of the question `{name}`", name=name)
        definitions.save(KIND, name, then.body, actor=signed_in(request).user.email)
    asked = Exploration.from_body(name, then.body)
    return redirect(request, address_of(asked), said=_("It is as it was."))


def _save(request: Asked, workspace: Workspace, name: str, asked: Exploration) -> Response[Any]:
    before = next((row for row in kept_rows(workspace) if row.name == name), None)
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        definitions.save(KIND, name, asked.to_body(), actor=signed_in(request).user.email)
    home = f"{SAVED}/{address_part(name)}"
    undo = f"{home}/remove" if before is None else f"{home}/revert/{before.version}"
    return redirect(request, address_of(asked), said=_("Saved."), undo=undo)


def _one(workspace: Workspace, name: str) -> KeptRow:
    with Definitions(workspace.path) as definitions:
        saved = definitions.get(KIND, name)
    asked = Exploration.from_body(name, saved.body)
    return KeptRow(name, asked, address_of(asked), saved.version)


def _picture(row: KeptRow, answer: Answer) -> PicturePart:
    """The one number of an answer."""
    match answer:
        case Trend():
            then = answer.before.total.events if answer.before is not None else 0
            change = (answer.total.events - then) / then if then else None
            values = tuple(float(point.events) for point in answer.points)
            return PicturePart(row, answer.total.events, values=values, change=change, note=_("events"))
        case Funnel():
            shares = tuple(step.share for step in answer.steps)
            share = shares[-1] if answer.steps[0].people else None
            return PicturePart(row, share, is_share=True, values=shares, note=_("come to the end"))
        case Retention():
            # A unit that still goes on would look like a loss.
            done = [cohort for cohort in answer.cohorts if len(cohort.returned) > 2]
            people = sum(cohort.people for cohort in done)
            share = sum(cohort.returned[1] for cohort in done) / people if people else None
            values = tuple(cohort.returned[1] / cohort.people for cohort in done)
            return PicturePart(row, share, is_share=True, values=values, note=_("come back in the time after"))
        case Paths():
            share = answer.paths[0].sessions / answer.sessions if answer.paths else None
            values = tuple(float(path.sessions) for path in answer.paths)
            return PicturePart(row, share, is_share=True, values=values, note=_("of sessions take the usual way"))


router = Router(
    "/",
    route_handlers=[
        list_kept,
        open_kept,
        show_picture,
        show_pinned,
        save_kept,
        pin,
        rename,
        remove,
        revert,
    ],
)
