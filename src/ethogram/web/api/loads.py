"""Loading a posted file: events, profiles or accounts as CSV, JSON lines or Parquet, optionally gzip or zstd.

Loads what was posted (`posted.py`) as the command line would.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, post
from litestar.params import QueryParameter

from ethogram.errors import InputError
from ethogram.model.results import LoadSummary
from ethogram.runtime import LoadOptions
from ethogram.web.api import posted
from ethogram.web.api.given import Named, Opened
from ethogram.web.api.posted import FileOperation, Format, Posted

_SHOWN = 100  # rejected rows in the answer


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that cannot be taken, and why."""

    line: int
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the load did, with the first of the rejected rows."""

    summary: LoadSummary
    rejected: tuple[RejectedRow, ...]


@post("/load/{kind:str}", status_code=200, request_max_body_size=None, operation_class=FileOperation)
async def load(
    request: Request[Any, Any, Any],
    workspace: Opened,
    kind: Named,
    format_: Format = None,
    map_: Annotated[
        list[str] | None, QueryParameter(name="map", description="`field=column`, such as `profile_id=CustomerID`.")
    ] = None,
    type_: Annotated[
        list[str] | None, QueryParameter(name="type", description="`column=text`, `number` or `boolean`.")
    ] = None,
    event: Annotated[str | None, QueryParameter(description="The name of every event, where no column has it.")] = None,
    timezone: Annotated[str | None, QueryParameter(description="Of timestamps without one.", max_length=100)] = None,
    again: Annotated[bool, QueryParameter(description="Load a file that was loaded before once more.")] = False,  # noqa: FBT002  # from the query, by its name
) -> Loaded:
    """Loads a file of `events`, `profiles` or `accounts`, as the body or as a form's `file`.

    A file that was loaded before adds nothing. The answer comes when everything is stored.
    """
    if kind not in ("events", "profiles", "accounts"):
        raise InputError(f"`{kind[:40]}` cannot be loaded", hint="Load `events`, `profiles` or `accounts`.")
    options: LoadOptions = {
        "mapping": _pairs("map", map_), "types": _pairs("type", type_), "event": event, "timezone": timezone,
        "again": again,
    }  # fmt: skip
    async with posted.kept(request, workspace, format_) as file:
        return await asyncio.to_thread(_loaded, workspace, kind, file, options)


def _loaded(workspace: Opened, kind: str, file: Posted, options: LoadOptions) -> Loaded:
    options["format"] = file.format
    rejects = options["rejects"] = file.path.with_name("rejected")
    loads = {"events": workspace.load_events, "profiles": workspace.load_profiles, "accounts": workspace.load_accounts}
    try:
        summary = loads[kind](file.path, **options)
    except InputError as error:
        raise file.blamed(error) from error
    rows: list[RejectedRow] = []
    if rejects.exists():
        with rejects.open("rb") as lines:
            rows = [msgspec.json.decode(line, type=RejectedRow) for _, line in zip(range(_SHOWN), lines, strict=False)]
    return Loaded(replace(summary, files=(file.name,), rejects_file=None), tuple(rows))


def _pairs(name: str, given: list[str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    pairs = [each.partition("=") for each in given]
    if not all(key and equals and value for key, equals, value in pairs):
        raise InputError(f"`{name}` is `name=value`", hint="Such as `map=profile_id=CustomerID`.")
    return {key: value for key, _, value in pairs}


router = Router("/", tags=["Data"], route_handlers=[load])
