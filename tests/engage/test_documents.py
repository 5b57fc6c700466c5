"""Files of definitions are read as they look, and written so that they read the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.documents import KINDS, Document, dump, parse, read
from ethogram.errors import DefinitionError, InputError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(KINDS.values())), st.text(min_size=1, max_size=8), values)
def test_what_is_written_is_read_the_same(kind: str, name: str, body: object) -> None:
    text = dump([(kind, name, body)])
    plural = next(kinds for kinds, each in KINDS.items() if each == kind)
    assert parse(text, "it") == {plural: {name: body}}


@pytest.mark.parametrize(
    "text",
    [
        "1e3",
        "007",
        "no",
        "Null",
        "~",
        "1_0",
        ".5",
        "=",
        "2026-03-01",
        "<<",
        " a",
        "a: b",
        "\x85",
        "\u2028",
        "a\r\nb",
        "\r",
        "\ufeff",
        "\x7f",
    ],
)
def test_a_text_that_looks_like_something_else_is_written_as_a_text(text: str) -> None:
    assert parse(dump([("segment", text, text)]), "it") == {"segments": {text: text}}


def test_texts_stay_texts() -> None:
    said = parse("a: no\nb: 09:30\nc: 2026-03-01\nd: 1_000\ne: 0x10\nf: on\ng: NULL\nh: 1e3\ni:\nj: true\nk: 007", "it")
    assert said == {
        "a": "no", "b": "09:30", "c": "2026-03-01", "d": "1_000", "e": "0x10", "f": "on", "g": "NULL", "h": 1000.0,
        "i": None, "j": True, "k": 7,
    }  # fmt: skip


def test_files_and_directories_are_read_in_the_order_of_saving(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.yaml").write_text("campaigns:\n  spring: {channel: email}\nsegments:\n  vip: did(x)\n")
    (tmp_path / "two.json").write_text('{"templates": {"hello": {"text": "Hi"}}}')
    (tmp_path / "read.me").write_text("not: read")
    found = read([tmp_path])
    assert [(each.kind, each.name, each.body) for each in found] == [
        ("template", "hello", {"text": "Hi"}), ("segment", "vip", "did(x)"),
        ("campaign", "spring", {"channel": "email"}),
    ]  # fmt: skip
    assert isinstance(found[0], Document)


def test_all_that_is_wrong_with_the_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text("segments: {vip: a}\nsegmints: {}\ntemplates: []\n")
    (tmp_path / "2.yaml").write_text("segments: {vip: b}\n")
    (tmp_path / "3.yaml").write_text("- a\n")
    with pytest.raises(DefinitionError) as caught:
        read([tmp_path])
    assert [wrong for _, wrong in caught.value.faults] == [
        f"is no kind of definition; there are {', '.join(KINDS)}",
        "must be a mapping of names to definitions",
        f"is in {tmp_path / '1.yaml'} too",
        f"must be a mapping of kinds to definitions: {', '.join(KINDS)}",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\na: 2\n", r"`it`, line 2, column 1 .*`a` is there twice"),
        ("a: &x [1]\nb: *x\n", r"references .* are not taken"),
        ("a: [1\n", "cannot be read as YAML"),
        ("a: !!python/object/apply:os.system [true]\n", "could not determine a constructor"),
        ("[" * 5_000, "nested too deeply|cannot be read"),
        ("a: \x00", "cannot be read as YAML"),
    ],
)
def test_what_is_no_document_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse(text, "it")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read([tmp_path / "none.yaml"])
