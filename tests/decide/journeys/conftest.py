"""A world of its own for each test."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from decide.journeys.world import World
from ethogram.store.ledger import Ledger

START = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)  # a Monday


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with all its tables: copying one takes less time than making one."""
    path = tmp_path_factory.mktemp("ledger") / "empty.db"
    Ledger(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def world(tmp_path: Path, empty_ledger: Path) -> World:
    path = tmp_path / "ledger.db"
    shutil.copy(empty_ledger, path)
    return World(path, START)
