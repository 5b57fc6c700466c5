"""What was rejected can be looked up: with its reason and its beginning, without secrets, and not without end."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ethogram.cli.app import app
from ethogram.collect.rejections import LONGEST, shown
from ethogram.collecting import RejectedCalls
from ethogram.store import rejected
from ethogram.store.ledger import Ledger
from ethogram.store.rejected import AGE, MOST, RejectedDraft
from web.here import here
from web.running import BASIC, KEY, workspace

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def test_each_rejected_call_is_kept_with_its_reason_and_without_the_key(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    good = {"type": "track", "userId": "u", "event": "e"}
    bad = {"type": "track", "event": "Bought", "messageId": "m7", "properties": {"total": 9, "password": "swordfish"}}
    with here(place) as server:
        assert server.send("/v1/batch", {"batch": [good, bad], "writeKey": KEY}, {}).status == 200
        assert server.send("/v1/track", b'{"writeKey": "wk_demo", "no', BASIC).status == 400
        assert server.send("/v1/track", b'{"writeKey": "wk_demo", "no', {}).status == 400
        assert server.send("/v1/track", good, {"Authorization": "Bearer another"}).status == 401
        assert server.send("/v1/identify", b" " * 40_000).status == 413
        assert server.send("/v1/track", good).status == 200
    with RejectedCalls(place) as calls:
        found = calls.listed()[::-1]
        assert calls.counts() == {"invalid_json": 2, "missing_id": 1, "too_large": 1, "unknown_key": 1}
        assert [each.code for each in calls.listed(code="too_large")] == ["too_large"]
        assert len(calls.listed(limit=2)) == 2
    assert [(each.code, each.endpoint, each.index, each.message_id) for each in found] == [
        ("missing_id", "batch", 1, "m7"),
        ("invalid_json", "track", 0, ""),
        ("invalid_json", "track", 0, ""),
        ("unknown_key", "track", 0, ""),
        ("too_large", "identify", 0, ""),
    ]
    assert json.loads(found[0].content)["properties"] == {"total": 9, "password": "…"}
    assert found[1].content == '{"writeKey": "…", "no'
    assert [each.content for each in found[2:]] == ["", "", ""]  # of strangers, and of what was not read
    assert all(each.reason and KEY not in each.content + each.reason for each in found)


def test_a_flood_of_bad_calls_fills_neither_memory_nor_ledger(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    call = {"type": "track", "event": "e", "properties": {"x": "y" * 3_000}}
    with here(place) as server:
        for _ in range(20):
            assert server.send("/v1/batch", {"batch": [call] * 100}).status == 400
            server.collector.note_rejected()
        assert server.app.metrics.of("ethogram_rejected_total", "missing_id") == 2_000
    with RejectedCalls(place) as calls:
        assert calls.counts() == {"missing_id": MOST}
        assert max(len(each.content) for each in calls.listed(limit=1_000)) == LONGEST


def test_what_is_old_goes_and_reasons_do_not_push_each_other_out(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:

        def note(code: str, number: int, now: dt.datetime) -> None:
            rejected.note(ledger.database, [RejectedDraft(now, code, "why", "batch")] * number, now)

        note("old", 3, NOW - AGE - dt.timedelta(seconds=1))
        note("rare", 1, NOW - AGE)
        note("often", MOST + 7, NOW)
        assert rejected.counts(ledger.database) == {"often": MOST, "rare": 1}


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b'{"writeKey":"abc', '{"writeKey":"…"'),
        (b'{"Write_Key" : "a\\"bc", "x": 1}', '{"Write_Key" : "…", "x": 1}'),
        (b'{"apiKey":"a","token":"b","authorization":"c"}', '{"apiKey":"…","token":"…","authorization":"…"}'),
        (b"\xff\x00{", "\ufffd\ufffd{"),
        (b'{"writeKey":"' + b"k" * 20_000 + b'"}', '{"writeKey":"…"'),
    ],
)
def test_secrets_are_left_out_wherever_a_call_ends(content: bytes, kept: str) -> None:
    assert shown(content) == kept


def command(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def test_the_command_lists_them_beside_a_server(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    assert "nothing was rejected" in command("-w", str(place), "rejected").output
    with here(place) as server:
        server.send("/v1/batch", {"batch": [{"type": "track", "event": "\x1b[31mred", "messageId": "m1"}]})
        server.collector.note_rejected()
        listed = command("-w", str(place), "rejected")
        assert listed.exit_code == 0
        assert "missing_id" in listed.output
        assert "/v1/batch, call 1, messageId m1" in listed.output
        assert "\x1b" not in listed.output
        found = json.loads(command("-w", str(place), "rejected", "--json", "--code", "missing_id").output)
    assert found["counts"] == {"missing_id": 1}
    assert found["rejected"][0]["content"].startswith('{"type": "track"')
