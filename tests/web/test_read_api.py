"""Asking while a page waits: the answers are the library's, the keys are held, and bad questions are told so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from ethogram.model.results import ProfileView
from web.running import Server
from web.shop import MANAGE, READ, SEGMENTS, WRITE, quoted, serving, shop

IDS = ("p0", "p1", "p4", "p13", "odd/id ?&#%2F é")


class Shop:
    def __init__(
        self, server: Server, people: dict[str, ProfileView], members: dict[str, list[dict[str, Any]]]
    ) -> None:
        self.server, self.people, self.members = server, people, members

    def get(self, path: str, headers: dict[str, str] = READ) -> Any:
        return self.server.send(path, headers=headers, method="GET")


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    path = shop(tmp_path_factory.mktemp("shop") / "w")
    with eg.open(path) as opened:
        people = {id_: opened.profile(id_) for id_ in IDS}
        members = {name: opened.members(name).to_pylist() for name in SEGMENTS}
    with serving(path) as server:
        yield Shop(server, people, members)


def _instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


@pytest.mark.parametrize("id_", IDS)
def test_profile_is_what_the_library_says_of_it(at: Shop, id_: str) -> None:
    answer = at.get(f"/v1/profiles/{quoted(id_)}")
    assert answer.status == 200, answer.body
    told, known = answer.json, at.people[id_]
    assert told["profile_id"] == id_
    assert told["traits"] == known.traits
    assert _instant(told["known_at"]) == known.known_at
    assert told["anonymous"] == known.anonymous
    assert [(each["name"], _instant(each["since"])) for each in told["segments"]] == [
        (each.name, each.since) for each in known.segments
    ]
    assert "scores" not in told
    assert answer.headers["cache-control"] == "no-store"


def test_segments_of_a_profile_come_without_its_traits(at: Shop) -> None:
    whole = at.get("/v1/profiles/p13").json
    for path in ("/v1/profiles/p13/segments", "/v1/profiles/p13?traits=false"):
        told = at.get(path).json
        assert "traits" not in told
        assert told["segments"] == whole["segments"] != []


@pytest.mark.parametrize("name", SEGMENTS)
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_of_members_are_everybody_once_in_the_librarys_order(at: Shop, name: str, limit: int) -> None:
    found: list[dict[str, Any]] = []
    after = ""
    for _ in range(100):
        page = at.get(f"/v1/segments/{quoted(name)}/members?limit={limit}{after}").json
        found += page["members"]
        if page["next_after"] is None:
            break
        after = f"&after={quoted(page['next_after'])}"
    assert [(each["profile_id"], _instant(each["entered_at"])) for each in found] == [
        (each["profile_id"], each["entered_at"]) for each in at.members[name]
    ]


def test_members_come_with_the_traits_that_are_asked_for(at: Shop) -> None:
    page = at.get("/v1/segments/swedes/members?trait=country&trait=n&trait=nothing").json
    assert {each["profile_id"]: each["traits"] for each in page["members"]} == {
        "odd/id ?&#%2F é": {"country": "SE", "n": -1},
        **{f"p{who}": {"country": "SE", "n": who} for who in range(1, 40, 2)},
    }


def test_nobody_and_nothing_are_404_with_a_code(at: Shop) -> None:
    for path in ("/v1/profiles/nobody", "/v1/profiles/nobody/segments", "/v1/segments/nothing/members"):
        answer = at.get(path)
        assert (answer.status, answer.json["code"]) == (404, "unknown_name")
    for path in ("/v1/profiles", "/v1/profiles/", "/v1/segments/buyers", "/v1/profiles/p1/other"):
        answer = at.get(path)
        assert (answer.status, answer.json["code"]) == (404, "not_found"), path


@pytest.mark.parametrize("path", ["/v1/profiles/p1", "/v1/profiles/p1/segments", "/v1/segments/buyers/members"])
def test_key_must_be_there_and_allow_reading(at: Shop, path: str) -> None:
    basic = {"Authorization": "Basic cmtfZGVtbzo="}  # rk_demo:
    assert [at.get(path, each).status for each in (READ, MANAGE, basic)] == [200, 200, 200]
    assert [at.get(path, each).status for each in ({}, {"Authorization": "Bearer none"})] == [401, 401]
    assert at.get(path, WRITE).status == 403
    assert at.get(path + "?writeKey=rk_demo", {}).status == 401, "a key in an address would be in logs"
    other = at.get(path, {**READ, "Origin": "https://elsewhere.example"})
    assert not [name for name in other.headers if name.startswith("access-control")]


def test_a_reading_key_may_not_manage(at: Shop) -> None:
    body = {"text": "did(x)"}
    assert at.server.send("/api/segments/new", body, READ, method="PUT").status == 403
    assert at.server.send("/api/segments/new", body, WRITE, method="PUT").status == 403


HOSTILE = (
    "' OR 1=1 --", "{id:String}", "%s", "\\", "a" * 3_000, "\x00", "í\xa0\x80",
    "url('http://127.0.0.1')", "`", "\u202e", "__proto__", "../../etc/passwd", "..", ".", "%2e%2e", "*", "🦊",
)  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_names_are_nobody(at: Shop, value: str) -> None:
    assert at.get(f"/v1/profiles/{quoted(value)}").status == 404
    assert at.get(f"/v1/segments/{quoted(value)}/members").status == 404
    assert at.get(f"/v1/segments/buyers/members?after={quoted(value)}").status == 200
    assert at.get(f"/v1/segments/buyers/members?trait={quoted(value)}").status == 200
    assert at.get(f"/api/segments/{quoted(value)}", MANAGE).status == 404


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1001", "limit=x", "limit=", "limit=٣", "limit=1e3", "sort=id", "limit=" + "9" * 400],
)
def test_bad_question_is_told_so(at: Shop, query: str) -> None:
    answer = at.get(f"/v1/segments/buyers/members?{quoted(query).replace('%3D', '=')}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_request")


def test_bytes_that_are_no_text_are_nobody(at: Shop) -> None:
    assert at.get("/v1/profiles/%ff%fe").status == 404
    assert at.get("/v1/profiles/p1?traits=%ff").status == 400


def test_other_methods_are_refused(at: Shop) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = at.server.send("/v1/profiles/p1", headers=READ, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_new_key_is_good_at_once_and_a_revoked_one_soon_is_not(at: Shop, tmp_path: Path) -> None:
    made = at.server.send("/api/keys", {"scope": "read", "label": "t"}, MANAGE).json
    held = {"Authorization": f"Bearer {made['value']}"}
    answers = [at.get("/v1/profiles/p1", held).status for _ in range(3)]
    assert 200 in answers or _later(lambda: at.get("/v1/profiles/p1", held).status, 200)
    assert at.server.send(f"/api/keys/{made['id']}", headers=MANAGE, method="DELETE").status == 200
    assert _later(lambda: at.get("/v1/profiles/p1", held).status, 401)


def _later(asked: Any, wanted: int) -> bool:
    import time

    ends = time.monotonic() + 15
    while asked() != wanted:
        if time.monotonic() > ends:
            return False
        time.sleep(0.2)  # another process reads its keys every few seconds
    return True


def test_process_that_only_collects_says_where_to_ask(tmp_path: Path) -> None:
    with serving(shop(tmp_path / "w", people=2), role="collect") as server:
        for path in ("/v1/profiles/p1", "/v1/segments/x/members", "/v1/changes", "/api/segments"):
            answer = server.send(path, headers=READ, method="GET")
            assert (answer.status, answer.json["code"]) == (404, "not_here")


def test_process_that_takes_no_events_answers_too(tmp_path: Path) -> None:
    with serving(shop(tmp_path / "w", people=2), role="work") as server:
        assert server.send("/v1/profiles/p1", headers=READ, method="GET").json["profile_id"] == "p1"
        assert server.send("/v1/profiles/p1", headers=WRITE, method="GET").status == 403
