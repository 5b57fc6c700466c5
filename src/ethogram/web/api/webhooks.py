"""Webhooks: who is told of entries and exits, what was sent to them, and what was given up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from ethogram.model.outgoing import DeliveryView, Trial, WebhookView
from ethogram.recipients import DIRECTIONS, Webhooks
from ethogram.web.api.given import READ, Named, Opened

Number = Annotated[int, PathParameter(ge=1, le=2**31 - 1, description="The webhook's number.")]
OneOf = Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1, description="Only those of this webhook.")]
Text = Annotated[str, msgspec.Meta(max_length=2_000)]


class Direction(StrEnum):
    """What a webhook is told."""

    ENTERED = "entered"
    LEFT = "left"


class State(StrEnum):
    """What became of a delivery; `dead` is given up after the last attempt."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class WebhookWanted:
    """A webhook to be made.

    Attributes:
        segments: names; left out, all there are and will be.
        together: how many changes one request may hold.
        secret: one that the receiver has already.
    """

    url: Text
    segments: Annotated[list[Text], msgspec.Meta(max_length=1_000)] | None = None
    changes: Annotated[list[Direction], msgspec.Meta(min_length=1, max_length=2)] | None = None
    traits: Annotated[list[Text], msgspec.Meta(max_length=100)] | None = None
    together: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    label: Annotated[str, msgspec.Meta(max_length=200)] = ""
    secret: Annotated[str, msgspec.Meta(max_length=200)] | None = None


@dataclass(frozen=True, slots=True)
class WebhookMade:
    """A webhook with the secret that signs what it is told, which is shown this once."""

    webhook: WebhookView
    secret: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """For how many hours the secret before signs too."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=720)] = 24


@dataclass(frozen=True, slots=True)
class Again:
    """How many deliveries are sent again."""

    again: int


@get("/webhooks", opt=READ, sync_to_thread=True)
def list_webhooks(workspace: Opened) -> list[WebhookView]:
    """Every webhook, oldest first, and how sending to it goes."""
    with Webhooks(workspace.path) as opened:
        return list(opened.listed())


@post("/webhooks", sync_to_thread=True)
def add_webhook(workspace: Opened, data: JSONBody[WebhookWanted]) -> WebhookMade:
    """Makes a webhook, which is told what changes from now on."""
    with Webhooks(workspace.path) as opened:
        webhook, secret = opened.add(
            data.url,
            segments=data.segments,
            changes=DIRECTIONS if data.changes is None else [each.value for each in data.changes],
            traits=data.traits or (),
            together=data.together,
            label=data.label,
            secret=data.secret,
        )
        return WebhookMade(webhook, secret)


@get("/webhooks/{number:int}", opt=READ, sync_to_thread=True)
def get_webhook(workspace: Opened, number: Number) -> WebhookView:
    """A webhook, and how sending to it goes."""
    with Webhooks(workspace.path) as opened:
        return opened.one(number)


@delete("/webhooks/{number:int}", status_code=204, sync_to_thread=True)
def remove_webhook(workspace: Opened, number: Number) -> None:
    """Removes a webhook; what waits for it is not sent."""
    with Webhooks(workspace.path) as opened:
        opened.remove(number)


@post("/webhooks/{number:int}/test", status_code=200, sync_to_thread=True)
def test_webhook(workspace: Opened, number: Number) -> Trial:
    """Sends a webhook a message of the type `ethogram.test` now, and tells what came of it."""
    with Webhooks(workspace.path) as opened:
        return opened.test(number)


@post("/webhooks/{number:int}/pause", status_code=200, sync_to_thread=True)
def pause_webhook(workspace: Opened, number: Number) -> WebhookView:
    """Tells a webhook nothing until it is resumed; what changes meanwhile waits."""
    with Webhooks(workspace.path) as opened:
        return opened.pause(number)


@post("/webhooks/{number:int}/resume", status_code=200, sync_to_thread=True)
def resume_webhook(workspace: Opened, number: Number) -> WebhookView:
    """Tells a paused or disabled webhook again, and what it missed meanwhile too."""
    with Webhooks(workspace.path) as opened:
        return opened.resume(number)


@post("/webhooks/{number:int}/rotate", status_code=200, sync_to_thread=True)
def rotate_secret(workspace: Opened, number: Number, data: JSONBody[Rotation]) -> WebhookMade:
    """Signs with a new secret; for a while with both."""
    with Webhooks(workspace.path) as opened:
        webhook, secret = opened.rotate(number, overlap=dt.timedelta(hours=data.overlap_hours))
        return WebhookMade(webhook, secret)


@post("/webhooks/{number:int}/retry", status_code=200, sync_to_thread=True)
def retry_deliveries(workspace: Opened, number: Number) -> Again:
    """Sends again what was given up of a webhook, under the ids it had."""
    with Webhooks(workspace.path) as opened:
        return Again(opened.retry(number))


@get("/deliveries", opt=READ, sync_to_thread=True)
def list_deliveries(
    workspace: Opened,
    webhook: OneOf = None,
    in_state: Annotated[State | None, QueryParameter(name="state", description="Only those in this state.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1_000, description="How many.")] = 100,
) -> list[DeliveryView]:
    """What was sent, is to be sent or was given up, newest first; of syncs too."""
    with Webhooks(workspace.path) as opened:
        return list(opened.deliveries(webhook, state=None if in_state is None else in_state.value, limit=limit))


@post("/deliveries/{delivery:str}/retry", status_code=200, sync_to_thread=True)
def retry_delivery(workspace: Opened, delivery: Named) -> Again:
    """Sends one delivery again, under the id it had, also if it was sent."""
    with Webhooks(workspace.path) as opened:
        return Again(opened.retry(delivery=delivery))


router = Router(
    "/",
    tags=["Webhooks"],
    route_handlers=[
        list_webhooks, add_webhook, get_webhook, remove_webhook, test_webhook, pause_webhook, resume_webhook,
        rotate_secret, retry_deliveries, list_deliveries, retry_delivery,
    ],
)  # fmt: skip
