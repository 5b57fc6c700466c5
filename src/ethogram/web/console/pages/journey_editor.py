"""The journey's editor: a draft that is drawn, changed step by step or as a text, checked each time, and saved at last.

The server keeps the truth: every change is posted with the whole draft, and comes back drawn and with all faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromPath

from ethogram import documents
from ethogram.errors import InputError, UserError
from ethogram.model.message import Channel
from ethogram.runtime import Workspace
from ethogram.web.console import editing
from ethogram.web.console.drawing import KINDS, Card, Drawing, drawing, steps_of
from ethogram.web.console.given import MARKET, Asked, Opened, typed
from ethogram.web.console.pages.events import catalogue
from ethogram.web.console.pages.journeys import Form, address, opened_definitions, text_of
from ethogram.web.console.rendering import Problem, fragment, is_part, page, redirect
from ethogram.web.console.texts import _


@dataclass(frozen=True, slots=True)
class EditorPage:
    """A draft of a journey.

    Attributes:
        chosen: the place of the step whose fields are shown; -1 is the entry, -2 nothing.
        step: what the draft says of it.
        problem: all faults of the draft.
    """

    name: str
    new: bool
    text: str
    body: dict[str, Any]
    drawing: Drawing
    chosen: int
    card: Card | None
    step: dict[str, Any]
    exits: list[tuple[str, str]]
    events: tuple[str, ...]
    segments: tuple[str, ...]
    templates: tuple[tuple[str, str], ...]
    topics: tuple[str, ...]
    channels: tuple[str, ...]
    problem: Problem | None = None
    kinds: dict[str, tuple[str, str, str]] = field(default_factory=lambda: dict(KINDS))


@get("/journeys/new", opt=MARKET, sync_to_thread=True)
def show_new(request: Asked, workspace: Opened) -> Response[Any]:
    """An empty journey."""
    body: dict[str, Any] = {"entry": {"event": ""}, "steps": []}
    return page(request, "journeys/editor.html", _editor(request, workspace, "", text_of(body), new=True, chosen=-1))


@get("/journeys/{name:str}/edit", opt=MARKET, sync_to_thread=True)
def show_edit(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """A journey that there is, as a draft of its next version."""
    with opened_definitions(workspace) as definitions:
        text = text_of(definitions.get("journey", name).body)
    return page(request, "journeys/editor.html", _editor(request, workspace, name, text, new=False))


@post("/journeys/draft", opt=MARKET, status_code=200, sync_to_thread=True)
def change_draft(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """The draft after a change, drawn and checked; nothing is saved."""
    name, new = typed(data, "name"), typed(data, "new") == "yes"
    text = str(data.get("text", "")).replace("\r\n", "\n")
    act, *given = typed(data, "act").split("|")
    places = [int(each) for each in given if each.lstrip("-").isdecimal()]
    chosen = places[0] if places else -2
    try:
        body = _parsed(text)
    except UserError:
        act = ""
    values = {key: value.strip() for key, value in data.items() if isinstance(value, str)}
    match act, places:
        case "insert", [place, number]:
            body, chosen = editing.inserted(body, place, number, given[-1])
        case "delete", [place]:
            body, chosen = editing.removed(body, place), -2
        case "set", [-1]:
            body = editing.entered(body, values)
        case "set", [place]:
            body = editing.changed(body, place, values)
        case _:
            pass  # a step is chosen, or the text was changed
    if act in ("insert", "delete", "set"):
        text = text_of(body)
    made = _editor(request, workspace, name, text, new=new, chosen=chosen)
    return (fragment if is_part(request) else page)(
        request, "journeys/_editor.html" if is_part(request) else "journeys/editor.html", made
    )


@post("/journeys", opt=MARKET, status_code=200, sync_to_thread=True)
def save_journey(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """Saves a journey, and does not start it."""
    name, new = typed(data, "name"), typed(data, "new") == "yes"
    text = str(data.get("text", "")).replace("\r\n", "\n")
    try:
        with opened_definitions(workspace) as definitions:
            if new and any(each.name == name for each in definitions.listed("journey")):
                raise InputError(f"there is a journey `{name}` already", hint=_("Choose another name."))
            definitions.save("journey", name, _parsed(text))
    except UserError as error:
        made = _editor(request, workspace, name, text, new=new, problem=Problem.of(error))
        return page(request, "journeys/editor.html", made, status=400)
    return redirect(request, address(name), said=_("Saved. People enter it as soon as you start it."))


def _parsed(text: str) -> dict[str, Any]:
    body = documents.parse(text, "text")
    if not isinstance(body, Mapping):
        raise InputError("the text does not describe a journey", hint="It needs an `entry` and `steps`.")
    return dict(body)


def _editor(
    request: Asked,
    workspace: Workspace,
    name: str,
    text: str,
    *,
    new: bool,
    chosen: int = -2,
    problem: Problem | None = None,
) -> EditorPage:
    body: dict[str, Any] = {}
    with opened_definitions(workspace) as definitions:
        templates = tuple((each.name, str(each.body.get("channel", ""))) for each in definitions.listed("template"))
        topics = tuple(each.name for each in definitions.listed("topic"))
        try:
            body = _parsed(text)
            definitions.checked("journey", name or "draft", body)
        except UserError as error:
            problem = problem or Problem.of(error)
    picture, steps = drawing(body), steps_of(body)
    there = 0 <= chosen < len(steps)
    return EditorPage(
        name=name,
        new=new,
        text=text,
        body=body,
        drawing=picture,
        chosen=chosen if there or chosen == -1 else -2,
        card=picture.cards[chosen] if there else None,
        step=steps[chosen] if there else {},
        exits=editing.simple_exits(body),
        events=tuple(event.name for event in catalogue(request, workspace).events),
        segments=tuple(each.name for each in workspace.segments.list() if each.entity == "profile"),
        templates=templates,
        topics=topics,
        channels=tuple(each.value for each in Channel),
        problem=problem,
    )


router = Router("/", route_handlers=[show_new, show_edit, change_draft, save_journey])
