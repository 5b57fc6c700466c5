"""Trust: how a request shows that it is the provider's, and what of a secret has to be kept for it.

Step of the path: collect. Where the provider signs, the signature is recomputed over the bytes that came
(`signatures.py`, `sns.py`); where it does not, it sends a token or a password. All comparisons take the same time
whatever is compared. It keeps nothing and asks nobody; `receive.py` puts the steps together.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ethogram.collect.inbound import signatures
from ethogram.collect.payload import Refused
from ethogram.errors import InputError


class Kept(StrEnum):
    """In which form a secret is kept."""

    PLAIN = "as it is"  # a signature is recomputed with it
    HASH = "as a hash"  # what is sent is hashed and compared
    PUBLIC = "as it is, and is public"  # it verifies and cannot sign
    NOTHING = "there is none"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request, as far as trust and paths look at it."""

    body: bytes
    headers: Mapping[str, str]  # by lower-case name
    tokens: tuple[str, ...] = ()  # in the address: behind the source's name, or as `?token=`


@dataclass(frozen=True, slots=True)
class Trust:
    """A way to believe a request.

    Attributes:
        made: whether a secret is made here when none is given; otherwise the provider has it.
        sender: what the payload must name as its sender; empty where nothing.
        header: whether the source says in which header the signature or the token is.
    """

    name: str
    meaning: str
    kept: Kept
    made: bool = False
    sender: str = ""
    header: bool = False


_TRUSTS = (
    Trust("stripe", "Stripe's signature (`Stripe-Signature`)", Kept.PLAIN),
    Trust("shopify", "Shopify's signature (`X-Shopify-Hmac-Sha256`)", Kept.PLAIN),
    Trust("zendesk", "Zendesk's signature (`X-Zendesk-Webhook-Signature`)", Kept.PLAIN),
    Trust("intercom", "Intercom's signature (`X-Hub-Signature`)", Kept.PLAIN),
    Trust("sendgrid", "SendGrid's signature, verified with its public key", Kept.PUBLIC),
    Trust("sns", "Amazon SNS's signature, and the topic", Kept.NOTHING, sender="the ARN of the topic"),
    Trust("standard", "a signature of Standard Webhooks (`webhook-signature`)", Kept.PLAIN, made=True),
    Trust("hmac", "HMAC-SHA256 of the body in a header, as hex or base64", Kept.PLAIN, header=True),
    Trust("salesforce", "a token in the address, and the organisation", Kept.HASH, made=True,
          sender="the id of the organisation"),
    Trust("basic", "user and password of Basic authentication", Kept.HASH, made=True),
    Trust("token", "a token in the address, in a header, or as `Authorization: Bearer`", Kept.HASH, made=True),
)  # fmt: skip
TRUSTS = {trust.name: trust for trust in _TRUSTS}
_VERIFIERS: dict[str, Callable[[Sequence[str], Delivery, dt.datetime], str | None]] = {
    "stripe": lambda keys, sent, now: signatures.stripe(keys, sent.headers, sent.body, now),
    "shopify": lambda keys, sent, _: signatures.shopify(keys, sent.headers, sent.body),
    "zendesk": lambda keys, sent, now: signatures.zendesk(keys, sent.headers, sent.body, now),
    "intercom": lambda keys, sent, _: signatures.intercom(keys, sent.headers, sent.body),
    "sendgrid": lambda keys, sent, now: signatures.sendgrid(keys, sent.headers, sent.body, now),
    "standard": lambda keys, sent, now: signatures.standard(keys, sent.headers, sent.body, now),
}
_PREFIX = "sha256$"


def chosen(name: str) -> Trust:
    """The trust of that name.

    Raises:
        InputError: there is none.
    """
    if name not in TRUSTS:
        raise InputError(f"there is no trust `{name}`", hint=f"It is one of: {', '.join(TRUSTS)}.")
    return TRUSTS[name]


def made(trust: Trust) -> str:
    """A new secret of 256 random bits, in the form that the trust takes."""
    if trust.name == "standard":
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    token = secrets.token_urlsafe(32)
    return f"ethogram:{token}" if trust.name == "basic" else token


def kept(trust: Trust, secret: str) -> str:
    """What the ledger keeps of a secret.

    Raises:
        InputError: it cannot be one.
    """
    if not secret.strip() or len(secret) > 2_000 or not secret.isprintable():
        raise InputError("the given secret cannot be one", hint="It is printable text of at most 2,000 characters.")
    if trust.name == "basic" and ":" not in secret:
        raise InputError("the given secret is no user with a password", hint="Write it as `user:password`.")
    if trust.name == "standard" and signatures.standard_key(secret) is None:
        raise InputError("the given secret is none of Standard Webhooks", hint="It is `whsec_` and base64 behind it.")
    if trust.name == "sendgrid" and signatures.public_key(secret) is None:
        raise InputError(
            "the given secret is no public key of SendGrid",
            hint="SendGrid shows it under Mail Settings, Event Webhook, as base64 on one line.",
        )
    if trust.kept is Kept.NOTHING:
        raise InputError(f"`{trust.name}` has no secret", hint="Leave it out.")
    return _hashed(secret) if trust.kept is Kept.HASH else secret


def distrusted(
    trust: Trust, kept_secrets: Sequence[str], header: str | None, sent: Delivery, now: dt.datetime
) -> Refused | None:
    """Why a request is not the provider's; None when it is, as far as can be seen without its content."""
    if trust.name in _VERIFIERS:
        problem = _VERIFIERS[trust.name](kept_secrets, sent, now)
    elif trust.name == "hmac":
        problem = signatures.generic(kept_secrets, sent.headers.get((header or "").lower(), ""), sent.body)
    elif trust.name == "sns":
        return None  # signed inside the body: `sns.py`
    else:
        given = _basic(sent.headers) if trust.name == "basic" else _tokens(sent, header)
        good = [hmac.compare_digest(_hashed(each), known) for each in given for known in kept_secrets]
        problem = None if any(good) else signatures.WRONG if given else signatures.UNSIGNED
    return None if problem is None else refused(problem)


def refused(problem: str) -> Refused:
    """The answer to a request that is not believed; it says as little as helps."""
    return Refused(problem, _MESSAGES[problem], 401)


_MESSAGES = {
    signatures.UNSIGNED: "the request carries no signature or secret of this source",
    signatures.WRONG: "the signature or secret is not this source's",
    signatures.STALE: "the signature is older than five minutes, or of the future",
}


def _hashed(secret: str) -> str:
    return _PREFIX + hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _basic(headers: Mapping[str, str]) -> list[str]:
    kind, _, value = headers.get("authorization", "").strip().partition(" ")
    if kind.lower() != "basic":
        return []
    try:
        return [base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")]
    except (binascii.Error, ValueError):
        return []


def _tokens(sent: Delivery, header: str | None) -> list[str]:
    """What may be the token: the named header's only, where there is one, else of the address and `Authorization`."""
    if header:
        named = sent.headers.get(header.lower(), "").strip()
        return [named] if named else []
    kind, _, value = sent.headers.get("authorization", "").strip().partition(" ")
    bearer = [value.strip()] if kind.lower() == "bearer" and value.strip() else []
    return [*(each for each in sent.tokens if each), *bearer]
