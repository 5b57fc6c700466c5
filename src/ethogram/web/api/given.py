"""What routes are given: the workspace, the keys, and an instant read from text.

A route names what it wants as an argument (`workspace: Opened`); `application.py` provides it under that name. Routes
block, so each runs in a thread.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

import msgspec
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, QueryParameter

from ethogram.collecting import Keys, Scope
from ethogram.errors import InputError
from ethogram.runtime import Workspace

Opened = NamedDependency[Workspace]
KeysOpened = NamedDependency[Keys]
# A name or an id in the address, and a number there.
Named = FromPath[str]
Numbered = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]

# What a route says in `opt` of who may use it; one that says nothing takes a key that may manage.
READ = {"scope": Scope.READ}

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
AS_OF = (
    "An instant (`2026-01-31T12:00:00+01:00`), a day (`2026-01-31`: its end, in the workspace's time zone) or `latest` "
    "(the newest event). Left out: the workspace's now."
)
AsOfText = Annotated[str | None, QueryParameter(name="as_of", description=AS_OF, max_length=40)]


def instant(text: str | None, workspace: Workspace) -> dt.datetime | None:
    """The instant that a text means in a workspace; None for its now.

    Raises:
        InputError: it means none.
    """
    if text is None:
        return None
    if text == "latest":
        return workspace.now("latest")
    zone = workspace.settings.zone
    try:
        if _DAY.fullmatch(text):
            day = dt.date.fromisoformat(text)
            began, ended = (dt.datetime.combine(day + dt.timedelta(days=n), dt.time(), zone) for n in (0, 1))
            now = workspace.now()
            found = now if began <= now < ended else ended.astimezone(dt.UTC) - dt.timedelta(microseconds=1)
        else:
            read = dt.datetime.fromisoformat(text)
            found = (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise _no_instant(text) from None
    if not 1900 <= found.year < 2300:
        raise _no_instant(text)
    return found


def _no_instant(text: str) -> InputError:
    return InputError(f"`as_of` cannot be `{text[:40]}`", hint=AS_OF)


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong."""

    code: str
    message: str
    hint: str | None = None
    details: list[Any] | None = None
