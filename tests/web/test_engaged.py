"""A running server sends real mail: from an event over HTTP to a mailbox, and what came of it back as events."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deliver.channels.smtp_stand import Server as Mailbox
from ethogram.engagement import Definitions
from web.running import Server, stored
from web.shop import MANAGE, shop


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    kept = Mailbox()
    yield kept
    kept.close()


def wait(condition: Callable[[], object], what: str) -> None:
    patience = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < patience, f"not in time: {what}"
        time.sleep(0.05)  # another process works meanwhile


def put(server: Server, path: str, body: dict[str, Any] | None = None, method: str = "PUT") -> Any:
    answer = server.send(path, body, {**MANAGE, "Content-Type": "application/json"}, method=method)
    assert answer.status in (200, 201), answer.body
    return answer.json


@pytest.mark.outside
def test_an_abandoned_cart_is_reminded_of_by_mail_and_unsubscribing_ends_it(tmp_path: Path, mailbox: Mailbox) -> None:
    kept = mailbox.handler
    path = shop(tmp_path / "w")
    settings = path / "ethogram.toml"
    settings.write_text(settings.read_text() + 'allow_addresses = "127.0.0.0/8"\npublic_url = "http://news.example"\n')
    with Definitions(path) as opened:
        smtp = {"channel": "email", "kind": "smtp", "host": "127.0.0.1", "port": mailbox.port, "security": "none"}
        opened.save("provider", "mail", {**smtp, "sender": "Shop <news@shop.example>"})
    with Server(path) as server:
        put(server, "/api/topics/news", {})
        template = {
            "channel": "email",
            "subject": "Your {{ trigger.product }} waits",
            "html": "<p>Hi {{ first_name }}, <a href='https://shop.example/cart'>go on</a></p>",
        }
        put(server, "/api/templates/cart", template)
        campaign = {"channel": "email", "template": "cart", "topic": "news", "when": {"event": {"name": "cart"}}}
        put(server, "/api/campaigns/cart", campaign)
        put(server, "/api/campaigns/cart/start", method="POST")
        traits = {"email": "ann@example.com", "first_name": "Ann <b>"}
        server.send("/v1/identify", {"userId": "ann", "traits": traits})
        server.send("/v1/track", {"userId": "ann", "event": "cart", "properties": {"product": "tea"}})
        wait(lambda: kept.envelopes, "a mail")
        (mail,) = kept.messages
        assert (kept.envelopes[0].rcpt_tos, mail["Subject"]) == (["ann@example.com"], "Your tea waits")
        html = mail.get_body(("html",))
        assert html is not None
        said = html.get_content()
        assert "Hi Ann &lt;b&gt;" in said
        link = re.search(r'href="(http://news\.example/l/[^"]+)"', said)
        assert link is not None
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        clicked = server.send(link[1].removeprefix("http://news.example"), headers={}, method="GET")
        assert (clicked.status, clicked.headers["location"]) == (302, "https://shop.example/cart")
        one_click = mail["List-Unsubscribe"].strip("<>").removeprefix("http://news.example")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert server.send(one_click, b"List-Unsubscribe=One-Click", form).status == 200
        server.send("/v1/track", {"userId": "ann", "event": "cart", "properties": {"product": "pot"}})
        wait(lambda: _told(server), "what became of it")
        assert len(kept.messages) == 1
        counted = server.send("/metrics", headers=MANAGE, method="GET").body.decode()
        assert 'ethogram_messages_total{state="sent"} 1\n' in counted
        assert server.stop() == 0
    events = stored(path, columns="event, properties.campaign::String, properties.code::String")
    about = sorted(row for row in events if row[0].startswith("email_"))
    assert [row[0] for row in about] == ["email_clicked", "email_refused", "email_sent", "email_unsubscribed"]
    assert {row[1] for row in about} == {"cart"}
    assert about[1][2] == "unsubscribed"


def _told(server: Server) -> bool:
    """Whether everything that happened to messages is in the warehouse."""
    found = server.send("/api/events", headers=MANAGE, method="GET").json["events"]
    names = {each["name"] for each in found}
    return {"email_sent", "email_clicked", "email_unsubscribed", "email_refused"} <= names
