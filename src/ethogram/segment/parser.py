"""Text to definition: `parse("count(purchase in last 30 days) >= 3")`.

Step of the path: segment, language half. Reads a text; writes the nodes of `model/segment.py` and, on request, where
each name stood. A recursive descent, one method per phrase; windows are read by `window_parser.py`. What is readable
but meaningless is `checker.py`'s business; what a name stands for is not looked up here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeGuard

from ethogram.errors import SegmentSyntaxError
from ethogram.model import segment as model
from ethogram.model.segment import Condition, Definition, Entity, Function, Number, Operand, Selection, Step
from ethogram.segment import window_parser
from ethogram.segment.cursor import MAX_DEPTH, Cursor, found
from ethogram.segment.syntax import (
    FUNCTIONS,
    KEYWORDS,
    RESERVED,
    UNITS,
    Kind,
    Token,
    nearest,
    quoted_name,
    quoted_text,
)

Node: TypeAlias = "Condition | Operand | model.Anniversary"

CONDITIONS = (
    model.And,
    model.Or,
    model.Not,
    model.Did,
    model.Compare,
    model.In,
    model.Between,
    model.Exists,
    model.TextMatch,
    model.During,
    model.Near,
    model.Sequence,
    model.Top,
    model.InSegment,
    model.Crossed,
)
LITERALS = (Number, model.Text, model.Boolean)

_COMPARATORS = {str(comparator): comparator for comparator in model.Comparator}
_SUMS = {"+": model.Operator.ADD, "-": model.Operator.SUBTRACT}
_PRODUCTS = {"*": model.Operator.MULTIPLY, "/": model.Operator.DIVIDE}
_TESTS = ("contains", "starts", "ends", "matches")
_AFTER_OPERAND = (
    "in",
    "between",
    "exists",
    "contains",
    "starts",
    "ends",
    "matches",
    "before",
    "since",
    "within",
    "not",
)
_OF_ACCOUNT = frozenset({str(function) for function in Function} | {"did", "sequence"})


@dataclass(frozen=True, slots=True)
class NameUse:
    """A name in a text and where it stands; `event` is the event of a property (None for `any`)."""

    kind: Literal["event", "trait", "property", "segment", "score"]
    name: str
    event: str | None
    line: int
    column: int
    of: Entity = Entity.PROFILE  # of a trait: whose it is


@dataclass(frozen=True, slots=True)
class Located:
    """A definition and where its names stand in the text."""

    definition: Definition
    names: tuple[NameUse, ...] = field(default=())


def parse(text: str) -> Definition:
    """The definition that a text says.

    Raises:
        SegmentSyntaxError: The text cannot be read; the error has the line, the column and what was expected.

    >>> parse("did(purchase)").condition
    Did(selection=Selection(event='purchase', where=None, window=None), of=<Entity.PROFILE: 'profile'>)
    """
    return parse_located(text).definition


def parse_located(text: str) -> Located:
    """The definition that a text says, and where its names stand.

    Raises:
        SegmentSyntaxError: As for `parse`.
    """
    return _Parser(text).located()


class _Parser:
    def __init__(self, text: str) -> None:
        self.cursor = Cursor(text)
        self.names: list[NameUse] = []
        self.in_where = False
        self.event: str | None = None  # the event that `where` is about
        self.in_anchor = False
        self.calls: dict[str, Callable[[Token, Entity], Node]] = {
            **{str(function): self._measure for function in Function},
            "did": self._did,
            "sequence": self._sequence,
            "top": self._top,
            "bottom": self._top,
            "quintile": self._quintile,
            "score": self._score,
            "anniversary": self._anniversary,
            "in_segment": self._in_segment,
            "entered": self._crossed,
            "left": self._crossed,
        }

    def located(self) -> Located:
        cursor = self.cursor
        if cursor.token.kind is Kind.END:
            raise cursor.error("the text is empty", hint="Write a condition such as count(purchase) >= 3.")
        entity = Entity.PROFILE
        if cursor.take_word("for"):
            entity = Entity(cursor.expect_word("account", "profile").text)
            cursor.expect_symbol(":", after=f" after `for {entity}`")
        condition = self._condition()
        if cursor.token.kind is not Kind.END:
            raise self._left_over()
        return Located(Definition(condition, entity), tuple(self.names))

    # --- conditions ---

    def _condition(self) -> Condition:
        item = self._junction(bare=False)
        assert _is_condition(item)
        return item

    def _junction(self, *, bare: bool) -> Node:
        """`a and b or c`. With `bare`, an operand alone will do (a bracket may hold either)."""
        first = self._negation(bare)
        if not _is_condition(first):
            return first
        groups: list[list[Condition]] = [[first]]
        while True:
            if self.cursor.take_word("and"):
                groups[-1].append(self._required())
            elif self.cursor.take_word("or"):
                groups.append([self._required()])
            else:
                break
        options = [_joined(model.And, group) for group in groups]
        return _joined(model.Or, options)

    def _required(self) -> Condition:
        item = self._negation(bare=False)
        assert _is_condition(item)
        return item

    def _negation(self, bare: bool) -> Node:
        depth = 0
        while self.cursor.take_word("not"):
            self.cursor.enter()
            depth += 1
        item = self._operand()
        if not _is_condition(item):
            item = self._test(item, bare and not depth)
        for _ in range(depth):
            assert _is_condition(item)
            item = model.Not(item)
            self.cursor.leave()
        return item

    def _test(self, left: Operand | model.Anniversary, bare: bool) -> Node:
        """The test that follows an operand; with `bare`, there may be none before a closing bracket."""
        cursor = self.cursor
        start = cursor.token
        if window_parser.at_window(cursor) and not self._at_number_range():
            return model.During(left, window_parser.instant_window(cursor))
        if bare and cursor.at_symbol(")"):
            return left
        if isinstance(left, model.Anniversary):
            raise cursor.expected("a window after `anniversary(…)`, as in `anniversary(birthday) in next 7 days`")
        if start.kind is Kind.SYMBOL and start.text in _COMPARATORS:
            return self._compare(left)
        if cursor.take_word("exists"):
            return model.Exists(left)
        if cursor.take_word("between"):
            low = self._value("`between`")
            cursor.expect_word("and")
            return model.Between(left, low, self._value("`and`"))
        if cursor.take_word("within"):
            return self._near(left)
        negated = cursor.take_word("not")
        caseless = cursor.take_symbol("~")
        if cursor.at_word("in"):
            return self._in(left, negated, caseless)
        if not negated and cursor.at_word(*_TESTS):
            return self._text_match(left, caseless)
        if negated or caseless:
            words = ("in",) if negated else ("in", "contains", "starts with", "ends with", "matches")
            raise cursor.expected(" or ".join(f"`{word}`" for word in words), words=words)
        raise self._no_test(left)

    def _at_number_range(self) -> bool:
        """Whether `between` stands before numbers, not dates."""
        return self.cursor.at_word("between") and self.cursor.ahead().kind is not Kind.DATE

    def _compare(self, left: Operand) -> Condition:
        mark = self.cursor.advance()
        right = self._value(f"`{mark.text}`")
        if isinstance(left, (*LITERALS, model.Duration)) and isinstance(right, (*LITERALS, model.Duration)):
            raise self.cursor.error("two fixed values are compared", mark, hint="Compare a measure, trait or property.")
        return model.Compare(left, _COMPARATORS[mark.text], right)

    def _value(self, after: str) -> Operand:
        """An operand behind a mark or a word."""
        start = self.cursor.token
        if start.kind is Kind.DATE:
            raise self.cursor.error(
                f"a date cannot stand after {after}",
                hint="Test dates with windows: since 2026-01-01, before 2026-01-01, between 2026-01-01 and 2026-01-31.",
            )
        item = self._operand()
        if _is_condition(item) or isinstance(item, model.Anniversary):
            raise self.cursor.error(f"expected a value after {after}, found a condition", start)
        return item

    def _in(self, left: Operand, negated: bool, caseless: bool) -> Condition:
        cursor = self.cursor
        cursor.advance()
        if window_parser.at_window(cursor) or not cursor.at_symbol("("):
            hint = "Put `not` in front: not signup_date in last 7 days." if negated else None
            raise cursor.expected("`(` and a list of values", hint=hint)
        cursor.advance()
        values = [self._literal()]
        while cursor.take_symbol(","):
            values.append(self._literal())
        cursor.expect_symbol(")", after=" or `,` in the list of values")
        return model.In(left, tuple(values), negated, caseless)

    def _literal(self) -> model.Literal:
        start = self.cursor.token
        if start.kind in (Kind.TEXT, Kind.NUMBER) or self.cursor.at_symbol("-") or self.cursor.at_word("true", "false"):
            item = self._atom()
            if isinstance(item, LITERALS):
                return item
        hint = (
            f"Text stands in single quotes: {quoted_text(start.text)}."
            if start.kind in (Kind.WORD, Kind.NAME)
            else None
        )
        raise self.cursor.error(
            f"expected a text, a number, true or false in the list, found {found(start)}", start, hint=hint
        )

    def _text_match(self, left: Operand, caseless: bool) -> Condition:
        word = self.cursor.advance().text
        if word in ("starts", "ends"):
            self.cursor.expect_word("with")
            word += " with"
        token = self.cursor.token
        if token.kind is not Kind.TEXT:
            hint = None
            if token.kind in (Kind.WORD, Kind.NAME, Kind.NUMBER):
                hint = f"Text stands in single quotes: {quoted_text(token.text)}."
            raise self.cursor.expected(f"a text after `{word}`", hint=hint)
        return model.TextMatch(left, model.TextTest(word), self.cursor.advance().text, caseless)

    def _near(self, left: Operand) -> Condition:
        cursor = self.cursor
        distance = self._number()
        cursor.expect_word("km")
        cursor.expect_word("of")
        cursor.expect_symbol("(")
        latitude = self._number()
        cursor.expect_symbol(",", after=" between latitude and longitude")
        longitude = self._number()
        cursor.expect_symbol(")")
        return model.Near(left, distance, latitude, longitude)

    def _number(self) -> int | float:
        sign = -1 if self.cursor.take_symbol("-") else 1
        value = self.cursor.token.value
        if not isinstance(value, (int, float)):
            raise self.cursor.expected("a number")
        self.cursor.advance()
        return sign * value

    # --- operands ---

    def _operand(self, lowest: int = 1) -> Node:
        """Sums of products of values; brackets and some functions may turn out to be conditions."""
        start = self.cursor.token
        left = self._atom()
        length = 0
        while True:
            mark = self.cursor.token
            operator, strength = _SUMS.get(mark.text), 1
            if operator is None:
                operator, strength = _PRODUCTS.get(mark.text), 2
            if operator is None or mark.kind is not Kind.SYMBOL or strength < lowest:
                return left
            length += 1
            if length > MAX_DEPTH:
                raise self.cursor.error(f"more than {MAX_DEPTH} values are added or multiplied in a row")
            term = self._term(left, start, mark)
            self.cursor.advance()
            start = self.cursor.token
            left = model.Arithmetic(operator, term, self._term(self._operand(strength + 1), start, mark))

    def _term(self, item: Node, start: Token, mark: Token) -> Operand:
        if isinstance(item, (model.Text, model.Boolean, model.Anniversary)) or _is_condition(item):
            what = (
                "a text" if isinstance(item, model.Text) else "true or false" if isinstance(item, model.Boolean) else ""
            )
            hint = None
            if self.cursor.at_symbol("-") and start.kind is Kind.WORD:
                hint = "A name with a hyphen goes in double quotes."
            raise self.cursor.error(f"`{mark.text}` works on numbers, not on {what or 'a condition'}", start, hint=hint)
        return item

    def _atom(self) -> Node:
        cursor = self.cursor
        token = cursor.token
        if isinstance(token.value, (int, float)):
            return self._number_or_length()
        if token.kind is Kind.TEXT:
            cursor.advance()
            return model.Text(token.text)
        if cursor.at_word("true", "false"):
            cursor.advance()
            return model.Boolean(token.text == "true")
        if cursor.at_symbol("("):
            cursor.enter()
            cursor.advance()
            inner = self._junction(bare=True)
            cursor.expect_symbol(")", hint=self._unclosed_hint())
            cursor.leave()
            return inner
        if cursor.at_symbol("-"):
            following = cursor.ahead()
            if isinstance(following.value, (int, float)):
                cursor.advance()
                cursor.advance()
                return Number(-following.value)
            raise cursor.error("`-` needs a number or a left side", hint="Write 0 - … for the opposite of a measure.")
        if token.kind is Kind.WORD and self._called(token):
            return self._call(token, Entity.PROFILE)
        if token.kind is Kind.NAME or (
            token.kind is Kind.WORD and (token.text not in RESERVED or self._account_path())
        ):
            return self._name()
        raise self._no_operand()

    def _number_or_length(self) -> Operand:
        unit = self.cursor.ahead()
        if unit.kind is Kind.WORD and unit.text in UNITS:
            return model.Duration(window_parser.span(self.cursor))
        value = self.cursor.advance().value
        assert isinstance(value, (int, float))
        return Number(value)

    def _called(self, token: Token) -> bool:
        following = self.cursor.ahead()
        return following.kind is Kind.SYMBOL and following.text == "(" and token.text not in KEYWORDS

    def _account_path(self) -> bool:
        following = self.cursor.ahead()
        return self.cursor.at_word("account") and following.kind is Kind.SYMBOL and following.text == "."

    def _name(self) -> Node:
        """A trait, or inside `where` a property; `account.` leads to what belongs to the account."""
        cursor = self.cursor
        start = cursor.token
        if self.in_where:
            path = self._path()
            self._note("property", path, start, event=self.event)
            return model.Property(path)
        if not self._account_path():
            path = self._path()
            self._note("trait", path, start)
            return model.Trait(path)
        cursor.advance()
        cursor.advance()
        token = cursor.token
        if token.kind is Kind.WORD and self._called(token):
            if token.text in FUNCTIONS and token.text not in _OF_ACCOUNT:
                raise cursor.error(
                    f"`{token.text}(…)` is not something of an account",
                    hint=f"Write {token.text}(…) without `account.`, or `for account:` at the start.",
                )
            return self._call(token, Entity.ACCOUNT)
        path = self._path()
        self._note("trait", path, start, of=Entity.ACCOUNT)
        return model.Trait(path, Entity.ACCOUNT)

    def _path(self) -> str:
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

    def _note(
        self,
        kind: Literal["event", "trait", "property", "segment", "score"],
        name: str,
        token: Token,
        *,
        event: str | None = None,
        of: Entity = Entity.PROFILE,
    ) -> None:
        self.names.append(NameUse(kind, name, event, *self.cursor.source.place(token.start), of))

    # --- functions ---

    def _call(self, token: Token, of: Entity) -> Node:
        call = self.calls.get(token.text)
        if call is None:
            near = nearest(token.text, FUNCTIONS)
            hint = f"Did you mean `{near}`?" if near else f"The functions are {', '.join(sorted(FUNCTIONS))}."
            raise self.cursor.error(f"there is no function `{token.text}`", hint=hint)
        if self.in_where:
            raise self.cursor.error(
                f"`{token.text}(…)` cannot stand inside `where`",
                hint="Inside `where` stand tests of the event's own properties: where price > 20 and category = 'books'.",
            )
        self.cursor.advance()
        self.cursor.expect_symbol("(")
        self.cursor.enter()
        node = call(token, of)
        self.cursor.leave()
        return node

    def _close(self, name: Token) -> None:
        self.cursor.expect_symbol(")", after=f" to close `{name.text}(`", hint=self._unclosed_hint())

    def _measure(self, name: Token, of: Entity) -> Operand:
        function = Function(name.text)
        selection, path = self._selection(function)
        self._close(name)
        return model.Measure(function, selection, path, of)

    def _did(self, name: Token, of: Entity) -> Condition:
        selection, _ = self._selection(None)
        self._close(name)
        return model.Did(selection, of)

    def _selection(self, function: Function | None) -> tuple[Selection, str | None]:
        """`purchase.amount where … in last 30 days`: the events, and the property of them that a measure is about."""
        cursor = self.cursor
        event = self._event()
        path: str | None = None
        if cursor.at_symbol("."):
            if function not in model.TAKES_PROPERTY:
                hint = "Test properties with where: count(purchase where price > 20)."
                raise cursor.error(f"`{function or 'did'}` takes an event, not a property of it", hint=hint)
            cursor.advance()
            start = cursor.token
            path = self._path()
            self._note("property", path, start, event=event)
        elif function in model.NEEDS_PROPERTY:
            raise cursor.error(
                f"`{function}` needs a property of the event",
                hint=f"Write {function}(event.property …), as in {function}(purchase.amount in last 30 days).",
            )
        where: Condition | None = None
        window: model.Window | None = None
        while True:
            if where is None and cursor.at_word("where"):
                where = self._where(event)
            elif window is None and window_parser.at_window(cursor):
                window = self._window()
            else:
                break
        return Selection(event, where, window), path

    def _window(self) -> model.Window:
        start = self.cursor.token
        window = window_parser.window(self.cursor, self._anchor)
        if self.in_anchor and isinstance(window, model.AfterFirst):
            raise self.cursor.error("a window of `first(…)` cannot hang on another `first(…)`", start)
        return window

    def _anchor(self) -> Selection:
        self.cursor.expect_symbol("(", after=" after `first`")
        self.cursor.enter()
        outer, self.in_anchor = self.in_anchor, True
        selection, _ = self._selection(None)
        self.in_anchor = outer
        self.cursor.expect_symbol(")", after=" to close `first(`")
        self.cursor.leave()
        return selection

    def _event(self) -> str | None:
        """The name of an event; None for `any`."""
        cursor = self.cursor
        token = cursor.token
        if cursor.take_word("any"):
            return None
        if token.kind is Kind.WORD and self._called(token):
            hint = "To test or compare it, write it outside." if token.text in FUNCTIONS else None
            raise cursor.error(f"expected the name of an event, found `{token.text}(`", hint=hint)
        if token.kind is Kind.NAME or (token.kind is Kind.WORD and token.text not in KEYWORDS):
            if not token.text:
                raise cursor.error("a name cannot be empty")
            cursor.advance()
            if cursor.at_symbol("-") and cursor.token.start == token.end and cursor.ahead().start == cursor.token.end:
                name = quoted_name(f"{token.text}-{cursor.ahead().text}")
                raise cursor.error("a plain name has no hyphen", hint=f"Put the name in double quotes: {name}.")
            self._note("event", token.text, token)
            return token.text
        hint = None
        if token.kind is Kind.TEXT:
            hint = f"Names stand in double quotes or none: {quoted_name(token.text)}."
        elif token.kind is Kind.WORD:
            hint = f"For an event of that name write it in double quotes: {quoted_name(token.text)}."
        raise cursor.expected("the name of an event, or `any`", hint=hint)

    def _where(self, event: str | None) -> Condition:
        self.cursor.expect_word("where")
        self.in_where, self.event = True, event
        condition = self._condition()
        self.in_where = False
        return condition

    def _sequence(self, name: Token, of: Entity) -> Condition:
        steps = [self._step()]
        while self.cursor.take_symbol(","):
            steps.append(self._step())
        self._close(name)
        window = self._window() if window_parser.at_window(self.cursor) else None
        return model.Sequence(tuple(steps), window, of)

    def _step(self) -> Step:
        cursor = self.cursor
        negated = cursor.take_word("not")
        event = self._event()
        if cursor.at_symbol("."):
            raise cursor.error("a step is an event, not a property of it", hint="Test properties with where.")
        where = self._where(event) if cursor.at_word("where") else None
        within = window_parser.span(cursor) if cursor.take_word("within") else None
        if window_parser.at_window(cursor):
            hint = "Behind the bracket it holds for all steps: sequence(a, b) in last 7 days."
            raise cursor.error("a step has no window of its own", hint=hint)
        return Step(event, where, negated, within)

    def _top(self, name: Token, of: Entity) -> Condition:
        cursor = self.cursor
        percent = cursor.token.value
        if not isinstance(percent, (int, float)):
            raise cursor.expected(f"a percentage, as in `{name.text}(10%, count(purchase))`")
        cursor.advance()
        cursor.expect_symbol("%")
        cursor.expect_symbol(",")
        operand = self._value(f"`{name.text}(…%,`")
        self._close(name)
        return model.Top(percent, operand, bottom=name.text == "bottom")

    def _quintile(self, name: Token, of: Entity) -> Operand:
        operand = self._value("`quintile(`")
        self._close(name)
        return model.Quintile(operand)

    def _score(self, name: Token, of: Entity) -> Operand:
        token = self.cursor.token
        if token.kind not in (Kind.WORD, Kind.NAME) or not token.text:
            raise self.cursor.expected("the name of a score, as in `score(churn)`")
        self.cursor.advance()
        self._note("score", token.text, token)
        self._close(name)
        return model.Score(token.text)

    def _anniversary(self, name: Token, of: Entity) -> Node:
        start = self.cursor.token
        operand = self._value("`anniversary(`")
        if not isinstance(operand, (model.Trait, model.Measure)):
            raise self.cursor.error("`anniversary` takes a trait that holds a date, or first(…) or last(…)", start)
        self._close(name)
        return model.Anniversary(operand)

    def _in_segment(self, name: Token, of: Entity) -> Condition:
        segment = self._segment(name)
        self._close(name)
        return model.InSegment(segment)

    def _crossed(self, name: Token, of: Entity) -> Condition:
        segment = self._segment(name)
        window = self._window() if window_parser.at_window(self.cursor) else None
        self._close(name)
        return model.Crossed(segment, name.text == "left", window)

    def _segment(self, name: Token) -> str:
        token = self.cursor.token
        if token.kind is not Kind.TEXT or not token.text:
            hint = f"Write {name.text}({quoted_text(token.text)})." if token.kind in (Kind.WORD, Kind.NAME) else None
            raise self.cursor.expected("the name of a segment in single quotes", hint=hint)
        self.cursor.advance()
        self._note("segment", token.text, token)
        return token.text

    # --- problems ---

    def _no_operand(self) -> SegmentSyntaxError:
        cursor = self.cursor
        token = cursor.token
        place = "a test of a property" if self.in_where else "a condition"
        if token.kind is Kind.DATE:
            hint = "Dates stand in windows: signup_date since 2026-01-01, did(purchase before 2026-01-01)."
            return cursor.error(f"expected {place}, found the date `{token.text}`", hint=hint)
        if token.kind is Kind.WORD and token.text in FUNCTIONS:
            hint = f"Use it as {token.text}(…); a trait or property of that name goes in double quotes: "
            return cursor.error(
                f"`{token.text}` is a function and needs brackets", hint=f"{hint}{quoted_name(token.text)}."
            )
        if token.kind is Kind.WORD:
            hint = f"A trait or property of that name goes in double quotes: {quoted_name(token.text)}."
            return cursor.error(f"expected {place}, found the reserved word `{token.text}`", hint=hint)
        return cursor.expected(place)

    def _no_test(self, left: Operand) -> SegmentSyntaxError:
        cursor = self.cursor
        token = cursor.token
        hint: str | None = None
        if token.kind is Kind.WORD:
            near = nearest(token.text, _AFTER_OPERAND)
            hint = f"Did you mean `{near}`?" if near else None
            if token.text in ("is", "equals", "eq", "like"):
                hint = "Write `= 'text'`, or `contains 'text'` for a part of it."
        if hint is None and isinstance(left, model.Trait) and left.of is Entity.PROFILE and "." not in left.name:
            hint = f"For the event write did({left.name}); to see whether the trait is there, {left.name} exists."
        elif hint is None and isinstance(left, (model.Trait, model.Property)):
            hint = "To see whether it is there write `exists` after it; for a yes-or-no value write `= true`."
        return cursor.expected("a comparison (`=`, `>`, `in (…)`, `in last …`, `exists`, …)", hint=hint)

    def _left_over(self) -> SegmentSyntaxError:
        cursor = self.cursor
        token = cursor.token
        if cursor.at_symbol(")"):
            return cursor.error("this bracket closes nothing", hint="Remove it, or open one before.")
        if window_parser.at_window(cursor):
            hint = "A window of events stands inside the brackets: count(purchase in last 30 days) >= 3."
            return cursor.error("a window cannot stand here", hint=hint)
        if token.kind is Kind.SYMBOL and token.text in _COMPARATORS:
            hint = "Comparisons cannot be chained: join them with `and`, or use between … and …."
            return cursor.expected("`and`, `or` or the end", hint=hint)
        if cursor.at_word("where"):
            return cursor.error("`where` cannot stand here", hint="It stands inside: count(purchase where price > 20).")
        return cursor.expected("`and`, `or` or the end", words=("and", "or"))

    def _unclosed_hint(self) -> str | None:
        token = self.cursor.token
        if token.kind is Kind.WORD and (
            near := nearest(token.text, ("where", "in", "before", "since", "between", "and", "or"))
        ):
            return f"Did you mean `{near}`?"
        if token.kind is Kind.END:
            return "A bracket is left open."
        return None


def _is_condition(node: Node) -> TypeGuard[Condition]:
    return isinstance(node, CONDITIONS)


def _joined(kind: type[model.And] | type[model.Or], items: list[Condition]) -> Condition:
    """One item as it is; several in one node, with items of the same kind taken apart."""
    if len(items) == 1:
        return items[0]
    flat: list[Condition] = []
    for item in items:
        flat.extend(item.items if isinstance(item, kind) else [item])
    return kind(tuple(flat))
