"""Mail that came back, as servers and mailbox providers write it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.deliver.bounces import What, parse

ID = "msg_" + "0a" * 16


def bounce(status: str, action: str = "failed", told: str = "said the server", *, headers: str | None = None) -> bytes:
    returned = headers if headers is not None else f"Message-ID: <{ID}@shop.example>\r\nSubject: Hello\r\n"
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: news@shop.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n\r\n'
        "--B\r\nContent-Type: text/plain\r\n\r\nI am sorry.\r\n"
        "--B\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\nX-Queue-ID: 1\r\n\r\n"
        f"Final-Recipient: rfc822; ann@example.com\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {told}\r\n\r\n"
        f"--B\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\n--B--\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("status", "told", "what", "code"),
    [
        ("5.1.1", "550 5.1.1 no such user", What.HARD, "5.1.1"),
        ("5.0.0", "550 5.1.1 no such user", What.HARD, "5.1.1"),
        ("5.2.1", "mailbox disabled", What.HARD, "5.2.1"),
        ("5.2.2", "mailbox full", What.SOFT, "5.2.2"),
        ("5.7.1", "blocked as spam", What.SOFT, "5.7.1"),
        ("4.4.1", "nobody answered for five days", What.SOFT, "4.4.1"),
        ("", "550 nobody", What.HARD, None),
    ],
)
def test_a_bounce_says_whom_how_and_why(status: str, told: str, what: What, code: str | None) -> None:
    (found,) = parse(bounce(status, told=told))
    assert (found.message_id, found.address, found.what, found.code) == (ID, "ann@example.com", what, code)
    assert found.reason == told


def test_a_delay_and_a_success_are_no_bounces() -> None:
    assert [each.what for each in parse(bounce("4.4.1", "delayed"))] == [What.DELAYED]
    assert [each.what for each in parse(bounce("2.0.0", "delivered"))] == [What.DELIVERED]


def test_the_address_it_came_to_may_say_which_message_it_is() -> None:
    (found,) = parse(bounce("5.1.1", headers="Subject: x\r\n"), to=f"bounces+{ID}@shop.example")
    assert found.message_id == ID
    (unknown,) = parse(bounce("5.1.1", headers="Subject: x\r\n"))
    assert unknown.message_id is None
    assert unknown.address == "ann@example.com"


def test_several_recipients_are_told_apart() -> None:
    first = b"Diagnostic-Code: smtp; said the server\r\n\r\n"
    more = first + b"Final-Recipient: rfc822; bob@example.com\r\nAction: failed\r\nStatus: 5.2.2\r\n\r\n"
    raw = bounce("5.1.1").replace(first, more)
    assert [(each.address, each.what) for each in parse(raw)] == [
        ("ann@example.com", What.HARD),
        ("bob@example.com", What.SOFT),
    ]


def complaint(kind: str = "abuse", recipient: str = "Original-Rcpt-To: <ann@example.com>\r\n") -> bytes:
    return (
        "From: fbl@provider.example\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="B"\r\n\r\n'
        "--B\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
        "--B\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: Loop/1.0\r\nVersion: 1\r\n{recipient}\r\n"
        "--B\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: news@shop.example\r\nTo: Ann <ann@example.com>\r\nMessage-ID: <{ID}@shop.example>\r\n"
        "\r\nHello\r\n--B--\r\n"
    ).encode()


@pytest.mark.parametrize("recipient", ["Original-Rcpt-To: <ann@example.com>\r\n", ""])
def test_a_complaint_says_whom_and_about_what(recipient: str) -> None:
    (found,) = parse(complaint(recipient=recipient))
    assert (found.message_id, found.address, found.what, found.code) == (
        ID,
        "ann@example.com",
        What.COMPLAINED,
        "abuse",
    )


def test_saying_that_it_was_no_spam_is_no_complaint() -> None:
    assert parse(complaint("not-spam")) == []


@pytest.mark.parametrize("raw", [b"", b"Subject: I am away\r\n\r\nBack on Monday", b"\xff\x00\r\n" * 100])
def test_other_mail_says_nothing(raw: bytes) -> None:
    assert parse(raw) == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 900), st.integers(0, 60))
def test_whatever_is_broken_in_a_mail_raises_nothing(junk: bytes, at: int, cut: int) -> None:
    for raw in (bounce("5.1.1"), complaint()):
        for found in parse(raw[:at] + junk + raw[at + cut :]):
            assert found.reason.isprintable()
