"""The topics of the management API; a new one is a module with a `router`, and a line here."""

from __future__ import annotations

from ethogram.web.api import (
    campaigns,
    care,
    data,
    definitions,
    identities,
    journeys,
    keys,
    loads,
    outbox,
    providers,
    questions,
    ready,
    rejected,
    segments,
    sources,
    syncs,
    verification,
    webhooks,
)

ROUTERS = (
    campaigns.router,
    care.router,
    data.router,
    definitions.router,
    identities.router,
    identities.decisions,
    journeys.router,
    keys.router,
    loads.router,
    outbox.router,
    providers.router,
    questions.router,
    rejected.router,
    segments.router,
    sources.router,
    syncs.router,
    ready.router,
    verification.router,
    webhooks.router,
)
