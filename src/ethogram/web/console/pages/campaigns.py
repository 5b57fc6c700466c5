"""Campaigns: building one by a form, looking at whom it would reach, starting and stopping it, and what it did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery

from ethogram import documents
from ethogram.campaigning import Campaigns, CampaignState, Launch, Progress
from ethogram.engagement import Definitions, Saved
from ethogram.errors import EthogramError, InputError, UserError
from ethogram.model.message import Channel, Maker
from ethogram.rehearsing import DryRun, Rehearsal
from ethogram.reporting import Report, Reports
from ethogram.runtime import Workspace
from ethogram.sending import Count, Messages
from ethogram.web.console.given import MARKET, VIEW, Asked, Opened, typed
from ethogram.web.console.pages.events import catalogue
from ethogram.web.console.rendering import PATH, Problem, address_part, fragment, page, redirect
from ethogram.web.console.texts import _

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
_HOME = f"{PATH}/campaigns"
_WHEN = (
    ("now", _("When it is started")),
    ("at", _("At a date and time")),
    ("local", _("At a date and time where each person is")),
    ("every", _("Again and again")),
    ("event", _("When somebody does something")),
    ("api", _("When a program calls the API")),
)


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign in the list."""

    name: str
    description: str
    channel: str
    when: str
    state: str
    reason: str
    sent: int
    waiting: int


@dataclass(frozen=True, slots=True)
class CampaignsPage:
    """Every campaign, those that match what is sought."""

    q: str
    campaigns: tuple[CampaignRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class CampaignForm:
    """A campaign as a form has it; what the form does not show is kept in `rest`."""

    name: str
    new: bool
    values: dict[str, str]
    within: tuple[str, ...]
    without: tuple[str, ...]
    rest: str  # YAML of what else the definition says
    text: str  # the whole definition; used instead of the fields where `by_text`
    by_text: bool
    segments: tuple[str, ...]
    templates: tuple[tuple[str, str], ...]
    topics: tuple[str, ...]
    events: tuple[str, ...]
    channels: tuple[str, ...]
    whens: tuple[tuple[str, str], ...] = _WHEN
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """A campaign and what it does now."""

    name: str
    version: int
    description: str
    channel: str
    text: str
    progress: Progress
    launches: tuple[Launch, ...]
    next_at: dt.datetime | None
    counts: dict[str, int]  # messages by state
    can_rehearse: bool
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class DryRunPart:
    """What a campaign would send now."""

    run: DryRun | None
    samples: tuple[dict[str, Any], ...]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class ReportPart:
    """What a campaign did."""

    report: Report
    address: str


@get("/campaigns", opt=VIEW, sync_to_thread=True)
def list_campaigns(request: Asked, workspace: Opened, q: FromQuery[str] = "") -> Response[Any]:
    """Every campaign."""
    with _definitions(workspace) as definitions:
        saved = definitions.listed("campaign")
    with Campaigns(workspace.path, clock=workspace.clock) as opened, _messages(workspace) as messages:
        rows = tuple(_row(each, opened.progress(each.name), messages) for each in saved if q.casefold() in each.name)
    return page(request, "campaigns/list.html", CampaignsPage(q, rows, len(saved)))


@get("/campaigns/new", opt=MARKET, sync_to_thread=True)
def show_new(
    request: Asked, workspace: Opened, segment: FromQuery[str] = "", template: FromQuery[str] = ""
) -> Response[Any]:
    """The form of a new campaign."""
    body: dict[str, Any] = {"channel": "email", "when": {"now": True}, "holdout": 0.05}
    if segment:
        body["audience"] = {"in": [segment]}
    if template:
        body["template"] = template
    return page(request, "campaigns/form.html", _form(request, workspace, "", body, new=True))


@get("/campaigns/{name:str}", opt=VIEW, sync_to_thread=True)
def show_campaign(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """A campaign and what it does now."""
    return page(request, "campaigns/campaign.html", _page(workspace, name))


@get("/campaigns/{name:str}/edit", opt=MARKET, sync_to_thread=True)
def show_edit(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """The form of a campaign that there is."""
    with _definitions(workspace) as definitions:
        body = definitions.get("campaign", name).body
    return page(request, "campaigns/form.html", _form(request, workspace, name, body, new=False))


@post("/campaigns", opt=MARKET, status_code=200, sync_to_thread=True)
def save_campaign(request: Asked, workspace: Opened, data: Form) -> Response[Any]:
    """Saves a campaign, and does not start it."""
    name, new = typed(data, "name"), typed(data, "new") == "yes"
    body: Any = {}
    try:
        body = _body(data)
        with _definitions(workspace) as definitions:
            if new and any(each.name == name for each in definitions.listed("campaign")):
                raise InputError(f"there is a campaign `{name}` already", hint=_("Choose another name."))
            definitions.save("campaign", name, body)
    except UserError as error:
        held = body if isinstance(body, Mapping) else {}
        form = _form(request, workspace, name, held, new=new, problem=Problem.of(error), sent=data)
        return page(request, "campaigns/form.html", form, status=400)
    return redirect(request, _address(name), said=_("Saved. Look at its dry run, then start it."))


@post("/campaigns/{name:str}/{verb:str}", opt=MARKET, status_code=200, sync_to_thread=True)
def change(request: Asked, workspace: Opened, name: FromPath[str], verb: FromPath[str], data: Form) -> Response[Any]:
    """Starts, stops, resumes, finishes or removes a campaign."""
    try:
        said = _changed(workspace, name, verb, typed(data, "reason"))
    except UserError as error:
        return page(request, "campaigns/campaign.html", _page(workspace, name, Problem.of(error)), status=409)
    if verb == "remove":
        return redirect(request, _HOME, said=f"{name}: {said}")
    return redirect(request, _address(name), said=said, undo=f"{_address(name)}/resume" if verb == "stop" else "")


@get("/campaigns/{name:str}/dry-run", opt=VIEW, sync_to_thread=True)
def show_dry_run(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """Whom a campaign would reach now, who is refused and why, and what some would get."""
    rehearsal = Rehearsal(workspace.path, workspace.people, clock=workspace.clock)
    try:
        run = rehearsal.dry_run(name)
    except EthogramError as error:
        return fragment(request, "campaigns/_dry_run.html", DryRunPart(None, (), Problem.of(error)))
    samples = tuple(
        {
            "profile_id": each.profile_id,
            "variant": each.variant,
            "title": getattr(each.preview.content, "subject", None) or getattr(each.preview.content, "title", "") or "",
            "text": getattr(each.preview.content, "text", None)
            or getattr(each.preview.content, "body", None)
            or getattr(each.preview.content, "reason", ""),
            "warnings": each.preview.warnings,
        }
        for each in run.samples
    )
    return fragment(request, "campaigns/_dry_run.html", DryRunPart(run, samples))


@get("/campaigns/{name:str}/report", opt=VIEW, sync_to_thread=True)
def show_report(request: Asked, workspace: Opened, name: FromPath[str]) -> Response[Any]:
    """What a campaign did, by variant, against those who were held out."""
    report = Reports(workspace, workspace.path).campaign(name)
    return fragment(request, "experiments/_report.html", ReportPart(report, _address(name)))


def _changed(workspace: Workspace, name: str, verb: str, reason: str) -> str:
    """What was done to a campaign, in words.

    Raises:
        UserError: it cannot be done in the state that it is in.
    """
    with Campaigns(workspace.path, clock=workspace.clock) as opened:
        match verb:
            case "start":
                opened.start(name)
                return _("Started.")
            case "stop":
                opened.stop(name, reason=reason)
                return _("Stopped: nothing more is decided or sent.")
            case "resume":
                opened.resume(name)
                return _("It goes on where it was.")
            case "finish":
                opened.finish(name)
                return _("Finished.")
            case "remove":
                if opened.progress(name).state is CampaignState.ACTIVE:
                    raise UserError(f"campaign `{name}` is under way", hint="Finish it first.")
                with _definitions(workspace) as definitions:
                    definitions.remove("campaign", name)
                return _("removed.")
            case _:
                raise InputError(f"a campaign cannot `{verb[:20]}`")


def _row(saved: Saved, progress: Progress, messages: Messages) -> CampaignRow:
    counts = _counts(messages.counts(Maker.CAMPAIGN, saved.name))
    return CampaignRow(
        saved.name,
        str(saved.body.get("description", "")),
        str(saved.body.get("channel", "")),
        _told_when(saved.body.get("when", {})),
        progress.state.value,
        progress.reason or "",
        counts.get("sent", 0),
        counts.get("waiting", 0),
    )


def _page(workspace: Workspace, name: str, problem: Problem | None = None) -> CampaignPage:
    with _definitions(workspace) as definitions:
        saved = definitions.get("campaign", name)
    with Campaigns(workspace.path, clock=workspace.clock) as opened, _messages(workspace) as messages:
        progress = opened.progress(name)
        launches = opened.launches(name, limit=20)
        following = opened.next_at(name) if progress.state is CampaignState.ACTIVE else None
        counts = _counts(messages.counts(Maker.CAMPAIGN, name))
    when = saved.body.get("when", {})
    return CampaignPage(
        name,
        saved.version,
        str(saved.body.get("description", "")),
        str(saved.body.get("channel", "")),
        _text(saved.body),
        progress,
        launches,
        following.due_at if following is not None else None,
        counts,
        not ({"event", "api"} & set(when)),
        problem,
    )


def _counts(counts: tuple[Count, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in counts:
        found[each.state.value] = found.get(each.state.value, 0) + each.messages
    return found


def _told_when(when: Mapping[str, Any]) -> str:
    titles = dict(_WHEN)
    key = next((key for key in titles if key in when), "now")
    value = when.get(key)
    match key:
        case "at" | "every":
            return f"{titles[key]}: {value}"
        case "event":
            return f"{titles[key]}: {value.get('name', '') if isinstance(value, Mapping) else ''}"
        case _:
            return titles[key]


# --- the form -------------------------------------------------------------------------------------------------------

_PLAIN = ("description", "channel", "template", "topic", "speed")
_SHOWN = {*_PLAIN, "audience", "when", "variants", "holdout", "send_at", "conversion"}


def _form(
    request: Asked,
    workspace: Workspace,
    name: str,
    body: Mapping[str, Any],
    *,
    new: bool,
    problem: Problem | None = None,
    sent: Mapping[str, Any] | None = None,
) -> CampaignForm:
    with _definitions(workspace) as definitions:
        templates = tuple((each.name, str(each.body.get("channel", ""))) for each in definitions.listed("template"))
        topics = tuple(each.name for each in definitions.listed("topic"))
    values = _values(body)
    audience = body.get("audience") or {}
    rest = {key: value for key, value in body.items() if key not in _SHOWN}
    text, by_text = _text(body), False
    if sent is not None:
        values |= {key: str(value) for key, value in sent.items() if isinstance(value, str)}
        by_text = typed(dict(sent), "by") == "text"
        text = str(sent.get("text", text)) if by_text else text
    return CampaignForm(
        name=name,
        new=new,
        values=values,
        within=tuple(audience.get("in", ())),
        without=tuple(audience.get("not_in", ())),
        rest=_text(rest) if rest else "",
        text=text,
        by_text=by_text,
        segments=tuple(each.name for each in workspace.segments.list() if each.entity == "profile"),
        templates=templates,
        topics=topics,
        events=tuple(event.name for event in catalogue(request, workspace).events),
        channels=tuple(each.value for each in Channel),
        problem=problem,
    )


def _values(body: Mapping[str, Any]) -> dict[str, str]:
    """What a document says, as the form's fields have it."""
    values = {key: str(body.get(key, "") or "") for key in _PLAIN}
    when = body.get("when") or {}
    kind = next((key for key, _title in _WHEN if key in when), "now")
    values["when"] = kind
    inner = when.get(kind)
    if kind in ("at", "every"):
        values[f"when-{kind}"] = str(inner)
    elif isinstance(inner, Mapping):
        values |= {f"when-{kind}-{key}": str(value) for key, value in inner.items()}
    values["until"] = str(when.get("until", "") or "")
    values["in_local_time"] = "yes" if when.get("in_local_time") else ""
    holdout = body.get("holdout", 0)
    values["holdout"] = f"{float(holdout) * 100:g}" if isinstance(holdout, (int, float)) else str(holdout).rstrip("%")
    values["send_at"] = str(body.get("send_at", "due"))
    values |= {f"conversion-{key}": str(value) for key, value in (body.get("conversion") or {}).items()}
    values["audience-where"] = str((body.get("audience") or {}).get("where", "") or "")
    for number, variant in enumerate(body.get("variants") or (), 1):
        values[f"variant-{number}-name"] = str(variant.get("name", ""))
        values[f"variant-{number}-template"] = str(variant.get("template", ""))
        share = variant.get("share", 0)
        values[f"variant-{number}-share"] = f"{float(share) * 100:g}" if isinstance(share, (int, float)) else str(share)
    return values


def _body(data: Mapping[str, Any]) -> Any:
    """The document that the form's fields describe; or its text, where that was edited."""
    sent = dict(data)
    if typed(sent, "by") == "text":
        return documents.parse(str(sent.get("text", "")).replace("\r\n", "\n"), "text")
    rest = documents.parse(str(sent.get("rest", "")), "text") or {}
    body: dict[str, Any] = dict(rest) if isinstance(rest, Mapping) else {}
    body |= {key: typed(sent, key) for key in _PLAIN if typed(sent, key)}
    if "speed" in body:
        body["speed"] = _number(body["speed"])
    audience = {"in": _many(sent, "in"), "not_in": _many(sent, "not_in"), "where": typed(sent, "audience-where")}
    if any(audience.values()):
        body["audience"] = {key: value for key, value in audience.items() if value}
    body["when"] = _when(sent)
    variants = [
        {
            "name": typed(sent, f"variant-{number}-name") or f"variant-{number}",
            "share": _share(typed(sent, f"variant-{number}-share")),
            "template": typed(sent, f"variant-{number}-template"),
        }
        for number in range(1, 5)
        if typed(sent, f"variant-{number}-template")
    ]
    if variants:
        body.pop("template", None)
        body["variants"] = variants
    if typed(sent, "holdout"):
        body["holdout"] = _share(typed(sent, "holdout"))
    if typed(sent, "send_at") == "best":
        body["send_at"] = "best"
    conversion = {key: typed(sent, f"conversion-{key}") for key in ("event", "within", "where", "revenue")}
    if conversion["event"]:
        body["conversion"] = {key: value for key, value in conversion.items() if value}
    return body


def _when(sent: dict[str, Any]) -> dict[str, Any]:
    kind = typed(sent, "when", "now")
    match kind:
        case "at" | "every":
            when: dict[str, Any] = {kind: typed(sent, f"when-{kind}")}
        case "local":
            when = {"local": {key: typed(sent, f"when-local-{key}") for key in ("date", "time")}}
        case "event":
            fields = {key: typed(sent, f"when-event-{key}") for key in ("name", "where", "delay", "still", "again")}
            when = {"event": {key: value for key, value in fields.items() if value}}
        case _:
            when = {"api" if kind == "api" else "now": True}
    if kind == "every":
        if typed(sent, "until"):
            when["until"] = typed(sent, "until")
        if typed(sent, "in_local_time"):
            when["in_local_time"] = True
    return when


def _many(sent: dict[str, Any], name: str) -> list[str]:
    """The values of a field that may be chosen several times."""
    value = sent.get(name, [])
    return [str(each) for each in (value if isinstance(value, list) else [value]) if str(each).strip()]


def _share(text: str) -> Any:
    """Per cent as a share; what is no number is left for the check to refuse."""
    try:
        return round(float(text.rstrip("% ").replace(",", ".")) / 100, 6)
    except ValueError:
        return text


def _number(text: str) -> Any:
    return int(text) if text.isdecimal() else text


def _text(body: Mapping[str, Any]) -> str:
    lines = documents.dump([("campaign", "x", dict(body))]).splitlines()[2:]
    return "\n".join(line[4:] for line in lines) + "\n"


def _address(name: str) -> str:
    return f"{_HOME}/{address_part(name)}"


def _definitions(workspace: Workspace) -> Definitions:
    return Definitions(workspace.path, clock=workspace.clock)


def _messages(workspace: Workspace) -> Messages:
    return Messages(workspace.path, clock=workspace.clock)


router = Router(
    "/",
    route_handlers=[
        list_campaigns, show_new, show_campaign, show_edit, save_campaign, change, show_dry_run, show_report,
    ],
)  # fmt: skip
