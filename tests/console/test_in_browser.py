"""Every page in a real browser: nothing wrong for a screen reader, nothing refused by the policy, nothing too wide."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from console.hostile import hostile
from console.test_every_page import pages
from console.walking import Walk, chromium, walking
from ethogram.clock import ManualClock
from ethogram.model.spreadsheets import formula_proof
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


def cells(page: Page, column: int) -> list[str]:
    """The texts of a column's rows that are shown."""
    return [each.strip() for each in page.locator(f"tbody tr:visible > :nth-child({column})").all_inner_texts()]


def test_a_table_is_sorted_narrowed_shared_and_kept(walk: Walk) -> None:
    page = walk.goto("/console/traits")
    names = cells(page, 1)
    assert len(names) >= 8
    page.get_by_role("button", name="Name").click()
    risen = cells(page, 1)
    assert sorted(risen) == sorted(names)
    assert page.get_by_role("columnheader", name="Name").get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="Name").click()
    assert cells(page, 1) == risen[::-1]
    rows = page.locator("tbody tr").all_text_contents()
    page.get_by_label("Rows that contain").fill("Alert(")  # in any case
    narrowed = cells(page, 1)
    assert narrowed == [name for name, row in zip(risen[::-1], rows, strict=True) if "alert(" in row]
    assert 0 < len(narrowed) < len(names)
    shared = walk.context.new_page()
    shared.goto(page.url)
    assert cells(shared, 1) == narrowed
    assert shared.get_by_label("Rows that contain").input_value() == "Alert("
    shared.close()
    with page.expect_download() as kept:
        page.get_by_role("button", name="CSV").click()
    with kept.value.path().open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.DictReader(file))
    assert [each["Name"] for each in written] == [formula_proof(name) for name in narrowed]
    page.get_by_role("button", name="Name").click()  # a third time: as it was
    page.get_by_label("Rows that contain").fill("")
    assert cells(page, 1) == names
    assert "table." not in page.url
    assert walk.faults() == []


def test_numbers_are_sorted_as_numbers_and_formulas_are_none_in_a_file(walk: Walk) -> None:
    page = walk.goto("/console/traits")
    page.evaluate(
        """() => {
          const cell = (row, text) => Object.assign(row.insertCell(), {textContent: text});
          const table = document.querySelector("main").appendChild(document.createElement("table"));
          table.id = "made";
          const heading = table.createTHead().insertRow();
          for (const title of ["What", "How many"])
            heading.appendChild(Object.assign(document.createElement("th"), {textContent: title}));
          const body = table.createTBody();
          for (const [what, many] of [["=1+1", "9"], ["@b", "1,200"], ["-3", "–"], ['say "x", y', "85"]]) {
            const row = body.insertRow();
            cell(row, what);
            cell(row, many);
          }
          document.dispatchEvent(new Event("htmx:after:swap"));
        }"""
    )
    made = page.locator("#made tbody tr > :nth-child(2)")
    page.get_by_role("button", name="How many").click()
    assert made.all_inner_texts() == ["9", "85", "1,200", "–"]
    page.get_by_role("button", name="How many").click()
    assert made.all_inner_texts() == ["1,200", "85", "9", "–"]  # what is not known comes last either way
    with page.expect_download() as kept:
        page.get_by_role("button", name="CSV").last.click()
    with kept.value.path().open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["What", "How many"], ["'@b", "1,200"], ['say "x", y', "85"], ["'=1+1", "9"], ["-3", "–"],
        ]  # fmt: skip


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
