"""Liquid does what its users know, and nothing else."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
import zoneinfo
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid.exceptions import LiquidError

from deliver.templates.rendered import NOW, liquid
from ethogram.deliver.templates.compiling import TEXT
from ethogram.deliver.templates.guards import MissingError
from ethogram.deliver.templates.sandbox import AbortError, Sandbox, Surroundings

THINGS: dict[str, Any] = {
    "name": "Åsa",
    "gone": None,
    "total": 12.5,
    "items": [{"t": "A", "p": 3}, {"t": "B", "p": 4.5}],
    "words": ["b", "a", "b"],
    "profile": {"address": {"city": "Lund"}},
    "yes": True,
    "no": False,
    "blank_one": "",
}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Hi {{ name }}", "Hi Åsa"),
        ("{{ profile.address.city | upcase }}", "LUND"),
        (
            "{{ nobody | default: 'you' }}, {{ gone | default: 'x' | upcase }}, {{ blank_one | default: 'e' }}",
            "you, X, e",
        ),
        ("{% if nobody %}a{% elsif gone %}b{% else %}c{% endif %}", "c"),
        (
            "{% if nobody == nil %}nil{% endif %}{% if nobody > 3 or nobody contains 'a' %}x{% endif %}",
            "nil",
        ),
        ("{% unless nobody %}none{% endunless %}{% case nobody %}{% when 'a' %}a{% else %}!{% endcase %}", "none!"),
        ("{% assign who = nobody | default: name %}{{ who }}", "Åsa"),
        (
            "{% for i in items %}{{ forloop.index }}{{ i.t }}{% unless forloop.last %}, {% endunless %}{% endfor %}",
            "1A, 2B",
        ),
        ("{{ items.size }} {{ items | map: 't' | join: '+' }} {{ words | uniq | join }}", "2 A+B b a"),
        ("{{ items | where: 't', 'B' | map: 'p' | first }} {{ words }} {{ yes }} {{ total }}", "4.5 bab true 12.5"),
        ("{{ items | json }}", '[{"t": "A", "p": 3}, {"t": "B", "p": 4.5}]'),
        (
            "{{ 'a b&c' | url_encode }} {{ 'a b/c' | url_param_escape }} {{ 'a b/c?d=é' | url_escape }}",
            "a+b%26c a%20b%2Fc a%20b/c?d=%C3%A9",
        ),
        ("{{ 2 | pluralize: 'item', 'items' }} {{ 1 | pluralize: 'item', 'items' }}", "items item"),
        (
            "{{ profile.address | property_accessor: 'city' }} {{ 'Blue Shirt!' | handleize }} {{ 'a b' | camelize }}",
            "Lund blue-shirt AB",
        ),
        ("{{ '<p>a <b>b</b><script>x</script></p>' | strip_html }}", "a b"),
        ("{{ 'a' | md5 }} {{ 'a' | hmac_sha256: 'k' | size }}", "0cc175b9c0f1b6a831c399e269772661 64"),
        ("{% raw %}{{ name }}{% endraw %}{% comment %}x{% endcomment %}{% # y %}", "{{ name }}"),
        ("{% liquid assign a = 1\n echo a | plus: 2 %}{% increment n %}{% cycle 'x', 'y' %}", "30x"),
        ("{{ '10' | times: 2 }} {{ 7 | divided_by: 2 }} {{ 2.345 | round: 2 }} {{ -3 | abs }}", "20 3 2.35 3"),
        ("{% capture x %}{{ name }}!{% endcapture %}{{ x | append: x }}", "Åsa!Åsa!"),
        ("{{ (1..3) | join: '' }}{% for i in (1..3) reversed %}{{ i }}{% endfor %}", "123321"),
    ],
)
def test_liquid_says_what_its_users_expect(source: str, said: str) -> None:
    assert liquid(source, **THINGS) == said


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("{{ nobody }}", "nobody"),
        ("{{ gone }}", "gone"),
        ("{{ nobody | upcase }}", "nobody"),
        ("{{ gone | times: 2 }}", "gone"),
        ("{{ profile.address.street }}", "profile.address.street"),
        ("{{ items[5].t }}", "items[5].t"),
        ("{{ items[0].x }}", "items[0].x"),
        ("{% for i in nobody %}x{% endfor %}", "nobody"),
        ("{{ name | append: nobody }}", "nobody"),
        ("{{ nobody | date: '%Y' }}", "nobody"),
        ("{% assign x = nobody %}{{ x }}", "nobody"),
        ("{{ items | where: 't', 'Z' | first }}", "… | first"),
        ("{{ nobody | json }}", "nobody"),
        ("{{ now }}", "now"),
        ("{{ name | default: 'x' | append: gone }}", "gone"),
        ("{% cycle nobody %}", "nobody"),
        ("{% for i in items %}{{ i.q }}{% endfor %}", "i.q"),
        ("{{ nobody | size }}", "nobody"),
        ("{{ nobody | split: ',' | join }}", "nobody"),
        ("{{ profile['a b'] }}", "profile['a b']"),
        ("{{ profile[nobody] }}", "profile[nobody]"),
        ("{% echo gone %}", "gone"),
    ],
)
def test_what_is_missing_is_never_shown_as_nothing(source: str, name: str) -> None:
    with pytest.raises(MissingError) as caught:
        liquid(source, **THINGS)
    assert caught.value.message == f"`{name}` is missing, and the template has no `default` for it"


def test_all_that_is_missing_can_be_collected() -> None:
    found: set[str] = set()
    source = "{{ a }}{{ b | upcase }}{% for i in c %}x{% endfor %}{{ d | default: 'd' }}{% if e %}{{ e }}{% endif %}"
    source += "{{ f.g | size }}"
    assert liquid(source, around=Surroundings(NOW, missing=found)) == "d"
    assert found == {"a", "b", "c", "f.g"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{% abort 'no such size' %}", "no such size"),
        ("{% if true %}{% abort %}{% endif %}", "the template aborts"),
        ("{% abort_message('not in Sweden') %}", "not in Sweden"),
        ("{% abort name %}", "Åsa"),
    ],
)
def test_a_template_can_say_that_somebody_gets_nothing(source: str, reason: str) -> None:
    with pytest.raises(AbortError) as caught:
        liquid(f"a{source}b", **THINGS)
    assert caught.value.message == reason


BOMBS = [
    "{{ (1..1000000000) | join: ',' }}",
    "{% assign n = 999999999 %}{% for i in (1..n) %}x{% endfor %}",
    "{% for i in (1..1000) %}{% for j in (1..1000) %}{% for k in (1..1000) %}{% endfor %}{% endfor %}{% endfor %}",
    "{% tablerow i in (1..100000) cols:3 %}x{% endtablerow %}",
    "{% assign x = '" + "a" * 50 + "' %}" + "{% assign x = x | replace: 'a', x %}" * 6 + "{{ x }}",
    "{% assign x = '" + "a" * 1000 + "' %}{% for i in (1..500) %}{% assign x = x | append: x %}{% endfor %}",
    "{% assign x = '" + "a" * 1000 + "' %}{% for i in (1..500) %}{% assign x = x | prepend: x %}{% endfor %}",
    "{% assign x = 'abcdefgh' | split: '' %}{% for i in (1..500) %}{% assign x = x | concat: x %}{% endfor %}",
    "{% assign x = '" + "a" * 400_000 + "' | split: '' | join: '" + "b" * 90_000 + "' %}",
    "{% assign x = '" + "a" * 300_000 + "' | split: ',' %}" + "{% assign x = x | concat: x %}" * 12 + "{{ x }}",
    "{% assign x = 7777777 %}{% for i in (1..1000) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
    "{{ 5 | round: -999999999 }}{{ '1e999999999' | ceil }}",
    "{% for i in (1..900) %}{% capture x %}{% for j in (1..9) %}"
    + "y" * 5_000
    + "{% endfor %}{% endcapture %}{{ x }}{% endfor %}",
    "{{ 'now' | date: '" + "%c" * 490 + "' | replace: ' ', '" + "z" * 9_000 + "' }}",
    "{% include 'x' %}",
    "{% render 'x' %}",
    "{% extends 'x' %}",
    "{{ 'x' | json: 999999999 | append: gone }}",
    "{{ " + "a[" * 3_000 + "1" + "]" * 3_000 + " }}",
    "{% if x %}" * 200 + "{% endif %}" * 200,
]


@pytest.mark.parametrize("source", BOMBS, ids=lambda source: source[:40])
def test_a_bomb_fails_at_once(source: str) -> None:
    began = time.perf_counter()
    with pytest.raises((LiquidError, ArithmeticError)):
        liquid(source, **THINGS)
    assert time.perf_counter() - began < 3


@pytest.mark.parametrize(
    "source",
    [
        "{{ name.__class__ }}",
        "{{ name['__class__'] }}",
        "{{ items.__len__ }}",
        "{{ words.append }}",
        "{{ profile.items }}",
        "{{ around }}",
        "{{ env }}",
        "{{ forloop }}",
        "{{ partial }}",
        "{{ total.real }}",
        "{{ f.__globals__ }}",
    ],
)
def test_nothing_but_the_variables_can_be_reached(source: str) -> None:
    with pytest.raises(MissingError):
        liquid(source, f=test_a_bomb_fails_at_once, **THINGS)


@pytest.mark.parametrize("source", ["{{ profile }}", "{{ items }}", "{% echo profile.address %}"])
def test_a_group_of_values_is_shown_to_nobody(source: str) -> None:
    with pytest.raises(LiquidError, match=r"a group of values|a list of groups"):
        liquid(source, **THINGS)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ 'now' | date: '%Y-%m-%d %H:%M:%S %z' }}", "2026-03-01 10:05:07 +0100"),
        ("{{ at | date: '%A %-d %B %Y, %-I:%M %p' }}", "söndag 1 mars 2026, 12:30 AM"),
        ("{{ '2026-03-01' | date: '%e/%m %^a %j V%V %y %%' }}", " 1/03 SÖN 060 V09 26 %"),
        (
            "{{ 1772353800 | date: '%H:%M' }} {{ 1772353800000 | date: '%H:%M' }} {{ '1772353800' | date: '%s' }}",
            "09:30 09:30 1772353800",
        ),
        (
            "{{ 'March 14, 2016' | date: '%b %d, %y' }} {{ 'Sun, 01 Mar 2026 08:00:00 GMT' | date: '%R' }}",
            "mars 14, 16 09:00",
        ),
        ("{{ 'not a date' | date: '%Y' }}{{ '9' | date: '%Y' }}", "not a date9"),
        ("{{ '2026-03-01' | date: 'long' }} {{ '2026-03-01T10:00' | date: '%T' }}", "1 mars 2026 10:00:00"),
        (
            "{{ 12345.5 | money }} {{ 5 | money_without_trailing_zeros }} {{ 5.5 | money: 'eur' }}",
            "12\xa0345,50\xa0kr 5\xa0kr 5,50\xa0€",
        ),
        ("{{ 1234.5 | money_without_currency }} {{ 1234567.891 | number: 1 }}", "1\xa0234,50 1\xa0234\xa0567,9"),
        ("{{ 1 | money_with_currency: 'USD' }}", "US$1,00 USD"),
    ],
)
def test_dates_and_amounts_are_the_person_s_own(source: str, said: str) -> None:
    around = Surroundings(NOW, zoneinfo.ZoneInfo("Europe/Stockholm"), "sv-SE", "SEK")
    assert liquid(source, around=around, at=dt.datetime(2026, 2, 28, 23, 30, tzinfo=dt.UTC)) == said


@pytest.mark.parametrize(
    "source", ["{{ 5 | money }}", "{{ 'x' | money: 'EUR' }}", "{{ 5 | money: 'euros' }}", "{{ 'nan' | number }}"]
)
def test_an_amount_without_meaning_is_refused(source: str) -> None:
    with pytest.raises(LiquidError, match=r"needs a currency|is no amount"):
        liquid(source)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
FILTERS = sorted(TEXT.filters)


@given(values, st.lists(st.sampled_from(FILTERS), max_size=3), values)
def test_no_value_and_no_filter_fails_in_a_way_of_its_own(value: Any, filters: list[str], argument: Any) -> None:
    for told in ("", ": arg", ": arg, arg"):
        source = "{{ it" + "".join(f" | {name}{told}" for name in filters) + " }}"
        for sandbox in (TEXT, Sandbox(escape=True)):
            with contextlib.suppress(LiquidError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
                assert isinstance(sandbox.read(source).rendered({"it": value, "arg": argument}, Surroundings(NOW)), str)


@given(values)
def test_the_same_template_is_rendered_by_many_threads(value: Any) -> None:
    read = TEXT.read("{% for i in (1..5) %}{% assign x = name | append: i %}{{ x }},{% endfor %}{% increment n %}")
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda n: read.rendered({"name": n, "other": value}, Surroundings(NOW)), range(20)))
    assert said == ["".join(f"{n}{i}," for i in range(1, 6)) + "0" for n in range(20)]
