"""On PostgreSQL, where several write at once, a cap holds as on SQLite."""

from __future__ import annotations

import pytest

from decide.test_standing import compete


@pytest.mark.outside
def test_a_cap_holds_while_four_decide_at_once_on_postgresql(postgres_url: str) -> None:
    compete(postgres_url)
