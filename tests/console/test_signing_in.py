"""Signing in: sessions, roles, other sites, guessing, and what pages say about it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import ethogram as eg
from console.asked import PASSWORD, QUICK, Console, opened
from ethogram.clock import ManualClock
from ethogram.errors import InputError
from ethogram.team import IDLE, Role, Team, ThrottledError

START = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def place(tmp_path: Path, clock: ManualClock) -> Path:
    eg.init(tmp_path / "shop", clock=clock).close()
    return tmp_path / "shop"


def test_who_is_not_signed_in_is_led_to_the_form_and_back(console: Console) -> None:
    got = console.signed_out().get("/console/account?a=b")
    assert got.status == 303
    assert got.header("location") == "/console/sign-in?next=/console/account%3Fa%3Db"


def test_address_and_password_begin_a_session_that_scripts_cannot_read(console: Console) -> None:
    other = console.signed_out()
    form = {"email": "Ada@Shop.example ", "password": PASSWORD, "next": "/console/account"}
    got = other.post("/console/sign-in", form)
    assert (got.status, got.header("location")) == (303, "/console/account")
    cookie = got.header("set-cookie").lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/console" in cookie
    assert "Ada" in other.get("/console/account").words


def test_behind_https_the_cookie_is_for_https_only(console: Console) -> None:
    form = {"email": "ada@shop.example", "password": PASSWORD}
    got = console.signed_out().post("/console/sign-in", form, x_forwarded_proto="https")
    assert "secure" in got.header("set-cookie").lower()


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/console/", "/\\evil.example", "javascript:alert(1)", "/api/x"]
)
def test_signing_in_leads_to_no_other_site(console: Console, back: str) -> None:
    form = {"email": "ada@shop.example", "password": PASSWORD, "next": back}
    assert console.signed_out().post("/console/sign-in", form).header("location") == "/console/"


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(console: Console) -> None:
    pages = [
        console.signed_out().post("/console/sign-in", {"email": email, "password": "wrong password"})
        for email in ("ada@shop.example", "eve@shop.example")
    ]
    assert {page.status for page in pages} == {401}
    assert len({page.text.replace("ada@", "").replace("eve@", "") for page in pages}) == 1


def test_guessing_is_slowed_down_for_the_user_and_for_the_network(place: Path, clock: ManualClock) -> None:
    with Team(place, clock=clock, hasher=QUICK) as team:
        team.accept(team.first_token() or "", "ada@shop.example", "Ada", PASSWORD)
        for _ in range(5):
            assert team.sign_in("ada@shop.example", "wrong password", source="10.0.0.1") is None
        with pytest.raises(ThrottledError):
            team.sign_in("ada@shop.example", PASSWORD, source="10.9.9.9")
        clock.advance(dt.timedelta(minutes=6))
        assert team.sign_in("ada@shop.example", PASSWORD, source="10.9.9.9")
        for number in range(20):
            team.sign_in(f"{number}@shop.example", "wrong password", source="10.0.0.2")
        with pytest.raises(ThrottledError):
            team.sign_in("ada@shop.example", PASSWORD, source="10.0.0.2")


def test_each_signing_in_is_a_new_session_and_a_signed_out_one_is_dead(console: Console) -> None:
    before = console.cookies["ethogram_session"]
    other = console.signed_out()
    other.cookies["ethogram_session"] = "chosen-by-somebody-else"
    other.post("/console/sign-in", {"email": "ada@shop.example", "password": PASSWORD})
    assert other.cookies["ethogram_session"] not in (before, "chosen-by-somebody-else")
    held = dict(other.cookies)
    assert other.post("/console/sign-out").status == 303
    other.cookies = held
    assert other.get("/console/account").status == 303
    assert console.get("/console/account").status == 200


def test_a_session_ends_when_nobody_uses_it_and_at_its_end(place: Path, clock: ManualClock) -> None:
    with Team(place, clock=clock, hasher=QUICK) as team:
        session = team.accept(team.first_token() or "", "ada@shop.example", "Ada", PASSWORD)
        for _ in range(6):
            clock.advance(dt.timedelta(days=4))
            assert team.session(session) is not None
        clock.advance(dt.timedelta(days=6, minutes=1))
        assert team.session(session) is None  # a month after it began, though it was in use
        other = team.sign_in("ada@shop.example", PASSWORD)
        assert other is not None
        clock.advance(IDLE)
        assert team.session(other) is None


def test_the_first_link_works_once_and_an_older_one_not_at_all(place: Path, clock: ManualClock) -> None:
    with Team(place, clock=clock, hasher=QUICK) as team:
        older, newer = team.first_token(), team.first_token()
        assert older
        assert newer
        with pytest.raises(InputError, match="used or is too old"):
            team.accept(older, "eve@shop.example", "Eve", PASSWORD)
        team.accept(newer, "ada@shop.example", "Ada", PASSWORD)
        with pytest.raises(InputError, match="used or is too old"):
            team.accept(newer, "eve@shop.example", "Eve", PASSWORD)
        assert team.first_token() is None


def test_an_invitation_gives_its_role_to_its_address_only(place: Path, clock: ManualClock) -> None:
    with Team(place, clock=clock, hasher=QUICK) as team:
        team.accept(team.first_token() or "", "ada@shop.example", "Ada", PASSWORD)
        _, token = team.invite(Role.MARKETER, "Ben@shop.example")
        with pytest.raises(InputError, match=r"is for `ben@shop\.example`"):
            team.accept(token, "eve@shop.example", "Eve", PASSWORD)
        team.accept(token, "ben@shop.example", "Ben", PASSWORD)
        assert [(user.email, user.role) for user in team.users()][1:] == [("ben@shop.example", Role.MARKETER)]


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "abababababab", "adalovelace12"])
def test_passwords_that_are_easy_to_guess_are_refused(place: Path, clock: ManualClock, password: str) -> None:
    with Team(place, clock=clock, hasher=QUICK) as team, pytest.raises(InputError, match="password"):
        team.accept(team.first_token() or "", "adalovelace@shop.example", "Ada", password)


def test_the_only_admin_stays_one(place: Path, clock: ManualClock) -> None:
    with Team(place, clock=clock, hasher=QUICK) as team:
        team.accept(team.first_token() or "", "ada@shop.example", "Ada", PASSWORD)
        with pytest.raises(InputError, match="only one who may administer"):
            team.set_role(1, Role.VIEWER)
        with pytest.raises(InputError, match="only one who may administer"):
            team.disable(1)


def test_who_is_disabled_is_signed_out_at_once(console: Console) -> None:
    viewer = console.as_role(Role.VIEWER)
    assert viewer.get("/console/account").status == 200
    console.team.disable(2)
    assert viewer.get("/console/account").status == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_what_another_site_sends_is_refused(console: Console, site: str) -> None:
    console.site = site
    assert console.post("/console/account/theme", {"theme": "dark"}).status == 403


def test_an_old_browser_is_told_by_the_origin(console: Console) -> None:
    console.site = ""
    sent = {"theme": "dark"}
    assert console.post("/console/account/theme", sent).status == 403
    assert console.post("/console/account/theme", sent, origin="https://evil.example").status == 403
    assert console.post("/console/account/theme", sent, origin="http://testserver").status == 303


def test_every_page_says_what_browsers_may_load(console: Console) -> None:
    got = console.get("/console/account")
    assert "script-src 'self'" in got.header("content-security-policy")
    assert "unsafe" not in got.header("content-security-policy")
    assert got.header("cache-control") == "no-store"
    assert got.header("x-content-type-options") == "nosniff"


def test_what_somebody_does_is_audited_as_theirs(console: Console) -> None:
    from ethogram.collecting import open_ledger

    console.post("/console/account/password", {"old": PASSWORD, "new": "another fine horse"})
    ledger = open_ledger(console.workspace.path)
    try:
        newest = ledger.audit(1)[0]
    finally:
        ledger.close()
    assert (newest.actor, newest.verb) == ("ada@shop.example", "change password")


def test_a_name_with_a_script_stays_text(place: Path, clock: ManualClock) -> None:
    with opened(place, clock=clock) as console:
        _, token = console.team.invite(Role.VIEWER)
        name = '<script>alert(1)</script>"onload=x'
        console.cookies = {"ethogram_session": console.team.accept(token, "x@shop.example", name, PASSWORD)}
        got = console.get("/console/account")
        assert "<script>alert" not in got.text
        assert name in got.words


def test_a_page_that_is_not_there_says_so(console: Console) -> None:
    got = console.get("/console/nothing")
    assert got.status == 404
    assert "there is no such page" in got.words
