"""One request of a source: believed or not, then read, then mapped.

Step of the path: collect. Puts the steps together without a clock, a store or a network: what it lacks, it asks for by
its answer. Nothing of a body is read before the request is believed, but where the proof is inside.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ethogram.collect.inbound import content, paths, sns, trust
from ethogram.collect.inbound.calls import Mapped, Prepared, TooManyError
from ethogram.collect.inbound.signatures import UNSIGNED, WRONG
from ethogram.collect.inbound.trust import Delivery, Trust
from ethogram.collect.payload import Refused

_ORGANISATION = paths.read("Envelope.Body.notifications.OrganizationId")
_ID = 15  # characters of an id of Salesforce; three more are for those who do not mind its case


@dataclass(frozen=True, slots=True)
class Source:
    """A source, ready to take requests."""

    name: str
    trust: Trust
    secrets: tuple[str, ...]  # as they are kept
    header: str | None
    sender: str | None
    mapping: Prepared


@dataclass(frozen=True, slots=True)
class NeedsCertificate:
    """The request can be judged with the certificate at an address of Amazon."""

    address: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """The topic asks whether it may send here; a request to the address says yes."""

    address: str


Received = Mapped | Refused | NeedsCertificate | Confirm


def receive(source: Source, sent: Delivery, now: dt.datetime, certificates: Mapping[str, bytes]) -> Received:
    """What a request means, or why it is refused, or what is needed to say so.

    Args:
        certificates: those of Amazon that are at hand, by address.
    """
    refused = trust.distrusted(source.trust, source.secrets, source.header, sent, now)
    if refused is not None:
        return refused
    payload = content.parsed(sent.body, source.mapping.mapping.format)
    headers = sent.headers
    if source.trust.name == "sns":
        # The proof is inside: what cannot be read proves nothing.
        message = UNSIGNED if isinstance(payload, Refused) else sns.opened(payload, source.sender or "")
        if isinstance(message, str):
            return trust.refused(message)
        if message.certificate not in certificates:
            return NeedsCertificate(message.certificate)
        problem = sns.problem(message, certificates[message.certificate], now)
        if problem is not None:
            return trust.refused(problem)
        if message.fields["Type"] == "SubscriptionConfirmation":
            return Confirm(message.confirmation)
        if message.fields["Type"] != "Notification":
            return Mapped((), 1, 1)
        payload = content.parsed(message.fields["Message"].encode("utf-8", "surrogatepass"), "json")
        if isinstance(payload, Refused):
            payload = {"message": message.fields["Message"]}  # SES greets in prose when a topic is set up
        headers = {**headers, "x-amz-sns-message-id": message.fields["MessageId"]}
    if isinstance(payload, Refused):
        return payload
    if source.trust.name == "salesforce":
        named = paths.said(_ORGANISATION.find(paths.Scope(payload, payload))) or ""
        if not hmac.compare_digest(named[:_ID].encode(), (source.sender or "")[:_ID].encode()):
            return trust.refused(WRONG)
    return mapped(source.mapping, payload, headers, source.name)


def mapped(mapping: Prepared, payload: Any, headers: Mapping[str, str], name: str) -> Mapped | Refused:
    """What a payload means, believed already."""
    try:
        return mapping.apply(payload, headers, name)
    except TooManyError as error:
        return Refused("too_many", str(error), 413)
