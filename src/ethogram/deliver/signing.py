"""Signatures of what is sent, after Standard Webhooks 1.0: a receiver can tell that it came from here, unchanged.

Step of the path: deliver. Pure. Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
_FEWEST, _MOST = 24, 64  # bytes of a secret


def new_secret() -> str:
    """A secret of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_secret(text: str) -> bool:
    """Whether a text is a secret that can sign."""
    try:
        return text.startswith(PREFIX) and _FEWEST <= len(_key(text)) <= _MOST
    except ValueError:
        return False


def headers(id: str, at: dt.datetime, body: bytes, signers: Sequence[str]) -> dict[str, str]:
    """The headers that sign a request: one signature for each secret that is good now.

    Args:
        id: the delivery's, the same at every attempt.
        at: the instant of this attempt.
    """
    timestamp = str(int(at.timestamp()))
    signed = b".".join((id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in signers),
    }


def _signature(secret: str, signed: bytes) -> str:
    return base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
