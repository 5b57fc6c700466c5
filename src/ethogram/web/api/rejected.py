"""Rejected calls: what senders sent in vain, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter

from ethogram.collecting import Rejected, RejectedCalls
from ethogram.web.api.given import READ, Opened


@dataclass(frozen=True, slots=True)
class RejectedListed:
    """The newest rejected calls, and how many there are of each reason."""

    rejected: list[Rejected]
    counts: dict[str, int]


@get("/rejected", opt=READ, sync_to_thread=True)
def list_rejected(
    workspace: Opened,
    limit: Annotated[int, QueryParameter(ge=1, le=1_000, description="How many.")] = 50,
    code: Annotated[str | None, QueryParameter(description="Only those of this reason.")] = None,
) -> RejectedListed:
    """What the server rejected, newest first."""
    with RejectedCalls(workspace.path) as calls:
        return RejectedListed(calls.listed(limit=limit, code=code), calls.counts())


router = Router("/", tags=["Data"], route_handlers=[list_rejected])
