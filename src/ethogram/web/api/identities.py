"""Who is who: the ids of a person, merging two people, taking an id out again, undoing either."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import Router, delete, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from ethogram.errors import SettingError
from ethogram.identities import Decision, Identity
from ethogram.web.api.failures import ConflictError
from ethogram.web.api.given import READ, Failure, Named, Numbered, Opened

_CONFLICT = {409: ResponseSpec(Failure, description="It is so already, or can no longer be undone.")}
_ACTOR = "api"


@dataclass(frozen=True, slots=True)
class Ids:
    """The profile that an id points at, and all its other ids."""

    profile_id: str
    identities: list[Identity]


@dataclass(frozen=True, slots=True)
class Into:
    """Any id of the person who stays."""

    into: str


@get("/{identity:str}", opt=READ, sync_to_thread=True)
def get_ids(workspace: Opened, identity: Named) -> Ids:
    """The profile that an id points at, and its other ids; an id that nothing was said of is a profile of its own."""
    profile = workspace.identities.resolve([identity])[identity]
    return Ids(profile, list(workspace.identities.of(profile)))


@post("/{identity:str}/merge", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def merge(workspace: Opened, identity: Named, data: JSONBody[Into]) -> Decision:
    """Makes two people one: the history of the first becomes the second's, and membership follows at once."""
    try:
        return workspace.identities.merge(identity, into=data.into, actor=_ACTOR)
    except SettingError as error:
        raise ConflictError(error) from error


@post("/{identity:str}/split", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def split(workspace: Opened, identity: Named) -> Decision:
    """Takes an id out of its profile with everything that came under it: undoes a merge, or lets an id stand alone."""
    try:
        return workspace.identities.split(identity, actor=_ACTOR)
    except SettingError as error:
        raise ConflictError(error) from error


@get("/", opt=READ, sync_to_thread=True)
def list_decisions(workspace: Opened) -> list[Decision]:
    """The newest hundred merges and splits, newest first, undone ones too."""
    return list(workspace.identities.decisions())


@delete("/{number:int}", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def undo(workspace: Opened, number: Numbered) -> Decision:
    """Undoes a merge or a split, as if it had never been decided."""
    try:
        return workspace.identities.undo(number, actor=_ACTOR)
    except SettingError as error:
        raise ConflictError(error) from error


router = Router("/identities", tags=["Identities"], route_handlers=[get_ids, merge, split])
decisions = Router("/decisions", tags=["Identities"], route_handlers=[list_decisions, undo])
