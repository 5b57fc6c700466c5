"""Names as they are written: events, traits, properties, segments, scores; and where each of them stood.

Step of the path: segment, language half; a part of the parser. Reads tokens from a cursor; notes every name with its
place, so that the checker can warn about names that were never seen. It looks nothing up itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ethogram.model.segment import Entity
from ethogram.segment.cursor import Cursor
from ethogram.segment.syntax import FUNCTIONS, KEYWORDS, Kind, Token, quoted_name, quoted_text

NameKind: TypeAlias = Literal["event", "trait", "property", "segment", "score"]


@dataclass(frozen=True, slots=True)
class NameUse:
    """A name in a text and where it stands; `event` is the event of a property (None for `any`)."""

    kind: NameKind
    name: str
    event: str | None
    line: int
    column: int
    of: Entity = Entity.PROFILE  # of a trait: whose it is
    compared: bool = False  # of a trait or property: it stands where a text in quotes may have been meant


class NameParser:
    """The part of the parser that reads names."""

    def __init__(self, text: str) -> None:
        self.cursor = Cursor(text)
        self.names: list[NameUse] = []

    def note(
        self,
        kind: NameKind,
        name: str,
        token: Token,
        *,
        event: str | None = None,
        of: Entity = Entity.PROFILE,
        compared: bool = False,
    ) -> None:
        """Keeps a name with the place of its token."""
        line, column = self.cursor.source.place(token.start)
        self.names.append(NameUse(kind, name, event, line, column, of, compared))

    def at_call(self) -> bool:
        """Whether a function, known or not, with its opening bracket comes next."""
        token, following = self.cursor.token, self.cursor.ahead()
        bracket = following.kind is Kind.SYMBOL and following.text == "("
        return bracket and token.kind is Kind.WORD and token.text not in KEYWORDS

    def at_account(self) -> bool:
        """Whether `account.` comes next."""
        following = self.cursor.ahead()
        return self.cursor.at_word("account") and following.kind is Kind.SYMBOL and following.text == "."

    def path(self) -> str:
        """A dotted name; behind a dot any word is a name."""
        cursor = self.cursor
        start = cursor.token
        parts: list[str] = []
        while True:
            if cursor.token.kind not in (Kind.WORD, Kind.NAME):
                raise cursor.expected("a name")
            parts.append(cursor.advance().text)
            if not cursor.take_symbol("."):
                break
        path = ".".join(parts)
        if not path:
            raise cursor.error("a name cannot be empty", start)
        return path

    def event_name(self) -> str | None:
        """The name of an event; None for `any`."""
        cursor = self.cursor
        token = cursor.token
        if cursor.take_word("any"):
            return None
        if self.at_call():
            hint = "To test or compare it, write it outside." if token.text in FUNCTIONS else None
            raise cursor.error(f"expected the name of an event, found `{token.text}(`", hint=hint)
        if token.kind is Kind.NAME or (token.kind is Kind.WORD and token.text not in KEYWORDS):
            if not token.text:
                raise cursor.error("a name cannot be empty")
            cursor.advance()
            self._refuse_hyphen(token)
            self.note("event", token.text, token)
            return token.text
        hint = None
        if token.kind is Kind.TEXT:
            hint = f"Names stand in double quotes or none: {quoted_name(token.text)}."
        elif token.kind is Kind.WORD:
            hint = f"For an event of that name write it in double quotes: {quoted_name(token.text)}."
        raise cursor.expected("the name of an event, or `any`", hint=hint)

    def _refuse_hyphen(self, word: Token) -> None:
        """`add-to-cart` is a name that lacks its quotes."""
        cursor = self.cursor
        if not cursor.at_symbol("-") or cursor.token.start != word.end:
            return
        index, end = 0, word.end
        while cursor.ahead(index).start == end and (
            cursor.ahead(index).kind in (Kind.WORD, Kind.NUMBER) or cursor.ahead(index).text == "-"
        ):
            end = cursor.ahead(index).end
            index += 1
        name = quoted_name(cursor.source.text[word.start : end])
        raise cursor.error("a plain name has no hyphen", hint=f"Put the name in double quotes: {name}.")

    def segment_name(self, function: str) -> str:
        """The name of a segment, a text, as an argument of `function`."""
        token = self.cursor.token
        if token.kind is not Kind.TEXT or not token.text:
            hint = f"Write {function}({quoted_text(token.text)})." if token.kind in (Kind.WORD, Kind.NAME) else None
            raise self.cursor.expected("the name of a segment in single quotes", hint=hint)
        self.cursor.advance()
        self.note("segment", token.text, token)
        return token.text

    def score_name(self) -> str:
        """The name of a score."""
        token = self.cursor.token
        if token.kind not in (Kind.WORD, Kind.NAME) or not token.text:
            raise self.cursor.expected("the name of a score, as in `score(churn)`")
        self.cursor.advance()
        self.note("score", token.text, token)
        return token.text
