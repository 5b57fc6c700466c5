"""Verification: recorded membership against everything computed anew."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Router, post
from litestar.params import JSONBody

from ethogram.model.verification import Verification
from ethogram.web.api.given import Opened


class Asked(msgspec.Struct, frozen=True):
    """How much to tell."""

    most: Annotated[int, msgspec.Meta(ge=1, le=100_000, description="How many people's differences; all count.")] = 20


@post("/", status_code=200, sync_to_thread=True)
def verify(workspace: Opened, data: JSONBody[Asked]) -> Verification:
    """Computes everything anew and compares it with recorded membership; takes about as long as a run.

    Live evaluation goes on meanwhile. Each difference comes with what explains it.
    """
    return workspace.verify(most=data.most)


router = Router("/verify", tags=["Maintenance"], route_handlers=[verify])
