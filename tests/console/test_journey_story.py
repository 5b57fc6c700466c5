"""A story in a real browser: a small journey is built on the canvas, checked as it grows, saved, and looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

import ethogram as eg
from console.walking import chromium, walking
from ethogram.engagement import Definitions
from web.browser import CHROMIUM, MISSING

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)


def test_a_journey_is_built_on_the_canvas(tmp_path: Path) -> None:
    place = tmp_path / "shop"
    eg.init(place).close()
    with Definitions(place) as definitions:
        definitions.save("template", "hello", {"channel": "email", "subject": "Hello", "text": "{{ unsubscribe_url }}"})
    with chromium() as browser, walking(browser, place) as walk:
        walk.begin()
        page = walk.goto("/console/journeys/new")
        page.locator("#f-name").fill("greeting")
        page.locator("#f-entry-event").fill("signup")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.getElementById('f-text').value.includes('event: signup')")

        page.get_by_label("Add a step here").first.click()
        page.locator(".plus[open]").get_by_role("button", name="Wait for something").click()
        page.locator("#f-wait-event").fill("purchase")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.getElementById('f-text').value.includes('event: purchase')")
        page.locator("[data-node=wait] .plus summary").nth(1).click()
        page.locator(".plus[open]").get_by_role("button", name="Message").click()
        page.locator("#f-template").select_option("hello")
        page.get_by_label("Then: it happened").wait_for(state="detached")
        page.get_by_text("Nothing is wrong with it.").wait_for()
        assert page.locator(".nodes.drawn > .node").count() == 3
        assert walk.faults() == []

        page.locator("#f-text").fill(page.locator("#f-text").input_value().replace("3 days", "soon"))
        page.locator(".problem").wait_for()
        page.locator("#f-text").fill(page.locator("#f-text").input_value().replace("soon", "2 days"))
        page.get_by_text("not within 2 days").wait_for()
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/console/journeys/greeting")
        page.get_by_role("link", name="wait").first.click()
        page.get_by_role("heading", name="People at wait").wait_for()
        assert walk.faults() == []
        assert walk.said == []
