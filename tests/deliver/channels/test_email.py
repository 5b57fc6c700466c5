"""E-mail against a real server that misbehaves: what each answer means, who is trusted, how a message looks."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from deliver.channels.smtp_stand import Handler, Server
from deliver.channels.stands import HERE, START
from ethogram.clock import ManualClock
from ethogram.deliver.addresses import Rules
from ethogram.deliver.channels import mime
from ethogram.deliver.channels.building import build
from ethogram.model.message import Accepted, EmailContent, Later, Letter, Lost, Misconfigured, Never, Outcome
from ethogram.model.provider import Provider

CONTENT = EmailContent("Hello", "<p>Hello</p>", "Hello", unsubscribe="https://shop.example/u/abc")


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def posted(
    port: int,
    *letters: Letter,
    rules: Rules = HERE,
    environment: dict[str, str] | None = None,
    **settings: Any,
) -> list[Outcome]:
    body = {
        "channel": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "Shop <news@shop.example>",
        "timeout": "1 second",
        **settings,
    }

    async def sent() -> list[Outcome]:
        channel = build(Provider.from_body("mail", body), rules, ManualClock(START), environment=environment or {})
        try:
            return [await channel.send(letter) for letter in letters]
        finally:
            await channel.close()

    return asyncio.run(sent())


def letter(id: str = "msg_1", to: str = "ann@example.com", content: EmailContent = CONTENT) -> Letter:
    return Letter(id, to, content)


ANSWERS = [
    ("MAIL", "421 4.3.2 closing", Later),
    ("MAIL", "451 4.3.0 later", Later),
    ("MAIL", "552 5.3.4 too big", Never),
    ("MAIL", "550 5.7.1 the sender may not", Misconfigured),
    ("MAIL", "530 5.7.0 authenticate first", Misconfigured),
    ("RCPT", "421 4.3.2 closing", Later),
    ("RCPT", "450 4.2.1 greylisted", "hers"),
    ("RCPT", "451 4.4.0 later", "hers"),
    ("RCPT", "452 4.2.2 mailbox full", "hers"),
    ("RCPT", "550 5.1.1 no such user", "dead"),
    ("RCPT", "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown", "dead"),
    ("RCPT", "550 No such user here", "dead"),
    ("RCPT", "550 5.2.1 mailbox disabled", "dead"),
    ("RCPT", "550 5.7.1 blocked by policy", Never),
    ("RCPT", "550 blocked", Never),
    ("RCPT", "552 5.2.2 mailbox full", Never),
    ("RCPT", "554 5.7.1 <ann@example.com>: Relay access denied", Misconfigured),
    ("DATA", "451 4.3.0 later", Later),
    ("DATA", "452 4.3.1 no room", Later),
    ("DATA", "550 5.7.1 looks like spam", Never),
    ("DATA", "552 5.3.4 too big", Never),
    ("DATA", "drop", Lost),
    ("DATA", "silent", Lost),
    ("RCPT", "drop", Later),
    ("RCPT", "silent", Later),
]


@pytest.mark.parametrize(("command", "told", "means"), ANSWERS, ids=[f"{each[0]} {each[1][:9]}" for each in ANSWERS])
def test_what_each_answer_means_and_the_next_message_goes(
    server: Server, command: str, told: str, means: type | str
) -> None:
    server.handler.script = [(command, told)]
    first, second = posted(server.port, letter("msg_1"), letter("msg_2"))
    match means:
        case "dead":
            assert isinstance(first, Never)
            assert first.dead
        case "hers":  # the mailbox's trouble, not the server's
            assert isinstance(first, Later)
            assert not first.provider
        case _:
            assert isinstance(first, cast(type, means)), first
            assert not getattr(first, "dead", False)
    assert isinstance(second, Accepted)
    assert [each["Message-ID"] for each in server.handler.messages][-1] == "<msg_2@shop.example>"


def test_connections_are_kept_and_made_anew_where_the_server_ended_one(server: Server) -> None:
    posted(server.port, *(letter(f"msg_{n}") for n in range(5)))
    assert len(server.handler.sessions) == 1
    server.handler.envelopes.clear()

    async def twice() -> Sequence[Outcome]:
        body = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "news@shop.example"}
        channel = build(Provider.from_body("mail", {"channel": "email", **body}), HERE, ManualClock(START))
        first = await channel.send(letter("msg_1"))
        server.handler.script = [("MAIL", "421 4.7.0 too many messages")]
        second = await channel.send(letter("msg_2"))
        await channel.close()
        return first, second

    assert all(isinstance(each, Accepted) for each in asyncio.run(twice()))
    assert len(server.handler.envelopes) == 2


def test_a_server_that_is_not_there_or_not_known_is_asked_later(server: Server) -> None:
    server.close()
    (outcome,) = posted(server.port, letter())
    assert isinstance(outcome, Later)
    assert f"127.0.0.1:{server.port} cannot be reached" in outcome.reason
    server.close = lambda: None  # type: ignore[method-assign]  # it is


def test_a_server_within_our_own_network_needs_to_be_allowed(server: Server) -> None:
    (outcome,) = posted(server.port, letter(), rules=Rules())
    assert isinstance(outcome, Misconfigured)
    assert "no public address" in outcome.reason
    assert not server.handler.envelopes


# --- encryption and logging in ------------------------------------------------------------------------------------


def _tls(folder: Path, host: str = "localhost", **options: Any) -> tuple[ssl.SSLContext, str]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host, **options).configure_cert(context)
    return context, str(folder / "ca.pem")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_whose_certificate_is_right_is_used(tmp_path: Path, security: str) -> None:
    context, ca_file = _tls(tmp_path)
    server = Server(starttls=context) if security == "starttls" else Server(tls=context)
    try:
        settings: dict[str, Any] = {"host": "localhost", "security": security, "ca_file": ca_file}
        outcomes = posted(server.port, letter("msg_1"), letter("msg_2"), **settings)
        assert all(isinstance(each, Accepted) for each in outcomes), outcomes
        assert len(server.handler.sessions) == 1
    finally:
        server.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("fault", ["another host", "expired", "unknown authority"])
def test_a_server_whose_certificate_is_wrong_gets_nothing(tmp_path: Path, security: str, fault: str) -> None:
    options = {"not_after": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)} if fault == "expired" else {}
    context, ca_file = _tls(tmp_path, "elsewhere.example" if fault == "another host" else "localhost", **options)
    server = Server(starttls=context) if security == "starttls" else Server(tls=context)
    try:
        settings: dict[str, Any] = {"host": "localhost", "security": security}
        if fault != "unknown authority":
            settings["ca_file"] = ca_file
        (outcome,) = posted(server.port, letter(), **settings)
        assert isinstance(outcome, Misconfigured)
        assert "not to be trusted" in outcome.reason
        assert not server.handler.sessions
    finally:
        server.close()


def test_a_server_without_encryption_gets_nothing_where_it_is_asked_for(server: Server) -> None:
    (outcome,) = posted(server.port, letter(), security="starttls", host="localhost")
    assert isinstance(outcome, Misconfigured)
    assert "STARTTLS" in outcome.reason
    assert not server.handler.sessions


@pytest.mark.parametrize(("password", "means"), [("right", Accepted), ("revoked", Misconfigured)])
def test_a_wrong_password_is_told_as_such_and_not_shown(tmp_path: Path, password: str, means: type) -> None:
    context, ca_file = _tls(tmp_path)
    server = Server(starttls=context, user=("me", "right"))
    try:
        settings: dict[str, Any] = {"host": "localhost", "security": "starttls", "ca_file": ca_file, "username": "me"}
        (outcome,) = posted(server.port, letter(), environment={"P": password}, password={"env": "P"}, **settings)
        assert isinstance(outcome, means)
        assert password not in getattr(outcome, "reason", "")
    finally:
        server.close()


# --- the message --------------------------------------------------------------------------------------------------


def message(handler: Handler) -> EmailMessage:
    (found,) = handler.messages
    return found


def test_a_message_has_what_mail_programs_and_providers_ask_for(server: Server) -> None:
    (outcome,) = posted(server.port, letter("msg_0a"), domain="mail.shop.example")
    assert outcome == Accepted("4B2C1")
    got = message(server.handler)
    assert got["From"] == "Shop <news@shop.example>"
    assert got["To"] == "ann@example.com"
    assert got["Message-ID"] == "<msg_0a@mail.shop.example>"
    assert parsedate_to_datetime(got["Date"]) == START
    assert got["List-Unsubscribe"] == "<https://shop.example/u/abc>"
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert got.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in got.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    assert not got.defects
    (envelope,) = server.handler.envelopes
    raw = cast(bytes, envelope.content)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) < 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_bounces_of_a_message_can_come_to_an_address_of_its_own(server: Server) -> None:
    posted(server.port, letter("msg_0a"), return_path="bounces+{id}@shop.example")
    (envelope,) = server.handler.envelopes
    assert envelope.mail_from == "bounces+msg_0a@shop.example"
    assert message(server.handler)["From"] == "Shop <news@shop.example>"


TEXTS = [
    "Grüße aus Köln",
    "🎉" * 200,
    "x" * 5_000,
    "=?utf-8?Q?not_encoded?=",
    "a, b; c <d@e.example>",
    "naïve \u2028 separator",
]


@pytest.mark.parametrize("text", TEXTS, ids=["umlauts", "emoji", "long", "encoded look", "specials", "separator"])
def test_a_subject_comes_back_as_it_was(server: Server, text: str) -> None:
    posted(server.port, letter(content=EmailContent(text, "", text)))
    got = message(server.handler)
    assert got["Subject"] == text.replace(" \u2028 ", "   ") or got["Subject"] == text.replace("\u2028", " ")
    assert got.get_content().strip().replace("\r\n", "\n") == text


BREAKS = ["\r\n", "\n", "\r", "\x00", "\x0b", "\x0c", "\x85", "\u2028"]


@pytest.mark.parametrize("cut", BREAKS, ids=[repr(each) for each in BREAKS])
def test_nothing_in_a_header_begins_another(server: Server, cut: str) -> None:
    evil = f"x{cut}Bcc: all@example.com{cut}{cut}body"
    content = EmailContent(
        evil,
        "<p>x</p>",
        "x",
        sender=f"{evil} <news@shop.example>",
        reply_to=f"Us{cut}Bcc: all@example.com <us@shop.example>",
        unsubscribe=f"https://shop.example/{cut}Bcc:all@example.com>",
    )
    (outcome,) = posted(server.port, letter(content=content))
    if isinstance(outcome, Accepted):
        got = message(server.handler)
        assert got["Bcc"] is None
        assert got.get_content_type() == "multipart/alternative"
        assert server.handler.envelopes[0].rcpt_tos == ["ann@example.com"]
    else:
        assert isinstance(outcome, Never)  # a sender that reads as no address


def test_a_body_of_lines_with_dots_comes_back_as_it_was(server: Server) -> None:
    text = ".\n..\n.dot\nlast\n."
    posted(server.port, letter(content=EmailContent("Dots", "", text)))
    assert message(server.handler).get_content().replace("\r\n", "\n").rstrip("\n") == text


@pytest.mark.parametrize(
    ("address", "envelope"),
    [
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann+tag@example.com", "ann+tag@example.com"),
        ("o'neil@example.com", "o'neil@example.com"),
        ("jürgen@bücher.example", "jürgen@xn--bcher-kva.example"),
    ],
)
def test_addresses_beyond_ascii_are_written_to(server: Server, address: str, envelope: str) -> None:
    (outcome,) = posted(server.port, letter(to=address))
    assert isinstance(outcome, Accepted)
    (got,) = server.handler.envelopes
    assert got.rcpt_tos == [envelope]
    assert ("SMTPUTF8" in got.mail_options) == (not envelope.isascii())


def test_a_sender_is_encoded_once_and_read_back() -> None:
    found = mime.mailbox("Bücher, Köln <news@bücher.example>")
    assert found is not None
    assert found.envelope == "news@xn--bcher-kva.example"
    assert found.header.isascii()
    assert mime.mailbox("nobody") is None
    assert mime.mailbox('"Shop, Ltd" <a@b.example>') == mime.Mailbox("a@b.example", '"Shop, Ltd" <a@b.example>')
