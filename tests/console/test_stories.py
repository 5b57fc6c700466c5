"""The main stories, walked in a real browser on a server that was started as a user would."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import ethogram as eg
from console.walking import Walk, chromium, walking
from ethogram.collecting import Keys
from ethogram.engagement import Definitions
from web.browser import CHROMIUM, MISSING

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
BASIC = {"Authorization": "Basic d2tfZGVtbzo="}  # the key `wk_demo`


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def empty(browser: Browser, tmp_path: Path) -> Iterator[Walk]:
    eg.init(tmp_path / "shop").close()
    with walking(browser, tmp_path / "shop") as walk:
        yield walk


@pytest.fixture
def shop(browser: Browser, tmp_path: Path) -> Iterator[Walk]:
    """A shop with buyers, a segment that is live, a template, a channel that only notes what it is given."""
    place = tmp_path / "shop"
    now = dt.datetime.now(dt.UTC)
    eg.init(place).close()
    with Keys(place) as keys:
        keys.add("write", value="wk_demo")
    with eg.open(place) as ws:
        sales(tmp_path / "sales.csv", now)
        ws.load_events(tmp_path / "sales.csv", mapping={"event": "what"})
        people = "".join(f"c{number:02}@shop.example,c{number:02}@shop.example\n" for number in range(20))
        (tmp_path / "people.csv").write_text("profile_id,email\n" + people)
        ws.load_profiles(tmp_path / "people.csv")
        ws.segments.save("buyers", "count(purchase in last 30 days) >= 2")
        ws.segments.save("searchers", "did(searched in last 1 hour)")
        ws.run()
    with Definitions(place) as definitions:
        definitions.save("provider", "test", {"channel": "email", "kind": "recording"})
        definitions.save("template", "hello", {"channel": "email", "subject": "Hello", "html": "<p>Hello you</p>"})
    with walking(browser, place) as walk:
        walk.begin()
        yield walk


def sales(path: Path, now: dt.datetime) -> None:
    """Some purchases of twenty people, the first five bought twice."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["customer", "what", "when", "amount"])
        for number in range(25):
            at = now - dt.timedelta(days=1, hours=number)
            rows.writerow([f"c{number % 20:02}@shop.example", "purchase", at.isoformat(), 10 + number])


def test_a_first_visit_ends_with_a_segment_from_a_dropped_file(empty: Walk, tmp_path: Path) -> None:
    walk, page = empty, empty.page
    walk.begin()
    expect(page.get_by_role("heading", name="Bring in what people do")).to_be_visible()
    sales(tmp_path / "sales.csv", dt.datetime.now(dt.UTC))
    page.get_by_label("Drop a file here, or choose one").set_input_files(tmp_path / "sales.csv")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_label("Who (an id)")).to_have_value("customer")
    expect(page.get_by_label("When", exact=True)).to_have_value("when")
    page.get_by_label("What they did").select_option("what")
    page.get_by_role("button", name="Load it").click()
    expect(page.get_by_text("Stored", exact=True)).to_be_visible()
    expect(page.get_by_text("25", exact=True)).to_be_visible()
    page.get_by_role("button", name="Apply the ready segments that fit").click()
    expect(page.get_by_role("heading", name="segments are ready")).to_be_visible()
    page.get_by_role("link", name="repeat-buyers", exact=True).click()
    expect(page.get_by_role("heading", name="repeat-buyers")).to_be_visible()
    assert walk.said == []


def test_a_change_appears_while_the_page_is_open(shop: Walk) -> None:
    page = shop.goto("/console/live")
    expect(page.get_by_text("Listening")).to_be_visible()
    sent = {"userId": "c19@shop.example", "event": "searched", "messageId": "m1", "properties": {"for": "<b>tea</b>"}}
    assert shop.server.send("/v1/track", sent, BASIC).status == 200
    expect(page.locator("#events")).to_contain_text("searched")
    expect(page.locator("#events")).to_contain_text("<b>tea</b>")
    expect(page.locator("#changes")).to_contain_text("entered")
    expect(page.locator("#changes")).to_contain_text("searchers")
    assert shop.said == []


def test_why_and_why_not(shop: Walk) -> None:
    page = shop.goto("/console/people?q=c02")
    page.get_by_role("link", name="c02@shop.example").click()
    page.get_by_role("link", name="Segments", exact=False).nth(1).click()
    page.get_by_label("Why, or why not?").select_option("buyers")
    expect(page.get_by_text("not in", exact=True).or_(page.get_by_text("in", exact=True)).first).to_be_visible()
    page.goto(shop.server.url + "/console/people/c15%40shop.example/segments?segment=buyers")
    expect(page.get_by_text("not in", exact=True)).to_be_visible()
    expect(page.locator(".missing").first).to_be_visible()
    assert shop.said == []


def test_a_campaign_is_looked_at_and_started(shop: Walk) -> None:
    page = shop.goto("/console/campaigns/new?segment=buyers")
    page.get_by_label("Name", exact=True).fill("thanks")
    page.get_by_label("Template", exact=True).select_option("hello")
    page.get_by_label("Held out (per cent)").fill("0")
    page.get_by_label("Event that it hopes for").fill("purchase")
    page.get_by_label("Within").fill("7 days")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="thanks")).to_be_visible()
    expect(page.get_by_text("Would get it")).to_be_visible()
    shop.settle()
    assert page.locator(".stat", has_text="Would get it").locator("dd").first.inner_text().strip() == "5"
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Started.")).to_be_visible()
    for _ in range(60):  # the server decides and sends meanwhile
        shop.goto("/console/campaigns/thanks")
        sent = page.locator(".stat", has_text="Sent")
        if sent.count() and sent.locator("dd").first.inner_text().strip() == "5":
            break
    else:
        pytest.fail(page.inner_text("main"))
    shop.goto("/console/outbox?campaign=thanks")
    assert page.get_by_role("row").count() == 6
    assert shop.said == []


def test_a_person_is_exported_as_a_file(shop: Walk) -> None:
    page = shop.goto("/console/people/c01%40shop.example")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert '"purchase"' in Path(download.value.path()).read_text("utf-8")


def test_the_console_is_used_by_keyboard_alone(shop: Walk) -> None:
    page = shop.goto("/console/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("c01")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/search?q=c01")
    expect(page.get_by_role("link", name="c01@shop.example")).to_be_visible()
