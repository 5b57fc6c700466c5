"""Ready segments that fit themselves to a workspace's own names.

Step of the path: before the language. `guess` reads a catalogue and proposes a `Vocabulary` (which event is a
purchase, which property its amount); `apply` turns a `Template` and a vocabulary into the text of a segment, or into
a refusal with its reason. Nothing here reads or writes a store; the caller keeps the vocabulary and saves the segments.
"""

from __future__ import annotations

from ethogram.errors import UnknownNameError
from ethogram.segment.syntax import nearest
from ethogram.segment.templates.accounts import ACCOUNTS
from ethogram.segment.templates.browsing import BROWSING
from ethogram.segment.templates.buying import BUYING
from ethogram.segment.templates.calendar import CALENDAR
from ethogram.segment.templates.fill import Applied, Refused, apply
from ethogram.segment.templates.guess import guess
from ethogram.segment.templates.hiring import HIRING
from ethogram.segment.templates.journey import JOURNEY
from ethogram.segment.templates.lifecycle import LIFECYCLE
from ethogram.segment.templates.loyalty import LOYALTY
from ethogram.segment.templates.reach import REACH
from ethogram.segment.templates.rfm import RFM
from ethogram.segment.templates.roles import ROLES, Role, RoleKind
from ethogram.segment.templates.template import Parameter, ParameterKind, Template, Value
from ethogram.segment.templates.usage import USAGE
from ethogram.segment.templates.vocabulary import ANY, Entry, Vocabulary

TEMPLATES: tuple[Template, ...] = (
    *BUYING,
    *RFM,
    *BROWSING,
    *LIFECYCLE,
    *USAGE,
    *REACH,
    *CALENDAR,
    *LOYALTY,
    *JOURNEY,
    *ACCOUNTS,
    *HIRING,
)


def template(name: str) -> Template:
    """Returns the template of that name.

    Raises:
        UnknownNameError: there is no such template; the hint has the nearest name.
    """
    for candidate in TEMPLATES:
        if candidate.name == name:
            return candidate
    near = nearest(name, [candidate.name for candidate in TEMPLATES])
    hint = f"Did you mean `{near}`?" if near else "`ethogram ready` lists them."
    raise UnknownNameError(f"there is no template `{name}`", hint=hint, template=name)


__all__ = [
    "ANY",
    "ROLES",
    "TEMPLATES",
    "Applied",
    "Entry",
    "Parameter",
    "ParameterKind",
    "Refused",
    "Role",
    "RoleKind",
    "Template",
    "Value",
    "Vocabulary",
    "apply",
    "guess",
    "template",
]
