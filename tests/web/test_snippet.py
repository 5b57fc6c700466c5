"""The files that browsers load from here, and the standard Segment HTML snippet with only its host changed."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import vendor_analytics
from ethogram.errors import SettingError
from ethogram.web.snippet import FILES, LOADER, MESSAGES, SCRIPT, STATIC, VENDOR, WORKER, settings
from web.browser import CHROMIUM, MISSING, Browser, Page
from web.browser_site import Answer, Site

in_browser = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
SNIPPET = (Path(__file__).parent / "segment_snippet" / "snippet.js").read_text(encoding="utf-8")
SEGMENT = "https://cdn.segment.com"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.open()
    yield page
    browser.forget(page)


def _html(site: Site, body: str = "") -> str:
    assert SNIPPET.count(SEGMENT) == 1
    script = SNIPPET.replace(SEGMENT, site.collector).replace("YOUR_WRITE_KEY", "wk_demo")
    return f"<!doctype html><title>Checkout</title><script>{script}</script><body>{body}"


# --- in the browser -----------------------------------------------------------------------------------------------


@pytest.mark.outside
@in_browser
def test_the_snippet_works_with_only_its_host_changed_from_another_origin(site: Site, page: Page) -> None:
    site.page("/checkout", _html(site))
    page.goto(f"{site.other}/checkout?utm_source=news")
    view = site.call("page")
    page.run(
        "analytics.identify('u1', { email: 'a@example.com' }), analytics.track('Order Completed', { total: 9 }), 0"
    )
    page.run("analytics.group('g1', { plan: 'pro' }), analytics.alias('u2', 'u1'), analytics.screen('Home'), 0")
    order = site.call("Order Completed")
    for name in ("identify", "group", "alias", "screen"):  # they arrive in any order
        site.call(name)
    assert {posted.path for posted in site.posted} == {"/v1/p", "/v1/i", "/v1/t", "/v1/g", "/v1/a", "/v1/s"}
    assert (order["writeKey"], order["userId"], order["properties"]) == ("wk_demo", "u1", {"total": 9})
    assert order["anonymousId"] == view["anonymousId"]
    assert view["properties"]["title"] == "Checkout"
    assert site.asked[:3] == [
        "GET /checkout",
        "GET /analytics.js/v1/wk_demo/analytics.min.js",
        "GET /v1/projects/wk_demo/settings",
    ]
    assert [text for text in page.said if text.startswith("error:")] == []


@pytest.mark.outside
@in_browser
def test_the_bundles_that_the_loader_asks_for_are_there(site: Site, page: Page) -> None:
    site.page("/", _html(site, '<a id="link" href="/next">Next</a>'))
    site.page("/next", "<!doctype html><title>No script here</title>")
    page.goto(f"{site.collector}/?ajs_uid=u9&ajs_event=Clicked%20Email&ajs_prop_x=1")
    assert site.call("identify")["userId"] == "u9"
    assert site.call("Clicked Email")["properties"] == {"x": "1"}
    page.run("new Promise((done) => analytics.ready(done)).then(() => 0)")
    page.run("analytics.trackLink(document.querySelector('#link'), 'Link Followed').then(() => 0)")
    page.click("#link")
    site.call("Link Followed")
    bundles = [each for each in site.asked if "/bundles/" in each]
    assert {re.sub(r"\..*", "", each.rpartition("/")[2]) for each in bundles} == {"queryString", "auto-track"}
    assert not [text for text in page.said if "404" in text]


@pytest.mark.outside
@in_browser
def test_nothing_is_asked_of_segments_own_hosts(site: Site, page: Page) -> None:
    page.on_new_documents(
        "{ const original = window.fetch; window.asked = [];"
        " window.fetch = (...given) => { window.asked.push(String(given[0])); return original(...given) } }"
    )
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.call("page")
    page.run("analytics.track('One'), 0")
    site.call("One")
    page.settle()
    asked = page.run("window.asked.concat(performance.getEntriesByType('resource').map((each) => each.name))")
    assert [each for each in asked if not each.startswith(site.collector)] == []
    assert len(asked) >= 4


@pytest.mark.outside
@in_browser
def test_a_busy_collector_gets_the_same_message_again(site: Site, page: Page) -> None:
    site.answers = [Answer(429, {"Retry-After": "1"})]
    site.page("/", _html(site))
    page.goto(f"{site.other}/")
    site.wait(lambda: len(site.posted) == 2, "a second attempt")
    assert len({call["messageId"] for call in site.calls}) == 1


# --- what is served -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [SCRIPT, MESSAGES, WORKER])
def test_each_script_is_smaller_than_six_kilobytes_on_the_wire_and_evaluates_no_text(script: Path) -> None:
    text = script.read_bytes()
    assert len(gzip.compress(text, 6)) < 6 * 1024
    assert not re.search(rb"\beval\b|new Function|innerHTML|document\.write|import\s*\(|https?://(?!HOST)", text)


def test_the_vendored_files_are_those_of_the_manifest_with_version_and_licence() -> None:
    assert vendor_analytics.differences() == []
    manifest = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["package"] == "@segment/analytics-next"
    assert manifest["licence"] == "MIT"
    assert "The MIT License" in (VENDOR / "LICENSE").read_text(encoding="utf-8")
    first = LOADER.read_text(encoding="utf-8").partition("\n")[0]
    assert manifest["version"] in first


def test_a_changed_vendored_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in VENDOR.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "analytics.min.js").write_bytes(b"// changed")
    (tmp_path / "LICENSE").unlink()
    (tmp_path / "more.js").touch()
    monkeypatch.setattr(vendor_analytics, "FOLDER", tmp_path)
    assert vendor_analytics.differences() == [
        "LICENSE is missing",
        "more.js is not in the manifest",
        "analytics.min.js has another checksum than the manifest says",
    ]


def test_the_vendored_code_ends_in_no_pointer_to_a_map_that_is_not_there() -> None:
    for path in FILES.values():
        assert b"sourceMappingURL" not in path.read_bytes()


def test_every_path_leads_to_a_shipped_file_and_every_bundle_has_a_path() -> None:
    assert all(path.is_file() and path.is_relative_to(STATIC) for path in FILES.values())
    assert {path for path in FILES.values() if path.parent == VENDOR} == set(VENDOR.glob("*.js"))
    assert {"/ethogram.js", "/analytics.js/v1/{write_key}/analytics.min.js"} < FILES.keys()
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in FILES.values()}
    assert len(digests) == len(FILES) == 6


@pytest.mark.parametrize(
    ("host", "protocol", "api_host"),
    [
        ("https://events.example.com", "https", "events.example.com/v1"),
        ("http://127.0.0.1:8000/", "http", "127.0.0.1:8000/v1"),
        ("https://example.com/tracking/", "https", "example.com/tracking/v1"),
    ],
)
def test_the_settings_document_names_this_server(host: str, protocol: str, api_host: str) -> None:
    document = settings("wk_demo", host)
    segment = document["integrations"]["Segment.io"]
    assert (segment["apiKey"], segment["protocol"], segment["apiHost"]) == ("wk_demo", protocol, api_host)
    assert document["metrics"]["sampleRate"] == 0
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("host", ["events.example.com", "javascript:alert(1)", "https://", "ftp://example.com", ""])
def test_a_host_that_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(SettingError, match=re.escape(f"the host `{host}`")):
        settings("wk_demo", host)
