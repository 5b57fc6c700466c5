"""Items change while they are used, and every change is on record, on every ledger database."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.store import catalogs
from ethogram.store.catalogs import ItemsChanged
from ethogram.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


def put(
    ledger: Ledger, items: Mapping[str, Mapping[str, Any]], now: dt.datetime = NOW, name: str = "p"
) -> ItemsChanged:
    with ledger.database.writing() as connection:
        return catalogs.put(connection, name, items, now)


def kept(ledger: Ledger, name: str = "p") -> dict[str, Mapping[str, Any]]:
    with ledger.database.reading() as connection:
        return {item.id: item.fields for item in catalogs.every(connection, name)}


def test_items_are_kept_and_what_changed_is_noted(ledger: Ledger) -> None:
    assert put(ledger, {"a": {"id": "a", "price": 3}, "b": {"id": "b"}}) == ItemsChanged(new=2)
    assert put(ledger, {"a": {"id": "a", "price": 2}, "b": {"id": "b"}}, LATER) == ItemsChanged(changed=1, same=1)
    found = catalogs.changes(ledger.database)
    assert [(each.item, each.before, each.after, each.at) for each in found] == [
        ("a", None, {"id": "a", "price": 3}, NOW), ("b", None, {"id": "b"}, NOW),
        ("a", {"id": "a", "price": 3}, {"id": "a", "price": 2}, LATER),
    ]  # fmt: skip
    assert catalogs.changes(ledger.database, after=found[1].number) == found[2:]
    assert catalogs.changes(ledger.database, limit=1) == found[:1]
    assert catalogs.newest_change(ledger.database) == found[-1].number
    assert catalogs.items(ledger.database, "p", ["a", "x"]) == {"a": {"id": "a", "price": 2}}


def test_a_patch_changes_some_fields(ledger: Ledger) -> None:
    put(ledger, {"a": {"id": "a", "price": 3, "old": 1}})
    with ledger.database.writing() as connection:
        told = catalogs.patch(connection, "p", {"a": {"price": 2, "old": None}, "b": {"price": 1}}, LATER)
    assert told == ItemsChanged(new=1, changed=1)
    assert kept(ledger) == {"a": {"id": "a", "price": 2}, "b": {"price": 1}}


def test_items_are_removed_and_replaced(ledger: Ledger) -> None:
    put(ledger, {name: {"id": name} for name in "abc"})
    put(ledger, {"a": {"id": "other"}}, name="q")
    with ledger.database.writing() as connection:
        assert catalogs.delete(connection, "p", ["a", "x", "a"], NOW) == ItemsChanged(removed=1)
        assert catalogs.replace(connection, "p", {"b": {"id": "b"}, "d": {"id": "d"}}, LATER) == ItemsChanged(
            new=1, removed=1, same=1
        )
    assert sorted(kept(ledger)) == ["b", "d"]
    assert kept(ledger, "q") == {"a": {"id": "other"}}
    assert catalogs.changes(ledger.database, catalog="p")[-1].after is None
    assert catalogs.sizes(ledger.database) == {"p": 2, "q": 1}


def test_a_change_and_its_note_are_kept_together_or_not_at_all(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.database.writing() as connection:
            catalogs.put(connection, "p", {"a": {"id": "a"}}, NOW)
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail()
    assert kept(ledger) == {}
    assert catalogs.changes(ledger.database) == ()


def test_true_is_not_one(ledger: Ledger) -> None:
    put(ledger, {"a": {"id": "a", "x": 1}})
    assert put(ledger, {"a": {"id": "a", "x": True}}) == ItemsChanged(changed=1)
    assert kept(ledger)["a"]["x"] is True


def test_items_are_found_by_their_words_page_by_page(ledger: Ledger) -> None:
    put(
        ledger,
        {
            f"s{n:02}": {"id": f"s{n:02}", "title": f"Blå Skjorta {n}", "tags": [{"colour": "NAVY"}], "p": n}
            for n in range(5)
        },
    )
    put(ledger, {"h": {"id": "h", "title": "100% ull_hatt"}})
    first = catalogs.page(ledger.database, "p", search="blå navy", limit=3)
    assert [item.id for item in first.items] == ["s00", "s01", "s02"]
    assert first.after == "s02"
    second = catalogs.page(ledger.database, "p", search="BLÅ skjorta", after=first.after or "", limit=3)
    assert ([item.id for item in second.items], second.after) == (["s03", "s04"], None)
    assert [item.id for item in catalogs.page(ledger.database, "p", search="100%").items] == ["h"]
    assert [item.id for item in catalogs.page(ledger.database, "p", search="l_h").items] == ["h"]
    assert catalogs.page(ledger.database, "p", search="%").items[0].id == "h"
    assert catalogs.page(ledger.database, "p", search="red").items == ()
    assert len(catalogs.page(ledger.database, "p").items) == 6


def test_many_items_are_read_in_a_few_statements(ledger: Ledger) -> None:
    items = {f"i{n}": {"id": f"i{n}", "n": n} for n in range(1_203)}
    assert put(ledger, items) == ItemsChanged(new=1_203)
    assert catalogs.items(ledger.database, "p", items) == items


def test_followed_changes_are_forgotten_when_they_are_old(ledger: Ledger) -> None:
    put(ledger, {"a": {"id": "a"}})
    put(ledger, {"b": {"id": "b"}}, LATER)
    first, second = catalogs.changes(ledger.database)
    with ledger.database.writing() as connection:
        assert catalogs.forget_changes(connection, LATER, followed=0) == 0
        assert catalogs.forget_changes(connection, LATER, followed=second.number) == 1
    assert catalogs.changes(ledger.database) == (second,)
    assert first.number < second.number


def test_writers_at_once_leave_no_gap_that_a_follower_could_pass_over(ledger: Ledger) -> None:
    followed: list[str] = []
    after = 0

    def write(number: int) -> None:
        put(ledger, {f"{number}-{n}": {"id": n} for n in range(5)})

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(write, number) for number in range(12)]
        while not all(each.done() for each in running):
            for change in catalogs.changes(ledger.database, after=after):
                followed.append(change.item)
                after = change.number
        for each in running:
            each.result()
    followed += [change.item for change in catalogs.changes(ledger.database, after=after)]
    assert sorted(followed) == sorted(f"{number}-{n}" for number in range(12) for n in range(5))


ids = st.sampled_from("abcd")
values = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3) | st.lists(st.integers(0, 2), max_size=2)
fields = st.dictionaries(st.sampled_from("xyz"), values, max_size=3)
steps = st.lists(
    st.tuples(st.sampled_from(["put", "patch", "delete", "replace"]), st.dictionaries(ids, fields, max_size=3)),
    max_size=8,
)


@pytest.fixture(scope="module")
def memory() -> Iterator[Ledger]:
    with Ledger("sqlite://") as opened:
        yield opened


VERBS: dict[str, Callable[..., ItemsChanged]] = {
    "put": catalogs.put,
    "patch": catalogs.patch,
    "delete": catalogs.delete,
    "replace": catalogs.replace,
}
numbers = itertools.count()


@settings(max_examples=60, deadline=None)
@given(done=steps)
def test_replaying_the_changes_gives_what_is_there(
    memory: Ledger, done: list[tuple[str, dict[str, dict[str, Any]]]]
) -> None:
    name = f"c{next(numbers)}"
    model: dict[str, dict[str, Any]] = {}
    counted = 0
    with memory.database.writing() as connection:
        for verb, items in done:
            told = VERBS[verb](connection, name, items, NOW)
            counted += told.new + told.changed + told.removed
            match verb:
                case "put":
                    model |= items
                case "patch":
                    for id_, some in items.items():
                        merged = {**model.get(id_, {}), **some}
                        model[id_] = {field: value for field, value in merged.items() if value is not None}
                case "delete":
                    model = {id_: item for id_, item in model.items() if id_ not in items}
                case _:
                    model = dict(items)
    assert kept(memory, name) == model
    replayed: dict[str, Any] = {}
    found = catalogs.changes(memory.database, catalog=name)
    for change in found:
        assert replayed.get(change.item) == change.before
        replayed[change.item] = change.after
    assert {id_: item for id_, item in replayed.items() if item is not None} == model
    assert len(found) == counted
