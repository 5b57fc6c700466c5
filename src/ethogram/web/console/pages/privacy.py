"""What somebody may ask for: everything that is known of them as a file, or to be forgotten, with how far that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath
from litestar.response import Stream

from ethogram.errors import UserError
from ethogram.rights import Erasure
from ethogram.web.console.given import ADMIN, ANALYSE, Asked, Numbered, Opened, signed_in, typed
from ethogram.web.console.pages.people import Person, person_of
from ethogram.web.console.rendering import PATH, Problem, fragment, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class ErasePage:
    """What an erasure would remove, to be confirmed by typing the id."""

    person: Person
    counts: tuple[tuple[str, int], ...]
    reason: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class ErasurePage:
    """An erasure, and how far it is."""

    erasure: Erasure
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ErasuresPage:
    """The newest erasures."""

    erasures: tuple[Erasure, ...]


@get("/people/{profile_id:str}/export", opt=ANALYSE, sync_to_thread=True)
def export(workspace: Opened, profile_id: FromPath[str]) -> Stream:
    """All that is known of somebody, as a file (JSON)."""
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in profile_id)[:60]
    headers = {"content-disposition": f'attachment; filename="person-{name}.json"'}
    return Stream(workspace.privacy.export(profile_id), headers=headers, media_type="application/json")


@get("/people/{profile_id:str}/erase", opt=ADMIN, sync_to_thread=True)
def show_erase(request: Asked, workspace: Opened, profile_id: FromPath[str]) -> Response[Any]:
    """What an erasure would remove, and what would stay."""
    return _asking(request, workspace, profile_id, "", None)


@post("/people/{profile_id:str}/erase", opt=ADMIN, status_code=200, sync_to_thread=True)
def erase(request: Asked, workspace: Opened, profile_id: FromPath[str], data: Form) -> Response[Any]:
    """Accepts the erasure; the server carries it out."""
    reason = typed(data, "reason")
    person = person_of(workspace, profile_id, "")
    if typed(data, "id") != person.id:
        said = Problem(_("That is another id, so nothing was erased."), _("Type the id as it stands above."))
        return _asking(request, workspace, profile_id, reason, said)
    try:
        accepted = workspace.privacy.accept(person.id, reason=reason, actor=signed_in(request).user.email)
    except UserError as error:
        return _asking(request, workspace, profile_id, reason, Problem.of(error))
    return redirect(request, f"{PATH}/erasures/{accepted.number}")


def _asking(request: Asked, workspace: Opened, profile_id: str, reason: str, problem: Problem | None) -> Response[Any]:
    person = person_of(workspace, profile_id, "")
    counts = _told(workspace.privacy.holdings(person.id))
    return page(request, "people/erase.html", ErasePage(person, counts, reason, problem))


@get("/erasures", opt=ADMIN, sync_to_thread=True)
def list_erasures(request: Asked, workspace: Opened) -> Response[Any]:
    """The newest erasures."""
    return page(request, "people/erasures.html", ErasuresPage(workspace.privacy.erasures()))


@get("/erasures/{number:int}", opt=ADMIN, sync_to_thread=True)
def show_erasure(request: Asked, workspace: Opened, number: Numbered) -> Response[Any]:
    """How far an erasure is."""
    erasure = workspace.privacy.erasure(number)
    return page(request, "people/erasure.html", ErasurePage(erasure, _told(erasure.counts)))


@get("/erasures/{number:int}/progress", opt=ADMIN, sync_to_thread=True)
def show_progress(request: Asked, workspace: Opened, number: Numbered) -> Response[Any]:
    """The part of the page that changes until it is done."""
    erasure = workspace.privacy.erasure(number)
    return fragment(request, "people/_erasure.html", ErasurePage(erasure, _told(erasure.counts)))


def _told(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """Counts by what they are counts of."""
    words = {
        "events": _("Events"), "traits": _("Changes of traits"), "membership_changes": _("Entries and exits"),
        "messages": _("Messages"), "journey_runs": _("Runs of journeys"), "consents": _("Consents"),
        "devices": _("Devices"),
    }  # fmt: skip
    return tuple((words[kind], much) for kind, much in counts.items() if kind in words)


router = Router("/", route_handlers=[export, show_erase, erase, list_erasures, show_erasure, show_progress])
