"""A hidden secret that is saved again stands for the earlier one, and goes to nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from ethogram.errors import DefinitionError
from ethogram.model.provider import Provider
from ethogram.model.provider_secrets import HIDDEN, filled

SMTP = {
    "channel": "email", "kind": "smtp", "host": "mail.example", "sender": "Shop <news@shop.example>",
    "username": "shop", "password": "hunter2",
}  # fmt: skip
TEXTS = {"channel": "sms", "kind": "twilio", "account": "AC1", "token": "tok", "sender": "+46701740605"}
HOOKS = {"channel": "webhook", "kind": "webhook", "secrets": ["whsec_one", "whsec_two"]}
PUSH = {
    "channel": "push", "kind": "push",
    "fcm": {"account": "{}"},
    "apns": {"key": "pem", "key_id": "K", "team_id": "T", "topic": "app.shop"},
}  # fmt: skip


def saved(body: dict[str, Any]) -> Provider:
    return Provider.from_body("p", body)


@pytest.mark.parametrize("body", [SMTP, TEXTS, HOOKS, PUSH])
def test_what_is_shown_can_be_saved_again_and_says_the_same(body: dict[str, Any]) -> None:
    earlier = saved(body)
    shown = earlier.describe()
    assert HIDDEN in str(shown)
    assert Provider.from_body("p", filled("p", shown, earlier)) == earlier


def test_a_new_secret_takes_the_place_of_the_earlier_one() -> None:
    body = {**SMTP, "password": "new"}
    assert filled("p", body, saved(SMTP)) == body


@pytest.mark.parametrize(
    ("body", "change", "named"),
    [
        (SMTP, {"host": "evil.example"}, "host"),
        (SMTP, {"port": 2525}, "port"),
        (SMTP, {"sender": "x@evil.example"}, "sender"),
        (SMTP, {"username": "other"}, "username"),
        (TEXTS, {"url": "https://evil.example"}, "url"),
        (TEXTS, {"account": "AC2"}, "account"),
        (TEXTS, {"channel": "whatsapp"}, "channel"),
        (PUSH, {"fcm": {"account": HIDDEN, "url": "https://evil.example"}}, "fcm.url"),
    ],
)
def test_a_hidden_secret_goes_to_nobody_else(body: dict[str, Any], change: dict[str, Any], named: str) -> None:
    earlier = saved(body)
    with pytest.raises(DefinitionError) as refused:
        filled("p", {**earlier.describe(), **change}, earlier)
    assert f"`{named}`" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_what_is_no_matter_of_the_secret_may_change() -> None:
    earlier = saved(SMTP)
    found = filled("p", {**earlier.describe(), "per_second": 5}, earlier)
    assert Provider.from_body("p", found).settings == earlier.settings


def test_a_hidden_secret_without_an_earlier_one_is_refused() -> None:
    for earlier in (None, saved({**SMTP, "username": None, "password": None})):
        with pytest.raises(DefinitionError) as refused:
            filled("p", {**SMTP, "password": HIDDEN}, earlier)
        assert refused.value.faults[0][0] == "password"


def test_of_a_list_of_secrets_each_stands_for_the_one_in_its_place() -> None:
    earlier = saved(HOOKS)
    assert filled("p", {**HOOKS, "secrets": ["whsec_new", HIDDEN]}, earlier) == {
        **HOOKS, "secrets": ["whsec_new", "whsec_two"],
    }  # fmt: skip
    for secrets in ([HIDDEN], [HIDDEN, HIDDEN, HIDDEN]):  # which one was taken away? what would the third be?
        with pytest.raises(DefinitionError):
            filled("p", {**HOOKS, "secrets": secrets}, earlier)
