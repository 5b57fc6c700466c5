"""Journeys: define, start, edit and stop them, call them, and see where their people are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from ethogram.engagement import Definitions, Saved
from ethogram.engaging import Engaging
from ethogram.errors import UserError
from ethogram.journeying import Journeys, JourneyState, Passed, Run, Shown, Standing
from ethogram.model.experiment import Method
from ethogram.readying import Ready, listed, save
from ethogram.reporting import Report, Reports
from ethogram.web.api.defined import routes
from ethogram.web.api.failures import ConflictError, changed
from ethogram.web.api.given import READ, Failure, Named, Opened

HowCertain = Annotated[
    Method, QueryParameter(description="fixed: looked at once, at the end; sequential: at any time; or bayesian.")
]
_CONFLICT = {409: ResponseSpec(Failure, description="What it does now does not allow it.", generate_examples=False)}
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class Opening:
    """How a journey is opened.

    Attributes:
        moves: steps of earlier versions → steps of the newest one, where whoever is there goes on.
    """

    moves: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, for those who wonder."""

    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


@dataclass(frozen=True, slots=True)
class Entering:
    """Somebody whom a call lets in, with what their run knows of it."""

    profile_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class JourneyCall:
    """A call of a journey.

    Attributes:
        key: names the call: the same key again lets in nobody new.
    """

    people: Annotated[list[Entering], msgspec.Meta(min_length=1, max_length=10_000)]
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class LetIn:
    """How many people a call has let in, and how many not."""

    entered: int
    refused: int


@dataclass(frozen=True, slots=True)
class Passage:
    """One person's passage, and the steps that it has left."""

    run: Run
    passed: list[Passed]


@dataclass(frozen=True, slots=True)
class EndedRuns:
    """How many people were taken out."""

    ended: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which ready journeys to save."""

    names: Annotated[list[_Name], msgspec.Meta(min_length=1, max_length=100)]


@get("/ready-journeys", opt=READ, sync_to_thread=True)
def list_ready_journeys() -> list[Ready]:
    """The journeys that come with Ethogram, and what each speaks of."""
    return list(listed())


@post("/ready-journeys", status_code=200, sync_to_thread=True)
def save_ready_journeys(workspace: Opened, data: JSONBody[Wanted]) -> list[Saved]:
    """Saves ready journeys and their templates in the words of this workspace; none is started."""
    with Definitions(workspace.path) as definitions:
        return list(save(workspace, definitions, data.names))


@get("/journeys/{name:str}/people", opt=READ, sync_to_thread=True)
def show_people(workspace: Opened, name: Named) -> Shown:
    """What a journey does, how many people are at and went through each step, and how runs ended."""
    with Journeys(workspace.path) as journeys:
        return journeys.shown(name)


@get("/journeys/{name:str}/runs", opt=READ, sync_to_thread=True)
def list_runs(
    workspace: Opened,
    name: Named,
    step: Annotated[str | None, QueryParameter(description="Only those who are at this step now.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1_000, description="How many at most.")] = 100,
) -> list[Run]:
    """Who is or was in a journey, newest first."""
    with Journeys(workspace.path) as journeys:
        return list(journeys.runs(name, step=step, limit=limit))


@get("/runs/{run:str}", opt=READ, sync_to_thread=True)
def get_run(workspace: Opened, run: Named) -> Passage:
    """One person's passage through a journey."""
    with Journeys(workspace.path) as journeys:
        found, passed = journeys.run(run)
        return Passage(found, list(passed))


@post("/journeys/{name:str}/start", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def start_journey(workspace: Opened, name: Named, data: JSONBody[Opening]) -> Standing:
    """Opens a journey in its newest version; who is in an earlier one stays on it unless moved."""
    with Journeys(workspace.path) as journeys:
        return changed(lambda: journeys.start(name, moves=data.moves, actor="api"))


@post("/journeys/{name:str}/close", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def close_journey(workspace: Opened, name: Named) -> Standing:
    """Lets nobody enter any more; who is in it goes on."""
    with Journeys(workspace.path) as journeys:
        return changed(lambda: journeys.close(name, actor="api"))


@post("/journeys/{name:str}/stop", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def stop_journey(workspace: Opened, name: Named, data: JSONBody[Reason]) -> Standing:
    """Lets a journey rest: nobody enters, nobody moves, nothing of it is sent."""
    with Journeys(workspace.path) as journeys:
        return changed(lambda: journeys.stop(name, reason=data.reason, actor="api"))


@post("/journeys/{name:str}/resume", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def resume_journey(workspace: Opened, name: Named) -> Standing:
    """Lets a stopped journey go on where it was."""
    with Journeys(workspace.path) as journeys:
        return changed(lambda: journeys.resume(name, actor="api"))


@post("/journeys/{name:str}/end-runs", status_code=200, sync_to_thread=True)
def end_runs(workspace: Opened, name: Named, data: JSONBody[Reason]) -> EndedRuns:
    """Takes everybody out of a journey, with what waits for them in the outbox."""
    with Journeys(workspace.path) as journeys:
        return EndedRuns(journeys.end_runs(name, reason=data.reason or "ended by hand", actor="api"))


@post("/journeys/{name:str}/call", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def call_journey(workspace: Opened, name: Named, data: JSONBody[JourneyCall]) -> LetIn:
    """Lets people into a journey that is entered by calls, once for each key."""
    with Journeys(workspace.path) as journeys:
        if journeys.standing(name).state is not JourneyState.ACTIVE:
            raise ConflictError(UserError(f"journey `{name}` is not open", hint="Start it first."))
    people = [(each.profile_id, each.data or {}) for each in data.people]
    with Engaging(workspace.path, workspace.people, clock=workspace.clock) as engaging:
        return LetIn(*engaging.call_journey(name, people, data.key))


@get("/journeys/{name:str}/report", opt=READ, sync_to_thread=True)
def report_whole_journey(workspace: Opened, name: Named, method: HowCertain = Method.FIXED) -> Report:
    """Who entered a journey and reached its goal, and lift over those who were held out."""
    return Reports(workspace, workspace.path).journey(name, method=method)


@get("/journeys/{name:str}/report/{step:str}", opt=READ, sync_to_thread=True)
def report_journey(workspace: Opened, name: Named, step: Named, method: HowCertain = Method.FIXED) -> Report:
    """What one message of a journey did, or the ways of a split, and lift over those who were held out."""
    return Reports(workspace, workspace.path).journey(name, step, method=method)


router = Router(
    "/",
    tags=["Journeys"],
    route_handlers=[
        list_ready_journeys, save_ready_journeys, show_people, list_runs, get_run, start_journey, close_journey,
        stop_journey, resume_journey, end_runs, call_journey, report_whole_journey, report_journey, *routes("journey"),
    ],
)  # fmt: skip
