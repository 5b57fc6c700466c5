"""Each refusal has its reason, the first in the order that is promised."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ethogram.decide.caps import Speaker
from ethogram.decide.eligibility import Ask, Person, decide, eligibility, permitted
from ethogram.model.eligibility import FrequencyCap, Needs, QuietHours, Rules, Then, Topic, Window
from ethogram.model.message import (
    Channel,
    Eligible,
    HeldOut,
    Maker,
    Origin,
    Postponed,
    Refused,
    Verdict,
    Wanted,
)
from ethogram.store.consents import Choice

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
NIGHT = QuietHours("night", dt.time(22), dt.time(8))
TOPICS = {
    "news": Topic("news"),
    "tips": Topic("tips", needs=Needs.OPT_IN),
    "offers": Topic("offers", needs=Needs.DOUBLE_OPT_IN),
    "calls": Topic("calls", channels=(Channel.SMS,)),
}
RULES = Rules(TOPICS)
ANN = Person("ann", ZoneInfo("Europe/Stockholm"), {Channel.EMAIL: ("ann@x.example",)})


def wanted(name: str = "spring", **more: Any) -> Wanted:
    values: dict[str, Any] = {"channel": Channel.EMAIL, "due_at": NOW, **more}
    maker = values.pop("maker", Maker.CAMPAIGN)
    return Wanted(Origin(maker, name, 1, "once"), "ann", template="t", **values)


def said(*about: tuple[str, str, bool, bool]) -> dict[tuple[str, str], Choice]:
    return {
        (channel, topic): Choice("ann", Channel(channel), topic, on, NOW, "api", confirmed=confirmed)
        for channel, topic, on, confirmed in about
    }


def person(**more: object) -> Person:
    return dataclasses.replace(ANN, **more)  # type: ignore[arg-type]


def code(verdict: Verdict | HeldOut) -> str:
    return verdict.code if isinstance(verdict, Refused) else type(verdict).__name__


NO_EMAIL = {"said": said(("email", "", False, False))}
BOUNCED = {"suppressed": {Channel.EMAIL: "bounced"}}
CASES = [
    ({}, {}, "Eligible"),
    ({"topic": "news"}, {}, "Eligible"),
    ({"expires_at": NOW}, {}, "expired"),
    ({"due_at": NOW + HOUR, "expires_at": NOW + HOUR}, {}, "expired"),
    ({}, {"addresses": {}}, "unreachable"),
    ({}, {"addresses": {}, "faulty": {Channel.EMAIL: "ann at x"}}, "unreachable"),
    ({"channel": Channel.SMS}, {}, "unreachable"),
    ({"channel": Channel.INAPP}, {}, "Eligible"),
    ({}, BOUNCED, "suppressed"),
    ({}, {"suppressed": {Channel.EMAIL: "unsubscribed"}}, "unsubscribed"),
    ({}, NO_EMAIL, "unsubscribed"),
    ({"topic": "news"}, NO_EMAIL, "unsubscribed"),
    ({"topic": "news"}, {"said": said(("email", "", False, False), ("email", "news", True, True))}, "unsubscribed"),
    ({"topic": "news"}, {"said": said(("email", "news", False, False))}, "unsubscribed"),
    ({"topic": "news"}, {"said": said(("sms", "news", False, False), ("email", "tips", False, False))}, "Eligible"),
    ({"topic": "tips"}, {}, "not_subscribed"),
    ({"topic": "tips"}, {"said": said(("email", "tips", True, False))}, "Eligible"),
    ({"topic": "offers"}, {"said": said(("email", "offers", True, False))}, "not_subscribed"),
    ({"topic": "offers"}, {"said": said(("email", "offers", True, True))}, "Eligible"),
    ({"topic": "calls"}, {}, "not_subscribed"),
    ({"topic": "gone"}, {}, "not_subscribed"),
    ({}, {"held_out": "held out of everything by `all`"}, "HeldOut"),
    ({"maker": Maker.TEST}, {"held_out": "held out of everything by `all`"}, "Eligible"),
    # What is owed comes, unless there is no way.
    ({"transactional": True, "topic": "offers"}, NO_EMAIL, "Eligible"),
    ({"transactional": True}, {"held_out": "of all"}, "Eligible"),
    ({"transactional": True}, {"suppressed": {Channel.EMAIL: "unsubscribed"}}, "Eligible"),
    ({"transactional": True}, BOUNCED, "suppressed"),
    ({"transactional": True}, {"addresses": {}}, "unreachable"),
    # The order.
    ({"expires_at": NOW}, {"addresses": {}}, "expired"),
    ({}, {"addresses": {}, **BOUNCED}, "unreachable"),
    ({}, {**BOUNCED, **NO_EMAIL}, "suppressed"),
    ({"topic": "tips"}, NO_EMAIL, "unsubscribed"),
    ({"topic": "tips"}, {"held_out": "of all"}, "not_subscribed"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "known", "expected"), CASES)
def test_the_first_reason_in_the_order_is_told(
    message: dict[str, Any], known: dict[str, object], expected: str
) -> None:
    verdict = eligibility(wanted(**message), person(**known), RULES, NOW)
    assert code(verdict) == expected
    if isinstance(verdict, Refused | HeldOut):
        assert verdict.reason


def test_reasons_say_what_is_known() -> None:
    verdict = eligibility(wanted(topic="news"), person(said=said(("email", "news", False, False))), RULES, NOW)
    assert verdict == Refused("unsubscribed", "unsubscribed from `news` by email on 2026-03-02 (api)")
    faulty = person(addresses={}, faulty={Channel.EMAIL: "ann at x"})
    assert eligibility(wanted(), faulty, RULES, NOW) == Refused("unreachable", "`ann at x` is no address for email")


def test_quiet_hours_postpone_to_their_end_where_the_person_is() -> None:
    rules = Rules(TOPICS, quiet_hours=(NIGHT,))
    late = NOW + 10 * HOUR  # 23:00 in Stockholm
    verdict = eligibility(wanted(), ANN, rules, late)
    assert verdict == Postponed(NOW + 19 * HOUR, "quiet hours `night`, 22:00 to 08:00 (Europe/Stockholm)")
    assert eligibility(wanted(), ANN, rules, NOW) == Eligible()
    assert (
        code(eligibility(wanted(due_at=late), ANN, rules, NOW)) == "Postponed"
    )  # when it is due, not when it is asked
    assert code(eligibility(wanted(expires_at=NOW + 19 * HOUR), ANN, rules, late)) == "expired"
    assert code(eligibility(wanted(transactional=True), ANN, rules, late)) == "Eligible"


def test_holidays_postpone_and_the_reason_names_them() -> None:
    christmas = QuietHours("calm", dt.time(), dt.time(), days=(), holidays=("SE",))
    due = dt.datetime(2026, 12, 25, 9, tzinfo=dt.UTC)
    found = eligibility(wanted(due_at=due), ANN, Rules(TOPICS, quiet_hours=(NIGHT, christmas)), due)
    assert isinstance(found, Postponed)
    assert found.until == dt.datetime(
        2026, 12, 27, 7, tzinfo=dt.UTC
    )  # the first morning after Boxing Day, in Stockholm
    assert found.reason == "quiet hours `calm`, Christmas Day (Europe/Stockholm)"
    strict = dataclasses.replace(christmas, then=Then.REFUSE)
    refused = eligibility(wanted(due_at=due), ANN, Rules(TOPICS, quiet_hours=(strict,)), due)
    assert code(refused) == "quiet_hours"


def test_quiet_hours_may_refuse_and_concern_some_channels_only() -> None:
    strict = dataclasses.replace(NIGHT, then=Then.REFUSE)
    late = NOW + 10 * HOUR
    assert code(eligibility(wanted(), ANN, Rules(quiet_hours=(strict,)), late)) == "quiet_hours"
    elsewhere = dataclasses.replace(NIGHT, channels=(Channel.SMS,))
    assert code(eligibility(wanted(), ANN, Rules(quiet_hours=(elsewhere,)), late)) == "Eligible"
    never = QuietHours("always", dt.time(0), dt.time(0))
    assert code(eligibility(wanted(), ANN, Rules(quiet_hours=(never,)), late)) == "quiet_hours"


ONE = Rules(TOPICS, caps=(FrequencyCap("calm", 1, Window.DAY),))


def test_of_several_the_one_with_priority_speaks_and_the_others_are_told_who() -> None:
    asks = [
        Ask(wanted("low", priority=1)),
        Ask(wanted("high", priority=9)),
        Ask(wanted("owed", transactional=True)),
        Ask(wanted("tomorrow", due_at=NOW + 24 * HOUR)),
    ]
    low, high, owed, tomorrow = decide(asks, ANN, ONE, NOW).verdicts
    assert (code(low), high, owed, tomorrow) == ("outranked", Eligible(), Eligible(), Eligible())
    assert isinstance(low, Refused)
    assert low.reason == (
        f"campaign `high` (priority 9, message {asks[1].wanted.id}) speaks instead: "
        "cap `calm` (1 per day) allows no more"
    )


def test_of_the_same_priority_the_earlier_one_speaks_then_the_smaller_id() -> None:
    later, earlier = Ask(wanted("a", due_at=NOW + HOUR)), Ask(wanted("b"))
    assert [code(each) for each in decide([later, earlier], ANN, ONE, NOW).verdicts] == ["outranked", "Eligible"]
    same = sorted((Ask(wanted("a")), Ask(wanted("b"))), key=lambda ask: ask.wanted.id)
    assert [code(each) for each in decide(same[::-1], ANN, ONE, NOW).verdicts] == ["outranked", "Eligible"]


def test_what_cannot_be_sent_takes_no_room() -> None:
    asks = [Ask(wanted("first", priority=9, topic="tips")), Ask(wanted("second"))]
    assert [code(each) for each in decide(asks, ANN, ONE, NOW).verdicts] == ["not_subscribed", "Eligible"]


def test_who_is_held_out_would_have_been_sent_it_and_takes_no_room() -> None:
    waiting = Speaker("m1", "email", "", 0, NOW, waits=True, name="campaign `x`")
    asks = [Ask(wanted("held", priority=9), "holdout of `held`"), Ask(wanted("other", priority=5))]
    decided = decide(asks, person(taken=[waiting]), ONE, NOW)
    assert decided.verdicts == (HeldOut("holdout of `held`"), Eligible())
    assert [id_ for id_, _ in decided.displaced] == ["m1"]
    assert f"campaign `other` (priority 5, message {asks[1].wanted.id})" in decided.displaced[0][1]
    sent = dataclasses.replace(waiting, waits=False)
    assert code(decide(asks[:1], person(taken=[sent]), ONE, NOW).verdicts[0]) == "capped"
    assert code(decide([Ask(wanted(), "h")], person(addresses={}), ONE, NOW).verdicts[0]) == "unreachable"


def test_what_quiet_hours_postpone_counts_on_the_day_on_which_it_is_sent() -> None:
    rules = dataclasses.replace(ONE, quiet_hours=(NIGHT,))
    late = NOW + 10 * HOUR
    sent_today = Speaker("m1", "email", "", 0, NOW, waits=False, name="campaign `x`")
    assert code(decide([Ask(wanted())], person(taken=[sent_today]), rules, late).verdicts[0]) == "Postponed"
    tomorrow = dataclasses.replace(sent_today, at=NOW + 20 * HOUR)
    assert code(decide([Ask(wanted())], person(taken=[tomorrow]), rules, late).verdicts[0]) == "capped"


def test_asked_once_more_before_sending_caps_do_not_count_again() -> None:
    full = person(taken=[Speaker("m1", "email", "", 0, NOW, waits=False, name="campaign `x`")])
    assert permitted(wanted(), full, ONE, NOW) == Eligible()
    assert code(permitted(wanted(), person(**BOUNCED), ONE, NOW)) == "suppressed"
