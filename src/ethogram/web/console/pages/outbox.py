"""The outbox: messages with what became of them, those of which nobody knows, and what rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery

from ethogram.errors import InputError, UserError
from ethogram.model.message import Channel, Maker, Message, State
from ethogram.runtime import Workspace
from ethogram.sending import Decision, Depth, Happening, Messages, Pause
from ethogram.web.console.given import MARKET, VIEW, Asked, Opened, typed
from ethogram.web.console.rendering import PATH, Problem, address_part, page, query, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
_PAGE = 50
_HOME = f"{PATH}/outbox"


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """Messages, newest first, narrowed as asked."""

    messages: tuple[Message, ...]
    unsure: tuple[Message, ...]
    depths: tuple[Depth, ...]
    paused: tuple[Pause, ...]
    states: tuple[str, ...]
    channels: tuple[str, ...]
    state: str
    channel: str
    campaign: str
    journey: str
    older: str


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A message, and what happened to it."""

    message: Message
    happened: tuple[Happening, ...]
    data: dict[str, Any]
    problem: Problem | None = None


@get("/outbox", opt=VIEW, sync_to_thread=True)
def show_outbox(
    request: Asked,
    workspace: Opened,
    channel: FromQuery[str] = "",
    campaign: FromQuery[str] = "",
    journey: FromQuery[str] = "",
    before: FromQuery[int | None] = None,
) -> Response[Any]:
    """Messages, newest first."""
    state = request.query_params.get("state", "")  # the framework keeps an argument of this name for itself
    origin = (Maker.CAMPAIGN, campaign) if campaign else (Maker.JOURNEY, journey) if journey else None
    with Messages(workspace.path, clock=workspace.clock) as messages:
        listed = messages.listed(
            state=_one_of(State, state),
            channel=_one_of(Channel, channel),
            origin=origin,
            before=before,
            limit=_PAGE,
        )
        shown = OutboxPage(
            listed,
            messages.unsure()[:_PAGE],
            messages.depths(),
            messages.paused(),
            tuple(each.value for each in State),
            tuple(each.value for each in Channel),
            state,
            channel,
            campaign,
            journey,
            query(request, before=listed[-1].number) if len(listed) == _PAGE else "",
        )
    return page(request, "outbox/outbox.html", shown)


@get("/outbox/{id_:str}", opt=VIEW, sync_to_thread=True)
def show_message(request: Asked, workspace: Opened, id_: FromPath[str]) -> Response[Any]:
    """A message, and what happened to it."""
    return page(request, "outbox/message.html", _message(workspace, id_))


@post("/outbox/{id_:str}/decide", opt=MARKET, status_code=200, sync_to_thread=True)
def decide(request: Asked, workspace: Opened, id_: FromPath[str], data: Form) -> Response[Any]:
    """Says what shall become of a message of which nobody knows whether it was sent."""
    try:
        decision = _one_of(Decision, typed(data, "decision"))
        if decision is None:
            raise InputError("say what shall become of it", hint="`sent`, `again` or `drop`.")
        with Messages(workspace.path, clock=workspace.clock) as messages:
            messages.decide(id_, decision)
    except UserError as error:
        return page(request, "outbox/message.html", _message(workspace, id_, Problem.of(error)), status=409)
    return redirect(request, f"{_HOME}/{address_part(id_)}", said=_("Decided."))


def _message(workspace: Workspace, id_: str, problem: Problem | None = None) -> MessagePage:
    with Messages(workspace.path, clock=workspace.clock) as messages:
        message, happened = messages.get(id_)
    return MessagePage(message, tuple(happened), dict(message.wanted.data), problem)


def _one_of(kind: Any, text: str) -> Any:
    """A member by its value; None for an empty text.

    Raises:
        InputError: there is none of that value.
    """
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"`{text[:40]}` is none of {', '.join(each.value for each in kind)}") from None


router = Router("/", route_handlers=[show_outbox, show_message, decide])
