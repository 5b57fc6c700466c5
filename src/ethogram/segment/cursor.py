"""The place in a text where the parser stands, and the errors it raises from there.

Step of the path: segment, language half. Reads tokens; hands them out one by one. It knows no grammar, only how to
look ahead, how to say what was expected, and how deep the brackets are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethogram.segment.syntax import Kind, Source, Token, nearest, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ethogram.errors import SegmentSyntaxError

MAX_DEPTH = 100  # brackets and functions inside each other; far beyond what people write


class Cursor:
    """A list of tokens and the place reached in it."""

    def __init__(self, text: str) -> None:
        self.source = Source(text)
        self._tokens = tokenize(self.source)
        self._index = 0
        self._depth = 0

    # --- looking and moving ---

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._index]

    def ahead(self, count: int = 1) -> Token:
        """The token `count` places behind the next one."""
        return self._tokens[min(self._index + count, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Takes the next token, whatever it is."""
        token = self.token
        if token.kind is not Kind.END:
            self._index += 1
        return token

    def at_symbol(self, *symbols: str) -> bool:
        """Whether the next token is one of these marks."""
        return self.token.kind is Kind.SYMBOL and self.token.text in symbols

    def at_word(self, *words: str) -> bool:
        """Whether the next token is one of these words (never a quoted name)."""
        return self.token.kind is Kind.WORD and self.token.text in words

    def take_symbol(self, symbol: str) -> bool:
        """Takes the mark if it comes next, and says whether it did."""
        found = self.at_symbol(symbol)
        if found:
            self._index += 1
        return found

    def take_word(self, word: str) -> bool:
        """Takes the word if it comes next, and says whether it did."""
        found = self.at_word(word)
        if found:
            self._index += 1
        return found

    def expect_symbol(self, symbol: str, *, after: str = "", hint: str | None = None) -> Token:
        """Takes the mark or raises that it was expected."""
        if not self.at_symbol(symbol):
            raise self.expected(f"`{symbol}`{after}", hint=hint)
        return self.advance()

    def expect_word(self, *words: str) -> Token:
        """Takes one of the words or raises that it was expected, with the nearest of them."""
        if not self.at_word(*words):
            raise self.expected(one_of(f"`{word}`" for word in words), words=words)
        return self.advance()

    # --- brackets ---

    def enter(self) -> None:
        """Goes one bracket deeper.

        Raises:
            SegmentSyntaxError: That is deeper than `MAX_DEPTH`.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(
                f"brackets are nested more than {MAX_DEPTH} deep",
                hint="Save an inner part as a segment and use in_segment('…').",
            )

    def leave(self) -> None:
        """Comes back out of a bracket."""
        self._depth -= 1

    # --- problems ---

    def error(self, problem: str, token: Token | None = None, *, hint: str | None = None) -> SegmentSyntaxError:
        """The error that shows `problem` at a token (by default the next one)."""
        return self.source.error(problem, (token or self.token).start, hint)

    def expected(self, what: str, *, words: Iterable[str] = (), hint: str | None = None) -> SegmentSyntaxError:
        """The error that something else than the next token was expected; `words` are searched for a near one."""
        if hint is None and self.token.kind is Kind.WORD and (near := nearest(self.token.text, words)):
            hint = f"Did you mean `{near}`?"
        return self.error(f"expected {what}, found {found(self.token)}", hint=hint)


def found(token: Token) -> str:
    """A token as messages show it."""
    match token.kind:
        case Kind.END:
            return "the end of the text"
        case Kind.TEXT:
            return f"the text '{_clipped(token.text)}'"
        case Kind.NAME:
            return f'the name "{_clipped(token.text)}"'
        case _:
            return f"`{_clipped(token.text)}`"


def one_of(choices: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *rest, last = choices
    return f"{', '.join(rest)} or {last}" if rest else last


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
