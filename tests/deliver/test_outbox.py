"""The sender of messages, by a clock that the test moves: order, pauses, trouble, speed, and who is not written to."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ethogram.clock import ManualClock
from ethogram.deliver.composing import Trouble, judged
from ethogram.deliver.hooks import Hooks
from ethogram.deliver.lane import Provider
from ethogram.deliver.outbox import Outbox
from ethogram.errors import LedgerError
from ethogram.model.message import (
    Accepted,
    Channel,
    Eligible,
    Later,
    Letter,
    Lost,
    Maker,
    Message,
    Misconfigured,
    Never,
    Origin,
    Outcome,
    Postponed,
    Refused,
    State,
    TextContent,
    Unrenderable,
    Verdict,
    Wanted,
)
from ethogram.store import message_events, outbox, outbox_pauses, outbox_reading
from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
EMAIL, SMS = Channel.EMAIL, Channel.SMS


class Way:
    """A provider that answers as it is told."""

    def __init__(self, *, idempotent: bool = False) -> None:
        self.idempotent = idempotent
        self.taken: list[str] = []
        self.answer: Callable[[Letter], Outcome] = lambda letter: Accepted(f"theirs-{letter.id}")
        self.hold: threading.Event | None = None

    async def send(self, letter: Letter) -> Outcome:
        while self.hold is not None and not self.hold.is_set():  # noqa: ASYNC110  # the test's thread lets it go
            await asyncio.sleep(0.002)
        self.taken.append(letter.address.partition("@")[0])
        return self.answer(letter)

    async def close(self) -> None:
        self.taken.append("closed")


class Bench:
    """An outbox with its ledger, its providers and its clock."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.clock = ManualClock(NOW)
        self.ways = {EMAIL: Way(), SMS: Way()}
        self.gate: Callable[[Message], Verdict] = lambda _: Eligible()
        self.compose: Callable[[Message], Any] = lambda message: Letter(
            message.id, f"{message.wanted.profile_id}@x.example", TextContent("hi")
        )
        self.speeds: dict[tuple[Maker, str], float] = {}
        self.alerts: list[tuple[Channel, str]] = []
        self.dead: list[str] = []
        self.wake = threading.Event()
        self.outbox = self.opened()

    def opened(self, *, per_second: float | None = None, at_once: int = 8, steady: bool = False) -> Outbox:
        hooks = Hooks(
            gate=lambda messages, _: [self.gate(each) for each in messages],
            compose=lambda messages: [self.compose(each) for each in messages],
            speeds=lambda: self.speeds,
            dead=lambda _connection, message, *_: self.dead.append(message.wanted.profile_id),
            alert=lambda *alert: self.alerts.append(alert),
        )
        providers = {channel: Provider(way, at_once, per_second) for channel, way in self.ways.items()}
        return Outbox(
            self.ledger.database, providers, hooks, self.clock, wake=self.wake.set, alone=True, steady=steady,
            monotonic=self.seconds,
        )  # fmt: skip

    def seconds(self) -> float:
        return (self.clock.now() - NOW).total_seconds()

    def put(self, *people: str, channel: Channel = EMAIL, name: str = "spring", **more: Any) -> list[str]:
        due_at = more.pop("due_at", NOW)
        messages = [
            Wanted(Origin(Maker.CAMPAIGN, name, 1, "once"), who, channel, "hello", due_at, **more) for who in people
        ]
        with self.ledger.database.writing() as connection:
            outbox.append(connection, [(each, Eligible()) for each in messages], NOW)
        return [each.id for each in messages]

    def settle(self, steps: int = 200) -> None:
        """Takes steps until nothing is under way and nothing is to be done."""
        quiet = 0
        for _ in range(steps):
            self.wake.clear()
            busy = self.outbox.step()
            moving = any(each.claimed or each.under_way for each in self.outbox.status())
            quiet = 0 if busy or moving else quiet + 1
            if quiet > 1:
                return
            if not busy:
                self.wake.wait(0.02)

    def after(self, wait: dt.timedelta) -> None:
        self.clock.advance(wait)
        self.settle()

    def states(self, *, reason: bool = False) -> dict[str, Any]:
        with self.ledger.database.reading() as connection:
            return {
                each.wanted.profile_id: (each.state, each.code) if reason else each.state
                for each in outbox_reading.listed(connection)
            }

    def message(self, id_: str) -> Message:
        with self.ledger.database.reading() as connection:
            found = outbox_reading.find(connection, id_)
        assert found is not None
        return found

    def taken(self, channel: Channel = EMAIL) -> list[str]:
        return self.ways[channel].taken


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        made = Bench(ledger)
        yield made
        made.outbox.finish()


def test_messages_are_sent_and_everybody_else_is_told_why_not(bench: Bench) -> None:
    verdicts: dict[str, Verdict] = {
        "left": Refused("unsubscribed", "since noon"),
        "asleep": Postponed(NOW + 60 * MINUTE, "quiet hours until 13:00"),
    }
    letters: dict[str, Any] = {
        "nameless": Unrenderable("`first_name` is missing"),
        "aborted": Unrenderable("the template says so", aborted=True),
        "nowhere": (),
    }
    bench.gate = lambda message: verdicts.get(message.wanted.profile_id, Eligible())
    composed = bench.compose
    bench.compose = lambda message: (
        letters.get(message.wanted.profile_id) if (message.wanted.profile_id in letters) else composed(message)
    )
    bench.put("ann", "left", "asleep", "nameless", "aborted", "nowhere")
    bench.put("later", due_at=NOW + MINUTE)
    bench.put("late", expires_at=NOW)
    bench.settle()
    assert bench.states(reason=True) == {
        "ann": (State.SENT, None), "left": (State.REFUSED, "unsubscribed"), "asleep": (State.WAITING, "postponed"),
        "nameless": (State.FAILED, "unrenderable"), "aborted": (State.REFUSED, "aborted"),
        "nowhere": (State.REFUSED, "unreachable"), "later": (State.WAITING, None), "late": (State.FAILED, "expired"),
    }  # fmt: skip
    assert bench.taken() == ["ann"]
    verdicts.clear()
    bench.after(60 * MINUTE)
    assert bench.taken() == ["ann", "later", "asleep"]
    with bench.ledger.database.writing() as connection:
        told = {
            (each.profile_id, each.event) for each in message_events.untold(connection, NOW + 99 * MINUTE, limit=99)
        }
    assert {("ann", "sent"), ("left", "refused"), ("nameless", "failed"), ("late", "failed")} <= told


def test_a_message_that_fails_for_a_while_is_tried_again_with_growing_pauses_and_given_up_at_last(
    bench: Bench,
) -> None:
    tries: list[dt.datetime] = []

    def grey(_: Letter) -> Outcome:
        tries.append(bench.clock.now())
        return Later("451 come again", provider=False)

    bench.ways[EMAIL].answer = grey
    (id_,) = bench.put("ann")
    bench.settle()
    while (message := bench.message(id_)).state is State.WAITING:
        bench.after(message.due_at - bench.clock.now())
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert len(tries) == 10
    assert MINUTE <= pauses[0] <= 1.2 * MINUTE
    assert pauses == sorted(pauses)
    assert (message.code, message.attempts) == ("gave_up", 10)
    assert message.reason == "it failed 10 times: 451 come again"


def test_what_would_come_too_late_is_not_tried_again(bench: Bench) -> None:
    bench.ways[EMAIL].answer = lambda _: Later("452 full", provider=False)
    bench.put("ann", expires_at=NOW + dt.timedelta(seconds=50))
    bench.settle()
    assert bench.states(reason=True) == {"ann": (State.FAILED, "expired")}


def test_a_provider_in_trouble_is_left_alone_and_then_tried_by_one(bench: Bench) -> None:
    bench.ways[EMAIL].answer = lambda _: Later("503")
    people = [f"p{each:03}" for each in range(60)]
    bench.put(*people)
    bench.put("text", channel=SMS)
    bench.settle()
    asked = len(bench.taken())
    assert 5 <= asked <= 24  # as many as were under way when it became clear
    assert bench.taken(SMS) == ["text"]  # other channels go on
    assert [(each.channel, each.state, each.reason) for each in bench.outbox.status()] == [
        (EMAIL, "resting", "503"), (SMS, "sending", None),
    ]  # fmt: skip
    assert State.CLAIMED not in bench.states().values()
    bench.after(dt.timedelta(seconds=7))
    assert len(bench.taken()) == asked + 1
    bench.ways[EMAIL].answer = lambda _: Accepted()
    bench.after(dt.timedelta(seconds=15))
    bench.after(30 * MINUTE)
    assert set(bench.states().values()) == {State.SENT}
    assert bench.outbox.status()[0].state == "sending"
    # What had not been tried was oldest, and went first.
    untried = [who for who in people if who not in bench.taken()[: asked + 1]]
    assert bench.taken()[asked + 1 :][: len(untried)] == untried


def test_a_provider_that_asks_to_be_left_alone_is_and_not_for_ever(bench: Bench) -> None:
    bench.ways[EMAIL].answer = lambda _: Later("429", wait=dt.timedelta(days=10))
    bench.put("ann")
    bench.settle()
    bench.put("ben")
    bench.after(50 * MINUTE)
    assert bench.taken() == ["ann"]
    bench.ways[EMAIL].answer = lambda _: Accepted()
    bench.after(20 * MINUTE)
    assert bench.taken() == ["ann", "ben"]
    bench.after(dt.timedelta(days=1, hours=5))  # a day at most, for the message that was refused
    assert bench.taken() == ["ann", "ben", "ann"]


def test_a_provider_that_refuses_us_pauses_its_channel_with_one_alert(bench: Bench) -> None:
    bench.ways[EMAIL].answer = lambda _: Misconfigured("401 unknown key")
    bench.put(*(f"p{each}" for each in range(100)))
    bench.settle()
    assert bench.alerts == [(EMAIL, "401 unknown key")]
    assert len(bench.taken()) <= 16
    assert set(bench.states().values()) == {State.WAITING}
    bench.after(600 * MINUTE)
    assert len(bench.taken()) <= 16
    assert bench.outbox.trouble() == ("the channel `email` is paused since its provider refuses it: 401 unknown key")
    bench.outbox.replace(EMAIL, Provider(better := Way(), 8))
    with bench.ledger.database.writing() as connection:
        assert outbox_pauses.resume_channel(connection, EMAIL)
    bench.settle()
    assert len(better.taken) == 100
    assert set(bench.states().values()) == {State.SENT}
    assert len(bench.alerts) == 1
    assert bench.outbox.trouble() is None


def test_a_channel_whose_provider_is_removed_sends_nothing_until_it_has_another(bench: Bench) -> None:
    bench.put("ann")
    bench.settle()
    bench.outbox.withdraw(EMAIL)
    bench.put("bob", name="summer")
    bench.put("cid", channel=SMS)
    bench.settle()
    assert (bench.taken(), bench.ways[SMS].taken) == (["ann"], ["cid"])
    assert [(each.channel, each.state) for each in bench.outbox.status()] == [(SMS, "sending"), (EMAIL, "unprovided")]
    bench.outbox.replace(EMAIL, Provider(other := Way(), 8))
    bench.settle()
    assert other.taken == ["bob"]
    assert {each.state for each in bench.outbox.status()} == {"sending"}


@pytest.mark.parametrize(
    ("idempotent", "twice", "after"),
    [(False, False, State.UNSURE), (True, False, State.WAITING), (False, True, State.WAITING)],
)
def test_what_was_lost_on_its_way_is_sent_again_only_where_that_is_right(
    bench: Bench, idempotent: bool, twice: bool, after: State
) -> None:
    bench.ways[EMAIL].idempotent = idempotent
    bench.ways[EMAIL].answer = lambda _: Lost("the connection ended after DATA")
    (id_,) = bench.put("ann", twice_rather_than_not=twice)
    bench.settle()
    assert bench.message(id_).state is after
    bench.ways[EMAIL].answer = lambda _: Accepted()
    bench.after(20 * MINUTE)
    assert bench.message(id_).state is (State.UNSURE if after is State.UNSURE else State.SENT)


def test_a_dead_address_is_told_and_an_exception_is_no_answer(bench: Bench) -> None:
    def answer(letter: Letter) -> Outcome:
        if letter.address.startswith("ann"):
            return Never("550 no such user", dead=True)
        raise RuntimeError("a fault in the channel")

    bench.ways[EMAIL].answer = answer
    bench.put("ann", "ben")
    bench.settle()
    assert bench.states() == {"ann": State.FAILED, "ben": State.UNSURE}
    assert bench.dead == ["ann"]
    with bench.ledger.database.writing() as connection:
        told = [(each.profile_id, each.event) for each in message_events.untold(connection, NOW, limit=9)]
    assert sorted(told) == [("ann", "bounced"), ("ann", "failed")]


def test_one_device_of_several_is_enough(bench: Bench) -> None:
    bench.ways[EMAIL].answer = lambda letter: (
        Never("410", dead=True) if letter.address.startswith("old") else Accepted("7")
    )
    bench.compose = lambda message: [
        Letter(f"{message.id}-{each}", f"{each}@x", TextContent("hi")) for each in ("old", "new")
    ]
    bench.put("ann")
    bench.settle()
    assert bench.states() == {"ann": State.SENT}
    assert bench.taken() == ["old", "new"]
    assert bench.dead == ["ann"]


def test_where_nobody_can_be_asked_about_nobody_is_written_to(bench: Bench) -> None:
    def broken(_: Message) -> Verdict:
        raise LedgerError("the ledger does not answer")

    bench.gate = broken
    bench.put("ann", "ben")
    assert isinstance(judged([], NOW, lambda *_: [Eligible()], lambda _: []), Trouble)  # one verdict too many
    bench.settle(60)
    assert bench.taken() == []
    assert set(bench.states().values()) == {State.WAITING}
    assert bench.outbox.trouble() == "messages of the channel `email` cannot be made: the ledger does not answer"
    bench.gate = lambda _: Eligible()
    bench.after(MINUTE)
    assert sorted(bench.taken()) == ["ann", "ben"]
    assert bench.outbox.trouble() is None


def test_a_message_that_cannot_be_made_does_not_take_the_others_along(bench: Bench) -> None:
    composed = bench.compose

    def compose(message: Message) -> Any:
        if message.wanted.profile_id == "bad":
            raise ValueError("nobody thought of this")
        return composed(message)

    bench.compose = compose
    bench.put("ann", "bad", "ben")
    bench.settle()
    assert sorted(bench.taken()) == ["ann", "ben"]
    assert bench.states(reason=True)["bad"] == (State.WAITING, "retrying")


def test_a_paused_campaign_stops_and_goes_on_where_it_was(bench: Bench) -> None:
    hold = bench.ways[EMAIL].hold = threading.Event()
    people = [f"p{each:03}" for each in range(100)]
    bench.put(*people)
    for _ in range(10):
        bench.outbox.step()
        time.sleep(0.005)
    with bench.ledger.database.writing() as connection:
        outbox_pauses.pause(connection, Maker.CAMPAIGN, "spring", "the price is wrong", NOW)
    bench.outbox.step()
    hold.set()
    bench.put("other", name="summer")
    bench.settle()
    before = [who for who in bench.taken() if who != "other"]
    assert 0 < len(before) <= 8  # what was under way
    assert "other" in bench.taken()
    bench.after(60 * MINUTE)
    assert len(bench.taken()) == len(before) + 1
    with bench.ledger.database.writing() as connection:
        outbox_pauses.resume(connection, Maker.CAMPAIGN, "spring", bench.clock.now())
    bench.settle()
    assert sorted(bench.taken()) == sorted([*people, "other"])


def test_a_campaign_is_as_fast_as_it_may_be_and_holds_up_no_other(bench: Bench) -> None:
    bench.speeds[(Maker.CAMPAIGN, "spring")] = 2.0
    bench.put(*(f"p{each:03}" for each in range(40)))
    bench.put("other", name="summer")
    bench.settle()
    assert len([who for who in bench.taken() if who != "other"]) <= 3
    assert "other" in bench.taken()
    sent_by: list[int] = []
    for _ in range(30):
        bench.after(dt.timedelta(seconds=1))
        sent_by.append(len(bench.taken()) - 1)
    assert max(after - before for before, after in itertools.pairwise(sent_by)) <= 4
    assert abs(sent_by[9] - 20) <= 4
    assert sent_by[-1] == 40


def test_a_provider_takes_so_many_a_second(bench: Bench) -> None:
    bench.outbox.finish()
    bench.taken().clear()
    bench.outbox = bench.opened(per_second=5)
    bench.put(*(f"p{each}" for each in range(30)))
    counts = []
    for _ in range(8):
        bench.settle(12)
        counts.append(len(bench.taken()))
        bench.clock.advance(dt.timedelta(seconds=1))
    assert counts[0] <= 5
    assert max(after - before for before, after in itertools.pairwise(counts)) <= 5
    assert counts[-1] == 30


def test_a_clock_that_jumps_ahead_and_back_fires_nothing_and_drops_nothing(bench: Bench) -> None:
    bench.outbox.finish()
    seconds = [0.0]
    ways = {channel: Provider(way) for channel, way in bench.ways.items()}
    hooks = Hooks(
        lambda messages, _: [Eligible()] * len(messages), lambda messages: [bench.compose(x) for x in messages]
    )
    bench.outbox = Outbox(
        bench.ledger.database, ways, hooks, bench.clock, wake=bench.wake.set, alone=True, monotonic=lambda: seconds[0]
    )
    bench.taken().clear()
    bench.put("tomorrow", due_at=NOW + dt.timedelta(days=1))
    bench.put("soon", due_at=NOW + MINUTE, expires_at=NOW + 60 * MINUTE)
    bench.clock.advance(dt.timedelta(days=3))
    seconds[0] += 20
    bench.settle()
    assert bench.taken() == []
    bench.clock.advance(dt.timedelta(days=-3) + MINUTE)
    seconds[0] += 60
    bench.settle()
    assert bench.taken() == ["soon"]
    # A clock that stays where it is was right: a machine that slept.
    bench.clock.advance(dt.timedelta(days=3))
    bench.settle()
    seconds[0] += 61
    bench.settle()
    assert bench.taken() == ["soon", "tomorrow"]


def test_a_channel_without_a_provider_is_named(bench: Bench) -> None:
    bench.put("ann", channel=Channel.PUSH)
    bench.settle()
    assert [(each.channel, each.state) for each in bench.outbox.status()][-1] == (Channel.PUSH, "unprovided")
    assert bench.states() == {"ann": State.WAITING}


def test_ending_waits_for_what_is_begun_and_frees_the_rest(bench: Bench) -> None:
    hold = bench.ways[EMAIL].hold = threading.Event()
    bench.put(*(f"p{each:02}" for each in range(40)))
    for _ in range(10):
        bench.outbox.step()
        time.sleep(0.005)
    threading.Timer(0.1, hold.set).start()
    bench.outbox.finish()
    states = list(bench.states().values())
    assert states.count(State.SENT) == 8
    assert states.count(State.WAITING) == 32
    assert bench.taken()[-1] == "closed"
    bench.outbox = bench.opened()
