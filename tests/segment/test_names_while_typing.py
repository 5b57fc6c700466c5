"""Names for whoever is typing: those of a large store may be minutes old, those for what is saved never."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ethogram as eg
from ethogram import definitions

AT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def did(workspace: eg.Workspace, event: str) -> None:
    file = workspace.path / f"{event}.parquet"
    pq.write_table(pa.table({"profile_id": ["ann"], "timestamp": [AT], "event": [event]}), file)
    workspace.load_events(file)


def test_of_a_large_store_names_may_be_old_while_one_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with eg.init(tmp_path / "shop") as workspace:
        did(workspace, "looked")
        assert not workspace.drafts.check("did(looked)").problems
        monkeypatch.setattr(definitions, "_MUCH", 0)
        monkeypatch.setattr(definitions, "_GOOD", 1e6)
        did(workspace, "bought")
        assert not workspace.drafts.check("did(bought)").problems, "a small store's are never old"
        did(workspace, "paid")
        assert workspace.drafts.check("did(paid)").problems
        assert not workspace.segments.save("payers", "did(paid)").warnings
        assert not workspace.drafts.check("did(paid)").problems
