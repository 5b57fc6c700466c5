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
    home,
    message_templates,
    outbox,
    people,
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
    home.router,
    message_templates.router,
    outbox.router,
    people.router,
    segments.router,
    settings.router,
    signing_in.router,
    start.router,
    team.router,
)
