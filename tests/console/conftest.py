"""The console without a network: its application, asked in this process, signed in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ethogram as eg
from console.asked import Console, opened


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """The console of an empty workspace, signed in as an admin."""
    place = tmp_path / "shop"
    eg.init(place).close()
    with opened(place) as console:
        yield console
