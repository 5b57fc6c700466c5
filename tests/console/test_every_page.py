"""Every page of the console: who may open it, that it has a JSON twin, and that nobody's data becomes its code."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from litestar.routes import HTTPRoute

from console.asked import Console, opened
from console.hostile import PAYLOADS, hostile
from ethogram.clock import ManualClock
from ethogram.team import Role
from ethogram.web.console.navigation import SECTIONS
from ethogram.web.console.pages import ROUTERS
from ethogram.web.console.rendering import address_part

START = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
# What anybody who is signed in may post: their own account, and looks at texts that need not be saved.
HARMLESS = {
    "/sign-in", "/sign-out", "/welcome/{token:str}", "/account/password", "/account/sessions/{number:int}/end",
    "/account/theme", "/templates/preview", "/drafts/size", "/drafts/compare", "/drafts/complete", "/drafts/check",
}  # fmt: skip


def routes() -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and options of every route."""
    found = []
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, HTTPRoute)
            for handler in route.route_handlers:
                methods = sorted(str(each) for each in handler.http_methods if each in ("GET", "POST"))
                found += [(route.path, method, dict(handler.opt)) for method in methods]
    return found


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    clock = ManualClock(START)
    place: Path = tmp_path_factory.mktemp("console") / "shop"
    with opened(hostile(place, clock), clock=clock) as console:
        yield console


def test_every_route_says_who_may() -> None:
    silent = [(path, method) for path, method, opt in routes() if "role" not in opt]
    assert not silent


def test_whatever_changes_something_takes_more_than_a_viewer() -> None:
    weak = {path for path, method, opt in routes() if method == "POST" and opt["role"] in (None, Role.VIEWER)}
    assert weak <= HARMLESS


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.MARKETER])
def test_a_route_that_takes_another_role_answers_403(console: Console, role: Role) -> None:
    other = console.as_role(role)
    refused = 0
    for path, method, opt in routes():
        if opt["role"] is None or role.allows(opt["role"]):
            continue
        address = "/console" + _filled(path)
        got = other.get(address) if method == "GET" else other.post(address)
        assert got.status == 403, (method, address, got.status)
        refused += 1
    assert refused > 5


def _filled(path: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: "1" if found[1] in ("number", "id_", "version") else "x", path)


def pages() -> list[str]:
    """The addresses of pages with something on them."""
    person, event = address_part("p0" + PAYLOADS[0]), address_part(PAYLOADS[0])
    sections = [section.address for group in SECTIONS for section in group.sections]
    return [
        *sections, "/console/home/active", "/console/home/segments", "/console/home/attention",
        "/console/search?q=a", f"/console/search?q={address_part(PAYLOADS[0])}", "/console/start", "/console/account",
        f"/console/people?q={address_part(PAYLOADS[1])}",
        f"/console/people-list?q={address_part(PAYLOADS[1])}", f"/console/people/{person}",
        f"/console/people/{person}/segments?segment=buyers", f"/console/people/{person}/messages",
        f"/console/people/{person}/consent", f"/console/people/{person}/identity",
        f"/console/people/{person}/erase", "/console/erasures",
        "/console/events-list", f"/console/events/{event}", "/console/traits", "/console/live", "/console/vocabulary",
        "/console/campaigns/new", "/console/campaigns/spring", "/console/campaigns/spring/edit",
        "/console/campaigns/spring/dry-run", "/console/campaigns/spring/report",
        "/console/templates/new", "/console/templates/hello", "/console/catalogs/products",
        "/console/documents/topic/new", "/console/documents/topic/news", "/console/documents/catalog/products",
        "/console/settings/team", "/console/settings/keys", "/console/settings/sources", "/console/settings/channels",
        "/console/journeys/again", "/console/journeys/again/edit", "/console/journeys/ready", "/console/journeys/new",
        "/console/settings/consent", "/console/settings/health", "/console/settings/health/findings",
        "/console/settings/rejected", "/console/settings/audit",
        f"/console/explore/trends?event={event}", f"/console/explore/trends/answer?event={event}",
        f"/console/explore/funnels?step={event}&step={event}", "/console/explore/funnels/answer?step=any&step=any",
        "/console/explore/retention/answer?event=any", f"/console/explore/paths/answer?event={event}",
        "/console/explore/funnels/people?step=any&point=1", "/console/explore/saved", "/console/home/pinned",
        f"/console/explore/trends/answer?event={event}&unit=hour&compare=yes&by=x",
        "/console/segments/new", "/console/segments/buyers", "/console/segments/buyers/edit",
        "/console/segments/buyers/members", "/console/segments/buyers/definition", "/console/segments/buyers/sql",
        "/console/segments/buyers/persona", "/console/segments/buyers/report", "/console/ready-segments",
    ]  # fmt: skip


class Suspicious(HTMLParser):
    """Collects whatever could run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        if tag == "script" and not str(held.get("src", "")).startswith("/console/static/"):
            self.found.append(f"<script {held}>")
        if tag in ("object", "embed", "base", "applet"):
            self.found.append(tag)
        for name, value in attrs:
            address = (value or "").strip().lower().replace("\t", "").replace("\n", "")
            if name.startswith("on") or name == "style":
                self.found.append(f"{tag} {name}={value}")
            if name in ("href", "src", "action", "formaction", "hx-get", "hx-post") and not (
                address.startswith(("/console", "/v1", "?", "#")) or address == ""
            ):
                self.found.append(f"{tag} {name}={value}")


@pytest.mark.parametrize("address", pages())
def test_a_page_shows_what_others_supply_as_text(console: Console, address: str) -> None:
    got = console.get(address)
    assert got.status == 200, (got.status, got.words[-400:])
    parser = Suspicious()
    parser.feed(got.text)
    assert not parser.found


@pytest.mark.parametrize("address", pages())
def test_a_page_has_a_json_twin(console: Console, address: str) -> None:
    twin = console.twin(address)
    assert isinstance(twin, dict)
    assert twin
