"""Ethogram: raw events in, and for every behavioural segment the exact people who are in it.

    import ethogram as eg

    eg.members("count(purchase in last 30 days) >= 3", events=df)   # straight over a data frame or a Parquet file

    with eg.open("shop") as ws:                                     # over a workspace
        ws.load_events("orders.csv", mapping={"profile_id": "CustomerID"})
        ws.segments.save("regulars", "count(purchase in last 90 days) >= 3")
        ws.run()
        ws.members("regulars").to_pandas()

Names are imported when they are first used, so that `import ethogram` and `ethogram --help` stay quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ethogram.clock import ManualClock, SystemClock
    from ethogram.errors import EthogramError, SegmentError, SegmentSyntaxError, UserError
    from ethogram.frames import members
    from ethogram.runtime import Workspace, init
    from ethogram.runtime import Workspace as open
    from ethogram.segment.builder import (
        account,
        active_days,
        anniversary,
        avg,
        bottom,
        count,
        did,
        distinct,
        entered,
        favorite,
        first,
        gap,
        hour,
        in_segment,
        last,
        left,
        length,
        max,
        median,
        min,
        prop,
        quintile,
        score,
        sequence,
        step,
        streak,
        sum,
        top,
        trait,
        weekday,
    )
    from ethogram.segment.parser import parse

# Public name → module and name there; all others are the language's words in Python, from `_WORDS`.
_HOMES = {
    "EthogramError": ("ethogram.errors", "EthogramError"),
    "ManualClock": ("ethogram.clock", "ManualClock"),
    "SegmentError": ("ethogram.errors", "SegmentError"),
    "SegmentSyntaxError": ("ethogram.errors", "SegmentSyntaxError"),
    "SystemClock": ("ethogram.clock", "SystemClock"),
    "UserError": ("ethogram.errors", "UserError"),
    "Workspace": ("ethogram.runtime", "Workspace"),
    "init": ("ethogram.runtime", "init"),
    "members": ("ethogram.frames", "members"),
    "open": ("ethogram.runtime", "Workspace"),
    "parse": ("ethogram.segment.parser", "parse"),
}
_WORDS = "ethogram.segment.builder"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module `ethogram` has no `{name}`")
    module, inside = _HOMES.get(name, (_WORDS, name))
    return getattr(importlib.import_module(module), inside)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


__all__ = [
    "EthogramError",
    "ManualClock",
    "SegmentError",
    "SegmentSyntaxError",
    "SystemClock",
    "UserError",
    "Workspace",
    "account",
    "active_days",
    "anniversary",
    "avg",
    "bottom",
    "count",
    "did",
    "distinct",
    "entered",
    "favorite",
    "first",
    "gap",
    "hour",
    "in_segment",
    "init",
    "last",
    "left",
    "length",
    "max",
    "median",
    "members",
    "min",
    "open",
    "parse",
    "prop",
    "quintile",
    "score",
    "sequence",
    "step",
    "streak",
    "sum",
    "top",
    "trait",
    "weekday",
]
