"""Webhooks and syncs by command and over HTTP, beside a running server, with what is refused and never shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import ethogram as eg
from deliver.receiver import Receiver, status, until
from ethogram import config
from ethogram.cli.app import app
from ethogram.collecting import Keys
from ethogram.errors import InputError, SettingError
from ethogram.recipients import Syncs, Webhooks
from web.running import Server, workspace


@pytest.fixture(scope="module")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = workspace(tmp_path_factory.mktemp("prepared") / "shop", allow_addresses="127.0.0.1")
    with eg.open(place) as ws:
        ws.segments.save("buyers", "did(purchase)")
        ws.run()
    return place


@pytest.fixture
def shop(_prepared: Path, tmp_path: Path) -> Path:
    """A workspace with the segment `buyers`, which may send to this machine."""
    return Path(shutil.copytree(_prepared, tmp_path / "shop", symlinks=True))


def _command(place: Path, *args: str, code: int = 0) -> Any:
    """What a verb prints, read where it is JSON."""
    done = CliRunner().invoke(app, ["-w", str(place), *args])
    assert done.exit_code == code, done.output
    return json.loads(done.output) if "--json" in args else done.output


def test_a_webhook_lives_its_life_on_the_command_line(shop: Path) -> None:
    with Receiver([status(200), status(500, b"no")]) as receiver:
        made = _command(shop, "webhooks", "add", receiver.url, "--segment", "buyers", "--change", "entered", "--trait",
                        "email", "--label", "crm", "--json")  # fmt: skip
        assert made["secret"].startswith("whsec_")
        assert (made["segments"], made["changes"], made["traits"]) == (["buyers"], ["entered"], ["email"])
        for verb in ("list", "show 1", "list --json", "show 1 --json"):
            assert made["secret"] not in str(_command(shop, "webhooks", *verb.split()))
        assert "200" in _command(shop, "webhooks", "test", "1")
        assert _command(shop, "webhooks", "test", "1", "--json", code=1)["reason"] == "it answered 500: no"
        assert receiver.received[0].json["type"] == "ethogram.test"
        _command(shop, "webhooks", "pause", "1")
        assert "off: it was paused" in _command(shop, "webhooks", "list")
        _command(shop, "webhooks", "resume", "1")
        rotated = _command(shop, "webhooks", "rotate", "1", "--overlap-hours", "2", "--json")
        assert rotated["secret"] != made["secret"]
        assert rotated["old_secret_until"]
        assert _command(shop, "webhooks", "deliveries", "1", "--json") == []
        assert _command(shop, "webhooks", "retry", "1", "--json") == {"again": 0}
        _command(shop, "webhooks", "retry", "--delivery", "msg_x", code=1)
        _command(shop, "webhooks", "remove", "1")
        assert _command(shop, "webhooks", "list", "--json") == []
        for verb in ("show", "test", "pause", "resume", "remove", "rotate", "deliveries", "retry"):
            _command(shop, "webhooks", verb, "1", code=1)


def test_a_sync_lives_its_life_on_the_command_line(shop: Path) -> None:
    made = _command(shop, "syncs", "add", "buyers", "lists/buyers.csv", "--full", "--every", "60 minutes", "--json")
    assert (made["when"], made["mode"], made["format"], made["secret"]) == ("every 1 hour", "full", "csv", None)
    again = _command(shop, "syncs", "add", "buyers", "lists/buyers.csv", code=1)
    assert "another sync writes" in again
    with Receiver() as receiver:
        assert "whsec_" in _command(shop, "syncs", "add", "buyers", receiver.url, "--cron", "0 6 * * *")
    assert len(_command(shop, "syncs", "list", "--json")) == 2
    assert "not yet synced" in _command(shop, "syncs", "list")
    _command(shop, "syncs", "run", "1")
    _command(shop, "syncs", "show", "1")
    _command(shop, "syncs", "remove", "1")
    for verb in ("show", "run", "remove"):
        _command(shop, "syncs", verb, "1", code=1)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://169.254.169.254/latest", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
            "file:///etc/passwd", "https://u:p@example.com/", "http://2130706433/", "https://nothing.invalid/"]
)  # fmt: skip
def test_addresses_inside_are_refused_wherever_one_is_given(shop: Path, url: str) -> None:
    with Webhooks(shop) as webhooks, pytest.raises(InputError, match="cannot be sent to"):
        webhooks.add(url)
    with Syncs(shop) as syncs, pytest.raises(InputError, match="cannot be sent to"):
        syncs.add("buyers", url)
    _command(shop, "webhooks", "add", url, code=1)


def test_an_address_that_is_no_longer_allowed_is_refused_by_test_and_resume_and_sending(shop: Path) -> None:
    with Receiver() as receiver:
        with Webhooks(shop) as webhooks:
            webhooks.add(receiver.url)
            webhooks.pause(1)
        config.write(shop, config.read(shop).__class__())
        with Webhooks(shop) as webhooks:
            trial = webhooks.test(1)
            assert not trial.delivered
            assert "no public address" in str(trial.reason)
            with pytest.raises(InputError, match="cannot be sent to"):
                webhooks.resume(1)
        assert receiver.received == []


@pytest.mark.parametrize(
    "target",
    ["../out.csv", "/etc/out.csv", "a/../../b.csv", ".hidden.csv", "a/.state/b.csv", "out.xlsx", "", "a\0.csv"],
)
def test_a_sync_writes_nowhere_else(shop: Path, target: str) -> None:
    with Syncs(shop) as syncs, pytest.raises(InputError):
        syncs.add("buyers", target)


def test_what_cannot_be_used_is_refused_with_what_could(shop: Path) -> None:
    with Webhooks(shop) as webhooks, Receiver() as receiver:
        wrong: list[dict[str, Any]] = [{"changes": ["joined"]}, {"changes": []}, {"together": 0}, {"secret": "whsec_"}]
        for each in wrong:
            with pytest.raises(InputError):
                webhooks.add(receiver.url, **each)
    with Syncs(shop) as syncs:
        bad: list[dict[str, Any]] = [{"when": "hourly"}, {"mode": "all"}, {"traits": ["op"]}, {"traits": ["a", "a"]}]
        for each in bad:
            with pytest.raises(InputError):
                syncs.add("buyers", "b.csv", **each)
    with pytest.raises(SettingError, match="no network"):
        config.given({"allow_addresses": "127.0.0.1, inside"})


def test_the_same_over_http_beside_what_the_server_sends(shop: Path) -> None:
    with Keys(shop) as keys:
        manage, read = keys.add("manage")[1], keys.add("read")[1]

    def ask(method: str, path: str, body: Any = None, key: str = manage) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        got = server.send(f"/api{path}", body, headers, method=method)
        return got.status, json.loads(got.body) if got.body else None

    with Receiver([status(200), status(404, b"who?")]) as receiver, Server(shop) as server:
        assert ask("POST", "/webhooks", {"url": "https://10.0.0.1/"})[0] == 400
        assert ask("POST", "/webhooks", {"url": receiver.url}, read)[0] == 403
        code, made = ask("POST", "/webhooks", {"url": receiver.url, "segments": ["buyers"], "traits": ["plan"]})
        assert code == 201
        assert ask("POST", "/webhooks/1/test")[1] == {"delivered": True, "status": 200, "reason": None}
        assert ask("POST", "/syncs", {"segment": "buyers", "target": "buyers.jsonl", "mode": "full"})[0] == 201
        batch = [
            {"type": "identify", "userId": "ann", "traits": {"plan": "pro"}},
            {"type": "track", "userId": "ann", "event": "purchase"},
        ]
        assert server.send("/v1/batch", {"batch": batch}).status == 200
        until(lambda: ask("GET", "/deliveries?state=waiting")[1], seconds=30)
        until(lambda: len(receiver.received) == 2)
        told = receiver.received[1].json
        assert (told["type"], told["data"]["traits"], told["data"]["cause"]) == (
            "segment.entered", {"plan": "pro"}, "event",
        )  # fmt: skip
        until(lambda: "404" in str(ask("GET", "/deliveries?webhook=1", key=read)[1][0]["error"]))
        delivery = ask("GET", "/deliveries")[1][0]["id"]
        assert delivery == receiver.received[1].id
        assert ask("POST", f"/deliveries/{delivery}/retry") == (200, {"again": 1})
        until(lambda: len(receiver.received) == 3)
        assert receiver.received[2].id == delivery
        until(
            lambda: (shop / "sync" / "buyers.jsonl").exists() and "ann" in (shop / "sync" / "buyers.jsonl").read_text()
        )
        code, rotated = ask("POST", "/webhooks/1/rotate", {"overlap_hours": 1})
        assert (code, rotated["secret"] != made["secret"]) == (200, True)
        for path in ("/webhooks", "/webhooks/1", "/syncs", "/syncs/1", "/deliveries"):
            code, answer = ask("GET", path, key=read)
            assert code == 200
            assert "whsec_" not in json.dumps(answer)
        assert ask("POST", "/webhooks/1/pause")[1]["enabled"] is False
        assert ask("POST", "/webhooks/1/resume")[1]["enabled"] is True
        assert ask("POST", "/syncs/1/run")[0] == 200
        assert ask("DELETE", "/syncs/1")[0] == 204
        assert ask("DELETE", "/webhooks/1")[0] == 204
        assert ask("GET", "/webhooks/1")[0] == 404
        assert ask("GET", f"/webhooks/{10**30}")[0] in (400, 404)
        assert ask("POST", "/webhooks/1/retry")[0] == 404
        assert server.metric('ethogram_deliveries_total{outcome="failed"}') == 1
        assert server.metric("ethogram_deliveries_waiting") == 0
