"""Each code goes to one message, whoever asks at the same time, on every ledger database."""

from __future__ import annotations

import datetime as dt
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ethogram.store import coupons
from ethogram.store.coupons import CodesAdded, Pool
from ethogram.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


def add(ledger: Ledger, codes: Iterable[str], pool: str = "w", expires_at: dt.datetime | None = None) -> CodesAdded:
    with ledger.database.writing() as connection:
        return coupons.add(connection, pool, codes, expires_at=expires_at)


def take(ledger: Ledger, message_id: str, pool: str = "w", now: dt.datetime = NOW) -> str | None:
    with ledger.database.writing() as connection:
        return coupons.take(connection, pool, message_id, f"p-{message_id}", now)


def test_codes_are_added_once_and_repeated_ones_told(ledger: Ledger) -> None:
    assert add(ledger, ["A", "B", " A ", "", "x" * 201, "C\x00"]) == CodesAdded(added=2, known=1, unfit=3)
    assert add(ledger, ["B", "C"]) == CodesAdded(added=1, known=1, unfit=0)
    assert add(ledger, ["A"], pool="other") == CodesAdded(added=1, known=0, unfit=0)
    assert add(ledger, (f"n{number}" for number in range(1_201))) == CodesAdded(added=1_201, known=0, unfit=0)


def test_a_message_gets_one_code_however_often_it_asks(ledger: Ledger) -> None:
    add(ledger, ["A", "B"])
    assert [take(ledger, "m1"), take(ledger, "m1"), take(ledger, "m2"), take(ledger, "m1")] == ["A", "A", "B", "A"]
    assert take(ledger, "m3") is None
    assert take(ledger, "m2") == "B"
    add(ledger, ["C"])
    assert take(ledger, "m3") == "C"


def test_many_messages_get_theirs_at_once(ledger: Ledger) -> None:
    add(ledger, ["A", "B", "C"])
    take(ledger, "m2")
    with ledger.database.writing() as connection:
        found = coupons.take_many(connection, "w", {"m1": "p1", "m2": "p2", "m3": "p3", "m4": "p4"}, NOW)
        assert found == {"m2": "A", "m1": "B", "m3": "C"}
        assert coupons.take_many(connection, "w", {}, NOW) == {}
        assert coupons.given(connection, "w", ["m1", "m4"]) == {"m1": "B"}


def test_an_expired_code_is_not_given_out(ledger: Ledger) -> None:
    add(ledger, ["A"], expires_at=LATER)
    add(ledger, ["B"])
    assert take(ledger, "m1", now=LATER) == "B"
    assert take(ledger, "m2", now=LATER) is None
    assert take(ledger, "m2", now=NOW) == "A"
    assert take(ledger, "m2", now=LATER) == "A"


def test_it_is_told_how_full_pools_are(ledger: Ledger) -> None:
    add(ledger, ["A", "B", "C"])
    add(ledger, ["D"], expires_at=NOW)
    add(ledger, ["A"], pool="v")
    take(ledger, "m1")
    found = coupons.pools(ledger.database, NOW)
    assert found == (Pool("v", free=1, given=0, expired=0), Pool("w", free=2, given=1, expired=1))
    assert coupons.low(found, 2) == (found[0],)
    with ledger.database.writing() as connection:
        assert coupons.remove_free(connection, "w") == 3
    assert coupons.pools(ledger.database, NOW)[1] == Pool("w", free=0, given=1, expired=0)
    assert take(ledger, "m1") == "A"


def test_a_transaction_that_is_undone_gives_the_code_back(ledger: Ledger) -> None:
    add(ledger, ["A"])

    def fail() -> None:
        with ledger.database.writing() as connection:
            assert coupons.take(connection, "w", "m1", "p1", NOW) == "A"
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail()
    assert take(ledger, "m2") == "A"


def test_threads_asking_at_once_share_no_code(ledger: Ledger) -> None:
    add(ledger, (f"c{number}" for number in range(40)))
    wanted = [f"m{number % 30}" for number in range(90)]  # each message asks three times
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda message_id: (message_id, take(ledger, message_id)), wanted))
    assert len(set(got)) == 30
    assert max(Counter(code for _, code in set(got)).values()) == 1
    assert coupons.pools(ledger.database, NOW)[0].free == 10


def _take_in_a_process(arguments: tuple[str, int]) -> list[tuple[str, str | None]]:
    url, number = arguments
    with Ledger(url) as ledger:
        return [(f"m{number}-{n}", take(ledger, f"m{number}-{n}")) for n in range(20)]


def test_processes_asking_at_once_share_no_code_and_none_is_left_behind(ledger: Ledger, ledger_url: str) -> None:
    add(ledger, (f"c{number}" for number in range(30)))
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        got = [each for some in pool.map(_take_in_a_process, [(ledger_url, 1), (ledger_url, 2)]) for each in some]
    codes = [code for _, code in got if code is not None]
    assert len(codes) == len(set(codes)) == 30
    assert len(got) == 40
