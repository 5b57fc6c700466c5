"""Attacks in addresses and in every field of every form: each answer tells them as text, and none is a fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from console.asked import PASSWORD, Console, opened
from console.hostile import PAYLOADS, hostile
from console.test_every_page import START, Suspicious, routes
from ethogram.clock import ManualClock
from ethogram.web.console.rendering import address_part


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console apart: what is sent to it changes it."""
    clock = ManualClock(START)
    place: Path = tmp_path_factory.mktemp("console") / "shop"
    with opened(hostile(place, clock), clock=clock) as console:
        yield console


@pytest.mark.parametrize("payload", [PAYLOADS[0], PAYLOADS[1], PAYLOADS[4], "100% <b>sure</b> %(n)s"])
def test_what_is_refused_is_told_as_text(console: Console, payload: str) -> None:
    """Whatever stands in addresses and forms, each answer of each route says it as text, and none is a fault."""
    told = 0
    for path, method, _opt in routes():
        if path == "/live":
            continue
        named = re.sub(
            r"\{(\w+)(:\w+)?\}",
            lambda found: "1" if found[1] in ("number", "id_", "version") else address_part(payload),
            path,
        )
        queries = dict.fromkeys(("q", "name", "event", "segment", "kind", "text", "step", "next", "sort"), payload)
        asked = console.signed_out()
        if path != "/sign-in":  # anew each time, for some of them sign out
            asked.cookies["ethogram_session"] = console.team.sign_in("ada@shop.example", PASSWORD) or ""
        address = "/console" + named
        got = (
            asked.get(f"{address}?{urlencode(queries)}")
            if method == "GET"
            else asked.post(address, {**queries, "email": payload, "body": payload, "title": payload})
        )
        assert got.status < 500, (method, address, got.status, got.words[-300:])
        if not got.header("content-type").startswith("text/html"):
            continue
        parser = Suspicious()
        parser.feed(got.text)
        assert not parser.found, (method, address)
        assert "<b>sure</b>" not in got.text, (method, address)
        told += "sure" in got.text or payload[:5] in got.text or "&lt;" in got.text
    assert told > 10
