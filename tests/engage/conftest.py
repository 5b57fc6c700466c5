"""A shop whose clock the test moves."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from engage.shop import HELLO, NOW, PEOPLE, ZONES, Shop
from ethogram.clock import ManualClock


@pytest.fixture
def moved() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def market(tmp_path: Path, moved: ManualClock) -> Iterator[Shop]:
    profiles = tmp_path / "profiles.jsonl"
    with profiles.open("w") as file:
        for number, id_ in enumerate(PEOPLE):
            traits: dict[str, Any] = {"email": f"{id_}@example.com", "timezone": ZONES[number % 3]}
            traits["plan"] = "pro" if number < 20 else "free"
            if number % 2:
                traits["first_name"] = f"Name {number}"
            if number == 5:
                traits["email"] = "P04@Example.com"  # the address of another profile
            if number == 6:
                del traits["email"]
            row = {"profile_id": id_, "ts": (NOW - dt.timedelta(days=50)).isoformat(), **traits}
            file.write(json.dumps(row) + "\n")
    with eg.init(tmp_path / "shop", clock=moved) as workspace:
        workspace.load_profiles(profiles)
        workspace.segments.save("pros", "plan = 'pro'")
        workspace.run()
        opened = Shop(workspace, moved)
        opened.save("template", "hello", HELLO)
        opened.save("topic", "news", {})
        yield opened
        opened.close()
