"""Who works with a workspace: users with roles, their sessions, and invitations.

Pure values. Passwords and tokens are not among them: they are kept as hashes and never come back out.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user may do; each may do what the one before may."""

    VIEWER = "viewer"  # look at everything but secrets
    ANALYST = "analyst"  # and save segments, explore and export
    MARKETER = "marketer"  # and send: campaigns, journeys, templates, consent
    ADMIN = "admin"  # and settings, keys, channels, the team, merging and erasing people

    def allows(self, wanted: Role) -> bool:
        """Whether whoever has this role may do what takes another."""
        order = list(Role)
        return order.index(self) >= order.index(wanted)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in."""

    id: int
    email: str
    name: str
    role: Role
    created_at: dt.datetime
    signed_in_at: dt.datetime | None
    disabled_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that somebody is signed in with."""

    id: int
    user: User
    created_at: dt.datetime
    seen_at: dt.datetime
    expires_at: dt.datetime
    agent: str  # what the browser says it is


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that makes one user, once."""

    id: int
    role: Role
    email: str  # whom it is for; empty leaves it to whoever opens it
    created_at: dt.datetime
    expires_at: dt.datetime
    used_at: dt.datetime | None
