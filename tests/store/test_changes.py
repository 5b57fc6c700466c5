"""The feed of membership changes: in one order, by segment, from any place on, and told where it begins."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from ethogram.store import changes
from ethogram.store.changes import Draft
from ethogram.store.ledger import Ledger, SegmentDraft

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def _ledger(path: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{path / 'ledger.sqlite'}")
    for name in ("a", "b"):
        ledger.save_segment(SegmentDraft(name, text="true", tree={}, english="E", entity="profile"), NOW)
    return ledger


def _append(ledger: Ledger, at: dt.datetime, *drafts: Draft) -> None:
    with ledger.database.writing() as connection:
        assert changes.append(connection, drafts, at) == len(drafts)


def test_readers_go_on_from_the_last_that_they_have_seen(tmp_path: Path) -> None:
    with _ledger(tmp_path) as ledger:
        assert changes.last(ledger.database) == 0
        _append(ledger, NOW)
        _append(ledger, NOW, Draft("ann", 1, 1, True, "event"), Draft("bob", 2, 1, True, "event"))
        _append(ledger, NOW + DAY, Draft("ann", 1, 1, False, "time"), Draft("", 2, 1, True, "definition", 7))
        first = changes.after(ledger.database, 0, limit=1)
        assert [(each.profile_id, each.name, each.entered, each.cause) for each in first] == [
            ("ann", "a", True, "event")
        ]
        rest = changes.after(ledger.database, first[-1].id, limit=10)
        assert [(each.profile_id, each.name, each.count) for each in rest] == [
            ("bob", "b", 1),
            ("ann", "a", 1),
            ("", "b", 7),
        ]
        assert changes.last(ledger.database) == rest[-1].id
        only = changes.after(ledger.database, 0, limit=10, segments=[1])
        assert [each.entered for each in only] == [True, False]
        assert only[-1].at == NOW + DAY


def test_what_is_pruned_is_known_to_be_gone(tmp_path: Path) -> None:
    with _ledger(tmp_path) as ledger:
        _append(ledger, NOW, Draft("ann", 1, 1, True, "event"), Draft("bob", 1, 1, True, "event"))
        assert changes.prune(ledger.database, NOW) == 0
        assert changes.prune(ledger.database, NOW + DAY) == 2
        assert changes.pruned(ledger.database) == changes.last(ledger.database) == 2
        _append(ledger, NOW + DAY, Draft("ann", 1, 1, False, "time"))
        assert [each.id for each in changes.after(ledger.database, 0, limit=10)] == [3]
