"""The outbox on the command line."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ethogram.cli.exits import ExitCode
from ethogram.collecting import open_ledger
from ethogram.model.message import Channel, Eligible, Maker, Origin, Refused, State, Wanted
from ethogram.store import audit, outbox, tables

if TYPE_CHECKING:
    from cli.conftest import Ethogram

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
EVIL = "eve\x1b[31m\u202e"


def wanted(who: str, channel: Channel = Channel.EMAIL) -> Wanted:
    return Wanted(Origin(Maker.CAMPAIGN, "spring", 1, "2026-03-01"), who, channel, "hello", NOW)


@pytest.fixture
def at(shop: Path) -> Path:
    ledger = open_ledger(shop)
    ids = [wanted("ann").id, wanted("bob").id]
    with ledger.database.writing() as connection:
        ways = [(wanted("ann"), Eligible()), (wanted("bob"), Eligible()), (wanted("cid", Channel.SMS), Eligible())]
        outbox.append(connection, [*ways, (wanted(EVIL), Refused("capped", f"too many {EVIL}"))], NOW)
        messages = tables.messages
        connection.execute(messages.update().where(messages.c.id.in_(ids)).values(state=State.UNSURE))
    ledger.close()
    return shop


def answered(command: Ethogram, *args: str) -> str:
    result = command("outbox", *args)
    assert result.exit_code == 0, result.output
    return result.stdout + result.stderr


@pytest.mark.usefixtures("at")
def test_messages_are_listed_and_narrowed(command: Ethogram) -> None:
    rows = json.loads(command("outbox", "list", "--json").stdout)
    assert [each["wanted"]["profile_id"] for each in rows] == [EVIL, "cid", "bob", "ann"]
    newest = rows[0]["number"]
    for args, people in (
        (("--state", "unsure"), ["bob", "ann"]),
        (("--channel", "sms"), ["cid"]),
        (("--profile", "ann"), ["ann"]),
        (("--campaign", "spring", "--limit", "1"), [EVIL]),
        (("--before", str(newest)), ["cid", "bob", "ann"]),
        (("--journey", "spring"), []),
    ):
        found = json.loads(command("outbox", "list", "--json", *args).stdout)
        assert [each["wanted"]["profile_id"] for each in found] == people
    assert "there is no such message" in answered(command, "list", "--journey", "spring")
    assert command("outbox", "list", "--campaign", "a", "--journey", "b").exit_code == ExitCode.USAGE


@pytest.mark.usefixtures("at")
def test_what_others_have_sent_does_not_act_on_the_terminal(command: Ethogram) -> None:
    for args in (("list",), ("show", wanted(EVIL).id)):
        told = answered(command, *args)
        assert "\\x1b[31m\\u202e" in told
        assert not {"\x1b", "\u202e"} & set(told)


def test_unsure_messages_are_decided_about_once(command: Ethogram, at: Path) -> None:
    ann, bob = wanted("ann").id, wanted("bob").id
    assert "ann" in answered(command, "unsure")
    assert "counts as sent" in answered(command, "decide", ann, "sent")
    assert "is not sent" in answered(command, "decide", bob, "drop")
    assert "nothing is in doubt" in answered(command, "unsure")
    again = command("outbox", "decide", ann, "again")
    assert (again.exit_code, "only about an unsure one" in again.stderr) == (ExitCode.USER_ERROR, True)
    assert command("outbox", "decide", "msg_no", "again").exit_code == ExitCode.USER_ERROR
    shown = json.loads(answered(command, "show", ann, "--json"))
    assert (shown["message"]["state"], [each["event"] for each in shown["happened"]]) == ("sent", ["sent"])
    assert "dropped" in answered(command, "show", bob)
    ledger = open_ledger(at)
    with ledger.database.reading() as connection:
        noted = [(each.actor, each.verb, each.object, each.detail) for each in audit.newest(connection, 2)]
    ledger.close()
    assert noted == [
        ("local", "decide", f"message:{bob}", {"decision": "drop"}),
        ("local", "decide", f"message:{ann}", {"decision": "sent"}),
    ]


@pytest.mark.usefixtures("at")
def test_channels_and_campaigns_are_paused_resumed_and_cancelled(command: Ethogram) -> None:
    assert "wait until" in answered(command, "pause", "--channel", "sms", "--reason", EVIL)
    assert "paused already" in answered(command, "pause", "--channel", "sms")
    assert "wait until" in answered(command, "pause", "--campaign", "spring")
    told = answered(command, "status")
    assert "sms  1 waiting, 1 due" in told
    assert "channel sms is paused" in told
    assert "\x1b[31m" not in told
    status = json.loads(answered(command, "status", "--json"))
    assert {each["kind"] for each in status["pauses"]} == {"channel", "campaign"}
    assert {each["channel"]: each["unsure"] for each in status["depths"]} == {"email": 2, "sms": 0}
    assert "sent again" in answered(command, "resume", "--channel", "sms")
    assert "sent again" in answered(command, "resume", "--campaign", "spring")
    assert "not paused" in answered(command, "resume", "--campaign", "spring")
    assert json.loads(answered(command, "cancel", "--campaign", "spring", "--json")) == {"cancelled": 1}
    assert "0 messages" in answered(command, "cancel", "--campaign", "spring")


@pytest.mark.usefixtures("at")
@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("pause",), ExitCode.USAGE),
        (("pause", "--channel", "sms", "--campaign", "spring"), ExitCode.USAGE),
        (("resume",), ExitCode.USAGE),
        (("cancel",), ExitCode.USAGE),
        (("pause", "--campaign", "sprnig"), ExitCode.USER_ERROR),
        (("cancel", "--journey", "spring"), ExitCode.USER_ERROR),
        (("show", "msg_no"), ExitCode.USER_ERROR),
    ],
)
def test_what_means_nothing_is_refused(command: Ethogram, args: tuple[str, ...], code: ExitCode) -> None:
    assert command("outbox", *args).exit_code == code


@pytest.mark.usefixtures("at")
def test_sending_is_locked_and_unlocked(command: Ethogram) -> None:
    assert "a disk was rolled back" in answered(command, "lock", "--reason", f"a disk was rolled back {EVIL}")
    assert "nothing is sent since" in answered(command, "status")
    assert EVIL not in answered(command, "status")
    assert json.loads(command("outbox", "status", "--json").stdout)["locked"]["reason"].startswith("a disk")
    assert json.loads(command("outbox", "unlock", "--json").stdout) == {"changed": True}
    assert "it is not locked" in answered(command, "unlock")
    assert json.loads(command("outbox", "status", "--json").stdout)["locked"] is None
