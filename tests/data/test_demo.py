"""The first command of the README: it shows what it promises, and leaves a workspace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from data.conftest import PROJECT


@pytest.mark.slow
def test_the_demo_shows_people_in_segments_and_why(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
    command = [sys.executable, str(PROJECT / "examples" / "demo.py"), "--folder", str(tmp_path), "--only", "real"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for promised in (
        "406,829 events of 4,372 people",
        "rfm-champions",
        "People whose last “purchase” was more than 120 days ago.",
        "since 30 Nov",
        "newest first",
        "Why ",
        "asked with: ethogram why",
    ):
        assert promised in done.stdout
    assert (tmp_path / "demo-workspace" / "ethogram.toml").exists()
