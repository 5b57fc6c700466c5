"""The console's sections, as the side of every page lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ethogram.team import Role
from ethogram.web.console.texts import _


@dataclass(frozen=True, slots=True)
class Section:
    """A page of the navigation; `role` is what it takes to see it."""

    address: str
    title: str
    icon: str
    role: Role = Role.VIEWER


@dataclass(frozen=True, slots=True)
class Group:
    """Sections under a heading."""

    title: str
    sections: tuple[Section, ...]


SECTIONS: Final = (
    Group("", (Section("/console/", _("Home"), "house"),)),
    Group(
        _("Know"),
        (
            Section("/console/segments", _("Segments"), "layers"),
            Section("/console/people", _("People"), "users"),
            Section("/console/events", _("Events"), "activity"),
            Section("/console/explore", _("Explore"), "chart-line"),
        ),
    ),
    Group(
        _("Engage"),
        (
            Section("/console/campaigns", _("Campaigns"), "send"),
            Section("/console/journeys", _("Journeys"), "route"),
            Section("/console/templates", _("Templates"), "file-text"),
            Section("/console/catalogs", _("Catalogues"), "package"),
            Section("/console/experiments", _("Experiments"), "flask-conical"),
            Section("/console/outbox", _("Outbox"), "inbox"),
        ),
    ),
    Group(_("Run"), (Section("/console/settings", _("Settings"), "settings"),)),
)
