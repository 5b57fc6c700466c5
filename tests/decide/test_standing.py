"""What is known of many people is read together, and what is decided holds however many decide at once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from ethogram.decide import standing
from ethogram.decide.eligibility import Ask
from ethogram.model.eligibility import FrequencyCap, GlobalHoldout, QuietHours, Rules, Topic, Window
from ethogram.model.message import Channel, Eligible, Maker, Origin, Refused, State, Wanted
from ethogram.store import (
    consents,
    definitions,
    devices,
    identities,
    outbox,
    outbox_claims,
    outbox_reading,
    suppressions,
)
from ethogram.store.consents import Choice
from ethogram.store.ledger import Ledger
from ethogram.store.outbox import Appended

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
UTC = ZoneInfo("UTC")
NONE = Rules()
ONE_A_DAY = Rules(caps=(FrequencyCap("calm", 1, Window.DAY),))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def wanted(person: str, name: str = "spring", **more: Any) -> Wanted:
    origin = Origin(more.pop("maker", Maker.CAMPAIGN), name, 1, more.pop("occurrence", "once"))
    return Wanted(origin, person, template="t", **{"channel": Channel.EMAIL, "due_at": NOW, **more})


def mails(*people: str) -> dict[str, dict[str, str]]:
    return {person: {"email": f"{person}@x.example"} for person in people}


def put(
    ledger: Ledger, wants: Sequence[Wanted], rules: Rules = NONE, traits: Any = None, now: dt.datetime = NOW
) -> Appended:
    known = mails(*(each.profile_id for each in wants)) if traits is None else traits
    with ledger.database.writing() as connection:
        return standing.put(connection, [Ask(each) for each in wants], known, rules, UTC, now)


def states(ledger: Ledger) -> dict[str, str]:
    """Of every message, by its maker's name and its person: its state, or why it was refused."""
    with ledger.database.reading() as connection:
        found = outbox_reading.listed(connection, limit=10_000)
    return {f"{each.wanted.origin.name}/{each.wanted.profile_id}": each.code or each.state.value for each in found}


def test_what_is_known_of_people_decides(ledger: Ledger) -> None:
    people = ["fine", "bounced", "no", "faulty", "nowhere", "stopped"]
    with ledger.database.writing() as connection:
        consents.append(connection, [Choice("no", Channel.EMAIL, "news", False, NOW, "api")], NOW)
        suppressions.add(connection, Channel.EMAIL, ["Bounced@X.example"], "bounced", "test", NOW)
        suppressions.add(connection, Channel.EMAIL, ["stopped@x.example"], "unsubscribed", "test", NOW)
    traits = mails(*people) | {"faulty": {"email": "faulty at x"}, "nowhere": {"phone": "+46701234567"}}
    appended = put(ledger, [wanted(each, topic="news") for each in people], Rules({"news": Topic("news")}), traits)
    assert appended.states == {State.WAITING: 1, State.REFUSED: 5}
    assert states(ledger) == {
        "spring/fine": "waiting", "spring/bounced": "suppressed", "spring/no": "unsubscribed",
        "spring/faulty": "unreachable", "spring/nowhere": "unreachable", "spring/stopped": "unsubscribed",
    }  # fmt: skip


def test_rules_are_those_that_are_saved(ledger: Ledger) -> None:
    rules: list[tuple[str, Any]] = [
        ("topic", Topic("news")),
        ("cap", FrequencyCap("calm", 1, Window.DAY)),
        ("quiet_hours", QuietHours("night", dt.time(22), dt.time(8))),
        ("holdout", GlobalHoldout("all", 0.1)),
    ]
    with ledger.database.writing() as connection:
        for kind, rule in rules:
            definitions.save(connection, kind, rule.name, rule.to_body(), NOW)
    (_, topic), (_, cap), (_, quiet), (_, holdout) = rules
    assert standing.rules_of(ledger.database) == Rules({"news": topic}, (cap,), (quiet,), (holdout,))


def test_written_down_before_it_is_not_judged_again(ledger: Ledger) -> None:
    wants = [wanted("a"), wanted("b")]
    assert put(ledger, wants, ONE_A_DAY).states == {State.WAITING: 2}
    again = put(ledger, [*wants, wanted("c")], ONE_A_DAY)
    assert (again.states, again.known) == ({State.WAITING: 1}, 2)
    assert Counter(states(ledger).values()) == {"waiting": 3}


def test_what_waits_gives_way_to_more_priority_and_what_is_claimed_does_not(ledger: Ledger) -> None:
    put(ledger, [wanted("a", "low"), wanted("b", "low")], ONE_A_DAY)
    with ledger.database.writing() as connection:
        claimed = outbox_claims.claim(connection, Channel.EMAIL, NOW, dt.timedelta(minutes=5), "x", most=1)
    assert [each.wanted.profile_id for each in claimed] == ["a"]
    put(ledger, [wanted("a", "high", priority=5), wanted("b", "high", priority=5)], ONE_A_DAY)
    assert states(ledger) == {
        "low/a": "claimed", "high/a": "capped", "low/b": "outranked", "high/b": "waiting",
    }  # fmt: skip
    with ledger.database.reading() as connection:
        loser = outbox_reading.find(connection, wanted("b", "low").id)
    assert loser is not None
    assert loser.reason == (
        f"campaign `high` (priority 5, message {wanted('b', 'high').id}) speaks instead: a frequency cap allows no more"
    )


def test_refused_and_failed_messages_tests_and_what_is_owed_count_for_nothing(ledger: Ledger) -> None:
    put(ledger, [wanted("a", "owed", transactional=True), wanted("a", "try", maker=Maker.TEST)], Rules())
    put(ledger, [wanted("a", "refused", expires_at=NOW)], ONE_A_DAY)
    put(ledger, [wanted("a", "cancelled")], ONE_A_DAY)
    with ledger.database.writing() as connection:
        outbox.cancel(connection, NOW, "stopped", ids=[wanted("a", "cancelled").id])
    assert put(ledger, [wanted("a", "spring")], ONE_A_DAY).states == {State.WAITING: 1}
    assert put(ledger, [wanted("a", "summer")], ONE_A_DAY).states == {State.REFUSED: 1}
    assert put(ledger, [wanted("a", "owed too", transactional=True)], ONE_A_DAY).states == {State.WAITING: 1}


def test_two_profiles_with_one_address_get_one_message_of_a_launch(ledger: Ledger) -> None:
    traits = {each: {"email": address} for each, address in (
        ("a", "Ann@X.example"), ("b", "ann@x.example"), ("c", "ann+shop@x.EXAMPLE"), ("d", "dan@x.example"),
    )}  # fmt: skip
    put(ledger, [wanted("a"), wanted("b")], traits=traits)
    put(ledger, [wanted("c"), wanted("d")], traits=traits)  # the next portion
    assert states(ledger) == {
        "spring/a": "waiting", "spring/b": "duplicate", "spring/c": "duplicate", "spring/d": "waiting",
    }  # fmt: skip
    assert put(ledger, [wanted("b", occurrence="next")], traits=traits).states == {State.WAITING: 1}
    assert put(ledger, [wanted("b", "run", maker=Maker.JOURNEY)], traits=traits).states == {State.WAITING: 1}


def test_an_address_of_somebody_who_may_not_be_written_to_is_left_to_the_other(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        consents.append(connection, [Choice("a", Channel.EMAIL, "", False, NOW, "api")], NOW)
    put(ledger, [wanted("a"), wanted("b")], traits={each: {"email": "same@x.example"} for each in ("a", "b")})
    assert states(ledger) == {"spring/a": "unsubscribed", "spring/b": "waiting"}


def test_joined_people_are_one_under_caps_and_consent(ledger: Ledger) -> None:
    put(ledger, [wanted("anonymous", "before")], ONE_A_DAY)
    with ledger.database.writing() as connection:
        identities.merge(connection, "anonymous", "known", {"known"}, NOW, "test")
        devices.register(connection, "anonymous", Channel.PUSH, "fcm", "token", NOW)
    assert put(ledger, [wanted("known", "after")], ONE_A_DAY).states == {State.REFUSED: 1}
    assert put(ledger, [wanted("known", "push", channel=Channel.PUSH)]).states == {State.WAITING: 1}
    with ledger.database.writing() as connection:
        consents.append(connection, [Choice("anonymous", Channel.PUSH, "", False, NOW, "api")], NOW)
        pushed = wanted("known", "push", channel=Channel.PUSH)
        ((verdict, addresses),) = standing.recheck(connection, [pushed], {}, Rules(), UTC, NOW)
    assert isinstance(verdict, Refused)
    assert (verdict.code, addresses) == ("unsubscribed", ("token",))


def test_asked_again_before_sending_the_newest_is_known_and_caps_are_not_counted(ledger: Ledger) -> None:
    wants = [wanted("a"), wanted("b"), wanted("a", "other")]
    put(ledger, wants[:2], ONE_A_DAY)
    rules = Rules(caps=ONE_A_DAY.caps, holdouts=(GlobalHoldout("all", 1.0),))
    suppressions.import_many(ledger.database, Channel.EMAIL, ["B@x.example"], "imported", "list", NOW)
    with ledger.database.reading() as connection:
        found = standing.recheck(connection, wants, mails("a", "b"), rules, UTC, NOW)
    assert [addresses for _, addresses in found] == [("a@x.example",), ("b@x.example",), ("a@x.example",)]
    assert (found[0][0], found[2][0]) == (Eligible(), Eligible())
    assert isinstance(found[1][0], Refused)


def test_a_holdout_over_everything_holds_from_its_instant_on(ledger: Ledger) -> None:
    soon = Rules(holdouts=(GlobalHoldout("all", 1.0, since=NOW + dt.timedelta(hours=1)),))
    assert put(ledger, [wanted("a", "now")], soon).states == {State.WAITING: 1}
    assert put(ledger, [wanted("a", "then")], soon, now=NOW + dt.timedelta(hours=1)).states == {State.HELD_OUT: 1}


def test_a_person_s_own_zone_is_used_and_one_that_is_none_is_not(ledger: Ledger) -> None:
    rules = Rules(quiet_hours=(QuietHours("night", dt.time(22), dt.time(8)),))
    zones = {"tokyo": "Asia/Tokyo", "odd": "Middle/Earth", "path": "../../etc/passwd", "none": None}
    traits = {person: {"email": f"{person}@x.example", "timezone": zone} for person, zone in zones.items()}
    night = NOW + dt.timedelta(hours=2)  # 23:00 in Tokyo
    put(ledger, [wanted(person) for person in zones], rules, traits, night)
    with ledger.database.reading() as connection:
        due = {each.wanted.profile_id: each.due_at for each in outbox_reading.listed(connection)}
    assert due == {"tokyo": NOW + dt.timedelta(hours=11), "odd": NOW, "path": NOW, "none": NOW}


def test_questions_to_the_ledger_are_few_however_many_people(ledger: Ledger) -> None:
    asked: list[str] = []
    rules = Rules(caps=ONE_A_DAY.caps, topics={"news": Topic("news")})
    wants = [wanted(f"p{index}", topic="news") for index in range(2_000)]
    with ledger.database.writing() as connection:
        sa.event.listen(connection, "before_cursor_execute", lambda *event: asked.append(event[2]))
        standing.put(
            connection, [Ask(each) for each in wants], mails(*(each.profile_id for each in wants)), rules, UTC, NOW
        )
    assert len(asked) < 15


# --- several at once ----------------------------------------------------------------------------------------------


def compete(url: str) -> None:
    """Four that decide at once for the same people, at the boundary of a cap."""
    rules = Rules(caps=(FrequencyCap("calm", 3, Window.DAY), FrequencyCap("hour", 2, Window.HOUR)))
    people = [f"p{index}" for index in range(10)]

    def decide(worker: int) -> None:
        with Ledger(url) as own:
            for turn in range(5):
                due = NOW + dt.timedelta(hours=turn % 3)
                more = {"priority": (worker + turn) % 4, "due_at": due}
                put(own, [wanted(each, f"c{worker}-{turn}", **more) for each in people], rules)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decide, range(4)))
    with Ledger(url) as own, own.database.reading() as connection:
        found = outbox_reading.listed(connection, limit=10_000)
    assert len(found) == 200
    waiting = [each for each in found if each.state is State.WAITING]
    assert Counter(each.wanted.profile_id for each in waiting) == dict.fromkeys(people, 3)
    assert max(Counter((each.wanted.profile_id, each.due_at) for each in waiting).values()) <= 2
    refused = [each for each in found if each.state is State.REFUSED]
    assert {each.code for each in refused} == {"outranked"}
    assert len(waiting) + len(refused) == 200


def test_a_cap_holds_while_four_decide_at_once(tmp_path: Path) -> None:
    compete(f"sqlite:///{tmp_path / 'ledger.db'}")
