"""A running server asks for the second yes by real mail; only then the topic comes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deliver.channels.smtp_stand import Server as Mailbox
from web.running import Server
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


def ask(server: Server, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = server.send(path, body, {**MANAGE, "Content-Type": "application/json"}, method=method)
    assert answer.status in (200, 201), answer.body
    return answer.json


def states(server: Server) -> list[tuple[str, str | None]]:
    found = ask(server, "GET", "/api/outbox?campaign=cart")
    return [(each["state"], each["code"]) for each in reversed(found)]


@pytest.mark.outside
def test_a_subscription_counts_only_when_whoever_has_the_address_confirms_it(tmp_path: Path, mailbox: Mailbox) -> None:
    path = shop(tmp_path / "w")
    settings = path / "ethogram.toml"
    settings.write_text(settings.read_text() + 'allow_addresses = "127.0.0.0/8"\npublic_url = "http://news.example"\n')
    with Server(path) as server:
        smtp = {"channel": "email", "kind": "smtp", "host": "127.0.0.1", "port": mailbox.port, "security": "none"}
        ask(server, "PUT", "/api/providers/mail", {**smtp, "sender": "Shop <news@shop.example>"})
        ask(server, "PUT", "/api/topics/news", {"title": "Our news", "needs": "double_opt_in"})
        template = {"channel": "email", "subject": "Your cart", "text": "It waits. {{ unsubscribe_url }}"}
        ask(server, "PUT", "/api/templates/cart", template)
        campaign = {"channel": "email", "template": "cart", "topic": "news", "when": {"event": {"name": "cart"}}}
        ask(server, "PUT", "/api/campaigns/cart", campaign)
        ask(server, "POST", "/api/campaigns/cart/start")
        server.send("/v1/identify", {"userId": "ann", "traits": {"email": "ann@example.com"}})
        wait(lambda: server.send("/api/profiles/ann", headers=MANAGE, method="GET").status == 200, "her profile")
        yes = {"choices": [{"channel": "email", "topic": "news", "subscribed": True}]}
        assert ask(server, "PUT", "/api/consents/ann", yes)["asked"] == 1
        wait(lambda: mailbox.handler.messages, "the question")
        (question,) = mailbox.handler.messages
        assert (question["Subject"], mailbox.handler.envelopes[0].rcpt_tos) == (
            "Please confirm: Our news", ["ann@example.com"],
        )  # fmt: skip
        html = question.get_body(("html",))
        assert html is not None
        link = re.search(r'href="http://news\.example(/c/[^"]+)"', html.get_content())
        assert link is not None
        server.send("/v1/track", {"userId": "ann", "event": "cart"})
        wait(lambda: states(server), "the campaign")
        assert states(server) == [("refused", "not_subscribed")]
        assert b"Yes, subscribe me" in server.send(link[1], headers={}, method="GET").body
        server.send("/v1/track", {"userId": "ann", "event": "cart"})
        wait(lambda: len(states(server)) == 2, "the campaign again")
        assert states(server)[1] == ("refused", "not_subscribed"), "who looks at a link has not confirmed it"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert b"You are subscribed" in server.send(link[1], b"confirm=yes", form).body
        server.send("/v1/track", {"userId": "ann", "event": "cart"})
        wait(lambda: len(mailbox.handler.messages) == 2, "the news")
        assert mailbox.handler.messages[1]["Subject"] == "Your cart"
        assert server.stop() == 0
