"""Saved segments: list, show, save, delete; lists of people; versions, history, explanation, and who is in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from ethogram.errors import SegmentError
from ethogram.model.editing import EditDifference
from ethogram.model.results import Explanation, HistoryPoint, SegmentVersion, Why
from ethogram.web.api.failures import ConflictError
from ethogram.web.api.given import READ, AsOfText, Failure, Named, Opened, instant

Version = Annotated[
    int | None, QueryParameter(ge=1, le=2**31 - 1, description="An earlier version; left out, the newest.")
]


@dataclass(frozen=True, slots=True)
class SavedText:
    """A segment to be saved."""

    text: str
    description: str = ""
    announce: bool = False  # tell followers of the changes one by one who enters and leaves by this edit


@dataclass(frozen=True, slots=True)
class Edited:
    """A text that may be saved under a name."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000_000)]
    sample: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 10


@dataclass(frozen=True, slots=True)
class SavedList:
    """A list of people to be saved: given ids, or whoever is in another segment at an instant."""

    profile_ids: list[str] | None = None
    snapshot_of: str | None = None
    as_of: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    description: str = ""


@get("/", opt=READ, sync_to_thread=True)
def list_segments(workspace: Opened) -> list[SegmentVersion]:
    """Every saved segment at its newest version, with its size at the last run."""
    return list(workspace.segments.list())


@get("/{name:str}", opt=READ, sync_to_thread=True)
def get_segment(workspace: Opened, name: Named, version: Version = None) -> SegmentVersion:
    """A saved segment."""
    return workspace.segments.get(name, version)


@put("/{name:str}", sync_to_thread=True)
def save_segment(workspace: Opened, name: Named, data: JSONBody[SavedText]) -> SegmentVersion:
    """Saves a text under a name; another text under the same name is a new version, the same one is not."""
    return workspace.segments.save(name, data.text, description=data.description, announce=data.announce)


@post("/{name:str}/difference", status_code=200, opt=READ, sync_to_thread=True)
def get_difference(workspace: Opened, name: Named, data: JSONBody[Edited]) -> EditDifference:
    """What saving a text under a name would change: who stays, enters and leaves. Nothing is saved."""
    return workspace.segments.difference(name, data.text, sample=data.sample)


@put("/{name:str}/list", sync_to_thread=True)
def save_list(workspace: Opened, name: Named, data: JSONBody[SavedList]) -> SegmentVersion:
    """Saves a list of people under a name; saving again replaces it: who is new enters, who is not named leaves."""
    return workspace.segments.save_static(
        name,
        data.profile_ids,
        snapshot_of=data.snapshot_of,
        as_of=instant(data.as_of, workspace),
        description=data.description,
    )


@delete(
    "/{name:str}",
    status_code=200,
    sync_to_thread=True,
    responses={409: ResponseSpec(Failure, description="Another segment refers to it.")},
)
def delete_segment(workspace: Opened, name: Named) -> SegmentVersion:
    """Deletes a segment; its versions and its history stay on record."""
    try:
        return workspace.segments.delete(name)
    except SegmentError as error:
        raise ConflictError(error) from error


@get("/{name:str}/versions", opt=READ, sync_to_thread=True)
def list_versions(workspace: Opened, name: Named) -> list[SegmentVersion]:
    """Every version of a segment, oldest first."""
    return list(workspace.segments.versions(name))


@get("/{name:str}/history", opt=READ, sync_to_thread=True)
def get_history(workspace: Opened, name: Named) -> list[HistoryPoint]:
    """A segment's size at every run, with entries and exits, oldest first."""
    return list(workspace.history(name))


@get("/{name:str}/explanation", opt=READ, sync_to_thread=True)
def explain_segment(workspace: Opened, name: Named, as_of: AsOfText = None) -> Explanation:
    """How a saved segment is understood, its SQL, what it costs, and which events wake it."""
    workspace.segments.get(name)
    return workspace.explain(name, as_of=instant(as_of, workspace))


@get("/{name:str}/why/{profile_id:str}", opt=READ, sync_to_thread=True)
def why(workspace: Opened, name: Named, profile_id: Named, as_of: AsOfText = None) -> Why:
    """Why a profile is in a saved segment, or what is missing: every condition with its value and its evidence."""
    workspace.segments.get(name)
    return workspace.why(name, profile_id, as_of=instant(as_of, workspace))


router = Router(
    "/segments",
    tags=["Segments"],
    route_handlers=[
        list_segments, get_segment, save_segment, get_difference, save_list, delete_segment, list_versions,
        get_history, explain_segment, why,
    ],
)  # fmt: skip
