"""A story in a real browser: a segment is built by clicking and by writing, and each follows the other."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

import ethogram as eg
from console.walking import chromium, walking
from web.browser import CHROMIUM, MISSING

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)


def _shop(place: Path) -> None:
    eg.init(place).close()
    now = dt.datetime.now(dt.UTC)
    lines = [
        {
            "profile_id": f"p{who}",
            "event": "purchase" if n else "visit",
            "timestamp": (now - dt.timedelta(days=who % 30, hours=n)).isoformat(),
            **({"category": "tv" if who % 2 else "books", "amount": 10 * n} if n else {}),
        }
        for who in range(60)
        for n in range(who % 4 + 1)
    ]
    (place / "events.jsonl").write_text("\n".join(map(json.dumps, lines)))
    people = [{"profile_id": f"p{who}", "plan": "pro" if who % 3 == 0 else "free"} for who in range(60)]
    (place / "people.jsonl").write_text("\n".join(map(json.dumps, people)))
    with eg.open(place) as workspace:
        workspace.load_events(place / "events.jsonl")
        workspace.load_profiles(place / "people.jsonl")
        workspace.segments.save("pros", "plan = 'pro'")
        workspace.segments.save("buyers", "did(purchase)")
        workspace.run()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser that is signed in; what it complains of fails the last test."""
    place = tmp_path_factory.mktemp("story") / "shop"
    _shop(place)
    with chromium() as browser, walking(browser, place) as walk:
        walk.begin()
        yield walk.page
        assert walk.said == []


def _open(page: Page, address: str) -> None:
    page.goto(page.url.partition("/console")[0] + address)


def _text(page: Page, expected: str) -> None:
    page.wait_for_function("wanted => document.getElementById('text').value === wanted", arg=expected)


def _counted(page: Page, count: int) -> None:
    page.wait_for_function(
        "wanted => document.querySelector('#size:not(.busy) .count strong')?.textContent === wanted", arg=str(count)
    )


def test_clicked_rows_write_the_text_and_count_people(page: Page) -> None:
    _open(page, "/console/segments/new")
    page.get_by_role("button", name="+ Event").click()
    page.get_by_label("Event", exact=True).fill("purchase")
    _text(page, "did(purchase)")
    _counted(page, 45)
    assert page.locator("#english").inner_text() == "People who did “purchase”."
    page.get_by_label("How", exact=True).select_option("count")
    page.get_by_label("Number", exact=True).fill("2")
    page.get_by_label("When").select_option("last")
    page.get_by_role("button", name="+ where").click()
    page.locator(".filter").get_by_label("Property", exact=True).fill("category")
    page.locator(".filter .value").fill("tv")
    _text(page, "count(purchase where category = 'tv' in last 30 days) >= 2")
    page.get_by_role("button", name="+ Trait").click()
    page.get_by_label("Trait", exact=True).fill("plan")
    page.locator(".condition.trait .value").fill("pro")
    _text(page, "count(purchase where category = 'tv' in last 30 days) >= 2 and plan = 'pro'")
    page.get_by_label("How they are joined").select_option("or")
    _text(page, "count(purchase where category = 'tv' in last 30 days) >= 2 or plan = 'pro'")


def test_a_row_that_lacks_something_says_so_and_leaves_the_text(page: Page) -> None:
    _open(page, "/console/segments/new?event=visit")
    page.get_by_role("button", name="+ Segment").click()
    page.get_by_label("Segment", exact=True).fill("")
    page.get_by_role("button", name="+ Trait").click()
    page.get_by_label("Trait", exact=True).fill("plan")
    page.wait_for_selector("#visual-problem:not([hidden])")
    assert "is missing" in page.locator("#visual-problem").inner_text()
    assert page.locator("#text").input_value() == "did(visit)"


def test_written_text_draws_the_rows_and_marks_what_is_wrong(page: Page) -> None:
    _open(page, "/console/segments/new")
    page.locator("#text").fill("did(purchse) and top(10%, count(visit))")
    page.wait_for_selector(".condition.text")
    assert page.get_by_label("Event", exact=True).input_value() == "purchse"
    assert "kept as it is" in page.locator(".condition.text").inner_text()
    assert page.locator("#behind mark").inner_text() == "purchse"
    page.get_by_role("button", name="Write purchase").click()
    _text(page, "did(purchase) and top(10%, count(visit))")
    page.wait_for_selector("#problems:empty", state="attached")
    page.locator("#text").fill("did(purchase")
    page.wait_for_selector("#problems .bad")
    page.get_by_role("button", name="Add )").click()
    _text(page, "did(purchase)")


def test_the_text_is_completed_with_the_keyboard_alone(page: Page) -> None:
    _open(page, "/console/segments/new")
    page.locator("#text").focus()
    page.keyboard.type("pl")
    page.wait_for_selector("#offers:not([hidden]) li")
    page.keyboard.press("ArrowDown")
    assert page.locator("#text").get_attribute("aria-activedescendant") == "offer-0"
    page.keyboard.press("Enter")
    _text(page, "plan")
    page.keyboard.type(" = ")
    page.wait_for_selector("#offers:not([hidden]) li:has-text(\"'free'\")")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    _text(page, "plan = 'free'")
    _counted(page, 40)
    page.keyboard.press("Control+ ")
    page.wait_for_selector("#offers:not([hidden]) li")
    page.keyboard.press("Escape")
    assert page.locator("#offers").is_hidden()
    assert page.locator("#text").input_value() == "plan = 'free'"


def test_a_draft_is_compared_saved_edited_and_taken_back(page: Page) -> None:
    _open(page, "/console/segments/new")
    page.locator("#text").fill("count(purchase) >= 2")
    _counted(page, 30)
    page.get_by_label("pros").check()
    page.wait_for_selector("#compared svg")
    page.get_by_label("buyers").check()
    page.wait_for_function("() => document.querySelectorAll('#compared circle.set').length === 3")
    page.get_by_label("Name", exact=True).fill("regulars")
    page.get_by_role("button", name="Save segment").click()
    page.wait_for_url("**/console/segments/regulars")
    _open(page, "/console/segments/buyers/edit")
    page.locator("#text").fill("count(purchase) >= 3")
    page.wait_for_selector("#size .moves")
    assert "−30 would leave" in page.locator("#size .moves").inner_text()
    page.get_by_role("button", name="Save segment").click()
    page.wait_for_url("**/console/segments/buyers")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_load_state()
    _open(page, "/console/segments/buyers/definition")
    assert page.locator("#text").inner_text() == "did(purchase)"
