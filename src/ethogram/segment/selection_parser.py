"""Selections of events as they are written: `purchase.amount where price > 20 in last 30 days`, and steps in order.

Step of the path: segment, language half; a part of the parser. Reads tokens from a cursor; writes `Selection` and
`Step` nodes. The conditions behind `where` are read by the rest of the parser, through `condition`.
"""

from __future__ import annotations

from ethogram.model import segment as model
from ethogram.model.segment import Condition, Function, Selection, Step
from ethogram.segment import window_parser
from ethogram.segment.name_parser import NameParser


class SelectionParser(NameParser):
    """The part of the parser that reads which events are meant."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.in_where = False
        self.event: str | None = None  # the event that `where` is about
        self._in_anchor = False

    def condition(self) -> Condition:
        """A whole condition; the rest of the parser knows how to read one."""
        raise NotImplementedError

    def selection(self, function: Function | None) -> tuple[Selection, str | None]:
        """The events, and the property of them that a measure is about; `function` is None for `did`."""
        event = self.event_name()
        path = self._property(event, function)
        where: Condition | None = None
        window: model.Window | None = None
        while True:
            if where is None and self.cursor.at_word("where"):
                where = self._where(event)
            elif window is None and window_parser.at_window(self.cursor):
                window = self.window()
            else:
                break
        return Selection(event, where, window), path

    def _property(self, event: str | None, function: Function | None) -> str | None:
        cursor = self.cursor
        if not cursor.at_symbol("."):
            if function in model.NEEDS_PROPERTY:
                hint = f"Write {function}(event.property …), as in {function}(purchase.amount in last 30 days)."
                raise cursor.error(f"`{function}` needs a property of the event", hint=hint)
            return None
        if function not in model.TAKES_PROPERTY:
            hint = "Test properties with where: count(purchase where price > 20)."
            raise cursor.error(f"`{function or 'did'}` takes an event, not a property of it", hint=hint)
        cursor.advance()
        start = cursor.token
        path = self.path()
        self.note("property", path, start, event=event)
        return path

    def _where(self, event: str | None) -> Condition:
        self.cursor.expect_word("where")
        self.in_where, self.event = True, event
        condition = self.condition()
        self.in_where = False
        return condition

    def window(self) -> model.Window:
        """The window of a selection or a sequence."""
        start = self.cursor.token
        window = window_parser.window(self.cursor, self._anchor)
        if self._in_anchor and isinstance(window, model.AfterFirst):
            raise self.cursor.error("a window of `first(…)` cannot hang on another `first(…)`", start)
        return window

    def window_or_none(self) -> model.Window | None:
        """The window that comes next, if one does."""
        return self.window() if window_parser.at_window(self.cursor) else None

    def _anchor(self) -> Selection:
        cursor = self.cursor
        cursor.expect_symbol("(", after=" after `first`")
        cursor.enter()
        outer, self._in_anchor = self._in_anchor, True
        selection, _ = self.selection(None)
        self._in_anchor = outer
        cursor.expect_symbol(")", after=" to close `first(`")
        cursor.leave()
        return selection

    def step(self) -> Step:
        """One step of a sequence."""
        cursor = self.cursor
        negated = cursor.take_word("not")
        event = self.event_name()
        if cursor.at_symbol("."):
            raise cursor.error("a step is an event, not a property of it", hint="Test properties with where.")
        where = self._where(event) if cursor.at_word("where") else None
        within = window_parser.span(cursor) if cursor.take_word("within") else None
        if window_parser.at_window(cursor):
            hint = "Behind the bracket it holds for all steps: sequence(a, b) in last 7 days."
            raise cursor.error("a step has no window of its own", hint=hint)
        return Step(event, where, negated, within)
