"""Every page in a real browser: nothing wrong for a screen reader, nothing refused by the policy, nothing too wide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from console.hostile import hostile
from console.test_every_page import pages
from console.walking import Walk, chromium, walking
from ethogram.clock import ManualClock
from web.browser import CHROMIUM, MISSING

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
# Parts that a page swaps in are looked at there.
WHOLE = [
    address
    for address in pages()
    if not address.startswith(("/console/home/", "/console/events-list", "/console/people-list"))
    and not address.endswith(("/dry-run", "/report", "/findings", "/sql", "/persona"))
    and "/answer?" not in address
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def walk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    place = hostile(tmp_path_factory.mktemp("console") / "shop", ManualClock(dt.datetime.now(dt.UTC)))
    with walking(browser, place) as walk:
        walk.begin()
        yield walk


@pytest.mark.parametrize("address", WHOLE)
def test_a_page_is_sound(walk: Walk, address: str) -> None:
    walk.page.set_viewport_size({"width": 1280, "height": 900})
    walk.said.clear()
    walk.goto(address)
    assert walk.faults() == []
    walk.page.emulate_media(color_scheme="dark")
    assert walk.faults() == []  # colours are others there, and nothing else
    walk.page.emulate_media(color_scheme="light")
    walk.page.set_viewport_size({"width": 360, "height": 800})
    wide = walk.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} pixels too wide on a small screen"
    # What a hostile e-mail tries in its frame is refused there, aloud.
    assert [each for each in walk.said if "/templates/frames/" not in each] == []


def test_the_way_in_is_sound(browser: Browser, walk: Walk) -> None:
    context = browser.new_context()
    other = Walk(walk.server, "", context, context.new_page())
    try:
        other.goto("/console/sign-in")
        assert other.faults() == []
        other.goto("/console/welcome/nothing")
        assert other.faults() == []
    finally:
        context.close()
