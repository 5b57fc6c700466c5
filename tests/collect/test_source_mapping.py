"""Mappings of webhooks: paths, values, conditions, message ids, and what is said of mistakes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.collect.inbound import content, conversions, mapping, paths
from ethogram.collect.inbound.calls import MOST_ITEMS, Prepared, TooManyError
from ethogram.collect.inbound.paths import MISSING, Scope
from ethogram.collect.inbound.trial import tried
from ethogram.collect.payload import Refused
from ethogram.errors import InputError

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def prepared(**fields: Any) -> Prepared:
    """A mapping with one event, with these fields of the call and those of the mapping in `over`."""
    over = fields.pop("over", {})
    return Prepared(mapping.read({"calls": [{"event": "e", "profile_id": "who", **fields}], **over}))


def one(item: Any, headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """The only call that an item becomes."""
    (call,) = prepared(**fields).apply(item, headers or {}, "src").calls
    return call


# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b[0].c", 1), ("@.a.b[-1].c", 2), ("$.top", "p"), ("$", {"top": "p"}), ("a.b[*].c", [1, 2]),
        ("a.b[c=2].d", "x"), ("['k.v']", 4), ("smtp-id", 5), ("header:X-Topic", "t"), ("a.b.c", MISSING),
        ("a.b[9]", MISSING), ("nil", MISSING), ("a[*].c", MISSING), ("header:other", MISSING),
    ],
)  # fmt: skip
def test_a_path_finds_what_is_there(path: str, found: Any) -> None:
    item = {"a": {"b": [{"c": 1}, {"c": 2, "d": "x"}]}, "k.v": 4, "smtp-id": 5, "nil": None}
    assert paths.read(path).find(Scope({"top": "p"}, item, {"x-topic": "t"})) == found


@pytest.mark.parametrize(
    "path",
    ["", " ", "a..b", ".a", "a.", "a[", "a[b", "a['b]", "a b", "$x", "a[0]b", "header:", "header:a b", "a" * 501],
)
def test_what_is_no_path_is_refused_with_its_place(path: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        paths.read(path)
    with pytest.raises(InputError, match=r"calls\[0\]\.properties\.x"):
        prepared(properties={"x": path})


@given(st.text(max_size=60), ANY_JSON)
@settings(max_examples=200)
def test_any_text_is_a_path_or_refused_and_any_value_is_walked(text: str, value: Any) -> None:
    try:
        path = paths.read(text)
    except ValueError:
        return
    path.find(Scope(value, value, {}))


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cents", "currency", "amount"),
    [(1999, "eur", 19.99), ("1999", "USD", 19.99), (500, "jpy", 500), (12345, "KWD", 12.345), (0, None, 0),
     (-250, "eur", -2.5), (None, "eur", None), ("x", "eur", None), (True, "eur", None), (10**60, "eur", None)],
)  # fmt: skip
def test_cents_become_an_amount_by_the_currency(cents: Any, currency: Any, amount: Any) -> None:
    spec = {"path": "amount", "to": "cents", "currency": "cur"}
    item = {"who": "u", "amount": cents, "cur": currency}
    assert one(item, properties={"total": spec})["properties"].get("total") == amount


def test_each_form_of_a_value() -> None:
    item = {
        "who": "u", "t": "199.00", "m": "12340000", "s": 1767261600, "ms": "1767261600000", "b": "true", "e": " A@B.c ",
        "kind": "x", "list": [{"k": "a", "v": "1"}, {"k": "b"}, 7], "rows": [{"id": 1, "n": "2"}, {"id": 3}],
    }  # fmt: skip
    found = one(
        item,
        properties={
            "number": {"path": "t", "to": "number"}, "micros": {"path": "m", "to": "micros"},
            "at": {"path": "s", "to": "seconds"}, "at_ms": {"path": "ms", "to": "milliseconds"},
            "flag": {"path": "b", "to": "boolean"}, "email": {"path": "e", "to": "lower"},
            "kind": {"path": "kind", "names": {"x": "known"}}, "other": {"path": "s", "names": {}, "otherwise": "rest"},
            "none": {"path": "s", "names": {"1": "2"}}, "text": {"text": "{kind}-{list[0].k}"},
            "no_text": {"text": "{kind}-{gone}"}, "fixed": {"value": 5}, "first": ["gone", "kind"],
            "pairs": {"path": "list", "pairs": {"key": "k", "value": {"path": "v", "to": "number"}}},
            "rows": {"path": "rows", "each": {"id": "id", "n": {"path": "n", "to": "number"}}},
            "ids": {"path": "rows[*].id", "to": "text"},
        },
    )["properties"]  # fmt: skip
    assert found == {
        "number": 199, "micros": 12.34, "at": "2026-01-01T10:00:00+00:00", "at_ms": "2026-01-01T10:00:00+00:00",
        "flag": True, "email": "a@b.c", "kind": "known", "other": "rest", "text": "x-a", "fixed": 5, "first": "x",
        "pairs": {"a": 1}, "rows": [{"id": 1, "n": 2}, {"id": 3}], "ids": ["1", "3"],
    }  # fmt: skip


@given(ANY_JSON)
@settings(max_examples=200)
def test_no_conversion_raises(value: Any) -> None:
    for convert in conversions.CONVERSIONS.values():
        convert(value)
    conversions.smallest_units(value, value)


@pytest.mark.parametrize("value", [10**400, "1e400", "NaN", "Infinity", "9" * 5000, 1e308, "1e-400", 2**63])
def test_numbers_at_the_edges_are_exact_or_absent(value: Any) -> None:
    for convert in conversions.CONVERSIONS.values():
        found = convert(value)
        assert found is MISSING or found == found  # noqa: PLR0124  # not NaN
    assert conversions.number("1e400") is MISSING
    assert conversions.number("9223372036854775807") == 2**63 - 1


# --- who, when, which ------------------------------------------------------------------------------------------------


def test_the_first_id_that_is_there_counts() -> None:
    spec = ["user.id", {"path": "email", "to": "lower"}]
    assert one({"user": {"id": 7}, "email": "A@b.c"}, profile_id=spec)["userId"] == 7
    assert one({"user": {"id": ""}, "email": "A@b.c"}, profile_id=spec)["userId"] == "a@b.c"
    assert "userId" not in one({"x": 1}, profile_id=spec)


def test_conditions_decide_which_calls_an_item_becomes() -> None:
    found = prepared(when={"type": ["a", "b"], "live": True}, unless={"status": "draft"}, has=["id"])
    good = {"who": "u", "type": "a", "live": True, "id": 1}
    for wrong in ({"type": "c"}, {"live": False}, {"live": "yes"}, {"status": "draft"}, {"id": None}, {"id": ""}):
        assert found.apply({**good, **wrong}, {}, "s").skipped == 1
    assert found.apply(good, {}, "s").skipped == 0
    assert found.apply([good, {}, good], {}, "s").items == 3


def test_one_item_may_become_many_calls_each_with_its_own_id() -> None:
    found = Prepared(
        mapping.read(
            {
                "profile_id": "who", "message_id": ["$.id", "@.n"],
                "calls": [{"event": "seen", "items": "list"},
                          {"call": "identify", "traits": {"a": "$.id"}, "items": "list"}],
            }
        )
    )  # fmt: skip
    body = {"id": "m", "list": [{"who": "a", "n": 1}, {"who": "b", "n": 2}]}
    calls = found.apply(body, {}, "src").calls
    assert [call["messageId"] for call in calls] == [
        "src:m:1:seen", "src:m:2:seen", "src:m:1:identify", "src:m:2:identify"
    ]  # fmt: skip
    same = Prepared(
        mapping.read({"profile_id": "who", "message_id": "id", "calls": [{"event": "e"}, {"event": "e"}]})
    ).apply({"who": "u", "id": 1}, {}, "s")
    assert [call["messageId"] for call in same.calls] == ["s:1:e", "s:1:e:2"]


def test_without_a_name_of_its_own_a_thing_is_known_by_all_that_it_says() -> None:
    item = {"who": "u", "b": 1, "a": [1, {"x": None}]}
    again = {"a": [1, {"x": None}], "b": 1, "who": "u"}
    first, second = one(item)["messageId"], one(again)["messageId"]
    assert first == second
    assert one({**item, "b": 2})["messageId"] != first
    assert one(item, message_id="gone")["messageId"] == first


def test_constants_of_the_source_are_in_each_event() -> None:
    call = one({"who": "u", "x": {"k": 1, "z": 2}}, over={"properties": {"from": {"value": "here"}, "k": {"value": 3}}},
               properties_from=["x"], properties={"z": {"value": 4}})  # fmt: skip
    assert call["properties"] == {"from": "here", "k": 3, "z": 4}
    assert call["context"] == {"source": "src"}


def test_more_items_than_a_request_may_hold_are_refused() -> None:
    with pytest.raises(TooManyError):
        prepared().apply([{}] * (MOST_ITEMS + 1), {}, "s")


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plain", "said", "hint"),
    [
        ({"calls": [{"evnt": "x"}]}, "there is no field `evnt`", "Did you mean `event`"),
        ({"call": []}, "there is no field `call`", "Did you mean `calls`"),
        ({}, "the field `calls` is missing", ""),
        ({"calls": []}, "there is none", ""),
        ({"calls": [{"event": "x"}]}, "nothing says whose this is", "profile_id"),
        ({"calls": [{"profile_id": "x"}]}, "needs the event's name", "event ="),
        ({"calls": [{"event": 7, "profile_id": "x"}]}, "expected", ""),
        ({"calls": [{"call": "identify", "event": "x", "profile_id": "x"}]}, "has no event", "Only `track`"),
        ({"calls": [{"call": "group", "profile_id": "x"}]}, "needs the account's id", ""),
        ({"calls": [{"call": "identify", "profile_id": "x", "properties": {"a": "b"}}]}, "has no properties", ""),
        ({"calls": [{"event": "x", "profile_id": {"path": "a", "to": "nmber"}}]}, "nmber", "number"),
        ({"calls": [{"event": "x", "profile_id": {"path": "a", "value": 1}}]}, "`path` and `value`", "one of"),
        ({"calls": [{"event": "x", "profile_id": {}}]}, "it has nothing", "one of"),
        ({"calls": [{"event": "a{b", "profile_id": "x"}]}, "brace", ""),
        ({"calls": [{"event": "x", "profile_id": []}]}, "empty", ""),
        ({"calls": [{"event": "x", "profile_id": {"path": "a", "currency": "b"}}]}, "cents", ""),
        ({"calls": [{"event": "x", "profile_id": {"path": "a", "otherwise": "b"}}]}, "names", ""),
        ([], "expected `object`", ""),
        ("text", "expected `object`", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(plain: Any, said: str, hint: str) -> None:
    with pytest.raises(InputError) as told:
        Prepared(mapping.read(plain))
    assert said in told.value.message
    assert hint in (told.value.hint or "")


@pytest.mark.parametrize("text", ["{", "a = ", "[1]", "a = 1\na = 2", "x" * 200_000, '{"a":' * 2000, "\ud800 = 1"])
def test_a_text_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        mapping.read(mapping.parse(text))


def test_a_mapping_goes_to_the_ledger_and_comes_back_the_same() -> None:
    text = Path(str(Path(mapping.__file__).parent / "ready" / "stripe.toml")).read_text("utf-8")
    found = mapping.read(mapping.parse(text))
    plain = json.loads(json.dumps(mapping.written(found)))
    assert mapping.read(plain) == found
    jsonschema.validate(plain, mapping.json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"calls": [{"evnt": "x"}]}, mapping.json_schema())


# --- bodies ----------------------------------------------------------------------------------------------------------

DEEP = 5_000


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_body"), (b" \n", "empty_body"), (b"{", "invalid_json"), (b'{"a":NaN}', "invalid_json"),
        (b"[" * DEEP + b"]" * DEEP, "invalid_json"), (b"[" * 200 + b"]" * 200, "invalid_json"),
        (b'{"a":' * 150 + b"1" + b"}" * 150, "invalid_json"), (b'{"a":1}\n{"b"', "invalid_json"),
        (b"\xff\xfe{}", "invalid_json"), (b'{"a":1e999}', "invalid_json"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_is_refused(body: bytes, code: str) -> None:
    found = content.parsed(body, "json")
    assert isinstance(found, Refused)
    assert found.code == code


def test_json_may_come_one_object_a_line_and_with_half_a_surrogate_pair() -> None:
    assert content.parsed(b'{"a":1}\n\n{"a":2}\n', "json") == [{"a": 1}, {"a": 2}]
    assert content.parsed(b'{"a":"\\ud800"}', "json") == {"a": "\ufffd"}


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
        b"<!DOCTYPE x><x/>", b"<x>&undefined;</x>", b"<x>", b"not xml", b"<a>" * 500 + b"</a>" * 500,
        b"<r>" + b"<a/>" * 60_000 + b"</r>", b'<?xml version="1.0" encoding="nonsense"?><x/>',
    ],
)  # fmt: skip
def test_xml_with_entities_or_of_any_size_is_refused(body: bytes) -> None:
    found = content.parsed(body, "soap")
    assert isinstance(found, Refused)
    assert found.code == "invalid_xml"


def test_xml_becomes_an_object_without_namespaces_and_session() -> None:
    body = b'<s:E xmlns:s="x"><s:R>1</s:R><R>2</R><O xmlns:i="y" i:type="sf:Lead"><A>a &amp; b</A></O>'
    body += b"<SessionId>k</SessionId></s:E>"
    assert content.parsed(body, "soap") == {"E": {"R": ["1", "2"], "O": {"type": "Lead", "A": "a & b"}}}


@given(st.binary(max_size=80))
@settings(max_examples=100)
def test_any_bytes_are_a_payload_or_refused(body: bytes) -> None:
    for form in ("json", "soap"):
        content.parsed(body, form)


# --- trying ----------------------------------------------------------------------------------------------------------


def test_a_trial_shows_what_would_be_taken_and_what_would_not() -> None:
    found = prepared(timestamp="at", properties={"x": "x"})
    body = json.dumps([{"who": "u", "at": "2026-01-01", "x": 1}, {"x": 2}, {"who": "v", "at": "never"}]).encode()
    trial = tried(found, "src", body, {}, NOW)
    assert [(call.event, call.profile_id, call.at.isoformat()) for call in trial.calls] == [
        ("e", "u", "2026-01-01T00:00:00+00:00"), ("e", "v", "2026-01-02T00:00:00+00:00")
    ]  # fmt: skip
    assert trial.calls[0].content["x"] == 1
    assert [(unfit.index, unfit.code) for unfit in trial.rejected] == [(1, "missing_id")]
    assert trial.warnings == {"unreadable_timestamp": 1}
    with pytest.raises(InputError, match="payload"):
        tried(found, "src", b"{", {}, NOW)
