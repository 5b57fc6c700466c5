"""The demo with mail, run as `make demo-engage` runs it."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import demo_engage

PROJECT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.outside
def test_the_demo_leaves_a_mailbox_and_a_report_and_nothing_else(tmp_path: Path) -> None:
    box = tmp_path / "box"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = [sys.executable, str(PROJECT / "examples/demo_engage.py"), "--people", "60", "--mailbox", str(box)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src"), "TMPDIR": str(temporary)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sent = re.search(r"sent +(\d+); in the mailbox: (\d+)", done.stdout)
    assert sent is not None, done.stdout
    assert sent[1] == sent[2]
    mails = [email.message_from_bytes(file.read_bytes()) for file in box.glob("*.eml")]
    assert len(mails) == int(sent[1]) > 0
    assert len({mail["To"] for mail in mails}) == len(mails)  # nobody got two
    assert re.search(r"refused +9: 4 unreachable, 5 unsubscribed", done.stdout)
    assert "everybody against holdout, conversion:" in done.stdout
    assert (box / "index.html").read_text(encoding="utf-8").count(".eml") == len(mails)
    assert not list(temporary.glob("ethogram-demo-*"))


def test_a_folder_that_is_no_mailbox_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.html").write_text("years of work")
    with pytest.raises(SystemExit, match="more than mails"):
        demo_engage.empty(tmp_path)
    assert (tmp_path / "thesis.html").read_text() == "years of work"
