"""Addresses have one form each, and what is none has none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.model.contacts import key_of, same_person_key
from ethogram.model.message import Channel


@pytest.mark.parametrize(
    ("channel", "written", "key"),
    [
        (Channel.EMAIL, "Ann.Lee@Shop.EXAMPLE", "ann.lee@shop.example"),
        (Channel.EMAIL, "ann@straße.example", "ann@xn--strae-oqa.example"),
        (Channel.EMAIL, "ANN@XN--STRAE-OQA.example", "ann@xn--strae-oqa.example"),
        (Channel.EMAIL, "Åsa@shop.example", "åsa@shop.example"),
        (Channel.EMAIL, "A\u030asa@shop.example", "åsa@shop.example"),
        (Channel.EMAIL, "a@localhost", "a@localhost"),
        (Channel.SMS, "+46 (0)70", None),
        (Channel.SMS, "+46 70-123 45 67", "+46701234567"),
        (Channel.WHATSAPP, "0049 30 1234567", "+49301234567"),
        (Channel.SMS, "070-123 45 67", None),
        (Channel.SMS, "+0701234567", None),
        (Channel.PUSH, " token ", "token"),
        (Channel.PUSH, " ", None),
        *(
            (Channel.EMAIL, written, None)
            for written in ("", "ann", "@x.example", "a@", "a@b@c", "a b@x.example", "a@x..example", "a@.example",
                            "a@x.example\r\nBcc: b@x.example", "a@-x.example", "a@" + "x" * 300, "a,b@x.example",
                            "å\n@x.example", "a@x\u2028.example")
        ),
    ],
)  # fmt: skip
def test_each_address_has_one_form(channel: Channel, written: str, key: str | None) -> None:
    assert key_of(channel, written) == key


@given(st.sampled_from(Channel), st.text() | st.emails())
def test_the_form_of_a_form_is_itself(channel: Channel, written: str) -> None:
    key = key_of(channel, written)
    assert key is None or key_of(channel, key) == key


def test_what_stands_behind_a_plus_reaches_the_same_mailbox() -> None:
    assert same_person_key(Channel.EMAIL, "a+b+c@x.example") == "a@x.example"
    assert same_person_key(Channel.EMAIL, "+b@x.example") == "+b@x.example"
    assert same_person_key(Channel.SMS, "+46701234567") == "+46701234567"
