"""How numbers, shares, instants, lengths and values read on screen: the same everywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ethogram.cli.hostile import visible
from ethogram.cli.plain import to_plain

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "_.-=+*#@"


def number(value: float | None) -> str:
    """A number with thousands apart; `–` for none.

    >>> number(1204113)
    '1,204,113'
    """
    if value is None:
        return "–"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.2f}"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """A count with its noun.

    >>> counted(1, "person", "people")
    '1 person'
    """
    return f"{number(count)} {singular if count == 1 else plural or singular + 's'}"


def share(value: float) -> str:
    """A share between 0 and 1 as a percentage that never rounds something to nothing.

    >>> share(0.0001), share(0.256), share(0)
    ('<0.1 %', '25.6 %', '0 %')
    """
    if value <= 0:
        return "0 %"
    if value < 0.001:
        return "<0.1 %"
    if 0.999 < value < 1:
        return ">99.9 %"
    return "100 %" if value >= 1 else f"{value * 100:.1f} %"


def signed(value: int) -> str:
    """A change with its sign.

    >>> signed(5), signed(-1200), signed(0)
    ('+5', '−1,200', '±0')
    """
    return f"+{value:,}" if value > 0 else f"−{-value:,}" if value < 0 else "±0"


def instant(at: dt.datetime | None, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """An instant as wall time in the zone; `–` for none."""
    if at is None:
        return "–"
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def length(seconds: float) -> str:
    """A length of time in the unit that fits.

    >>> length(0.0421), length(3.21), length(754)
    ('42 ms', '3.2 s', '12 min 34 s')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def size(count: int) -> str:
    """Bytes in the unit that fits.

    >>> size(1_480_000)
    '1.5 MB'
    """
    scaled = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if scaled < 1000:
            return f"{int(scaled)} B" if unit == "B" else f"{scaled:.1f} {unit}"
        scaled /= 1000
    return f"{scaled:.1f} TB"


def value(held: object, *, limit: int = 60) -> str:
    """A property's or trait's value on one line, harmless and not longer than `limit` characters."""
    text = held if isinstance(held, str) else json.dumps(to_plain(held), ensure_ascii=False)
    return shortened(visible(text), limit)


def shortened(text: str, limit: int) -> str:
    """The text, cut to `limit` characters with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def pairs(properties: dict[str, object], *, limit: int = 6) -> str:
    """Properties as `name=value`, the first few of them."""
    shown = [f"{shortened(visible(name), 40)}={value(held, limit=40)}" for name, held in properties.items()]
    return "  ".join(shown[:limit]) + (f"  … {len(shown) - limit} more" if len(shown) > limit else "")


def sparkline(values: Sequence[int], *, width: int = 60, ascii_only: bool = False) -> str:
    """The course of a number as one line of bars, the highest being the largest value; the newest `width` of them.

    >>> sparkline([0, 5, 10])
    '▁▅█'
    """
    bars = _PLAIN_BARS if ascii_only else _BARS
    shown = list(values)[-width:]
    top = max(shown, default=0)
    if top <= 0:
        return bars[0] * len(shown)
    return "".join(bars[min(len(bars) - 1, round(max(0, each) / top * (len(bars) - 1)))] for each in shown)
