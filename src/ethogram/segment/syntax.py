"""The words and marks of the segment language: text to tokens, and how names and literals are quoted.

Step of the path: segment, language half. Reads a text; writes tokens that know their offset. It knows no grammar: what
may follow what is `parser.py`'s business, and `printer.py` uses the quoting rules kept here.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ethogram.errors import SegmentSyntaxError
from ethogram.model.segment import Function, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LENGTH = 1_000_000  # characters in a text: room for lists of some ten thousand values
FIRST_YEAR, LAST_YEAR = 1900, 2299  # what the warehouse can keep
LARGEST_WHOLE = 2**63 - 1

FUNCTIONS = frozenset(
    {str(function) for function in Function}
    | {"did", "sequence", "top", "bottom", "quintile", "score", "anniversary", "in_segment", "entered", "left"}
)
KEYWORDS = frozenset(
    ("and", "or", "not", "in", "between", "exists", "contains", "starts", "ends", "matches", "true", "false")
) | {"where", "before", "since", "within", "any", "for", "account"}
RESERVED = FUNCTIONS | KEYWORDS
UNITS = {str(unit): unit for unit in Unit} | {f"{unit}s": unit for unit in Unit}

_PLAIN = re.compile(r"\$?[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(
    r"""
      (?P<blank>[^\S\x1c-\x1f]+|\#[^\n]*)
    | (?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt][0-9:.]*(?:,[0-9]+)?(?:[Zz]|[+-][0-9:]*)?)?(?!\w))
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<word>\$?[^\W\d]\w*)
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<symbol>!~=|~=|!=|<=|>=|[-+*/=<>~(),.:%])
    """,
    re.VERBOSE,
)
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_SLIPS = {  # what people type from other languages, and what is meant
    "==": "equality is written `=`",
    "<>": "`not equal` is written `!=`",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "“": 'use straight double quotes for names: "…"',
    "”": 'use straight double quotes for names: "…"',
    "‘": "use straight single quotes for text: '…'",
    "’": "use straight single quotes for text: '…'",
    "`": "text stands in single quotes ('…'), names that are not plain words in double quotes (\"…\")",
}


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"  # a keyword, a function or a plain name
    NAME = "name"  # a double-quoted name
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"  # a date or an instant
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text; `text` is unquoted for names and texts, `value` is set for numbers and dates."""

    kind: Kind
    text: str
    start: int
    end: int
    value: int | float | dt.date | dt.datetime | None = None


class Source:
    """A text with its lines: turns offsets into places and problems into errors."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._line_starts = [0] + [match.end() for match in re.finditer("\n", text)]

    def place(self, offset: int) -> tuple[int, int]:
        """The line and column of an offset, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def error(self, problem: str, offset: int, hint: str | None = None) -> SegmentSyntaxError:
        """The error that shows `problem` at `offset`."""
        line, column = self.place(offset)
        return SegmentSyntaxError(problem, text=self.text, line=line, column=column, hint=hint)


def tokenize(source: Source) -> list[Token]:
    """The tokens of a text, closed by one of kind END that stands right behind the last one.

    Raises:
        SegmentSyntaxError: A character, number, date or quote cannot be read.
    """
    text = source.text
    if len(text) > MAX_LENGTH:
        raise source.error(
            f"the text has {len(text):,} characters; at most {MAX_LENGTH:,} can be read",
            0,
            "Keep long lists of people in a static segment and use in_segment('…').",
        )
    tokens: list[Token] = []
    offset = end = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None or text[offset : offset + 2] in _SLIPS:
            raise _unreadable(source, offset)
        if match.lastgroup != "blank":
            tokens.append(_token(source, match))
            end = match.end()
        offset = match.end()
    tokens.append(Token(Kind.END, "", end, end))
    return tokens


def _token(source: Source, match: re.Match[str]) -> Token:
    kind, raw, start, end = Kind(match.lastgroup or ""), match[0], match.start(), match.end()
    if kind is Kind.DATE:
        return Token(kind, raw, start, end, _moment(source, raw, start))
    if kind is Kind.NUMBER:
        if source.text[end : end + 1] == "_":
            raise source.error(f"`{raw}_…` is not a number", start, "Write digits without separators: 1000000.")
        return Token(kind, raw, start, end, _number(source, raw, start))
    if kind is Kind.TEXT or kind is Kind.NAME:
        quote = raw[0]
        return Token(kind, raw[1:-1].replace(quote * 2, quote), start, end)
    if kind is Kind.WORD and not _PLAIN.fullmatch(raw):
        raise source.error(f"`{raw}` is not a plain word", start, f"Put the name in double quotes: {quoted_name(raw)}.")
    return Token(kind, raw, start, end)


def _unreadable(source: Source, offset: int) -> SegmentSyntaxError:
    text = source.text
    character = text[offset]
    if character == "'":
        return source.error("the text that starts here is never closed", offset, "Close it with a single quote (').")
    if character == '"':
        return source.error("the name that starts here is never closed", offset, 'Close it with a double quote (").')
    for slip in (text[offset : offset + 2], character):
        if hint := _SLIPS.get(slip):
            return source.error(f"`{slip}` is not a mark of this language", offset, f"{hint[0].upper()}{hint[1:]}.")
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    return source.error(f"unexpected character `{shown}`", offset, "Names with such characters go in double quotes.")


def _number(source: Source, raw: str, start: int) -> int | float:
    if raw.isdigit():
        if len(raw.lstrip("0")) > len(str(LARGEST_WHOLE)) or int(raw) > LARGEST_WHOLE:
            raise source.error("this whole number is too large", start, "Use an exponent, as in 1e20.")
        return int(raw)
    return whole_if_whole(_finite(source, raw, start))


def _finite(source: Source, raw: str, start: int) -> float:
    value = float(raw)
    if not math.isfinite(value):
        raise source.error("this number is too large", start, "The largest is about 1.7e308.")
    return value


def whole_if_whole(value: float) -> int | float:
    """The int that a float equals, if there is one of 64 bits; otherwise the float."""
    return int(value) if value.is_integer() and abs(value) <= LARGEST_WHOLE else value


def _moment(source: Source, raw: str, start: int) -> dt.date | dt.datetime:
    try:
        moment = read_moment(raw)
    except ValueError as problem:
        raise source.error(
            str(problem), start, "Write a date as 2026-01-31, an instant as 2026-01-31T18:00:00Z or …+02:00."
        ) from None
    return moment


def read_moment(raw: str) -> dt.date | dt.datetime:
    """A date (`2026-01-31`) as a date, an instant (`2026-01-31T12:00:00Z`) as an aware datetime in UTC.

    Raises:
        ValueError: It is neither; the message says why.
    """
    instant = _INSTANT.fullmatch(raw)
    if instant is None and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw):
        raise ValueError(f"`{raw}` is not a date")
    if not FIRST_YEAR <= int(raw[:4]) <= LAST_YEAR:
        raise ValueError(f"the year of `{raw}` is not between {FIRST_YEAR} and {LAST_YEAR}")
    if instant is None:
        try:
            return dt.date.fromisoformat(raw)
        except ValueError:
            raise ValueError(f"there is no day `{raw}`") from None
    day, minutes, seconds, zone = instant.groups()
    if zone is None:
        raise ValueError(f"the instant `{raw}` has no time zone")
    whole, _, fraction = (seconds or ":00").partition(".")
    iso = f"{day}T{minutes}{whole}.{fraction:0<6}{zone.replace('Z', '+00:00')}"
    try:
        return dt.datetime.fromisoformat(iso).astimezone(dt.UTC)
    except ValueError:
        raise ValueError(f"there is no instant `{raw}`") from None


def quoted_text(text: str) -> str:
    """A text literal: in single quotes, those inside doubled."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """A name in double quotes, those inside doubled."""
    return '"' + name.replace('"', '""') + '"'


def name_text(name: str) -> str:
    """A name as it is written: a plain word as it is, anything else (and reserved words) in double quotes."""
    return name if _PLAIN.fullmatch(name) and name not in RESERVED else quoted_name(name)


def path_text(path: str, *, after_dot: bool = False) -> str:
    """A dotted name as it is written; behind a dot even reserved words need no quotes."""
    parts = path.split(".")
    first = [] if after_dot else [name_text(parts.pop(0))]
    return ".".join(first + [part if _PLAIN.fullmatch(part) else quoted_name(part) for part in parts])


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was most likely meant to be, or None if none is near."""
    by_fold: dict[str, str] = {}
    for name in known:
        by_fold.setdefault(name.casefold(), name)
    found = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.7)
    return by_fold[found[0]] if found else None
