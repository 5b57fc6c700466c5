"""Clients from npm against a running server, in node and in Chromium: what they send is stored, once, over kills."""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from web.browser import CHROMIUM, MISSING, Browser, Page
from web.browser_site import Site
from web.here import until
from web.npm import CLIENTS, clients
from web.running import KEY, Server, stored, workspace

pytestmark = pytest.mark.outside
in_browser = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
SNIPPET = (Path(__file__).parent / "segment_snippet" / "snippet.js").read_text(encoding="utf-8")


def kept(place: Path) -> int:
    """How many messages a running server has on disk."""
    with sqlite3.connect(f"file:{place / 'ledger.sqlite'}?mode=ro", uri=True) as ledger:
        return int(ledger.execute("SELECT count(*) FROM received").fetchone()[0])


def restarted(server: Server, place: Path, *, politely: bool) -> Server:
    """Another server at the same address."""
    if politely:
        assert server.stop() == 0
    server.kill()
    return Server(place, port=server.port)


# --- node ------------------------------------------------------------------------------------------------------------

SENT = 400


def test_what_the_node_client_sends_over_a_kill_and_a_restart_is_stored_once(tmp_path: Path) -> None:
    modules = clients()
    place = workspace(tmp_path / "shop")
    server = Server(place)
    senders = [
        subprocess.Popen(
            ["node", str(CLIENTS / "send.cjs"), server.url, str(SENT), packing],
            env={**os.environ, "NODE_PATH": str(modules)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for packing in ("plain", "gzip")
    ]
    for sender in senders:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "under way\n"
    server = restarted(server, place, politely=False)
    until(lambda: kept(place) >= SENT)
    server = restarted(server, place, politely=True)
    assert [sender.communicate(timeout=90)[0] for sender in senders] == ["done\n"] * 2
    server.settle()
    assert server.stop() == 0
    server.kill()
    found = stored(place, columns="message_id, event, toString(ts), properties_text")
    assert [each[0] for each in found] == sorted(f"{name}-{at:04d}" for name in ("plain", "gzip") for at in range(SENT))
    for id, event, ts, text in found:
        at, said = int(id.partition("-")[2]), json.loads(text)
        assert (event, said["at"], said["name"]) == ("Bought", at, f'é☃😀 "{at}"')
        # What lies between sending and receiving is taken for a wrong clock of the sender's.
        late = dt.datetime.fromisoformat(ts) - dt.datetime(2026, 1, 1) - dt.timedelta(seconds=at)
        assert dt.timedelta(seconds=-1) < late < dt.timedelta(minutes=1)


# --- in the browser --------------------------------------------------------------------------------------------------

VIEWS = 60
RECORD = "analytics.addSourceMiddleware(({ payload, next }) => { ids.push(payload.obj.messageId); next(payload) });"
SEND = """
(async () => { for (let at = BEGIN; at < END; at++) {
  analytics.track("Viewed in " + window.how, { at, name: "é☃😀" });
  await new Promise((done) => setTimeout(done, 10)) } })().then(() => 0)
"""


def bundle(*path: str) -> str:
    """A bundle of an npm package, to be run in a page."""
    return clients().joinpath(*path).read_text(encoding="utf-8").partition("//# sourceMappingURL")[0] + "\n;0"


def with_npm_bundle(server: Server, page: Page, strategy: str) -> None:
    page.run(bundle("@segment", "analytics-next", "dist", "umd", "index.js"))
    settings = {
        "apiHost": server.url.removeprefix("http://") + "/v1",
        "protocol": "http",
        "deliveryStrategy": {"strategy": strategy, "config": {"size": 7, "timeout": 200}},
    }
    page.run(
        f"window.ids = []; window.analytics = AnalyticsNext.AnalyticsBrowser.load("
        f"{{ writeKey: '{KEY}', cdnURL: '{server.url}' }},"
        f" {{ integrations: {{ 'Segment.io': {json.dumps(settings)} }} }}); {RECORD} 0"
    )


def with_rudderstack(server: Server, page: Page) -> None:
    page.run(bundle("@rudderstack", "analytics-js", "dist", "npm", "modern", "bundled", "umd", "index.js"))
    page.run(
        "{ const loaded = window.rudderanalytics ?? window.RudderAnalytics ?? {};"
        " window.analytics = new loaded.RudderAnalytics();"
        f" analytics.load('{KEY}', '{server.url}', {{ configUrl: '{server.url}', lockIntegrationsVersion: true }}) }} 0"
    )


@in_browser
def test_what_clients_in_the_browser_send_over_kills_is_stored_once(
    tmp_path: Path, site: Site, browser: Browser
) -> None:
    place = workspace(tmp_path / "shop")
    server = Server(place)
    snippet = SNIPPET.replace("https://cdn.segment.com", server.url).replace("YOUR_WRITE_KEY", KEY)
    site.page("/plain", "<!doctype html><title>Shop</title>")
    site.page("/snippet", f"<!doctype html><title>Shop</title><script>window.ids = [];{snippet};{RECORD}</script>")
    pages = {name: browser.open() for name in ("snippet", "standard", "batching", "rudder")}
    for name, page in pages.items():
        page.goto(f"{site.other}/{'snippet' if name == 'snippet' else 'plain'}")
        page.run(f"window.how = '{name}'")
    with_npm_bundle(server, pages["standard"], "standard")
    with_npm_bundle(server, pages["batching"], "batching")
    with_rudderstack(server, pages["rudder"])

    def send(begin: int) -> None:
        for page in pages.values():
            page.run(SEND.replace("BEGIN", str(begin)).replace("END", str(begin + VIEWS // 4)))

    send(0)
    until(lambda: kept(place) >= 20)
    server.kill()
    send(VIEWS // 4)  # nobody is there
    server = Server(place, port=server.port)
    send(VIEWS // 2)
    server = restarted(server, place, politely=True)
    send(VIEWS // 4 * 3)
    # The page view of the snippet comes on top.
    until(lambda: kept(place) >= len(pages) * VIEWS + 1, 60)
    sent = {name: page.run("ids") for name, page in pages.items() if name != "rudder"}
    said = pages["rudder"].said
    for page in pages.values():
        browser.forget(page)
    server.settle()
    assert server.stop() == 0
    server.kill()
    found = stored(place, columns="message_id, event, properties_text")
    assert len({each[0] for each in found}) == len(found) == len(pages) * VIEWS + 1
    for name in pages:
        views = [(id, json.loads(text)) for id, event, text in found if event == f"Viewed in {name}"]
        assert sorted(view["at"] for _, view in views) == list(range(VIEWS)), name
        assert {view["name"] for _, view in views} == {"é☃😀"}
        if name in sent:
            assert {id for id, _ in views} <= set(sent[name])
    assert not [text for text in said if text.startswith("error:")]
