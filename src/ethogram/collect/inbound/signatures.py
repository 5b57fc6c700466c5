"""Signatures of providers, recomputed over the bytes that came.

Step of the path: collect. Each function gives None for a good signature, or which kind of problem there is. Several
keys may be good at once, so that they can be changed without a pause. Sources: docs.stripe.com/webhooks (verify
manually); shopify.dev, "Deliver webhooks through HTTPS"; developer.zendesk.com, "Verifying webhook authenticity";
developers.intercom.com, "Webhooks" (signed notifications); twilio.com/docs/sendgrid, "Event Webhook security
features"; standardwebhooks.com (specification, symmetric signatures).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

UNSIGNED, WRONG, STALE = "unsigned", "wrong_signature", "stale_signature"
TOLERANCE = dt.timedelta(minutes=5)  # each provider signs anew when it sends again
_MOST = 20  # signatures that one request may carry
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Headers = Mapping[str, str]
_Read = Callable[[str], bytes | None]


def stripe(keys: Sequence[str], headers: Headers, body: bytes, now: dt.datetime) -> str | None:
    """`t=seconds,v1=hex` over `t.body`; of several `v1` one must fit."""
    parts = [each.strip().partition("=") for each in headers.get("stripe-signature", "").split(",")[: 2 * _MOST]]
    at = next((value for name, _, value in parts if name == "t"), "")
    given = [value for name, _, value in parts if name == "v1"][:_MOST]
    if not at or not given:
        return UNSIGNED
    return _of(keys, at.encode() + b"." + body, "sha256", given, _hex) or _age(at, now)


def shopify(keys: Sequence[str], headers: Headers, body: bytes) -> str | None:
    """Base64 over the body."""
    given = headers.get("x-shopify-hmac-sha256", "")
    return _of(keys, body, "sha256", [given], _base64) if given else UNSIGNED


def zendesk(keys: Sequence[str], headers: Headers, body: bytes, now: dt.datetime) -> str | None:
    """Base64 over timestamp and body, without anything between them."""
    given, at = headers.get("x-zendesk-webhook-signature", ""), headers.get("x-zendesk-webhook-signature-timestamp", "")
    if not given or not at:
        return UNSIGNED
    return _of(keys, at.encode() + body, "sha256", [given], _base64) or _age(at, now)


def intercom(keys: Sequence[str], headers: Headers, body: bytes) -> str | None:
    """`sha1=hex` over the body."""
    kind, _, given = headers.get("x-hub-signature", "").partition("=")
    return _of(keys, body, "sha1", [given], _hex) if kind == "sha1" and given else UNSIGNED


def standard(keys: Sequence[str], headers: Headers, body: bytes, now: dt.datetime) -> str | None:
    """`v1,base64` over `id.timestamp.body`; of several one must fit."""
    name, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    listed = [each.partition(",") for each in headers.get("webhook-signature", "").split(" ")[:_MOST]]
    given = [value for version, _, value in listed if version == "v1"]
    if not name or not at or not given:
        return UNSIGNED
    signed = f"{name}.{at}.".encode() + body
    raw = [key for each in keys if (key := standard_key(each)) is not None]
    return _of(raw, signed, "sha256", given, _base64) or _age(at, now)


def standard_key(secret: str) -> bytes | None:
    """The key that a secret of Standard Webhooks holds; None where it is none."""
    return _base64(secret.removeprefix("whsec_")) or None


def generic(keys: Sequence[str], given: str, body: bytes) -> str | None:
    """HMAC-SHA256 over the body, in hex or base64, also as `sha256=…`."""
    value = given.strip().removeprefix("sha256=")
    if not value:
        return UNSIGNED
    return _of(keys, body, "sha256", [value], _hex if re.fullmatch(r"[0-9a-fA-F]{64}", value) else _base64)


def sendgrid(keys: Sequence[str], headers: Headers, body: bytes, now: dt.datetime) -> str | None:
    """ECDSA with SHA-256 over timestamp and body, in base64."""
    given = headers.get("x-twilio-email-event-webhook-signature", "")
    at = headers.get("x-twilio-email-event-webhook-timestamp", "")
    if not given or not at:
        return UNSIGNED
    signature = _base64(given)
    good = signature is not None and any(_is_by(key, signature, at.encode() + body) for key in keys)
    return _age(at, now) if good else WRONG


def public_key(text: str) -> EllipticCurvePublicKey | None:
    """The public key that base64 holds; None where it holds none."""
    from cryptography.hazmat.primitives import serialization  # 40 ms that only those who verify with it pay
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    held = _base64(re.sub(r"-----[A-Z ]+-----|\s", "", text))
    try:
        key = serialization.load_der_public_key(held or b"")
    except Exception:  # noqa: BLE001  # whatever is wrong with it, it is no key
        return None
    return key if isinstance(key, EllipticCurvePublicKey) else None


def _is_by(key: str, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # as above
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    public = public_key(key)
    if public is None:
        return False
    try:
        public.verify(signature, signed, ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _of(
    keys: Sequence[str] | Sequence[bytes], signed: bytes, digest: str, given: Sequence[str], read: _Read
) -> str | None:
    """None when one of the given signatures is by one of the keys; all are compared, whichever fits."""
    raw = [key.encode() if isinstance(key, str) else key for key in keys]
    right = [hmac.new(key, signed, getattr(hashlib, digest)).digest() for key in raw]
    found = [value for each in given if (value := read(each)) is not None]
    good = [hmac.compare_digest(mine, theirs) for mine in right for theirs in found]
    return None if any(good) else WRONG


def _hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text.strip())
    except ValueError:
        return None


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def _age(text: str, now: dt.datetime) -> str | None:
    """STALE for an instant more than five minutes from now, in seconds since 1970 or ISO 8601."""
    try:
        at = dt.datetime.fromisoformat(text) if not text.isdigit() else _EPOCH + dt.timedelta(seconds=int(text))
        at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at
        return None if abs(now - at) <= TOLERANCE else STALE
    except (ValueError, OverflowError):
        return STALE
