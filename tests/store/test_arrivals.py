"""Newly stored events are told once, in the order of storing; what journeys want changed goes to the inbox once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from ethogram.model.journey.runs import Passed, Run, TraitsChanged, run_id
from ethogram.store import journey_changes, journey_runs, requests, tables
from ethogram.store.arrivals import Arrivals
from ethogram.store.inbox import Block, accept
from ethogram.store.journey_runs import Moved
from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
LONG_AGO = NOW - dt.timedelta(days=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        opened.start_load("l", digest="d", kind="events", source="a.csv", reading={}, now=NOW)
        yield opened


def block(number: int, *rows: tuple[str, str, dt.datetime, str]) -> Block:
    who, what, at, id_ = zip(*rows, strict=True)
    table = pa.table(
        {
            "profile_id": pa.array(who, pa.string()),
            "ts": pa.array(at, pa.timestamp("us", tz="UTC")),
            "event": pa.array(what, pa.string()),
            "properties": pa.array(['{"n":1}'] * len(rows), pa.string()),
            "message_id": pa.array(id_, pa.string()),
        }
    )
    return Block(f"b{number}", "events", "l", number, table)


def test_events_of_some_names_are_told_batch_by_batch(tmp_path: Path, ledger: Ledger) -> None:
    stored = [
        block(1, ("ann", "buy", NOW, "m1"), ("bob", "look", NOW, "m2"), ("cid", "buy", NOW, "m3")),
        block(2, ("ann", "look", NOW, "m4")),
        block(3, ("ann", "buy", LONG_AGO - dt.timedelta(days=9), "m5"), ("bob", "buy", NOW, "")),
        block(4, ("dan", "buy", NOW, "m7")),
    ]
    for each in stored:
        accept(each, directory=tmp_path, ledger=ledger, now=NOW)
    for each in stored[:3]:
        ledger.mark_stored(each.id, NOW)
    arrivals = Arrivals(ledger, tmp_path)
    first = arrivals.after(0, {"buy"}, LONG_AGO, 3)
    assert [(each.id, each.profile_id, each.at, each.event, each.properties) for each in first.events] == [
        ("m1", "ann", NOW, "buy", {"n": 1}), ("m3", "cid", NOW, "buy", {"n": 1}),
    ]  # fmt: skip
    second = arrivals.after(first.batch, {"buy"}, LONG_AGO, 1_000)
    assert [each.profile_id for each in second.events] == ["bob"]
    assert second.events[0].id == arrivals.after(first.batch, {"buy"}, LONG_AGO, 1_000).events[0].id != ""
    assert second.batch == arrivals.last()  # the fourth is not stored yet
    assert arrivals.after(second.batch, {"buy"}, LONG_AGO, 1_000).events == ()
    ledger.mark_stored("b4", NOW)
    assert [each.id for each in arrivals.after(second.batch, {"buy"}, LONG_AGO, 1_000).events] == ["m7"]


def test_traits_that_a_run_sets_come_to_the_inbox_once(ledger: Ledger) -> None:
    run = Run(run_id("j", "ann", "o"), "j", 1, "ann", "o", "note", NOW, NOW, NOW, data={"trigger": {}})
    with ledger.database.writing() as connection:
        number = journey_runs.start(connection, [run])[run.id]
        assert journey_runs.start(connection, [run]) == {}
        kept = journey_runs.find(connection, run.id)
        assert kept is not None
        assert kept.number == number
        wish = TraitsChanged({"plan": "pro"}, ("old",))
        passed = Passed(0, "note", "next", NOW, NOW)
        assert journey_runs.finish(connection, [Moved(kept, [passed], [(0, wish)])], NOW) == {number}
        assert journey_runs.finish(connection, [Moved(kept, [passed], [(0, wish)])], NOW) == set()  # it was moved since
    with ledger.database.reading() as connection:
        (waiting,) = journey_changes.waiting(connection, "traits", most=10)
    assert journey_changes.tell_traits(ledger.database, NOW) == 1
    assert journey_changes.tell_traits(ledger.database, NOW) == 0
    with ledger.database.writing() as connection:  # as if it had been killed before it forgot the wish
        columns = {name: getattr(waiting, name) for name in waiting.__dataclass_fields__}
        connection.execute(tables.journey_changes.insert().values(**columns))
    assert journey_changes.tell_traits(ledger.database, NOW) == 1
    with ledger.database.reading() as connection:
        (told,) = requests.waiting(connection, 10)
    (message,) = told.messages
    assert (message.call, message.user_id, message.facts[0].content, message.facts[0].unset) == (
        "identify", "ann", '{"plan":"pro"}', ("old",),
    )  # fmt: skip
