"""Keeps Liquid out of the sight of what reads MJML and HTML, and puts it back where it was.

Step of the path: deliver. Pure. A parser of HTML moves a `{% for %}` that stands between two rows of a table to before
the table, and one of XML stumbles over `{% if a < b %}`. So Liquid is taken out before: between tags a comment holds
its place, inside an attribute or a style a word does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_LIQUID = re.compile(r"\{%-?\s*(raw|comment)\s*-?%\}.*?\{%-?\s*end\1\s*-?%\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
# Where a place in a document is: a comment, a style or script with its content, a tag, or the text between.
_PIECES = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<(style|script|mj-style|mj-title|mj-preview|title|textarea)\b[^>]*>.*?</\1\s*>"
    r"|<[A-Za-z/!?](?:[^>\"']|\"[^\"]*\"|'[^']*')*>",
    re.DOTALL | re.IGNORECASE,
)
_WORD = "liquidhole"
_FILLED = re.compile(rf"<!--{_WORD}(\d+)-->|{_WORD}(\d+)x")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&#39;": "'", "&amp;": "&"}


@dataclass(frozen=True, slots=True)
class Holed:
    """A document without its Liquid.

    Attributes:
        liquid: what was taken out, in order.
        faults: where Liquid stands where it cannot.
    """

    text: str
    liquid: tuple[str, ...]
    faults: tuple[str, ...] = ()

    def filled(self, document: str) -> str:
        """A document made from this one, with the Liquid back in its places."""
        return _FILLED.sub(lambda match: self.liquid[int(match[1] or match[2])], document)

    def lost(self, document: str) -> Sequence[str]:
        """What was taken out and has no place in a document made from this one."""
        kept = {int(match[1] or match[2]) for match in _FILLED.finditer(document)}
        return [liquid for number, liquid in enumerate(self.liquid) if number not in kept]


def holed(source: str, *, unescape: bool = False) -> Holed:
    """A document without its Liquid.

    Args:
        unescape: Liquid may be written with XML's entities: `{% if a &lt; b %}`.

    >>> made = holed("<p title='{{ a }}'>{% if b < c %}x{% endif %}</p>")
    >>> made.text
    "<p title='liquidhole0x'><!--liquidhole1-->x<!--liquidhole2--></p>"
    >>> made.filled(made.text)
    "<p title='{{ a }}'>{% if b < c %}x{% endif %}</p>"
    """
    liquid: list[str] = []
    if _WORD in source:
        return Holed(source, (), (f"the word `{_WORD}` cannot be used",))

    def take(match: re.Match[str]) -> str:
        liquid.append(_plain(match[0]) if unescape else match[0])
        return f"{_WORD}{len(liquid) - 1}x"

    text = _LIQUID.sub(take, source)
    faults: list[str] = []
    pieces: list[str] = []
    end = 0
    for match in _PIECES.finditer(text):
        pieces.append(_commented(text[end : match.start()]))
        if match[1] is None and not match[0].startswith("<!"):
            faults += _misplaced(match[0], liquid)
        pieces.append(match[0])
        end = match.end()
    pieces.append(_commented(text[end:]))
    return Holed("".join(pieces), tuple(liquid), tuple(faults))


def outside(source: str, change: Callable[[str], str]) -> str:
    """A text in which everything but its Liquid is changed.

    >>> outside("a {{ a }} a", str.upper)
    'A {{ a }} A'
    """
    pieces, end = [], 0
    for match in _LIQUID.finditer(source):
        pieces += [change(source[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*pieces, change(source[end:])])


def _commented(text: str) -> str:
    return re.sub(rf"{_WORD}(\d+)x", rf"<!--{_WORD}\1-->", text)


def _misplaced(tag: str, liquid: Sequence[str]) -> list[str]:
    """Liquid between the attributes of a tag, which a parser would give another order."""
    between = re.sub(r"\"[^\"]*\"|'[^']*'", "", tag)
    between = re.sub(r"=\s*[^\s\"'>]*", "=", between)
    return [
        f"`{liquid[int(number)]}` stands between attributes; put it into the value of one"
        for number in re.findall(rf"{_WORD}(\d+)x", between)
    ]


def _plain(liquid: str) -> str:
    return re.sub(r"&(?:lt|gt|quot|apos|amp|#39);", lambda match: _ENTITIES[match[0]], liquid)
