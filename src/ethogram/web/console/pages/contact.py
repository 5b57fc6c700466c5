"""A person's consent, with what was said when, and identity: which ids are this person, joined and parted by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from ethogram.consenting import Choice, Consents
from ethogram.engagement import Definitions
from ethogram.errors import EthogramError, UserError
from ethogram.identities import Decision, Identity
from ethogram.model.message import Channel
from ethogram.reaching import Device, Devices
from ethogram.runtime import Workspace
from ethogram.web.console.given import ADMIN, MARKET, VIEW, Asked, Numbered, Opened, typed
from ethogram.web.console.pages.people import Person, person_of
from ethogram.web.console.rendering import PATH, Problem, address_part, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
_PERSONAL = (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP, Channel.PUSH, Channel.WEBPUSH, Channel.INAPP)


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """A channel as a whole, or a topic on it, and what was said about it."""

    channel: str
    topic: str
    said: Choice | None


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """What somebody agreed to, and everything that was said."""

    person: Person
    rows: tuple[ConsentRow, ...]
    history: tuple[Choice, ...]
    devices: tuple[Device, ...]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class IdentityPage:
    """The ids of a person, and the decisions about them that are not undone."""

    person: Person
    identities: tuple[Identity, ...]
    decisions: tuple[Decision, ...]
    problem: Problem | None = None


@get("/people/{profile_id:str}/consent", opt=VIEW, sync_to_thread=True)
def show_consent(request: Asked, workspace: Opened, profile_id: FromPath[str]) -> Response[Any]:
    """What somebody agreed to."""
    return page(request, "people/consent.html", _consent(workspace, profile_id))


@post("/people/{profile_id:str}/consent", opt=MARKET, status_code=200, sync_to_thread=True)
def set_consent(request: Asked, workspace: Opened, profile_id: FromPath[str], data: Form) -> Response[Any]:
    """Writes down what somebody said, elsewhere."""
    choice: dict[str, Any] = {"channel": typed(data, "channel"), "subscribed": typed(data, "subscribed") == "yes"}
    if typed(data, "topic"):
        choice["topic"] = typed(data, "topic")
    try:
        with Consents(workspace.path, clock=workspace.clock) as consents:
            consents.set(profile_id, [{**choice, "source": "console"}])
    except UserError as error:
        return page(request, "people/consent.html", _consent(workspace, profile_id, Problem.of(error)), status=400)
    return redirect(request, f"{PATH}/people/{address_part(profile_id)}/consent", said=_("Written down."))


@get("/people/{profile_id:str}/identity", opt=VIEW, sync_to_thread=True)
def show_identity(request: Asked, workspace: Opened, profile_id: FromPath[str]) -> Response[Any]:
    """The ids of a person."""
    return page(request, "people/identity.html", _identity(workspace, profile_id))


@post("/people/{profile_id:str}/merge", opt=ADMIN, status_code=200, sync_to_thread=True)
def merge(request: Asked, workspace: Opened, profile_id: FromPath[str], data: Form) -> Response[Any]:
    """Makes another id this person: their whole history follows."""
    try:
        decision = workspace.identities.merge(typed(data, "identity"), into=profile_id)
    except EthogramError as error:
        return page(request, "people/identity.html", _identity(workspace, profile_id, Problem.of(error)), status=400)
    address = f"{PATH}/people/{address_part(profile_id)}/identity"
    undo = f"{PATH}/people/{address_part(profile_id)}/undo/{decision.id}"
    return redirect(request, address, said=_("They are one person now."), undo=undo)


@post("/people/{profile_id:str}/split", opt=ADMIN, status_code=200, sync_to_thread=True)
def split(request: Asked, workspace: Opened, profile_id: FromPath[str], data: Form) -> Response[Any]:
    """Makes an id a person of its own again."""
    try:
        decision = workspace.identities.split(typed(data, "identity"))
    except EthogramError as error:
        return page(request, "people/identity.html", _identity(workspace, profile_id, Problem.of(error)), status=400)
    address = f"{PATH}/people/{address_part(profile_id)}/identity"
    undo = f"{PATH}/people/{address_part(profile_id)}/undo/{decision.id}"
    return redirect(request, address, said=_("That id is a person of its own now."), undo=undo)


@post("/people/{profile_id:str}/undo/{number:int}", opt=ADMIN, status_code=200, sync_to_thread=True)
def undo(request: Asked, workspace: Opened, profile_id: FromPath[str], number: Numbered) -> Response[Any]:
    """Takes a decision about ids back."""
    try:
        workspace.identities.undo(number)
    except EthogramError as error:
        return page(request, "people/identity.html", _identity(workspace, profile_id, Problem.of(error)), status=400)
    return redirect(request, f"{PATH}/people/{address_part(profile_id)}/identity", said=_("Taken back."))


def _consent(workspace: Workspace, profile_id: str, problem: Problem | None = None) -> ConsentPage:
    person = person_of(workspace, profile_id, "consent")
    with Consents(workspace.path, clock=workspace.clock) as consents:
        holding = {each.about: each for each in consents.holding(person.id)}
        history = consents.history(person.id)
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        topics = [""] + [each.name for each in definitions.listed("topic")]
    with Devices(workspace.path, clock=workspace.clock) as devices:
        held = devices.of(person.id)
    rows = tuple(
        ConsentRow(channel.value, topic, holding.get((channel.value, topic)))
        for channel in _PERSONAL
        for topic in topics
        if not topic or channel is Channel.EMAIL or (channel.value, topic) in holding
    )
    return ConsentPage(person, rows, history[::-1], held, problem)


def _identity(workspace: Workspace, profile_id: str, problem: Problem | None = None) -> IdentityPage:
    person = person_of(workspace, profile_id, "identity")
    ids = {person.id, *person.view.identities}
    decisions = tuple(
        each
        for each in workspace.identities.decisions(limit=500)
        if each.undone_at is None and (each.identity in ids or each.into in ids)
    )
    return IdentityPage(person, workspace.identities.of(person.id), decisions, problem)


router = Router(
    "/",
    route_handlers=[show_consent, set_consent, show_identity, merge, split, undo],
)
