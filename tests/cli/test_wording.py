from __future__ import annotations

import datetime as dt
import doctest
from zoneinfo import ZoneInfo

import pytest

import ethogram.cli.hostile
import ethogram.cli.load
import ethogram.cli.wording
from ethogram.cli import wording


@pytest.mark.parametrize("module", [ethogram.cli.wording, ethogram.cli.hostile, ethogram.cli.load])
def test_the_examples_in_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0 %"), (0.00001, "<0.1 %"), (0.9999, ">99.9 %"), (1.0, "100 %"), (0.5, "50.0 %")],
)
def test_a_share_never_rounds_something_to_nothing(value: float, said: str) -> None:
    assert wording.share(value) == said


def test_instants_are_shown_in_the_workspace_zone() -> None:
    at = dt.datetime(2026, 6, 30, 23, 30, 5, tzinfo=dt.UTC)
    assert wording.instant(at, ZoneInfo("Europe/Stockholm")) == "2026-07-01 01:30"
    assert wording.instant(at, ZoneInfo("UTC"), seconds=True) == "2026-06-30 23:30:05"
    assert wording.instant(None, ZoneInfo("UTC")) == "–"


def test_sparklines_keep_the_newest_and_survive_nothing() -> None:
    assert wording.sparkline([]) == ""
    assert wording.sparkline([0, 0]) == "▁▁"
    assert len(wording.sparkline(range(1000), width=40)) == 40
    assert wording.sparkline([1, 2, 4], ascii_only=True).isascii()


def test_values_are_cut_and_harmless() -> None:
    assert wording.value("x" * 100, limit=10) == "x" * 9 + "…"
    assert wording.value({"a": "\x1b[1m"}) == '{"a": "\\u001b[1m"}'
    assert wording.pairs({f"p{n}": n for n in range(9)}).endswith("… 3 more")
