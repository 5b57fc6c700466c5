"""The outbox on both kinds of ledger: written down once, claimed once, recorded by who holds the claim."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from ethogram.errors import InputError, UnknownNameError
from ethogram.model.message import Channel, Eligible, HeldOut, Maker, Message, Origin, Postponed, Refused, State, Wanted
from ethogram.store import message_events, outbox, outbox_claims, outbox_pauses, outbox_reading
from ethogram.store.ledger import Ledger
from ethogram.store.message_events import Happening
from ethogram.store.outbox import Decision
from ethogram.store.outbox_claims import Result

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
LEASE = dt.timedelta(minutes=3)
HOUR = dt.timedelta(hours=1)
SPRING = (Maker.CAMPAIGN, "spring")


def wanted(who: str, channel: Channel = Channel.EMAIL, due_at: dt.datetime = NOW, **more: object) -> Wanted:
    origin = Origin(Maker.CAMPAIGN, "spring", 2, "2026-03-01", variant="a")
    return Wanted(origin, who, channel, "hello", due_at, **more)  # type: ignore[arg-type]


def put(ledger: Ledger, *judged: outbox.Judged, now: dt.datetime = NOW) -> outbox.Appended:
    with ledger.database.writing() as connection:
        return outbox.append(connection, judged, now)


def claimed(
    ledger: Ledger, token: str = "one", at: dt.datetime = NOW, most: int = 100, channel: Channel = Channel.EMAIL
) -> list[Message]:
    with ledger.database.writing() as connection:
        return outbox_claims.claim(connection, channel, at, LEASE, token, most=most)


def begun(ledger: Ledger, messages: list[Message], token: str = "one") -> set[int]:
    with ledger.database.writing() as connection:
        return outbox_claims.begin(connection, token, {each.number: "a@shop.example" for each in messages})


def recorded(ledger: Ledger, *results: Result, token: str = "one", at: dt.datetime = NOW) -> set[int]:
    with ledger.database.writing() as connection:
        return outbox_claims.record(connection, token, results, at)


def state(ledger: Ledger, message: Wanted) -> State:
    return found(ledger, message).state


def found(ledger: Ledger, message: Wanted) -> Message:
    with ledger.database.reading() as connection:
        one = outbox_reading.find(connection, message.id)
    assert one is not None
    return one


def told(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.database.writing() as connection:
        return [(each.profile_id, each.event) for each in message_events.untold(connection, NOW + 3 * HOUR, limit=1000)]


def test_what_was_decided_is_written_down_once_with_its_reason(ledger: Ledger) -> None:
    later = NOW + 3 * HOUR
    judged: list[outbox.Judged] = [
        (wanted("p1", data={"plan": "gold", "emoji": "\N{SNOWMAN}"}), Eligible()),
        (wanted("p2"), Refused("capped", "two a day are enough: `spring` was the third")),
        (wanted("p3"), HeldOut("5 % of everybody get none")),
        (wanted("p4", priority=3, topic="news", expires_at=later), Postponed(NOW + HOUR, "quiet hours until 13:00")),
        (wanted("p1"), Eligible()),
    ]
    appended = put(ledger, *judged)
    assert appended.states == {State.WAITING: 2, State.REFUSED: 1, State.HELD_OUT: 1}
    assert appended.known == 1
    assert put(ledger, *judged).states == {}
    assert put(ledger, *judged).known == 5
    first = found(ledger, wanted("p1"))
    assert first.wanted == wanted("p1", data={"plan": "gold", "emoji": "\N{SNOWMAN}"})
    assert (first.state, first.attempts, first.address, first.created_at) == (State.WAITING, 0, None, NOW)
    refused = found(ledger, wanted("p2"))
    assert (refused.code, refused.reason) == ("capped", "two a day are enough: `spring` was the third")
    assert refused.finished_at == NOW
    postponed = found(ledger, wanted("p4"))
    assert (postponed.due_at, postponed.reason, postponed.wanted.expires_at) == (
        NOW + HOUR, "quiet hours until 13:00", later,
    )  # fmt: skip
    assert told(ledger) == [("p2", "refused"), ("p3", "held_out")]
    with ledger.database.reading() as connection:
        counts = outbox_reading.counts(connection, *SPRING)
        depth = outbox_reading.depths(connection, NOW)
    assert [(each.version, each.variant, each.state, each.code, each.messages) for each in counts] == [
        (2, "a", State.HELD_OUT, "held_out", 1), (2, "a", State.REFUSED, "capped", 1), (2, "a", State.WAITING, None, 2),
    ]  # fmt: skip
    assert depth == (outbox_reading.Depth(Channel.EMAIL, 1, NOW, 2, 0),)


def test_claimers_side_by_side_share_what_there_is(ledger: Ledger) -> None:
    put(ledger, *((wanted(f"p{each}"), Eligible()) for each in range(120)))
    taken: list[list[int]] = []

    def claim(token: str) -> None:
        while some := claimed(ledger, token, most=7):
            taken.append([each.number for each in some])

    claimers = [threading.Thread(target=claim, args=(f"claimer {n}",)) for n in range(4)]
    for claimer in claimers:
        claimer.start()
    for claimer in claimers:
        claimer.join()
    everything = [each for some in taken for each in some]
    assert len(everything) == len(set(everything)) == 120


def test_what_is_owed_goes_first_and_then_what_is_due_longest(ledger: Ledger) -> None:
    put(
        ledger,
        (wanted("new", due_at=NOW), Eligible()),
        (wanted("old", due_at=NOW - HOUR), Eligible()),
        (wanted("future", due_at=NOW + HOUR), Eligible()),
        (wanted("text", Channel.SMS), Eligible()),
        (wanted("receipt", transactional=True), Eligible()),
    )
    with ledger.database.reading() as connection:
        assert outbox_claims.due_channels(connection, NOW) == [Channel.EMAIL, Channel.SMS]
    assert [each.wanted.profile_id for each in claimed(ledger)] == ["receipt", "old", "new"]
    assert claimed(ledger) == []


def test_only_who_holds_the_claim_begins_and_records(ledger: Ledger) -> None:
    put(ledger, (wanted("p1"), Eligible()), (wanted("p2"), Eligible()))
    first, second = claimed(ledger)
    assert begun(ledger, [first], "zombie") == set()
    assert begun(ledger, [first]) == {first.number}
    sent = Result(first.number, State.SENT, provider_id="theirs")
    assert recorded(ledger, sent, token="zombie") == set()
    assert recorded(ledger, sent) == {first.number}
    assert recorded(ledger, sent) == set()
    message = found(ledger, wanted("p1"))
    assert (message.state, message.address, message.attempts, message.provider_id, message.finished_at) == (
        State.SENT, "a@shop.example", 1, "theirs", NOW,
    )  # fmt: skip
    again = Result(second.number, State.WAITING, NOW + HOUR, "retrying", "421")
    assert recorded(ledger, again) == {second.number}
    assert claimed(ledger) == []
    assert [each.number for each in claimed(ledger, at=NOW + HOUR)] == [second.number]
    assert told(ledger) == [("p1", "sent")]


@pytest.mark.parametrize(
    ("idempotent", "twice", "after"),
    [([], False, State.UNSURE), (["email"], False, State.WAITING), ([], True, State.WAITING)],
)
def test_what_a_killed_sender_had_begun_is_sent_again_only_where_that_is_right(
    ledger: Ledger, idempotent: list[str], twice: bool, after: State
) -> None:
    one, two = wanted("p1", twice_rather_than_not=twice), wanted("p2", twice_rather_than_not=twice)
    put(ledger, (one, Eligible()), (two, Eligible()))
    first, _ = claimed(ledger)
    begun(ledger, [first])
    with ledger.database.writing() as connection:
        freed = outbox_claims.release(connection, idempotent, NOW)
    assert (state(ledger, one), state(ledger, two)) == (after, State.WAITING)
    assert freed == outbox_claims.Freed(1 + (after is State.WAITING), int(after is State.UNSURE))
    assert begun(ledger, [first]) == set()


def test_a_lost_claim_is_free_when_its_lease_ends_and_its_holder_still_tells_what_it_knows(ledger: Ledger) -> None:
    put(ledger, (wanted("p1"), Eligible()), (wanted("p2"), Eligible()))
    first, second = claimed(ledger, "zombie")
    begun(ledger, [first], "zombie")
    with ledger.database.writing() as connection:
        assert outbox_claims.renew(connection, "zombie", NOW + 2 * LEASE) == 2
        assert outbox_claims.release_expired(connection, [], NOW + LEASE) == outbox_claims.Freed(0, 0)
        assert outbox_claims.release_expired(connection, [], NOW + 2 * LEASE) == outbox_claims.Freed(1, 1)
    assert state(ledger, wanted("p1")) is State.UNSURE
    assert [each.number for each in claimed(ledger, "other")] == [second.number]
    assert begun(ledger, [second], "zombie") == set()
    late = [Result(each.number, State.SENT) for each in (first, second)]
    assert recorded(ledger, *late, token="zombie") == {first.number}
    assert state(ledger, wanted("p1")) is State.SENT


@pytest.mark.parametrize(
    ("decision", "after", "event"),
    [
        (Decision.SENT, State.SENT, "sent"),
        (Decision.AGAIN, State.WAITING, None),
        (Decision.DROP, State.FAILED, "failed"),
    ],
)
def test_a_person_decides_about_what_is_unsure(
    ledger: Ledger, decision: Decision, after: State, event: str | None
) -> None:
    one = wanted("p1", expires_at=NOW + HOUR)
    put(ledger, (one, Eligible()))
    (message,) = claimed(ledger)
    begun(ledger, [message])
    recorded(ledger, Result(message.number, State.UNSURE, code="unsure", reason="the connection ended"))
    with ledger.database.writing() as connection:
        assert [each.id for each in outbox_reading.unsure(connection)] == [one.id]
        outbox.decide(connection, one.id, decision, NOW + 2 * HOUR)
        with pytest.raises(InputError, match=f"is {after}"):
            outbox.decide(connection, one.id, decision, NOW)
        with pytest.raises(UnknownNameError):
            outbox.decide(connection, "msg_none", decision, NOW)
    assert state(ledger, one) is after
    assert [each for _, each in told(ledger)] == ([event] if event else [])
    if decision is Decision.AGAIN:
        (again,) = claimed(ledger, at=NOW + 2 * HOUR)
        assert (again.id, again.wanted.expires_at) == (one.id, None)


def test_what_is_cancelled_or_gives_way_is_not_begun(ledger: Ledger) -> None:
    people = [wanted(f"p{each}") for each in range(4)]
    put(ledger, *((each, Eligible()) for each in people))
    messages = claimed(ledger, most=2)
    begun(ledger, messages[:1])
    with ledger.database.writing() as connection:
        assert not outbox.displace(connection, people[0].id, "`vip` has a greater priority", NOW)  # it is on its way
        assert outbox.displace(connection, people[1].id, "`vip` has a greater priority", NOW)
        assert outbox.cancel(connection, NOW, "the run ended", ids=[people[2].id, people[0].id]) == 1
        assert outbox.cancel(connection, NOW, "stopped", origin=SPRING, occurrence="another") == 0
        assert outbox.cancel(connection, NOW, "stopped", origin=SPRING) == 1
        assert outbox.cancel(connection, NOW, "stopped", origin=SPRING) == 0
    assert begun(ledger, messages[1:]) == set()
    states = [state(ledger, each) for each in people]
    assert states == [State.CLAIMED, State.REFUSED, State.CANCELLED, State.CANCELLED]
    assert found(ledger, people[1]).code == "outranked"
    assert sorted(told(ledger)) == [("p1", "refused"), ("p2", "cancelled"), ("p3", "cancelled")]


def test_pauses_hold_until_they_are_ended(ledger: Ledger) -> None:
    put(ledger, (wanted("p1"), Eligible()))
    with ledger.database.writing() as connection:
        assert outbox_pauses.pause_channel(connection, Channel.SMS, "401", NOW, by="provider")
        assert not outbox_pauses.pause_channel(connection, Channel.SMS, "401 again", NOW, by="provider")
        assert outbox_pauses.pause(connection, *SPRING, "wrong price", NOW)
        held = outbox_pauses.paused(connection)
    assert held[("channel", "sms")] == outbox_pauses.Pause("channel", "sms", "401", NOW, "provider")
    assert set(held) == {("channel", "sms"), SPRING}
    (message,) = claimed(ledger)
    recorded(ledger, Result(message.number, State.WAITING, outbox_pauses.NEVER, outbox_pauses.LAID_ASIDE))
    assert claimed(ledger, at=NOW + 1000 * HOUR) == []
    with ledger.database.writing() as connection:
        assert outbox_pauses.resume(connection, *SPRING, NOW + HOUR)
        assert not outbox_pauses.resume(connection, *SPRING, NOW + HOUR)
        assert outbox_pauses.resume_channel(connection, Channel.SMS)
        assert outbox_pauses.paused(connection) == {}
    (message,) = claimed(ledger, at=NOW + HOUR)
    assert (message.due_at, message.code) == (NOW + HOUR, None)


def test_what_happened_is_noted_once_and_told_when_it_is_time(ledger: Ledger) -> None:
    put(ledger, (wanted("p1"), Eligible()))
    number = found(ledger, wanted("p1")).number
    happened = [
        Happening(number, "opened", NOW, "p1"),
        Happening(number, "opened", NOW, "p1"),
        Happening(number, "clicked", NOW, "1", {"url": "https://shop.example/"}, NOW + HOUR),
    ]
    with ledger.database.writing() as connection:
        assert message_events.append(connection, happened, NOW) == 2
        assert message_events.append(connection, happened, NOW) == 0
        (first,) = message_events.untold(connection, NOW, limit=10)
        assert (first.event, first.id, first.name, first.variant) == ("opened", wanted("p1").id, "spring", "a")
        message_events.mark_told(connection, [first.number])
        (second,) = message_events.untold(connection, NOW + HOUR, limit=10)
        assert (second.event, second.properties) == ("clicked", {"url": "https://shop.example/"})
    assert message_events.prune(ledger.database, told_before=NOW + HOUR, parked_before=NOW) == 1
    assert message_events.are_untold(ledger.database, NOW + HOUR)


def test_what_ended_long_ago_is_forgotten_and_what_did_not_end_is_kept(ledger: Ledger) -> None:
    put(ledger, (wanted("p1"), Refused("capped", "two a day")), (wanted("p2"), Eligible()))
    assert outbox_reading.prune(ledger.database, NOW) == 0
    assert outbox_reading.prune(ledger.database, NOW + HOUR) == 1
    with ledger.database.reading() as connection:
        assert [each.wanted.profile_id for each in outbox_reading.listed(connection)] == ["p2"]
    assert put(ledger, (wanted("p1"), Eligible())).states == {State.WAITING: 1}
