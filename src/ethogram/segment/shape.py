"""The shape of a definition: which nodes stand in which, how many there are and how deep they go.

Step of the path: segment, language half. Reads nodes; writes nothing. It walks without recursion, so that it can
judge a definition that is too deep for the functions that do recur.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from ethogram.model import segment as model

if TYPE_CHECKING:
    from collections.abc import Iterator

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
LITERALS = (model.Number, model.Text, model.Boolean)


def children(node: Any) -> Iterator[Any]:
    """The nodes directly inside a node, in the order in which they are written."""
    for field in fields(node):
        value = getattr(node, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if is_dataclass(item):
                yield item


def walk(node: Any) -> Iterator[tuple[Any, int]]:
    """A node and all nodes inside it, each with its depth (1 for the first)."""
    stack = [(node, 1)]
    while stack:
        item, depth = stack.pop()
        yield item, depth
        stack.extend((child, depth + 1) for child in reversed(list(children(item))))
