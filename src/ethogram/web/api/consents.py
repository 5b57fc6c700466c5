"""Consents: what a person chose to receive, and choices said on their behalf, one by one and from files."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post, put
from litestar.params import JSONBody

from ethogram.consenting import MOST, Choice, Consents, ConsentsImported, Said
from ethogram.errors import InputError
from ethogram.web.api import posted
from ethogram.web.api.given import READ, Named, Opened
from ethogram.web.api.posted import FileOperation, Format, Posted

_SHOWN = 100  # rejected rows in the answer


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person said: each choice with `channel`, `subscribed`, and if need be `topic`, `at`, `confirmed` …"""

    choices: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MOST)]


@get("/consents/{profile_id:str}", opt=READ, sync_to_thread=True)
def get_consents(workspace: Opened, profile_id: Named) -> list[Choice]:
    """What holds for a person now; a choice about no topic is about the channel as a whole."""
    with Consents(workspace.path) as opened:
        return list(opened.holding(profile_id))


@get("/consents/{profile_id:str}/history", opt=READ, sync_to_thread=True)
def get_history(workspace: Opened, profile_id: Named) -> list[Choice]:
    """Everything that a person ever chose, oldest first."""
    with Consents(workspace.path) as opened:
        return list(opened.history(profile_id))


@put("/consents/{profile_id:str}", sync_to_thread=True)
def set_consents(workspace: Opened, profile_id: Named, data: JSONBody[Choices]) -> Said:
    """Writes down what a person said; a topic that needs a double opt-in puts its question into the outbox."""
    with Consents(workspace.path) as opened:
        return opened.set(profile_id, data.choices, actor="api")


@post("/consents/import", status_code=200, request_max_body_size=None, operation_class=FileOperation)
async def import_consents(
    request: Request[Any, Any, Any], workspace: Opened, format_: Format = None
) -> ConsentsImported:
    """Takes the choices of a file, with a column for each part of one and `profile_id`; nobody is asked again."""
    async with posted.kept(request, workspace, format_) as file:
        return await asyncio.to_thread(_imported, workspace, file)


def _imported(workspace: Opened, file: Posted) -> ConsentsImported:
    with Consents(workspace.path) as opened:
        try:
            done = opened.import_files([file.path], format=file.format, actor="api")
        except InputError as error:
            raise file.blamed(error) from error
    return replace(done, rejections=done.rejections[:_SHOWN])


router = Router("/", tags=["Consents"], route_handlers=[get_consents, get_history, set_consents, import_consents])
