"""Experiments: what campaigns and the messages of journeys changed, against those who were held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response, Router, get
from litestar.params import FromQuery

from ethogram.engagement import Definitions
from ethogram.errors import InputError
from ethogram.model.experiment import Method
from ethogram.reporting import Report, Reports
from ethogram.web.console.given import VIEW, Asked, Opened
from ethogram.web.console.rendering import PATH, address_part, fragment, page


@dataclass(frozen=True, slots=True)
class Subject:
    """Something whose effect can be looked at."""

    kind: str
    name: str
    step: str
    arms: str  # in words: variants and holdout
    conversion: str
    address: str  # of its report
    home: str


@dataclass(frozen=True, slots=True)
class ExperimentsPage:
    """Everything whose effect can be looked at."""

    subjects: tuple[Subject, ...]
    method: str
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportPart:
    """What something did."""

    report: Report
    address: str


@get("/experiments", opt=VIEW, sync_to_thread=True)
def list_experiments(request: Asked, workspace: Opened, method: FromQuery[str] = Method.FIXED.value) -> Response[Any]:
    """Everything whose effect can be looked at."""
    chosen = _method(method)
    subjects = []
    with Definitions(workspace.path, clock=workspace.clock) as definitions:
        for saved in definitions.listed("campaign"):
            body = saved.body
            conversion = (body.get("conversion") or {}).get("event", "")
            variants = [str(each.get("name")) for each in body.get("variants") or ()]
            if conversion and (variants or body.get("holdout")):
                subjects.append(_subject("campaign", saved.name, "", variants, body.get("holdout"), conversion, chosen))
        for saved in definitions.listed("journey"):
            for step in saved.body.get("steps", ()):
                message = step.get("message") or {}
                conversion = (message.get("conversion") or {}).get("event", "")
                if conversion and saved.body.get("holdout"):
                    name, holdout = str(step.get("name", "")), saved.body.get("holdout")
                    subjects.append(_subject("journey", saved.name, name, [], holdout, conversion, chosen))
    shown = ExperimentsPage(tuple(subjects), chosen.value, tuple(each.value for each in Method))
    return page(request, "experiments/list.html", shown)


@get("/experiments/report", opt=VIEW, sync_to_thread=True)
def show_report(
    request: Asked,
    workspace: Opened,
    kind: FromQuery[str],
    name: FromQuery[str],
    step: FromQuery[str] = "",
    method: FromQuery[str] = Method.FIXED.value,
) -> Response[Any]:
    """What a campaign, or a message of a journey, did."""
    reports, chosen = Reports(workspace, workspace.path), _method(method)
    report = reports.journey(name, step, method=chosen) if kind == "journey" else reports.campaign(name, method=chosen)
    return fragment(request, "experiments/_report.html", ReportPart(report, ""))


def _subject(
    kind: str, name: str, step: str, variants: list[str], holdout: Any, conversion: str, method: Method
) -> Subject:
    arms = [*variants, *([f"holdout {float(holdout):.0%}"] if isinstance(holdout, (int, float)) and holdout else [])]
    named = f"kind={kind}&name={address_part(name)}&step={address_part(step)}&method={method.value}"
    return Subject(
        kind, name, step, ", ".join(arms), conversion, f"{PATH}/experiments/report?{named}",
        f"{PATH}/{kind}s/{address_part(name)}",
    )  # fmt: skip


def _method(text: str) -> Method:
    try:
        return Method(text)
    except ValueError:
        raise InputError(f"there is no method `{text[:40]}`") from None


router = Router("/", route_handlers=[list_experiments, show_report])
