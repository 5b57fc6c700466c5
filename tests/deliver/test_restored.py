"""Restored from a backup, nothing is sent again before a person has looked; restarted or killed, it goes on."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.deliver.hooks import Hooks
from ethogram.model.message import Accepted, Channel, Eligible, Letter, Maker, Origin, Outcome, TextContent, Wanted
from ethogram.sending import Messages, Provider, Sending
from ethogram.store import audit, outbox
from ethogram.store.evidence import Evidence
from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


class Way:
    """Counts what goes out, over all processes and restorations of a test."""

    idempotent = False

    def __init__(self) -> None:
        self.gone: Counter[str] = Counter()

    async def send(self, letter: Letter) -> Outcome:
        self.gone[letter.address] += 1
        return Accepted()

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    eg.init(tmp_path / "shop").close()
    return tmp_path / "shop"


def put(place: Path, *people: str) -> None:
    wanted = [Wanted(Origin(Maker.CAMPAIGN, "spring", 1, "once"), who, Channel.EMAIL, "hello", NOW) for who in people]
    with Ledger(f"sqlite:///{place / 'ledger.sqlite'}") as ledger, ledger.database.writing() as connection:
        outbox.append(connection, [(each, Eligible()) for each in wanted], NOW)


def send(place: Path, way: Way, clock: ManualClock) -> str | None:
    """Sends all that may be sent, as a server would; what it says is wrong."""
    hooks = Hooks(
        gate=lambda messages, _: [Eligible()] * len(messages),
        compose=lambda messages: [Letter(each.id, each.wanted.profile_id, TextContent("hi")) for each in messages],
    )
    with (
        Messages(place, clock=clock) as messages,
        Sending(place, {Channel.EMAIL: Provider(way)}, hooks, clock=clock) as sending,
    ):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            clock.advance(dt.timedelta(seconds=1))
            sending.send()
            if sending.trouble() is not None or not sum(each.waiting for each in messages.depths()):
                break
        return sending.trouble()


def test_an_old_ledger_under_a_newer_workspace_sends_nothing_twice(place: Path, tmp_path: Path) -> None:
    way, clock = Way(), ManualClock(NOW)
    put(place, "zoe")
    assert send(place, way, clock) is None
    put(place, "ann", "bob")
    shutil.copy2(place / "ledger.sqlite", tmp_path / "backup")  # closed, so the file is all of it
    assert send(place, way, clock) is None
    assert way.gone == {"zoe": 1, "ann": 1, "bob": 1}
    restore(tmp_path / "backup", place)
    trouble = send(place, way, clock)
    assert trouble is not None
    assert "a backup of it was restored" in trouble
    assert "ethogram outbox unlock" in trouble
    assert way.gone == {"zoe": 1, "ann": 1, "bob": 1}
    put(place, "cid")
    assert send(place, way, clock) is not None  # it stays locked, also for what is new
    with Messages(place, clock=clock) as messages:
        assert messages.locked() is not None
        messages.cancel(Maker.CAMPAIGN, "spring", "sent before the backup was restored", actor="ann")
        assert messages.unlock(actor="ann")
        assert not messages.unlock(actor="ann")
    put(place, "dan")
    assert send(place, way, clock) is None
    assert way.gone == {"zoe": 1, "ann": 1, "bob": 1, "dan": 1}
    with Ledger(f"sqlite:///{place / 'ledger.sqlite'}") as ledger, ledger.database.reading() as connection:
        assert [each.actor for each in audit.newest(connection, 10) if each.verb == "unlock"] == ["ann"]


def test_a_whole_workspace_that_was_restored_or_copied_sends_nothing_unasked(place: Path, tmp_path: Path) -> None:
    way, clock = Way(), ManualClock(NOW)
    put(place, "zoe")
    assert send(place, way, clock) is None
    put(place, "ann")
    backup = shutil.copytree(place, tmp_path / "backup", symlinks=True, copy_function=shutil.copy2)
    assert send(place, way, clock) is None
    shutil.rmtree(place)
    shutil.copytree(backup, place, symlinks=True, copy_function=shutil.copy2)
    trouble = send(place, way, clock)
    assert trouble is not None
    assert "restored from a backup" in trouble
    assert way.gone == {"zoe": 1, "ann": 1}


@pytest.mark.parametrize("left", [None, "", "{", '{"id": 1}', '{"id": "another", "epoch": 1}'])
def test_without_its_evidence_nothing_is_sent(place: Path, left: str | None) -> None:
    way, clock = Way(), ManualClock(NOW)
    put(place, "ann")
    assert send(place, way, clock) is None
    file = place / "sending.json"
    file.unlink() if left is None else file.write_text(left)
    put(place, "bob")
    assert send(place, way, clock) is not None
    assert way.gone == {"ann": 1}


def test_who_is_restarted_again_and_again_goes_on(place: Path) -> None:
    way, clock = Way(), ManualClock(NOW)
    for number in range(5):
        put(place, f"p{number}")
        assert send(place, way, clock) is None
    assert set(way.gone.values()) == {1}
    assert len(way.gone) == 5


@pytest.mark.parametrize("step", ["_write", "_changed"])
@pytest.mark.parametrize("before", [0, 3])
def test_killed_while_it_counts_it_goes_on(
    place: Path, step: str, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(f"sqlite:///{place / 'ledger.sqlite'}") as ledger:
        evidence = Evidence(ledger.database, place)
        for _ in range(before):
            evidence.count()

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Evidence, step, killed)
            with pytest.raises(KeyboardInterrupt):
                evidence.count()
        again = Evidence(ledger.database, place)
        assert again.check(NOW) is None
        again.count()
        assert again.check(NOW) is None
        (place / "sending.json").unlink()
        assert again.check(NOW) is not None


def test_a_person_locks_by_hand(place: Path) -> None:
    way, clock = Way(), ManualClock(NOW)
    put(place, "ann")
    with Messages(place, clock=clock) as messages:
        held = messages.lock("the disk was rolled back")
        assert messages.lock("another reason") == held
    trouble = send(place, way, clock)
    assert trouble is not None
    assert "the disk was rolled back" in trouble
    assert not way.gone


def restore(backup: Path, place: Path) -> None:
    for each in place.glob("ledger.sqlite*"):
        each.unlink()
    shutil.copy2(backup, place / "ledger.sqlite")
