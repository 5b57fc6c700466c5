"""Pictures of how sets overlap: circles for two or three, rows and columns (UpSet) for more.

Pure geometry, in the units of an SVG; templates draw it, with the numbers in a table beside. Two circles overlap by as
much as the sets do; three cannot always, so they stand evenly and only the numbers say how much. UpSet follows Lex et
al., *UpSet: Visualization of Intersecting Sets*, 2014.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from ethogram.model.results import Overlap

WIDTH, HEIGHT = 420, 260
_MOST_COLUMNS = 24
_ROW, _COLUMN, _BARS = 26, 30, 110
_RADIUS = 92.0
_THREE: Final = ((168.0, 108.0), (252.0, 108.0), (210.0, 172.0))


@dataclass(frozen=True, slots=True)
class Circle:
    """A set."""

    name: str
    x: float
    y: float
    r: float
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Region:
    """People in exactly these sets, and where their number stands."""

    names: tuple[str, ...]
    count: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Venn:
    """Two or three circles."""

    circles: tuple[Circle, ...]
    regions: tuple[Region, ...]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Column:
    """People in exactly some sets: a bar above dots."""

    names: tuple[str, ...]
    count: int
    x: float
    bar: float  # height
    dots: tuple[tuple[float, bool], ...]  # where, and whether the set is one of them
    top: float  # of the line that joins its dots
    bottom: float


@dataclass(frozen=True, slots=True)
class Row:
    """A set with its size."""

    name: str
    size: int
    y: float


@dataclass(frozen=True, slots=True)
class UpSet:
    """Rows of sets, columns of combinations."""

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    left_out: int  # combinations with fewer people than those shown
    width: int
    height: int
    bars: int = _BARS


def drawn(overlap: Overlap) -> Venn | UpSet:
    """The picture of an overlap."""
    if len(overlap.names) == 2:
        return _two(overlap)
    return _three(overlap) if len(overlap.names) == 3 else _upset(overlap)


def _exact(overlap: Overlap, *names: str) -> int:
    return overlap.exact.get(tuple(name for name in overlap.names if name in names), 0)


def _two(overlap: Overlap) -> Venn:
    first, second = overlap.names
    sizes = [overlap.sizes[first], overlap.sizes[second]]
    largest = max(*sizes, 1)
    # A circle must be seen however small its set is.
    radii = [max(_RADIUS * math.sqrt(size / largest), 14.0) for size in sizes]
    both = _exact(overlap, first, second)
    apart = distance(radii[0], radii[1], _share(both, sizes, radii))
    left = WIDTH / 2 - (radii[0] + apart + radii[1]) / 2 + radii[0]
    middle = HEIGHT / 2 + 12
    xs = (left, left + apart)
    inner_low, inner_high = max(xs[0] - radii[0], xs[1] - radii[1]), min(xs[0] + radii[0], xs[1] + radii[1])
    circles = tuple(
        Circle(name, round(x, 1), middle, round(r, 1), round(x + side * r * 0.6, 1), 20.0, anchor)
        for name, x, r, side, anchor in zip(overlap.names, xs, radii, (-1, 1), ("end", "start"), strict=True)
    )
    only = (
        ((xs[0] - radii[0]) + min(inner_low, xs[0] + radii[0])) / 2,
        (max(inner_high, xs[1] - radii[1]) + xs[1] + radii[1]) / 2,
    )
    regions = [
        Region((first,), _exact(overlap, first), round(only[0], 1), middle),
        Region((second,), _exact(overlap, second), round(only[1], 1), middle),
    ]
    if both:
        regions.append(Region((first, second), both, round((inner_low + inner_high) / 2, 1), middle))
    return Venn(circles, tuple(region for region in regions if region.count or len(region.names) == 2))


def _share(both: int, sizes: list[int], radii: list[float]) -> float:
    """The area that two circles must share."""
    largest = max(*sizes, 1)
    return min(both / largest * math.pi * _RADIUS**2, math.pi * min(radii) ** 2)


def distance(a: float, b: float, area: float) -> float:
    """How far apart the centres of two circles are that share an area, found by halving."""
    if area <= 0:
        return a + b + 8.0
    low, high = abs(a - b), a + b
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if lens(a, b, middle) > area else (low, middle)
    return (low + high) / 2


def lens(a: float, b: float, apart: float) -> float:
    """The area that two circles share."""
    if apart >= a + b:
        return 0.0
    if apart <= abs(a - b):
        return math.pi * min(a, b) ** 2
    alpha = math.acos((apart**2 + a**2 - b**2) / (2 * apart * a))
    beta = math.acos((apart**2 + b**2 - a**2) / (2 * apart * b))
    return a**2 * (alpha - math.sin(2 * alpha) / 2) + b**2 * (beta - math.sin(2 * beta) / 2)


def _three(overlap: Overlap) -> Venn:
    r = 72.0
    labels = ((110.0, 30.0, "end"), (310.0, 30.0, "start"), (210.0, 257.0, "middle"))
    circles = tuple(
        Circle(name, x, y, r, label_x, label_y, anchor)
        for name, (x, y), (label_x, label_y, anchor) in zip(overlap.names, _THREE, labels, strict=True)
    )
    a, b, c = overlap.names
    places: tuple[tuple[tuple[str, ...], float, float], ...] = (
        ((a,), 130, 92), ((b,), 290, 92), ((c,), 210, 212), ((a, b), 210, 78), ((a, c), 164, 152), ((b, c), 256, 152),
        ((a, b, c), 210, 128),
    )  # fmt: skip
    return Venn(circles, tuple(Region(names, _exact(overlap, *names), x, y) for names, x, y in places))


def _upset(overlap: Overlap) -> UpSet:
    ordered = sorted(overlap.exact.items(), key=lambda each: (-each[1], len(each[0]), each[0]))
    shown = ordered[:_MOST_COLUMNS]
    largest = max((count for _, count in shown), default=1) or 1
    rows = tuple(
        Row(name, overlap.sizes[name], _BARS + 24 + _ROW * at + _ROW / 2) for at, name in enumerate(overlap.names)
    )
    columns = []
    for at, (names, count) in enumerate(shown):
        dots = tuple((row.y, row.name in names) for row in rows)
        there = [y for y, held in dots if held]
        columns.append(
            Column(
                names, count, _COLUMN / 2 + _COLUMN * at, round(_BARS * count / largest, 1), dots, there[0], there[-1]
            )
        )
    return UpSet(
        rows,
        tuple(columns),
        len(ordered) - len(shown),
        _COLUMN * max(len(columns), 1),
        _BARS + 24 + _ROW * len(rows),
    )
