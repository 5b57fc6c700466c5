"""Texts while they are written: rows of the visual editor, problems with what mends them, completion."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ethogram.errors import SegmentError
from ethogram.model.drafts import OfferKind
from ethogram.model.segment import Definition
from ethogram.segment.completing import ValuesOf, complete, wanted
from ethogram.segment.parser import parse
from ethogram.segment.printer import to_text
from ethogram.segment.reviewing import review
from ethogram.segment.rows import definition_of, rows_of
from ethogram.segment.unknown_names import Known
from strategies.definitions import definitions

KNOWN = Known(
    events={"purchase": 500, "Order Completed": 30, "view": 9000},
    properties={"purchase": {"amount", "category"}, "view": {"category"}},
    traits={"plan": 3, "country": 50, "address": 3, "address.city": 3, "$score.churn": 9},
    segments=("vip", "big spenders"),
    account_traits={"plan": 3},
)


# --- rows -----------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(definitions())
@example(parse('" " = 1'))
def test_rows_say_what_the_definition_says(definition: Definition) -> None:
    rows = rows_of(definition)
    assert definition_of(json.loads(json.dumps(rows))) == definition


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("not did(purchase where category = 'tv' and price > 20 in last 30 days)", ["event"]),
        ("sum(purchase.amount in this month) > 500 and plan = 'pro'", ["event", "trait"]),
        ("last(purchase) before 30 days ago and in_segment('vip')", ["date", "segment"]),
        ("top(10%, count(purchase))", ["text"]),
        ("sequence(a, b within 2 days) and plan exists", ["text", "trait"]),
        ("plan = 'pro' and (did(a) or not (did(b) and did(c)))", ["trait", "group"]),
    ],
)
def test_rows_are_as_plain_as_they_can_be(text: str, kinds: list[str]) -> None:
    rows = rows_of(parse(text))
    assert [item["kind"] for item in rows["items"]] == kinds
    assert to_text(definition_of(rows)) == text


def test_values_are_typed_as_people_type_them() -> None:
    rows = rows_of(parse("zip = '0123' and n = 5 and vip = true and code in ('5', 'a''b')"))
    assert [item["values"] for item in rows["items"]] == [["'0123'"], ["5"], ["true"], ["'5'", "a'b"]]
    rows["items"][1]["values"] = ["many"]
    assert to_text(definition_of(rows)) == "zip = '0123' and n = 'many' and vip = true and code in ('5', 'a''b')"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"kind": "group", "items": []}, "empty"),
        ({"kind": "event", "event": ""}, "event is missing"),
        ({"kind": "event", "event": "a", "measure": "sum", "value": "3"}, "property of the event is missing"),
        ({"kind": "event", "event": "a", "measure": "count", "value": "x"}, "compared with a number"),
        ({"kind": "event", "event": "a", "window": {"kind": "last", "amount": "x", "unit": "day"}}, "whole number"),
        ({"kind": "event", "event": "a", "window": {"kind": "next", "amount": 1, "unit": "day"}}, "past"),
        ({"kind": "trait", "name": "plan", "op": "=", "values": [""]}, "compared with nothing"),
        ({"kind": "trait", "name": "plan", "op": "like", "values": ["x"]}, "no comparison"),
        ({"kind": "date", "source": "trait", "name": "born", "window": {"kind": "ever"}}, "needs a window"),
        ({"kind": "segment", "name": ""}, "segment is missing"),
        ({"kind": "else"}, "no row of kind"),
    ],
)
def test_what_a_row_lacks_is_told(row: dict[str, object], told: str) -> None:
    with pytest.raises(SegmentError, match=told):
        definition_of({"kind": "group", "join": "and", "items": [row]})


# --- problems -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("did(purchse)", "did(purchase)"),
        ("did('purchase')", 'did("purchase")'),
        ("count(add-to-cart) > 1", 'count("add-to-cart") > 1'),
        ("plan == 'x'", "plan = 'x'"),
        ("did(purchase", "did(purchase)"),
        ("did(purchase))", "did(purchase)"),
        ("in_segment(vip)", "in_segment('vip')"),
        ("in_segment('vp')", "in_segment('vip')"),
        ("plan = prro", "plan = 'prro'"),
        ("did(purchase in lst 3 days)", "did(purchase in last 3 days)"),
        ("did(purchase)\n  nd plan exists", "did(purchase)\n  and plan exists"),
        ("lasst(purchase) before 3 days ago", "last(purchase) before 3 days ago"),
        ("adress.city = 'x'", "address.city = 'x'"),
        ("count(purchase where categry = 'tv') > 1", "count(purchase where category = 'tv') > 1"),
    ],
)
def test_a_click_mends_a_slip(text: str, mended: str) -> None:
    problem = review(text, KNOWN).problems[0]
    fix = problem.fixes[0]
    assert text[: fix.start] + fix.text + text[fix.end :] == mended
    assert fix.start <= len(text)
    assert not [each for each in review(mended, KNOWN).problems if each.message == problem.message]


def test_a_problem_of_meaning_marks_the_part_that_is_meant() -> None:
    text = "plan = 'pro' and count(purchase) > 'x'"
    (problem,) = review(text, KNOWN).problems
    assert text[problem.start : problem.end] == "count(purchase) > 'x'"
    assert not review(text, KNOWN).ok
    assert review(text, KNOWN).tree is not None


def test_a_good_text_has_no_problems_and_says_itself_in_every_form() -> None:
    told = review("count(purchase  in last 30 days)>=3", KNOWN)
    assert (told.ok, told.problems) == (True, ())
    assert told.written == "count(purchase in last 30 days) >= 3"
    assert told.english.startswith("People who")
    assert told.rows is not None


@given(st.text(max_size=60) | st.text(alphabet="did(purchase) where='\".,<>=#and or", max_size=60))
def test_any_text_is_reviewed_and_completed(text: str) -> None:
    for problem in review(text, KNOWN).problems:
        assert 0 <= problem.start <= problem.end <= len(text)
        assert all(0 <= fix.start <= fix.end <= len(text) for fix in problem.fixes)
    for cursor in (0, len(text) // 2, len(text)):
        found = complete(text, cursor, KNOWN)
        assert 0 <= found.start <= cursor <= found.end <= len(text)
        assert all(0 <= offer.caret <= len(offer.insert) for offer in found.offers)


# --- completion -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ("did(", ["view", "purchase", "Order Completed"]),
        ("did(pur", ["purchase"]),
        ('did("Or', ["Order Completed"]),
        ("sum(purchase.", ["amount", "category"]),
        ("count(purchase where ", ["amount", "category"]),
        ("count(any where cat", ["category"]),
        ("in_segment('v", ["vip"]),
        ("score(", ["churn"]),
        ("sequence(view where category = 'x', pur", ["purchase"]),
        ("did(purchase in last 30 ", ["days", "hours"]),
        ("did(purchase in this ", ["week", "month"]),
        ("count(purchase) ", ["=", "!="]),
        ("did(purchase) ", ["and", "or"]),
        ("plan = 'pro' a", ["and"]),
        ("account.pl", ["plan"]),
        ("", ["country"]),
    ],
)
def test_what_fits_is_offered_first(before: str, first: list[str]) -> None:
    offers = complete(before, len(before), KNOWN).offers
    assert [offer.label for offer in offers][: len(first)] == first


@pytest.mark.parametrize(
    ("before", "of"),
    [
        ("plan = ", ValuesOf("plan", trait=True)),
        ("address.city in ('a', ", ValuesOf("address.city", trait=True)),
        ("not address.city contains 'b", ValuesOf("address.city", trait=True)),
        ("count(purchase where category = ", ValuesOf("category", "purchase")),
        ("count(purchase where category not in (", ValuesOf("category", "purchase")),
        ("did(any where x = 1 and category starts with '", ValuesOf("category", None)),
        ("account.plan != ", ValuesOf("account.plan", trait=True)),
        ("count(purchase) > ", None),
    ],
)
def test_values_of_what_is_compared_are_wanted(before: str, of: ValuesOf | None) -> None:
    assert wanted(before, len(before)).values_of == of


def test_an_offer_replaces_what_is_typed_and_the_word_behind_it() -> None:
    text = "did(purview) and plan = 'pro'"
    found = complete(text, 7, KNOWN)
    assert text[found.start : found.end] == "purview"
    quoted = complete("plan = 'p' and x exists", 9, KNOWN, [("'pro'", 3)])
    assert ("plan = 'p' and x exists"[quoted.start : quoted.end], quoted.offers[0].insert) == ("'p'", "'pro'")
    assert quoted.offers[0].kind is OfferKind.VALUE


def test_a_name_that_is_no_word_comes_in_quotes() -> None:
    (offer,) = complete("did(Ord", 7, KNOWN).offers
    assert offer.insert == '"Order Completed"'
    assert offer.count == 30


def test_phrases_put_the_cursor_where_one_goes_on() -> None:
    offer = next(each for each in complete("cou", 3, KNOWN).offers if each.kind is OfferKind.FUNCTION)
    assert (offer.insert, offer.caret) == ("count() >= 3", 6)
