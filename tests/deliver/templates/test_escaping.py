"""What somebody sends as a trait stays text, wherever a template shows it."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid.exceptions import LiquidError

from deliver.templates.rendered import NOW, liquid, template
from ethogram.deliver.templates.compiling import HTML
from ethogram.deliver.templates.rendering import Templates
from ethogram.deliver.templates.sandbox import Surroundings
from ethogram.model.message import EmailContent, InAppContent, PushContent, Unrenderable, WebhookContent

EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onclick='x",
    "</title><b>",
    "&lt;b&gt;",
    "{{ secret }}",
    "{% abort %}",
    "<!-- x",
    "]]>",
    "javascript:alert(1)",
    "a\r\nBcc: all@x.example",
]
hostile = (
    st.sampled_from(EVIL) | st.text(st.sampled_from("<>&\"'/=; {}%-!abjs:()\n"), max_size=30) | st.text(max_size=20)
)
# `safe` is how an author says that a value is HTML of theirs.
FILTERS = sorted(set(HTML.filters) - {"safe"})
PAGE = template(
    "email",
    subject="Hi {{ x }}",
    preheader="For {{ x }}",
    sender="Shop <{{ x }}@shop.example>",
    html="<html><head><title>{{ x }}</title></head><body><p title=\"{{ x }}\" class='{{ x }}'>{{ x }}</p>"
    '<a href="https://shop.example/?q={{ x | url_encode }}&amp;r={{ x }}">{{ x | upcase }}</a></body></html>',
)


class _Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))


def tags(source: str) -> list[tuple[str, tuple[str, ...]]]:
    reader = _Read()
    reader.feed(source)
    reader.close()
    return reader.tags


@given(hostile)
def test_no_trait_changes_the_tags_of_an_email(value: str) -> None:
    calm = Templates().render(PAGE, {"profile": {"x": "a"}}, now=NOW)
    content = Templates().render(PAGE, {"profile": {"x": value}}, now=NOW)
    assert isinstance(calm, EmailContent)
    assert isinstance(content, EmailContent)
    assert tags(content.html) == tags(calm.html)
    assert html.unescape(re.sub(r".*?<p[^>]*>(.*?)</p>.*", r"\1", content.html, flags=re.DOTALL)) == value
    assert content.subject == " ".join(f"Hi {value}".split())
    assert "\n" not in (content.sender or "")
    assert "\r" not in (content.sender or "")


@given(hostile, st.lists(st.sampled_from(FILTERS), min_size=1, max_size=3), hostile)
def test_no_filter_lets_a_value_become_a_tag(value: str, filters: list[str], other: str) -> None:
    chain = "".join(f" | {name}{': other' if index % 2 else ''}" for index, name in enumerate(filters))
    for source in (
        f"{{{{ value{chain} }}}}",
        f"{{{{ 'x' | append: value{chain} }}}}",
        f"{{% assign y = value{chain} %}}{{{{ y }}}}",
    ):
        try:
            said = HTML.read(source).rendered({"value": value, "other": other}, Surroundings(NOW))
        except (LiquidError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
            continue
        assert not [tag for tag in tags(said) if tag != ("br", ())]  # of `newline_to_br`
        assert not re.search(r"<(?!br />)", said)


def test_an_author_may_say_that_a_value_is_html() -> None:
    assert liquid("{{ x | safe }}{{ x }}", html=True, x="<b>") == "<b>&lt;b&gt;"


def test_what_an_author_writes_is_not_escaped() -> None:
    assert (
        liquid("{{ '<br>' }}{{ x | default: '&nbsp;' }}{{ x | append: '<b>' }}", html=True, x="<") == "<br>&lt;&lt;<b>"
    )


@given(hostile)
def test_a_webhook_s_json_stays_json(value: str) -> None:
    made = template(
        "webhook",
        url="https://x.example/{{ x | url_param_escape }}",
        body={"a": ["{{ x }}", 1, None]},
        headers={"X-A": "{{ x }}"},
    )
    content = Templates().render(made, {"profile": {"x": value}}, now=NOW)
    assert isinstance(content, WebhookContent)
    assert json.loads(content.body) == {"a": [value, 1, None]}
    assert not re.search(r"[\r\n]", content.headers["X-A"])
    assert content.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "\x01javascript:x",
    ],
)
def test_a_link_that_runs_something_is_refused(url: str) -> None:
    variables: dict[str, Any] = {"profile": {"u": url}}
    for made in (
        template("email", subject="x", html="<p>y <a href='{{ u }}'>z</a></p>"),
        template("email", subject="x", html="<p>y <a data-no-track href={{ u | url_encode | url_decode }}>z</a></p>"),
        template("inapp", form="card", title="x", body="y", buttons=[{"text": "z", "url": "{{ u }}"}]),
        template("push", title="x", body="y", url="{{ u }}"),
    ):
        content = Templates().render(made, variables, now=NOW)
        if isinstance(content, EmailContent):  # split by a space, an unquoted address is no longer one that runs
            assert (
                "java" not in re.sub(r".*href=\"([^\"]*)\".*", r"\1", content.html, flags=re.DOTALL).lower()
                or "\n" in url
            )
        else:
            assert isinstance(content, Unrenderable)
            assert "runs where it is clicked" in content.reason


def test_liquid_in_a_value_is_text() -> None:
    made = template("sms", text="{{ x }}")
    content = Templates().render(made, {"profile": {"x": "{{ secret }}{% abort %}", "secret": "s"}}, now=NOW)
    assert getattr(content, "text", None) == "{{ secret }}{% abort %}"


def test_a_title_of_several_lines_is_one_line() -> None:
    made = template("push", title="{{ x }}", body="{{ x }}")
    content = Templates().render(made, {"profile": {"x": "a\r\nb"}}, now=NOW)
    assert content == PushContent("a b", "a\r\nb")


def test_an_in_app_message_is_plain_text() -> None:
    made = template(
        "inapp", form="banner", title="{{ x }}", body="{{ x }}", show={"page": {"is": "/cart"}, "after": "3 seconds"}
    )
    content = Templates().render(made, {"profile": {"x": "<b>"}}, now=NOW)
    assert content == InAppContent("banner", "<b>", "<b>", show={"page": {"is": "/cart"}, "after": "3 seconds"})
