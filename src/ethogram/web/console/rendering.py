"""Pages: a context becomes HTML, or is served as it is, as JSON at the same address.

Reads the package's templates. Everything that comes from users and events is escaped: Jinja does so by itself.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import Cookie
from markupsafe import Markup

from ethogram.errors import EthogramError
from ethogram.runtime import Workspace
from ethogram.team import Role
from ethogram.web.console.files import Files
from ethogram.web.console.formats import Formats, locale_of
from ethogram.web.console.given import Asked, may, session_of
from ethogram.web.console.texts import language_for, speaking, translated, translated_count

SAID: Final = "ethogram_said"  # the cookie with the note for the next page
THEME: Final = "ethogram_theme"
PATH: Final = "/console"
_THEMES: Final = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Note:
    """What the next page says at its top; with an address, an Undo button posts there."""

    text: str
    undo: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was refused, for the page on which it was tried."""

    message: str
    hint: str = ""
    details: tuple[tuple[str, str], ...] = ()  # place and what is wrong there

    @classmethod
    def of(cls, error: EthogramError) -> Problem:
        """An error of ours as a page shows it."""
        faults = error.fields.get("faults")
        details = tuple((str(each["place"]), str(each["wrong"])) for each in faults) if isinstance(faults, list) else ()
        message = error.message.partition("\n")[0] if details else error.message
        return cls(message, error.hint or "", details)


class Renderer:
    """Makes pages of a workspace.

    Args:
        sections: the navigation, see `navigation.py`.
    """

    def __init__(self, workspace: Workspace, files: Files, sections: Any) -> None:
        self._workspace = workspace
        self._files = files
        self._environment = Environment(
            loader=PackageLoader("ethogram.web.console", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._environment.install_gettext_callables(translated, translated_count, newstyle=True)  # type: ignore[attr-defined]  # the extension's
        self._environment.filters["url"] = address_part
        # For texts from elsewhere than the template: `_()` takes what it is given for the template's own markup.
        self._environment.filters["translated"] = translated
        self._environment.globals.update(
            static=files.address, icon=self._icon, sections=sections, Role=Role, query=query, json=_readable
        )

    def html(self, request: Asked, template: str, context: object) -> str:
        """A template with its context; `c` is the context there."""
        workspace = self._workspace
        theme = request.cookies.get(THEME, "")
        formats = Formats(
            locale_of(request.headers.get("accept-language", "")),
            workspace.settings.zone,
            workspace.now(),
            workspace.settings.currency,
        )
        language = language_for(str(formats.locale))
        with speaking(language):
            return self._rendered(request, template, context, formats, language, theme)

    def _rendered(
        self, request: Asked, template: str, context: object, formats: Formats, language: str, theme: str
    ) -> str:
        session = session_of(request)
        return self._environment.get_template(template).render(
            c=context,
            language=language,
            request=request,
            path=request.url.path,
            user=session.user if session is not None else None,
            may=lambda role: may(request, Role(role)),
            note=_note_of(request),
            theme=theme if theme in _THEMES else "",
            workspace_name=self._workspace.path.name,
            formats=formats,
            **{name: getattr(formats, name) for name in _FORMATS},
        )

    def _icon(self, name: str, label: str = "") -> Markup:
        """An icon; without a label it is hidden from screen readers, and the text beside it says what it means."""
        told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
        return Markup('<svg class="icon" {}><use href="{}#{}"></use></svg>').format(
            told, self._files.address("icons.svg"), name
        )


_FORMATS: Final = ("number", "compact", "percent", "money", "when", "instant", "day", "clock", "length")


def page(
    request: Asked,
    template: str,
    context: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response[Any]:
    """A page, or its context as JSON where the request asks for it (`Accept: application/json`, `?format=json`)."""
    varied = {"vary": "accept, cookie, hx-request", **(headers or {})}
    if wants_json(request):
        return Response(
            msgspec.json.encode(context, enc_hook=_encoded),
            status_code=status,
            headers=varied,
            media_type="application/json",
        )
    renderer: Renderer = request.app.state.renderer
    response = Response(
        renderer.html(request, template, context), status_code=status, headers=varied, media_type="text/html"
    )
    if SAID in request.cookies and not is_part(request):
        response.delete_cookie(SAID, path=PATH)
    return response


def fragment(request: Asked, template: str, context: object, *, status: int = 200) -> Response[Any]:
    """A part of a page, which the script swaps in; also as JSON."""
    return page(request, template, context, status=status)


def redirect(request: Asked, address: str, *, said: str = "", undo: str = "", bad: bool = False) -> Response[Any]:
    """Leads to another page after something was done; the note says what, and how to undo it.

    Args:
        undo: where a POST takes it back.
    """
    headers = {"location": address}
    if is_part(request):
        headers = {"hx-redirect": address}
    cookies = []
    if said:
        note = json.dumps({"text": said[:500], "undo": undo[:1000], "bad": bad}, separators=(",", ":"))
        cookies = [Cookie(key=SAID, value=quote(note), max_age=60, path=PATH, httponly=True, samesite="lax")]
    return Response("", status_code=200 if is_part(request) else 303, headers=headers, cookies=cookies)


def is_part(request: Asked) -> bool:
    """Whether the script asks, to swap something in."""
    return request.headers.get("hx-request") == "true"


def wants_json(request: Asked) -> bool:
    """Whether the JSON twin is asked for."""
    accepted = request.headers.get("accept", "")
    return request.query_params.get("format") == "json" or (
        "application/json" in accepted and "text/html" not in accepted
    )


def address_part(text: object) -> str:
    """A name or an id as a part of an address."""
    return quote(str(text), safe="")


def query(request: Asked, **changes: object) -> str:
    """The page's own address with some of the query changed; None leaves one out."""
    held = {name: value for name, value in request.query_params.multi_items() if name != "format"}
    wanted = {**held, **changes}
    kept = {name: value for name, value in wanted.items() if value is not None and value != ""}
    return f"{request.url.path}?{urlencode(kept, doseq=True)}" if kept else request.url.path


def _note_of(request: Asked) -> Note | None:
    held = request.cookies.get(SAID)
    if not held or is_part(request):
        return None
    try:
        note = msgspec.json.decode(unquote(held).encode(), type=Note)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return note if note.undo.startswith(PATH + "/") or not note.undo else Note(note.text, bad=note.bad)


def _readable(value: object) -> str:
    """Any value as JSON that people read."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _encoded(value: object) -> object:
    if isinstance(value, dt.tzinfo):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"cannot be shown as JSON: {type(value).__name__}")
