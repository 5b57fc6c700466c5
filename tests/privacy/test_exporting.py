"""Everything that is known of a person, in one document; and the same by command line and over HTTP."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ethogram.cli.app import app
from ethogram.clock import ManualClock
from ethogram.collecting import Keys
from ethogram.errors import UnknownNameError
from privacy.planted import BEFORE, EMAIL, FRIEND, MERGED, PHONE, WHO, collect, event, keep, left
from privacy.planted import call as said
from web.running import Server

if TYPE_CHECKING:
    from engage.shop import Shop

MANAGE = {"Authorization": "Bearer k_manage"}


def test_everything_of_all_ids_is_in_the_document(market: Shop) -> None:
    told = json.loads("".join(market.workspace.privacy.export(BEFORE)))
    assert told["profile_id"] == WHO
    assert dt.datetime.fromisoformat(told["as_of"]) == market.clock.now()
    assert {each["id"] for each in told["identities"]} == {BEFORE, MERGED}
    notes = sorted(each["properties"]["note"] for each in told["events"] if "note" in each["properties"])
    assert notes == ["zqx-came", "zqx-earlier", "zqx-purchase", "zqx-view", "zqx-waiting"]
    assert len(told["events"]) == market.workspace.privacy.holdings(WHO)["events"]
    assert (told["traits"]["email"], told["traits"]["phone"], told["traits"]["city"]) == (EMAIL, PHONE, "zqx-town")
    assert len(told["traits_history"]) == market.workspace.privacy.holdings(WHO)["traits"]
    assert told["segments"] == ["pros"]
    assert [(each["segment"], each["change"]) for each in told["segment_changes"]] == [("pros", "entered")]
    assert [(each["topic"], each["subscribed"], each["wording"]) for each in told["consents"]] == [
        ("news", False, "zqx-wording")
    ]
    assert [each["address"] for each in told["devices"]] == ["zqx-token"]
    assert [each["journey"] for each in told["journeys"]] == ["j"]
    assert {each["name"] for each in told["messages"]} == {"c"}
    assert "a friend's own" not in json.dumps(told)


def test_hostile_values_stay_as_they_are_and_thousands_of_events_come_whole(market: Shop) -> None:
    hostile = '"}],\u2028</script>\\ \U0001f600 =cmd|'
    now = market.clock.now()
    many = [said(100 + n, now - dt.timedelta(seconds=n), WHO, "", event("seen", str(n))) for n in range(10_500)]
    keep(market, said(99, now, WHO, "", event("odd", hostile)), *many)
    collect(market)
    told = json.loads("".join(market.workspace.privacy.export(WHO)))
    assert [each["properties"]["note"] for each in told["events"] if each["event"] == "odd"] == [hostile]
    assert {each["properties"]["note"] for each in told["events"] if each["event"] == "seen"} == set(
        map(str, range(10_500))
    )
    assert [each["at"] for each in told["events"]] == sorted(each["at"] for each in told["events"])


def test_nobody_is_exported_by_an_id_that_nobody_has(market: Shop) -> None:
    with pytest.raises(UnknownNameError, match="nobody is known"):
        market.workspace.privacy.export("nobody")


def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds, for up to a minute."""
    for _ in range(300):
        if holds():
            return
        threading.Event().wait(0.2)
    raise AssertionError("it never comes to hold")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_command_line_exports_and_erases(filled: tuple[Path, ManualClock], tmp_path: Path) -> None:
    place = tmp_path / "shop"
    shutil.copytree(filled[0], place, symlinks=True)
    where = ("--workspace", str(place))
    out = tmp_path / "told.json"
    assert run("people", "export", WHO, "--out", str(out), *where).exit_code == 0
    assert json.loads(out.read_text())["profile_id"] == WHO
    refused = run("people", "erase", WHO, *where)
    assert refused.exit_code != 0
    assert left(place)
    done = run("people", "erase", WHO, "--reason", "by letter", "--yes", "--json", *where)
    assert done.exit_code == 0, done.output
    assert (json.loads(done.stdout)["step"], json.loads(done.stdout)["reason"]) == ("done", "by letter")
    listed = run("people", "erasures", *where)
    assert "done" in listed.output
    assert left(place) == []


def test_a_server_carries_out_what_it_accepts(filled: tuple[Path, ManualClock], tmp_path: Path) -> None:
    place = tmp_path / "shop"
    shutil.copytree(filled[0], place, symlinks=True)
    with Keys(place) as keys:
        keys.add("manage", value="k_manage")
        keys.add("read", value="k_read")
    with Server(place) as server:
        read = {"Authorization": "Bearer k_read"}
        assert server.send(f"/api/people/{WHO}", None, read, method="DELETE").status == 403
        held = server.send(f"/api/people/{MERGED}/holdings", None, read, method="GET").json["counts"]
        told = server.send(f"/api/people/{WHO}/export", None, MANAGE, method="GET")
        assert told.json["profile_id"] == WHO
        accepted = server.send(f"/api/people/{WHO}?reason=letter", None, MANAGE, method="DELETE")
        assert accepted.status == 202
        number = accepted.json["number"]
        until(lambda: server.send(f"/api/erasures/{number}", None, MANAGE, method="GET").json["step"] == "done")
        (done,) = server.send("/api/erasures", None, MANAGE, method="GET").json
        for kind in ("events", "traits", "consents", "devices"):
            assert done["counts"][kind] >= held[kind] > 0
        assert server.send(f"/api/people/{WHO}", None, MANAGE, method="DELETE").status == 404
        assert server.send(f"/api/profiles/{FRIEND}", None, MANAGE, method="GET").status == 200
    assert left(place) == []
