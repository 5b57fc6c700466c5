"""Messages wait in the ledger: each once, whoever writes, and each moved to the warehouse once, whatever happens."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ethogram.clock import ManualClock
from ethogram.collect.intake import Failed, Intake, Outcome
from ethogram.errors import InputError, LedgerError, UnknownNameError
from ethogram.store import keys, requests
from ethogram.store.keys import Scope
from ethogram.store.ledger import Ledger
from ethogram.store.loader import store_waiting
from ethogram.store.mover import Collected, move
from ethogram.store.rebuild import rebuild
from ethogram.store.requests import Fact, Kept, Message, depth, keep, prune
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def message(number: object, content: str = '{"n":1}') -> Message:
    event = Fact("events", content, event="bought")
    at = int(NOW.timestamp() * 1e6)
    return Message(f"m{number}", "track", "u1", "", at, (event,))


def group(name: str) -> Message:
    facts = (Fact("accounts", '{"n":1}', "", "acme"), Fact("profiles", '{"account_id":"acme"}', unset=("old",)))
    return Message(name, "group", "u1", "a1", int(NOW.timestamp() * 1e6), facts)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse(f"chdb://{tmp_path / 'warehouse'}")
    yield opened
    opened.close()


def stored(warehouse: Warehouse, table: str = "events") -> list[str]:
    return [row[0] for row in warehouse.query(f"SELECT message_id FROM {table} ORDER BY message_id")]


# --- keeping ---------------------------------------------------------------------------------------------------------


def test_a_repeated_message_is_kept_once_and_another_content_is_counted(ledger: Ledger) -> None:
    first = [message(1), message(2), message(1)]
    again = [message(2), message(3), message(1, '{"n":2}')]
    assert keep(ledger.database, [first, again], NOW) == [Kept(2, 1, 0), Kept(1, 2, 1)]
    assert keep(ledger.database, [again], NOW) == [Kept(0, 3, 1)]
    assert depth(ledger.database) == (3, NOW)
    with ledger.database.reading() as connection:
        waiting = requests.waiting(connection, 100)
    assert [each.id for row in waiting for each in row.messages] == ["m1", "m2", "m3"]
    assert waiting[0].messages[0] == message(1)


def test_several_collectors_keep_one_message_once(ledger_url: str) -> None:
    ledgers = [Ledger(ledger_url) for _ in range(4)]
    try:
        with ThreadPoolExecutor(8) as threads:
            kept = list(
                threads.map(lambda at: keep(ledgers[at % 4].database, [[message(1), message(at)]], NOW), range(40))
            )
        assert sum(each[0].new for each in kept) == 40
        assert depth(ledgers[0].database)[0] == 40
    finally:
        for each in ledgers:
            each.close()


@pytest.mark.parametrize(("later", "new"), [(DAY, 0), (2 * DAY - dt.timedelta(hours=1), 0), (8 * DAY, 1)])
def test_a_repetition_is_recognised_for_the_days_that_are_set(ledger: Ledger, later: dt.timedelta, new: int) -> None:
    keep(ledger.database, [[message(1)]], NOW)
    prune(ledger.database, NOW + later, keep_for=30 * DAY, remember_for=2 * DAY)
    assert keep(ledger.database, [[message(1)]], NOW + later)[0].new == new


def test_what_waits_is_never_pruned_and_what_was_moved_is(ledger: Ledger, warehouse: Warehouse, tmp_path: Path) -> None:
    keep(ledger.database, [[message(1)]], NOW)
    assert prune(ledger.database, NOW + 90 * DAY, keep_for=30 * DAY, remember_for=DAY) == 0
    move(warehouse, ledger, tmp_path, NOW)
    assert prune(ledger.database, NOW + 29 * DAY, keep_for=30 * DAY, remember_for=DAY) == 0
    assert prune(ledger.database, NOW + 31 * DAY, keep_for=30 * DAY, remember_for=DAY) == 1


def test_requests_that_come_together_are_answered_together_and_too_many_are_refused(ledger: Ledger) -> None:
    answered: list[tuple[int, Outcome]] = []
    intake: Intake[int] = Intake(ledger.database, answered.extend, most_messages=10)
    with ledger.database.writing():  # the disk is busy
        taken = [intake.offer(at, (message(at),), NOW) for at in range(30)]
    intake.close()
    assert not intake.offer(99, (message(99),), NOW)
    kept = [at for at, outcome in answered if outcome == Kept(1, 0, 0)]
    assert kept == [at for at, done in enumerate(taken) if done]
    assert len(kept) == 10
    assert depth(ledger.database)[0] == 10


def test_a_ledger_that_fails_fails_its_requests_and_not_the_intake(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[tuple[str, Outcome]] = []
    intake: Intake[str] = Intake(ledger.database, answered.extend, most_messages=10)
    with monkeypatch.context() as broken:
        broken.setattr("ethogram.store.requests.zlib.compress", lambda *_: 1 / 0)
        assert intake.offer("first", (message(1),), NOW)
        while not answered:
            pass
    assert intake.offer("second", (message(1),), NOW)
    intake.close()
    assert isinstance(answered[0][1], Failed)
    assert answered[1] == ("second", Kept(1, 0, 0))


# --- moving ----------------------------------------------------------------------------------------------------------


def test_each_kind_of_fact_comes_to_its_table_under_the_id_that_is_known(
    ledger: Ledger, warehouse: Warehouse, tmp_path: Path
) -> None:
    anonymous = Message("m9", "track", "", "a1", int(NOW.timestamp() * 1e6), (Fact("events", "{}", event="seen"),))
    alias = Message("m10", "alias", "u1", "", int(NOW.timestamp() * 1e6), (), "a1")
    keep(ledger.database, [[message(1), group("m2"), anonymous, alias]], NOW)
    moved = move(warehouse, ledger, tmp_path, NOW)
    assert (moved.messages, moved.rows) == (4, 4)
    assert warehouse.query("SELECT profile_id FROM profiles GROUP BY profile_id ORDER BY 1") == [("u1",)]
    assert warehouse.query("SELECT traits_text, unset FROM profile_traits") == [('{"account_id":"acme"}', ["old"])]
    assert stored(warehouse) == ["m1", "m9"]
    assert stored(warehouse, "account_traits") == ["m2"]
    assert depth(ledger.database) == (0, None)
    assert move(warehouse, ledger, tmp_path, NOW).messages == 0


POINTS = ["written", "published", "planned", "stored", "marked"]


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_each_message_comes_to_the_warehouse_once(
    ledger: Ledger, warehouse: Warehouse, tmp_path: Path, point: str
) -> None:
    keep(ledger.database, [[message(at) for at in range(20)], [group("g")]], NOW)

    def killed(reached: str) -> None:
        if reached == point:
            raise KilledError

    with pytest.raises(KilledError):
        move(warehouse, ledger, tmp_path, NOW, at_point=killed)
    keep(ledger.database, [[message(at) for at in range(15, 25)]], NOW)
    collected = Collected(warehouse, ledger, tmp_path, ManualClock(NOW))
    while collected.move().messages:
        pass
    assert len(stored(warehouse)) == len(set(stored(warehouse))) == 25
    assert stored(warehouse, "profile_traits") == ["g"]
    assert collected.depth() == (0, dt.timedelta())
    known = {batch.file for batch in ledger.batches()}
    assert {path.name for path in (tmp_path / "batches").iterdir()} == known


def test_a_rebuild_finds_what_was_collected(ledger: Ledger, warehouse: Warehouse, tmp_path: Path) -> None:
    for at in range(3):
        keep(ledger.database, [[message(at), group(f"g{at}")]], NOW + at * DAY)
        move(warehouse, ledger, tmp_path, NOW)
    before = stored(warehouse)
    rebuild(warehouse, ledger, tmp_path, NOW)
    assert stored(warehouse) == before == ["m0", "m1", "m2"]
    assert store_waiting(warehouse, ledger, tmp_path, NOW) == 0


def test_two_that_move_the_same_rows_move_them_once(ledger: Ledger, warehouse: Warehouse, tmp_path: Path) -> None:
    keep(ledger.database, [[message(1)]], NOW)

    def meanwhile(reached: str) -> None:
        if reached == "published":
            with ledger.database.writing() as connection:
                requests.take(connection, "other", requests.waiting(connection, 10))

    with pytest.raises(LedgerError, match="another process"):
        move(warehouse, ledger, tmp_path, NOW, at_point=meanwhile)
    assert ledger.batches() == ()


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_key_is_kept_as_a_hash_and_allows_its_scope_and_less(ledger: Ledger) -> None:
    key, value = keys.add(ledger.database, Scope.READ, NOW, label="shop")
    assert keys.digest(value) == key.hash
    assert value not in repr(keys.listed(ledger.database))
    assert [key.allows(scope) for scope in Scope] == [True, True, False]
    keys.note_used(ledger.database, {key.id: NOW})
    assert keys.listed(ledger.database)[0].used_at == NOW
    assert not keys.revoke(ledger.database, key.id, NOW).allows(Scope.WRITE)
    assert keys.revoke(ledger.database, key.id, NOW + DAY).revoked_at == NOW
    assert [entry.verb for entry in ledger.audit()] == ["revoke key", "add key"]


def test_a_given_key_must_fit_into_a_header_and_be_new(ledger: Ledger) -> None:
    keys.add(ledger.database, Scope.WRITE, NOW, value="wk_demo")
    for wrong in ("wk_demo", "short", "has:colon", "has blank", "ümlaut-key", "x" * 201):
        with pytest.raises(InputError):
            keys.add(ledger.database, Scope.WRITE, NOW, value=wrong)
    with pytest.raises(UnknownNameError):
        keys.revoke(ledger.database, 7, NOW)


def test_values_made_are_different_and_long(ledger: Ledger) -> None:
    made: Sequence[str] = [keys.add(ledger.database, Scope.WRITE, NOW)[1] for _ in range(5)]
    assert len(set(made)) == 5
    assert min(map(len, made)) > 40
