"""Text, tree and English of generated definitions: what is written is what is read."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ethogram.errors import SegmentError, SegmentSyntaxError
from ethogram.model import segment as s
from ethogram.segment import builder, regexes
from ethogram.segment.checker import check
from ethogram.segment.english import condition_to_english, to_english
from ethogram.segment.parser import parse, parse_located
from ethogram.segment.printer import to_text
from ethogram.segment.syntax import RESERVED
from ethogram.segment.tree import from_tree, json_schema, to_tree
from strategies.definitions import TEXT, definitions

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
WORDS = st.sampled_from(
    [*sorted(RESERVED), *"()=<>~!%,.:-+*/'\"#\n", "purchase", "last", "30", "days", "2026-01-01", "'a'"]
)


@settings(max_examples=40, deadline=None)
@given(definitions())
@example(parse("sequence(a where x since 2020-01-01T00:00:00Z , c)"))
def test_every_definition_is_read_back_from_its_text(definition: s.Definition) -> None:
    check(definition)
    text = to_text(definition)
    located = parse_located(text)
    assert located.definition == definition
    assert to_text(located.definition) == text


@settings(max_examples=25, deadline=None)
@given(definitions())
def test_every_definition_is_read_back_from_its_tree_and_follows_the_schema(definition: s.Definition) -> None:
    tree = json.loads(json.dumps(to_tree(definition)))
    VALIDATOR.validate(tree)
    assert from_tree(tree) == definition


@settings(max_examples=25, deadline=None)
@given(definitions())
def test_every_definition_has_one_english_sentence(definition: s.Definition) -> None:
    sentence = to_english(definition)
    assert sentence.startswith(("People ", "Accounts "))
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert condition_to_english(definition.condition)


@settings(max_examples=15, deadline=None)
@given(definitions())
def test_what_the_builder_shows_is_its_text(definition: s.Definition) -> None:
    test = builder.of_definition(definition)
    assert parse(repr(test)).condition == definition.condition
    assert repr(~test & test | test) == to_text(s.Definition((~test & test | test).condition))


@settings(deadline=None)
@given(TEXT.filter(bool), TEXT, TEXT.filter(bool))
def test_any_text_survives_quoting(event: str, text: str, path: str) -> None:
    built = builder.count(event).where(builder.prop(path) == text) > 1
    assert parse(repr(built)) == built.definition


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=12).map(" ".join)))
def test_no_text_raises_anything_but_a_segment_error(text: str) -> None:
    try:
        check(parse(text))
    except SegmentError as error:
        shown = str(error)
        caret = not isinstance(error, SegmentSyntaxError) or (min(error.line, error.column) >= 1 and "^" in shown)
    else:
        shown, caret = to_text(parse(text)), True
    assert shown
    assert caret


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "did(a)" + ")" * 5000,
        "not " * 5000 + "did(a)",
        "quintile(" * 5000 + "x",
        " + ".join(["x"] * 5000) + " > 1",
        "(" * 90 + "x" + (" + 1" * 90 + ")") * 90 + " > 1",
    ],
)
def test_deep_nesting_is_a_syntax_error(text: str) -> None:
    with pytest.raises(SegmentSyntaxError, match=r"deep|in a row"):
        parse(text)


def test_ninety_brackets_are_read() -> None:
    assert parse("(" * 90 + "did(a)" + ")" * 90) == parse("did(a)")
    assert parse("(1 + " * 90 + "x" + ")" * 90 + " > 1") != parse("x > 1")


@pytest.mark.parametrize("pattern", ["(?=a)", r"\1", "a**", "(", ")", "[a", "[b-a]", "*a", "a{2000}", "(?<!x)y", "\\"])
def test_patterns_that_re2_refuses_are_refused(pattern: str) -> None:
    assert regexes.problem_of(pattern)


@pytest.mark.parametrize(
    "pattern", ["", "a+?b*", r"\d{2,}\.", "[]a-z[:alpha:]-]", "(?i)x|(?P<n>y)", r"\Q*(\E", r"\pL", "{"]
)
def test_patterns_that_re2_takes_are_taken(pattern: str) -> None:
    assert regexes.problem_of(pattern) is None
