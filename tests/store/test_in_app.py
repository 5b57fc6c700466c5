"""In-app messages in both ledgers: sent, they lie ready for their person, the same one once, until they end."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from ethogram.clock import ManualClock
from ethogram.deliver.channels.inapp import InAppChannel
from ethogram.errors import LedgerError
from ethogram.model.message import (
    Accepted,
    Channel,
    Eligible,
    InAppContent,
    Later,
    Letter,
    Maker,
    Never,
    Origin,
    Outcome,
    TextContent,
    Wanted,
)
from ethogram.store import in_app, outbox
from ethogram.store.database import Database
from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
CARD = InAppContent("card", "Hello", "You")


@pytest.fixture
def database(ledger: Ledger) -> Database:
    return ledger.database


def letters(database: Database, count: int, content: Any = CARD) -> list[Letter]:
    wanted = [Wanted(Origin(Maker.CAMPAIGN, "c", 1, str(n)), "ann", Channel.INAPP, "t", NOW) for n in range(count)]
    with database.writing() as connection:
        outbox.append(connection, [(each, Eligible()) for each in wanted], NOW)
    return [Letter(each.id, "ann", content) for each in wanted]


def sent(database: Database, posted: Sequence[Letter]) -> list[Outcome]:
    async def all_sent() -> list[Outcome]:
        channel = InAppChannel("inapp", database, ManualClock(NOW))
        outcomes = await asyncio.gather(*(channel.send(letter) for letter in posted))
        await channel.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return outcomes

    return asyncio.run(all_sent())


def ready(database: Database) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [each.content for each in in_app.waiting(connection, ["ann"], NOW)]


def test_a_repetition_changes_nothing(database: Database) -> None:
    (letter,) = letters(database, 1)
    changed = Letter(letter.id, "ann", InAppContent("card", "Another", "one"))
    assert sent(database, [letter, letter]) == [Accepted(), Accepted()]
    assert sent(database, [changed]) == [Accepted()]
    assert [each["title"] for each in ready(database)] == ["Hello"]


def test_many_at_once_take_few_transactions(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    posted = letters(database, 40)
    transactions: list[int] = []
    put = in_app.put

    def counted(connection: sa.Connection, kept: Sequence[in_app.Kept], now: dt.datetime) -> int:
        transactions.append(len(kept))
        return put(connection, kept, now)

    monkeypatch.setattr(in_app, "put", counted)
    assert sent(database, posted) == [Accepted()] * 40
    assert len(ready(database)) == 40
    assert len(transactions) <= 2
    assert sum(transactions) == 40


@pytest.mark.parametrize("text", ["a\ud800b", "a\0b", "<script>", "👩‍👩‍👧‍👦" * 50, "x" * 100_000])
def test_whatever_a_text_holds_it_is_a_text(database: Database, text: str) -> None:
    content = InAppContent("modal", text, text, buttons=({"text": text},), style={"accent": "#fff"})
    assert sent(database, letters(database, 1, content)) == [Accepted()]
    (kept,) = ready(database)
    told = text.replace("\ud800", "\ufffd")
    assert (kept["title"], kept["body"], kept["buttons"]) == (told, told, [{"text": told}])


def test_what_cannot_be_shown_is_refused_for_good(database: Database) -> None:
    (other,) = sent(database, letters(database, 1, TextContent("x")))
    (faulty,) = sent(database, letters(database, 1, InAppContent("card", "x", "y", show={"again": "often"})))
    assert isinstance(other, Never)
    assert isinstance(faulty, Never)
    assert "again" in faulty.reason
    assert ready(database) == []


def test_a_ledger_that_fails_is_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LedgerError("no room")

    posted = letters(database, 3)
    with monkeypatch.context() as broken:
        broken.setattr(in_app, "put", fail)
        assert all(isinstance(outcome, Later) for outcome in sent(database, posted))
    assert sent(database, posted) == [Accepted()] * 3


def test_a_message_is_fetched_first_once_shown_ended_and_forgotten(database: Database) -> None:
    posted = letters(database, 2)
    sent(database, posted)
    with database.writing() as connection:
        first, second = in_app.waiting(connection, ["ann", "bo"], NOW)
        numbers = [first.message.number, second.message.number]
        assert in_app.fetched(connection, numbers[:1], NOW) == numbers[:1]
        assert in_app.fetched(connection, numbers, NOW) == numbers[1:]
        in_app.shown(connection, numbers[0], NOW, ended=True)
        in_app.shown(connection, numbers[1], NOW, ended=False)
        (left,) = in_app.waiting(connection, ["ann"], NOW)
        assert (left.message.id, left.fetched, left.shows, left.shown_at) == (posted[1].id, True, 1, NOW)
        in_app.end(connection, numbers[1], NOW)
        assert in_app.waiting(connection, ["ann"], NOW) == []
        assert in_app.find(connection, posted[0].id, ["ann"]) is not None
        assert in_app.find(connection, posted[0].id, ["bo"]) is None
        assert in_app.find(connection, posted[0].id, []) is None
    assert in_app.prune(database, NOW + dt.timedelta(days=29)) == 0
    assert in_app.prune(database, NOW + dt.timedelta(days=31)) == 2
