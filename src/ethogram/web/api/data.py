"""What was received: one person with the newest events, the catalogue of events and traits, and loads of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter

from ethogram.errors import UnknownNameError
from ethogram.model.results import EventFacts, ProfileView, PropertyFacts
from ethogram.web.api.given import READ, AsOfText, Named, Opened, instant


@dataclass(frozen=True, slots=True)
class Events:
    """The events received, with warnings about the quality of the data."""

    events: tuple[EventFacts, ...]
    warnings: tuple[str, ...]


@get("/profiles/{profile_id:str}", opt=READ, sync_to_thread=True)
def get_profile(
    workspace: Opened,
    profile_id: Named,
    as_of: AsOfText = None,
    limit: Annotated[int, QueryParameter(ge=0, le=10_000, description="How many of the newest events to show.")] = 20,
) -> ProfileView:
    """One person: ids, traits, segments, and the newest events."""
    return workspace.profile(profile_id, as_of=instant(as_of, workspace), limit=limit)


@get("/events", opt=READ, sync_to_thread=True)
def list_events(workspace: Opened) -> Events:
    """The events that were ever received, with their properties."""
    found = workspace.catalogue()
    return Events(found.events, found.warnings)


@get("/events/{name:str}", opt=READ, sync_to_thread=True)
def get_event(workspace: Opened, name: Named) -> EventFacts:
    """One event: how often, when, and its properties with types, fill rate and examples."""
    for event in workspace.catalogue().events:
        if event.name == name:
            return event
    raise UnknownNameError(f"no event `{name}` was ever received", name=name)


@get("/traits", opt=READ, sync_to_thread=True)
def list_traits(workspace: Opened) -> list[PropertyFacts]:
    """The traits of profiles that were ever received."""
    return list(workspace.catalogue().traits)


@get("/traits/{name:str}", opt=READ, sync_to_thread=True)
def get_trait(workspace: Opened, name: Named) -> PropertyFacts:
    """One trait: its types, fill rate, examples and most frequent values."""
    for trait in workspace.catalogue().traits:
        if trait.name == name:
            return trait
    raise UnknownNameError(f"no trait `{name}` was ever received", name=name)


router = Router("/", tags=["Data"], route_handlers=[get_profile, list_events, get_event, list_traits, get_trait])
