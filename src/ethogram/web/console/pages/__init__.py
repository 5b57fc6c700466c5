"""The families of pages; a new one is a module with a `router`, and a line here."""

from __future__ import annotations

from typing import Final

from ethogram.web.console.pages import (
    building,
    campaigns,
    catalogs,
    channels,
    contact,
    documents,
    events,
    experiments,
    explorations,
    explore,
    home,
    journey_editor,
    journeys,
    message_templates,
    outbox,
    people,
    privacy,
    segments,
    settings,
    signing_in,
    start,
    team,
)

ROUTERS: Final = (
    building.router,
    campaigns.router,
    catalogs.router,
    channels.router,
    contact.router,
    documents.router,
    events.router,
    experiments.router,
    explorations.router,
    explore.router,
    home.router,
    journey_editor.router,
    journeys.router,
    message_templates.router,
    outbox.router,
    people.router,
    privacy.router,
    segments.router,
    settings.router,
    signing_in.router,
    start.router,
    team.router,
)
