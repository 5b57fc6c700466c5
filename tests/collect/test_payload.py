"""What a request of the tracking spec means, and what is not taken of it."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.collect import check, payload, segment_spec
from ethogram.collect.payload import PayloadLimits, Refused, Taken, checked, opened
from ethogram.collect.values import UnacceptableError
from ethogram.store.requests import Message

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
LIMITS = PayloadLimits()
TRACK = {"type": "track", "userId": "u1", "event": "Bought", "messageId": "m1"}


def read(endpoint: str, body: Any) -> Taken | Refused:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = opened(endpoint, text, LIMITS)
    return found if isinstance(found, Refused) else checked(found, NOW, LIMITS, lambda: "made")


def batch(*calls: Any, **more: Any) -> Taken:
    found = read("batch", {"batch": list(calls), **more})
    assert isinstance(found, Taken)
    return found


def one(**call: Any) -> Message:
    taken = batch({**TRACK, **call})
    assert not taken.rejected
    return taken.messages[0]


def reason(**call: Any) -> str:
    taken = batch({**TRACK, **call})
    assert not taken.messages
    return taken.rejected[0].code


def at(message: Message) -> dt.datetime:
    return dt.datetime.fromtimestamp(message.at / 1e6, dt.UTC)


# --- what is refused as a whole, and what singly ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "body", "status", "code"),
    [
        ("batch", b"", 400, "empty_body"),
        ("batch", b"   ", 400, "empty_body"),
        ("batch", b"{}", 400, "empty_batch"),
        ("batch", b'{"batch":[]}', 400, "empty_batch"),
        ("batch", b'{"batch":{}}', 400, "invalid_json"),
        ("batch", b"[]", 400, "invalid_json"),
        ("track", b"[1]", 400, "invalid_json"),
        ("track", b"null", 400, "invalid_json"),
        ("track", b'{"a":', 400, "invalid_json"),
        ("track", b'{"a":NaN}', 400, "invalid_json"),
        ("track", b"\xff\xfe{\x00}\x00", 400, "invalid_json"),
        ("track", b"[" * 20_000, 400, "invalid_json"),
        ("batch", b'{"batch":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}", 400, "invalid_json"),
        ("track", b'{"a":"' + b"x" * 32_768 + b'"}', 413, "too_large"),
        ("batch", b'{"a":"' + b"x" * 512_000 + b'"}', 413, "too_large"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_with_a_code(
    endpoint: str, body: bytes, status: int, code: str
) -> None:
    found = read(endpoint, body)
    assert isinstance(found, Refused)
    assert (found.status, found.code) == (status, code)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"userId": None}, "missing_id"),
        ({"userId": ""}, "missing_id"),
        ({"userId": " \x00\u200b"}, "missing_id"),
        ({"userId": {"id": 1}}, "invalid_id"),
        ({"userId": True}, "invalid_id"),
        ({"userId": "x" * 4_097}, "invalid_id"),
        ({"event": None}, "missing_event"),
        ({"event": ""}, "missing_event"),
        ({"event": 7}, "missing_event"),
        ({"type": "charge"}, "invalid_type"),
        ({"type": None}, "invalid_type"),
        ({"type": "group"}, "missing_group_id"),
        ({"type": "alias"}, "missing_id"),
        ({"properties": [1]}, "invalid_value"),
        ({"properties": {"a": 1, "a.b": 2}}, "invalid_value"),
        ({"properties": {"a": "x" * 33_000}}, "too_large"),
    ],
)
def test_a_call_that_does_not_fit_is_rejected_and_its_neighbour_is_kept(call: dict[str, Any], code: str) -> None:
    taken = batch({**TRACK, **call}, {**TRACK, "messageId": "m2"})
    assert [(each.index, each.code) for each in taken.rejected] == [(0, code)]
    assert [message.id for message in taken.messages] == ["m2"]


def test_values_that_json_or_the_warehouse_would_change_stay_or_are_rejected() -> None:
    assert one(properties={"n": 2**64}).facts[0].content == '{"n":"18446744073709551616"}'
    assert one(properties={"n": 2**63 - 1}).facts[0].content == '{"n":9223372036854775807}'
    text = (
        b'{"batch":[{"type":"track","userId":"u","event":"e","properties":{"a":1e999}},{"type":"page","userId":"u"}]}'
    )
    taken = read("batch", text)
    assert isinstance(taken, Taken)
    assert [each.index for each in taken.rejected] == [0]
    deep = batch({**TRACK, "properties": json.loads('{"a":' * 70 + "1" + "}" * 70)})
    assert deep.rejected[0].code == "invalid_value"


def test_the_last_of_two_equal_names_counts() -> None:
    taken = read("track", b'{"userId":"u","event":"e","properties":{"a":1,"a":2}}')
    assert isinstance(taken, Taken)
    assert taken.messages[0].facts[0].content == '{"a":2}'


def test_half_of_a_surrogate_pair_becomes_the_replacement_character() -> None:
    body = rb'{"batch":[{"type":"track","userId":"a\ud800","event":"x\udc00\\ud800 \ud83d\ude00"}]}'
    taken = read("batch", body)
    assert isinstance(taken, Taken)
    assert (taken.messages[0].user_id, taken.messages[0].facts[0].event) == ("a\ufffd", "x\ufffd\\ud800 😀")


def test_nul_is_replaced_in_names_and_kept_in_properties() -> None:
    message = one(userId="a\x00b", event="c\x00d", properties={"p": "e\x00f"})
    assert (message.user_id, message.facts[0].event) == ("a\ufffdb", "c\ufffdd")
    assert message.facts[0].content == '{"p":"e\\u0000f"}'


@pytest.mark.parametrize(("given", "text"), [(7, "7"), (17850.0, "17850"), ("7", "7"), (2**70, str(2**70))])
def test_numbers_as_ids_are_text(given: Any, text: str) -> None:
    assert one(userId=given).user_id == text


@pytest.mark.parametrize("given", [None, "", " \xa0\x00", "\u200b"])
def test_a_call_without_a_message_id_gets_one(given: Any) -> None:
    assert one(messageId=given).id == "made"


def test_a_long_message_id_is_kept_whole() -> None:
    assert one(messageId="m" * 300).id == "m" * 300


def test_names_may_be_as_long_as_in_files() -> None:
    assert payload.LONGEST_NAME == check._LONGEST_NAME
    assert one(userId="x" * 4_096).user_id == "x" * 4_096


# --- what the calls mean ---------------------------------------------------------------------------------------------


def test_page_and_screen_are_events_with_their_name_and_category() -> None:
    message = one(type="page", event=None, name="Docs", category="Help", properties={"url": "/"})
    assert [(fact.kind, fact.event) for fact in message.facts] == [("events", "page")]
    assert json.loads(message.facts[0].content) == {"url": "/", "name": "Docs", "category": "Help"}
    assert one(type="screen", event=None).facts[0].event == "screen"


def test_identify_changes_traits_wherever_they_stand_and_null_unsets() -> None:
    for call in ({"traits": {"plan": "pro", "x": None}}, {"context": {"traits": {"plan": "pro", "x": None}}}):
        fact = one(type="identify", event=None, **call).facts[0]
        assert (fact.kind, fact.content, fact.unset) == ("profiles", '{"plan":"pro"}', ("x",))


def test_group_changes_an_account_and_says_who_belongs_to_it() -> None:
    account, member = one(type="group", groupId=9, traits={"n": 1}).facts
    assert (account.kind, account.account_id, account.content) == ("accounts", "9", '{"n":1}')
    assert (member.kind, member.content) == ("profiles", '{"account_id":"9"}')


def test_alias_keeps_both_ids_for_the_join() -> None:
    message = one(type="alias", event=None, previousId="anonymous-1")
    assert (message.call, message.user_id, message.previous_id, message.facts) == ("alias", "u1", "anonymous-1", ())


@pytest.mark.parametrize("kind", [[], {}, 1, None])
def test_what_is_no_call_is_told_apart_also_in_files(kind: Any) -> None:
    assert not segment_spec.is_call({"type": kind, "userId": "u"})
    with pytest.raises(UnacceptableError):
        segment_spec.facts({"type": kind, "userId": "u"})


def test_the_address_says_what_a_single_call_is_also_in_short() -> None:
    for name, call in payload.ENDPOINTS.items():
        if call in ("track", "page"):
            found = read(name, {"userId": "u", "event": "e", "type": "identify"})
            assert isinstance(found, Taken)
            assert found.messages[0].call == call


def test_the_context_of_a_batch_holds_for_calls_without_their_own() -> None:
    taken = batch(TRACK, {**TRACK, "context": {"ip": "own"}}, context={"ip": "shared", "app": "a"})
    contexts = [json.loads(message.facts[0].content)["context"] for message in taken.messages]
    assert contexts == [{"ip": "shared", "app": "a"}, {"ip": "own", "app": "a"}]


# --- instants --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({}, NOW),
        ({"timestamp": "2026-11-20T10:00:00Z"}, "2026-11-20T10:00:00Z"),
        ({"timestamp": "2026-11-20T10:00:00.123456+02:00"}, "2026-11-20T08:00:00.123456Z"),
        ({"timestamp": "2026-11-20T10:00:00"}, "2026-11-20T10:00:00Z"),
        ({"timestamp": 1_795_000_000}, "2026-11-18T11:06:40Z"),
        ({"timestamp": 1_795_000_000_123}, "2026-11-18T11:06:40.123Z"),
        ({"originalTimestamp": "2026-11-20T10:00:00Z"}, "2026-11-20T10:00:00Z"),
        # A clock that was an hour ahead when it sent was so before.
        ({"timestamp": "2026-11-23T12:30:00Z", "sentAt": "2026-11-23T13:00:00Z"}, "2026-11-23T11:30:00Z"),
        ({"timestamp": "2016-11-23T11:00:00Z", "sentAt": "2016-11-23T12:00:00Z"}, "2026-11-23T11:00:00Z"),
        # Ten years off and no `sentAt`: not further than a day ahead, not before 1970.
        ({"timestamp": "2036-11-23T12:00:00Z"}, "2026-11-24T12:00:00Z"),
        ({"timestamp": "1960-01-01T00:00:00Z"}, "1970-01-01T00:00:00Z"),
        ({"timestamp": "0001-01-01T00:00:00Z", "sentAt": "9999-01-01T00:00:00Z"}, NOW),
        ({"timestamp": "yesterday"}, NOW),
        ({"timestamp": "2026-02-30T00:00:00Z"}, NOW),
        ({"timestamp": {"at": 1}}, NOW),
        ({"timestamp": 1e300}, NOW),
    ],
)
def test_when_it_happened(call: dict[str, Any], expected: str | dt.datetime) -> None:
    instant = dt.datetime.fromisoformat(expected) if isinstance(expected, str) else expected
    assert at(one(**call)) == instant


def test_the_time_of_sending_may_stand_at_the_batch() -> None:
    taken = batch({**TRACK, "timestamp": "2026-11-23T12:30:00Z"}, sentAt="2026-11-23T13:00:00Z")
    assert at(taken.messages[0]) == NOW - dt.timedelta(minutes=30)
    assert taken.messages[0].timestamp == "2026-11-23T12:30:00Z"


def test_a_timestamp_that_is_not_used_is_kept_as_it_came_and_counted() -> None:
    taken = batch({**TRACK, "timestamp": "yesterday"}, {**TRACK, "timestamp": "2036-01-01T00:00:00Z"})
    assert [message.timestamp for message in taken.messages] == ["yesterday", "2036-01-01T00:00:00Z"]
    assert taken.warnings == {"unreadable_timestamp": 1, "timestamp_out_of_range": 1}


# --- anything at all -------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = "type userId anonymousId event messageId timestamp sentAt properties traits context groupId previousId".split()


@given(calls=st.lists(JSON | st.dictionaries(st.sampled_from(FIELDS), JSON), min_size=1, max_size=4), sent=JSON)
def test_whatever_comes_each_call_is_either_kept_or_rejected_with_a_reason(calls: list[Any], sent: Any) -> None:
    found = read("batch", {"batch": calls, "sentAt": sent})
    if isinstance(found, Refused):
        assert re.fullmatch(r"[a-z_]+", found.code)
        return
    assert len(found.messages) + len(found.rejected) == len(calls)
    for message in found.messages:
        assert dt.datetime(1970, 1, 1, tzinfo=dt.UTC) <= at(message) <= NOW + dt.timedelta(hours=24)
        assert message.user_id or message.anonymous_id


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    assert isinstance(read("batch", body), Taken | Refused)
