"""Keys that this process computes are the engine's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.store.profile_keys import account_key_of, key_of
from ethogram.store.schema import account_key, profile_key
from ethogram.store.warehouse import Warehouse


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with Warehouse("chdb://") as opened:
        yield opened


@given(ids=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=40))
def test_keys_of_any_ids_are_those_that_the_engine_gives(warehouse: Warehouse, ids: list[str]) -> None:
    ids += ["x" * length for length in range(20)]
    asked = {"ids": ids}
    theirs = warehouse.query(f"SELECT arrayMap(i -> {profile_key('i')}, {{ids:Array(String)}})", asked)[0][0]
    assert [key_of(each) for each in ids] == theirs
    theirs = warehouse.query(f"SELECT arrayMap(i -> {account_key('i')}, {{ids:Array(String)}})", asked)[0][0]
    assert [account_key_of(each) for each in ids] == theirs
