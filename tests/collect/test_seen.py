"""What came before is never taken for new; what is new is seldom taken for known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.collect.seen import Seen, fingerprints, first_of_each
from ethogram.collect.values import Limits

if TYPE_CHECKING:
    import pytest

    from collect.conftest import Place

MESSAGES = st.tuples(st.sampled_from(["ada", "bo", "ü"]), st.sampled_from(["", "1", "2", "a", "\x00"]))


def table(messages: list[tuple[str, str]]) -> pa.Table:
    return pa.table(
        {
            "profile_id": pa.array([who for who, _ in messages], pa.string()),
            "message_id": pa.array([message for _, message in messages], pa.string()),
            "at": pa.array(range(len(messages)), pa.int64()),
        }
    )


@settings(deadline=None)
@given(st.lists(MESSAGES, max_size=30))
def test_the_first_of_each_message_stays_and_all_without_an_id(messages: list[tuple[str, str]]) -> None:
    wanted = [at for at, each in enumerate(messages) if not each[1] or each not in messages[:at]]
    assert first_of_each("events", table(messages))["at"].to_pylist() == wanted


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20), st.integers(0, 3))
def test_a_fingerprint_is_of_the_message_and_not_of_its_place(messages: list[tuple[str, str]], cut: int) -> None:
    prints = fingerprints("events", table(messages))
    # The same rows in two pieces, in the middle of a longer column, and by themselves.
    whole = table([("x", "y"), *messages, ("z", "")])
    pieces = pa.concat_tables([whole.slice(1, cut), whole.slice(1 + cut)]).slice(0, len(messages))
    assert (fingerprints("events", pieces) == prints).all()
    assert [fingerprints("events", table([each]))[0] for each in messages] == list(prints)
    assert len(set(prints)) == len(set(messages))


def test_texts_that_differ_late_or_only_in_length_are_told_from_others() -> None:
    texts = ["", "a", "a\x00", "a\x00\x00", "b" * 8, "b" * 9, "b" * 16, "c" * 63, "c" * 64, "c" * 65, "c" * 63 + "d"]
    messages = [(who, text) for who in texts for text in texts]
    assert len(set(fingerprints("events", table(messages)))) == len(messages)
    assert len(fingerprints("events", table([]))) == 0


def test_what_was_added_is_always_a_maybe_and_little_else_is() -> None:
    seen = Seen()
    old = fingerprints("events", table([("p", str(at)) for at in range(50_000)]))
    new = fingerprints("events", table([("q", str(at)) for at in range(50_000)]))
    assert len(np.unique(np.concatenate([old, new]))) == 100_000
    assert not seen.maybe(old).any()
    seen.add(old[:30_000])
    seen.add(old[30_000:])
    assert seen.maybe(old).all()
    assert seen.maybe(new).mean() < 0.001


def rows(place: Place, name: str, first: int, count: int) -> str:
    path = place.directory / name
    pq.write_table(
        pa.table(
            {
                "profile_id": [f"p{at % 7}" for at in range(first, first + count)],
                "timestamp": pa.array(range(first, first + count), pa.timestamp("s", tz="UTC")),
                "event": ["e"] * count,
                "message_id": [f"m{at}" for at in range(first, first + count)],
            }
        ),
        path,
    )
    return str(path)


def test_messages_of_a_file_before_are_known_in_the_same_call_and_in_the_next(place: Place) -> None:
    limits = Limits(rows_per_block=40)
    one, two = rows(place, "1.parquet", 0, 100), rows(place, "2.parquet", 70, 100)
    summary = place.load(one, two, limits=limits)
    assert (summary.accepted, summary.duplicates) == (170, 30)
    summary = place.load(rows(place, "3.parquet", 150, 50), limits=limits)
    assert (summary.accepted, summary.duplicates) == (30, 20)
    assert place.count() == 200


def test_messages_stored_by_others_in_the_middle_of_a_load_are_known(place: Place) -> None:
    # The rows 80 to 119 come from elsewhere while the first block is reported.
    other = rows(place, "other.parquet", 80, 40)

    def meanwhile(_: object) -> None:
        if place.count() == 40:
            place.load(other)

    summary = place.load(rows(place, "a.parquet", 0, 120), limits=Limits(rows_per_block=40), progress=meanwhile)
    assert (summary.accepted, summary.duplicates) == (80, 40)
    assert place.count() == 120


def test_fingerprints_that_meet_by_chance_drop_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ethogram.collect.blocks.fingerprints", lambda _, rows: np.full(len(rows), 7, np.uint64))
    summary = place.load(rows(place, "a.parquet", 0, 100), limits=Limits(rows_per_block=30))
    assert (summary.accepted, summary.duplicates, place.count()) == (100, 0, 100)
