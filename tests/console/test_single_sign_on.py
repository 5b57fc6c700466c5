"""Signing in by a provider: who may, and everything that a provider or an attacker can say that proves nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

import ethogram as eg
from console.asked import PASSWORD, Console, Got, opened
from console.provider import CLIENT, SECRET, Provider
from ethogram import config, single_sign_on
from ethogram.team import Role

BACK = "/console/sign-in/returned?"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as made:
        yield made


@pytest.fixture
def console(tmp_path: Path, provider: Provider) -> Iterator[Console]:
    place = tmp_path / "shop"
    eg.init(place).close()
    settings = config.given(
        {"allow_addresses": "127.0.0.1", "oidc_issuer": provider.issuer, "oidc_client": CLIENT, "oidc_secret": SECRET,
         "oidc_role": "analyst", "oidc_domains": "else.example, staff.example", "public_url": "https://who.example"}
    )  # fmt: skip
    config.write(place, settings)
    with opened(place) as found:
        yield found


def left(browser: Console, back: str = "") -> str:
    """Where a browser is sent."""
    got = browser.get(f"/console/sign-in/provider?next={back}")
    assert got.status == 303, got.words
    return got.header("location")


def signed_in(browser: Console, provider: Provider, back: str = "", **changed: str) -> Got:
    """The whole way there and back."""
    return browser.get(BACK + urlencode({**provider.consent(left(browser, back)), **changed}))


def test_a_user_signs_in_and_sees_what_was_asked_for(console: Console, provider: Provider) -> None:
    _, token = console.team.invite(Role.MARKETER, "bo@shop.example")
    console.team.accept(token, "bo@shop.example", "Bo", PASSWORD)
    browser = console.signed_out()
    assert provider.issuer.removeprefix("http://") in browser.get("/console/sign-in").words
    got = signed_in(browser, provider, back="/console/segments")
    assert (got.status, got.header("location")) == (303, "/console/segments")
    assert browser.twin("/console/account")["user"]["role"] == "marketer"
    assert set(browser.cookies) == {"ethogram_session"}
    noted = [(each["actor"], each["verb"]) for each in console.twin("/console/settings/audit")["lines"]]
    assert ("bo@shop.example", "sign in") in noted


def test_who_was_invited_becomes_a_user_with_that_role(console: Console, provider: Provider) -> None:
    console.team.invite(Role.MARKETER, "bo@shop.example")
    browser = console.signed_out()
    assert signed_in(browser, provider).status == 303
    user = browser.twin("/console/account")["user"]
    assert (user["email"], user["name"], user["role"]) == ("bo@shop.example", "Bo B", "marketer")
    assert console.team.invitations() == ()
    assert console.team.sign_in("bo@shop.example", "") is None, "there is no password"


def test_a_welcome_domain_gives_its_role_and_another_none(console: Console, provider: Provider) -> None:
    provider.claims["email"] = "cy@STAFF.example"
    browser = console.signed_out()
    assert signed_in(browser, provider).status == 303
    assert browser.twin("/console/account")["user"]["role"] == "analyst"
    for stranger in ("eve@notstaff.example", "eve@staff.example.evil.example", "eve@shop.example"):
        provider.claims["email"] = stranger
        refused = signed_in(console.signed_out(), provider)
        assert refused.status == 403
        assert "nobody has invited" in refused.words


def test_who_was_kept_out_stays_out(console: Console, provider: Provider) -> None:
    provider.claims["email"] = "cy@staff.example"
    assert signed_in(console.signed_out(), provider).status == 303
    user = next(each for each in console.team.users() if each.email == "cy@staff.example")
    console.team.disable(user.id)
    assert signed_in(console.signed_out(), provider).status == 403


def _aud(claims: dict[str, Any]) -> None:
    claims["aud"] = "another"


def _azp(claims: dict[str, Any]) -> None:
    claims.update(aud=[CLIENT, "another"], azp="another")


def _iss(claims: dict[str, Any]) -> None:
    claims["iss"] = "https://evil.example"


def _nonce(claims: dict[str, Any]) -> None:
    claims["nonce"] = "of another"


def _without_nonce(claims: dict[str, Any]) -> None:
    del claims["nonce"]


def _old(claims: dict[str, Any]) -> None:
    claims["exp"] = int(time.time()) - 3_600


def _lasting(claims: dict[str, Any]) -> None:
    del claims["exp"]


def _unverified(claims: dict[str, Any]) -> None:
    claims["email_verified"] = False


def _addressless(claims: dict[str, Any]) -> None:
    del claims["email"]


@pytest.mark.parametrize(
    "forged", [_aud, _azp, _iss, _nonce, _without_nonce, _old, _lasting, _unverified, _addressless]
)
def test_a_token_that_proves_nothing_lets_nobody_in(
    console: Console, provider: Provider, forged: Callable[[dict[str, Any]], None]
) -> None:
    console.team.invite(Role.ADMIN, "bo@shop.example")
    provider.forged = forged
    browser = console.signed_out()
    assert signed_in(browser, provider).status == 403
    assert "ethogram_session" not in browser.cookies
    assert len(console.team.users()) == 1


def test_signatures_that_are_none_or_of_others_let_nobody_in(console: Console, provider: Provider) -> None:
    console.team.invite(Role.ADMIN, "bo@shop.example")
    with Provider() as evil:
        ((kid, key),) = provider.keys.items()
        ((_, strange),) = evil.keys.items()
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())
        for signed in (
            lambda claims: jwt.encode(claims, "", "none"),
            lambda claims: jwt.encode(claims, public, "HS256", {"kid": kid}),
            lambda claims: jwt.encode(claims, strange, "RS256", {"kid": kid}),
            evil.sign,
            lambda claims: "no.token.at-all",
            lambda claims: "",
        ):
            provider.signed = signed
            assert signed_in(console.signed_out(), provider).status == 403
    assert len(console.team.users()) == 1


def test_an_answer_is_good_once_and_for_the_browser_that_asked(console: Console, provider: Provider) -> None:
    console.team.invite(Role.ADMIN, "bo@shop.example")
    browser, other = console.signed_out(), console.signed_out()
    answer = BACK + urlencode(provider.consent(left(browser)))
    assert other.get(answer).status == 403, "another browser asked for it"
    left(other)
    assert other.get(answer).status == 403, "it asked for something else"
    assert browser.get(answer).status == 303
    again = console.signed_out()
    again.cookies.update(browser.cookies)
    assert again.get(answer).status in (303, 403)
    assert signed_in(console.signed_out(), provider, state="made-up").status == 403
    assert signed_in(console.signed_out(), provider, code="made-up").status == 403
    assert signed_in(console.signed_out(), provider, iss="https://evil.example").status == 403
    refused = signed_in(console.signed_out(), provider, error="access_denied", error_description="<b>no</b>")
    assert refused.status == 403
    assert "<b>no</b>" not in refused.text


def test_keys_may_change(console: Console, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.claims["email"] = "cy@staff.example"
    assert signed_in(console.signed_out(), provider).status == 303
    provider.rotate()
    assert signed_in(console.signed_out(), provider).status == 403, "it was looked for a moment ago"
    monkeypatch.setattr(single_sign_on, "_AGAIN", 0.0)
    assert signed_in(console.signed_out(), provider).status == 303


def test_an_address_may_be_told_apart_from_the_token(console: Console, provider: Provider) -> None:
    provider.document["userinfo_endpoint"] = f"{provider.issuer}/me"
    provider.userinfo = {"sub": "1", "email": "cy@staff.example", "email_verified": True}
    for name in ("email", "email_verified"):
        del provider.claims[name]
    assert signed_in(console.signed_out(), provider).status == 303
    provider.userinfo["sub"] = "2"
    assert signed_in(console.signed_out(), provider).status == 403


def test_a_provider_that_does_not_answer_leaves_passwords(console: Console, provider: Provider) -> None:
    provider.document["issuer"] = "https://another.example"
    got = console.signed_out().get("/console/sign-in/provider")
    assert got.status == 502
    assert "exactly as the provider writes it" in got.words
    provider.server.shutdown()
    provider.server.server_close()
    got = console.signed_out().get("/console/sign-in/provider")
    assert got.status == 502
    assert "Sign in with a password" in got.words
    assert console.team.sign_in("ada@shop.example", PASSWORD) is not None


def test_without_a_provider_none_is_offered(tmp_path: Path) -> None:
    place = tmp_path / "shop"
    eg.init(place).close()
    with opened(place) as console:
        browser = console.signed_out()
        assert "/sign-in/provider" not in browser.get("/console/sign-in").text
        assert browser.get("/console/sign-in/provider").status == 404
