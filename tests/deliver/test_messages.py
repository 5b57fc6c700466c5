"""Messages as people see them: sent by one process, looked at and decided about beside it."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.deliver import consequences
from ethogram.errors import UnknownNameError
from ethogram.model.message import (
    Accepted,
    Channel,
    Eligible,
    Letter,
    Lost,
    Maker,
    Message,
    Never,
    Origin,
    Outcome,
    State,
    TextContent,
    Wanted,
)
from ethogram.sending import Decision, Hooks, Messages, Provider, Sending
from ethogram.store import devices, outbox, suppressions
from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
ANSWERS: dict[str, Outcome] = {"lost": Lost("the connection ended"), "gone": Never("no such user", dead=True)}


class Way:
    """Answers by who it is for."""

    idempotent = False

    async def send(self, letter: Letter) -> Outcome:
        return ANSWERS.get(letter.address.partition("@")[0], Accepted())

    async def close(self) -> None:
        """There is nothing to close."""


def test_messages_are_sent_told_and_decided_about(tmp_path: Path) -> None:
    place = tmp_path / "shop"
    eg.init(place).close()
    clock = ManualClock(NOW)

    def put(*people: str, channel: Channel = Channel.EMAIL) -> list[str]:
        wanted = [Wanted(Origin(Maker.CAMPAIGN, "spring", 1, "once"), who, channel, "hello", NOW) for who in people]
        with Ledger(f"sqlite:///{place / 'ledger.sqlite'}") as ledger, ledger.database.writing() as connection:
            outbox.append(connection, [(each, Eligible()) for each in wanted], NOW)
        return [each.id for each in wanted]

    hooks = Hooks(
        gate=lambda messages, _: [Eligible()] * len(messages),
        compose=lambda messages: [
            Letter(each.id, f"{each.wanted.profile_id}@shop.example", TextContent("hi")) for each in messages
        ],
    )
    ann, lost, gone = put("ann", "lost", "gone")
    providers = {Channel.EMAIL: Provider(Way()), Channel.PUSH: Provider(Way())}
    with Messages(place, clock=clock) as messages:
        messages.pause_channel(Channel.EMAIL, "a look at it first")
        with Sending(place, providers, hooks, clock=clock) as sending:

            def settle(*, waiting: int) -> None:
                until = time.monotonic() + 20
                while sum(each.waiting for each in messages.depths()) > waiting and time.monotonic() < until:
                    sending.send()
                assert sum(each.waiting for each in messages.depths()) == waiting

            for _ in range(5):
                sending.send()
            assert next((each.state, each.reason) for each in sending.status()) == ("paused", "a look at it first")
            assert [each.name for each in messages.paused()] == ["email"]
            assert messages.resume_channel(Channel.EMAIL)
            settle(waiting=0)
            assert {each.id: each.state for each in messages.listed()} == {
                ann: State.SENT, lost: State.UNSURE, gone: State.FAILED,
            }  # fmt: skip
            assert sending.gauges()["ethogram_messages_unsure"][1] == 1
            assert [each.id for each in messages.unsure()] == [lost]
            messages.decide(lost, Decision.SENT)
            assert sending.tell()
            assert not sending.tell()
        assert [(each.state, each.messages) for each in messages.counts(Maker.CAMPAIGN, "spring")] == [
            (State.FAILED, 1), (State.SENT, 2),
        ]  # fmt: skip
        assert [each.event for each in messages.get(lost)[1]] == ["sent"]
        with pytest.raises(UnknownNameError, match="no message `msg_x`"):
            messages.get("msg_x")
    with Ledger(f"sqlite:///{place / 'ledger.sqlite'}") as ledger, ledger.database.reading() as connection:
        assert suppressions.among(connection, Channel.EMAIL, ["gone@shop.example"]) == {"gone@shop.example": "bounced"}
    with eg.open(place) as ws:
        while ws.collect().messages:
            pass
        ws.segments.save("written to", "did(email_sent)")
        ws.segments.save("bounced", "did(email_bounced where campaign = 'spring')")
        ws.run()
        assert sorted(map(str, ws.members("written to").column(0).to_pylist())) == ["ann", "lost"]
        assert ws.members("bounced").column(0).to_pylist() == ["gone"]


def test_a_dead_device_takes_no_more_notifications(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger, ledger.database.writing() as connection:
        wanted = Wanted(Origin(Maker.CAMPAIGN, "spring", 1, "once"), "p1", Channel.PUSH, "hello", NOW)
        number = devices.register(connection, "p1", Channel.PUSH, "fcm", "token-1", NOW)
        assert number
        message = Message(1, wanted.id, wanted, State.CLAIMED, None, None, None, 0, NOW, None, NOW, None)
        consequences.dead(connection, message, Letter(wanted.id, "token-1", TextContent("hi")), "410", NOW)
        assert not devices.end(connection, Channel.PUSH, "token-1", "again", NOW)
