"""Workspaces with the data that the repository ships, loaded once for all tests of a module."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

import ethogram
from ethogram.clock import ManualClock

PROJECT = Path(__file__).parent.parent.parent
DATA = PROJECT / "examples" / "data"
CLOCK = ManualClock(dt.datetime(2012, 1, 1, tzinfo=dt.UTC))


@pytest.fixture(scope="module")  # an engine in the process holds one workspace: the next module opens its own
def online_retail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ethogram.Workspace]:
    """Online Retail, with its newest event as the present."""
    folder = tmp_path_factory.mktemp("online-retail")
    with ethogram.init(folder, timezone="Europe/London", now="latest", clock=CLOCK) as workspace:
        workspace.load_events(DATA / "online_retail.parquet", timezone="Europe/London")
        yield workspace
