"""Questions about who: preview a text, run everything, members and their export, given people, how segments overlap."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from ethogram.model.results import Explanation, Preview, RunReport
from ethogram.web.api.export import MEDIA_TYPES, encoded, wanted
from ethogram.web.api.given import READ, AsOfText, Opened, instant

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000_000)]
_When = Annotated[str, msgspec.Meta(max_length=40)]


@dataclass(frozen=True, slots=True)
class Question:
    """A text to be looked at; nothing is saved."""

    text: _Text
    as_of: _When | None = None
    sample: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 10


@dataclass(frozen=True, slots=True)
class Described:
    """A text to be explained."""

    text: _Text
    as_of: _When | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """People to be evaluated."""

    profile_ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=10_000)]
    as_of: _When | None = None


@dataclass(frozen=True, slots=True)
class AtInstant:
    """When a run is made."""

    as_of: _When | None = None


@dataclass(frozen=True, slots=True)
class Members:
    """A page of a segment's members."""

    segment: str
    members: list[dict[str, Any]]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Together:
    """Some segments, and how many people are in them."""

    names: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Overlapping:
    """How segments overlap: size of each, of each pair, and of each exact combination."""

    names: tuple[str, ...]
    sizes: dict[str, int]
    pairs: tuple[Together, ...]
    exact: tuple[Together, ...]
    union: int
    as_of: dt.datetime


@post("/preview", status_code=200, opt=READ, sync_to_thread=True)
def preview(workspace: Opened, data: JSONBody[Question]) -> Preview:
    """How many people a text describes, with some of them; nothing is saved."""
    return workspace.preview(data.text, as_of=instant(data.as_of, workspace), sample=data.sample)


@post("/explain", status_code=200, opt=READ, sync_to_thread=True)
def explain(workspace: Opened, data: JSONBody[Described]) -> Explanation:
    """How a text (or a saved name) is understood, its SQL, what it costs, and which events wake it."""
    return workspace.explain(data.text, as_of=instant(data.as_of, workspace))


@post("/run", status_code=200, sync_to_thread=True)
def run(workspace: Opened, data: JSONBody[AtInstant | None] = None) -> RunReport:
    """Evaluates every saved segment over everybody, and records who entered and who left."""
    return workspace.run(as_of=instant(data.as_of if data is not None else None, workspace))


@post("/evaluate", status_code=200, opt=READ, sync_to_thread=True)
def evaluate(workspace: Opened, data: JSONBody[Asked]) -> dict[str, tuple[str, ...]]:
    """The names of the segments that each of the given profiles is in, computed now; unknown ids are left out."""
    return workspace.evaluate(data.profile_ids, as_of=instant(data.as_of, workspace))


@get(
    "/members",
    opt=READ,
    sync_to_thread=True,
    media_type="application/json",
    responses={200: ResponseSpec(Members, description="A page as JSON; other formats as `Accept` or `format` says.")},
)
def members(
    request: Request[Any, Any, Any],
    workspace: Opened,
    segment: Annotated[str, QueryParameter(description="A saved name, or a text.", min_length=1)],
    as_of: AsOfText = None,
    limit: Annotated[
        int | None, QueryParameter(ge=1, le=2**31 - 1, description="How many; left out, 50 as JSON.")
    ] = None,
    after: Annotated[
        str | None, QueryParameter(description="Begin after this id: `next_after` of the page before.")
    ] = None,
    format_: Annotated[
        Literal["json", "csv", "parquet", "arrow", "jsonl"] | None, QueryParameter(name="format")
    ] = None,
) -> Response[Any]:
    """The people in a segment, in a fixed order that means nothing: as JSON a page, otherwise everybody at once.

    Formats: json, csv (text that a spreadsheet would take for a formula gets an apostrophe in front), jsonl, parquet,
    arrow; asked for with `format`, or with the header `Accept`.
    """
    kind = format_ or wanted(request.headers.get("accept", ""))
    page = limit if limit is not None else 50 if kind == "json" else None
    table = workspace.members(segment, as_of=instant(as_of, workspace), limit=page, after=after)
    if kind != "json":
        return Response(encoded(table, kind), media_type=MEDIA_TYPES[kind])
    rows = table.to_pylist()
    next_after = str(rows[-1][table.column_names[0]]) if rows and len(rows) == page else None
    return Response(Members(segment, rows, next_after), media_type="application/json")


@get("/overlap", opt=READ, sync_to_thread=True)
def overlap(
    workspace: Opened,
    segment: Annotated[list[str], QueryParameter(min_items=2, max_items=20, description="The saved segments.")],
    as_of: AsOfText = None,
) -> Overlapping:
    """How two or more saved segments overlap."""
    found = workspace.overlap(segment, as_of=instant(as_of, workspace))
    return Overlapping(
        names=found.names,
        sizes=found.sizes,
        pairs=tuple(Together(names, count) for names, count in found.pairs.items()),
        exact=tuple(Together(names, count) for names, count in found.exact.items()),
        union=found.union,
        as_of=found.as_of,
    )


router = Router("/", tags=["Questions"], route_handlers=[preview, explain, run, evaluate, members, overlap])
