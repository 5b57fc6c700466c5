"""The outbox: messages on their way, what happened to them, and what people decide about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from ethogram.errors import InputError
from ethogram.model.message import Channel, Maker, Message, State
from ethogram.sending import Decision, Depth, Happening, Locked, Messages, Pause
from ethogram.web.api.failures import ConflictError
from ethogram.web.api.given import READ, Failure, Named, Opened

_CONFLICT = {409: ResponseSpec(Failure, description="It is not in doubt.", generate_examples=False)}
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class MessageFound:
    """A message, and what happened to it, oldest first."""

    message: Message
    happened: list[Happening]


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """How much each channel has to send, what is paused, and why nothing at all is sent."""

    depths: list[Depth]
    pauses: list[Pause]
    locked: Locked | None = None


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whose messages: exactly one of a channel, a campaign and a journey."""

    channel: Channel | None = None
    campaign: _Name | None = None
    journey: _Name | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


@dataclass(frozen=True, slots=True)
class Paused:
    """Whether it was otherwise before."""

    changed: bool


@dataclass(frozen=True, slots=True)
class Locking:
    """Why nothing shall be sent."""

    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """How many messages are not sent any more."""

    cancelled: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What shall become of a message: it was `sent`, is sent `again`, or is left (`drop`)."""

    decision: Decision


@get("/outbox", opt=READ, sync_to_thread=True)
def list_messages(
    workspace: Opened,
    in_state: Annotated[State | None, QueryParameter(name="state", description="Only in this state.")] = None,
    channel: Annotated[Channel | None, QueryParameter(description="Only of this channel.")] = None,
    campaign: Annotated[str | None, QueryParameter(max_length=200, description="Only of this campaign.")] = None,
    journey: Annotated[str | None, QueryParameter(max_length=200, description="Only of this journey.")] = None,
    profile: Annotated[str | None, QueryParameter(max_length=1_000, description="Only to this profile.")] = None,
    before: Annotated[int | None, QueryParameter(ge=1, le=2**63 - 1, description="Only with smaller numbers.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1_000, description="How many at most.")] = 100,
) -> list[Message]:
    """Messages, newest first; the next page is `before` the number of the last one."""
    with Messages(workspace.path) as opened:
        return list(
            opened.listed(
                state=in_state,
                channel=channel,
                origin=_origin(campaign, journey),
                profile_ids=None if profile is None else [profile],
                before=before,
                limit=limit,
            )
        )


@get("/outbox/status", opt=READ, sync_to_thread=True)
def outbox_status(workspace: Opened) -> OutboxStatus:
    """How much each channel has to send, and what is paused."""
    with Messages(workspace.path) as opened:
        return OutboxStatus(list(opened.depths()), list(opened.paused()), opened.locked())


@get("/outbox/unsure", opt=READ, sync_to_thread=True)
def list_unsure(workspace: Opened) -> list[Message]:
    """Messages of which nobody knows whether they were sent, oldest first."""
    with Messages(workspace.path) as opened:
        return list(opened.unsure())


@post("/outbox/pause", status_code=200, sync_to_thread=True)
def pause_messages(workspace: Opened, data: JSONBody[Concerned]) -> Paused:
    """Lets messages of a channel, a campaign or a journey wait until it is resumed."""
    channel, origin = _concerned(data)
    with Messages(workspace.path) as opened:
        if channel is not None:
            return Paused(opened.pause_channel(channel, data.reason, actor="api"))
        assert origin is not None
        return Paused(opened.pause(*origin, data.reason, actor="api"))


@post("/outbox/resume", status_code=200, sync_to_thread=True)
def resume_messages(workspace: Opened, data: JSONBody[Concerned]) -> Paused:
    """Sends messages of a paused channel, campaign or journey again."""
    channel, origin = _concerned(data)
    with Messages(workspace.path) as opened:
        if channel is not None:
            return Paused(opened.resume_channel(channel, actor="api"))
        assert origin is not None
        return Paused(opened.resume(*origin, actor="api"))


@post("/outbox/cancel", status_code=200, sync_to_thread=True)
def cancel_messages(workspace: Opened, data: JSONBody[Concerned]) -> Cancelled:
    """Takes back the messages of a campaign or journey that are not sent yet."""
    _, origin = _concerned(data)
    if origin is None:
        raise InputError("messages of a whole channel cannot be taken back", hint="Name a campaign or a journey.")
    with Messages(workspace.path) as opened:
        return Cancelled(opened.cancel(*origin, data.reason, actor="api"))


@post("/outbox/lock", status_code=200, sync_to_thread=True)
def lock_sending(workspace: Opened, data: JSONBody[Locking]) -> Locked:
    """Sends nothing at all until it is unlocked."""
    with Messages(workspace.path) as opened:
        return opened.lock(data.reason, actor="api")


@post("/outbox/unlock", status_code=200, sync_to_thread=True)
def unlock_sending(workspace: Opened) -> Paused:
    """Sends again after a backup was restored, once a person has looked."""
    with Messages(workspace.path) as opened:
        return Paused(opened.unlock(actor="api"))


@get("/messages/{id_:str}", opt=READ, sync_to_thread=True)
def get_message(workspace: Opened, id_: Named) -> MessageFound:
    """A message, and what happened to it."""
    with Messages(workspace.path) as opened:
        return MessageFound(*opened.get(id_))


@post("/messages/{id_:str}/decide", status_code=200, sync_to_thread=True, responses=_CONFLICT)
def decide_message(workspace: Opened, id_: Named, data: JSONBody[Decided]) -> MessageFound:
    """Says what shall become of a message of which nobody knows whether it was sent."""
    with Messages(workspace.path) as opened:
        try:
            opened.decide(id_, data.decision, actor="api")
        except InputError as error:
            raise ConflictError(error) from None
        return MessageFound(*opened.get(id_))


def _concerned(data: Concerned) -> tuple[Channel | None, tuple[Maker, str] | None]:
    if sum(each is not None for each in (data.channel, data.campaign, data.journey)) != 1:
        raise InputError("it is not clear whose messages", hint="Give exactly one of channel, campaign and journey.")
    return data.channel, _origin(data.campaign, data.journey)


def _origin(campaign: str | None, journey: str | None) -> tuple[Maker, str] | None:
    if campaign is not None and journey is not None:
        raise InputError("no message is of a campaign and of a journey", hint="Give one of them.")
    if campaign is not None:
        return Maker.CAMPAIGN, campaign
    return (Maker.JOURNEY, journey) if journey is not None else None


router = Router(
    "/",
    tags=["Outbox"],
    route_handlers=[
        list_messages, outbox_status, list_unsure, pause_messages, resume_messages, cancel_messages, get_message,
        decide_message, lock_sending, unlock_sending,
    ],
)  # fmt: skip
