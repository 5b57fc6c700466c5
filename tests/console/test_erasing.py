"""A person is erased in a real browser, as an admin would do it, on a server that was started as a user would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

import ethogram as eg
from console.walking import Walk, chromium, walking
from privacy.planted import left
from web.browser import CHROMIUM, MISSING

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
WHO, OTHER = "zqx-ann-4711", "bob"


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Walk, Path]]:
    folder = tmp_path_factory.mktemp("erasing")
    rows = [
        {"profile_id": who, "event": "purchase", "timestamp": "2026-03-01T10:00:00Z", "note": f"by {who}"}
        for who in (WHO, OTHER)
    ]
    (folder / "events.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with eg.init(folder / "shop") as workspace:
        workspace.load_events(folder / "events.jsonl")
        workspace.segments.save("buyers", "did(purchase)")
        workspace.run()
    with chromium() as browser, walking(browser, folder / "shop") as walked:
        yield walked, folder


def test_an_admin_exports_and_erases_somebody_for_ever(walk: tuple[Walk, Path]) -> None:
    at, folder = walk
    at.begin()
    page = at.goto("/console/people")
    page.get_by_role("link", name=WHO).first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    told = json.loads(download.value.path().read_text())
    assert [each["event"] for each in told["events"]] == ["purchase"]
    page.get_by_role("link", name="Erase").click()
    expect(page.get_by_role("heading", name="What is removed")).to_be_visible()
    assert at.faults() == []
    page.get_by_label("Why, without naming anybody").fill("asked by letter")
    page.get_by_label("Type the id to confirm").fill("somebody else")
    page.get_by_role("button", name="Erase for ever").click()
    expect(page.get_by_text("That is another id, so nothing was erased.")).to_be_visible()
    page.get_by_label("Type the id to confirm").fill(WHO)
    page.get_by_role("button", name="Erase for ever").click()
    expect(page).to_have_url(re.compile(r"/console/erasures/1$"))
    expect(page.get_by_role("heading", name="Done: nothing of this person is left.")).to_be_visible(timeout=60_000)
    assert at.faults() == []
    at.page.goto(at.server.url + f"/console/people/{WHO}")
    expect(page.get_by_text("there is no profile")).to_be_visible()
    at.goto(f"/console/people/{OTHER}")
    expect(page.get_by_role("heading", name=OTHER)).to_be_visible()
    assert left(folder / "shop", [WHO.encode()]) == []
