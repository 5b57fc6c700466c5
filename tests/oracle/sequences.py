"""The oracle's sequences: tries every choice of events.

Reads, for each step, the instants at which it could have happened; says whether some choice fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oracle.windows import later

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from ethogram.model.segment import Span


@dataclass(frozen=True, slots=True)
class Tried:
    """One step: the instants of the events that pass for it (a negated step's are looked for anywhere)."""

    instants: frozenset[dt.datetime]
    negated: bool
    within: Span | None


def fits(steps: Sequence[Tried], now: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether some choice of events fits all the steps."""
    first, *rest = steps
    return any(_fits_after(at, rest, now, zone) for at in first.instants)


def _fits_after(before: dt.datetime, steps: Sequence[Tried], now: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether the remaining steps fit after the positive step at `before`."""
    if not steps:
        return True
    step, *rest = steps
    if not step.negated:
        return any(_fits_after(at, rest, now, zone) for at in _choices(before, step, zone))
    if not rest:
        return _nothing_came(before, step, now, zone)
    following, *remaining = rest
    return any(
        not any(before < unwanted < at for unwanted in step.instants) and _fits_after(at, remaining, now, zone)
        for at in _choices(before, following, zone)
    )


def _choices(before: dt.datetime, step: Tried, zone: ZoneInfo) -> list[dt.datetime]:
    """The instants strictly after the step before, and not too late."""
    after = [at for at in step.instants if at > before]
    if step.within is None:
        return after
    latest = later(before, step.within, zone)
    return [at for at in after if at <= latest]


def _nothing_came(before: dt.datetime, step: Tried, now: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether the time after the last positive step has passed without the unwanted event, its end included."""
    assert step.within is not None, "a closing negated step has a limit"
    end = later(before, step.within, zone)
    return end <= now and not any(before < unwanted <= end for unwanted in step.instants)
