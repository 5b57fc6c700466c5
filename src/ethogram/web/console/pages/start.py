"""The first visit: send events, drop a file, or look round; then the ready segments that fit what came in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, cast

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery

from ethogram.errors import EthogramError, InputError
from ethogram.model.results import LoadSummary, Status
from ethogram.runtime import AppliedTemplate, Kind, LoadOptions
from ethogram.web.console.given import ADMIN, ANALYSE, VIEW, Asked, KeysOpened, Opened, public_url, typed
from ethogram.web.console.importing import Import
from ethogram.web.console.rendering import PATH, Problem, fragment, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
_PIECE = 1 << 20
_ROLES = {
    "events": (
        ("profile_id", _("Who (an id)"), True),
        ("event", _("What they did"), True),
        ("timestamp", _("When"), True),
        ("message_id", _("An id of the row"), False),
    ),
    "profiles": (("profile_id", _("Who (an id)"), True), ("timestamp", _("Since when it is so"), False)),
    "accounts": (("account_id", _("Which account (an id)"), True), ("timestamp", _("Since when it is so"), False)),
}


@dataclass(frozen=True, slots=True)
class StartPage:
    """The ways to begin."""

    status: Status
    url: str
    key: str  # a new one, shown this once; empty where none was made
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A role that a column may play."""

    role: str
    title: str
    needed: bool
    column: str
    why: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at a file's first rows found."""

    columns: tuple[str, ...]
    first_rows: tuple[dict[str, Any], ...]
    naive_timestamps: bool  # they have no offset: a time zone must be declared


@dataclass(frozen=True, slots=True)
class FilePage:
    """A file, what it seems to say, and what is to be done with it."""

    token: str
    name: str
    kind: str
    looked: Looked | None
    roles: tuple[RoleChoice, ...]
    event: str
    timezone: str
    workspace_timezone: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class LoadingPage:
    """How far a load is, or what it did."""

    token: str
    name: str
    running: bool
    rows: int
    rejected: int
    fraction: float | None
    summary: LoadSummary | None
    stopped: bool
    made_up: bool
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class ReadyPage:
    """What became of the ready segments."""

    saved: tuple[AppliedTemplate, ...]
    unfit: tuple[AppliedTemplate, ...]


@get("/start", opt=VIEW, sync_to_thread=True)
def show_start(request: Asked, workspace: Opened) -> Response[Any]:
    """The ways to begin."""
    return page(request, "start/start.html", StartPage(workspace.status(), public_url(request, workspace), ""))


@post("/start/key", opt=ADMIN, status_code=200, sync_to_thread=True)
def make_key(request: Asked, workspace: Opened, keys: KeysOpened) -> Response[Any]:
    """Makes a key for sending events, and shows what to paste; nobody can show the key again."""
    _made, value = keys.add("write", label="console: first steps")
    return page(request, "start/start.html", StartPage(workspace.status(), public_url(request, workspace), value))


@post("/start/file", opt=ANALYSE, status_code=200, request_max_body_size=None)
async def take_file(request: Asked, workspace: Opened) -> Response[Any]:
    """Keeps a file that was dropped, and asks what is to be done with it."""
    most = workspace.settings.load_megabytes << 20
    declared = request.headers.get("content-length", "")
    if not declared.isdigit() or int(declared) > most:
        raise InputError(
            f"the file is longer than {most >> 20:,} MB, which the setting `load_megabytes` allows",
            hint="On the server, `ethogram load` takes files of any length.",
        )
    sent = (await request.form()).get("file")
    if sent is None or isinstance(sent, str) or not sent.filename:
        problem = Problem(_("choose a file first"))
        shown = StartPage(workspace.status(), public_url(request, workspace), "", problem)
        return page(request, "start/start.html", shown, status=400)
    chosen: Import = await asyncio.to_thread(request.app.state.imports.begin, str(sent.filename))
    with await asyncio.to_thread(chosen.path.open, "wb") as file:
        while piece := await sent.read(_PIECE):
            await asyncio.to_thread(file.write, piece)
    return redirect(request, f"{PATH}/start/file/{chosen.token}")


@post("/start/look-round", opt=ANALYSE, status_code=200, sync_to_thread=True)
def look_round(request: Asked) -> Response[Any]:
    """Fills an empty workspace with a made-up shop, for looking round."""
    chosen: Import = request.app.state.imports.look_round()
    return redirect(request, f"{PATH}/start/file/{chosen.token}/loading")


@get("/start/file/{token:str}", opt=ANALYSE, sync_to_thread=True)
def show_file(
    request: Asked,
    workspace: Opened,
    token: FromPath[str],
    kind: FromQuery[str] = "events",
    event: FromQuery[str] = "",
    timezone: FromQuery[str] = "",
) -> Response[Any]:
    """What a file seems to say."""
    chosen: Import = request.app.state.imports.get(token)
    return page(request, "start/file.html", _file(workspace, chosen, _kind(kind), event, timezone, {}))


@post("/start/file/{token:str}", opt=ANALYSE, status_code=200, sync_to_thread=True)
def load_file(request: Asked, workspace: Opened, token: FromPath[str], data: Form) -> Response[Any]:
    """Begins to load a file."""
    chosen: Import = request.app.state.imports.get(token)
    kind = _kind(typed(data, "kind", "events"))
    mapping = {role: typed(data, f"column-{role}") for role, _title, _needed in _ROLES[kind]}
    mapping = {role: column for role, column in mapping.items() if column}
    event, timezone = typed(data, "event"), typed(data, "timezone")
    options = cast("LoadOptions", {"mapping": mapping, "event": event or None, "timezone": timezone or None})
    try:
        workspace.guess_mapping(chosen.path, kind, **options)
        request.app.state.imports.start(chosen, kind, options)
    except EthogramError as error:
        shown = _file(workspace, chosen, kind, event, timezone, mapping, Problem.of(error))
        return page(request, "start/file.html", shown, status=400)
    return redirect(request, f"{PATH}/start/file/{token}/loading")


@get("/start/file/{token:str}/loading", opt=ANALYSE, sync_to_thread=True)
def show_loading(request: Asked, token: FromPath[str]) -> Response[Any]:
    """How far a load is, or what it did."""
    return page(request, "start/loading.html", _loading(request.app.state.imports.get(token)))


@get("/start/file/{token:str}/progress", opt=ANALYSE, sync_to_thread=True)
def show_progress(request: Asked, token: FromPath[str]) -> Response[Any]:
    """The part of the page that changes while a file is loaded."""
    return fragment(request, "start/_loading.html", _loading(request.app.state.imports.get(token)))


@post("/start/file/{token:str}/stop", opt=ANALYSE, status_code=200, sync_to_thread=True)
def stop_loading(request: Asked, token: FromPath[str]) -> Response[Any]:
    """Stops a load; what is stored stays."""
    request.app.state.imports.get(token).stop()
    return redirect(request, f"{PATH}/start/file/{token}/loading")


@post("/start/ready", opt=ANALYSE, status_code=200, sync_to_thread=True)
def apply_ready(request: Asked, workspace: Opened) -> Response[Any]:
    """Saves the ready segments that fit the events found, and counts who is in them."""
    became = workspace.apply_ready()
    workspace.run()
    saved = tuple(each for each in became if each.segment is not None)
    unfit = tuple(each for each in became if each.segment is None)
    return page(request, "start/ready.html", ReadyPage(saved, unfit))


def _file(
    workspace: Opened,
    chosen: Import,
    kind: Kind,
    event: str,
    timezone: str,
    mapping: dict[str, str],
    problem: Problem | None = None,
) -> FilePage:
    guess = None
    try:
        guess = workspace.guess_mapping(chosen.path, kind, event=event or None, timezone=timezone or None)
    except EthogramError as error:
        told = Problem.of(error)
        problem = problem or Problem(told.message.replace(str(chosen.path), chosen.name), told.hint)
    roles = tuple(
        RoleChoice(
            role,
            title,
            needed,
            mapping.get(role) or (guess.mapping.get(role, "") if guess is not None else ""),
            guess.why.get(role, "") if guess is not None else "",
        )
        for role, title, needed in _ROLES[kind]
    )
    if not timezone and guess is not None and guess.naive_timestamps:
        timezone = workspace.settings.timezone
    looked = None
    if guess is not None:
        looked = Looked(guess.columns, tuple(guess.first_rows), guess.naive_timestamps)
    return FilePage(
        chosen.token, chosen.name, kind, looked, roles, event, timezone, workspace.settings.timezone, problem
    )


def _loading(chosen: Import) -> LoadingPage:
    problem = None
    if chosen.error is not None:
        told = Problem.of(chosen.error)
        problem = Problem(told.message.replace(str(chosen.path), chosen.name), told.hint)
    return LoadingPage(
        chosen.token, chosen.name, chosen.running, chosen.rows, chosen.rejected, chosen.fraction, chosen.summary,
        chosen.stopped, chosen.made_up, problem,
    )  # fmt: skip


def _kind(text: str) -> Kind:
    return cast("Kind", text) if text in _ROLES else "events"


router = Router(
    "/",
    route_handlers=[
        show_start, make_key, take_file, look_round, show_file, load_file, show_loading, show_progress, stop_loading,
        apply_ready,
    ],
)  # fmt: skip
