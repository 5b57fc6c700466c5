"""Webhooks of providers to a server: believed or refused, kept once, and a segment that follows."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

import ethogram as eg
from collect import signing
from ethogram.clock import ManualClock
from ethogram.collecting import Keys, RejectedCalls
from ethogram.deliver.attempts import Failed
from ethogram.errors import InputError, UnknownNameError
from ethogram.receiving import Receiver, WebhookSources
from ethogram.store.ledger import Ledger
from ethogram.web.sources import PREFIX, Webhooks
from web.here import Here, here, until
from web.running import Server, stored, workspace

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
FILES = Path(__file__).parents[1] / "collect" / "webhooks"
STRIPE = "whsec_stripe"
OWN = 'profile_id = "who"\nmessage_id = "id"\n[[calls]]\nevent = "bought"\nproperties_from = ["@"]\n'
TOKEN = "t0ken-of-the-test"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with some sources, which tests copy."""
    path = workspace(tmp_path_factory.mktemp("prepared") / "shop")
    with WebhookSources(path) as sources:
        sources.add("pay", ready="stripe", secrets=[STRIPE])
        sources.add("own", mapping=OWN, trust="token", secrets=[TOKEN])
        sources.add("crm", ready="salesforce", secrets=[TOKEN], sender="00D24000000eXAMEA2")
        sources.add("mail", ready="ses", sender=signing.TOPIC)
    return path


@pytest.fixture
def place(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "shop", symlinks=True))


class Amazon:
    """What lies at Amazon; remembers what was asked for."""

    def __init__(self) -> None:
        self.signer = signing.Sns.new(NOW)
        self.asked: list[str] = []
        self.reachable = True

    async def fetch(self, address: str, most: int) -> bytes | Failed:
        self.asked.append(address)
        if not self.reachable:
            return Failed("it did not answer", endpoint=True)
        return self.signer.certificate if address.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"


@pytest.fixture
def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def server(place: Path, clock: ManualClock, amazon: Amazon) -> Iterator[Here]:
    receiver = Receiver(place, clock=clock, fetch=amazon.fetch)
    mounts: dict[str, Any] = {}
    with here(place, clock=clock, mounts=mounts) as running:
        mount(running, receiver)
        yield running
        receiver.close()


def mount(running: Here, receiver: Receiver) -> None:
    """Puts the sources at their address."""
    running.app._mounted.append((PREFIX, Webhooks(running.collector, receiver, running.app.metrics)))


def event(id: str = "evt_1", **over: Any) -> bytes:
    plain = json.loads((FILES / "stripe.json").read_text())[1]
    return json.dumps({**plain, "id": id, **over}).encode()


def own(*items: Any) -> bytes:
    return json.dumps(list(items)).encode()


def kept(place: Path) -> int:
    """How many messages are on disk."""
    with sqlite3.connect(place / "ledger.sqlite") as ledger:
        return int(ledger.execute("SELECT count(*) FROM received").fetchone()[0])


# --- what is taken ---------------------------------------------------------------------------------------------------


def test_a_signed_webhook_is_on_disk_when_it_is_answered_and_a_repetition_adds_nothing(
    server: Here, place: Path, clock: ManualClock
) -> None:
    for times in (0, 1):
        # The provider signs anew whenever it sends again.
        clock.advance(dt.timedelta(minutes=10 * times))
        body = event()
        answer = server.send("/v1/sources/pay", body, signing.stripe(STRIPE, body, clock.now()))
        assert answer.status == 200
        assert answer.json == {"success": True, **({"duplicates": 1} if times else {})}
        assert kept(place) == 1
    assert server.app.metrics.of("ethogram_webhooks_total", "pay") == 2
    assert server.app.metrics.of("ethogram_events_total", "track") == 2


@pytest.mark.parametrize(
    ("path", "headers"),
    [(f"/v1/sources/own/{TOKEN}", {}), (f"/v1/sources/own?token={TOKEN}", {}),
     ("/v1/sources/own", {"Authorization": f"Bearer {TOKEN}"})],
)  # fmt: skip
def test_a_token_may_come_in_the_address_or_a_header(server: Here, path: str, headers: dict[str, str]) -> None:
    assert server.send(path, own({"who": "u", "id": 1}), headers).status == 200
    assert server.send("/v1/sources/own", gzip.compress(own({"who": "u", "id": 2})), {
        "Authorization": f"Bearer {TOKEN}", "Content-Encoding": "gzip"}).status == 200  # fmt: skip


def test_one_bad_item_does_not_take_its_request_with_it(server: Here, place: Path) -> None:
    answer = server.send(f"/v1/sources/own/{TOKEN}", own({"who": "a", "id": 1}, {"id": 2}, {"who": "b", "id": 3}), {})
    assert answer.status == 200
    assert [(each["index"], each["code"]) for each in answer.json["rejected"]] == [(1, "missing_id")]
    assert kept(place) == 2
    # Whatever cannot be kept would be no better when it is sent again.
    alone = server.send(f"/v1/sources/own/{TOKEN}", own({"id": 2}, {"who": {"x": 1}, "id": 4}), {})
    assert (alone.status, len(alone.json["rejected"])) == (200, 2)
    assert server.send("/v1/sources/pay", b"{}", signing.stripe(STRIPE, b"{}", NOW)).json == {
        "success": True, "skipped": 1
    }  # fmt: skip
    server.collector.note_rejected()
    with RejectedCalls(place) as rejected:
        assert {call.endpoint for call in rejected.listed()} == {"sources/own"}


def test_salesforce_gets_the_answer_that_it_waits_for(server: Here, place: Path) -> None:
    body = (FILES / "salesforce.xml").read_bytes()
    answer = server.send(f"/v1/sources/crm/{TOKEN}", body, {"Content-Type": "text/xml; charset=utf-8"})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/xml")
    assert b"<Ack>true</Ack>" in answer.body
    assert kept(place) == 5
    bomb = b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'
    refused = server.send(f"/v1/sources/crm/{TOKEN}", bomb, {})
    assert (refused.status, refused.json["code"]) == (400, "invalid_xml")


def test_amazon_is_asked_for_its_certificate_once_and_told_yes_to_a_subscription(server: Here, amazon: Amazon) -> None:
    click = json.loads((FILES / "ses.json").read_text())[5]
    amazon.reachable = False
    message = json.dumps(amazon.signer.message(json.dumps(click), NOW)).encode()
    assert server.send("/v1/sources/mail", message, {}).status == 503
    amazon.reachable = True
    for duplicates in (0, 1):
        assert server.send("/v1/sources/mail", message, {}).json.get("duplicates", 0) == duplicates
    assert amazon.asked == [signing.CERTIFICATE] * 2
    asks = amazon.signer.message(
        "", NOW, Type="SubscriptionConfirmation", Token="t", SubscribeURL="http://127.0.0.1/secret", MessageId="m2"
    )
    assert server.send("/v1/sources/mail", json.dumps(asks).encode(), {}).status == 200
    assert amazon.asked[2].startswith("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription")
    foreign = signing.Sns.new(NOW).message("", NOW, Type="SubscriptionConfirmation", Token="t", SubscribeURL="u")
    assert server.send("/v1/sources/mail", json.dumps(foreign).encode(), {}).status == 401
    assert len(amazon.asked) == 3


# --- what is refused -------------------------------------------------------------------------------------------------


def test_what_is_unsigned_changed_or_stale_is_refused_and_counted(server: Here, place: Path) -> None:
    body = event()
    good = signing.stripe(STRIPE, body, NOW)
    cases = [
        ({}, body, "unsigned"), (good, body.replace(b"1999", b"9999"), "wrong_signature"),
        (signing.stripe("whsec_other", body, NOW), body, "wrong_signature"),
        (signing.stripe(STRIPE, body, NOW - dt.timedelta(minutes=6)), body, "stale_signature"),
    ]  # fmt: skip
    for headers, sent, code in cases:
        answer = server.send("/v1/sources/pay", sent, headers)
        assert (answer.status, answer.json["code"]) == (401, code)
        assert answer.json["message"]
    assert server.app.metrics.of("ethogram_rejected_total", "wrong_signature") == 2
    assert kept(place) == 0
    server.collector.note_rejected()
    with RejectedCalls(place) as rejected:
        # What strangers send is counted, not kept.
        assert [call.content for call in rejected.listed()] == [""] * 4


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/sources/none", b"{}", 404, "unknown_source"),
        ("/v1/sources/", b"{}", 404, "unknown_source"),
        ("/v1/sources/own%00x", b"{}", 404, "unknown_source"),
        (f"/v1/sources/own/{TOKEN}x", b"{}", 401, "wrong_signature"),
        ("/v1/sources/own", b"{}", 401, "unsigned"),
        (f"/v1/sources/own/{TOKEN}", b"", 400, "empty_body"),
        (f"/v1/sources/own/{TOKEN}", b"{", 400, "invalid_json"),
        (f"/v1/sources/own/{TOKEN}", b"[" * 5000 + b"]" * 5000, 400, "invalid_json"),
        (f"/v1/sources/own/{TOKEN}", b"[" + b"1," * 6000 + b"1]", 413, "too_many"),
        (f"/v1/sources/own/{TOKEN}", b"[" + b" " * (1 << 20) + b"]", 413, "too_large"),
        (f"/v1/sources/own/{TOKEN}", gzip.compress(bytes(50_000_000)), 413, "too_large"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_with_a_reason(server: Here, path: str, body: bytes, status: int, code: str) -> None:
    answer = server.send(path, body, {})
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json["message"]
    assert server.send("/healthz", method="GET").status == 200


def test_other_methods_are_refused_and_head_finds_somebody_here(server: Here) -> None:
    assert server.send("/v1/sources/own", None, {}, method="GET").status == 405
    assert server.send("/v1/sources/own", None, {}, method="OPTIONS").status == 405
    assert server.send("/v1/sources/own", None, {}, method="HEAD").status == 200


def test_any_item_is_kept_or_refused_by_a_reason(server: Here) -> None:
    odd: list[Any] = [
        {"who": "u", "id": 2**70, "x": 10**400}, {"who": "\x00\ud800", "id": "a" * 9000},
        {"who": "u", "id": 5, "x.y": 1, "x": 2},
        {"who": "u", "__proto__": {"a": 1}, "id": 6}, {"who": 1e30, "id": 7}, None, 1, "x", [[]], {},
        {"who": "u", "id": 8, "big": "x" * 40_000}, {"who": "u", "id": {}}, {"who": True, "id": 9},
    ]  # fmt: skip
    answer = server.send(f"/v1/sources/own/{TOKEN}", json.dumps(odd).encode(), {})
    assert answer.status == 200
    assert {each["code"] for each in answer.json["rejected"]} <= {
        "missing_id",
        "invalid_id",
        "invalid_value",
        "too_large",
    }


# --- the ledger ------------------------------------------------------------------------------------------------------


def test_known_sources_go_on_while_the_ledger_does_not_answer_and_unknown_ones_come_again(
    server: Here, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ethogram.errors import LedgerError
    from ethogram.store import webhook_sources

    path = f"/v1/sources/own/{TOKEN}"
    assert server.send(path, own({"who": "u", "id": 1}), {}).status == 200

    def locked(_: object) -> Any:
        raise LedgerError("the ledger does not answer")

    monkeypatch.setattr(webhook_sources, "listed", locked)
    clock.advance(dt.timedelta(minutes=1))
    assert server.send(path, own({"who": "u", "id": 2}), {}).status == 200
    answer = server.send("/v1/sources/new", b"{}", {})
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]


def test_a_source_is_changed_disabled_and_removed_while_the_server_runs(
    server: Here, place: Path, clock: ManualClock
) -> None:
    path = f"/v1/sources/own/{TOKEN}"

    def follows(status: int, id: int, token: str = TOKEN) -> None:
        def sent() -> bool:
            clock.advance(dt.timedelta(seconds=6))
            return server.send(f"/v1/sources/own/{token}", own({"who": "u", "id": id}), {}).status == status

        assert until(sent)

    with WebhookSources(place) as sources:
        assert server.send(path, own({"who": "u", "id": 1}), {}).status == 200
        sources.change("own", enabled=False)
        follows(404, 2)
        sources.change("own", enabled=True)
        follows(200, 3)
        sources.change("own", secrets=["another-token"])
        follows(401, 4)
        follows(200, 5, "another-token")
        assert sources.remove("own").name == "own"
        follows(404, 6, "another-token")
        sources.add("own", mapping=OWN, trust="token", secrets=[TOKEN])
        follows(200, 7)


def test_a_secret_is_never_shown_and_what_verifies_by_hash_is_kept_as_a_hash(place: Path) -> None:
    with WebhookSources(place) as sources:
        source, made = sources.add("hook", mapping=OWN)
        assert source.trust == "token"
        assert made is not None
        assert len(made) > 40
        standard, whsec = sources.add("std", mapping=OWN, trust="standard")
        assert standard.secrets == (whsec,)
        for secret in (made, TOKEN):
            assert all(secret not in repr(each) for each in sources.listed())
        sources.remove("std")
    with Ledger(f"sqlite:///{place / 'ledger.sqlite'}") as ledger:
        told = [(each.verb, each.object, repr(each.detail)) for each in ledger.audit(limit=3)]
    assert [each[:2] for each in told] == [("remove source", "std"), ("add source", "std"), ("add source", "hook")]
    assert whsec is not None
    assert all(secret not in repr(told) for secret in (made, whsec, STRIPE))
    raw = b"".join(file.read_bytes() for file in place.glob("ledger.sqlite*"))
    assert STRIPE.encode() in raw  # a secret that signs must be there as it is
    assert made.encode() not in raw
    assert TOKEN.encode() not in raw


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ready": "stripe"}, "needs the secret"), ({"ready": "sendgrid"}, "needs the public key"),
        ({"ready": "nope"}, "no ready mapping"), ({}, "one mapping"), ({"ready": "ga4", "mapping": OWN}, "one mapping"),
        ({"ready": "ses"}, "needs a sender"), ({"ready": "ses", "sender": "arn:aws:s3:::x"}, "no topic"),
        ({"ready": "salesforce", "sender": "x"}, "no organisation"),
        ({"ready": "ga4", "sender": "x"}, "names no sender"),
        ({"mapping": OWN, "trust": "hmac", "secrets": ["x"]}, "name of the header"),
        ({"mapping": OWN, "trust": "magic"}, "no trust"), ({"mapping": OWN, "header": "a b"}, "no name of a header"),
        ({"ready": "stripe", "secrets": ["x"], "header": "X"}, "its own header"),
        ({"mapping": OWN, "secrets": [str(n) for n in range(9)]}, "at most 5"), ({"mapping": "calls = 1"}, "calls"),
    ],
)  # fmt: skip
def test_a_source_that_would_not_work_or_not_be_safe_is_not_saved(place: Path, fields: Any, said: str) -> None:
    with WebhookSources(place) as sources:
        with pytest.raises((InputError, UnknownNameError), match=said):
            sources.add("new", **fields)
        with pytest.raises(InputError, match="already"):
            sources.add("own", mapping=OWN)
        with pytest.raises(InputError, match="called"):
            sources.add("No Name", mapping=OWN)
        assert [source.name for source in sources.listed()] == ["crm", "mail", "own", "pay"]


# --- end to end ------------------------------------------------------------------------------------------------------


def test_a_payload_becomes_a_member_of_a_segment(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with eg.open(place) as shop:
        shop.segments.save("buyers", "sum(order_completed.total) >= 10")
    with WebhookSources(place) as sources:
        sources.add("pay", ready="stripe", secrets=[STRIPE])
        _, secret = sources.add("std", mapping=OWN, trust="standard")
    assert secret is not None
    now = dt.datetime.now(dt.UTC)
    with Server(place) as server:
        body = event(created=int(now.timestamp()))
        assert server.send("/v1/sources/pay", body, signing.stripe(STRIPE, body, now)).status == 200
        signed = Webhook(secret).sign("msg_1", now, own({"who": "u", "id": 1}).decode())
        headers = {"webhook-id": "msg_1", "webhook-timestamp": signing.seconds(now), "webhook-signature": signed}
        assert server.send("/v1/sources/std", own({"who": "u", "id": 1}), headers).status == 200
        until(lambda: server.metric('ethogram_membership_changes_total{change="entered"}') == 1)
        assert server.stop() == 0
    assert stored(place, columns="event") == ["bought", "order_completed"]
    with eg.open(place) as shop:
        assert shop.members("buyers").column(0).to_pylist() == ["ann@example.com"]


def test_a_process_that_only_collects_takes_webhooks_too(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with WebhookSources(place) as sources:
        sources.add("mail", ready="postmark", secrets=["postmark:password"])
    basic = {"Authorization": "Basic " + base64.b64encode(b"postmark:password").decode()}
    with Server(place, role="collect") as server:
        for record in json.loads((FILES / "postmark.json").read_text()):
            assert server.send("/v1/sources/mail", record, basic).status == 200
        assert server.metric('ethogram_webhooks_total{source="mail"}') == 8
        assert server.stop() == 0
    assert kept(place) == 7


def test_sources_are_managed_and_tried_over_http(prepared: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(prepared, tmp_path / "shop", symlinks=True))
    with Keys(place) as keys:
        keys.add("manage", value="mk_test_key")
    headers = {"Authorization": "Bearer mk_test_key", "Content-Type": "application/json"}
    sample = {"body": '{"who": "u", "id": 1}'}
    with Server(place) as server:
        made = server.send("/api/sources", {"name": "new", "mapping": OWN}, headers)
        assert made.status == 201
        secret = made.json["secret"]
        assert made.json["source"]["path"] == "/v1/sources/new"
        listed = server.send("/api/sources", None, headers, method="GET")
        assert [each["name"] for each in listed.json] == ["crm", "mail", "new", "own", "pay"]
        assert secret not in listed.body.decode()
        tried = server.send("/api/sources/new/test", sample, headers).json
        assert (tried["calls"][0]["event"], tried["calls"][0]["profile_id"]) == ("bought", "u")
        again = server.send("/api/source-mappings/test", {**sample, "mapping": OWN}, headers).json
        assert again["calls"][0]["content"] == {**tried["calls"][0]["content"], "context": {"source": "test"}}
        wrong = server.send("/api/source-mappings/test", {**sample, "mapping": "calls = 1"}, headers)
        assert (wrong.status, wrong.json["code"]) == (400, "input_invalid")
        assert {each["name"] for each in server.send("/api/source-mappings", None, headers, method="GET").json} >= {
            "ses"
        }
        assert server.send(f"/v1/sources/new/{secret}", sample["body"].encode(), {}).status == 200
        changed = server.send("/api/sources/new", {"enabled": False}, headers, method="PATCH")
        assert (changed.status, changed.json["enabled"]) == (200, False)
        assert server.send("/api/sources/new", None, headers, method="DELETE").status == 204
        assert server.send("/api/sources/new", None, headers, method="GET").status == 404
        assert server.send("/api/sources", {"name": "x"}, {**headers, "Authorization": "Bearer wk_demo"}).status == 403
