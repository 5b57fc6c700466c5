"""Journeys: the list, the ready ones, and each on its canvas with its people, its versions and what it did."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery

from ethogram import documents, readying
from ethogram.engagement import Definitions
from ethogram.errors import InputError, UserError
from ethogram.journeying import Ended, Journeys, JourneyState, Run, Shown, Standing
from ethogram.reporting import Report, Reports
from ethogram.runtime import Workspace
from ethogram.web.console.drawing import Card, Drawing, drawing
from ethogram.web.console.given import MARKET, VIEW, Asked, Opened, typed
from ethogram.web.console.rendering import PATH, Problem, address_part, fragment, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
HOME = f"{PATH}/journeys"


@dataclass(frozen=True, slots=True)
class JourneyRow:
    """A journey in the list."""

    name: str
    description: str
    entry: str
    state: str
    reason: str
    inside: int
    entered: int


@dataclass(frozen=True, slots=True)
class JourneysPage:
    """Every journey, those that match what is sought."""

    q: str
    journeys: tuple[JourneyRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ReadyRow:
    """A ready journey, and whether the workspace's words fill it."""

    name: str
    title: str
    purpose: str
    entry: str
    steps: int
    missing: tuple[str, ...]
    applied: bool


@dataclass(frozen=True, slots=True)
class ReadyPage:
    """The journeys that come with Ethogram."""

    journeys: tuple[ReadyRow, ...]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a journey."""

    version: int
    at: dt.datetime
    inside: int


@dataclass(frozen=True, slots=True)
class Leftover:
    """A step of an earlier version at which people are."""

    step: str
    inside: int
    there: bool  # the newest version has a step of that name


@dataclass(frozen=True, slots=True)
class JourneyPage:
    """A journey on its canvas."""

    name: str
    description: str
    version: int
    newest: int
    standing: Standing
    drawing: Drawing
    inside: int
    entered: int
    ended: tuple[Ended, ...]
    versions: tuple[VersionRow, ...]
    leftovers: tuple[Leftover, ...]
    targets: tuple[str, ...]  # the newest version's steps, where people may go on
    text: str
    chosen: Card | None = None
    runs: tuple[Run, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class ReportPart:
    """What a message of a journey did."""

    report: Report
    address: str


@get("/journeys", opt=VIEW, sync_to_thread=True)
def list_journeys(request: Asked, workspace: Opened, q: FromQuery[str] = "") -> Response[Any]:
    """Every journey."""
    with opened_definitions(workspace) as definitions:
        saved = definitions.listed("journey")
    with Journeys(workspace.path, clock=workspace.clock) as opened:
        rows = []
        for each in saved:
            if q.casefold() not in each.name.casefold():
                continue
            shown = opened.shown(each.name)
            inside = sum(step.at for step in shown.steps)
            rows.append(
                JourneyRow(
                    each.name,
                    str(each.body.get("description", "")),
                    drawing(each.body).entry,
                    shown.standing.state.value,
                    shown.standing.paused or shown.standing.reason or "",
                    inside,
                    inside + sum(end.runs for end in shown.ended),
                )
            )
    return page(request, "journeys/list.html", JourneysPage(q, tuple(rows), len(saved)))


@get("/journeys/ready", opt=VIEW, sync_to_thread=True)
def list_ready(request: Asked, workspace: Opened) -> Response[Any]:
    """The journeys that come with Ethogram, those that fit first."""
    return page(request, "journeys/ready.html", _ready(workspace))


@post("/journeys/ready", opt=MARKET, status_code=200, sync_to_thread=True)
def apply_ready(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """Saves a ready journey with its templates, and does not start it."""
    name = typed(data, "name")
    try:
        with opened_definitions(workspace) as definitions:
            if any(each.name == name for each in definitions.listed("journey")):
                raise InputError(f"there is a journey `{name}` already", hint="Edit it, or remove it first.")
            readying.save(workspace, definitions, [name])
    except UserError as error:
        return page(request, "journeys/ready.html", _ready(workspace, Problem.of(error)), status=400)
    return redirect(request, address(name), said=_("Saved with its messages. Read them, then start it."))


@get("/journeys/{name:str}", opt=VIEW, sync_to_thread=True)
def show_journey(
    request: Asked,
    workspace: Opened,
    name: FromPath[str],
    version: FromQuery[int | None] = None,
    step: FromQuery[str] = "",
) -> Response[Any]:
    """A journey on its canvas, and who is at a chosen step."""
    return page(request, "journeys/journey.html", _page(workspace, name, version=version, step=step))


@get("/journeys/{name:str}/report", opt=VIEW, sync_to_thread=True)
def show_report(request: Asked, workspace: Opened, name: FromPath[str], step: FromQuery[str] = "") -> Response[Any]:
    """What one message of a journey did, against those who were held out."""
    report = Reports(workspace, workspace.path).journey(name, step)
    return fragment(request, "experiments/_report.html", ReportPart(report, address(name)))


@post("/journeys/{name:str}/{verb:str}", opt=MARKET, status_code=200, sync_to_thread=True)
def change(request: Asked, workspace: Opened, name: FromPath[str], verb: FromPath[str], data: Form) -> Response[Any]:
    """Starts, stops, resumes, closes or removes a journey, or takes everybody out of it."""
    try:
        said = _changed(workspace, name, verb, data)
    except UserError as error:
        return page(request, "journeys/journey.html", _page(workspace, name, problem=Problem.of(error)), status=409)
    if verb == "remove":
        return redirect(request, HOME, said=f"{name}: {said}")
    return redirect(request, address(name), said=said, undo=f"{address(name)}/resume" if verb == "stop" else "")


def address(name: str) -> str:
    """Where a journey's page is."""
    return f"{HOME}/{address_part(name)}"


def opened_definitions(workspace: Workspace) -> Definitions:
    """What is defined in a workspace."""
    return Definitions(workspace.path, clock=workspace.clock)


def text_of(body: Any) -> str:
    """A journey's document as a text, without the lines that name it."""
    lines = documents.dump([("journey", "x", dict(body))]).splitlines()[2:]
    return "\n".join(line[4:] for line in lines) + "\n"


def _changed(workspace: Workspace, name: str, verb: str, data: dict[str, Any]) -> str:
    """What was done to a journey, in words.

    Raises:
        UserError: it cannot be done in the state that it is in.
    """
    with Journeys(workspace.path, clock=workspace.clock) as opened:
        match verb:
            case "start":
                # A pair of fields for each step of an earlier version; an empty one leaves its people where they are.
                pairs = ((typed(data, f"from-{n}"), typed(data, f"to-{n}")) for n in range(len(data)))
                opened.start(name, moves={before: after for before, after in pairs if before and after})
                return _("It is open, in its newest version.")
            case "stop":
                opened.stop(name, reason=typed(data, "reason"))
                return _("Stopped: nobody enters or moves, and nothing is sent.")
            case "resume":
                opened.resume(name)
                return _("It goes on where it was.")
            case "close":
                opened.close(name)
                return _("Closed: nobody enters any more; who is in it goes on.")
            case "end-runs":
                ended = opened.end_runs(name)
                return f"{ended:,} " + (_("person was taken out.") if ended == 1 else _("people were taken out."))
            case "remove":
                if opened.standing(name).state in (JourneyState.ACTIVE, JourneyState.CLOSED):
                    raise UserError(f"journey `{name}` is under way", hint="Stop it first.")
                with opened_definitions(workspace) as definitions:
                    definitions.remove("journey", name)
                return _("removed.")
            case _:
                raise InputError(f"a journey cannot `{verb[:20]}`")


def _ready(workspace: Workspace, problem: Problem | None = None) -> ReadyPage:
    vocabulary = workspace.vocabulary()
    with opened_definitions(workspace) as definitions:
        there = {each.name for each in definitions.listed("journey")}
    rows = []
    for each in readying.listed():
        picture = drawing(each.body)
        missing = tuple(role for role in each.roles if vocabulary.get(role) is None)
        steps = len(picture.cards)
        rows.append(ReadyRow(each.name, each.title, each.purpose, picture.entry, steps, missing, each.name in there))
    return ReadyPage(tuple(sorted(rows, key=lambda row: bool(row.missing))), problem)


def _page(
    workspace: Workspace, name: str, *, version: int | None = None, step: str = "", problem: Problem | None = None
) -> JourneyPage:
    with opened_definitions(workspace) as definitions:
        newest = definitions.get("journey", name)
        saved = newest if version is None else definitions.get("journey", name, version)
        versions = definitions.versions("journey", name)
    with Journeys(workspace.path, clock=workspace.clock) as opened:
        shown = opened.shown(name)
        runs = opened.runs(name, step=step or None, limit=50)
    counts = {each.step: (each.at, each.outcomes) for each in shown.steps if each.version == saved.version}
    picture = drawing(saved.body, counts)
    inside = sum(each.at for each in shown.steps)
    targets = tuple(card.name for card in drawing(newest.body).cards)
    return JourneyPage(
        name=name,
        description=str(saved.body.get("description", "")),
        version=saved.version,
        newest=newest.version,
        standing=shown.standing,
        drawing=picture,
        inside=inside,
        entered=inside + sum(each.runs for each in shown.ended),
        ended=shown.ended,
        versions=tuple(
            VersionRow(each.version, each.created_at, sum(one.at for one in shown.steps if one.version == each.version))
            for each in reversed(versions)
        ),
        leftovers=_leftovers(shown, newest.version, set(targets)),
        targets=targets,
        text=text_of(saved.body),
        chosen=next((card for card in picture.cards if card.name == step), None),
        runs=runs,
        problem=problem,
    )


def _leftovers(shown: Shown, newest: int, steps: set[str]) -> tuple[Leftover, ...]:
    found: dict[str, int] = {}
    for each in shown.steps:
        if each.version != newest and each.at:
            found[each.step] = found.get(each.step, 0) + each.at
    return tuple(Leftover(step, inside, step in steps) for step, inside in sorted(found.items()))


router = Router(
    "/",
    route_handlers=[list_journeys, list_ready, apply_ready, show_journey, show_report, change],
)
