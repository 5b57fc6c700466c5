"""The ready mappings over what providers document, and the signatures that they send."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from collect import signing
from collect.test_source_mapping import ANY_JSON
from ethogram.collect.inbound import ready, sns, trust
from ethogram.collect.inbound.calls import Mapped, Prepared
from ethogram.collect.inbound.mapping import read
from ethogram.collect.inbound.receive import Confirm, NeedsCertificate, Source, receive
from ethogram.collect.inbound.trial import TrialCall, tried
from ethogram.collect.inbound.trust import TRUSTS, Delivery
from ethogram.collect.payload import Refused
from ethogram.errors import InputError, UnknownNameError
from ethogram.segment.templates.roles import ROLES

FILES = Path(__file__).parent / "webhooks"
NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def calls(name: str, body: Any, **headers: str) -> tuple[TrialCall, ...]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    trial = tried(
        ready.prepared(name), name, raw, {key.replace("_", "-"): value for key, value in headers.items()}, NOW
    )
    assert not trial.rejected
    assert not trial.warnings
    return trial.calls


def documented(name: str) -> list[TrialCall]:
    """What the documented payloads of a provider become, one after the other."""
    if name == "ga4":
        return list(calls(name, (FILES / "ga4.jsonl").read_bytes()))
    if name == "salesforce":
        return list(calls(name, (FILES / "salesforce.xml").read_bytes()))
    plain = json.loads((FILES / f"{name}.json").read_text())
    if name == "shopify":
        return [call for topic, body in plain.items() for call in calls(name, body, X_Shopify_Topic=topic)]
    one_by_one = [plain] if name == "sendgrid" else plain
    headers = {"X_Amz_Sns_Message_Id": "m"} if name == "ses" else {}
    return [call for body in one_by_one for call in calls(name, body, **headers)]


EMAIL = ["email_deferred", "email_delivered", "email_opened", "email_clicked", "email_bounced"]
EXPECTED = {
    "sendgrid": [*EMAIL, "email_dropped", "email_complained", "email_unsubscribed", "email_unsubscribed",
                 "email_resubscribed"],
    "postmark": [*EMAIL[1:], "email_complained", "email_unsubscribed", "email_resubscribed"],
    "ses": ["email_delivered", "email_delivered", "email_bounced", "email_complained", "email_opened", "email_clicked",
            "email_deferred", "email_unsubscribed"],
    "stripe": ["identify", "order_completed", "invoice_paid", "invoice_payment_failed", "payment_succeeded",
               "order_refunded", "trial_started", "subscription_started", "subscription_started",
               "subscription_updated", "subscription_cancelled"],
    "shopify": ["order_placed", "order_completed", "order_cancelled", "checkout_started", "identify"],
    "salesforce": ["identify", "group", "contact_updated", "opportunity_won", "support_ticket_created"],
    "ga4": ["page_view", "purchase", "identify"],
    "zendesk": ["identify", "support_ticket_created", "support_comment_added", "support_ticket_solved",
                "support_ticket_updated"],
    "intercom": ["chat_started", "chat_replied", "chat_closed", "csat_answered", "identify", "email_unsubscribed"],
}  # fmt: skip


def test_there_is_a_payload_and_an_expectation_for_each_ready_mapping() -> None:
    assert set(ready.names()) == set(EXPECTED)
    with pytest.raises(UnknownNameError, match="mailgun"):
        ready.text("mailgun")


@pytest.mark.parametrize("name", EXPECTED)
def test_the_documented_payloads_become_these_events(name: str) -> None:
    found = documented(name)
    assert [call.event or call.call for call in found] == EXPECTED[name]
    # What happened then, not when it came; and each of a name of its own that a repetition has again.
    assert all(call.at.date() == dt.date(2026, 1, 1) and call.at != NOW for call in found)
    assert len({call.message_id for call in found}) == len(found)
    assert [call.message_id for call in documented(name)] == [call.message_id for call in found]
    assert all(call.message_id.startswith(f"{name}:") for call in found)
    assert all(call.content["context"] == {"source": name} for call in found if call.call == "track")


@pytest.mark.parametrize("name", EXPECTED)
def test_each_ready_mapping_says_what_it_is_and_whom_to_believe(name: str) -> None:
    found = ready.prepared(name).mapping
    assert found.description
    assert found.documentation.startswith("https://")
    assert found.trust in TRUSTS


def by_event(name: str, event: str) -> TrialCall:
    return next(call for call in documented(name) if call.event == event)


@pytest.mark.parametrize("name", ["sendgrid", "postmark", "ses"])
def test_e_mail_engagement_has_one_vocabulary_that_templates_know(name: str) -> None:
    click = by_event(name, "email_clicked")
    assert click.content["url"].startswith("http")
    assert click.content["email"] == "ann@example.com"
    assert click.content["campaign"]
    assert by_event(name, "email_bounced").profile_id == "bob@example.com"
    assert by_event(name, "email_bounced").content["reason"]
    for role, event in (("email_sent", "email_delivered"), ("email_opened", "email_opened"),
                        ("email_clicked", "email_clicked")):  # fmt: skip
        assert event in ROLES[role].spellings


def test_a_user_id_that_is_sent_along_wins_over_the_address() -> None:
    assert by_event("sendgrid", "email_clicked").profile_id == "u1"
    assert by_event("sendgrid", "email_opened").profile_id == "ann@example.com"
    assert by_event("postmark", "email_delivered").profile_id == "u1"


def test_money_of_stripe_follows_the_currency() -> None:
    assert by_event("stripe", "order_completed").content["total"] == 19.99
    assert by_event("stripe", "invoice_payment_failed").content["amount"] == 500
    assert by_event("stripe", "payment_succeeded").content["amount"] == 12.345
    assert by_event("stripe", "order_refunded").content["amount"] == 9.99
    assert by_event("stripe", "payment_succeeded").profile_id == "u1"
    started = by_event("stripe", "subscription_started")
    assert (started.profile_id, started.anonymous_id) == ("", "stripe:cus_Na6dX7aXxi11N4")


def test_orders_of_shopify_fit_the_templates() -> None:
    order = by_event("shopify", "order_completed")
    assert (order.profile_id, order.anonymous_id) == ("john@example.com", "shopify:115310627314723954")
    assert (order.content["total"], order.content["coupon"], order.content["discount"]) == (398, "SPRING", 20)
    assert order.content["order_id"] == "820982911946154508"
    assert order.content["products"][0] == {
        "product_id": "632910392", "sku": "IPOD2008PINK", "name": "IPod Nano - 8GB", "price": 199, "quantity": 1
    }  # fmt: skip
    assert "order_completed" in ROLES["purchase"].spellings
    assert "total" in ROLES["purchase.amount"].spellings


def test_rows_of_google_analytics_keep_their_names_and_types() -> None:
    bought = by_event("ga4", "purchase")
    assert bought.at == dt.datetime(2026, 1, 1, 10, 0, 0, 2, dt.UTC)
    assert (bought.profile_id, bought.anonymous_id) == ("u1", "1352093727.1611923271")
    assert (bought.content["total"], bought.content["currency"]) == (59.9, "EUR")
    assert bought.content["products"][0]["quantity"] == 2
    assert by_event("ga4", "page_view").content["ga_session_id"] == 1661084800
    assert documented("ga4")[2].content == {"plan": "pro", "visits": 7}


def test_salesforce_says_who_belongs_to_which_account_and_its_session_stays_out() -> None:
    found = documented("salesforce")
    assert found[1].account_id == "00124000001BBBBAA3"
    assert found[0].content["last_name"] == "Ek & Co"
    assert found[3].content["amount"] == 1200.5
    assert all("session-that-must-not-be-kept" not in repr(call) for call in found)


def test_tickets_and_conversations_fit_the_templates_and_know_who_asks() -> None:
    ticket = by_event("zendesk", "support_ticket_created")
    assert ticket.anonymous_id == documented("zendesk")[0].anonymous_id == "zendesk:8447388090494"
    assert documented("zendesk")[0].profile_id == "ann@example.com"
    assert "support_ticket_created" in ROLES["support_request"].spellings
    assert "chat_started" in ROLES["support_request"].spellings
    assert by_event("intercom", "csat_answered").content["score"] == 5
    assert by_event("intercom", "chat_started").profile_id == "ann@example.com"


@given(ANY_JSON, st.sampled_from(sorted(EXPECTED)), st.dictionaries(st.text(max_size=6), st.text(max_size=6)))
@settings(max_examples=300, deadline=None)
def test_no_payload_breaks_a_ready_mapping(payload: Any, name: str, headers: dict[str, str]) -> None:
    found = ready.prepared(name).apply(payload, headers, name)
    json.dumps(found.calls)


@st.composite
def _like(draw: st.DrawFn) -> tuple[str, Any]:
    """A documented payload in which values are replaced by anything."""
    name = draw(st.sampled_from(sorted(set(EXPECTED) - {"ga4", "salesforce", "shopify"})))

    def changed(value: Any) -> Any:
        if draw(st.integers(0, 15)) == 0:
            return draw(ANY_JSON)
        if isinstance(value, dict):
            return {key: changed(each) for key, each in value.items()}
        return [changed(each) for each in value] if isinstance(value, list) else value

    return name, changed(draw(st.sampled_from(json.loads((FILES / f"{name}.json").read_text()))))


@given(_like())
@settings(max_examples=100, deadline=None)
def test_no_payload_that_is_almost_right_breaks_anything(case: tuple[str, Any]) -> None:
    name, payload = case
    try:
        tried(ready.prepared(name), name, json.dumps(payload).encode(), {}, NOW)
    except InputError as error:
        assert "payload" in error.message  # noqa: PT017  # most payloads raise nothing


# --- signatures ------------------------------------------------------------------------------------------------------

BODY = b'{"id": "evt_1", "who": "u", "euro": "\xe2\x82\xac"}'
GRID = signing.SendGrid.new()
AMAZON = signing.Sns.new(NOW)


def source(kind: str, secret: str, header: str | None = None, sender: str | None = None) -> Source:
    chosen = TRUSTS[kind]
    kept = () if kind == "sns" else (trust.kept(chosen, secret),)
    name = {"sns": "ses", "salesforce": "salesforce"}.get(kind)
    own = {"calls": [{"event": "e", "profile_id": "who"}]}
    return Source("src", chosen, kept, header, sender, ready.prepared(name) if name else Prepared(read(own)))


def standard(secret: str, body: bytes, at: dt.datetime) -> dict[str, str]:
    signed = Webhook(secret).sign("msg_1", at, body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": signing.seconds(at), "webhook-signature": f"v1,AAAA {signed}"}


Sign = Callable[[str, bytes, dt.datetime], dict[str, str]]
SIGNERS: dict[str, tuple[Sign, str, str | None, bool]] = {
    "stripe": (signing.stripe, "whsec_test", None, True),
    "shopify": (signing.shopify, "shpss_test", None, False),
    "zendesk": (signing.zendesk, "zendesk-secret", None, True),
    "intercom": (signing.intercom, "client-secret", None, False),
    "hmac": (signing.generic, "any secret", "X-Hub-Signature-256", False),
    "standard": (standard, SECRET, None, True),
    "sendgrid": (lambda _, body, at: GRID.sign(body, at), GRID.public, None, True),
}


def sent(body: bytes, headers: dict[str, str]) -> Delivery:
    return Delivery(body, {name.lower(): value for name, value in headers.items()})


@pytest.mark.parametrize("kind", SIGNERS)
def test_a_signed_request_is_believed_and_a_changed_stale_or_bare_one_is_not(kind: str) -> None:
    sign, secret, header, dated = SIGNERS[kind]
    found = source(kind, secret, header)
    headers = sign(secret, BODY, NOW)
    assert isinstance(receive(found, sent(BODY, headers), NOW, {}), Mapped)

    def refused(body: bytes, given: dict[str, str], now: dt.datetime = NOW) -> str:
        answer = receive(found, sent(body, given), now, {})
        assert isinstance(answer, Refused)
        assert answer.status == 401
        return answer.code

    assert refused(BODY + b" ", headers) == "wrong_signature"
    assert refused(BODY, {}) == "unsigned"
    if kind != "sendgrid":
        assert refused(BODY, sign(SECRET if secret != SECRET else "whsec_b3RoZXI=", BODY, NOW)) == "wrong_signature"
    for name in headers:
        broken = {**headers, name: headers[name][:-3] + "!!!"}
        assert refused(BODY, broken) in ("wrong_signature", "unsigned")
        assert refused(BODY, {**headers, name: "\xff\x00é,=,;"}) in ("wrong_signature", "unsigned")
    if dated:
        for away in (dt.timedelta(minutes=5, seconds=1), -dt.timedelta(minutes=5, seconds=1)):
            assert refused(BODY, headers, NOW + away) == "stale_signature"
        assert isinstance(receive(found, sent(BODY, headers), NOW + dt.timedelta(minutes=4, seconds=59), {}), Mapped)


def test_the_example_of_standard_webhooks_is_verified() -> None:
    # standardwebhooks.com, specification: the reference implementation's own test.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }  # fmt: skip
    at = dt.datetime.fromtimestamp(1614265330, dt.UTC)
    assert trust.distrusted(TRUSTS["standard"], [secret], None, sent(body, headers), at) is None


def test_any_of_several_secrets_is_good_while_they_are_changed() -> None:
    old, new = "whsec_old", "whsec_new"
    for secret in (old, new):
        delivery = sent(BODY, signing.stripe(secret, BODY, NOW))
        assert trust.distrusted(TRUSTS["stripe"], [new, old], None, delivery, NOW) is None
        assert (trust.distrusted(TRUSTS["stripe"], [new], None, delivery, NOW) is None) is (secret == new)


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_a_password_or_a_token_is_kept_as_a_hash_and_believed() -> None:
    password = source("basic", "postmark:pass:word")
    assert "pass" not in repr(password.secrets)
    assert isinstance(receive(password, sent(BODY, basic("postmark:pass:word")), NOW, {}), Mapped)
    for wrong in (basic("postmark:pass"), basic(""), {"Authorization": "Basic ***"}, {}, {"Authorization": "Bearer x"}):
        assert isinstance(receive(password, sent(BODY, wrong), NOW, {}), Refused)
    token = source("token", "t0ken-t0ken")
    good = [Delivery(BODY, {}, ("t0ken-t0ken",)), Delivery(BODY, {}, ("", "t0ken-t0ken")),
            sent(BODY, {"Authorization": "Bearer t0ken-t0ken"})]  # fmt: skip
    assert all(isinstance(receive(token, each, NOW, {}), Mapped) for each in good)
    for each in (Delivery(BODY, {}), Delivery(BODY, {}, ("t0ken-t0keN",)), sent(BODY, basic("t0ken-t0ken:"))):
        assert isinstance(receive(token, each, NOW, {}), Refused)
    named = source("token", "t0ken-t0ken", header="X-Token")
    assert isinstance(receive(named, sent(BODY, {"X-Token": "t0ken-t0ken"}), NOW, {}), Mapped)
    assert isinstance(receive(named, Delivery(BODY, {}, ("t0ken-t0ken",)), NOW, {}), Refused)


@pytest.mark.parametrize(
    ("kind", "secret"),
    [("stripe", " "), ("stripe", "a\nb"), ("basic", "no-colon"), ("standard", "whsec_***"), ("sendgrid", "MFkwEw=="),
     ("sendgrid", "nope"), ("sns", "x"), ("token", "x" * 3000)],
)  # fmt: skip
def test_what_cannot_be_a_secret_is_refused_when_it_is_saved(kind: str, secret: str) -> None:
    with pytest.raises(InputError):
        trust.kept(TRUSTS[kind], secret)


def test_a_message_of_salesforce_needs_the_token_and_the_organisation() -> None:
    body = (FILES / "salesforce.xml").read_bytes()
    good = source("salesforce", "token-of-ours", sender="00D24000000eXAM")
    assert isinstance(receive(good, Delivery(body, {}, ("token-of-ours",)), NOW, {}), Mapped)
    assert isinstance(receive(good, Delivery(body, {}, ("another",)), NOW, {}), Refused)
    other = source("salesforce", "token-of-ours", sender="00D24000000eXAX")
    found = receive(other, Delivery(body, {}, ("token-of-ours",)), NOW, {})
    assert isinstance(found, Refused)
    assert (found.status, found.code) == (401, "wrong_signature")


# --- Amazon SNS ------------------------------------------------------------------------------------------------------

SES = source("sns", "", sender=signing.TOPIC)
AT_HAND = {signing.CERTIFICATE: AMAZON.certificate}


def from_sns(message: dict[str, Any], now: dt.datetime = NOW, certificates: Any = None) -> Any:
    return receive(SES, sent(json.dumps(message).encode(), {}), now, AT_HAND if certificates is None else certificates)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_notification_of_the_topic_is_believed_once_the_certificate_is_there(version: str) -> None:
    click = json.loads((FILES / "ses.json").read_text())[5]
    message = AMAZON.message(json.dumps(click), NOW, version)
    assert from_sns(message, certificates={}) == NeedsCertificate(signing.CERTIFICATE)
    found = from_sns(message)
    assert isinstance(found, Mapped)
    assert found.calls[0]["event"] == "email_clicked"
    assert found.calls[0]["messageId"] == f"src:{message['MessageId']}:Ann@Example.com:email_clicked"


def test_what_amazon_did_not_sign_for_this_topic_is_refused() -> None:
    good = AMAZON.message("{}", NOW)
    other = signing.Sns.new(NOW)
    wrong: list[dict[str, Any]] = [
        {**good, "Message": "{} "}, {**good, "MessageId": "x"}, {**good, "Signature": "***"}, {**good, "Signature": ""},
        {**good, "SignatureVersion": "3"}, {**good, "Subject": "x"}, other.message("{}", NOW),
        AMAZON.message("{}", NOW, TopicArn="arn:aws:sns:eu-west-1:999999999999:emails"),
        {**good, "Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "u"},
    ]  # fmt: skip
    for message in wrong:
        assert from_sns(message) == trust.refused("wrong_signature")
    strange: list[Any] = [{**good, "Type": "Other"}, {**good, "Message": 7}, {"Type": []}, {}, [], 1]
    for message in strange:
        assert from_sns(message) == trust.refused("unsigned")
    assert receive(SES, sent(b"{", {}), NOW, AT_HAND) == trust.refused("unsigned")
    assert from_sns(good, NOW + dt.timedelta(hours=2)) == trust.refused("stale_signature")
    assert from_sns(good, NOW + dt.timedelta(days=3)) == trust.refused("wrong_signature")  # the certificate is over


@pytest.mark.parametrize(
    "address",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.test/SimpleNotificationService-0.pem",
        "https://evil.test/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://user@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com:444/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem?x=1",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://169.254.169.254/SimpleNotificationService-0.pem", "file:///etc/passwd", "",
    ],
)  # fmt: skip
def test_a_certificate_is_fetched_from_the_topics_region_of_amazon_only(address: str) -> None:
    assert from_sns({**AMAZON.message("{}", NOW), "SigningCertURL": address}, certificates={}) == trust.refused(
        "wrong_signature"
    )


def test_a_subscription_is_confirmed_at_an_address_that_is_made_here() -> None:
    asked = AMAZON.message(
        "You have chosen to subscribe", NOW, Type="SubscriptionConfirmation", Token="2336 412f&x=1",
        SubscribeURL="https://evil.test/",
    )  # fmt: skip
    found = from_sns(asked)
    assert isinstance(found, Confirm)
    assert found.address == (
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
        "&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Aemails&Token=2336+412f%26x%3D1"
    )
    assert sns.is_topic(signing.TOPIC)
    assert not sns.is_topic("arn:aws:sns:evil.test/:123456789012:x")


def test_a_greeting_in_prose_is_taken_and_becomes_nothing() -> None:
    found = from_sns(AMAZON.message("Successfully validated SNS topic for Amazon SES event publishing.", NOW))
    assert isinstance(found, Mapped)
    assert found.calls == ()


@given(st.dictionaries(st.sampled_from([*sns._SIGNED["Notification"], "Signature", "SigningCertURL"]), ANY_JSON))
@settings(max_examples=100, deadline=None)
def test_nothing_that_calls_itself_a_notification_breaks_anything(fields: dict[str, Any]) -> None:
    found = from_sns({**AMAZON.message("{}", NOW), **fields})
    assert isinstance(found, (Mapped, Refused, NeedsCertificate))
