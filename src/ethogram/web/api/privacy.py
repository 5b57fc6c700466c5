"""What somebody may ask for: everything that is known of them, or to be forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import Router, delete, get
from litestar.params import FromQuery
from litestar.response import Stream

from ethogram.rights import Erasure
from ethogram.web.api.given import READ, Named, Numbered, Opened


@dataclass(frozen=True, slots=True)
class Holdings:
    """How much there is of a person, by kind: what an erasure removes."""

    counts: dict[str, int]


@get("/{profile_id:str}/holdings", opt=READ, sync_to_thread=True)
def get_holdings(workspace: Opened, profile_id: Named) -> Holdings:
    """How much there is of a person, by kind: what an erasure would remove."""
    return Holdings(workspace.privacy.holdings(profile_id))


@get("/{profile_id:str}/export", opt=READ, sync_to_thread=True)
def export_person(workspace: Opened, profile_id: Named) -> Stream:
    """Everything that is known of a person, under all ids, as one JSON document."""
    return Stream(workspace.privacy.export(profile_id), media_type="application/json")


@delete("/{profile_id:str}", status_code=202, sync_to_thread=True)
def erase_person(workspace: Opened, profile_id: Named, reason: FromQuery[str] = "") -> Erasure:
    """Accepts the erasure of a person with all ids; the server carries it out, and it cannot be undone.

    The reason stays in the audit log, so it may not name the person.
    """
    return workspace.privacy.accept(profile_id, reason=reason, actor="api")


@get("/", opt=READ, sync_to_thread=True)
def list_erasures(workspace: Opened) -> list[Erasure]:
    """The newest hundred erasures, newest first, with how far each is; `step` is `done` at the end."""
    return list(workspace.privacy.erasures())


@get("/{number:int}", opt=READ, sync_to_thread=True)
def get_erasure(workspace: Opened, number: Numbered) -> Erasure:
    """An erasure, and how far it is."""
    return workspace.privacy.erasure(number)


router = Router("/people", tags=["Privacy"], route_handlers=[get_holdings, export_person, erase_person])
erasures = Router("/erasures", tags=["Privacy"], route_handlers=[list_erasures, get_erasure])
