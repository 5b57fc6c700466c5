"""The language as people meet it: its examples, its error messages and its sentences, kept as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ethogram.errors import SegmentError
from ethogram.segment.checker import Known, check, warnings
from ethogram.segment.english import to_english
from ethogram.segment.parser import parse, parse_located
from ethogram.segment.printer import to_text

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = (GOLDEN / "examples.txt").read_text(encoding="utf-8").splitlines()


def blocks(name: str) -> list[tuple[str, str]]:
    """The cases of a golden file: a text behind `> `, and the lines that belong to it."""
    cases = (GOLDEN / name).read_text(encoding="utf-8").removeprefix("> ").split("\n\n> ")
    return [(text, expected.strip("\n")) for text, _, expected in (case.partition("\n") for case in cases)]


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_of_the_language_are_their_own_canonical_text(text: str) -> None:
    check(parse(text))
    assert to_text(parse(text)) == text


@pytest.mark.parametrize(("text", "expected"), blocks("english.txt"))
def test_sentence_says_what_the_text_says(text: str, expected: str) -> None:
    check(parse(text))
    assert to_english(parse(text)) == expected


@pytest.mark.parametrize(("text", "expected"), blocks("errors.txt"))
def test_error_says_where_what_and_how_to_mend_it(text: str, expected: str) -> None:
    with pytest.raises(SegmentError) as caught:
        check(parse(text))
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("did( purchase )  # who bought\n", "did(purchase)"),
        ("did(purchase in last 1 days)", "did(purchase in last 1 day)"),
        ("did(purchase in previous day) and did(x in this day)", "did(purchase in yesterday) and did(x in today)"),
        ("did(purchase in last 3 days where price > 2.0)", "did(purchase where price > 2 in last 3 days)"),
        ("did(a) or did(b) and did(c)", "did(a) or (did(b) and did(c))"),
        ("(did(a) and (did(b) and did(c)))", "did(a) and did(b) and did(c)"),
        ("a - (b - c) - d * (e + 1) > -2", "a - (b - c) - d * (e + 1) > -2"),
        ('"plan" = \'pro\' and "score" > 1', "plan = 'pro' and \"score\" > 1"),
        ('"account".x = 1 and account.x = 1', '"account".x = 1 and account.x = 1'),
        ("did(a since 2026-01-01T14:00+02:00)", "did(a since 2026-01-01T12:00:00Z)"),
        ("for profile: did(a)", "did(a)"),
        ('did("a ""b""") and x = \'it\'\'s\'', 'did("a ""b""") and x = \'it\'\'s\''),
    ],
)
def test_other_spellings_have_the_same_canonical_text(text: str, canonical: str) -> None:
    assert to_text(parse(text)) == canonical
    assert parse(canonical) == parse(text)


KNOWN = Known(
    events={"purchase": 1_204_113, "view": 10, "vip": 3},
    properties={"purchase": ["amount", "address"], "view": ["category"]},
    traits={"plan": 12, "$score.churn": 5},
    segments=["vip"],
)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("did(purchase) and plan = 'pro' and in_segment('vip') and score(churn) > 1", []),
        ("did(purchse)", ["no event 'purchse' was ever received; did you mean 'purchase'? (1,204,113 received)"]),
        ("did(zzz) and did(zzz)", ["no event 'zzz' was ever received"]),
        ("plann exists", ["no profile has a trait 'plann'; did you mean 'plan'? (12 profiles have it)"]),
        ("view exists", ["no profile has a trait 'view', but there is an event of that name; did you mean did(view)?"]),
        ("plan = pro", ["no profile has a trait 'pro'; for the text write 'pro'"]),
        (
            "sum(purchase.amout) > 1",
            ["no event 'purchase' with a property 'amout' was ever received; did you mean 'amount'?"],
        ),
        ("did(purchase where address.city = 'x')", []),
        (
            "did(any where categry = 'x')",
            ["no event with a property 'categry' was ever received; did you mean 'category'?"],
        ),
        ("in_segment('vipp')", ["there is no segment 'vipp'; did you mean 'vip'?"]),
        ("score(chrun) > 1", ["no score 'chrun' was ever computed; did you mean 'churn'?"]),
        ("account.plan = 'x'", []),
    ],
)
def test_names_never_seen_are_warned_about(text: str, messages: list[str]) -> None:
    assert [warned.message for warned in warnings(parse_located(text), KNOWN)] == messages


def test_warning_knows_the_place_and_the_replacement() -> None:
    (warned,) = warnings(parse_located("did(view)\nand did(purchse)"), KNOWN)
    assert (warned.line, warned.column, warned.suggestion) == (2, 9, "purchase")
