"""A running server verifies itself; what differs is told to whoever may manage it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import ethogram as eg
from ethogram.cli.app import app
from ethogram.collecting import Keys
from web.running import Server, workspace

MANAGE, READ = "mk_test", "rk_test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose recorded memberships lack one of two buyers."""
    place: Path = workspace(tmp_path_factory.mktemp("verify") / "shop")
    with Keys(place) as keys:
        keys.add("manage", value=MANAGE)
        keys.add("read", value=READ)
    (place / "orders.csv").write_text(
        "profile_id,event,timestamp\nann,purchase,2026-01-05T10:00:00Z\nbob,purchase,2026-01-06T10:00:00Z\n"
    )
    with eg.open(place) as opened:
        opened.load_events(place / "orders.csv")
        opened.segments.save("buyers", "did(purchase)")
        while opened.keep_live().more:
            pass
        assert opened.verify().wrong == 0
        opened._warehouse.command(
            "INSERT INTO memberships SELECT key, [], due_at, evaluated_at, revision + 1000000000000000 "
            "FROM memberships FINAL WHERE key = sipHash64('bob')"
        )
    with Server(place) as running:
        yield running


def test_differences_come_over_http_as_they_are_told_here(server: Server) -> None:
    result = CliRunner().invoke(app, ["verify", "--url", server.url, "--key", MANAGE, "--json"])
    assert result.exit_code == 6, result.output
    told = json.loads(result.stdout)
    assert (told["people"], told["segments"], told["wrong"]) == (2, 1, 1)
    (difference,) = told["differences"]
    assert (difference["profile_id"], difference["segment"]) == ("bob", "buyers")
    assert (difference["computed"], difference["recorded"], difference["by_changes"]) == (True, False, 1)
    assert difference["why"]["conditions"]
    assert [event["event"] for event in difference["person"]["timeline"]] == ["purchase"]
    shown = CliRunner().invoke(app, ["verify", "--url", server.url, "--key", MANAGE])
    assert "bob\n  belongs to `buyers`, and is not recorded in it" in shown.output


def test_only_who_may_manage_may_ask(server: Server) -> None:
    for key in (READ, "unknown"):
        result = CliRunner().invoke(app, ["verify", "--url", server.url, "--key", key])
        assert result.exit_code == 1
        assert "refuses" in result.output
    assert server.send("/api/verify", {"most": 0}, {"Authorization": f"Bearer {MANAGE}"}).status == 400


def test_beside_a_running_server_it_says_to_ask_it(server: Server, tmp_path: Path) -> None:
    # The fixture's workspace is held by the server.
    place = server.process.args[4]  # type: ignore[index]  # the command line, as a list
    result = CliRunner().invoke(app, ["verify", "-w", str(place)])
    assert result.exit_code == 4
    assert "ethogram verify --url" in result.output
