"""The families of pages; a new one is a module with a `router`, and a line here."""

from __future__ import annotations

from typing import Final

from ethogram.web.console.pages import events, home, people, signing_in, start

ROUTERS: Final = (
    events.router,
    home.router,
    people.router,
    signing_in.router,
    start.router,
)
