"""What could stand at a place of a text that is still being written: names with their counts, values, words.

Step of the path: segment, language half. Reads a text up to the cursor and the names that are known; looks nothing up
itself: of the values of a property it says only that they are wanted (`Wanted.values_of`), and is handed them. The text
need not make sense; what cannot be read ends the search for where one is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ethogram.model.drafts import Completion, Offer, OfferKind
from ethogram.model.segment import Comparator, Function
from ethogram.segment.phrasebook import (
    AFTER_CONDITION,
    AFTER_OPERAND,
    AFTER_SELECTION,
    CALENDAR,
    EVENT_FUNCTIONS,
    LENGTHS,
    STARTERS,
    UNITS_OFFERED,
    WINDOWS,
)
from ethogram.segment.syntax import KEYWORDS, name_text, path_text, quoted_text
from ethogram.segment.unknown_names import Known

_MOST = 50
_PIECE = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)|(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*")|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<word>\$?[^\W\d]\w*)|(?P<symbol>!~=|~=|!=|<=|>=|.)""",
    re.VERBOSE | re.DOTALL,
)
_COMPARATORS = frozenset(str(each) for each in Comparator)
_TEXT_TESTS = frozenset({"contains", "with", "matches"})
_SEGMENT_FUNCTIONS = frozenset({"in_segment", "entered", "left"})
_PROPERTY_FUNCTIONS = frozenset(str(each) for each in Function)


@dataclass(frozen=True, slots=True)
class ValuesOf:
    """Whose values are wanted: a property of an event (None: of any), or a trait."""

    name: str
    event: str | None = None
    trait: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What fits at the cursor, before anything is looked up."""

    start: int
    end: int
    typed: str
    names: tuple[OfferKind, ...] = ()
    event: str | None = None
    any_event: bool = False
    words: tuple[tuple[str, str], ...] = ()  # to insert, and a note
    values_of: ValuesOf | None = None


@dataclass(slots=True)
class _Frame:
    """A bracket that is open."""

    function: str  # empty for a plain bracket or the whole text; "list" for values behind `in`
    event: str | None = None
    has_event: bool = False
    in_where: bool = False
    pieces: list[tuple[str, str]] = field(default_factory=list)  # kind and meaning of what stands in it so far


def wanted(text: str, cursor: int) -> Wanted:
    """What fits at a place of a text."""
    cursor = max(0, min(cursor, len(text)))
    pieces, start, typed = _cut(text[:cursor])
    rest = re.match(r"\w*", text[cursor:])
    end = cursor + (rest.end() if rest and typed[:1] not in ("'", '"') else 0)
    if typed[:1] in ("'", '"') and text[cursor : cursor + 1] == typed[0]:
        end = cursor + 1
    frames = [_Frame("")]
    for kind, piece in pieces:
        _step(frames, kind, piece)
    return _at(frames, start, end, typed)


def complete(
    text: str, cursor: int, known: Known, values: Iterable[tuple[str, int]] = (), *, at: Wanted | None = None
) -> Completion:
    """What could stand at the cursor, the likeliest first.

    Args:
        values: the values of `Wanted.values_of`, with how often each came.
        at: what `wanted` said, where that was asked already.
    """
    at = at or wanted(text, cursor)
    offers = [*_values(at, values), *_names(at, known), *_words(at)]
    sought = at.typed.lstrip("'\"").casefold()
    fitting = [(rank, index, offer) for index, offer in enumerate(offers) if (rank := _rank(offer, sought)) is not None]
    fitting.sort(key=lambda each: (each[0], each[1]))
    return Completion(at.start, at.end, tuple(offer for _, _, offer in fitting[:_MOST]))


def _rank(offer: Offer, sought: str) -> int | None:
    label = offer.label.casefold().lstrip("'")
    if not sought or label.startswith(sought):
        return 0
    if any(part.startswith(sought) for part in re.split(r"[\W_]+", label)):
        return 1
    return 2 if sought in label else None


# --- where the cursor is --------------------------------------------------------------------------------------------


def _cut(before: str) -> tuple[list[tuple[str, str]], int, str]:
    """The pieces before what is being typed; where that begins; and what of it is there."""
    pieces: list[tuple[str, str, int]] = []
    offset = 0
    while offset < len(before):
        found = _PIECE.match(before, offset)
        assert found is not None  # the last alternative takes any character
        piece, kind = found[0], found.lastgroup or ""
        if kind == "symbol" and piece in ("'", '"'):  # opened and not closed yet: that is what is being typed
            return [(each[0], each[1]) for each in pieces], offset, before[offset:]
        if kind != "blank":
            pieces.append((kind, piece, offset))
        elif piece.startswith("#") and found.end() == len(before):
            return [], len(before), "#"
        offset = found.end()
    if pieces and pieces[-1][0] == "word" and not before[-1:].isspace():
        kind, piece, offset = pieces.pop()
        return [(each[0], each[1]) for each in pieces], offset, piece
    return [(each[0], each[1]) for each in pieces], len(before), ""


def _step(frames: list[_Frame], kind: str, piece: str) -> None:
    frame = frames[-1]
    if kind == "symbol" and piece == "(":
        last = frame.pieces[-1] if frame.pieces else ("", "")
        if last[0] == "word" and last[1] == "in":
            frames.append(_Frame("list", frame.event, frame.has_event, frame.in_where))
        elif last[0] == "word" and last[1] not in KEYWORDS:
            frames.append(_Frame(last[1]))
        else:
            frames.append(_Frame("", frame.event, frame.has_event, frame.in_where))
        return
    if kind == "symbol" and piece == ")":
        if len(frames) > 1:
            closed = frames.pop()
            frames[-1].pieces.append(("closed", closed.function))
        return
    if frame.function in EVENT_FUNCTIONS and not frame.in_where:
        _step_selection(frame, kind, piece)
    elif frame.function == "sequence" and frame.in_where and kind == "symbol" and piece == ",":
        frame.in_where, frame.has_event, frame.event = False, False, None
    frame.pieces.append((kind, piece))


def _step_selection(frame: _Frame, kind: str, piece: str) -> None:
    if kind == "symbol" and piece == ",":
        frame.has_event, frame.event = False, None
    elif kind == "word" and piece == "where":
        frame.in_where = True
    elif not frame.has_event and (kind == "name" or (kind == "word" and piece != "not")):
        frame.has_event = True
        frame.event = None if (kind, piece) == ("word", "any") else _meaning(kind, piece)


def _meaning(kind: str, piece: str) -> str:
    return piece[1:-1].replace(piece[0] * 2, piece[0]) if kind in ("name", "text") else piece


def _at(frames: list[_Frame], start: int, end: int, typed: str) -> Wanted:
    frame = frames[-1]
    kind, last = frame.pieces[-1] if frame.pieces else ("", "")

    def want(*names: OfferKind, words: tuple[tuple[str, str], ...] = (), of: ValuesOf | None = None) -> Wanted:
        every = frame.has_event and frame.event is None
        return Wanted(start, end, typed, names, frame.event, every, words, of)

    if typed.startswith("#"):
        return want()
    if frame.function in _SEGMENT_FUNCTIONS:
        return want(OfferKind.SEGMENT) if not frame.pieces else want(words=WINDOWS)
    if frame.function == "score":
        return want(OfferKind.SCORE)
    if frame.function == "list":
        return want(of=_subject(frames[-2], behind=2)) if not frame.pieces or last == "," else want()
    if frame.function in EVENT_FUNCTIONS and not frame.in_where:
        return _in_selection(frame, kind, last, want)
    names = (OfferKind.PROPERTY,) if frame.in_where else (OfferKind.TRAIT,)
    if kind == "symbol" and last in _COMPARATORS:
        subject = _subject(frame, behind=1)
        return want(of=subject) if subject is not None else want(*names, words=() if frame.in_where else STARTERS)
    if kind == "word" and last in _TEXT_TESTS:
        return want(of=_subject(frame, behind=1))
    begins = kind == "word" and last in ("and", "or", "not", "where")
    if not frame.pieces or begins or (kind == "symbol" and last in ",+-*/:"):
        words = (("not ", "the opposite"),) if frame.in_where else STARTERS
        return want(*names, words=words)
    if kind == "symbol" and last == ".":
        return want(*names)
    if (window := _in_window(frame)) is not None:
        return want(words=window)
    if _ends_operand(frame):
        return want(words=AFTER_OPERAND)
    return want(words=(*AFTER_CONDITION, *(AFTER_SELECTION if frame.in_where else ())))


def _in_selection(frame: _Frame, kind: str, last: str, want: object) -> Wanted:
    assert callable(want)
    found: Wanted
    if not frame.has_event:
        found = want(OfferKind.EVENT, words=(("any", "every event"),))
    elif kind == "symbol" and last == ".":
        found = want(OfferKind.PROPERTY)
    elif (window := _in_window(frame)) is not None:
        found = want(words=window)
    else:
        found = want(words=AFTER_SELECTION)
    return found


def _in_window(frame: _Frame) -> tuple[tuple[str, str], ...] | None:
    """What goes on where a window has begun."""
    words = [piece for _, piece in frame.pieces[-3:]]
    kinds = [kind for kind, _ in frame.pieces[-3:]]
    if not words:
        return None
    if words[-1] == "in":
        return tuple((word.removeprefix("in "), note) for word, note in WINDOWS if word.startswith("in "))
    if words[-1] in ("last", "next") and words[-2:-1] == ["in"]:
        return LENGTHS
    if words[-1] in ("this", "previous") and words[-2:-1] == ["in"]:
        return CALENDAR
    if kinds[-1] == "number" and words[-2:-1] and words[-2] in ("last", "next", "in", "before", "first", "within"):
        return UNITS_OFFERED
    return None


def _ends_operand(frame: _Frame) -> bool:
    """Whether a name or a closed measure stands there, and nothing says yet what it is compared with."""
    kind, piece = frame.pieces[-1]
    if kind == "closed":
        return piece in _PROPERTY_FUNCTIONS or piece in ("quintile", "score", "anniversary")
    before = frame.pieces[-2] if len(frame.pieces) > 1 else ("", "")
    begins = before == ("", "") or before[1] in ("and", "or", "not", ".", ":")
    return begins and (kind == "name" or (kind == "word" and piece not in KEYWORDS))


def _subject(frame: _Frame, *, behind: int) -> ValuesOf | None:
    """What stands left of a comparison: a property inside `where`, a trait outside."""
    pieces = frame.pieces[:-behind] if behind == 1 else frame.pieces[:-1]
    while pieces and pieces[-1][1] in ("not", "~", "starts", "ends", "contains"):
        pieces = pieces[:-1]
    parts: list[str] = []
    for kind, piece in reversed(pieces):
        if kind in ("word", "name"):
            parts.append(_meaning(kind, piece))
        elif not (kind == "symbol" and piece == "."):
            break
        if parts and not _dotted(pieces, len(parts)):
            break
    if not parts or (parts[-1] in KEYWORDS and parts[-1:] != ["account"]):
        return None
    name = ".".join(reversed(parts))
    return ValuesOf(name, frame.event) if frame.in_where else ValuesOf(name, trait=True)


def _dotted(pieces: list[tuple[str, str]], parts: int) -> bool:
    """Whether a dot stands before the last so many parts of a path."""
    at = len(pieces) - 2 * parts
    return at >= 0 and pieces[at] == ("symbol", ".")


# --- what is offered ------------------------------------------------------------------------------------------------


def _names(at: Wanted, known: Known) -> Iterable[Offer]:
    for kind in at.names:
        match kind:
            case OfferKind.EVENT:
                yield from (_named(kind, name, name_text(name), count) for name, count in _ordered(known.events))
            case OfferKind.PROPERTY:
                yield from (_named(kind, name, path_text(name), None) for name in _properties(at, known))
            case OfferKind.TRAIT:
                plain = ((n, c) for n, c in _ordered(known.traits) if not n.startswith("$score."))
                yield from (_named(kind, name, path_text(name), count) for name, count in plain)
                for name, count in _ordered(known.account_traits or {}):
                    written = f"account.{path_text(name, after_dot=True)}"
                    yield _named(kind, f"account.{name}", written, count)
            case OfferKind.SEGMENT:
                yield from (_named(kind, name, quoted_text(name), None) for name in sorted(known.segments))
            case OfferKind.SCORE:
                scores = (n.removeprefix("$score.") for n in sorted(known.traits) if n.startswith("$score."))
                yield from (_named(kind, name, name_text(name), None) for name in scores)
            case OfferKind.VALUE | OfferKind.FUNCTION | OfferKind.WORD:
                pass  # no names


def _properties(at: Wanted, known: Known) -> list[str]:
    if at.event is not None:
        return sorted(known.properties.get(at.event, ()))
    counts: dict[str, int] = {}
    for names in known.properties.values():
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _named(kind: OfferKind, label: str, insert: str, count: int | None) -> Offer:
    return Offer(kind, label, insert, len(insert), count=count)


def _values(at: Wanted, values: Iterable[tuple[str, int]]) -> Iterable[Offer]:
    for value, count in values if at.values_of is not None else ():
        yield Offer(OfferKind.VALUE, value, value, len(value), count=count)


def _words(at: Wanted) -> Iterable[Offer]:
    for insert, note in at.words:
        # A bar says where the cursor goes.
        caret = insert.index("|") if "|" in insert else len(insert)
        written = insert.replace("|", "")
        kind = OfferKind.FUNCTION if "(" in written else OfferKind.WORD
        yield Offer(kind, written.strip(), written, caret, note)
