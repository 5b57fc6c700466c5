"""Templates become messages, in everybody's own language, with links that come back."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliver.templates.rendered import NOW, template
from ethogram.deliver.links import PATHS, Link, Purpose, Signer
from ethogram.deliver.templates.compiling import faults
from ethogram.deliver.templates.rendering import Templates
from ethogram.deliver.templates.tracking import Tracking, with_parameters
from ethogram.errors import DefinitionError
from ethogram.model.message import (
    ChatContent,
    Content,
    EmailContent,
    InAppContent,
    PushContent,
    TextContent,
    Unrenderable,
    WebhookContent,
)
from ethogram.model.template import Template

SIGNER = Signer([b"k" * 32])
BASE = "https://news.shop.example"
ID = "msg_" + "ab" * 16
PLAIN = Templates()
TRACKED = Templates(Tracking(BASE, SIGNER, parameters={"utm_source": "shop"}))


def render(
    made: Template, templates: Templates = PLAIN, message_id: str = ID, **variables: Any
) -> Content | Unrenderable:
    return templates.render(made, variables, now=NOW, message_id=message_id)


def email(made: Template, templates: Templates = TRACKED, message_id: str = ID, **variables: Any) -> EmailContent:
    content = render(made, templates, message_id, **variables)
    assert isinstance(content, EmailContent), content
    return content


def links(source: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', source)


def read(address: str, purpose: Purpose = Purpose.CLICK) -> Link:
    assert address.startswith(BASE + PATHS[purpose])
    link = SIGNER.verify(address.removeprefix(BASE + PATHS[purpose]), purpose)
    assert link is not None
    return link


@pytest.mark.parametrize(
    ("made", "content"),
    [
        (template("sms", text=" Hi {{ name }} "), TextContent("Hi Åsa")),
        (template("whatsapp", text="Hi {{ profile.name }}"), TextContent("Hi Åsa")),
        (template("chat", title="{{ name }}", text="bought {{ event.item }}"), ChatContent("Åsa", "bought a hat")),
        (
            template(
                "webpush",
                title="{{ name }}",
                body="{{ event.item }}",
                url="https://x.example",
                data={"k": "{{ name }}"},
            ),
            PushContent("Åsa", "a hat", "https://x.example", None, {"k": "Åsa"}),
        ),
        (
            template("inapp", form="modal", title="t", body="b", buttons=[{"text": "{{ name }}", "url": "app://cart"}]),
            InAppContent("modal", "t", "b", None, ({"text": "Åsa", "url": "app://cart"},)),
        ),
        (
            template("webhook", url="https://x.example/{{ name | url_encode }}", body="n={{ name }}"),
            WebhookContent("https://x.example/%C3%85sa", "n=Åsa".encode()),
        ),
        (
            template("webhook", url="https://x.example", body={"n": "{{ name }}", "q": 2, "l": ["{{ event.item }}"]}),
            WebhookContent(
                "https://x.example",
                '{"n": "Åsa", "q": 2, "l": ["a hat"]}'.encode(),
                {"Content-Type": "application/json"},
            ),
        ),
        (
            template("email", subject="Hi {{ name }}", text="{{ event.item }}"),
            EmailContent("Hi Åsa", "", "a hat"),
        ),
    ],
    ids=lambda each: each.channel if isinstance(each, Template) else "",
)
def test_each_channel_gets_its_parts(made: Template, content: Content) -> None:
    assert render(made, profile={"name": "Åsa"}, event={"item": "a hat"}) == content


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            template("sms", text="Hi {{ first_name }}"),
            "text: `first_name` is missing, and the template has no `default` for it",
        ),
        (template("sms", text="{% if first_name %}x{% endif %}"), "text: would be empty"),
        (template("push", title="{{ name }}", body=" {{ blank }} "), "body: would be empty"),
        (template("email", subject="{{ blank }}", text="x"), "subject: would be empty"),
        (template("email", subject="x", html="<p>{% if first_name %}x{% endif %}</p>"), "the message would be empty"),
        (template("webhook", url="{{ name }}", body="x"), "url: `Åsa` is no address of the web"),
        (
            template("email", subject="x", html="<p>{{ 'x' | ceil | times: name }}{{ name | slice: 1.5 }}</p>"),
            "html: slice",
        ),
        (template("sms", text="{% for i in (1..n) %}x{% endfor %}"), "text: a range has more than 1,000 numbers"),
        (template("sms", text="{{ '1e999' | floor }}"), "text: OverflowError"),
    ],
)
def test_what_cannot_be_said_has_a_reason(made: Template, reason: str) -> None:
    content = render(made, profile={"name": "Åsa", "blank": " ", "n": 10**9})
    assert isinstance(content, Unrenderable)
    assert content.reason.startswith(reason)
    assert not content.aborted


def test_an_abort_is_told_from_a_failure() -> None:
    made = template("sms", text="{% if country != 'SE' %}{% abort 'not in Sweden' %}{% endif %}Hej")
    assert render(made, profile={"country": "NO"}) == Unrenderable("the template aborts: not in Sweden", aborted=True)
    assert render(made, profile={"country": "SE"}) == TextContent("Hej")


def test_everybody_gets_the_version_of_their_language() -> None:
    made = template(
        "sms",
        text="Hi {{ name }}, {{ 'now' | date: '%B' }}",
        languages={
            "sv": {"text": "Hej {{ name }}, {{ 'now' | date: '%B' }}"},
            "pt": {"text": "Oi, {{ 3.5 | money: 'BRL' }}"},
        },
    )
    for profile, said in (
        ({"language": "sv"}, "Hej A, mars"), ({"locale": "sv-SE"}, "Hej A, mars"), ({}, "Hi A, March"),
        ({"language": "de"}, "Hi A, March"), ({"language": "en", "locale": "sv"}, "Hi A, March"),
        ({"locale": "pt_BR"}, "Oi, R$\xa03,50"), ({"language": 5}, "Hi A, March"),
    ):  # fmt: skip
        assert render(made, profile={"name": "A", **profile}) == TextContent(said)
    assert PLAIN.render(made, {"profile": {"name": "A"}}, now=NOW, language="sv") == TextContent("Hej A, mars")


def test_dates_are_those_where_the_person_is() -> None:
    made = template("sms", text="{{ now | date: '%H:%M' }} {{ event.at | date: '%d' }} {{ today }}")
    event = {"at": "2026-03-01T23:30:00Z"}
    assert render(made, profile={"timezone": "Asia/Tokyo"}, event=event) == TextContent("18:05 02 2026-03-01")
    for unknown in ("Mars/Base", "../../etc/passwd", "", 3):
        assert render(made, profile={"timezone": unknown}, event=event) == TextContent("09:05 01 2026-03-01")


def test_traits_are_there_under_their_own_names_and_hide_nothing_of_ours() -> None:
    made = template("sms", text="{{ name }} {{ profile.name }} {{ event.x }} {{ unsubscribe_url | slice: 0, 8 }}")
    content = render(
        made, TRACKED, profile={"name": "A", "event": "mine", "unsubscribe_url": "http://evil"}, event={"x": 1}
    )
    assert content == TextContent("A A 1 https://")


PAGE = template(
    "email",
    subject="x",
    html="<p>a <a href='https://shop.example/?p={{ p }}&amp;b=1#top'>b</a> <a href=\"{{ unsubscribe_url }}\">c</a>"
    "<a href='mailto:a@x.example'>d</a><a href='tel:+46'>e</a><a href='#x'>f</a><a href=https://shop.example/g>g</a>"
    "<a data-no-track href='https://shop.example/h'>h</a><A class='x' HREF='https://shop.example/g'>g</A>"
    "<a data-href='https://no.example' href='https://shop.example/i'>i</a></p>",
)


def test_links_lead_by_way_of_us() -> None:
    content = email(PAGE, profile={"p": "å&"})
    found = links(content.html)
    assert read(found[0]) == Link(Purpose.CLICK, ID, 1, "https://shop.example/?p=å&&b=1&utm_source=shop#top")
    assert read(found[1], Purpose.UNSUBSCRIBE) == Link(Purpose.UNSUBSCRIBE, ID)
    assert found[2:5] == ["mailto:a@x.example", "tel:+46", "#x"]
    assert read(found[5]) == read(found[7]) == Link(Purpose.CLICK, ID, 2, "https://shop.example/g?utm_source=shop")
    assert found[6] == "https://shop.example/h"
    assert 'data-href="https://no.example"' in content.html
    assert read(found[-1]).url == "https://shop.example/i?utm_source=shop"
    assert content.unsubscribe == found[1]
    assert "https://shop.example/g" in content.text


def test_an_email_has_a_pixel_at_its_end() -> None:
    content = email(PAGE, profile={"p": 1})
    pixel = re.search(r'<img src="([^"]*)" width="1" height="1"[^>]*></body></html>$', content.html)
    assert pixel is not None
    assert read(pixel[1], Purpose.OPEN) == Link(Purpose.OPEN, ID)


def test_tracking_can_be_left_out() -> None:
    body: dict[str, Any] = {"subject": "x", "html": "<p>a <a href='https://shop.example/'>b</a></p>"}
    untracked = email(template("email", **body, track_links=False, track_opens=False))
    assert links(untracked.html) == ["https://shop.example/?utm_source=shop"]
    assert "<img" not in untracked.html
    off = Templates(Tracking(BASE, SIGNER, links=False, opens=False))
    assert email(template("email", **body), off).html == email(template("email", **body), PLAIN).html
    assert email(template("email", **body), PLAIN).unsubscribe is None
    preview = email(template("email", **body), TRACKED, message_id="")
    assert links(preview.html) == ["https://shop.example/?utm_source=shop"]
    assert preview.unsubscribe is None


def test_links_in_texts_are_tracked_where_that_is_wanted() -> None:
    made = template("sms", text="See https://shop.example/a, or (https://shop.example/b).")
    templates = Templates(Tracking(BASE, SIGNER, texts=True))
    content = render(made, templates)
    assert isinstance(content, TextContent)
    first, second = re.findall(r"https://[^\s,)]+", content.text)
    assert (read(first).url, read(second).url) == ("https://shop.example/a", "https://shop.example/b")
    assert re.sub(r"https://[^\s,)]+", "L", content.text) == "See L, or (L)."
    assert render(made, TRACKED) == TextContent("See https://shop.example/a, or (https://shop.example/b).")


def test_parameters_of_links_are_liquid() -> None:
    made = template(
        "push", title="t", body="b", url="https://shop.example/?utm_source=mine",
        link_parameters={"utm_campaign": "{{ campaign.name }}"},
    )  # fmt: skip
    content = render(made, TRACKED, campaign={"name": "Spring & co"})
    assert isinstance(content, PushContent)
    assert read(content.url or "").url == "https://shop.example/?utm_source=mine&utm_campaign=Spring%20%26%20co"


@pytest.mark.parametrize(
    ("url", "led"),
    [
        ("https://x.example", "https://x.example?a=1"), ("https://x.example/?", "https://x.example/?a=1"),
        ("https://x.example/?b#c", "https://x.example/?b&a=1#c"), ("https://x.example/?a=2", "https://x.example/?a=2"),
        ("https://x.example/#/?b=1", "https://x.example/?a=1#/?b=1"),
    ],
)  # fmt: skip
def test_parameters_are_added_where_they_are_not(url: str, led: str) -> None:
    assert with_parameters(url, {"a": "1"}) == led


def test_a_link_too_long_to_be_tracked_stays() -> None:
    made = template("email", subject="x", html="<p>a <a href='https://shop.example/{{ p }}'>b</a></p>")
    long = "https://shop.example/" + "a" * 9_000
    assert links(email(made, Templates(Tracking(BASE, SIGNER)), profile={"p": "a" * 9_000}).html) == [long]


def test_a_template_is_compiled_once_and_anew_when_it_changes() -> None:
    templates = Templates()
    first = Template.from_body("it", {"channel": "sms", "text": "a"}, version=1)
    assert templates.compiled(first) is templates.compiled(first)
    same = Template.from_body("it", {"channel": "sms", "text": "a"}, version=1)
    assert templates.compiled(same) is templates.compiled(first)
    second = Template.from_body("it", {"channel": "sms", "text": "b"}, version=2)
    assert templates.render(second, {}, now=NOW) == TextContent("b")
    unsaved = Template.from_body("it", {"channel": "sms", "text": "c"})
    changed = Template.from_body("it", {"channel": "sms", "text": "d"})
    assert [templates.render(each, {}, now=NOW) for each in (unsaved, changed)] == [TextContent("c"), TextContent("d")]


def test_every_fault_of_a_template_is_found_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        template(
            "email", subject="{{ a | upcas }}", sender="{% if %}", preheader="{{ x }", mjml="<mjml><mj-bdy/></mjml>",
            languages={"sv": {"subject": "{% endif %}"}, "de": {"html": "<p>{% for %}</p>"}},
            link_parameters={"utm": "{{"},
        )  # fmt: skip
    assert [place for place, _ in caught.value.faults] == [
        "subject", "sender", "mjml", "languages.sv.subject", "languages.de.html", "link_parameters.utm",
    ]  # fmt: skip
    assert "there is no filter `upcas`; did you mean `upcase`?" in str(caught.value)


def test_a_fault_of_liquid_says_the_line() -> None:
    with pytest.raises(DefinitionError, match=r"text: expected '\}\}', .*\(line 2: `\{\{ a \| b: \}`\)"):
        template("sms", text="x\n{{ a | b: }")


def test_a_person_in_no_known_zone_is_shown_the_workspace_s() -> None:
    made = template("sms", text="{{ now | date: '%H' }}")
    there = Templates(zone=dt.timezone(dt.timedelta(hours=5)))
    assert there.render(made, {}, now=NOW) == TextContent("14")


WORDS = (
    "{{ |}}|{% |%}|name|if |endif|for i in |(1..3)|endfor|assign x = |capture y|endcapture|case |when |else|"
    "cycle |abort |liquid |raw|endraw|tablerow i in |endtablerow|increment |\n|'a'|\"|.|[|]|: |, |3|-|echo |unless |==|"
    "contains |and |nil|empty"
)
FILTERED = [" | upcase", " | date: '%Y'", " | split: ''", " | slice: 0", "| json", " | sort", " | default: 1"]
words = st.sampled_from(WORDS.split("|") + FILTERED)


@given(st.lists(words, max_size=14))
def test_whatever_is_written_is_refused_when_it_is_saved_or_ends_in_a_message_or_a_reason(parts: list[str]) -> None:
    source = "".join(parts) or "x"
    for body in ({"channel": "sms", "text": source}, {"channel": "email", "subject": "x", "html": f"<p>{source}</p>"}):
        try:
            made = Template.from_body("it", body, check=faults)
        except DefinitionError:
            continue
        content = render(made, TRACKED, profile={"name": ["a", {"b": 1}], "x": "<"})
        assert isinstance(content, (TextContent, EmailContent, Unrenderable))
