"""Text to definition: `parse("count(purchase in last 30 days) >= 3")`.

Step of the path: segment, language half. Reads a text; writes the nodes of `model/segment.py` and, on request, where
each name stood. A recursive descent, one method per phrase; selections, names and windows are read by the parts named
after them. What is readable but meaningless is `checker.py`'s business; what a name stands for is not looked up here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ethogram.model import segment as model
from ethogram.model.segment import Condition, Definition, Entity, Function, Number, Operand
from ethogram.segment import mistakes, window_parser
from ethogram.segment.cursor import MAX_DEPTH, found
from ethogram.segment.name_parser import NameUse
from ethogram.segment.selection_parser import SelectionParser
from ethogram.segment.shape import CONDITIONS, LITERALS, walk
from ethogram.segment.syntax import FUNCTIONS, RESERVED, UNITS, Kind, Token, nearest, quoted_text

if TYPE_CHECKING:
    from collections.abc import Callable

Value: TypeAlias = "Operand | model.Anniversary"
Node: TypeAlias = "Condition | Value"

_FIXED = (*LITERALS, model.Duration)

_COMPARATORS = {str(comparator): comparator for comparator in model.Comparator}
_OPERATORS = {  # how strongly each binds
    "+": (model.Operator.ADD, 1),
    "-": (model.Operator.SUBTRACT, 1),
    "*": (model.Operator.MULTIPLY, 2),
    "/": (model.Operator.DIVIDE, 2),
}
_OF_ACCOUNT = frozenset({*Function, "did", "sequence"})


@dataclass(frozen=True, slots=True)
class Located:
    """A definition and where its names stand in the text."""

    definition: Definition
    names: tuple[NameUse, ...] = ()


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


class _Parser(SelectionParser):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.calls: dict[str, Callable[[str, Entity], Node]] = {
            **{str(function): self._measure for function in Function},
            "did": self._did,
            "sequence": self._sequence,
            "top": self._top,
            "bottom": self._top,
            "quintile": lambda _name, _of: model.Quintile(self._value("`quintile(`")),
            "score": lambda _name, _of: model.Score(self.score_name()),
            "anniversary": self._anniversary,
            "in_segment": lambda name, _of: model.InSegment(self.segment_name(name)),
            "entered": self._crossed,
            "left": self._crossed,
        }
        self._compared = False  # a text is likely to be meant here

    def located(self) -> Located:
        """The whole text."""
        cursor = self.cursor
        if cursor.ahead(0).kind is Kind.END:
            raise cursor.error("the text is empty", hint="Write a condition such as count(purchase) >= 3.")
        entity = Entity.PROFILE
        if cursor.take_word("for"):
            entity = Entity(cursor.expect_word("account", "profile").text)
            cursor.expect_symbol(":", after=f" after `for {entity}`")
        condition = self.condition()
        if cursor.ahead(0).kind is not Kind.END:
            raise mistakes.left_over(cursor)
        if max(depth for _, depth in walk(condition)) > MAX_DEPTH:
            hint = "Save an inner part as a segment and use in_segment('…')."
            raise cursor.source.error(f"the condition is nested more than {MAX_DEPTH} deep", 0, hint)
        return Located(Definition(condition, entity), tuple(self.names))

    # --- conditions ---

    def condition(self) -> Condition:
        """`a and b or c`."""
        item = self._junction(self._negation(bare=False))
        assert isinstance(item, CONDITIONS)
        return item

    def _junction(self, first: Node) -> Node:
        """What follows the first item of a condition; an operand stays as it is."""
        if not isinstance(first, CONDITIONS):
            return first
        groups: list[list[Condition]] = [[first]]
        while self.cursor.at_word("and", "or"):
            together = self.cursor.advance().text == "and"
            item = self._negation(bare=False)
            assert isinstance(item, CONDITIONS)
            if together:
                groups[-1].append(item)
            else:
                groups.append([item])
        return _joined(model.Or, [_joined(model.And, group) for group in groups])

    def _negation(self, *, bare: bool) -> Node:
        """A condition with its `not`s. With `bare`, an operand alone will do, as a bracket may hold either."""
        depth = 0
        while self.cursor.take_word("not"):
            self.cursor.enter()
            depth += 1
        item = self._operand("a test of a property" if self.in_where else "a condition")
        if not isinstance(item, CONDITIONS):
            item = self._test(item, bare=bare and not depth)
        for _ in range(depth):
            assert isinstance(item, CONDITIONS)
            item = model.Not(item)
            self.cursor.leave()
        return item

    def _test(self, left: Value, *, bare: bool) -> Node:
        """The test that follows an operand; with `bare`, there may be none before a closing bracket."""
        cursor = self.cursor
        numbers = cursor.at_word("between") and cursor.ahead().kind is not Kind.DATE
        if window_parser.at_window(cursor) and not numbers:
            return model.During(left, window_parser.instant_window(cursor))
        if bare and cursor.at_symbol(")"):
            return left
        if isinstance(left, model.Anniversary):
            raise cursor.expected("a window after `anniversary(…)`, as in `anniversary(birthday) in next 7 days`")
        if cursor.at_symbol(*_COMPARATORS):
            return self._compare(left)
        if cursor.take_word("exists"):
            return model.Exists(left)
        if cursor.take_word("between"):
            low = self._value("`between`")
            cursor.expect_word("and")
            return model.Between(left, low, self._value("`and`"))
        if cursor.take_word("within"):
            return self._near(left)
        return self._text_test(left)

    def _compare(self, left: Operand) -> Condition:
        mark = self.cursor.advance()
        self._compared = mark.text in {"=", "!=", "~=", "!~="}
        right = self._value(f"`{mark.text}`")
        if isinstance(left, _FIXED) and isinstance(right, _FIXED):
            hint = "Compare a measure, a trait or a property with a fixed value."
            raise self.cursor.error("two fixed values are compared", mark, hint=hint)
        return model.Compare(left, _COMPARATORS[mark.text], right)

    def _text_test(self, left: Operand) -> Condition:
        """`in (…)`, `contains …` and their kind, with `not` or `~` before them."""
        cursor = self.cursor
        negated = cursor.take_word("not")
        caseless = cursor.take_symbol("~")
        if cursor.take_word("in"):
            return model.In(left, self._list(negated=negated), negated, caseless)
        if negated:
            raise cursor.expected("`in`", hint="To negate other tests put `not` in front of them.")
        if cursor.at_word("contains", "starts", "ends", "matches"):
            return self._text_match(left, caseless=caseless)
        if caseless:
            words = ("in", "contains", "starts with", "ends with", "matches")
            raise cursor.expected("`=`, `in`, `contains`, `starts with`, `ends with` or `matches`", words=words)
        raise mistakes.no_test(cursor, left)

    def _list(self, *, negated: bool) -> tuple[model.Literal, ...]:
        cursor = self.cursor
        if not cursor.at_symbol("("):
            hint = "Put `not` in front: not signup_date in last 7 days." if negated else None
            raise cursor.expected("`(` and a list of values", hint=hint)
        cursor.advance()
        values = [self._literal()]
        while cursor.take_symbol(","):
            values.append(self._literal())
        cursor.expect_symbol(")", after=" or `,` in the list of values")
        return tuple(values)

    def _literal(self) -> model.Literal:
        start = self.cursor.token
        if start.kind in {Kind.TEXT, Kind.NUMBER} or self.cursor.at_symbol("-") or self.cursor.at_word("true", "false"):
            item = self._atom("a value")
            if isinstance(item, LITERALS):
                return item
        what = f"expected a text, a number, true or false in the list, found {found(start)}"
        hint = None
        if start.kind in {Kind.WORD, Kind.NAME}:
            hint = f"Text stands in single quotes: {quoted_text(start.text)}."
        raise self.cursor.error(what, start, hint=hint)

    def _text_match(self, left: Operand, *, caseless: bool) -> Condition:
        word = self.cursor.advance().text
        if word in {"starts", "ends"}:
            self.cursor.expect_word("with")
            word += " with"
        token = self.cursor.token
        if token.kind is not Kind.TEXT:
            hint = None
            if token.kind in {Kind.WORD, Kind.NAME, Kind.NUMBER}:
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
        if not isinstance(value, int | float):
            raise self.cursor.expected("a number")
        self.cursor.advance()
        return sign * value

    # --- operands ---

    def _value(self, after: str) -> Operand:
        """An operand behind a mark, a word or an opening bracket."""
        start = self.cursor.token
        item = self._operand(f"a value after {after}")
        if isinstance(item, (*CONDITIONS, model.Anniversary)):
            raise self.cursor.error(f"expected a value after {after}, found a condition", start)
        self._compared = False
        return item

    def _operand(self, expected: str, weakest: int = 1) -> Node:
        """Sums of products of values. A bracket and some functions may turn out to be conditions."""
        cursor = self.cursor
        start = cursor.token
        left = self._atom(expected)
        length = 0
        while cursor.at_symbol(*_OPERATORS):
            mark = cursor.token
            operator, strength = _OPERATORS[mark.text]
            if strength < weakest:
                break
            length += 1
            if length > MAX_DEPTH:
                raise cursor.error(f"more than {MAX_DEPTH} values are added or multiplied in a row")
            term = self._term(left, start, mark)
            cursor.advance()
            start = cursor.token
            right = self._operand(f"a value after `{mark.text}`", strength + 1)
            left = model.Arithmetic(operator, term, self._term(right, start, mark))
        return left

    def _term(self, item: Node, start: Token, mark: Token) -> Operand:
        """A side of arithmetic."""
        if isinstance(item, model.Text | model.Boolean):
            what = "a text" if isinstance(item, model.Text) else "true or false"
        elif isinstance(item, (*CONDITIONS, model.Anniversary)):
            what = "a condition"
        else:
            return item
        raise self.cursor.error(f"`{mark.text}` works on numbers, not on {what}", start)

    def _atom(self, expected: str) -> Node:
        cursor = self.cursor
        token = cursor.token
        if token.kind is Kind.NUMBER:
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
            inner = self._junction(self._negation(bare=True))
            cursor.expect_symbol(")", hint=mistakes.unclosed(cursor))
            cursor.leave()
            return inner
        if cursor.at_symbol("-"):
            following = cursor.ahead().value
            if isinstance(following, int | float):
                cursor.advance()
                cursor.advance()
                return Number(-following)
            raise cursor.error("`-` needs a number or a left side", hint="Write 0 - … for the opposite of a measure.")
        if self.at_call():
            return self._call(Entity.PROFILE)
        if token.kind is Kind.NAME or (token.kind is Kind.WORD and (token.text not in RESERVED or self.at_account())):
            return self._name()
        raise mistakes.no_value(cursor, expected)

    def _number_or_length(self) -> Operand:
        unit = self.cursor.ahead()
        if unit.kind is Kind.WORD and unit.text in UNITS:
            return model.Duration(window_parser.span(self.cursor))
        return Number(self._number())

    def _name(self) -> Node:
        """A trait, or inside `where` a property; `account.` leads to what belongs to the account."""
        start = self.cursor.token
        if self.in_where:
            path = self.path()
            self.note("property", path, start, event=self.event, compared=self._compared)
            return model.Property(path)
        if not self.at_account():
            path = self.path()
            self.note("trait", path, start, compared=self._compared)
            return model.Trait(path)
        self.cursor.advance()
        self.cursor.advance()
        if self.at_call():
            return self._call(Entity.ACCOUNT)
        path = self.path()
        self.note("trait", path, start, of=Entity.ACCOUNT)
        return model.Trait(path, Entity.ACCOUNT)

    # --- functions ---

    def _call(self, of: Entity) -> Node:
        cursor = self.cursor
        name = cursor.token.text
        call = self.calls.get(name)
        if call is None:
            near = nearest(name, FUNCTIONS)
            hint = f"Did you mean `{near}`?" if near else f"The functions are {', '.join(sorted(FUNCTIONS))}."
            raise cursor.error(f"there is no function `{name}`", hint=hint)
        if self.in_where:
            hint = "Inside `where` stand tests of the event's own properties: where price > 20 and size = 'XL'."
            raise cursor.error(f"`{name}(…)` cannot stand inside `where`", hint=hint)
        if of is Entity.ACCOUNT and name not in _OF_ACCOUNT:
            hint = f"Write {name}(…) without `account.`, or `for account:` at the start."
            raise cursor.error(f"`{name}(…)` is not something of an account", hint=hint)
        cursor.advance()
        cursor.advance()
        cursor.enter()
        node = call(name, of)
        if isinstance(node, model.Sequence):  # its window stands behind the bracket
            node = model.Sequence(node.steps, self.window_or_none(), of)
        else:
            self._close(name)
        cursor.leave()
        return node

    def _close(self, name: str) -> None:
        self.cursor.expect_symbol(")", after=f" to close `{name}(`", hint=mistakes.unclosed(self.cursor))

    def _measure(self, name: str, of: Entity) -> Node:
        selection, path = self.selection(Function(name))
        return model.Measure(Function(name), selection, path, of)

    def _did(self, _name: str, of: Entity) -> Node:
        selection, _ = self.selection(None)
        return model.Did(selection, of)

    def _sequence(self, name: str, of: Entity) -> Node:
        steps = [self.step()]
        while self.cursor.take_symbol(","):
            steps.append(self.step())
        self._close(name)
        return model.Sequence(tuple(steps), None, of)

    def _top(self, name: str, _of: Entity) -> Node:
        cursor = self.cursor
        percent = cursor.token.value
        if not isinstance(percent, int | float):
            raise cursor.expected(f"a percentage, as in `{name}(10%, count(purchase))`")
        cursor.advance()
        cursor.expect_symbol("%")
        cursor.expect_symbol(",")
        return model.Top(percent, self._value(f"`{name}(…%,`"), bottom=name == "bottom")

    def _anniversary(self, _name: str, _of: Entity) -> Node:
        start = self.cursor.token
        operand = self._value("`anniversary(`")
        if not isinstance(operand, model.Trait | model.Measure):
            raise self.cursor.error("`anniversary` takes a trait that holds a date, or first(…) or last(…)", start)
        return model.Anniversary(operand)

    def _crossed(self, name: str, _of: Entity) -> Node:
        segment = self.segment_name(name)
        return model.Crossed(segment, name == "left", self.window_or_none())


def _joined(kind: type[model.And | model.Or], items: list[Condition]) -> Condition:
    """One item as it is; several in one node, with items of the same kind taken apart."""
    if len(items) == 1:
        return items[0]
    flat: list[Condition] = []
    for item in items:
        flat.extend(item.items if isinstance(item, model.And | model.Or) and type(item) is kind else [item])
    return kind(tuple(flat))
