from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.cli.hostile import visible, visible_json, visible_lines
from ethogram.model.spreadsheets import formula_proof

_ACTS_ON_THE_TERMINAL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]")


@given(st.text())
def test_no_character_that_acts_on_the_terminal_survives(text: str) -> None:
    assert not _ACTS_ON_THE_TERMINAL.search(visible(text))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x9b31mred", "\\x9b31mred"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("admin\u202egnp.exe", "admin\\u202egnp.exe"),
        ("lone \ud800", "lone \\ud800"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("naïve 日本 👩‍👧 ok", "naïve 日本 👩‍👧 ok"),
    ],
)
def test_hostile_characters_are_written_as_their_escapes(sent: str, shown: str) -> None:
    assert visible(sent) == shown


def test_lines_keep_their_breaks_and_nothing_else() -> None:
    assert visible_lines("a\r\n\tb\x1b[0m") == "a\n    b\\x1b[0m"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_json_stays_the_same_value_and_is_harmless(text: str) -> None:
    shown = visible_json(json.dumps({text: text}, ensure_ascii=False))
    assert json.loads(shown) == {text: text}
    assert not _ACTS_ON_THE_TERMINAL.search(shown)
    shown.encode("utf-8")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(start: str) -> None:
    assert formula_proof(f"{start}cmd|' /C calc'!A0").startswith("'")


def test_other_cells_stay_as_they_are() -> None:
    assert formula_proof("17850") == "17850"
