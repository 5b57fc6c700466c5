"""What a template uses is known beforehand, and whom it would fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from deliver.templates.rendered import NOW, template
from ethogram.deliver.templates.preview import CLIPPED, PUSHED, preview, push_size, segments
from ethogram.deliver.templates.rendering import Templates
from ethogram.deliver.templates.variables import CatalogUse, Items, MissingVariables, Root, missing, uses
from ethogram.model.message import ChatContent, EmailContent, PushContent, TextContent, Unrenderable

TEMPLATES = Templates(currency="EUR")


def test_variables_are_told_by_where_they_come_from() -> None:
    made = template(
        "email",
        subject="{{ first_name }} {{ campaign.name }}",
        html="<p>{% assign x = account.plan %}{{ x }}"
        "{% for i in event.items %}{{ catalog.shoes[i.id].size }}{% endfor %}"
        "{{ catalog.shoes[event.id].price }}{{ catalog.hats['h1'].title }}{{ coupon.welcome }}"
        "{{ profile.city | upcase }}"
        "<a href='{{ unsubscribe_url }}'>{{ now | date: '%Y' }}</a></p>",
        languages={"sv": {"subject": "{{ profile.namn }}"}},
        link_parameters={"utm_term": "{{ segment.name }}"},
    )
    found = uses(TEMPLATES, made)
    assert dict(found.variables) == {
        Root.PROFILE: ("city", "first_name", "namn"), Root.CAMPAIGN: ("name",), Root.ACCOUNT: ("plan",),
        Root.EVENT: ("id", "items"), Root.CATALOG: ("hats.h1.title", "shoes.price", "shoes.size"),
        Root.COUPON: ("welcome",), Root.OURS: ("now", "unsubscribe_url"), Root.SEGMENT: ("name",),
    }  # fmt: skip
    assert set(found.items) == {
        CatalogUse("shoes", ("i", "id")), CatalogUse("shoes", ("event", "id")), CatalogUse("hats", "h1"),
    }  # fmt: skip
    assert found.coupons == ("welcome",)
    assert found.addresses == ("now", "unsubscribe_url")


def test_the_share_of_people_who_lack_a_variable_is_found_before_sending() -> None:
    made = template(
        "sms", text="Hi {{ name }}{% if city %} in {{ city }}{% endif %}, {{ plan | default: 'free' }}: {{ event.x }}"
    )
    rows: list[Mapping[str, Any]] = [
        {"profile": {"name": "A"}, "event": {"x": 1}},
        {"profile": {"city": "L"}, "event": {"x": None}},
        {"event": {}},
        {},
    ]
    found = missing(TEMPLATES, made, rows, now=NOW)
    assert found == MissingVariables(4, {"event.x": 0.75, "name": 0.75}, {}, 0.75)
    assert list(found.variables) == sorted(found.variables, key=lambda name: -found.variables[name])
    assert missing(TEMPLATES, made, [], now=NOW) == MissingVariables(0)


def test_other_reasons_are_counted_too() -> None:
    made = template("sms", text="{% if vip %}{% abort 'is a VIP' %}{% endif %}{{ total | money }}")
    rows: list[Mapping[str, Any]] = [{"profile": {"vip": True}}, {"profile": {"total": "x"}}, {"profile": {"total": 3}}]
    found = missing(TEMPLATES, made, rows, now=NOW)
    assert found.others == {"the template aborts: is a VIP": 1, "text: `x` is no amount": 1}
    assert found.refused == pytest.approx(2 / 3)


def test_items_are_read_together_or_when_they_are_asked_for() -> None:
    asked: list[list[str]] = []

    def fetch(ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        asked.append(list(ids))
        return {id_: {"title": f"T{id_}"} for id_ in ids if id_ != "gone"}

    items = Items(fetch)
    items.prefetch(["a", "b", "a"])
    made = template("sms", text="{{ catalog.p['a'].title }} {{ catalog.p[event.id].title }}")
    for id_, said in (("b", "Ta Tb"), ("c", "Ta Tc"), (7, "Ta T7")):
        assert TEMPLATES.render(made, {"catalog": {"p": items}, "event": {"id": id_}}, now=NOW) == TextContent(said)
    gone = TEMPLATES.render(made, {"catalog": {"p": items}, "event": {"id": "gone"}}, now=NOW)
    assert gone == Unrenderable("text: `catalog.p.gone.title` is missing, and the template has no `default` for it")
    TEMPLATES.render(made, {"catalog": {"p": items}, "event": {"id": "gone"}}, now=NOW)
    strange: Any
    for strange in (None, [], {"a": 1}, True):
        assert isinstance(
            TEMPLATES.render(made, {"catalog": {"p": items}, "event": {"id": strange}}, now=NOW), Unrenderable
        )
    assert asked == [["a", "b"], ["c"], ["7"], ["gone"]]


def test_what_is_kept_of_a_catalogue_is_bounded() -> None:
    asked: list[list[str]] = []

    def fetch(ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        asked.append(list(ids))
        return {id_: {} for id_ in ids}

    items = Items(fetch, most=3)
    items.prefetch(["a", "b"])
    items.prefetch(["c", "d"])
    assert items["a"] == {}
    assert asked == [["a", "b"], ["c", "d"], ["a"]]


@pytest.mark.parametrize(
    ("text", "count", "units", "because"),
    [
        ("", 1, 0, ""),
        ("a" * 160, 1, 160, ""),
        ("a" * 161, 2, 161, ""),
        ("a" * 306, 2, 306, ""),
        ("a" * 307, 3, 307, ""),
        ("é" * 160, 1, 160, ""),
        ("€" * 80, 1, 160, ""),
        ("€" * 81, 2, 162, ""),
        ("ő" * 70, 1, 70, "ő"),
        ("ő" * 71, 2, 71, "ő"),
        ("😀" * 35, 1, 70, "😀"),
        ("😀" * 36, 2, 72, "😀"),
        ("ő" * 134, 2, 134, "ő"),
        ("ő" * 135, 3, 135, "ő"),
        ("’", 1, 1, "’"),
    ],
)
def test_a_text_message_s_parts_are_counted(text: str, count: int, units: int, because: str) -> None:
    found = segments(text)
    assert (found.count, found.units, found.because, found.unicode) == (count, units, because, because != "")


def test_a_preview_warns_of_what_providers_do() -> None:
    long = preview(TEMPLATES, template("sms", text="Hi {{ name }}" + "a" * 160), {"profile": {"name": "ő"}}, now=NOW)
    assert long.facts == {"segments": 3, "units": 164}
    assert long.warnings == (
        "is sent in 3 parts, each of which is paid for", "holds `ő`, so that 70 characters fit where 160 would",
    )  # fmt: skip
    push = preview(TEMPLATES, template("push", title="t", body="{{ x }}"), {"profile": {"x": "a" * PUSHED}}, now=NOW)
    assert isinstance(push.content, PushContent)
    assert push_size(push.content) == PUSHED + len('{"title": "t", "body": ""}')
    assert push.warnings == (f"has {push_size(push.content):,} bytes; browsers take 3,993",)
    page = template("email", subject="s" * 151, html="<p>{{ x }}</p>")
    mail = preview(TEMPLATES, page, {"profile": {"x": "å" * CLIPPED, "locale": "sv"}}, now=NOW, language="de")
    assert mail.facts is not None
    assert [told.split(";")[0].split(" of ")[0] for told in mail.warnings] == [
        f"has {mail.facts['bytes']:,} bytes",
        "has a subject",
        "shows no `{{ unsubscribe_url }}`: only the mail program's own button unsubscribes",
    ]
    fine = preview(TEMPLATES, template("chat", text="x"), {}, now=NOW)
    assert (fine.warnings, fine.facts, fine.language) == ((), {}, "")


def test_a_preview_shows_links_as_they_were_written() -> None:
    made = template(
        "email", subject="x", html="<p>a <a href='https://x.example'>b</a></p>", languages={"sv": {"subject": "y"}}
    )
    found = preview(TEMPLATES, made, {"profile": {"language": "sv"}}, now=NOW)
    assert isinstance(found.content, EmailContent)
    assert 'href="https://x.example"' in found.content.html
    assert (found.language, found.content.subject) == ("sv", "y")


def test_a_preview_of_what_cannot_be_rendered_is_its_reason() -> None:
    found = preview(TEMPLATES, template("sms", text="{{ x }}"), {}, now=NOW)
    assert isinstance(found.content, Unrenderable)
    assert found.warnings == ()


def test_a_preview_for_somebody_whose_language_is_none_is_that_for_everybody() -> None:
    found = preview(TEMPLATES, template("chat", text="x"), {"profile": {"language": 5, "locale": ["sv"]}}, now=NOW)
    assert (found.language, found.content) == ("", ChatContent("", "x"))
