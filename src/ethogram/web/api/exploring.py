"""Explore: trends, funnels, retention and paths, the people behind a number, and questions that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Router, get
from litestar.params import FromQuery, QueryParameter

from ethogram.engagement import Definitions
from ethogram.exploring import Answer, Exploration, Funnel, Paths, Point, Retention, Trend, Unit, Way
from ethogram.model.exploration import KIND, MOST_DAYS, MOST_LENGTH, days_of
from ethogram.web.api.defined import routes
from ethogram.web.api.given import READ, AsOfText, Named, Opened, instant

_LONGEST = 10_000
_QUARTER = days_of(Way.RETENTION)
Event = Annotated[
    str,
    QueryParameter(
        min_length=1, max_length=_LONGEST, description="`purchase`, `purchase where amount > 10`, `any`, or a name."
    ),
]
Property = Annotated[str | None, QueryParameter(max_length=500, description="A property of the event.")]
Returning = Annotated[str | None, QueryParameter(max_length=_LONGEST, description="What coming back is.")]
Amount = Annotated[str | None, QueryParameter(name="property", max_length=500, description="A number to be added up.")]
Days = Annotated[int, QueryParameter(ge=1, le=MOST_DAYS, description="How many days, today's included.")]
Within = Annotated[int, QueryParameter(ge=1, le=MOST_DAYS, description="How many days it may take.")]
Length = Annotated[int, QueryParameter(ge=1, le=MOST_LENGTH, description="How many further events at most.")]
Steps = Annotated[list[str], QueryParameter(name="step", min_items=1, max_items=10, description="Events in order.")]
Whose = Annotated[
    str | None, QueryParameter(max_length=_LONGEST, description="A saved segment's name, or a text; everybody.")
]
Limit = Annotated[int, QueryParameter(ge=1, le=10_000)]
After = Annotated[str | None, QueryParameter(description="Begin after this id: `next_after` of the page before.")]
Value = Annotated[str | None, QueryParameter(description="Of the property that is looked at apart.")]
Number = Annotated[int | None, QueryParameter(ge=0, le=9999, description="Of retention, the unit of the return.")]
Lost = Annotated[bool, QueryParameter(description="Of a funnel, those who were lost before the step.")]
At = Annotated[
    list[str],
    QueryParameter(
        name="point",
        min_items=1,
        max_items=10,
        description="The `start` of a trend's or of retention's unit, the step of a funnel, all events of a path.",
    ),
]


@dataclass(frozen=True, slots=True)
class Behind:
    """A page of the people behind a number."""

    profile_ids: list[str]
    next_after: str | None


@get("/explore/trends", opt=READ, sync_to_thread=True)
def explore_trends(
    workspace: Opened, *, event: Event, unit: FromQuery[Unit] = Unit.DAY, amount: Amount = None, by: Property = None,
    days: Days = 30, segment: Whose = None, compare: FromQuery[bool] = False, as_of: AsOfText = None,
) -> Trend:  # fmt: skip
    """How often something happens, by how many people; `compare`: and in the period before."""
    asked = Exploration(
        Way.TRENDS, event, amount=amount or "", by=by or "", unit=unit, days=days, segment=segment or "",
        compare=compare,
    )  # fmt: skip
    found = workspace.explore.ask(asked, instant(as_of, workspace) or workspace.now())
    assert isinstance(found, Trend)
    return found


@get("/explore/funnels", opt=READ, sync_to_thread=True)
def explore_funnels(
    workspace: Opened, *, steps: Steps, within: Within = 7, by: Property = None, days: Days = 30, segment: Whose = None,
    as_of: AsOfText = None,
) -> Funnel:  # fmt: skip
    """How many people do one thing after another."""
    asked = Exploration(Way.FUNNELS, steps=tuple(steps), by=by or "", within=within, days=days, segment=segment or "")
    found = workspace.explore.ask(asked, instant(as_of, workspace) or workspace.now())
    assert isinstance(found, Funnel)
    return found


@get("/explore/retention", opt=READ, sync_to_thread=True)
def explore_retention(
    workspace: Opened, *, event: Event, returning: Returning = None, unit: FromQuery[Unit] = Unit.WEEK,
    days: Days = _QUARTER, segment: Whose = None, as_of: AsOfText = None,
) -> Retention:  # fmt: skip
    """How many come back: `returning` is what they do then; left out, the same event."""
    asked = Exploration(Way.RETENTION, event, returning or "", unit=unit, days=days, segment=segment or "")
    found = workspace.explore.ask(asked, instant(as_of, workspace) or workspace.now())
    assert isinstance(found, Retention)
    return found


@get("/explore/paths", opt=READ, sync_to_thread=True)
def explore_paths(
    workspace: Opened, *, event: Event, backwards: FromQuery[bool] = False, length: Length = 3, days: Days = 30,
    segment: Whose = None, as_of: AsOfText = None,
) -> Paths:  # fmt: skip
    """What people do right after an event in a session, or before it."""
    asked = Exploration(Way.PATHS, event, backwards=backwards, length=length, days=days, segment=segment or "")
    found = workspace.explore.ask(asked, instant(as_of, workspace) or workspace.now())
    assert isinstance(found, Paths)
    return found


@get("/explorations/{name:str}/answer", opt=READ, sync_to_thread=True)
def answer_exploration(workspace: Opened, name: Named, as_of: AsOfText = None) -> Answer:
    """What a question that is kept is answered now."""
    return workspace.explore.ask(_kept(workspace, name), instant(as_of, workspace) or workspace.now())


@get("/explorations/{name:str}/people", opt=READ, sync_to_thread=True)
def people_of_exploration(
    workspace: Opened, *, name: Named, at: At, value: Value = None, number: Number = None, lost: Lost = False,
    limit: Limit = 100, after: After = None, as_of: AsOfText = None,
) -> Behind:  # fmt: skip
    """The people behind a number of its answer."""
    point = Point(tuple(at), value, number, lost)
    now = instant(as_of, workspace) or workspace.now()
    ids = workspace.explore.ask_people(_kept(workspace, name), now, point, after=after, limit=limit + 1)
    return Behind(ids[:limit], ids[limit - 1] if len(ids) > limit else None)


def _kept(workspace: Any, name: str) -> Exploration:
    with Definitions(workspace.path) as definitions:
        saved = definitions.get(KIND, name)
    return Exploration.from_body(name, saved.body)


router = Router(
    "/",
    tags=["Explore"],
    route_handlers=[
        explore_trends,
        explore_funnels,
        explore_retention,
        explore_paths,
        answer_exploration,
        people_of_exploration,
        *routes(KIND),
    ],
)
