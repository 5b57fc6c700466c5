"""Tracked links over HTTP: they lead where a message of ours did, and who came is an event."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from ethogram.clock import ManualClock
from ethogram.collect.inbound.receive import Source
from ethogram.collecting import open_ledger
from ethogram.deliver import links, receipts
from ethogram.deliver.links import Link, Purpose, Signer
from ethogram.model.message import Channel, Eligible, Maker, Origin, State, Wanted
from ethogram.receiving import Delivery, Mapped, Receiver, Refused, WebhookSources
from ethogram.store import outbox, outbox_claims, requests, suppressions
from ethogram.store.ledger import Ledger
from ethogram.tracking import Tracking
from ethogram.web.tracking import Tracked
from web.running import workspace

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MESSAGE = Wanted(Origin(Maker.CAMPAIGN, "spring", 1, "once"), "p1", Channel.EMAIL, "hello", NOW)
PERSON = [(b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]


class Site:
    """The application, its ledger, and what signs its links."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(NOW + dt.timedelta(minutes=10))
        self.tracking = Tracking(path, clock=self.clock)
        self.app = Tracked(self.tracking)
        self.ledger: Ledger = open_ledger(path)
        self.signer: Signer = links.signer(self.ledger.database)

    def address(self, url: str = "", number: int = 1) -> str:
        purpose = Purpose.CLICK if url else Purpose.OPEN
        return self.signer.address("", Link(purpose, MESSAGE.id, number if url else 0, url))

    def get(self, path: str, method: str = "GET", headers: Any = None) -> tuple[int, dict[str, str], bytes]:
        said: list[MutableMapping[str, Any]] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            said.append(message)

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request"}

        scope = {"type": "http", "path": path, "method": method, "headers": PERSON if headers is None else headers}
        asyncio.run(self.app(scope, receive, send))
        start, body = said
        return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"]

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        receipts.tell(self.ledger.database, self.clock.now())
        with self.ledger.database.reading() as connection:
            facts = [each.facts[0] for row in requests.waiting(connection, 100) for each in row.messages]
        return [(fact.event, json.loads(fact.content)) for fact in facts if not fact.event.endswith("_sent")]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(workspace(tmp_path / "shop"))
    with made.ledger.database.writing() as connection:
        outbox.append(connection, [(MESSAGE, Eligible())], NOW)
        (message,) = outbox_claims.claim(connection, Channel.EMAIL, NOW, dt.timedelta(minutes=1), "t", most=1)
        outbox_claims.begin(connection, "t", {message.number: "p1@shop.example"})
        outbox_claims.record(connection, "t", [outbox_claims.Result(message.number, State.SENT)], NOW)
    yield made
    made.tracking.close()
    made.ledger.close()


def test_a_link_leads_where_the_message_did_and_the_click_is_an_event(site: Site) -> None:
    url = "https://shop.example/sök?q=röd&utm_source=mail#top"
    status, headers, _ = site.get(site.address(url, 3))
    assert (status, headers["location"]) == (
        302, "https://shop.example/s%C3%B6k?q=r%C3%B6d&utm_source=mail#top",
    )  # fmt: skip
    assert "no-store" in headers["cache-control"]
    ((event, said),) = site.told()
    assert (event, said["url"], said["link"], said["campaign"]) == ("email_clicked", url, 3, "spring")
    assert "machine" not in said


def test_the_pixel_is_a_picture_and_the_open_is_an_event(site: Site) -> None:
    address = site.address()
    status, headers, body = site.get(address)
    assert (status, headers["content-type"], body[:6]) == (200, "image/gif", b"GIF89a")
    assert site.get(address + ".gif")[2] == body
    assert [event for event, _ in site.told()] == ["email_opened"]


def test_nothing_leads_anywhere_else(site: Site) -> None:
    good = site.address("https://shop.example/")
    for bad in (
        good[:-2] + "zz",
        good.replace("/l/", "/l/x"),
        "/l/https://evil.example/",
        "/l/",
        "/l/" + site.address().removeprefix("/o/"),  # a pixel's token is no link's
        site.address("javascript:alert(1)"),
        site.address("//evil.example/"),
    ):
        status, headers, _ = site.get(bad)
        assert status == 404, bad
        assert "location" not in headers
    foreign = Signer([b"x" * 32]).address("", Link(Purpose.CLICK, MESSAGE.id, 1, "https://evil.example/"))
    assert site.get(foreign)[0] == 404
    assert site.get("/o/nothing.gif")[0] == 200
    assert site.get(good, "POST")[0] == 405
    assert site.told() == []


def test_whoever_only_looks_is_marked_as_a_machine(site: Site) -> None:
    status, headers, body = site.get(site.address("https://shop.example/"), "HEAD")
    assert (status, headers["location"], body) == (302, "https://shop.example/", b"")
    site.get(site.address(), headers=[(b"user-agent", b"Mozilla/5.0")])
    assert sorted((event, said.get("machine")) for event, said in site.told()) == [
        ("email_clicked", True), ("email_opened", True),
    ]  # fmt: skip


def test_a_providers_webhook_about_our_message_comes_back_with_its_campaign_and_suppresses(
    site: Site, tmp_path: Path
) -> None:
    place = tmp_path / "shop"
    with WebhookSources(place, clock=site.clock) as sources:
        _, secret = sources.add("sg", ready="sendgrid", trust="token")
    said = {"email": "p1@shop.example", "timestamp": int(NOW.timestamp()), "sg_message_id": "x.filter1.2"}
    body = json.dumps(
        [
            {
                **said,
                "event": "bounce",
                "type": "bounce",
                "sg_event_id": "a",
                "smtp-id": f"<{MESSAGE.id}@shop.example>",
            },
            {**said, "event": "open", "sg_event_id": "b", "smtp-id": "<somebody@else.example>"},
        ]
    ).encode()
    receiver = Receiver(place, clock=site.clock)
    try:
        assert receiver.read_sources() is None
        source = receiver.known("sg")
        assert isinstance(source, Source)
        for _ in range(2):  # providers repeat themselves
            found = asyncio.run(receiver.received(source, Delivery(body, {}, (str(secret),))))
            assert isinstance(found, Mapped)
            assert [call["event"] for call in found.calls] == ["email_opened"]
        forged = asyncio.run(receiver.received(source, Delivery(body, {}, ("guessed",))))
        assert isinstance(forged, Refused)
    finally:
        receiver.close()
    ((event, content),) = site.told()
    assert (event, content["campaign"], content["bounce"]) == ("email_bounced", "spring", "hard")
    with site.ledger.database.reading() as connection:
        assert suppressions.among(connection, Channel.EMAIL, ["p1@shop.example"]) == {"p1@shop.example": "bounced"}
