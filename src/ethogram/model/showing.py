"""When and how a page shows a message: its rules, its looks and its buttons, as a template's document says them.

Frozen values that are read from a document; a template keeps the document's own form. The address that a page gives is
a stranger's text, so patterns have no more than `*` in them: matching takes time in proportion to its length.

    show:
      page: {matches: /products/*}
      event: cart_viewed
      after: 3 seconds
      scroll: 50
      again: until_dismissed
      for: 14 days
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ethogram.model.reading import Part, length_of, read

LONGEST: Final = dt.timedelta(days=365)  # that a message waits for its person
_USUAL: Final = dt.timedelta(days=30)
_PAGES = ("is", "contains", "matches")
_NEVER, _UNTIL_DISMISSED = "never", "until_dismissed"
_POSITIONS = ("top", "bottom", "left", "right")
_BUTTONS = ("primary", "secondary", "link")
_COLOUR = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
_TEXT = 500  # characters of a rule


@dataclass(frozen=True, slots=True)
class PageRule:
    """Which pages are meant.

    A text that begins with `/` is compared with what follows the host, any other with the whole address; the query and
    what follows `#` count only where the text has one.

    Attributes:
        how: `is`, `contains` or `matches`; `*` in what is matched is any text.
    """

    how: str
    text: str

    def fits(self, url: str) -> bool:
        """Whether a page's address is meant.

        >>> PageRule("is", "/cart").fits("https://shop.example/cart?from=mail#top")
        True
        >>> PageRule("matches", "/p/*/reviews").fits("https://shop.example/p/tea/reviews/2")
        False
        """
        address = url if self.how == "contains" else _as_asked(url, self.text)
        match self.how:
            case "is":
                return address == self.text
            case "contains":
                return self.text in address
            case _:
                return _matches(self.text, address)


@dataclass(frozen=True, slots=True)
class Show:
    """When a page shows a message.

    Attributes:
        pages: one of them must fit; none is every page.
        events: one of them must have been tracked on the page; none asks for no event.
        after: how long the page has to be looked at before.
        scroll: how much of the page has to be scrolled past before, in per cent.
        again: how long after a showing it may be shown again, until it is dismissed or clicked; None is never.
        lasts: how long it waits for its person.
    """

    pages: tuple[PageRule, ...] = ()
    events: tuple[str, ...] = ()
    after: dt.timedelta = dt.timedelta()
    scroll: int = 0
    again: dt.timedelta | None = None
    lasts: dt.timedelta = _USUAL

    @classmethod
    def from_body(cls, body: object) -> Show:
        """The rules that a document describes.

        Raises:
            DefinitionError: with all faults of the document.
        """
        return read("what says when a message is shown", body, show_of)

    def fits(self, url: str, events: Collection[str]) -> bool:
        """Whether a page is meant on which these events were tracked."""
        if self.events and not any(event in events for event in self.events):
            return False
        return not self.pages or any(rule.fits(url) for rule in self.pages)


def show_of(part: Part) -> Show:
    """The rules that a part of a document describes."""
    return Show(
        pages=tuple(_page(each) for each in part.parts("page", ())),
        events=part.texts("event", ()),
        after=part.length("after", dt.timedelta()),
        scroll=part.whole("scroll", 0, least=0, most=100),
        again=_again(part),
        lasts=_lasts(part),
    )


def check_style(part: Part) -> None:
    """Notes what is wrong with a message's looks: colours, and where it stands."""
    for name in ("background", "text", "accent"):
        found = part.text(name, None)
        if found is not None and not _COLOUR.fullmatch(found):
            part.wrong(name, "must be a colour such as `#0a6` or `#1f2937`")
    part.text("position", None, one_of=_POSITIONS)


def button_of(part: Part) -> dict[str, str]:
    """A button: its text, and where it leads, which event it tracks and how it looks, where that is said."""
    button = {"text": part.text("text")}
    told = {
        "url": part.text("url", None, longest=4_000),
        "event": part.text("event", None, longest=200),
        "style": part.text("style", None, one_of=_BUTTONS),
    }
    return {**button, **{name: value for name, value in told.items() if value is not None}}


def kept(part: Part, name: str) -> Mapping[str, Any] | None:
    """A mapping as the document has it; None where it has none."""
    return part.mapping(name) if name in part else part.value(name, None)


def _page(part: Part) -> PageRule:
    how = part.one(_PAGES)
    text = part.text(how, "", longest=_TEXT)
    if how != "contains" and text and not text.startswith(("/", "http://", "https://", "*")):
        part.wrong(how, f"must begin with `/` or `https://`, such as `/{text}`")
    return PageRule(how, text)


def _again(part: Part) -> dt.timedelta | None:
    said = part.text("again", _NEVER)
    if said in (_NEVER, _UNTIL_DISMISSED):
        return None if said == _NEVER else dt.timedelta()
    length = length_of(said)
    if not length:
        part.wrong("again", f"must be {_NEVER}, {_UNTIL_DISMISSED}, or a length such as `1 day`")
    return length


def _lasts(part: Part) -> dt.timedelta:
    lasts: dt.timedelta = part.length("for", _USUAL, least=dt.timedelta(minutes=1))
    if lasts > LONGEST:
        part.wrong("for", f"cannot be longer than {LONGEST.days} days")
    return lasts


def _as_asked(url: str, text: str) -> str:
    """As much of an address as a text speaks of."""
    address = url
    if text.startswith("/"):
        after = url.find("/", url.find("://") + 3) if "://" in url else 0
        address = url[after:] if after != -1 else "/"
    if "#" not in text:
        address = address.partition("#")[0]
    return address if "?" in text else address.partition("?")[0]


def _matches(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern says; each piece is taken where it comes first, so nothing is tried twice."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found == -1:
            return False
        at = found + len(piece)
    return True
