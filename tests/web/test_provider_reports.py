"""What mail providers report through their webhooks reaches the message and the address that it is about, signed."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from collect import signing
from ethogram import config
from ethogram.clock import ManualClock
from ethogram.collecting import open_ledger
from ethogram.config import Settings
from ethogram.deliver.attempts import Failed
from ethogram.model.message import Channel, Eligible, Maker, Origin, State, Wanted
from ethogram.receiving import Receiver, WebhookSources
from ethogram.sending import Messages
from ethogram.store import consents, outbox, outbox_claims, suppressions
from ethogram.store.ledger import Ledger
from ethogram.store.outbox_claims import Result
from ethogram.web.sources import PREFIX, Webhooks
from web.here import Here, here

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
FILES = Path(__file__).parents[1] / "collect" / "webhooks"
AMAZONS = "0100018f3c2a4b5c-1a2b3c4d-1234-5678-9abc-def012345678-000000"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"postmark:password").decode()}
WHO = "ann@example.com"


@dataclass(frozen=True, slots=True)
class Post:
    """A workspace that sends mail, and the server to which its providers report."""

    path: Path
    ledger: Ledger
    server: Here
    sendgrid: signing.SendGrid
    amazon: signing.Sns

    def sent(self, provider_id: str | None) -> str:
        wanted = Wanted(Origin(Maker.CAMPAIGN, "spring", 1, "once"), "ann", Channel.EMAIL, "hello", NOW)
        with self.ledger.database.writing() as connection:
            outbox.append(connection, [(wanted, Eligible())], NOW)
            (claimed,) = outbox_claims.claim(connection, Channel.EMAIL, NOW, dt.timedelta(minutes=5), "t", most=9)
            outbox_claims.begin(connection, "t", {claimed.number: WHO})
            outbox_claims.record(connection, "t", [Result(claimed.number, State.SENT, provider_id=provider_id)], NOW)
        return wanted.id

    def report(self, provider: str, report: dict[str, Any]) -> None:
        body = json.dumps([report] if provider == "sendgrid" else report).encode()
        headers: dict[str, str] = BASIC
        if provider == "sendgrid":
            headers = self.sendgrid.sign(body, NOW)
        if provider == "ses":
            body, headers = json.dumps(self.amazon.message(body.decode(), NOW)).encode(), {}
        answer = self.server.send(f"/v1/sources/{provider}", body, headers)
        assert answer.status == 200, answer.body

    def happened(self, id_: str) -> dict[str, dict[str, Any]]:
        with Messages(self.path) as messages:
            return {each.event: dict(each.properties) for each in messages.get(id_)[1]}

    def suppressed(self) -> str | None:
        with self.ledger.database.reading() as connection:
            return suppressions.among(connection, Channel.EMAIL, [WHO]).get(WHO)

    def unsubscribed(self) -> bool:
        with self.ledger.database.reading() as connection:
            held = consents.holding(connection, ["ann"]).get("ann", {})
        return any(not choice.subscribed for choice in held.values())


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    config.write(tmp_path, Settings())
    sendgrid, amazon = signing.SendGrid.new(), signing.Sns.new(NOW)

    async def fetch(address: str, most: int) -> bytes | Failed:
        return amazon.certificate

    with WebhookSources(tmp_path) as sources:
        sources.add("sendgrid", ready="sendgrid", secrets=[sendgrid.public])
        sources.add("postmark", ready="postmark", secrets=["postmark:password"])
        sources.add("ses", ready="ses", sender=signing.TOPIC)
    clock = ManualClock(NOW)
    with open_ledger(tmp_path) as ledger, here(tmp_path, clock=clock) as server:
        receiver = Receiver(tmp_path, clock=clock, fetch=fetch)
        server.app._mounted.append((PREFIX, Webhooks(server.collector, receiver, server.app.metrics)))
        yield Post(tmp_path, ledger, server, sendgrid, amazon)
        receiver.close()


def example(provider: str, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in json.loads((FILES / f"{provider}.json").read_text()) if is_it(each))
    return found


def of_sendgrid(event: str, id_: str, **more: Any) -> dict[str, Any]:
    sample = example("sendgrid", lambda each: each["event"] == event)
    return {**sample, "smtp-id": f"<{id_}@shop.example>", "email": WHO, **more}


def of_postmark(kind: str, id_: str, **more: Any) -> dict[str, Any]:
    # By the metadata that the mail carried; Postmark's own id is in no answer of its mail server.
    sample = example("postmark", lambda each: each["RecordType"] == kind)
    return {**sample, "Metadata": {"message_id": id_}, **more}


def of_ses(event: str, _: str, **more: Any) -> dict[str, Any]:
    # By the id that Amazon's mail server answered with.
    sample = example("ses", lambda each: each["eventType"] == event)
    return {**sample, "mail": {**sample["mail"], "messageId": AMAZONS}, **more}


@pytest.mark.parametrize(
    ("provider", "report"),
    [
        ("sendgrid", lambda id_: of_sendgrid("bounce", id_)),
        ("sendgrid", lambda id_: of_sendgrid("dropped", id_)),
        ("postmark", lambda id_: of_postmark("Bounce", id_)),
        ("ses", lambda id_: of_ses("Bounce", id_)),
    ],
)
def test_a_hard_bounce_suppresses(post: Post, provider: str, report: Callable[[str], dict[str, Any]]) -> None:
    id_ = post.sent(AMAZONS if provider == "ses" else None)
    for _ in range(2):
        post.report(provider, report(id_))
    assert post.happened(id_)["bounced"]["bounce"] == "hard"
    assert post.suppressed() == "bounced"


@pytest.mark.parametrize(
    ("provider", "report"),
    [
        ("sendgrid", lambda id_: of_sendgrid("bounce", id_, type="blocked")),
        ("postmark", lambda id_: of_postmark("Bounce", id_, Type="SoftBounce")),
        ("ses", lambda id_: of_ses("Bounce", id_, bounce={
            "bounceType": "Transient", "timestamp": "2026-01-01T10:00:01.669Z",
            "bouncedRecipients": [{"emailAddress": WHO, "status": "4.4.7"}],
        })),
    ],
)  # fmt: skip
def test_a_bounce_that_passes_suppresses_nobody(
    post: Post, provider: str, report: Callable[[str], dict[str, Any]]
) -> None:
    id_ = post.sent(AMAZONS if provider == "ses" else None)
    post.report(provider, report(id_))
    assert post.happened(id_)["bounced"]["bounce"] == "soft"
    assert post.suppressed() is None


@pytest.mark.parametrize(
    ("provider", "report"),
    [
        ("sendgrid", lambda id_: of_sendgrid("spamreport", id_)),
        ("postmark", lambda id_: of_postmark("SpamComplaint", id_)),
        ("ses", lambda id_: of_ses("Complaint", id_)),
    ],
)
def test_a_complaint_suppresses_and_unsubscribes(
    post: Post, provider: str, report: Callable[[str], dict[str, Any]]
) -> None:
    id_ = post.sent(AMAZONS if provider == "ses" else None)
    post.report(provider, report(id_))
    assert "complained" in post.happened(id_)
    assert (post.suppressed(), post.unsubscribed()) == ("complained", True)


def test_who_unsubscribes_at_the_provider_is_unsubscribed_here(post: Post) -> None:
    id_ = post.sent(None)
    post.report("sendgrid", of_sendgrid("unsubscribe", id_))
    assert "unsubscribed" in post.happened(id_)
    assert post.unsubscribed()


def test_a_message_that_is_dropped_as_its_person_has_unsubscribed_tells_so(post: Post) -> None:
    id_ = post.sent(None)
    post.report("sendgrid", of_sendgrid("dropped", id_, reason="Unsubscribed Address"))
    assert (post.suppressed(), post.unsubscribed()) == (None, True)


def test_what_is_about_a_message_of_somebody_else_concerns_nobody_here(post: Post) -> None:
    id_ = post.sent(None)
    post.report("sendgrid", of_sendgrid("bounce", "msg_" + "0" * 32))
    assert set(post.happened(id_)) == {"sent"}
    assert post.suppressed() is None
