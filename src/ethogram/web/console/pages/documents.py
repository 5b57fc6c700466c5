"""Definitions as documents: topics, caps, quiet hours, holdouts, channels and catalogues, as the text that files have.

One page for every kind: the text, all that is wrong with it at once, its versions, what refers to it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Final

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery

from ethogram import documents
from ethogram.engagement import Definitions, Saved, shown
from ethogram.errors import InputError, UnknownNameError, UserError
from ethogram.runtime import Workspace
from ethogram.team import Role
from ethogram.web.console.given import MARKET, VIEW, Asked, Opened, may, typed
from ethogram.web.console.rendering import PATH, Problem, address_part, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: where its list is, and how a first one may look."""

    name: str
    title: str
    home: str
    example: str
    hint: str
    role: Role = Role.MARKETER


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(
            "topic", _("Topic"), f"{PATH}/settings/consent",
            "title: News\ndescription: What is new in the shop\nneeds: double_opt_in\n",
            _("What people subscribe to. `needs` says what they must have said: nothing, opt_in or double_opt_in."),
        ),
        Kind(
            "cap", _("Frequency cap"), f"{PATH}/settings/consent",
            "most: 3\nper: week\nchannels: [email]\n",
            _("How many messages a person gets at most per hour, day or week, in their own time zone."),
        ),
        Kind(
            "quiet_hours", _("Quiet hours"), f"{PATH}/settings/consent",
            'from: "21:00"\nto: "08:00"\nholidays: [SE]\n',
            _(
                "When nobody is disturbed, by the clock where each person is: hours, and public holidays of regions"
                " such as SE or US-CA. Messages wait until they end."
            ),
        ),
        Kind(
            "holdout", _("Holdout"), f"{PATH}/settings/consent",
            "share: 5%\n",
            _("A share of people who get nothing of all campaigns and journeys, so that their effect is known."),
        ),
        Kind(
            "provider", _("Channel"), f"{PATH}/settings/channels",
            "channel: email\nkind: smtp\nhost: smtp.shop.example\nusername: news\n"
            "password: {env: SMTP_PASSWORD}\nsender: Shop <news@shop.example>\n",
            _("Whose servers send. Secrets are hidden when shown, and kept when saved again unchanged."),
            Role.ADMIN,
        ),
        Kind(
            "catalog", _("Catalogue"), f"{PATH}/catalogs",
            "id: sku\n",
            _("Items that templates and triggers speak of: products, articles, places."),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a document."""

    version: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """A document as a text."""

    kind: str
    title: str
    home: str
    hint: str
    name: str
    text: str
    new: bool
    may_change: bool
    versions: tuple[VersionRow, ...] = ()
    version: int = 0
    used_by: tuple[tuple[str, str], ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document in a list, as a text of few lines."""

    name: str
    version: int
    at: dt.datetime
    text: str


def rows(workspace: Workspace, kind: str) -> tuple[DocumentRow, ...]:
    """Every document of a kind, by name."""
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        return tuple(
            DocumentRow(each.name, each.version, each.created_at, _text(each))
            for each in map(shown, definitions.listed(kind))
        )


@get("/documents/{kind:str}/new", opt=VIEW, sync_to_thread=True)
def show_new(request: Asked, kind: FromPath[str]) -> Response[Any]:
    """A new document, begun with an example."""
    found = _kind(kind)
    return page(request, "documents/document.html", _page(request, found, "", found.example, new=True))


@get("/documents/{kind:str}/{name:str}", opt=VIEW, sync_to_thread=True)
def show(
    request: Asked, workspace: Opened, kind: FromPath[str], name: FromPath[str], version: FromQuery[int | None] = None
) -> Response[Any]:
    """A document, at its newest version unless told otherwise."""
    found = _kind(kind)
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        saved = shown(definitions.get(kind, name, version))
        versions = tuple(VersionRow(each.version, each.created_at) for each in definitions.versions(kind, name))
        used_by = definitions.used_by(kind, name)
    shown_page = _page(
        request, found, name, _text(saved), versions=versions[::-1], version=saved.version, used_by=used_by
    )
    return page(request, "documents/document.html", shown_page)


@post("/documents/{kind:str}", opt=MARKET, status_code=200, sync_to_thread=True)
def save(request: Asked, workspace: Opened, kind: FromPath[str], data: Form) -> Response[Any]:
    """Saves a document; the same text again is no new version."""
    found = _kind(kind)
    name, text, new = typed(data, "name"), str(data.get("text", "")), typed(data, "new") == "yes"
    _check(request, found)
    try:
        with Definitions(workspace.path, clock=workspace.clock) as definitions:
            if new and any(each.name == name for each in definitions.listed(kind)):
                raise InputError(
                    f"there is a {kind.replace('_', ' ')} `{name}` already", hint=_("Choose another name.")
                )
            definitions.save(kind, name, documents.parse(text.replace("\r\n", "\n"), "text"))
    except UserError as error:
        shown_page = _page(request, found, name, text, new=new, problem=Problem.of(error))
        return page(request, "documents/document.html", shown_page, status=400)
    return redirect(request, found.home, said=f"{name}: " + _("saved."))


@post("/documents/{kind:str}/{name:str}/remove", opt=MARKET, status_code=200, sync_to_thread=True)
def remove(request: Asked, workspace: Opened, kind: FromPath[str], name: FromPath[str]) -> Response[Any]:
    """Removes a document that nothing refers to; Undo saves it again."""
    found = _kind(kind)
    _check(request, found)
    try:
        with Definitions(workspace.path, clock=workspace.clock) as definitions:
            removed = definitions.remove(kind, name)
    except UserError as error:
        return redirect(request, f"{PATH}/documents/{kind}/{address_part(name)}", said=error.message, bad=True)
    undo = f"{PATH}/documents/{kind}/{address_part(name)}/restore?version={removed.version}"
    return redirect(request, found.home, said=f"{name}: " + _("removed."), undo=undo)


@post("/documents/{kind:str}/{name:str}/restore", opt=MARKET, status_code=200, sync_to_thread=True)
def restore(
    request: Asked, workspace: Opened, kind: FromPath[str], name: FromPath[str], version: FromQuery[int]
) -> Response[Any]:
    """Saves an earlier version again."""
    found = _kind(kind)
    _check(request, found)
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        earlier = next((each for each in definitions.versions(kind, name) if each.version == version), None)
        if earlier is None:
            raise UnknownNameError(f"{kind} `{name}` has no version {version}")
        definitions.save(kind, name, earlier.body)
    return redirect(request, found.home, said=f"{name}: " + _("is back."))


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise UnknownNameError(f"there is no kind `{kind[:40]}`")
    return KINDS[kind]


def _check(request: Asked, kind: Kind) -> None:
    if not may(request, kind.role):
        raise InputError(f"this takes the role `{kind.role.value}`")


def _page(request: Asked, kind: Kind, name: str, text: str, **more: Any) -> DocumentPage:
    return DocumentPage(
        kind.name, kind.title, kind.home, kind.hint, name, text, more.pop("new", False), may(request, kind.role), **more
    )


def _text(saved: Saved) -> str:
    """A document without the lines that name it."""
    lines = documents.dump([(saved.kind, saved.name, saved.body)]).splitlines()[2:]
    return "\n".join(line[4:] for line in lines) + "\n"


router = Router("/", route_handlers=[show_new, show, save, remove, restore])
