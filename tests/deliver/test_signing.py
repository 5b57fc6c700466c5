"""Signatures, judged by the reference implementation of Standard Webhooks."""

from __future__ import annotations

import base64
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import WebhookVerificationError

from deliver.reference import Reference
from ethogram.deliver import signing

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


@given(
    st.binary(max_size=200), st.from_regex(r"msg_[a-z0-9]{1,40}", fullmatch=True), st.binary(min_size=24, max_size=64)
)
def test_the_reference_accepts_what_is_signed(body: bytes, id: str, key: bytes) -> None:
    secret = signing.PREFIX + base64.b64encode(key).decode()
    text = body.decode("latin-1").encode()  # the reference decodes what it verifies
    signed = signing.headers(id, NOW, text, (secret,))
    assert signing.is_secret(secret)
    assert signed["webhook-signature"] == Reference(secret, NOW).sign(id, NOW, text.decode())
    with pytest.raises(WebhookVerificationError):
        Reference(secret, NOW).verify(text + b" ", signed)


def test_both_secrets_are_good_while_they_overlap() -> None:
    first, second, third = (signing.new_secret() for _ in range(3))
    signed = signing.headers("msg_1", NOW, b'{"a":1}', (second, first))
    for secret in (first, second):
        assert Reference(secret, NOW).verify(b'{"a":1}', signed) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Reference(third, NOW).verify(b'{"a":1}', signed)


def test_secrets_are_long_random_and_of_the_right_form() -> None:
    made = {signing.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(signing.is_secret(each) for each in made)
    for wrong in ("", "whsec_", "whsec_abc", "abc", "whsec_" + base64.b64encode(b"x" * 23).decode(),
                  "whsec_" + base64.b64encode(b"x" * 65).decode(), "whsec_ü" + "a" * 40):  # fmt: skip
        assert not signing.is_secret(wrong), wrong
