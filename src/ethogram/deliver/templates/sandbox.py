"""Liquid as Braze and Shopify users know it, with limits on everything that a template or a value could make large.

Step of the path: deliver. Pure. A template sees the variables that it is given and nothing else: no file, no clock, no
other template. What is missing is an error unless a `default` filter or an `if` looks after it, so that nobody gets a
mail to "Dear ,". Time is bounded by counting what is done, and by a stop-watch for what cannot be counted.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from io import StringIO
from typing import Any, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions.primitive import RangeLiteral, parse_primitive
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.echo_tag import EchoTag
from liquid.exceptions import LiquidError, LiquidInterrupt, LiquidSyntaxError, ResourceLimitError, StopRender
from liquid.expression import Expression
from liquid.filter import flatten
from liquid.stream import TokenStream
from liquid.stringify import to_liquid_string
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION, TOKEN_LPAREN, TOKEN_OUTPUT, TOKEN_RPAREN, Token
from liquid.utils import ReadOnlyChainMap

from ethogram.deliver.templates import filters
from ethogram.deliver.templates.guards import LONGEST, MOST_ITEMS, Missing, check_size, filtered

_ROUNDS = 10_000  # of all loops of a template together
_LOCALS = 4_000_000  # bytes of what a template assigns
_SECONDS = 2.0  # of one rendering; a usual one takes less than a thousandth of that
_TAKES_MISSING = frozenset({"default"})
_NOT_TAKEN = ("include", "render")  # there are no other templates to see


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rendering knows beside its variables.

    Attributes:
        now: the instant that `now` and `today` mean.
        zone: in which dates are shown.
        language: in which months and amounts are written, such as `sv-SE`.
        currency: of amounts that say none; None refuses these.
        missing: collects the names of what is missing, in place of an error at the first.
    """

    now: dt.datetime
    zone: dt.tzinfo = dt.UTC
    language: str = "en"
    currency: str | None = None
    missing: set[str] | None = None


@dataclass(frozen=True, slots=True)
class Uses:
    """What a text asks for, found without rendering it.

    Attributes:
        variables: as paths, such as `("profile", "first_name")`; a part in brackets is a path itself.
    """

    variables: tuple[tuple[Any, ...], ...] = ()
    filters: tuple[str, ...] = ()


class AbortError(LiquidError):
    """The template says that this person gets nothing."""


class _Context(RenderContext):
    """One rendering: looks variables up, and counts what is done."""

    def __init__(self, template: BoundTemplate, *, globals: Mapping[str, object], around: Surroundings) -> None:
        super().__init__(template, globals=globals)
        self.around = around
        # Without the names `now` and `today` that the library fills from the machine's clock.
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)
        self._rounds = 0
        self._until = time.perf_counter() + _SECONDS

    def get(self, path: list[object], *, token: Token | None, default: object = None) -> object:  # noqa: ARG002
        self._check_time()
        found: object
        if len(path) == 1 and type(path[0]) is str:
            try:
                found = self.scope[path[0]]
            except KeyError:
                found = None
        else:
            found = super().get(path, token=token, default=None)
        return Missing(_told(path), token=token, noted=self.around.missing) if found is None else found

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        return _Output(LONGEST - getattr(buf, "size", 0))  # type: ignore[return-value]  # all of it that the library uses

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        self._check_time()
        found = super().filter(name, token)
        return found if name in _TAKES_MISSING else partial(filtered, name, found)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self._rounds += length
        if self._rounds > _ROUNDS:
            raise ResourceLimitError(f"its loops run more than {_ROUNDS:,} times together", token=None)
        self._check_time()

    def _check_time(self) -> None:
        if time.perf_counter() > self._until:
            raise ResourceLimitError(f"it takes longer than {_SECONDS:g} seconds", token=None)


class _Output:
    """What comes out, as far as it may; all of a text buffer that the library uses."""

    __slots__ = ("_limit", "_parts", "size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[str] = []
        self.size = 0

    def write(self, text: str, /) -> int:
        self.size += len(text)
        if self.size > self._limit:
            raise ResourceLimitError(f"it makes more than {LONGEST:,} characters", token=None)
        self._parts.append(text)
        return len(text)

    def getvalue(self) -> str:
        return "".join(self._parts)


class _Template(BoundTemplate):
    context_class = _Context

    def make_partial_namespace(self, partial: bool, render_args: Mapping[str, object]) -> Mapping[str, object]:  # noqa: ARG002, FBT001
        return render_args

    def rendered(self, variables: Mapping[str, object], around: Surroundings) -> str:
        """What comes out for some variables.

        Raises:
            LiquidError: nothing sensible does.
        """
        context = _Context(self, globals=variables, around=around)
        buffer = context.get_buffer()
        node: Node | None = None
        # What the library's own loop does, once for the whole text: it is not nested, and no tag is disabled.
        try:
            for node in self.nodes:
                node.render_to_output(context, buffer)
        except StopRender:
            pass
        except LiquidInterrupt as error:
            raise LiquidSyntaxError(f"unexpected '{error}'", token=node.token if node is not None else None) from None
        except LiquidError as error:
            if error.token is None and node is not None:
                error.token = node.token
            raise
        return buffer.getvalue()

    def uses(self) -> Uses:
        """The variables that are not its own, and the filters."""
        found = self.analyze()
        paths = {_path(each.segments): None for variables in found.globals.values() for each in variables}
        return Uses(tuple(paths), tuple(found.filters))


class _ShownNode(OutputNode):
    """`{{ … }}`, of a value that people can read."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = self.expression.evaluate(context)
        if isinstance(value, (list, tuple)):
            check_size(value)
            flat = flatten(value)
            if any(isinstance(each, (Mapping, list, tuple)) for each in flat):
                raise LiquidError(f"`{self.expression}` is a list of groups of values; loop over it", token=self.token)
            value = [each if isinstance(each, str) else to_liquid_string(each, autoescape=False) for each in flat]
        elif isinstance(value, Mapping) and not isinstance(value, Missing):
            raise LiquidError(f"`{self.expression}` is a group of values; name one of them", token=self.token)
        return buffer.write(to_liquid_string(value, context.autoescape))


class _EchoTag(EchoTag):
    node_class = _ShownNode  # type: ignore[assignment]  # all that is asked of it is to be a node


class _AbortNode(Node):
    __slots__ = ("reason",)

    def __init__(self, token: Token, reason: Expression | None) -> None:
        super().__init__(token)
        self.reason = reason

    def __str__(self) -> str:
        return f"{{% abort {self.reason or ''} %}}"

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:  # noqa: ARG002
        reason = "" if self.reason is None else str(self.reason.evaluate(context))
        raise AbortError(reason.strip() or "the template aborts", token=None)

    def expressions(self) -> Iterable[Expression]:
        if self.reason is not None:
            yield self.reason


class _AbortTag(Tag):
    """`{% abort 'no such size' %}`: this person gets nothing, for a reason."""

    block = False

    def __init__(self, env: Environment, name: str) -> None:
        super().__init__(env)
        self.name = name

    def parse(self, stream: TokenStream) -> Node:
        token = stream.current
        if stream.peek.kind != TOKEN_EXPRESSION:
            return _AbortNode(token, None)
        next(stream)
        inner = stream.into_inner(tag=token, eat=False)  # whoever reads the next tag eats it
        if inner.current.kind in (TOKEN_LPAREN, TOKEN_RPAREN):  # Braze writes `abort_message('…')`
            inner = TokenStream(token for token in inner.tokens if token.kind not in (TOKEN_LPAREN, TOKEN_RPAREN))
        reason = parse_primitive(self.env, inner)
        inner.expect_eos()
        return _AbortNode(token, reason)


class _Range(RangeLiteral):
    """`(1..n)`, of a bounded length; the library makes any."""

    __slots__ = ()

    def _make_range(self, start: Any, stop: Any) -> range:
        made = super()._make_range(start, stop)
        if made.stop - made.start > MOST_ITEMS:
            raise ResourceLimitError(f"a range has more than {MOST_ITEMS:,} numbers", token=self.token)
        return made


class Sandbox(Environment):
    """Reads templates.

    Args:
        escape: for HTML: values are escaped, what the template's author wrote is not.
    """

    template_class = _Template
    loop_iteration_limit = _ROUNDS
    output_stream_limit = LONGEST
    local_namespace_limit = _LOCALS
    context_depth_limit = 30

    def __init__(self, *, escape: bool) -> None:
        super().__init__(autoescape=escape, undefined=Missing)

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:  # noqa: ARG002  # the library's signature
        super().setup_tags_and_filters(extra=False)
        for name in _NOT_TAKEN:
            del self.tags[name]
        self.tags["echo"] = _EchoTag(self)
        for name in ("abort", "abort_message"):
            self.tags[name] = _AbortTag(self, name)
        self.tags[TOKEN_OUTPUT].node_class = _ShownNode  # type: ignore[attr-defined]  # of this environment's own tag
        self.filters.update(filters.OWN)

    def read(self, source: str) -> _Template:
        """A template.

        Raises:
            LiquidError: it is none; the message has the line.
        """
        if len(source) > LONGEST:
            raise LiquidSyntaxError(f"it is longer than {LONGEST:,} characters", token=None)
        template = self.from_string(source)
        for node in template.nodes:
            _bound(node, template)
        assert isinstance(template, _Template)
        return template


def _bound(node: Node, template: BoundTemplate) -> None:
    """Gives all ranges below a node their bound."""

    def within(expression: Expression) -> None:
        if type(expression) is RangeLiteral:
            expression.__class__ = _Range
        for child in expression.children():
            within(child)

    for expression in node.expressions():
        within(expression)
    for child in node.children(RenderContext(template)):
        _bound(child, template)


def _path(segments: list[Any]) -> tuple[Any, ...]:
    return tuple(_path(each) if isinstance(each, list) else each for each in segments)


def _told(path: list[object]) -> str:
    """A path as people write it."""
    parts = []
    for index, each in enumerate(path):
        if isinstance(each, str) and (each.replace("_", "").isalnum() or not index):
            parts.append(f".{each}" if index else each)
        else:
            parts.append(f"[{each.name if isinstance(each, Missing) else repr(each)}]")
    return "".join(parts)
