"""Deliveries: each told at least once under one id, in time, and one bad endpoint is nobody else's trouble."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime
from pathlib import Path

import pytest

from deliver.outgoing import START, Sending, edited, happens, sending, webhook
from deliver.receiver import Answer, Receiver, drops, silent, status, until
from deliver.reference import Reference
from ethogram.deliver import attempts, signing
from ethogram.deliver.announcing import Announcing
from ethogram.store import changes, deliveries, endpoints, webhooks
from ethogram.store.changes import Draft

HOUR = dt.timedelta(hours=1)


def test_entries_and_exits_are_told_once_each_and_signed(tmp_path: Path) -> None:
    with Receiver() as receiver, sending(tmp_path) as run:
        hook = webhook(run.ledger, receiver.url, traits=["email", "plan"])
        happens(run.ledger, "+ann", "+acme 3", "-ann 2")
        run.settle()
        assert sorted(run.counted) == ["sent"] * 3
        told = {each.json["data"]["sequence"]: each.json for each in receiver.received}
        at = START.isoformat().replace("+00:00", "Z")
        assert told[1] == {
            "type": "segment.entered",
            "timestamp": at,
            "data": {
                "profile_id": "ann", "segment": "vip", "version": 1, "change": "entered", "cause": "event", "at": at,
                "sequence": 1, "traits": {"email": "ann@example.com", "plan": "pro"},
            },
        }  # fmt: skip
        assert told[2]["data"]["account_id"] == "acme"
        assert "profile_id" not in told[2]["data"]
        assert told[3]["type"] == "segment.left"
        assert len({each.id for each in receiver.received}) == 3
        for each in receiver.received:
            assert Reference(hook.endpoint.secret, START).verify(each.body, each.headers)
        run.later(hours=1)
        assert len(receiver.received) == 3


def test_only_what_was_chosen_is_told(tmp_path: Path) -> None:
    with Receiver() as receiver, sending(tmp_path) as run:
        webhook(run.ledger, receiver.url, segments=[2], wanted=["left"])
        happens(run.ledger, "+ann", "-ann", "+ann 2", "-ann 2")
        run.settle()
        assert [each.json["data"]["segment"] for each in receiver.received] == ["new"]
        assert receiver.received[0].json["type"] == "segment.left"
        assert webhooks.listed(run.ledger.database)[0].watermark == 4


def test_what_was_before_a_webhook_is_not_told_and_neither_is_an_edit(tmp_path: Path) -> None:
    with Receiver() as receiver, sending(tmp_path) as run:
        happens(run.ledger, "+ann")
        webhook(run.ledger, receiver.url)
        edited(run.ledger)
        happens(run.ledger, "+bob")
        run.settle()
        assert [each.json["data"]["profile_id"] for each in receiver.received] == ["bob"]


def test_an_edit_that_is_announced_is_told_one_by_one(tmp_path: Path) -> None:
    with Receiver() as receiver, sending(tmp_path) as run:
        webhook(run.ledger, receiver.url)
        with run.ledger.database.writing() as connection:
            changes.append(connection, [Draft("ann", 1, 1, True, "definition")], START)
        run.settle()
        assert [each.json["data"]["cause"] for each in receiver.received] == ["definition"]


def test_several_changes_go_in_one_request_where_that_is_wanted(tmp_path: Path) -> None:
    with Receiver() as receiver, sending(tmp_path) as run:
        webhook(run.ledger, receiver.url, most=10)
        happens(run.ledger, *(f"+p{each}" for each in range(25)))
        run.settle()
        bodies = [each.json for each in receiver.received]
        assert sorted(len(body["data"]["changes"]) for body in bodies) == [5, 10, 10]
        assert {body["type"] for body in bodies} == {"segment.changes"}
        assert {one["profile_id"] for body in bodies for one in body["data"]["changes"]} == {f"p{n}" for n in range(25)}


@pytest.mark.parametrize(
    "failing", [status(500, b"oops"), status(404), status(302, Location="http://127.0.0.1:1/"), drops, silent],
    ids=["500", "404", "redirect", "drop", "timeout"],
)  # fmt: skip
def test_a_failure_is_tried_again_under_the_same_id_with_the_same_body(tmp_path: Path, failing: Answer) -> None:
    with Receiver([failing, failing]) as receiver, sending(tmp_path, seconds=0.5) as run:
        hook = webhook(run.ledger, receiver.url)
        happens(run.ledger, "+ann")
        run.settle()
        assert len(receiver.received) == 1
        run.later(seconds=4.9)
        assert len(receiver.received) == 1
        run.later(seconds=1.2)
        assert len(receiver.received) == 2
        run.later(minutes=6)
        assert len(receiver.received) == 3
        assert len({(each.id, each.body) for each in receiver.received}) == 1
        assert run.counted == ["failed", "failed", "sent"]
        (row,) = run.rows()
        assert (row.state, row.attempts, row.status, row.error) == ("sent", 3, 200, None)
        last = receiver.received[-1]
        assert abs(int(last.headers["webhook-timestamp"]) - run.clock.now().timestamp()) < 1
        assert (
            Reference(hook.endpoint.secret, START).sign(last.id, run.clock.now(), last.body.decode())
            in last.headers["webhook-signature"].split()
        )


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_busy_endpoint_is_left_alone_for_as_long_as_it_asks(tmp_path: Path, form: str) -> None:
    asked = "600" if form == "seconds" else format_datetime(START + dt.timedelta(seconds=600), usegmt=True)
    with Receiver([status(429, Retry_After=asked)]) as receiver, sending(tmp_path) as run:
        webhook(run.ledger, receiver.url)
        happens(run.ledger, "+ann")
        run.settle()
        happens(run.ledger, "+bob")
        run.later(seconds=590)
        assert len(receiver.received) == 1  # bob waits too: the endpoint is busy, not ann's delivery
        run.later(seconds=15)
        assert len(receiver.received) == 3
        assert sorted(run.counted) == ["failed", "sent", "sent"]


def test_a_wish_to_wait_for_ten_days_is_granted_one(tmp_path: Path) -> None:
    with Receiver([status(503, Retry_After="864000")]) as receiver, sending(tmp_path) as run:
        webhook(run.ledger, receiver.url)
        happens(run.ledger, "+ann")
        run.settle()
        run.later(hours=23.9)
        assert len(receiver.received) == 1
        run.later(hours=0.2)
        assert len(receiver.received) == 2


def test_gone_disables_and_what_waits_is_told_when_it_is_enabled(tmp_path: Path) -> None:
    with Receiver([status(410)]) as receiver, sending(tmp_path) as run:
        hook = webhook(run.ledger, receiver.url)
        happens(run.ledger, "+ann")
        run.settle()
        happens(run.ledger, "+bob")
        run.later(days=2)
        assert len(receiver.received) == 1
        (off,) = webhooks.listed(run.ledger.database)
        assert not off.endpoint.enabled
        assert "410" in str(off.endpoint.reason)
        webhooks.resume(run.ledger.database, hook.id, run.clock.now())
        run.settle()
        again = {each.json["data"]["profile_id"]: each.id for each in receiver.received[1:]}
        assert again.keys() == {"ann", "bob"}
        assert again["ann"] == receiver.received[0].id


def test_after_the_last_attempt_it_can_be_looked_at_and_sent_again(tmp_path: Path) -> None:
    # It fails in a way that is the delivery's own: the endpoint takes others meanwhile.
    with Receiver(otherwise=status(422, b"no such person")) as receiver, sending(tmp_path) as run:
        hook = webhook(run.ledger, receiver.url)
        happens(run.ledger, "+ann")
        run.settle()
        for _ in range(12):
            run.later(hours=30)
        assert len(receiver.received) == attempts.MOST_ATTEMPTS
        (dead,) = deliveries.listed(run.ledger.database, endpoint=hook.id, state="dead")
        assert dead.attempts == attempts.MOST_ATTEMPTS
        assert dead.error == "it answered 422: no such person"
        assert run.counted[-1] == "dead"
        assert deliveries.depth(run.ledger.database).dead == 1
        receiver.otherwise = status(200)
        assert deliveries.retry(run.ledger.database, run.clock.now(), endpoint=hook.id) == 1
        run.settle()
        assert run.rows()[0].state == "sent"
        assert len({each.id for each in receiver.received}) == 1


def test_an_endpoint_that_is_down_is_asked_rarely_and_what_waits_is_told_when_it_is_back(tmp_path: Path) -> None:
    with Receiver(otherwise=status(500)) as receiver, sending(tmp_path) as run:
        webhook(run.ledger, receiver.url)
        happens(run.ledger, *(f"+p{each}" for each in range(200)))
        run.settle()
        assert len(receiver.received) <= 16  # not all two hundred ran against the wall
        asked = len(receiver.received)
        for _ in range(60):
            run.later(minutes=1)
        assert len(receiver.received) - asked <= 15
        receiver.otherwise = status(200)
        seen = len(receiver.received)
        for _ in range(30):
            run.later(minutes=10)
        assert {each.state for each in run.rows()} == {"sent"}
        # The oldest failure was still waiting for its own next attempt; nobody else was.
        assert {each.id for each in receiver.received[seen:]} == {each.id for each in run.rows()}


def test_an_endpoint_that_fails_for_days_is_disabled_with_the_reason(tmp_path: Path) -> None:
    with Receiver(otherwise=status(500)) as receiver, sending(tmp_path) as run:
        webhook(run.ledger, receiver.url)
        for _ in range(24 * 6):
            happens(run.ledger, "+ann", "-ann", at=run.clock.now())
            run.later(hours=1)
        (hook,) = webhooks.listed(run.ledger.database)
        assert not hook.endpoint.enabled
        assert "failed since" in str(hook.endpoint.reason)
        asked = len(receiver.received)
        run.later(days=1)
        assert len(receiver.received) == asked


def test_one_endpoint_that_does_not_answer_slows_no_other(tmp_path: Path) -> None:
    with Receiver(otherwise=silent) as dead, Receiver() as alive, sending(tmp_path, seconds=25) as run:
        webhook(run.ledger, dead.url)
        webhook(run.ledger, alive.url)
        happens(run.ledger, *(f"+p{each}" for each in range(300)))
        until(lambda: len(alive.received) == 300, run.step, seconds=20)
        assert 0 < len(dead.received) <= 8
        dead.ending.set()


def test_no_endpoint_is_asked_by_too_many_at_once(tmp_path: Path) -> None:
    def slow(connection: object, receiver: Receiver) -> None:
        receiver.ending.wait(0.02)
        status(200)(connection, receiver)  # type: ignore[arg-type]

    with Receiver(otherwise=slow) as receiver, sending(tmp_path) as run:
        webhook(run.ledger, receiver.url)
        happens(run.ledger, *(f"+p{each}" for each in range(100)))
        run.settle()
        assert len(receiver.received) == 100
        assert 1 < receiver.most_at_once <= 8


def test_a_rotated_secret_signs_beside_the_new_one_for_a_while(tmp_path: Path) -> None:
    with Receiver() as receiver, sending(tmp_path) as run:
        hook = webhook(run.ledger, receiver.url)
        old, new = hook.endpoint.secret, signing.new_secret()
        webhooks.rotate(run.ledger.database, hook.id, new, HOUR, START)
        happens(run.ledger, "+ann")
        run.settle()
        during = receiver.received[-1]
        for secret in (old, new):
            assert Reference(secret, START).verify(during.body, during.headers)
        run.clock.advance(2 * HOUR)
        happens(run.ledger, "-ann")
        run.settle()
        after = receiver.received[-1]
        assert len(after.headers["webhook-signature"].split()) == 1
        expected = Reference(new, START).sign(after.id, run.clock.now(), after.body.decode())
        assert after.headers["webhook-signature"] == expected


def test_a_paused_webhook_is_told_what_it_missed_when_it_is_resumed(tmp_path: Path) -> None:
    with Receiver() as receiver, sending(tmp_path) as run:
        hook = webhook(run.ledger, receiver.url)
        webhooks.pause(run.ledger.database, hook.id, "holiday", START)
        happens(run.ledger, "+ann", "-ann")
        run.later(days=1)
        assert receiver.received == []
        assert webhooks.existing(run.ledger.database, hook.id).endpoint.reason == "holiday"
        webhooks.resume(run.ledger.database, hook.id, run.clock.now())
        run.settle()
        assert len(receiver.received) == 2


def test_changes_that_are_no_longer_kept_are_noted_as_missed(tmp_path: Path) -> None:
    with Receiver() as receiver, sending(tmp_path) as run:
        webhook(run.ledger, receiver.url)
        happens(run.ledger, "+ann")
        assert changes.prune(run.ledger.database, START + HOUR) == 1
        happens(run.ledger, "+bob")
        run.settle()
        assert [each.json["data"]["profile_id"] for each in receiver.received] == ["bob"]
        assert run.ledger.audit(1)[0].verb == "missed changes of webhook"


def test_a_removed_webhook_is_sent_nothing_more(tmp_path: Path) -> None:
    with Receiver([status(500)]) as receiver, sending(tmp_path) as run:
        hook = webhook(run.ledger, receiver.url)
        happens(run.ledger, "+ann")
        run.settle()
        webhooks.remove(run.ledger.database, hook.id, run.clock.now())
        happens(run.ledger, "-ann")
        run.later(days=1)
        assert len(receiver.received) == 1
        assert webhooks.listed(run.ledger.database) == ()


def test_far_behind_it_makes_no_more_than_fit_and_goes_on_later(tmp_path: Path) -> None:
    with sending(tmp_path) as run:
        hook = webhook(run.ledger, "http://127.0.0.1:9/", most=2)
        happens(run.ledger, *(f"+p{each}" for each in range(6000)))
        announcing = Announcing(run.ledger.database, lambda *_: {}, run.clock)
        while announcing.step():
            pass
        with run.ledger.database.reading() as connection:
            assert deliveries.waiting(connection, hook.id) == 2000
        assert webhooks.existing(run.ledger.database, hook.id).watermark == 4000


# --- claims -------------------------------------------------------------------------------------------------------


def _claim(run: Sending, token: str) -> list[deliveries.Claimed]:
    return deliveries.claim(
        run.ledger.database, run.clock.now(), dt.timedelta(seconds=40), token, most=10, most_each=8, under_way={}
    )


def test_nothing_is_claimed_twice_and_a_lost_claim_records_nothing(tmp_path: Path) -> None:
    with sending(tmp_path) as run:
        webhook(run.ledger, "http://127.0.0.1:9/")
        happens(run.ledger, "+ann", "+bob")
        run.announcing.step()
        first = _claim(run, "one")
        assert len(first) == 2
        assert _claim(run, "two") == []
        run.clock.advance(dt.timedelta(seconds=41))  # the first claimer was stopped for a while
        assert len(_claim(run, "two")) == 2
        result = deliveries.Result(first[0].delivery, "sent", run.clock.now(), 200, None)
        assert deliveries.record(run.ledger.database, "one", [result], run.clock.now()) == 0
        assert deliveries.record(run.ledger.database, "two", [result], run.clock.now()) == 1
        assert deliveries.record(run.ledger.database, "two", [result], run.clock.now()) == 0


def test_in_order_means_none_before_the_one_before(tmp_path: Path) -> None:
    with sending(tmp_path) as run:
        with run.ledger.database.writing() as connection:
            made = endpoints.add(
                connection,
                kind="sync",
                url="http://127.0.0.1:9/",
                label="",
                secret=signing.new_secret(),
                in_order=True,
                now=START,
            )
            deliveries.add(connection, made.id, [deliveries.DeliveryDraft(f"m{n}", "", b"{}") for n in range(3)], START)
        (first,) = _claim(run, "one")
        assert first.delivery.id == "m0"
        assert _claim(run, "one") == []
        waits = deliveries.Result(first.delivery, "waiting", START + HOUR, 500, "oops")
        deliveries.record(run.ledger.database, "one", [waits], START)
        assert _claim(run, "one") == []
        run.clock.advance(HOUR)
        assert [each.delivery.id for each in _claim(run, "one")] == ["m0"]


def test_the_same_change_of_two_segments_or_workspaces_has_two_ids(tmp_path: Path) -> None:
    ids: set[str] = set()
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        with sending(tmp_path / place) as run:
            webhook(run.ledger, "http://127.0.0.1:9/", now=START + dt.timedelta(microseconds=len(ids)))
            with run.ledger.database.writing() as connection:
                changes.append(connection, [Draft("ann", n, 1, True, "event") for n in (1, 2)], START)
            run.announcing.step()
            ids |= {row.id for row in run.rows()}
    assert len(ids) == 4
