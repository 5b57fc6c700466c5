"""Definitions keep every version, on every ledger database."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from ethogram.errors import UnknownNameError
from ethogram.store import definitions

if TYPE_CHECKING:
    from ethogram.store.definitions import Saved
    from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


def save(ledger: Ledger, name: str, body: dict[str, Any], now: dt.datetime = NOW, kind: str = "template") -> Saved:
    with ledger.database.writing() as connection:
        return definitions.save(connection, kind, name, body, now)


def remove(ledger: Ledger, name: str) -> bool:
    with ledger.database.writing() as connection:
        return definitions.remove(connection, "template", name, LATER)


def test_another_body_is_a_version_and_the_same_one_is_not(ledger: Ledger) -> None:
    first = save(ledger, "hello", {"text": "Hi ☂"})
    assert (first.version, first.new) == (1, True)
    assert (save(ledger, "hello", {"text": "Hi ☂"}, LATER).new) is False
    second = save(ledger, "hello", {"text": "Hej"}, LATER)
    assert (second.version, second.created_at) == (2, LATER)
    assert definitions.get(ledger.database, "template", "hello").body == {"text": "Hej"}
    assert definitions.get(ledger.database, "template", "hello", 1).body == {"text": "Hi ☂"}
    assert [each.version for each in definitions.versions(ledger.database, "template", "hello")] == [1, 2]


def test_kinds_do_not_mix(ledger: Ledger) -> None:
    save(ledger, "a", {"x": 1})
    save(ledger, "a", {"x": 2}, kind="campaign")
    assert [each.body for each in definitions.listed(ledger.database, "template")] == [{"x": 1}]
    assert [each.body for each in definitions.listed(ledger.database, "campaign")] == [{"x": 2}]


def test_a_removed_one_is_found_by_version_only_and_comes_back_as_the_next(ledger: Ledger) -> None:
    save(ledger, "a", {"x": 1})
    assert remove(ledger, "a")
    assert not remove(ledger, "a")
    assert definitions.listed(ledger.database, "template") == ()
    with pytest.raises(UnknownNameError, match="no template `a`"):
        definitions.get(ledger.database, "template", "a")
    assert definitions.get(ledger.database, "template", "a", 1).body == {"x": 1}
    assert save(ledger, "a", {"x": 1}).version == 1
    remove(ledger, "a")
    assert save(ledger, "a", {"x": 2}).version == 2


def test_saving_at_once_makes_each_version_once(ledger: Ledger) -> None:
    save(ledger, "a", {"x": -1})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: save(ledger, "a", {"x": number}), range(12)))
    found = definitions.versions(ledger.database, "template", "a")
    assert [each.version for each in found] == list(range(1, 14))
    assert {each.body["x"] for each in found} == set(range(-1, 12))
