"""Rewrites from nodes to nodes: references to other segments become what they stand for.

Step of the path: segment, language half. Pure functions; whoever calls says what a name means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ethogram.errors import SegmentError
from ethogram.model.segment import And, Condition, Crossed, Definition, InSegment, Not, Or

# The definition behind a name; None for a static segment, whose people are recorded.
Lookup = Callable[[str], Definition | None]


def expand(definition: Definition, lookup: Lookup, *, within: tuple[str, ...] = ()) -> Definition:
    """The definition with every `in_segment` of a dynamic segment replaced by that segment's condition.

    Args:
        within: names that are being expanded already, outermost first.

    Raises:
        SegmentError: the names form a cycle, or a profile segment refers to an account segment or the reverse.
    """

    def rewrite(node: Condition) -> Condition:
        match node:
            case And(items):
                return And(_flat(And, [rewrite(item) for item in items]))
            case Or(items):
                return Or(_flat(Or, [rewrite(item) for item in items]))
            case Not(item):
                return Not(rewrite(item))
            case InSegment(name):
                if name in within:
                    cycle = " → ".join(f"`{n}`" for n in (*within[within.index(name) :], name))
                    raise SegmentError(
                        f"segments refer to each other in a circle: {cycle}",
                        hint="Take one of these references out.",
                        cycle=(*within[within.index(name) :], name),
                    )
                inner = lookup(name)
                if inner is None:
                    return node
                if inner.entity is not definition.entity:
                    raise SegmentError(
                        f"segment `{name}` is over {inner.entity.value}s and this one over {definition.entity.value}s",
                        hint="Refer to a segment over the same kind of thing.",
                    )
                return expand(inner, lookup, within=(*within, name)).condition
            case _:
                return node

    return Definition(rewrite(definition.condition), definition.entity)


def references(condition: Condition) -> Iterator[str]:
    """Names of the segments that a condition refers to, in order, with repeats."""
    match condition:
        case And(items) | Or(items):
            for item in items:
                yield from references(item)
        case Not(item):
            yield from references(item)
        case InSegment(name) | Crossed(name):
            yield name
        case _:
            return


def _flat(kind: type[And | Or], items: list[Condition]) -> tuple[Condition, ...]:
    flat: list[Condition] = []
    for item in items:
        flat += item.items if isinstance(item, kind) else [item]
    return tuple(flat)
