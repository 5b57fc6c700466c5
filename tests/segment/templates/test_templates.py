"""Every template is a proper segment whatever the workspace calls things, and says why when it does not fit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.errors import UnknownNameError
from ethogram.model.segment import Measure, Property, Selection, Step, Trait
from ethogram.segment.checker import check
from ethogram.segment.english import to_english
from ethogram.segment.parser import parse
from ethogram.segment.printer import to_text
from ethogram.segment.templates import (
    ROLES,
    TEMPLATES,
    Applied,
    Entry,
    ParameterKind,
    Refused,
    Template,
    Vocabulary,
    apply,
    template,
)
from segment.templates.histories import HOSTILE, PLAIN

OF_ROLES = [template for template in TEMPLATES if template.needs or template.uses]  # the others take events by name
EXAMPLES: dict[ParameterKind, object] = {
    ParameterKind.TEXT: "bo'oks",
    ParameterKind.EVENT: 'my "event"',
    ParameterKind.NUMBER: 12.5,
    ParameterKind.WHOLE: 3,
    ParameterKind.YEARS: (2025, 2026),
}


def needed(template: Template) -> dict[str, object]:
    """Values for the parameters that have no default."""
    return {known.name: EXAMPLES[known.kind] for known in template.parameters if known.default is None}


def applied(name: str, vocabulary: Vocabulary = PLAIN, **parameters: object) -> Applied:
    result = apply(template(name), vocabulary, parameters)
    assert isinstance(result, Applied), result
    return result


def refused(name: str, vocabulary: Vocabulary = PLAIN, **parameters: object) -> str:
    result = apply(template(name), vocabulary, parameters)
    assert isinstance(result, Refused), result
    return result.reason


@pytest.mark.parametrize("vocabulary", [PLAIN, HOSTILE], ids=["plain names", "hostile names"])
@pytest.mark.parametrize("template", TEMPLATES, ids=[template.name for template in TEMPLATES])
def test_template_gives_a_proper_segment(template: Template, vocabulary: Vocabulary) -> None:
    result = apply(template, vocabulary, needed(template))

    assert isinstance(result, Applied), result
    definition = parse(result.text)
    check(definition)
    assert to_text(definition) == result.text
    assert len(to_english(definition)) > len("People who .")
    assert "{" not in result.text.replace("{days}", "")
    assert result.name == template.name
    assert result.description


@pytest.mark.parametrize("template", TEMPLATES, ids=[template.name for template in TEMPLATES])
def test_template_describes_itself(template: Template) -> None:
    assert template.name == template.name.lower().replace(" ", "-").replace("_", "-")
    assert template.title
    assert template.description.endswith(".")
    assert template.category
    assert {name for name, _ in template.placeholders if not template.has_parameter(name)} <= set(ROLES)
    assert not {parameter.name for parameter in template.parameters} & set(template.needs)
    if template.write is None:
        for parameter in template.parameters:
            assert f"{{{parameter.name}}}" in template.text or f"+{parameter.name}}}" in template.text
    for parameter in template.parameters:
        assert parameter.description


@pytest.mark.parametrize("template", OF_ROLES, ids=[template.name for template in OF_ROLES])
def test_template_refuses_in_an_empty_workspace_and_names_a_role(template: Template) -> None:
    result = apply(template, Vocabulary(), needed(template))

    assert isinstance(result, Refused)
    assert any(f"`{role}`" in result.reason for role in (*template.needs, *template.uses))


def test_template_names_are_unique() -> None:
    assert len({template.name for template in TEMPLATES}) == len(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES, ids=[template.name for template in TEMPLATES])
def test_template_needs_only_the_roles_that_it_says(template: Template) -> None:
    narrow = Vocabulary(tuple(entry for entry in PLAIN if entry.role in template.needs))
    result = apply(template, narrow, needed(template))

    if isinstance(result, Refused):  # where every alternative is optional, one of them has to be there
        assert any(f"`{role}`" in result.reason for role in template.uses)


def test_the_nearest_name_is_suggested_for_an_unknown_template() -> None:
    with pytest.raises(UnknownNameError, match="rfm-champions"):
        template("rfm-champion")


def test_optional_parts_are_left_out_where_their_role_is_unset() -> None:
    few = Vocabulary((Entry("purchase", "buy"), Entry("add_to_cart", "put")))

    assert applied("ready-to-buy", few).text == "did(put in last 7 days) and not did(buy in last 7 days)"
    assert applied("win-back-candidates", few).text == (
        "count(buy) >= 3 and last(buy) before 120 days ago and did(buy in last 365 days)"
    )
    assert "`view`" in refused("stage-stuck-in-interest", few)


@pytest.mark.parametrize(
    ("name", "parameters", "reason"),
    [
        ("repeat-buyers", {"purchases": 0}, "at least 1"),
        ("repeat-buyers", {"purchases": 1.5}, "a whole number"),
        ("repeat-buyers", {"purchases": "2) or did(any"}, "a whole number"),
        ("repeat-buyers", {"purchases": float("nan")}, "a whole number"),
        ("repeat-buyers", {"purchases": "1e400"}, "a whole number"),
        ("repeat-buyers", {"purchases": True}, "a whole number"),
        ("high-value-buyers", {"share": 101}, "at most 100"),
        ("category-affinity", {}, "needs a value for `category`"),
        ("category-affinity", {"category": ["a"]}, "not what the parameter takes"),
        ("weekend-buyers", {"weekdays": "sat,sunday"}, "no segment"),
        ("holiday-buyers", {}, "needs a value for `years`"),
        ("holiday-buyers", {"years": "26"}, "not what the parameter takes"),
        ("holiday-buyers", {"years": "2026", "of": "QQ"}, "no holidays are known for the country `QQ`"),
        ("holiday-buyers", {"years": "2026", "holiday": "Doomsday"}, "no holiday `Doomsday`"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(
    name: str, parameters: dict[str, Any], reason: str
) -> None:
    assert reason in refused(name, **parameters)


def test_an_unknown_parameter_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="`purchases`"):
        apply(template("repeat-buyers"), PLAIN, {"purchase": 3})


def test_numbers_may_come_as_text_and_percentages_may_be_fractions() -> None:
    assert applied("repeat-buyers", purchases="3").text == "count(purchase) >= 3"
    assert applied("high-value-buyers", share="0.5").text.startswith("top(0.5%, ")
    assert applied("near-place", latitude=-33.8688, longitude="151.2093").text == (
        "location within 10 km of (-33.8688, 151.2093)"
    )


def test_lists_may_come_as_text() -> None:
    assert applied("weekend-buyers", weekdays="fri, sat").text == "weekday(purchase) in ('fri', 'sat')"


def test_a_segment_may_be_called_otherwise() -> None:
    result = apply(template("category-affinity"), PLAIN, {"category": "tea"}, name="tea-lovers")

    assert isinstance(result, Applied)
    assert (result.name, result.template) == ("tea-lovers", "category-affinity")
    assert dict(result.values)["category"] == "tea"


def test_holidays_are_written_as_dates() -> None:
    text = applied("holiday-buyers", of="se", holiday="midsummer day", years=[2025, 2026], days=7).text

    assert text == (
        "country ~in ('SE', 'Sweden') and (did(purchase between 2025-06-14 and 2025-06-21)"
        " or did(purchase between 2026-06-13 and 2026-06-20))"
    )


def test_years_default_to_those_around_today() -> None:
    result = apply(template("holiday-coming"), PLAIN, {"of": "US"}, today=dt.date(2026, 11, 22))

    assert isinstance(result, Applied)
    assert [f"{year}-12-25" in result.text for year in (2024, 2025, 2026, 2027, 2028)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_mean_gaps_between_lines_of_orders_are_refused() -> None:
    lines = Vocabulary((Entry("purchase", "sale"), Entry("purchase.order", "invoice")))
    rhythm = Template("rhythm", "Rhythm", "Buys often.", "test", "gap({purchase}) < 9 days")

    result = apply(rhythm, lines)

    assert isinstance(result, Refused)
    assert "each purchase event is one line of an order" in result.reason


def names_in(node: Any) -> Iterator[str]:
    """Every name of an event, property or trait in a definition."""
    if isinstance(node, Selection | Step) and node.event is not None:
        yield node.event
    if isinstance(node, Property | Trait):
        yield node.name
    if isinstance(node, Measure) and node.property is not None:
        yield node.property
    if isinstance(node, tuple):
        for item in node:
            yield from names_in(item)
    elif is_dataclass(node):
        for field in fields(node):
            yield from names_in(getattr(node, field.name))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(min_size=1, max_size=12).filter(lambda name: "." not in name), min_size=3, max_size=3),
    st.text(min_size=1),
)
def test_any_name_and_any_text_survive(names: list[str], value: str) -> None:
    event, product, category = names
    vocabulary = Vocabulary(
        (Entry("view", event), Entry("view.product", product), Entry("view.category", category)),
    )
    text = applied("category-affinity", vocabulary, category=value).text

    assert set(names_in(parse(text))) == {event, category}
    assert parse(text) == parse(applied("category-affinity", vocabulary, category=value).text)
    assert to_text(parse(text)) == text
