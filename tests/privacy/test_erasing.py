"""Erasing somebody: no byte is left, nothing comes back, others stay as they were, and a crash does not matter."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ethogram import Workspace
from ethogram.clock import ManualClock
from ethogram.errors import SettingError, UnknownNameError
from ethogram.model.message import Channel
from ethogram.privacy.erasure import STEPS
from ethogram.store import requests, suppressions
from privacy.planted import BEFORE, EMAIL, FRIEND, MARK, MERGED, PHONE, WHO, call, collect, event, keep, left

if TYPE_CHECKING:
    from engage.shop import Shop

HOUR = dt.timedelta(hours=1)


def gone(shop: Shop) -> None:
    """Nobody finds the person, and no file has anything of them."""
    for id_ in (WHO, BEFORE, MERGED):
        with pytest.raises(UnknownNameError):
            shop.workspace.profile(id_)
        with pytest.raises(UnknownNameError):
            shop.workspace.privacy.holdings(id_)
    assert left(shop.path) == []


def test_no_byte_of_an_erased_person_is_left_and_others_stay(market: Shop) -> None:
    workspace = market.workspace
    assert left(market.path)
    friend = workspace.profile(FRIEND)
    held = workspace.privacy.holdings(BEFORE)
    assert all(held[kind] for kind in ("events", "traits", "membership_changes", "messages", "journey_runs"))
    assert held["consents"] == held["devices"] == 1
    done = workspace.privacy.erase(BEFORE, reason="asked by letter")
    assert done.step == "done"
    assert done.counts == held
    gone(market)
    assert workspace.profile(FRIEND) == friend
    assert workspace.verify().wrong == 0
    assert list(workspace.privacy.erasures()) == [done]


def test_memberships_are_those_of_a_full_run(market: Shop) -> None:
    workspace = market.workspace
    workspace.segments.save("firms", "for account: count(purchase) >= 1")
    workspace.segments.save("colleagues", "account.count(purchase) >= 1")
    workspace.run()
    before = set(workspace.members("pros").column(0).to_pylist())
    assert WHO in before
    assert workspace.members("firms").num_rows == 1
    workspace.privacy.erase(WHO)
    while workspace.keep_live().more:
        pass
    live = {name: workspace.members(name).column(0).to_pylist() for name in ("pros", "firms", "colleagues")}
    assert set(live["pros"]) == before - {WHO}
    assert live["firms"] == live["colleagues"] == []
    assert workspace.verify().wrong == 0
    report = workspace.run()
    assert not any(each.entered or each.left for each in report.segments)


def test_the_entry_of_the_audit_log_names_nobody(market: Shop) -> None:
    market.workspace.privacy.erase(WHO, reason="asked by letter", actor="ada")
    entries = market.workspace._ledger.audit(1000)
    assert MARK not in json.dumps([(each.actor, each.object, each.detail) for each in entries])
    (entry,) = [each for each in entries if each.verb == "erase"]
    assert (entry.actor, entry.detail["reason"]) == ("ada", "asked by letter")


def test_a_reason_may_not_name_the_person(market: Shop) -> None:
    with pytest.raises(SettingError, match="may not name"):
        market.workspace.privacy.erase(WHO, reason=f"letter of {WHO}")
    assert market.workspace.profile(WHO).profile_id == WHO


def test_nobody_is_erased_by_an_id_that_nobody_has(market: Shop) -> None:
    with pytest.raises(UnknownNameError, match="nobody is known by the id `nobody`"):
        market.workspace.privacy.erase("nobody")
    assert market.workspace.privacy.erasures() == ()


def test_what_comes_afterwards_is_turned_away_and_counted(market: Shop) -> None:
    workspace, now = market.workspace, market.clock.now()
    done = workspace.privacy.erase(WHO)
    keep(
        market,
        call(21, now, WHO, "", event("purchase", "again")),
        call(22, now, "new-browser", BEFORE, event("purchase", "again")),
        call(23, now, FRIEND, "", event("purchase", "a friend's")),
    )
    collect(market)
    market.happened((MERGED, "purchase", {"note": "from a file"}), (FRIEND, "purchase", {}))
    gone(market)
    assert workspace.privacy.erasure(done.number).suppressed == 3
    assert workspace.event_counts(FRIEND)["purchase"] == 3


def test_a_rebuild_brings_nobody_back(market: Shop) -> None:
    workspace = market.workspace
    workspace.privacy.erase(WHO)
    friend = workspace.profile(FRIEND)
    workspace.rebuild()
    gone(market)
    assert workspace.profile(FRIEND) == friend
    assert workspace.verify().wrong == 0


def test_who_waits_in_a_journey_gets_nothing_more(market: Shop) -> None:
    before = dict(market.got())
    assert EMAIL not in before  # no news was wanted
    market.workspace.privacy.erase(WHO)
    market.clock.advance(2 * HOUR)
    market.start("later")
    market.work()
    market.tell()
    assert EMAIL not in market.got()
    assert f"{FRIEND}@example.com" in market.got()
    gone(market)


def test_whoever_is_erased_while_a_message_is_under_way_leaves_nothing(market: Shop) -> None:
    market.clock.advance(2 * HOUR)
    while market.engaging.decide():
        pass
    market.outbox.step()  # claimed, and perhaps with the provider
    market.workspace.privacy.erase(WHO)
    market.work()
    market.tell()
    gone(market)


def test_an_address_that_refused_stays_silent_by_its_hash(market: Shop) -> None:
    market.workspace.privacy.erase(WHO)
    with market.database.reading() as connection:
        assert suppressions.among(connection, Channel.EMAIL, [EMAIL, "p02@example.com"]) == {EMAIL: "erased"}
        assert suppressions.among(connection, Channel.SMS, [PHONE]) == {PHONE: "erased"}
    with market.database.writing() as connection:
        assert suppressions.remove(connection, Channel.EMAIL, [EMAIL]) == 1
        assert suppressions.among(connection, Channel.EMAIL, [EMAIL]) == {}


@pytest.mark.parametrize("point", ["accepted", *STEPS[:-1], "deleted"])
def test_cut_off_anywhere_it_goes_on_until_all_is_done(
    filled: tuple[Path, ManualClock], tmp_path: Path, point: str
) -> None:
    class KilledError(Exception):
        pass

    def kill(reached: str) -> None:
        if reached == point:
            raise KilledError

    path, clock = tmp_path / "shop", filled[1]
    shutil.copytree(filled[0], path, symlinks=True)
    with Workspace(path, clock=clock) as workspace:
        workspace.privacy._erasing._at_point = kill
        with pytest.raises(KilledError):
            workspace.privacy.erase(WHO)
        (unfinished,) = workspace.privacy.erasures()
        assert (unfinished.finished_at is None) == (point != "compact")
    with Workspace(path, clock=clock) as again:
        # What comes before it is done is not taken.
        message = call(31, clock.now(), WHO, "", event("view", "zqx-late"))
        with again._ledger.database.writing() as connection:
            requests.keep_within(connection, [[message]], clock.now())
        assert again.collect().messages == 0
        while again.privacy.carry_on():
            pass
        assert again.privacy.erasures()[0].step == "done"
        assert left(path) == []
        assert again.verify().wrong == 0
