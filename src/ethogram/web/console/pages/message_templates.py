"""Templates of messages: the text with a live preview for any person, on a wide screen or a phone."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery

from ethogram import documents
from ethogram.engagement import Definitions
from ethogram.errors import EthogramError, InputError, UnknownNameError, UserError
from ethogram.model.message import EmailContent, Unrenderable
from ethogram.rehearsing import Rehearsal
from ethogram.runtime import Workspace
from ethogram.web.console.given import MARKET, VIEW, Asked, Opened, typed
from ethogram.web.console.pages.documents import DocumentRow, rows
from ethogram.web.console.rendering import PATH, Problem, address_part, fragment, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
_HOME = f"{PATH}/templates"
_EXAMPLES = {
    "email": "channel: email\nsubject: Hello {{ first_name | default: 'there' }}\nmjml: |\n  <mjml><mj-body>\n"
    "    <mj-section><mj-column>\n"
    "      <mj-text font-size=\"18px\">Hello {{ first_name | default: 'there' }}</mj-text>\n"
    '      <mj-button href="https://shop.example">To the shop</mj-button>\n'
    '      <mj-text font-size="12px"><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>\n'
    "    </mj-column></mj-section>\n  </mj-body></mjml>\n",
    "sms": "channel: sms\ntext: Hello {{ first_name | default: 'there' }}\n",
    "webpush": "channel: webpush\ntitle: Hello\nbody: Something new\nurl: https://shop.example\n",
    "inapp": "channel: inapp\nform: modal\ntitle: Hello\nbody: Something new\n"
    "buttons:\n- {text: Show me, url: https://shop.example}\n",
}
# An e-mail is shown as it would be sent, apart from this page: no script, no form, nothing of ours within its reach.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; sandbox; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True)
class TemplatesPage:
    """Every template."""

    q: str
    templates: tuple[DocumentRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class TemplatePage:
    """A template as a text, beside what somebody would get."""

    name: str
    text: str
    new: bool
    profile_id: str
    people: tuple[str, ...]
    used_by: tuple[tuple[str, str], ...]
    version: int
    examples: tuple[str, ...] = tuple(_EXAMPLES)
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class PreviewPart:
    """What somebody would get."""

    profile_id: str
    device: str
    kind: str
    content: dict[str, Any]
    frame: str  # the address of an e-mail's HTML
    unrenderable: str
    warnings: tuple[str, ...]
    facts: dict[str, int]
    problem: Problem | None = None


class Frames:
    """The HTML of the newest previews, each at an address that only its page knows."""

    def __init__(self, most: int = 100) -> None:
        self._most = most
        self._frames: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def put(self, html: str) -> str:
        """The token under which it is."""
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._frames[token] = html
            while len(self._frames) > self._most:
                self._frames.popitem(last=False)
        return token

    def get(self, token: str) -> str | None:
        """What is under a token."""
        return self._frames.get(token)


@get("/templates", opt=VIEW, sync_to_thread=True)
def list_templates(request: Asked, workspace: Opened, q: FromQuery[str] = "") -> Response[Any]:
    """Every template."""
    found = rows(workspace, "template")
    chosen = tuple(each for each in found if q.casefold() in f"{each.name} {each.text}".casefold())
    return page(request, "messages/list.html", TemplatesPage(q, chosen, len(found)))


@get("/templates/new", opt=MARKET, sync_to_thread=True)
def show_new(request: Asked, workspace: Opened, channel: FromQuery[str] = "email") -> Response[Any]:
    """A new template, begun with an example."""
    text = _EXAMPLES.get(channel, _EXAMPLES["email"])
    return page(request, "messages/template.html", _page(workspace, "", text, new=True))


@get("/templates/frames/{token:str}", opt=VIEW, sync_to_thread=True)
def show_frame(request: Asked, token: FromPath[str]) -> Response[Any]:
    """The HTML of an e-mail, apart from everything else."""
    html = request.app.state.frames.get(token)
    if html is None:
        raise UnknownNameError("this preview is not kept any more")
    return Response(html, media_type="text/html", headers={"content-security-policy": _POLICY})


@get("/templates/{name:str}", opt=VIEW, sync_to_thread=True)
def show_template(
    request: Asked, workspace: Opened, name: FromPath[str], profile_id: FromQuery[str] = ""
) -> Response[Any]:
    """A template beside what somebody would get."""
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        saved = definitions.get("template", name)
        used_by = definitions.used_by("template", name)
    text = next(each.text for each in rows(workspace, "template") if each.name == name)
    shown = _page(workspace, name, text, new=False, used_by=used_by, version=saved.version, profile_id=profile_id)
    return page(request, "messages/template.html", shown)


@post("/templates", opt=MARKET, status_code=200, sync_to_thread=True)
def save_template(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """Saves a template; what is sent from now on uses it."""
    name, text, new = typed(data, "name"), str(data.get("text", "")), typed(data, "new") == "yes"
    try:
        with Definitions(workspace.path, clock=workspace.clock) as definitions:
            if new and any(each.name == name for each in definitions.listed("template")):
                raise InputError(f"there is a template `{name}` already", hint=_("Choose another name."))
            definitions.save("template", name, documents.parse(text.replace("\r\n", "\n"), "text"))
    except UserError as error:
        shown = _page(workspace, name, text, new=new, problem=Problem.of(error), profile_id=typed(data, "profile_id"))
        return page(request, "messages/template.html", shown, status=400)
    return redirect(request, f"{_HOME}/{address_part(name)}", said=_("Saved."))


@post("/templates/preview", opt=VIEW, status_code=200, sync_to_thread=True)
def show_preview(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """What somebody would get by a text that need not be saved."""
    text, profile_id, device = str(data.get("text", "")), typed(data, "profile_id"), typed(data, "device", "wide")
    try:
        body = documents.parse(text.replace("\r\n", "\n"), "text")
        rehearsal = Rehearsal(workspace.path, workspace.people, clock=workspace.clock)
        found = rehearsal.preview(typed(data, "name") or "new", body, profile_id or None, data=_started(data))
    except EthogramError as error:
        empty = PreviewPart(profile_id, device, "", {}, "", "", (), {}, Problem.of(error))
        return fragment(request, "messages/_preview.html", empty)
    content, frame = found.content, ""
    if isinstance(content, EmailContent):
        frame = f"{_HOME}/frames/{request.app.state.frames.put(content.html)}"
    unrenderable = content.reason if isinstance(content, Unrenderable) else ""
    told = {
        name: getattr(content, name)
        for name in ("subject", "sender", "title", "body", "text", "url", "image", "form", "buttons", "headers")
        if getattr(content, name, None)
    }
    part = PreviewPart(
        profile_id, device, type(content).__name__, told, frame, unrenderable, found.warnings, dict(found.facts or {})
    )
    return fragment(request, "messages/_preview.html", part)


@post("/templates/{name:str}/remove", opt=MARKET, status_code=200, sync_to_thread=True)
def remove_template(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """Removes a template that nothing refers to."""
    try:
        with Definitions(workspace.path, clock=workspace.clock) as definitions:
            definitions.remove("template", name)
    except UserError as error:
        return redirect(request, f"{_HOME}/{address_part(name)}", said=error.message, bad=True)
    return redirect(request, _HOME, said=f"{name}: " + _("removed."))


def _started(data: dict[str, Any]) -> dict[str, Any]:
    """What would start the message, as JSON or YAML that somebody typed; nothing where it is none."""
    try:
        found = documents.parse(typed(data, "started"), "text")
    except InputError:
        return {}
    return found if isinstance(found, dict) else {}


def _page(workspace: Workspace, name: str, text: str, **more: Any) -> TemplatePage:
    people = tuple(each.profile_id for each in workspace.find_people("", limit=20))
    profile_id = more.pop("profile_id", "") or (people[0] if people else "")
    return TemplatePage(
        name, text, more.pop("new"), profile_id, people, more.pop("used_by", ()), more.pop("version", 0), **more
    )


router = Router(
    "/",
    route_handlers=[
        list_templates, show_new, show_frame, show_template, save_template, show_preview, remove_template,
    ],
)  # fmt: skip
