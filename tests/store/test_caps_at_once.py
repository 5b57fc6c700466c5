"""On PostgreSQL, where several write at once, a cap holds as on SQLite."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from decide.test_standing import NOW, ONE_A_DAY, UTC, compete, mails, put, wanted
from ethogram.decide import standing
from ethogram.decide.eligibility import Ask
from ethogram.model.message import State
from ethogram.store.ledger import Ledger
from web.here import until

pytestmark = pytest.mark.outside
_WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


def test_a_cap_holds_while_four_decide_at_once_on_postgresql(postgres_url: str) -> None:
    compete(postgres_url)


def test_whoever_decides_waits_for_who_has_counted_already(postgres_url: str) -> None:
    with Ledger(postgres_url) as ledger, ThreadPoolExecutor(1) as pool:
        with ledger.database.writing() as connection:
            asks = [Ask(wanted("a", "first"))]
            standing.put(connection, asks, mails("a"), ONE_A_DAY, UTC, NOW)
            second = pool.submit(put, ledger, [wanted("a", "second")], ONE_A_DAY)
            # Either it waits, or it has decided without knowing of the first, which is what must not be.
            until(lambda: second.done() or connection.execute(_WAITING).scalar())
        assert second.result().states == {State.REFUSED: 1}
