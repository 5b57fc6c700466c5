"""The topics of the management API; a new one is a module with a `router`, and a line here."""

from __future__ import annotations

from ethogram.web.api import identities, segments, verification

ROUTERS = (identities.router, identities.decisions, segments.router, verification.router)
