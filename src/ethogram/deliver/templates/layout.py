"""E-mail bodies as mail programs can show them: MJML made into HTML, styles moved inline, plain text made from it.

Step of the path: deliver. Pure. Done once, when a template is compiled; Liquid stays in its places and runs on the
result. Nothing is fetched: no style sheet, no font, no included file.
"""

from __future__ import annotations

import html
import re
import xml.parsers.expat
from html.parser import HTMLParser

import css_inline
from mjml import mjml2html

from ethogram.deliver.templates.holes import Holed, holed, outside

_TAGS = frozenset(
    "mjml mj-head mj-body mj-attributes mj-all mj-class mj-breakpoint mj-font mj-html-attributes mj-selector "
    "mj-html-attribute mj-preview mj-style mj-title mj-raw mj-section mj-column mj-group mj-wrapper mj-hero mj-text "
    "mj-button mj-image mj-divider mj-spacer mj-table mj-social mj-social-element mj-navbar mj-navbar-link "
    "mj-accordion mj-accordion-element mj-accordion-title mj-accordion-text mj-carousel mj-carousel-image".split()
)
# What these hold is HTML, or text, and need not be XML.
_FREE = re.compile(
    r"<(mj-text|mj-button|mj-table|mj-raw|mj-accordion-title|mj-accordion-text|mj-social-element|mj-navbar-link|mj-style"
    r"|mj-title|mj-preview)\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)(?<!/)>(.*?)</\1\s*>",
    re.DOTALL,
)
_INLINER = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False, keep_link_tags=True)


class LayoutError(ValueError):
    """A body cannot be made into an e-mail; says all that is wrong with it."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def from_mjml(source: str) -> str:
    """The HTML of an MJML layout, with its styles inline.

    Raises:
        LayoutError: it is no MJML, or has a tag that MJML does not.
    """
    document = holed(source, unescape=True)
    faults = [*document.faults, *(_unknown(document.text) or _malformed(document.text))]
    if faults:
        raise LayoutError(faults)
    try:
        made = mjml2html(_escaped(document.text), fonts={})
    except ValueError as error:
        raise LayoutError([f"is no MJML: {document.filled(str(error))}"]) from None
    return _finished(document, made)


def from_html(source: str) -> str:
    """HTML with its styles inline; media queries stay where they are.

    Raises:
        LayoutError: Liquid stands where a parser would move it.
    """
    document = holed(source)
    if document.faults:
        raise LayoutError(list(document.faults))
    return _finished(document, source if not document.liquid else document.text)


def _finished(document: Holed, made: str) -> str:
    try:
        inlined = _INLINER.inline(made)
    except css_inline.InlineError as error:
        raise LayoutError([f"has styles that cannot be moved inline: {error}"]) from None
    lost = document.lost(inlined)
    if lost:
        shown = ", ".join(f"`{each}`" for each in lost[:3])
        raise LayoutError([f"loses {shown}: it stands where the layout keeps nothing, or in a style that is moved"])
    if document.liquid and _order(made) != _order(inlined):
        raise LayoutError(
            ["has something in a table outside its cells, which mail programs move out; put it in a cell"]
        )
    whole = inlined if inlined[:9].lower() == "<!doctype" else f"<!DOCTYPE html>{inlined}"
    return document.filled(whole)


def _order(source: str) -> list[str]:
    reader = _Order()
    _feed(reader, source)
    return reader.found


def _feed(reader: HTMLParser, source: str) -> None:
    try:
        reader.feed(source)
        reader.close()
    except AssertionError as error:  # how the parser says that it does not know a `<![…`
        raise LayoutError([f"is no HTML: {error}"]) from None


class _Order(HTMLParser):
    """What follows what in a document: tags, texts, Liquid. A parser that repairs a table moves what is in between."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._style = tag in ("style", "script")
        if tag not in ("html", "head", "body", "tbody", "colgroup", "link"):
            self.found.append(tag)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._style = False

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._style and self.found[-1:] != ["text"]:
            self.found.append("text")

    def handle_comment(self, data: str) -> None:
        if data.startswith("liquidhole"):
            self.found.append(data)


def _unknown(text: str) -> list[str]:
    """Tags that look like MJML's and are none, and files that would be read."""
    names = dict.fromkeys(re.findall(r"<(mj-[\w-]+|mjml)\b", text))
    faults = [f"there is no tag `{name}` in MJML" for name in names if name not in _TAGS and name != "mj-include"]
    return faults + ["`mj-include` reads files, which a template cannot"] * ("mj-include" in names)


def _escaped(text: str) -> str:
    """The layout with what people write by mistake in XML, and mail programs take: a bare `&`."""
    return re.sub(r"&(?!#?\w+;)", "&amp;", text)


def _malformed(text: str) -> list[str]:
    """Where a layout is no XML; its own reader is silent about some of that, and knows no lines."""
    bare = _FREE.sub(lambda match: f"<{match[1]}{match[2]}/>" + "\n" * match[0].count("\n"), _escaped(text))
    try:
        xml.parsers.expat.ParserCreate().Parse(re.sub(r"&\w+;", "", bare), True)
    except xml.parsers.expat.ExpatError as error:
        return [f"is no MJML: line {error.lineno}: {xml.parsers.expat.errors.messages[error.code]}"]
    return []


# --- plain text ---------------------------------------------------------------------------------------------------

_BLOCKS = frozenset(
    "p div tr table ul ol li h1 h2 h3 h4 h5 h6 blockquote pre section article header footer br hr".split()
)
_SILENT = frozenset(("head", "style", "script", "title"))
_HIDDEN = re.compile(r"display:\s*none|mso-hide:\s*all", re.IGNORECASE)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


def plain_text(source: str) -> str:
    """The text of an e-mail's HTML, with its Liquid: links with their addresses, lists with dashes.

    Raises:
        LayoutError: it is no HTML.

    >>> print(plain_text("<h1>Hi {{ name }}</h1><p>See <a href='https://x.example'>this</a>.</p>"))
    Hi {{ name }}
    <BLANKLINE>
    See this (https://x.example).
    """
    document = holed(source)
    reader = _Text()
    _feed(reader, document.text)
    text = "".join(reader.pieces)
    text = re.sub(r"[ \t\xa0\u200b\u200c\ufeff]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    return document.filled(re.sub(r"\n{3,}", "\n\n", text).strip())


class _Text(HTMLParser):
    """Collects what a reader sees. Liquid stays, as the word or the comment that holds its place."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent: list[str] = []
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if self._silent:
            if tag not in _VOID:
                self._silent.append(tag)
            return
        if tag in _SILENT or _HIDDEN.search(given.get("style") or ""):
            if tag not in _VOID:
                self._silent.append(tag)
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self.pieces)))
        elif tag == "img":
            self.pieces.append(given.get("alt") or "")
        elif tag == "li":
            self.pieces.append("\n- ")
        elif tag == "hr":
            self.pieces.append("\n---\n")
        elif tag in _BLOCKS:
            self.pieces.append("\n" if tag in ("br", "tr", "div", "table") else "\n\n")
        elif tag == "td":
            self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag in self._silent:
                while self._silent.pop() != tag:
                    pass
            return
        if tag == "a" and self._links:
            href, begin = self._links.pop()
            shown = "".join(self.pieces[begin:]).strip()
            if href and not href.startswith("#") and href.removeprefix("mailto:").removeprefix("tel:") != shown:
                self.pieces.append(f" ({href})" if shown else href)
        elif tag in _BLOCKS and tag not in ("br", "hr", "li", "tr"):
            self.pieces.append("\n" if tag in ("div", "table", "ul", "ol") else "\n\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(re.sub(r"\s+", " ", data))

    def handle_comment(self, data: str) -> None:
        # Liquid inside what is not shown goes as well, but for tags: an `if` around a hidden part stays whole.
        if data.startswith("liquidhole") and not self._silent:
            self.pieces.append(f"<!--{data}-->")


def with_preheader(source: str, text: str) -> str:
    """HTML with a line that only the inbox shows, at the beginning of its body; the line is plain text."""
    line = outside(text, lambda each: html.escape(each, quote=False))
    hidden = (
        '<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px">'
        f"{line}</div>"
    )
    body = re.search(r"<body\b[^>]*>", source, re.IGNORECASE)
    at = body.end() if body else 0
    return source[:at] + hidden + source[at:]
