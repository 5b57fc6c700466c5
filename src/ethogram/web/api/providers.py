"""Providers: who sends the messages of each channel, without their secrets, and what they say to a test message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from litestar import Router, post
from litestar.params import JSONBody

from ethogram.provider_trials import ProviderTrial, ProviderTrials
from ethogram.web.api.defined import routes
from ethogram.web.api.given import Named, Opened


@dataclass(frozen=True, slots=True)
class TestTo:
    """Where a test message goes: an e-mail address, a number, a device's id, a webhook's address; a chat needs none."""

    to: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


@post("/providers/{name:str}/test", status_code=200, sync_to_thread=True)
def test_provider(workspace: Opened, name: Named, data: JSONBody[TestTo]) -> ProviderTrial:
    """Sends one real test message, and says what the provider answered to it."""
    with ProviderTrials(workspace.path) as trials:
        return trials.send(name, data.to, actor="api")


router = Router("/", tags=["Providers"], route_handlers=[*routes("provider"), test_provider])
