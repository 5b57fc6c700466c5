"""Campaigns: define, start, stop and call them, and see what their launches have come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Router, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from ethogram.campaigning import Campaigns, CampaignState, Launch, Progress
from ethogram.engagement import Definitions, Saved
from ethogram.errors import UserError
from ethogram.model.experiment import Method
from ethogram.rehearsing import DryRun, Rehearsal
from ethogram.reporting import Report, Reports
from ethogram.web.api.failures import ConflictError, changed
from ethogram.web.api.given import READ, Failure, Named, Opened

Version = Annotated[
    int | None, QueryParameter(ge=1, le=2**31 - 1, description="An earlier version; left out, the newest.")
]
HowCertain = Annotated[
    Method, QueryParameter(description="fixed: looked at once, at the end; sequential: at any time; or bayesian.")
]
_CONFLICT = {409: ResponseSpec(Failure, description="What it does now does not allow it.", generate_examples=False)}


@dataclass(frozen=True, slots=True)
class CampaignFound:
    """A campaign: its definition, and what it does now."""

    definition: Saved
    progress: Progress


@dataclass(frozen=True, slots=True)
class Stopping:
    """Why a campaign is stopped."""

    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody whom a call is for, with data for the templates."""

    profile_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A call of a campaign.

    Attributes:
        recipients: those of them who are in the campaign's audience get it.
        data: for the templates, the same for all.
        key: names the call: the same key again sends nothing again.
    """

    recipients: Annotated[list[Recipient], msgspec.Meta(min_length=1, max_length=10_000)]
    data: dict[str, Any] | None = None
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The launch that a call has made, now or when it came first."""

    launch: Launch
    new: bool


@get("/campaigns", opt=READ, sync_to_thread=True)
def list_campaigns(workspace: Opened) -> list[CampaignFound]:
    """Every campaign, and what it does now."""
    with Definitions(workspace.path) as definitions, Campaigns(workspace.path) as opened:
        return [CampaignFound(each, opened.progress(each.name)) for each in definitions.listed("campaign")]


@get("/campaigns/{name:str}", opt=READ, sync_to_thread=True)
def get_campaign(workspace: Opened, name: Named, version: Version = None) -> CampaignFound:
    """A campaign, and what it does now."""
    with Definitions(workspace.path) as definitions, Campaigns(workspace.path) as opened:
        return CampaignFound(definitions.get("campaign", name, version), opened.progress(name))


@put("/campaigns/{name:str}", sync_to_thread=True)
def save_campaign(workspace: Opened, name: Named, data: JSONBody[dict[str, Any]]) -> Saved:
    """Saves a campaign and does not start it; another document under the same name is a new version."""
    with Definitions(workspace.path) as definitions:
        return definitions.save("campaign", name, data, actor="api")


@delete("/campaigns/{name:str}", status_code=204, sync_to_thread=True, responses=_CONFLICT)
def remove_campaign(workspace: Opened, name: Named) -> None:
    """Removes a campaign that is not under way; what it has sent stays on record."""
    with Definitions(workspace.path) as definitions, Campaigns(workspace.path) as opened:
        if opened.progress(name).state is CampaignState.ACTIVE:
            raise ConflictError(UserError(f"campaign `{name}` is under way", hint="Finish it first."))
        definitions.remove("campaign", name, actor="api")


@get("/campaigns/{name:str}/versions", opt=READ, sync_to_thread=True)
def list_versions(workspace: Opened, name: Named) -> list[Saved]:
    """Every version of a campaign, oldest first."""
    with Definitions(workspace.path) as definitions:
        definitions.get("campaign", name)
        return list(definitions.versions("campaign", name))


@get("/campaigns/{name:str}/launches", opt=READ, sync_to_thread=True)
def list_launches(
    workspace: Opened,
    name: Named,
    limit: Annotated[int, QueryParameter(ge=1, le=1_000, description="How many at most.")] = 100,
) -> list[Launch]:
    """The launches of a campaign, newest first."""
    with Campaigns(workspace.path) as opened:
        return list(opened.launches(name, limit=limit))


@post("/campaigns/{name:str}/start", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def start_campaign(workspace: Opened, name: Named) -> Progress:
    """Lets a campaign begin."""
    with Campaigns(workspace.path) as opened:
        return changed(lambda: opened.start(name, actor="api"))


@post("/campaigns/{name:str}/stop", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def stop_campaign(workspace: Opened, name: Named, data: JSONBody[Stopping]) -> Progress:
    """Lets a campaign rest: nothing more is decided or sent until it is resumed."""
    with Campaigns(workspace.path) as opened:
        return changed(lambda: opened.stop(name, reason=data.reason, actor="api"))


@post("/campaigns/{name:str}/resume", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def resume_campaign(workspace: Opened, name: Named) -> Progress:
    """Lets a stopped campaign go on where it was."""
    with Campaigns(workspace.path) as opened:
        return changed(lambda: opened.resume(name, actor="api"))


@post("/campaigns/{name:str}/finish", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def finish_campaign(workspace: Opened, name: Named) -> Progress:
    """Ends a campaign for good."""
    with Campaigns(workspace.path) as opened:
        return changed(lambda: opened.finish(name, actor="api"))


@post("/campaigns/{name:str}/trigger", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def trigger_campaign(workspace: Opened, name: Named, data: JSONBody[Called]) -> Taken:
    """Sends a campaign to the recipients of this call, once for each key."""
    recipients = [{"profile_id": each.profile_id, "data": each.data or {}} for each in data.recipients]
    with Campaigns(workspace.path) as opened:
        launch, new = changed(lambda: opened.trigger(name, recipients, data=data.data, key=data.key, actor="api"))
        return Taken(launch, new)


@post("/campaigns/{name:str}/dry-run", status_code=200, opt=READ, sync_to_thread=True, responses=_CONFLICT)
def dry_run(
    workspace: Opened,
    name: Named,
    samples: Annotated[int, QueryParameter(ge=0, le=20, description="How many rendered messages to show.")] = 3,
) -> DryRun:
    """What a campaign would send now: counted by what decides about it, with samples. Nothing is sent."""
    rehearsal = Rehearsal(workspace.path, workspace.people, clock=workspace.clock)
    return changed(lambda: rehearsal.dry_run(name, samples=samples))


@get("/campaigns/{name:str}/report", opt=READ, sync_to_thread=True)
def report_campaign(workspace: Opened, name: Named, method: HowCertain = Method.FIXED) -> Report:
    """What a campaign did: sent, opened, clicked, converted, revenue by variant, and lift over the holdout."""
    return Reports(workspace, workspace.path).campaign(name, method=method)


router = Router(
    "/",
    tags=["Campaigns"],
    route_handlers=[
        list_campaigns, get_campaign, save_campaign, remove_campaign, list_versions, list_launches, start_campaign,
        stop_campaign, resume_campaign, finish_campaign, trigger_campaign, dry_run,
        report_campaign,
    ],
)  # fmt: skip
