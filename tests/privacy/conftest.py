"""The shop of the tests of engagement, with somebody of whom everything is known that a workspace can know."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import ethogram as eg
from engage.shop import HELLO, NOW, Shop
from ethogram import Workspace
from ethogram.clock import ManualClock
from privacy.planted import plant


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ManualClock]:
    """A workspace that nobody has open, and its clock: copying it takes less time than filling one."""
    folder, clock = tmp_path_factory.mktemp("filled"), ManualClock(NOW)
    profiles = folder / "profiles.jsonl"
    rows = [{"profile_id": f"p{n:02}", "email": f"p{n:02}@example.com", "plan": "pro"} for n in range(4)]
    profiles.write_text("\n".join(map(json.dumps, rows)))
    with eg.init(folder / "shop", clock=clock) as workspace:
        workspace.load_profiles(profiles)
        workspace.segments.save("pros", "plan = 'pro'")
        workspace.run()
        shop = Shop(workspace, clock)
        shop.save("template", "hello", HELLO)
        shop.save("topic", "news", {})
        plant(shop)
        shop.close()
    return folder / "shop", clock


@pytest.fixture
def market(filled: tuple[Path, ManualClock], tmp_path: Path) -> Iterator[Shop]:
    path, clock = filled
    shutil.copytree(path, tmp_path / "shop", symlinks=True)
    mine = ManualClock(clock.now())
    with Workspace(tmp_path / "shop", clock=mine) as workspace:
        shop = Shop(workspace, mine)
        yield shop
        shop.close()
