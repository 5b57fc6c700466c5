"""The management API: its answers are the library's, each verb of the command line has its route, nothing is a 5xx."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from pyarrow import csv, ipc, parquet
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import ethogram as eg
from ethogram.cli.app import SECTIONS
from ethogram.cli.plain import to_plain
from web.running import Answer, Server
from web.shop import MANAGE, READ, SEGMENTS, WRITE, quoted, serving, shop

AS_OF = "2026-02-01T00:00:00+00:00"


class Shop:
    def __init__(self, server: Server, known: dict[str, Any]) -> None:
        self.server, self.known = server, known

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] = MANAGE) -> Answer:
        kind = {} if isinstance(body, bytes) or body is None else {"Content-Type": "application/json"}
        return self.server.send(path, body, {**kind, **headers}, method=method)

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    path = shop(tmp_path_factory.mktemp("shop") / "w")
    moment = eg.open(path)
    with moment as opened:
        instant = opened.now()
        known: dict[str, Any] = {
            "/api/segments": opened.segments.list(),
            "/api/segments/buyers": opened.segments.get("buyers"),
            "/api/segments/a%2Fb%3A%20%C3%A9/versions": opened.segments.versions("a/b: é"),
            "/api/segments/buyers/history": opened.history("buyers"),
            f"/api/segments/regulars/why/p4?as_of={quoted(instant.isoformat())}": opened.why(
                "regulars", "p4", as_of=instant
            ),
            f"/api/profiles/p4?as_of={quoted(instant.isoformat())}": opened.profile("p4", as_of=instant, limit=20),
            "/api/events": {"events": opened.catalogue().events, "warnings": opened.catalogue().warnings},
            "/api/events/visit": next(each for each in opened.catalogue().events if each.name == "visit"),
            "/api/traits": opened.catalogue().traits,
            "/api/traits/country": next(each for each in opened.catalogue().traits if each.name == "country"),
            "/api/vocabulary": opened.vocabulary().to_dict(),
            "/api/settings": opened.settings,
        }
        known["overlap"] = opened.overlap(["buyers", "swedes"])
        known["members"] = opened.members("swedes")
        known["evaluate"] = opened.evaluate(["p1", "p4", "nobody"])
        known["preview"] = opened.preview("count(purchase) >= 2", as_of=instant)
        known["explain"] = opened.explain("swedes", as_of=instant)
        known["instant"] = instant.isoformat()
    plain = {name: value if name in ("members", "overlap") else to_plain(value) for name, value in known.items()}
    with serving(path) as server:
        yield Shop(server, plain)


def _same(told: Any, known: Any) -> None:
    assert _bare(told) == _bare(known)


def _bare(value: Any) -> Any:
    """Without what takes as long as it takes, and with instants written in one way."""
    if isinstance(value, dict):
        return {name: _bare(held) for name, held in value.items() if name != "milliseconds"}
    if isinstance(value, list):
        return [_bare(each) for each in value]
    return value.replace("+00:00", "Z") if isinstance(value, str) else value


def test_answers_are_the_librarys(at: Shop) -> None:
    for path, known in at.known.items():
        if path.startswith("/"):
            _same(at.get(path), known)


def test_questions_about_people_are_answered_as_in_the_library(at: Shop) -> None:
    told = at.ask("POST", "/api/preview", {"text": "count(purchase) >= 2", "as_of": at.known["instant"]})
    _same(told.json, at.known["preview"])
    told = at.ask("POST", "/api/explain", {"text": "swedes", "as_of": at.known["instant"]})
    assert {**told.json, **dict.fromkeys(("rows_read", "bytes_read", "milliseconds"))} == {
        **at.known["explain"], **dict.fromkeys(("rows_read", "bytes_read", "milliseconds"))
    }  # fmt: skip
    told = at.ask("POST", "/api/evaluate", {"profile_ids": ["p1", "p4", "nobody"]})
    assert told.json == at.known["evaluate"]
    overlap = at.known["overlap"]
    told = at.get("/api/overlap?segment=buyers&segment=swedes")
    assert told["sizes"] == overlap.sizes
    assert {tuple(each["names"]): each["count"] for each in told["exact"]} == overlap.exact
    assert {tuple(each["names"]): each["count"] for each in told["pairs"]} == overlap.pairs


def test_members_come_in_pages_and_in_each_format(at: Shop) -> None:
    everybody = at.known["members"].to_pylist()
    ids = [each["profile_id"] for each in everybody]
    first = at.get("/api/members?segment=swedes&limit=5")
    rest = at.get(f"/api/members?segment=swedes&limit=1000&after={quoted(first['next_after'])}")
    assert [each["profile_id"] for each in first["members"] + rest["members"]] == ids
    assert rest["next_after"] is None

    def export(kind: str) -> bytes:
        answer = at.ask("GET", f"/api/members?segment=swedes&format={kind}")
        assert answer.status == 200
        return answer.body

    with ipc.open_stream(export("arrow")) as stream:
        assert stream.read_all().to_pylist() == everybody
    assert parquet.read_table(io.BytesIO(export("parquet"))).column("profile_id").to_pylist() == ids
    table = csv.read_csv(
        io.BytesIO(export("csv")), convert_options=csv.ConvertOptions(column_types={"profile_id": pa.string()})
    )
    assert table.column("profile_id").to_pylist() == ids
    assert [json.loads(line)["profile_id"] for line in export("jsonl").splitlines()] == ids
    accepted = at.ask("GET", "/api/members?segment=swedes", headers={**MANAGE, "Accept": "text/csv"})
    assert accepted.headers["content-type"].startswith("text/csv")
    assert accepted.body == export("csv")


def test_segments_are_saved_listed_and_deleted(at: Shop) -> None:
    saved = at.ask("PUT", "/api/segments/some%2Fwhere", {"text": "did(purchase)", "description": "d"}).json
    assert (saved["name"], saved["version"], saved["description"]) == ("some/where", 1, "d")
    assert at.ask("PUT", "/api/segments/some%2Fwhere", {"text": "did(visit)"}).json["version"] == 2
    assert at.get("/api/segments/some%2Fwhere?version=1")["text"] == "did(purchase)"
    at.ask("PUT", "/api/segments/user", {"text": "in_segment('some/where')"})
    refused = at.ask("DELETE", "/api/segments/some%2Fwhere")
    assert (refused.status, refused.json["code"]) == (409, "segment_invalid")
    for name in ("user", "some%2Fwhere"):
        assert at.ask("DELETE", f"/api/segments/{name}").status == 200
    assert at.ask("GET", "/api/segments/user").status == 404


def test_texts_are_checked_and_completed_while_they_are_written(at: Shop) -> None:
    told = at.ask("POST", "/api/check", {"text": "did(purchse)"}).json
    (problem,) = told["problems"]
    assert (told["ok"], problem["warning"], problem["start"], problem["end"]) == (True, True, 4, 11)
    assert problem["fixes"][0]["text"] == "purchase"
    again = at.ask("POST", "/api/check", {"tree": told["tree"]}).json
    assert (again["text"], again["tree"]) == ("did(purchse)", told["tree"])
    assert at.ask("POST", "/api/check", {"tree": {"condition": {"type": "did"}}}).status == 400
    offered = at.ask("POST", "/api/complete", {"text": "country = ", "cursor": 10}).json["offers"]
    assert [(each["label"], each["count"]) for each in offered] == [("'SE'", 21), ("'DK'", 20)]


def test_the_people_of_a_segment_are_told_apart(at: Shop) -> None:
    told = at.get("/api/segments/swedes/persona")
    (first, *_) = told["distinctions"]
    assert (first["kind"], first["name"], first["value"], first["defining"]) == ("trait", "country", "SE", True)
    assert at.get("/api/segments/buyers/report")["members"]["people"] == 32
    assert at.ask("GET", "/api/segments/nothing/persona").status == 404


def test_what_an_edit_would_change_is_told_and_nothing_is_saved(at: Shop) -> None:
    swedes = {str(each) for each in at.known["members"].column("profile_id").to_pylist()}
    told = at.ask("POST", "/api/segments/swedes/difference", {"text": "not (country = 'SE')", "sample": 1000}).json
    (move,) = told["moves"]
    assert (move["stay"], move["leave"], set(move["leaves"])) == (0, len(swedes), swedes)
    assert move["enter"] == told["population"] - len(swedes)
    assert at.get("/api/segments/swedes")["version"] == told["replaces"] == 1
    assert at.ask("POST", "/api/segments/swedes/difference", {"text": "in_segment('swedes')"}).status == 400


def test_lists_are_saved_and_replaced(at: Shop) -> None:
    saved = at.ask("PUT", "/api/segments/chosen/list", {"profile_ids": ["p1", "p2", "nobody"]}).json
    assert (saved["static"], saved["size"], len(saved["warnings"])) == (True, 2, 1)
    frozen = at.ask("PUT", "/api/segments/frozen/list", {"snapshot_of": "swedes"}).json
    assert frozen["size"] == at.known["members"].num_rows
    assert at.ask("PUT", "/api/segments/frozen/list", {}).status == 400


def test_syntax_error_shows_the_place(at: Shop) -> None:
    answer = at.ask("PUT", "/api/segments/broken", {"text": "count(purchase) >= "})
    assert (answer.status, answer.json["code"]) == (400, "segment_syntax")
    assert "^" in answer.json["message"]


CSV = b"who,what,when\nz1,order,2026-01-01T00:00:00Z\nz2,order,2026-01-02T00:00:00Z\n,order,2026-01-02T00:00:00Z\n"
MAPPED = "map=profile_id%3Dwho&map=event%3Dwhat&map=timestamp%3Dwhen"


def test_posted_files_are_loaded_once(at: Shop) -> None:
    headers = {**MANAGE, "Content-Type": "text/csv"}
    told = at.ask("POST", f"/api/load/events?{MAPPED}", CSV, headers).json
    assert (told["summary"]["accepted"], told["summary"]["rejected"]) == (2, 1)
    assert told["rejected"][0]["line"] == 4
    assert ".loading" not in json.dumps(told)
    again = at.ask("POST", f"/api/load/events?{MAPPED}", CSV, headers).json["summary"]
    assert again["accepted"] == 0
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="people.jsonl"\r\n\r\n'
        b'{"profile_id": "z1", "country": "NO"}\r\n--x--\r\n'
    )
    posted = {**MANAGE, "Content-Type": "multipart/form-data; boundary=x"}
    told = at.ask("POST", "/api/load/profiles?format=jsonl", form, posted)
    assert (told.status, told.json["summary"]["files"]) == (200, ["people.jsonl"]), told.body
    assert at.get("/api/profiles/z1")["traits"]["country"] == "NO"
    assert at.get("/api/profiles/z1")["events_total"] == 1


def test_files_that_cannot_be_loaded_are_told_so(at: Shop) -> None:
    for path, body in (
        ("events?format=csv", b""), ("events?format=parquet", b"nothing"), ("events?format=jsonl", b"[1"),
        ("events", CSV), ("nothing?format=csv", CSV),
        (f"events?format=csv&{MAPPED}&timezone=No/Where", CSV + b"x,y,2026-01-01\n"),
        ("events?format=csv&map=x", CSV), ("events?format=xls", CSV), ("events?format=csv&type=who=nonsense", CSV),
    ):  # fmt: skip
        answer = at.ask("POST", f"/api/load/{path}", body)
        assert answer.status == 400, (path, answer.body)
        assert ".loading" not in answer.json["message"], answer.json
    form = {**MANAGE, "Content-Type": "multipart/form-data; boundary=x"}
    assert at.ask("POST", "/api/load/events?format=csv", b"--x--\r\n", form).status == 400


def test_run_and_care(at: Shop) -> None:
    told = at.ask("POST", "/api/run").json
    assert {each["name"] for each in told["segments"]} >= set(SEGMENTS)
    assert at.ask("POST", "/api/run", {"as_of": "1999-01-01"}).status == 400
    status = at.get("/api/status")
    assert status["segments"] >= 4
    assert {each["health"] for each in at.get("/api/doctor")} <= {"ok", "warning"}
    events = status["events"]
    assert at.ask("POST", "/api/rebuild").status == 200
    assert at.get("/api/status")["events"] == events
    changed = at.ask("PATCH", "/api/settings", {"timezone": "Europe/Stockholm"}).json
    assert changed["timezone"] == at.get("/api/settings")["timezone"] == "Europe/Stockholm"
    assert at.ask("PATCH", "/api/settings", {"timezone": "../../etc/passwd"}).status == 400
    at.ask("PATCH", "/api/settings", {"timezone": "UTC"})


def test_templates_are_fitted_to_the_vocabulary(at: Shop) -> None:
    names = {each["name"] for each in at.get("/api/ready")}
    applied = at.ask("POST", "/api/ready/apply", {}).json
    assert {each["name"] for each in applied} == names
    assert [at.get(f"/api/ready/{name}")["name"] for name in sorted(names)[:2]] == sorted(names)[:2]
    assert [each for each in applied if each["segment"] is not None]
    assert all(each["reason"] for each in applied if each["segment"] is None)
    changed = at.ask("PATCH", "/api/vocabulary", {"purchase": "visit"}).json
    assert changed["purchase"]["name"] == "visit"
    assert at.ask("PATCH", "/api/vocabulary", {"nonsense": "visit"}).status == 404
    at.ask("PATCH", "/api/vocabulary", {"purchase": "purchase"})
    for each in applied:
        if each["segment"] is not None:
            at.ask("DELETE", f"/api/segments/{each['name']}")


def test_keys_are_made_listed_and_revoked_and_never_shown(at: Shop) -> None:
    made = at.ask("POST", "/api/keys", {"scope": "write", "label": "site"})
    assert made.status == 201
    listed = at.get("/api/keys")
    held = next(each for each in listed if each["id"] == made.json["id"])
    assert (held["scope"], held["label"], held["revoked_at"]) == ("write", "site", None)
    assert made.json["value"] not in json.dumps(listed)
    assert "hash" not in held
    assert at.ask("DELETE", f"/api/keys/{held['id']}").json["revoked_at"] is not None
    assert at.ask("DELETE", "/api/keys/99999").status == 404


def test_the_team_is_invited_listed_and_changed(at: Shop) -> None:
    made = at.ask("POST", "/api/team/invitations", {"role": "analyst", "email": "ben@shop.example"})
    assert made.status == 201
    assert made.json["path"].startswith("/console/welcome/")
    number = made.json["invitation"]["id"]
    assert number in [each["id"] for each in at.get("/api/team/invitations")]
    assert at.ask("DELETE", f"/api/team/invitations/{number}").status == 204
    assert at.get("/api/team") == []
    assert at.ask("PATCH", "/api/team/99999", {"role": "viewer"}).status == 404


def test_scopes_are_held_on_every_route(at: Shop) -> None:
    document = at.get("/api/openapi.json")
    assert document["openapi"].startswith("3.1")
    # They change nothing, and have a body.
    reading = {
        "/api/check", "/api/complete",
        "/api/preview", "/api/explain", "/api/evaluate", "/api/segments/{name}/difference", "/api/sources/{name}/test",
        "/api/source-mappings/test", "/api/plan", "/api/campaigns/{name}/dry-run",
    }  # fmt: skip
    seen = 0
    for path, operations in document["paths"].items():
        for method in operations:
            address = path.replace("{number}", "1").replace("{", "x").replace("}", "")
            without = at.ask(method.upper(), address, {}, {})
            assert (without.status, without.json["code"]) == (401, "missing_key"), (method, path)
            assert at.ask(method.upper(), address, {}, WRITE).status == 403, (method, path)
            if method != "get" and path not in reading:
                assert at.ask(method.upper(), address, {}, READ).status == 403, (method, path)
            seen += 1
    assert seen > 30


BODIES = (
    b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{" * 5_000, b'{"text": NaN}', b'{"text": 1}',
    b'{"text": "\\ud800"}',
    b'{"text": "' + b"(" * 3_000 + b'"}', b'{"text": "did(purchase)", "as_of": "9999-12-31T23:59:59-14:00"}',
    b'{"text": "did(purchase)", "as_of": "0001-01-01T00:00:00+14:00"}', b'{"text": "did(purchase)", "sample": 1e400}',
    b'{"text": "x = \'url(\\u0027http://127.0.0.1\\u0027)\'", "as_of": "\\u0000"}',
    b'{"profile_ids": ["\\u0000"], "as_of": ""}',
    b'{"profile_ids": []}', b'{"names": ["nothing"]}', b'{"names": [], "overrides": {"x": {"y": [1]}}}',
    b'{"scope": "all"}',
    b'{"scope": "write", "value": "a b"}', b'{"snapshot_of": "nothing"}', b'{"timezone": ""}', b'{"now": "then"}',
    b'{"purchase": "a\\"b\\\\"}', b'{"purchase.where": ")"}', b'{"purchase.where": ""}', b'{"": null}',
)  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
def test_bad_body_is_never_a_fault(at: Shop, body: bytes) -> None:
    document = at.get("/api/openapi.json")
    for path, operations in document["paths"].items():
        if path in ("/api/rebuild", "/api/verify"):
            continue  # they take no body, and long
        for method in set(operations) - {"get", "delete"}:
            address = path.replace("{number}", "1").replace("{", "x").replace("}", "")
            answer = at.ask(method.upper(), address, body, {**MANAGE, "Content-Type": "application/json"})
            assert answer.status < 500, (method, path, answer.body)
            if answer.status >= 400:
                assert set(answer.json) >= {"code", "message"}
    at.ask("PATCH", "/api/vocabulary", {"purchase": "purchase", "purchase.where": None})


# Verbs of the command line that have no route, each with its reason.
NOT_OVER_HTTP = {
    "init": "makes the directory that a server needs to start",
    "serve": "is the server",
    "tail": "follows the ledger; over HTTP this is `GET /v1/changes`",
    "replay": "is a client of the collection API",
    "schema": "describes the language, whatever the workspace",
}
ROUTES = {
    "load": "/api/load/{kind}", "status": "/api/status", "config": "/api/settings", "keys": "/api/keys",
    "team": "/api/team",
    "rejected": "/api/rejected", "events": "/api/events", "traits": "/api/traits",
    "profile": "/api/profiles/{profile_id}", "people": "/api/people/{profile_id}",
    "identities": "/api/identities/{identity}", "preview": "/api/preview", "save": "/api/segments/{name}",
    "segments": "/api/segments", "ready": "/api/ready", "vocabulary": "/api/vocabulary", "run": "/api/run",
    "members": "/api/members", "evaluate": "/api/evaluate", "why": "/api/segments/{name}/why/{profile_id}",
    "explain": "/api/explain", "history": "/api/segments/{name}/history", "overlap": "/api/overlap",
    "verify": "/api/verify", "doctor": "/api/doctor", "rebuild": "/api/rebuild", "webhooks": "/api/webhooks",
    "syncs": "/api/syncs", "sources": "/api/sources", "campaigns": "/api/campaigns", "plan": "/api/plan",
    "apply": "/api/apply", "dump": "/api/definitions", "templates": "/api/templates", "journeys": "/api/journeys",
    "outbox": "/api/outbox",
    "providers": "/api/providers", "catalogs": "/api/catalogs", "coupons": "/api/coupons",
    "consents": "/api/consents/{profile_id}", "suppressions": "/api/suppressions", "devices": "/api/devices",
    "explore": "/api/explore/trends", "explorations": "/api/explorations",
    "topics": "/api/topics", "caps": "/api/caps", "quiet-hours": "/api/quiet-hours", "holdouts": "/api/holdouts",
}  # fmt: skip


def test_every_verb_of_the_command_line_has_its_route(at: Shop) -> None:
    paths = set(at.get("/api/openapi.json")["paths"])
    verbs = {listed.name for section in SECTIONS.values() for listed in section}
    missing = {verb: ROUTES.get(verb, "?") for verb in verbs - set(NOT_OVER_HTTP) if ROUTES.get(verb) not in paths}
    assert not missing


CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, ignored_auth,
)  # fmt: skip


@pytest.mark.slow
def test_nothing_that_the_document_allows_or_forbids_is_a_fault(at: Shop) -> None:
    document = at.get("/api/openapi.json")
    for path in ("/api/rebuild", "/api/verify", "/api/settings"):
        document["paths"].pop(path, None)  # long, or its changes would change what the others answer
    document["paths"] = {path: held for path, held in document["paths"].items() if not path.startswith("/api/keys")}
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=at.server.url)
    faults: list[str] = []
    asked_for: dict[str, int] = {}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()

        @settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def asked(case: Any) -> None:
            label = case.operation.label
            asked_for[label] = asked_for.get(label, 0) + 1
            case.call_and_validate(headers=MANAGE, checks=CHECKS)

        try:
            asked()
        except Exception as fault:
            faults.append(f"{operation.label}: {fault}")
    assert not faults, "\n\n".join(faults)
    assert len(asked_for) > 30
    assert sum(asked_for.values()) > 150
