"""Links in messages unsubscribe at once and without a login, and only when somebody asks for it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from ethogram import config
from ethogram.clock import ManualClock
from ethogram.collecting import open_ledger
from ethogram.config import Settings
from ethogram.deliver import confirming, links
from ethogram.deliver.links import Link, Purpose
from ethogram.errors import LedgerError
from ethogram.model.eligibility import Needs, Topic
from ethogram.model.message import Channel, Eligible, Maker, Origin, Wanted
from ethogram.store import (
    consents,
    definitions,
    message_events,
    outbox,
    outbox_claims,
    outbox_reading,
    suppressions,
    tables,
)
from ethogram.store.consents import Choice
from ethogram.store.ledger import Ledger
from ethogram.subscribing import Subscriptions
from ethogram.web.preferences.application import mounts
from web.here import Here, here

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
FORM = {"content-type": "application/x-www-form-urlencoded"}
ONE_CLICK = b"List-Unsubscribe=One-Click"


@dataclass(frozen=True, slots=True)
class Post:
    """A workspace that has sent messages, and the server that their links lead to."""

    ledger: Ledger
    server: Here

    def message(self, topic: str = "", person: str = "p1", address: str = "Ann@shop.example") -> str:
        """The id of an e-mail that was sent."""
        origin = Origin(Maker.CAMPAIGN, f"about {topic}", 1, person)
        wanted = Wanted(origin, person, Channel.EMAIL, "t", NOW, topic=topic)
        with self.ledger.database.writing() as connection:
            outbox.append(connection, [(wanted, Eligible())], NOW)
            (claimed,) = outbox_claims.claim(connection, Channel.EMAIL, NOW, dt.timedelta(minutes=5), "x", most=9)
            outbox_claims.begin(connection, "x", {claimed.number: address})
        return wanted.id

    def link(self, message_id: str, purpose: Purpose = Purpose.UNSUBSCRIBE) -> str:
        return links.PATHS[purpose] + links.signer(self.ledger.database).sign(Link(purpose, message_id))

    def said(self, person: str = "p1") -> dict[tuple[str, str], bool]:
        with self.ledger.database.reading() as connection:
            held = consents.holding(connection, [person]).get(person, {})
        return {about: choice.subscribed for about, choice in held.items()}

    def asked(self, topic: str = "news", person: str = "p1", address: str = "Ann@shop.example") -> str:
        """The id of the question that a yes has put into the outbox, which is sent."""
        with self.ledger.database.writing() as connection:
            yes = Choice(person, Channel.EMAIL, topic, True, NOW, "form", "v1")
            consents.append(connection, [yes], NOW)
            assert confirming.ask(connection, [yes], NOW) == 1
            (claimed,) = outbox_claims.claim(connection, Channel.EMAIL, NOW, dt.timedelta(minutes=5), "x", most=9)
            outbox_claims.begin(connection, "x", {claimed.number: address})
        return claimed.id

    def holds(self, person: str = "p1") -> Choice:
        with self.ledger.database.reading() as connection:
            (held,) = consents.holding(connection, [person])[person].values()
        return held

    def suppressed(self) -> dict[str, str]:
        with self.ledger.database.reading() as connection:
            return suppressions.among(connection, Channel.EMAIL, ["ann@shop.example"])

    def told(self, message_id: str) -> list[str]:
        with self.ledger.database.reading() as connection:
            number = outbox.numbers_of(connection, [message_id])[message_id]
            return [each.event for each in message_events.of_message(connection, number)]

    def topic(self, topic: Topic) -> None:
        with self.ledger.database.writing() as connection:
            definitions.save(connection, "topic", topic.name, topic.to_body(), NOW)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    config.write(tmp_path, Settings())
    with (
        open_ledger(tmp_path) as ledger,
        Subscriptions(tmp_path, clock=ManualClock(NOW)) as subscriptions,
        here(tmp_path, mounts=mounts(subscriptions)) as server,
    ):
        yield Post(ledger, server)


def test_one_click_unsubscribes_at_once_and_twice_is_the_same(post: Post) -> None:
    post.topic(Topic("news", "Our news"))
    id_ = post.message("news")
    for _ in range(2):
        answer = post.server.send(post.link(id_), ONE_CLICK, FORM | {"cookie": "session=somebody"})
        assert answer.status == 200
        assert "set-cookie" not in answer.headers
        assert "location" not in answer.headers
        assert post.said() == {("email", "news"): False}
    with post.ledger.database.reading() as connection:
        (choice,) = consents.history(connection, "p1")
    assert (choice.source, choice.at) == ("one-click", NOW)
    assert post.told(id_) == ["unsubscribed"]
    assert not post.suppressed()


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"--x\r\ncontent-disposition: form-data\r\n\r\n--x--", ONE_CLICK])
def test_any_post_to_the_link_unsubscribes(post: Post, body: bytes) -> None:
    assert post.server.send(post.link(post.message()), body, {"content-type": "multipart/form-data"}).status == 200
    assert post.said() == {("email", ""): False}


def test_looking_at_the_page_changes_nothing(post: Post) -> None:
    id_ = post.message("news")
    for method in ("GET", "HEAD"):
        answer = post.server.send(post.link(id_), None, {}, method=method)
        assert answer.status == 200
    assert not post.said()
    assert post.told(id_) == []


def test_a_message_without_topic_unsubscribes_from_the_channel_and_its_address(post: Post) -> None:
    post.server.send(post.link(post.message()), ONE_CLICK, FORM)
    assert post.said() == {("email", ""): False}
    assert post.suppressed() == {"ann@shop.example": "unsubscribed"}


def test_the_second_button_stops_everything(post: Post) -> None:
    id_ = post.message("news")
    page = post.server.send(post.link(id_), None, {}, method="GET").body.decode()
    assert 'value="everything"' in page
    answer = post.server.send(post.link(id_), b"scope=everything", FORM)
    assert "You receive no more messages by e-mail." in answer.body.decode()
    assert post.said() == {("email", ""): False}


def test_links_that_are_forged_for_something_else_or_of_nobody_lead_nowhere(post: Post) -> None:
    id_ = post.message("news")
    good = post.link(id_)
    foreign = links.PATHS[Purpose.UNSUBSCRIBE] + post.link(id_, Purpose.PREFERENCES).removeprefix("/p/")
    unknown = post.link("msg_" + "0" * 32)
    for path in (good[:-2], good + "A", foreign, unknown, "/u", "/u/", "/p/x", "/u/" + "x" * 7_000):
        for method, body in (("GET", None), ("POST", ONE_CLICK)):
            assert post.server.send(path, body, FORM, method=method).status == 404, path
    assert not post.said()
    assert post.server.send(good, b"", {}, method="DELETE").status == 405
    assert post.server.send(good, b"x" * 70_000, FORM).status == 413


def test_what_people_wrote_is_escaped_and_nothing_foreign_may_run(post: Post) -> None:
    evil = '"><script>alert(1)</script>'
    post.topic(Topic(f"n{evil}", evil, description=evil, channels=(Channel.EMAIL,)))
    id_ = post.message(f"n{evil}")
    for path in (post.link(id_), post.link(id_, Purpose.PREFERENCES)):
        answer = post.server.send(path, None, {}, method="GET")
        assert "<script" not in answer.body.decode()
        assert "&lt;script&gt;" in answer.body.decode()
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


def boxes(page: str) -> dict[str, bool]:
    found = re.findall(r'<input type="checkbox" name="on" value="([^"]*)"( checked)?>', page)
    return {value: bool(checked) for value, checked in found}


def test_the_preference_page_keeps_what_was_chosen_and_only_that(post: Post) -> None:
    post.topic(Topic("news", "Our news", channels=(Channel.EMAIL,)))
    post.topic(Topic.from_body("tips", {"title": "Tips", "needs": "double_opt_in", "channels": ["email", "sms"]}))
    path = post.link(post.message("news"), Purpose.PREFERENCES)
    page = post.server.send(path, None, {}, method="GET").body.decode()
    assert boxes(page) == {
        "email:news": True, "email:tips": False, "sms:tips": False, "email:": True, "sms:": True,
    }  # fmt: skip
    shown = [("shown", value) for value in boxes(page)]
    on = [("on", value) for value in ("email:tips", "sms:tips", "email:", "sms:", "push:invented")]
    answer = post.server.send(path, urlencode(shown + on).encode(), FORM)
    assert answer.status == 200
    assert "saved" in answer.body.decode()
    assert post.said() == {("email", "news"): False, ("email", "tips"): True, ("sms", "tips"): True}
    with post.ledger.database.reading() as connection:
        held = consents.holding(connection, ["p1"])["p1"]
    # Whoever came by an e-mail's link has that address; of the number nobody knows.
    assert (held["email", "tips"].confirmed, held["sms", "tips"].confirmed) == (True, False)
    assert held["email", "tips"].wording.startswith("preferences-")
    assert "not confirmed yet" in answer.body.decode()
    post.server.send(path, urlencode(shown + on).encode(), FORM)
    with post.ledger.database.reading() as connection:
        assert len(consents.history(connection, "p1")) == 3


def test_a_topic_that_the_page_did_not_show_is_left_as_it_is(post: Post) -> None:
    post.topic(Topic("news", channels=(Channel.EMAIL,)))
    path = post.link(post.message(), Purpose.PREFERENCES)
    post.server.send(path, urlencode([("shown", "email:"), ("on", "email:")]).encode(), FORM)
    assert not post.said()


def test_choosing_the_channel_again_sends_to_the_address_again_unless_it_bounced(post: Post) -> None:
    id_ = post.message()
    post.server.send(post.link(id_), ONE_CLICK, FORM)
    path = post.link(id_, Purpose.PREFERENCES)
    again = urlencode([("shown", "email:"), ("on", "email:")]).encode()
    post.server.send(path, again, FORM)
    assert post.said() == {("email", ""): True}
    assert not post.suppressed()
    with post.ledger.database.writing() as connection:
        suppressions.add(connection, Channel.EMAIL, ["ann@shop.example"], "complained", "provider", NOW)
    post.server.send(post.link(id_), ONE_CLICK, FORM)
    post.server.send(path, again, FORM)
    assert post.suppressed() == {"ann@shop.example": "complained"}


def test_whoever_was_joined_to_somebody_since_is_meant_as_well(post: Post) -> None:
    id_ = post.message(person="anonymous")
    with post.ledger.database.writing() as connection:
        connection.execute(tables.identities.insert(), [{"id": "anonymous", "profile_id": "known", "known": False}])
        consents.append(connection, [Choice("known", Channel.EMAIL, "", True, NOW - dt.timedelta(1), "api")], NOW)
    post.server.send(post.link(id_), ONE_CLICK, FORM)
    assert post.said("known") == post.said("anonymous") == {("email", ""): False}


def test_while_nothing_can_be_kept_nothing_is_said_to_be(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise LedgerError("down")

    monkeypatch.setattr(consents, "append", fails)
    answer = post.server.send(post.link(post.message()), ONE_CLICK, FORM)
    assert answer.status == 503
    assert answer.headers["retry-after"] == "2"
    assert "Nothing was changed" in answer.body.decode()


YES = b"confirm=yes"


def test_only_the_button_confirms_a_subscription(post: Post) -> None:
    post.topic(Topic("news", "Our <news>", needs=Needs.DOUBLE_OPT_IN))
    link = post.link(post.asked(), Purpose.CONFIRM)
    # What looks at links before people do: it asks with GET and HEAD, and some send an empty POST.
    for method, body in (("GET", None), ("HEAD", None), ("POST", b""), ("POST", ONE_CLICK), ("POST", b"confirm=no")):
        answer = post.server.send(link, body, FORM, method=method)
        assert (answer.status, post.holds().confirmed) == (200, False), (method, body)
    page = post.server.send(link, headers={}, method="GET")
    assert "“Our &lt;news&gt;” by e-mail" in page.body.decode()
    assert "form-action 'self'" in page.headers["content-security-policy"]
    for _ in range(2):
        assert b"You are subscribed" in post.server.send(link, YES, FORM).body
    held = post.holds()
    assert (held.confirmed, held.source, held.wording) == (True, "double-opt-in", "v1")


def test_what_was_confirmed_is_an_event_of_the_question(post: Post) -> None:
    post.topic(Topic("news", needs=Needs.DOUBLE_OPT_IN))
    id_ = post.asked()
    for _ in range(2):
        post.server.send(post.link(id_, Purpose.CONFIRM), YES, FORM)
    assert post.told(id_) == ["confirmed"]


def test_after_a_no_an_old_link_confirms_nothing(post: Post) -> None:
    post.topic(Topic("news", needs=Needs.DOUBLE_OPT_IN))
    link = post.link(post.asked(), Purpose.CONFIRM)
    with post.ledger.database.writing() as connection:
        consents.append(connection, [Choice("p1", Channel.EMAIL, "news", False, NOW, "api")], NOW)
    assert b"not asked any more" in post.server.send(link, YES, FORM).body
    assert not post.holds().subscribed


def test_a_link_that_is_too_old_or_of_another_message_confirms_nothing(post: Post) -> None:
    post.topic(Topic("news", needs=Needs.DOUBLE_OPT_IN))
    id_ = post.asked()
    with post.ledger.database.writing() as connection:
        messages = tables.messages
        old = NOW - dt.timedelta(days=30)
        connection.execute(messages.update().where(messages.c.id == id_).values(created_at=old))
    assert b"not asked any more" in post.server.send(post.link(id_, Purpose.CONFIRM), YES, FORM).body
    assert not post.holds().confirmed
    other = post.message("news", "p2")
    assert post.server.send(post.link(other, Purpose.CONFIRM), YES, FORM).status == 404
    assert post.server.send(post.link(id_, Purpose.PREFERENCES).replace("/p/", "/c/"), YES, FORM).status == 404


def test_a_yes_on_the_page_by_another_way_is_asked_about_there(post: Post) -> None:
    post.topic(Topic("news", needs=Needs.DOUBLE_OPT_IN))
    link = post.link(post.message("news"), Purpose.PREFERENCES)
    form = urlencode([("shown", "email:news"), ("on", "email:news"), ("shown", "sms:news"), ("on", "sms:news")])
    # By SMS it is offered once something of it is known.
    with post.ledger.database.writing() as connection:
        consents.append(connection, [Choice("p1", Channel.SMS, "news", False, NOW, "api")], NOW)
    post.server.send(link, form.encode(), FORM)
    with post.ledger.database.reading() as connection:
        held = consents.holding(connection, ["p1"])["p1"]
        asked = outbox_reading.listed(connection, origin=(Maker.TOPIC, "news"))
    assert (held["email", "news"].confirmed, held["sms", "news"].confirmed) == (True, False)
    assert [each.wanted.channel for each in asked] == [Channel.SMS]
