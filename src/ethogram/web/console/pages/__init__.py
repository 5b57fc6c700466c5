"""The families of pages; a new one is a module with a `router`, and a line here."""

from __future__ import annotations

from typing import Final

from ethogram.web.console.pages import events, home, people, settings, signing_in, start, team

ROUTERS: Final = (
    events.router,
    home.router,
    people.router,
    settings.router,
    signing_in.router,
    start.router,
    team.router,
)
