"""Reads mail that came back: bounces (RFC 3464 delivery status) and complaints (RFC 5965, ARF).

Step of the path: deliver. Pure: whoever takes the mail hands in its bytes. Which message it is about is known by its
Message-ID, which is made of the message's id, or by the address that it came back to, where that has the id in it. Who
sends such mail is not proved by it, so the recipient that it names counts only for a message that went there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from enum import StrEnum
from typing import TypeAlias

from ethogram.deliver.channels.protocol import harmless

MOST = 2_000_000  # bytes of a mail that is read
_OURS = re.compile(r"\bmsg_[0-9a-f]{32}\b")
_ADDRESS = re.compile(r"[^\s<>;,\"]+@[^\s<>;,\"]+")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# Hard by their class and yet about now or about the message: mailbox full, too big, policy, spam, network.
_SOFT = re.compile(r"5\.(2\.2|3\.4|2\.3|3\.1|4\.\d+|5\.\d+|6\.\d+|7\.\d+)")


class What(StrEnum):
    """What came back. A soft bounce may pass; a hard one and a complaint say that the address gets nothing more."""

    HARD = "bounced_hard"
    SOFT = "bounced_soft"
    DELAYED = "delayed"
    COMPLAINED = "complained"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back about a message to an address.

    Attributes:
        message_id: ours; None where the mail does not name it.
        code: the enhanced status code, or the kind of complaint.
    """

    message_id: str | None
    address: str
    what: What
    code: str | None
    reason: str


_Mail: TypeAlias = "Message[str, str]"


def parse(raw: bytes, *, to: str = "") -> list[Returned]:
    """What a mail says about messages of ours; empty where it is no bounce and no complaint.

    Args:
        to: the address that it was sent to, which may have the message's id in it.
    """
    try:
        mail: _Mail = BytesParser(policy=policy.compat32).parsebytes(raw[:MOST])
    except (MessageError, ValueError, LookupError, RecursionError):
        return []
    if mail.get_content_type() != "multipart/report":
        return []
    kind = str(mail.get_param("report-type", "")).lower()
    message_id = _message_id(mail, raw, to)
    if kind == "delivery-status":
        return [found for fields in _reports(mail, "message/delivery-status") for found in _status(fields, message_id)]
    if kind == "feedback-report":
        return [
            found
            for fields in _reports(mail, "message/feedback-report")
            for found in _feedback(fields, mail, message_id)
        ]
    return []


def _message_id(mail: _Mail, raw: bytes, to: str) -> str | None:
    """Our id: from the address, from the returned message's headers, or from anywhere in the mail."""
    if (found := _OURS.search(to)) is not None:
        return found[0]
    for part in mail.walk():
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers"}:
            told = _text(part)
            named = re.search(r"^Message-ID:\s*<?([^>\s]+)", told, re.IGNORECASE | re.MULTILINE)
            if named is not None and (found := _OURS.search(named[1])) is not None:
                return found[0]
    found = _OURS.search(raw[:MOST].decode("latin-1"))
    return found[0] if found is not None else None


def _reports(mail: _Mail, kind: str) -> Iterator[list[_Mail]]:
    """The groups of fields in the parts of a kind."""
    for part in mail.walk():
        if part.get_content_type() == kind:
            payload = part.get_payload()
            if isinstance(payload, list):
                yield [each for each in payload if isinstance(each, Message)]
            else:
                yield [BytesParser(policy=policy.compat32).parsebytes(_text(part).encode())]


def _status(groups: list[_Mail], message_id: str | None) -> Iterator[Returned]:
    for fields in groups:
        address = _typed(fields, "Original-Recipient") or _typed(fields, "Final-Recipient")
        if address is None:
            continue
        told = _field(fields, "Diagnostic-Code").partition(";")[2].strip()
        code = _STATUS.search(_field(fields, "Status"))
        exact = _STATUS.search(told)
        if code is None or (code[2] == "0" and exact is not None and exact[1] == code[1]):
            code = exact or code
        status = code[0] if code is not None else None
        match _field(fields, "Action").lower():
            case "failed":
                what = What.HARD if status is None or _is_hard(status) else What.SOFT
            case "delayed":
                what = What.DELAYED
            case "delivered" | "relayed" | "expanded":
                what = What.DELIVERED
            case _:
                continue
        yield Returned(message_id, address, what, status, harmless(told or f"status {status or 'not said'}"))


def _is_hard(status: str) -> bool:
    return status.startswith("5.") and not _SOFT.fullmatch(status)


def _feedback(groups: list[_Mail], mail: _Mail, message_id: str | None) -> Iterator[Returned]:
    for fields in groups:
        kind = _field(fields, "Feedback-Type").lower()
        if kind in {"", "not-spam"}:
            continue
        address = _address(_field(fields, "Original-Rcpt-To")) or _address(_field(fields, "Removal-Recipient"))
        address = address or _returned_to(mail)
        if address is None and message_id is None:
            continue
        yield Returned(message_id, address or "", What.COMPLAINED, harmless(kind), f"complaint ({harmless(kind)})")


def _returned_to(mail: _Mail) -> str | None:
    for part in mail.walk():
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}:
            named = re.search(r"^To:\s*(.+)$", _text(part), re.IGNORECASE | re.MULTILINE)
            if named is not None:
                return _address(named[1])
    return None


def _typed(fields: _Mail, name: str) -> str | None:
    """The address of a field such as `rfc822; ann@example.com`."""
    kind, _, address = _field(fields, name).partition(";")
    return _address(address) if kind.strip().lower() in {"rfc822", "utf-8"} else None


def _address(text: str) -> str | None:
    found = _ADDRESS.search(text)
    return found[0] if found is not None and len(found[0]) <= 254 else None


def _field(fields: _Mail, name: str) -> str:
    return " ".join(str(fields.get(name, "")).split())


def _text(part: _Mail) -> str:
    payload = part.get_payload()
    if isinstance(payload, list):
        return "\n".join(each.as_string() for each in payload if isinstance(each, Message))
    held = part.get_payload(decode=True)
    return held.decode("utf-8", "replace") if isinstance(held, bytes) else str(payload)
