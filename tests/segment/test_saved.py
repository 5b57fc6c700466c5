"""Saved segments are read once and not again until somebody changes one, in whichever process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

import ethogram as eg
from ethogram.segment.parser import parse
from ethogram.segment.printer import to_text
from ethogram.segment.saved import SavedSegments
from ethogram.store.ledger import Ledger, SegmentDraft

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def save(ledger: Ledger, name: str, text: str | None) -> None:
    ledger.save_segment(SegmentDraft(name, text=text, tree=None, english="", static=text is None), NOW)


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ours(place: str) -> Iterator[Ledger]:
    with Ledger(place) as ledger:
        yield ledger


@pytest.fixture
def theirs(place: str) -> Iterator[Ledger]:
    """Another connection, as another process has it."""
    with Ledger(place) as ledger:
        yield ledger


def test_unchanged_segments_are_not_read_again(ours: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    save(ours, "buyers", "did(purchase)")
    saved = SavedSegments(ours)
    live = saved.live()
    definition = saved.definition(live["buyers"], live)
    monkeypatch.setattr(Ledger, "segments", None)
    assert saved.live() is live
    assert saved.definition(live["buyers"], live) is definition


def test_what_somebody_else_saves_and_deletes_is_seen_at_once(ours: Ledger, theirs: Ledger) -> None:
    saved = SavedSegments(ours)
    assert list(saved.live()) == []
    save(theirs, "buyers", "did(purchase)")
    assert list(saved.live()) == ["buyers"]
    save(theirs, "buyers", "did(order)")
    assert saved.live()["buyers"].text == "did(order)"
    theirs.delete_segment("buyers", NOW)
    assert list(saved.live()) == []


def test_a_reference_follows_the_segment_that_it_names(ours: Ledger, theirs: Ledger) -> None:
    save(ours, "buyers", "did(purchase)")
    save(ours, "both", "in_segment('buyers') and did(visit)")
    saved = SavedSegments(ours)

    def expanded() -> str:
        live = saved.live()
        return to_text(saved.definition(live["both"], live))

    assert expanded() == to_text(parse("did(purchase) and did(visit)"))
    save(theirs, "buyers", "did(order)")
    assert expanded() == to_text(parse("did(order) and did(visit)"))


def test_a_static_segment_stands_for_its_list(ours: Ledger) -> None:
    save(ours, "list", None)
    saved = SavedSegments(ours)
    live = saved.live()
    assert saved.definition(live["list"], live) == saved.named("list") == parse("in_segment('list')")


def test_a_name_is_known_as_soon_as_it_was_loaded(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("profile_id,event,timestamp\nann,purchase,2026-02-01T00:00:00Z\n")
    with eg.init(tmp_path / "shop") as shop:
        assert shop.segments.save("buyers", "did(purchase)").warnings
        shop.load_events(events)
        assert not shop.segments.save("buyers", "did(purchase)").warnings
