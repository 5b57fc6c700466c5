"""A workspace's two stores and a way to load into them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ethogram.collect.load import load
from ethogram.store.ledger import Ledger
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethogram.model.results import LoadSummary

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """An empty workspace."""

    directory: Path
    ledger: Ledger
    warehouse: Warehouse

    def load(self, *sources: str | Path, kind: str = "events", **options: Any) -> LoadSummary:
        return load(
            kind,
            sources,
            ledger=self.ledger,
            warehouse=self.warehouse,
            directory=self.directory,
            now=options.pop("now", NOW),
            **options,
        )

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def events(self) -> list[tuple[Any, ...]]:
        """(profile_id, instant, event, properties, message_id), in order."""
        return self.warehouse.query(
            "SELECT profile_id, ts, event, properties, message_id FROM events "
            "JOIN (SELECT profile, any(profile_id) AS profile_id FROM profiles GROUP BY profile) AS known "
            "USING profile "
            "ORDER BY ts, profile_id, event, toString(properties)"
        )

    def count(self) -> int:
        return int(self.warehouse.query("SELECT count() FROM events")[0][0])


# One engine a process: the next module may open another.
@pytest.fixture(scope="module")
def engine() -> Iterator[Warehouse]:
    with Warehouse("chdb://") as opened:
        yield opened


@pytest.fixture
def place(engine: Warehouse, tmp_path: Path) -> Iterator[Place]:
    engine.recreate_facts()
    with Ledger("sqlite://") as ledger:
        yield Place(tmp_path, ledger, engine)


def rejections(summary: LoadSummary) -> list[dict[str, Any]]:
    """The lines of the rejects file."""
    if summary.rejects_file is None:
        return []
    lines = Path(summary.rejects_file).read_bytes().splitlines()
    return [msgspec.json.decode(line) for line in lines]
