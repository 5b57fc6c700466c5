"""A text while it is written: what is wrong with it, where, and the changes that mend it.

Step of the path: segment, language half. Reads a text and the names that are known; writes a `Review`. It raises for
no text at all: what cannot be read comes back as a problem with its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ethogram.errors import SegmentError, SegmentSyntaxError
from ethogram.model.drafts import Fix, Problem, Review
from ethogram.segment.checker import check
from ethogram.segment.english import to_english
from ethogram.segment.parser import parse_located
from ethogram.segment.printer import to_text
from ethogram.segment.rows import rows_of
from ethogram.segment.syntax import Kind, Source, tokenize
from ethogram.segment.tree import to_tree
from ethogram.segment.unknown_names import Known, warnings

if TYPE_CHECKING:
    from ethogram.model.results import Warned

_MEANT = re.compile(r"Did you mean `?('?[^`?]+'?)`?\?$")
_QUOTED = re.compile(
    r"(?:double quotes(?: or none)?|single quotes|in double quotes|the name in double quotes): (.+?)\.?$"
)
_SLIP = re.compile(r"^`([^`]+)` is not a mark of this language")
_EXPECTED = re.compile(r"^expected `(.)`")
_ERROR_MARK = 1  # characters that are marked where nothing is there to be marked


def review(text: str, known: Known) -> Review:
    """The text as it is understood, with every problem that is found."""
    source = Source(text)
    try:
        located = parse_located(text)
    except SegmentSyntaxError as error:
        return _unread(text, _of_syntax(source, error))
    except SegmentError as error:
        return _unread(text, _whole(source, error))
    problems = [_of_name(source, warned) for warned in warnings(located, known)]
    try:
        check(located.definition)
    except SegmentError as error:
        problems.insert(0, _whole(source, error))
    definition = located.definition
    return Review(
        text=text,
        written=to_text(definition),
        english=to_english(definition),
        entity=definition.entity.value,
        tree=to_tree(definition),
        rows=rows_of(definition),
        problems=tuple(problems),
    )


def _unread(text: str, problem: Problem) -> Review:
    return Review(text, "", "", "profile", None, None, (problem,))


def _of_syntax(source: Source, error: SegmentSyntaxError) -> Problem:
    start = _offset(source.text, error.line, error.column)
    end = _end_of_token(source, start)
    fixes: tuple[Fix, ...] = ()
    if (replacement := _replacement(error)) is not None:
        if error.problem.startswith("a plain name has no hyphen"):
            start, end = _hyphenated(source.text, start)
        elif slip := _SLIP.match(error.problem):
            end = start + len(slip[1])
        fixes = (Fix(f"Write {replacement}", start, end, replacement),)
    elif (expected := _EXPECTED.match(error.problem)) and expected[1] in "(),:%" and start >= len(source.text.rstrip()):
        fixes = (Fix(f"Add {expected[1]}", start, start, expected[1]),)
    elif error.problem == "this bracket closes nothing":
        fixes = (Fix("Remove the bracket", start, start + 1, ""),)
    return Problem(error.problem, error.hint, start, end, error.line, error.column, fixes=fixes)


def _replacement(error: SegmentSyntaxError) -> str | None:
    """What the hint says should stand in place of the token at fault."""
    hint = error.hint or ""
    if meant := _MEANT.search(hint):
        return meant[1]
    if quoted := _QUOTED.search(hint):
        return quoted[1]
    slip = re.match(r"(?:Equality is written|Write|`?Not equal`? is written) `([^`]+)`\.", hint)
    if slip and _SLIP.match(error.problem):
        return slip[1]
    segment = re.match(r"Write \w+\(('.*')\)\.$", hint)
    return segment[1] if segment else None


def _hyphenated(text: str, start: int) -> tuple[int, int]:
    """The whole of a name with hyphens; the problem points at its first hyphen or its start."""
    first = start
    while first > 0 and re.match(r"[\w-]", text[first - 1]):
        first -= 1
    found = re.compile(r"[\w-]+").match(text, first)
    return first, found.end() if found else start


def _whole(source: Source, error: SegmentError) -> Problem:
    """A problem of the meaning: the part that the message shows is marked, else the whole text."""
    text = source.text
    shown = re.match(r"`([^`]+)`", error.message)
    at = text.find(shown[1]) if shown else -1
    start, end = (at, at + len(shown[1])) if shown and at >= 0 else (0, len(text.rstrip()))
    line, column = source.place(start)
    return Problem(error.message, error.hint, start, max(end, start), line, column)


def _of_name(source: Source, warned: Warned) -> Problem:
    line, column = warned.line or 1, warned.column or 1
    start = _offset(source.text, line, column)
    end = _end_of_path(source, start)
    fixes = (Fix(f"Write {warned.suggestion}", start, end, warned.suggestion),) if warned.suggestion else ()
    return Problem(warned.message, None, start, end, line, column, warning=True, fixes=fixes)


def _offset(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    return min(sum(len(each) + 1 for each in lines[: line - 1]) + column - 1, len(text))


def _end_of_token(source: Source, start: int) -> int:
    try:
        found = next((token.end for token in tokenize(source) if token.start == start and token.end > start), None)
    except SegmentSyntaxError:
        found = None
    if found is not None:
        return found
    word = re.compile(r"\w+|\S").match(source.text, start)
    return word.end() if word else min(start + _ERROR_MARK, len(source.text))


def _end_of_path(source: Source, start: int) -> int:
    """Where a name that begins somewhere ends, its dotted parts included."""
    tokens = tokenize(source)  # the text could be parsed, so it can be cut into tokens
    at = next((index for index, token in enumerate(tokens) if token.start == start), None)
    if at is None:
        return start
    if tokens[at].kind is Kind.TEXT:
        return tokens[at].end
    while tokens[at + 1 : at + 2] and tokens[at + 1].text == "." and tokens[at + 1].kind is Kind.SYMBOL:
        at += 2
    return tokens[at].end
