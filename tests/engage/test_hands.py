"""Messages that other processes write and post: the same ones as in one process, and none twice when one is killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from deliver.channels.smtp_stand import Server as Mailbox
from ethogram.campaigning import Campaigns
from ethogram.engaged import Engaged
from ethogram.engagement import Definitions
from ethogram.model.message import Maker
from ethogram.sending import Messages

PEOPLE = 600
HELLO = {
    "channel": "email",
    "subject": "Hi {{ first_name | default: 'you' }}",
    "html": "<p>{{ campaign.name }} <a href='https://shop.example/'>look</a> {{ unsubscribe_url }}</p>",
    "text": "{% if plan == 'none' %}{% abort 'no plan' %}{% endif %}{{ campaign.name }}",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[eg.Workspace]:
    profiles = tmp_path / "profiles.jsonl"
    with profiles.open("w") as file:
        for number in range(PEOPLE):
            traits: dict[str, Any] = {"email": f"p{number}@example.com", "plan": "none" if number % 50 == 7 else "pro"}
            if number % 2:
                traits["first_name"] = f"Åsa {number} 🎈"
            if number % 100 == 8:
                del traits["email"]
            file.write(json.dumps({"profile_id": f"p{number}", "ts": "2026-01-01T00:00:00Z", **traits}) + "\n")
    eg.init(tmp_path / "shop").close()
    settings = tmp_path / "shop" / "ethogram.toml"
    settings.write_text(settings.read_text() + 'allow_addresses = "127.0.0.0/8"\npublic_url = "https://news.example"\n')
    with eg.open(tmp_path / "shop") as opened:
        opened.load_profiles(profiles)
        yield opened


def start(workspace: eg.Workspace, name: str, provider: dict[str, Any], **more: Any) -> None:
    with Definitions(workspace.path) as definitions:
        definitions.save("provider", "mail", provider)
        definitions.save("template", "hello", HELLO)
        definitions.save("campaign", name, {"channel": "email", "template": "hello", "when": {"now": True}, **more})
    with Campaigns(workspace.path) as campaigns:
        campaigns.start(name)


@contextmanager
def engaged(workspace: eg.Workspace, senders: int) -> Iterator[Engaged]:
    with Engaged(workspace, clock=workspace.clock, senders=senders) as opened:
        while opened.decide():
            pass
        yield opened


def send(opened: Engaged, until: Callable[[], bool]) -> None:
    patience = time.monotonic() + 60
    while not until():
        assert time.monotonic() < patience, "it does not come to an end"
        if not opened.send():
            time.sleep(0.01)  # other processes work meanwhile


def waiting(messages: Messages) -> int:
    return sum(each.waiting for each in messages.depths())


def done(messages: Messages) -> bool:
    return not waiting(messages)


def states(messages: Messages, name: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in messages.counts(Maker.CAMPAIGN, name):
        found[each.code or each.state.value] += each.messages
    return found


def recorded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_hands_send_what_one_process_sends(workspace: eg.Workspace, tmp_path: Path) -> None:
    said = {}
    for senders in (0, 2):
        file = tmp_path / f"sent{senders}.jsonl"
        name = "spring"
        start(workspace, name, {"channel": "email", "kind": "recording", "path": str(file), "at_once": 100})
        if senders:  # the same messages once more, under the same ids
            with workspace._ledger.database.writing() as connection:
                connection.exec_driver_sql(
                    "UPDATE messages SET state = 'waiting', finished_at = NULL WHERE code IS NULL OR code = 'aborted'"
                )
                connection.exec_driver_sql("DELETE FROM message_events")
        with engaged(workspace, senders) as opened, Messages(workspace.path) as messages:
            send(opened, partial(done, messages))
            found = states(messages, name)
        assert found == {"sent": PEOPLE - 12 - 6, "aborted": 12, "unreachable": 6}
        lines = recorded(file)
        assert len(lines) == len({line["id"] for line in lines}) == found["sent"]
        said[senders] = {line["id"]: {key: value for key, value in line.items() if key != "at"} for line in lines}
    assert said[0] == said[2]
    assert any("Åsa 1 🎈" in line["subject"] for line in said[2].values())


def test_a_killed_hand_sends_nothing_twice_and_another_one_goes_on(workspace: eg.Workspace, tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    start(workspace, "spring", {"channel": "email", "kind": "recording", "path": str(file), "at_once": 20})
    with engaged(workspace, 1) as opened, Messages(workspace.path) as messages:
        send(opened, lambda: states(messages, "spring")["sent"] > 40)
        hand = opened._hands._hands[0]._process  # type: ignore[union-attr]
        assert hand is not None
        os.kill(hand.pid, signal.SIGKILL)
        hand.wait()
        patience = time.monotonic() + 60
        while waiting(messages):
            assert time.monotonic() < patience, states(messages, "spring")
            opened.send()
            time.sleep(0.01)
            with workspace._ledger.database.writing() as connection:
                connection.exec_driver_sql("UPDATE messages SET due_at = created_at WHERE state = 'waiting'")
        assert states(messages, "spring")["sent"] == PEOPLE - 12 - 6
        again = opened._hands._hands[0]._process  # type: ignore[union-attr]
        assert again is not None
        assert again.pid != hand.pid
    lines = recorded(file)
    assert len(lines) == len({line["id"] for line in lines}) == PEOPLE - 12 - 6
    assert again.returncode == 0


@pytest.mark.outside
def test_mail_that_a_killed_hand_had_begun_is_unsure_and_none_comes_twice(workspace: eg.Workspace) -> None:
    mailbox = Mailbox()
    try:
        smtp = {"channel": "email", "kind": "smtp", "host": "127.0.0.1", "port": mailbox.port, "security": "none"}
        start(workspace, "spring", {**smtp, "sender": "Shop <news@shop.example>", "at_once": 50, "connections": 4})
        with engaged(workspace, 2) as opened, Messages(workspace.path) as messages:
            send(opened, lambda: len(mailbox.handler.envelopes) > 60)
            for hand in opened._hands._hands:  # type: ignore[union-attr]
                assert hand._process is not None
                os.kill(hand._process.pid, signal.SIGKILL)
                hand._process.wait()
            patience = time.monotonic() + 90
            while waiting(messages):
                assert time.monotonic() < patience, states(messages, "spring")
                opened.send()
                time.sleep(0.01)
                with workspace._ledger.database.writing() as connection:
                    connection.exec_driver_sql("UPDATE messages SET due_at = created_at WHERE state = 'waiting'")
            found = states(messages, "spring")
            in_doubt = {message.address for message in messages.unsure()}
        got = Counter(address for envelope in mailbox.handler.envelopes for address in envelope.rcpt_tos)
        assert max(got.values()) == 1
        assert found["sent"] + found["unsure"] == PEOPLE - 12 - 6
        assert 0 < found["unsure"] <= 2 * 50  # each hand that is killed had begun at most as many as go at once
        assert len(got) >= found["sent"]
        assert len(got) - found["sent"] <= len(in_doubt & set(got))
    finally:
        mailbox.close()
