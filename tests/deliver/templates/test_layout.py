"""E-mail bodies keep their Liquid where their author put it, whatever a parser does to them."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliver.templates.rendered import liquid
from ethogram.deliver.templates.holes import holed
from ethogram.deliver.templates.layout import LayoutError, from_html, from_mjml, plain_text, with_preheader

GOLDEN = Path(__file__).parent / "golden"


def mjml(content: str, head: str = "") -> str:
    column = f"<mj-section><mj-column>{content}</mj-column></mj-section>"
    return f"<mjml><mj-head>{head}</mj-head><mj-body>{column}</mj-body></mjml>"


def body(source: str) -> str:
    return re.sub(r".*<body[^>]*>(.*)</body>.*", r"\1", source, flags=re.DOTALL)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.mjml")), ids=lambda path: path.stem)
def test_a_layout_becomes_what_was_reviewed(path: Path) -> None:
    made = from_mjml(path.read_text(encoding="utf-8"))
    assert made + "\n" == path.with_suffix(".html").read_text(encoding="utf-8")
    assert plain_text(made) + "\n" == path.with_suffix(".txt").read_text(encoding="utf-8")


def test_a_loop_over_the_rows_of_a_table_stays_around_them() -> None:
    source = mjml("<mj-table>{% for i in items %}<tr><td>{{ i }}</td></tr>{% endfor %}</mj-table>")
    said = liquid(from_mjml(source), html=True, items=["a", "b<"])
    assert re.findall(r"<tr><td[^>]*>([^<]*)</td></tr>", said) == ["a", "b&lt;"]
    assert plain_text(said).splitlines() == ["a", "b<"]


def test_a_condition_around_parts_of_a_layout_holds_for_them() -> None:
    source = mjml("{% if x < 3 and y > 1 %}<mj-text>few</mj-text>{% else %}<mj-text>many</mj-text>{% endif %}")
    assert plain_text(liquid(from_mjml(source), html=True, x=2, y=2)) == "few"
    assert plain_text(liquid(from_mjml(source), html=True, x=3, y=2)) == "many"


def test_liquid_in_attributes_styles_and_titles_survives() -> None:
    source = mjml(
        "<mj-button href=\"https://x.example/{{ id | url_encode }}?a=1&amp;b={{ b | default: 'c' }}\" "
        'background-color="#ff0000" css-class="{{ kind }}">{{ label }}</mj-button>'
        '<mj-image src="{{ image }}" alt="{{ alt }}"/>',
        head="<mj-title>T {{ title }}</mj-title><mj-preview>P {{ preview }}</mj-preview>",
    )
    made = from_mjml(source)
    for each in (
        "https://x.example/{{ id | url_encode }}?a=1&amp;b={{ b | default: 'c' }}", 'class="{{ kind }}"', "{{ label }}",
        'src="{{ image }}"', 'alt="{{ alt }}"', "<title>T {{ title }}</title>", ">P {{ preview }}<",
    ):  # fmt: skip
        assert each in made


def test_styles_move_inline_and_media_queries_stay() -> None:
    head = "<mj-style>@media (max-width:100px){.a{color:red}} .b{color:blue}</mj-style>"
    made = from_mjml(mjml('<mj-text css-class="b">x</mj-text>', head))
    assert re.search(r'class="b"[^>]*style="[^"]*color: blue', made)
    assert "@media (max-width:100px){.a{color:red}}" in made


def test_nothing_is_fetched_and_no_font_comes_from_elsewhere() -> None:
    assert "googleapis" not in from_mjml(mjml("<mj-text>x</mj-text>"))
    linked = '<html><head><link rel="stylesheet" href="http://127.0.0.1:9/none.css"></head><body>x</body></html>'
    assert 'href="http://127.0.0.1:9/none.css"' in from_html(linked)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (mjml("<mj-foo>x</mj-foo><mj-bar/>"), "there is no tag `mj-foo` in MJML; there is no tag `mj-bar` in MJML"),
        (mjml("<mj-text>x"), "is no MJML"),
        ("<mjml>\n<mj-body>\n<mj-section></mj-column></mj-body></mjml>", "is no MJML: line 3: mismatched tag"),
        ("<p>x</p>", "is no MJML"),
        ("", "is no MJML: line 1: no element found"),
        (mjml("<mj-include path='/etc/passwd'/>"), "`mj-include` reads files"),
        (mjml("<mj-text><p {% if a %}class='b'{% endif %}>x</p></mj-text>"), "stands between attributes"),
        (mjml("<mj-raw>{% if a %}<p>x</p>{% endif %}</mj-raw>"), "in a table outside its cells"),
        (mjml("<mj-text>liquidhole1x</mj-text>"), "cannot be used"),
    ],
)
def test_a_layout_that_cannot_be_used_says_why(source: str, fault: str) -> None:
    with pytest.raises(LayoutError) as caught:
        from_mjml(source)
    assert fault in str(caught.value)


def test_a_bare_ampersand_and_entities_of_html_are_taken() -> None:
    assert "a &amp; b &amp; c &nbsp;" in from_mjml(mjml("<mj-text>a & b &amp; c &nbsp;</mj-text>"))


def test_liquid_with_the_entities_of_xml_is_read() -> None:
    made = from_mjml(
        mjml("<mj-text>{% if a &lt; 3 &amp;&amp; 1 %}{% endif %}{{ b | default: &quot;x&quot; }}</mj-text>")
    )
    assert "{% if a < 3 && 1 %}" in made
    assert '{{ b | default: "x" }}' in made


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "<h1>Hi {{ name }}</h1><p>See <a href='https://x.example/{{ id }}'>this</a>.</p>",
            "Hi {{ name }}\n\nSee this (https://x.example/{{ id }}).",
        ),
        ("<ul>{% for i in items %}<li>{{ i }}</li>{% endfor %}</ul>", "{% for i in items %}\n- {{ i }}{% endfor %}"),
        ("<p>a<br>b &amp; c &lt;d&gt;</p><style>p{}</style><script>x</script><hr>e", "a\nb & c <d>\n\n---\ne"),
        ("<div style='display:none'>hidden {{ x }}<br></div><img src=x alt='Logo'>", "Logo"),
        (
            "<a href='mailto:a@x.example'>a@x.example</a> <a href='#top'>top</a> <a href='https://x.example'></a>",
            "a@x.example top https://x.example",
        ),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
    ],
)
def test_plain_text_says_what_a_reader_sees(source: str, text: str) -> None:
    assert plain_text(source) == text


def test_what_an_inbox_shows_is_at_the_beginning_and_escaped() -> None:
    made = with_preheader("<html><body class='x'><p>y</p></body></html>", "Soon & {{ a | default: '<' }}")
    assert re.search(
        r"<body class='x'><div style=\"display:none[^\"]*\">Soon &amp; {{ a \| default: '<' }}</div><p>y", made
    )


pieces = st.lists(
    st.sampled_from(
        [
            "{{ a }}",
            "{% if b %}",
            "{% endif %}",
            "{% raw %}{{ x }}{% endraw %}",
            "text ",
            "<p title='{{ c }}'>",
            "</p>",
            "<!-- {{ d }} -->",
            "<a href=\"{{ e }}?f={{ g | default: '>' }}\">",
            "</a>",
            "<td>",
            "<style>.x{color:{{ h }}}</style>",
        ]
    ),
    max_size=12,
)


@given(pieces)
def test_what_was_taken_out_comes_back_in_its_place(parts: list[str]) -> None:
    source = "".join(parts)
    made = holed(source)
    assert made.filled(made.text) == source
    assert "{{" not in made.text
    assert "{%" not in made.text
    assert not made.lost(made.text)


BITS = (
    '<mj-section>|</mj-section>|<mj-column>|</mj-column>|<mj-text>|</mj-text>|<tr>|<td>|</td>|<table>|<mj-image/>|&|<|>|"|'
    "{% if x %}|{% endif %}|{{ a }}|{{|<!--|-->|<![CDATA[|<![x|]]>|<style>|</style>|@media {|\x00|é|<mjml>|<mj-body>|"
    "<mj-column width='{{ x }}'>"
)
sources = st.lists(st.sampled_from(BITS.split("|")), max_size=12)


@given(sources)
def test_whatever_is_given_as_a_layout_is_one_or_says_why_not(parts: list[str]) -> None:
    for make, source in ((from_mjml, mjml("".join(parts))), (from_html, "".join(parts)), (from_mjml, "".join(parts))):
        with contextlib.suppress(LayoutError):
            plain_text(make(source))
