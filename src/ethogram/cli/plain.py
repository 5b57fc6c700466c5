"""Turns results into what JSON can hold: the documented form behind `--json`.

A result's keys are the fields of its dataclass in `model.results`. Instants are ISO 8601 with their zone, lengths are
seconds, enumerations their value. A mapping whose keys are several names becomes a list of
`{"names": […], "count": n}`. Numbers that JSON cannot hold (infinities, NaN) become null.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

from ethogram.cli.hostile import visible_json


def to_plain(value: object) -> Any:
    """The value as dicts, lists, text, numbers, booleans and None."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return to_plain(value.value)
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, PurePath):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        if value and all(isinstance(key, tuple) for key in value):
            return [{"names": list(names), "count": to_plain(count)} for names, count in value.items()]
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [to_plain(item) for item in items]
    return str(value)


def to_json(value: object, *, indent: int | None = 2) -> str:
    """The value as JSON text, safe to show on a terminal."""
    return visible_json(json.dumps(to_plain(value), ensure_ascii=False, indent=indent, allow_nan=False))
