"""Builds an e-mail's bytes: multipart/alternative, headers that nothing can break out of, one-click unsubscribing.

Step of the path: deliver. Pure. The standard library's builders cost milliseconds a message, which is most of what
sending one costs; this writes the same form directly. Sources: RFC 5322, 2045–2047, 6531/6532 (addresses beyond ASCII),
8058 (List-Unsubscribe-Post).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime, formataddr, unquote
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from ethogram.model.message import EmailContent

_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9][A-Za-z0-9.-]*")
_NAMED = re.compile(r"([^<>]*)<([^<>]+)>")
_LONGEST = 254  # of an address, RFC 5321 4.5.3.1.3
_LINE = 900  # characters of a header that are left unfolded; 998 is the most that a line may have
_WORD = 45  # bytes of one encoded word, so that it has at most 75 characters
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address as it travels.

    Attributes:
        envelope: for the SMTP commands; its domain is ASCII.
        header: for From, To and Reply-To, the name included.
        beyond_ascii: the part before the @ is not ASCII, so the server must know SMTPUTF8.
    """

    envelope: str
    header: str
    beyond_ascii: bool = False

    @property
    def domain(self) -> str:
        """What follows the @."""
        return self.envelope.rpartition("@")[2]


def recipient(address: str) -> Mailbox | None:
    """The mailbox of an address without a name; None where the text can be no address."""
    if len(address) <= _LONGEST and _PLAIN.fullmatch(address):
        return Mailbox(address, address)
    try:
        found = validate_email(address, check_deliverability=False, globally_deliverable=False, allow_quoted_local=True)
    except (EmailNotValidError, UnicodeError):
        return None
    if found.ascii_email is not None:
        return Mailbox(found.ascii_email, found.ascii_email)
    envelope = f"{found.local_part}@{found.ascii_domain}"
    return Mailbox(envelope, envelope, beyond_ascii=True)


@lru_cache(maxsize=1024)
def mailbox(text: str) -> Mailbox | None:
    """The mailbox of a text such as `Shop <news@shop.example>`; None where it has no address."""
    text = _one_line(text)
    parts = _NAMED.fullmatch(text)
    name, address = (unquote(parts[1].strip()), parts[2]) if parts is not None else ("", text)
    found = recipient(address) if address else None
    if found is None or not name:
        return found
    shown = formataddr((name, "a@b"))[: -len(" <a@b>")]  # quoted or encoded as the name needs
    return Mailbox(found.envelope, f"{shown} <{found.header}>", found.beyond_ascii)


def built(
    id: str,
    sender: Mailbox,
    to: Mailbox,
    reply_to: Mailbox | None,
    content: EmailContent,
    at: dt.datetime,
    domain: str,
    more: Sequence[str] = (),
) -> bytes:
    """The message with all its headers; lines end in CRLF, none begins a command of SMTP's.

    Args:
        id: the message's; it makes the Message-ID, so that a repetition has the same one.
        at: for the Date.
        domain: of the Message-ID.
        more: headers that a provider asks for, whole.
    """
    head = [
        f"From: {sender.header}",
        f"To: {to.header}",
        "Subject: " + header_text(content.subject),
        "Date: " + _date(at.replace(microsecond=0)),
        f"Message-ID: <{id}@{domain}>",
        "MIME-Version: 1.0",
        *more,
    ]
    if reply_to is not None:
        head.append(f"Reply-To: {reply_to.header}")
    if content.unsubscribe:
        head.append(f"List-Unsubscribe: <{_address_text(content.unsubscribe)}>")
        head.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    parts = [_part(text, kind) for text, kind in ((content.text, b"plain"), (content.html, b"html")) if text] or [
        _part("", b"plain")
    ]
    top = "\r\n".join(head).encode() + b"\r\n"
    if len(parts) == 1:
        return top + parts[0]
    boundary = b"=_" + id.encode("ascii", "replace")[:60]  # neither of the encodings below writes `=_`
    begin = b"\r\n--" + boundary + b"\r\n"
    return b"".join(
        (
            top,
            b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n',
            begin,
            begin.join(parts),
            b"\r\n--" + boundary + b"--\r\n",
        )
    )


def header_text(text: str) -> str:
    r"""A text as a header's value: on one line, or folded into encoded words (RFC 2047) where it is not plain.

    >>> header_text("Hello\r\nBcc: everybody@example.com")
    'Hello Bcc: everybody@example.com'
    >>> header_text("Grüße")
    '=?utf-8?B?R3LDvMOfZQ==?='
    """
    text = _one_line(text)
    if text.isascii() and len(text) <= _LINE and "=?" not in text:
        return text
    words, held = [], b""
    for character in text:
        encoded = character.encode()
        if len(held) + len(encoded) > _WORD:
            words.append(held)
            held = b""
        held += encoded
    words.append(held)
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(word).decode()}?=" for word in words)


def _part(text: str, kind: bytes) -> bytes:
    """A part with its headers: quoted-printable, or base64 where most of it would be quoted."""
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    body = (text if text.endswith("\r\n") else text + "\r\n").encode("utf-8", "replace")
    if (len(body) - len(text)) * 4 > len(body):
        encoding, written = b"base64", base64.encodebytes(body).replace(b"\n", b"\r\n")
    else:
        encoding, written = b"quoted-printable", binascii.b2a_qp(body, istext=True)
    return b"".join(
        (
            b"Content-Type: text/" + kind + b'; charset="utf-8"\r\nContent-Transfer-Encoding: ',
            encoding,
            b"\r\n\r\n",
            written,
        )
    )


@lru_cache(maxsize=8)
def _date(at: dt.datetime) -> str:
    return format_datetime(at)


def _one_line(text: str) -> str:
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text)).strip()


def _address_text(url: str) -> str:
    """A URL without what could end it, or its header."""
    return "".join(each for each in url if "!" <= each <= "~" and each not in "<>")
