"""What came of messages: who got them, what they did about them, and who did what was hoped for.

Step of the path: measure. Reads the warehouse, where all that happens to a message is an event; writes nothing. People
are counted once each: somebody belongs to the arm of their first exposure, and converts by what they do in the window
after it. Those who were held out have an exposure too, the instant at which they would have got the message.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ethogram.model.campaign import Conversion
from ethogram.model.experiment import Arm
from ethogram.model.message import Channel, Maker
from ethogram.store.schema import INSTANT
from ethogram.store.warehouse import Warehouse

HOLDOUT = "holdout"
# What people do about a message, as the events that tell of it end; machines do not count.
ABOUT = ("delivered", "opened", "clicked", "dismissed", "bounced", "complained", "unsubscribed", "refused", "failed")
_HELD = "ifNull(properties.held_out.:Bool, false)"  # of a run
_MICROSECOND = dt.timedelta(microseconds=1)
_decode = msgspec.json.Decoder().decode
Fits = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class About:
    """Whose messages are asked about.

    Attributes:
        channel: None asks about a whole journey or a split of one, where runs are counted instead of messages.
        step: of a journey; empty for a campaign and for a whole journey.
    """

    maker: Maker
    name: str
    channel: Channel | None
    step: str = ""

    @property
    def prefix(self) -> str:
        """What the names of the events begin with that tell of it."""
        return f"{'journey' if self.channel is None else self.channel.value}_"

    @property
    def exposure(self) -> str:
        """The event by which somebody gets it."""
        what = "sent" if self.channel is not None else "split" if self.step else "entered"
        return self.prefix + what


@dataclass(frozen=True, slots=True)
class VariantOutcome:
    """What came of one variant, or of the holdout.

    Attributes:
        did: people by what they did about the message: delivered, opened, clicked …
        arm: its people with their conversions and what they spent.
        last_touch: conversions for which this was the last message before them, of all campaigns and journeys.
        last_touch_revenue: what was spent in these.
    """

    name: str
    did: dict[str, int]
    arm: Arm
    last_touch: int = 0
    last_touch_revenue: float = 0.0


@dataclass(slots=True)
class _Tally:
    people: int = 0
    converted: int = 0
    total: float = 0.0
    squares: float = 0.0
    last_touch: int = 0
    last_touch_revenue: float = 0.0
    did: dict[str, int] = field(default_factory=dict)


def outcomes(
    warehouse: Warehouse, about: About, conversion: Conversion | None, now: dt.datetime, *, fits: Fits | None = None
) -> tuple[VariantOutcome, ...]:
    """What came of each variant, by name, the holdout last.

    Args:
        conversion: what was hoped for; None counts no conversions.
        fits: whether an event's properties are those that the conversion asks for; None asks for none.
    """
    tallies: dict[str, _Tally] = {}
    for arm, people in warehouse.query(
        f"SELECT arm, count() FROM ({_exposed(about)}) GROUP BY arm", _bound(about, now)
    ):
        tallies.setdefault(str(arm), _Tally()).people = int(people)
    for event, variant, people in warehouse.query(_done_sql(about), {**_bound(about, now), "events": _events(about)}):
        what = str(event).removeprefix(about.prefix)
        tallies.setdefault(str(variant), _Tally()).did[what] = int(people)
    if conversion is not None:
        for person in _conversions(warehouse, about, conversion, now, fits):
            tally = tallies.setdefault(person.arm, _Tally())
            tally.converted += 1
            tally.total += person.spent
            tally.squares += person.spent**2
            tally.last_touch += person.last_touch
            tally.last_touch_revenue += person.last_touch_spent
    names = sorted(tallies, key=lambda name: (name == HOLDOUT, name))
    return tuple(
        VariantOutcome(
            name,
            tallies[name].did,
            Arm(name, tallies[name].people, tallies[name].converted, tallies[name].total, tallies[name].squares),
            tallies[name].last_touch,
            tallies[name].last_touch_revenue,
        )
        for name in names
    )


@dataclass(frozen=True, slots=True)
class _Converted:
    """Somebody who converted."""

    arm: str
    spent: float
    last_touch: int
    last_touch_spent: float


def _conversions(
    warehouse: Warehouse, about: About, conversion: Conversion, now: dt.datetime, fits: Fits | None
) -> Iterator[_Converted]:
    """Those who converted in the window after their exposure, each once."""
    bound = {**_bound(about, now), "conversion": conversion.event, "window": conversion.within // _MICROSECOND}
    person: Any = None
    arm, spent, touched, touched_spent, any_fits = "", 0.0, 0, 0.0, False
    for profile, its_arm, text, last in warehouse.query(_conversions_sql(about), bound):
        if profile != person:
            if any_fits:
                yield _Converted(arm, spent, touched, touched_spent)
            person, arm, spent, touched, touched_spent, any_fits = profile, str(its_arm), 0.0, 0, 0.0, False
        properties = _decode(text)
        if fits is not None and not fits(properties):
            continue
        any_fits = True
        money = _number(properties.get(conversion.revenue)) if conversion.revenue is not None else 0.0
        spent += money
        if last:
            touched += 1
            touched_spent += money
    if any_fits:
        yield _Converted(arm, spent, touched, touched_spent)


def _number(value: object) -> float:
    """A property as money: a number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return 0.0
    try:
        number = float(value)
    except ValueError:
        return 0.0
    return number if abs(number) < 1e15 else 0.0  # NaN compares false


# --- statements -----------------------------------------------------------------------------------------------------


def _bound(about: About, now: dt.datetime) -> dict[str, Any]:
    return {
        "name": about.name, "step": about.step, "now": now,
        "sent": about.exposure, "held": f"{about.prefix}held_out",
    }  # fmt: skip


def _events(about: About) -> list[str]:
    if about.channel is None:
        return [about.exposure] if about.step else [about.exposure, "journey_exited"]
    return [about.prefix + what for what in ("sent", *ABOUT)]


def _ours(about: About) -> str:
    step = "ifNull(properties.step.:String, '') = {step:String}"
    return f"properties.{about.maker.value}.:String = {{name:String}} AND {step}"


def _touched(about: About) -> str:
    """Whose messages count as ours: those of the step, or all of a journey that is asked about as a whole."""
    return _ours(about) if about.channel is not None else f"properties.{about.maker.value}.:String = {{name:String}}"


def _exposed(about: About) -> str:
    """Everybody who got the message or would have got it: their arm, and since when."""
    return (
        "SELECT profile, argMin(if(event = {held:String} OR " + _HELD + ", '" + HOLDOUT + "', "
        "ifNull(properties.variant.:String, '')), (ts, message_id)) AS arm, min(ts) AS exposed_at "
        f"FROM events WHERE event IN ({{sent:String}}, {{held:String}}) AND {_ours(about)} "
        f"AND ts <= {{now:{INSTANT}}} GROUP BY profile"
    )


def _done_sql(about: About) -> str:
    return (
        "SELECT toString(event), "
        f"if({_HELD}, '{HOLDOUT}', ifNull(properties.variant.:String, '')) AS variant, "
        "uniqExact(profile) FROM events "
        f"WHERE event IN {{events:Array(String)}} AND {_ours(about)} AND ts <= {{now:{INSTANT}}} "
        "AND NOT ifNull(properties.machine.:Bool, false) GROUP BY event, variant"
    )


def _conversions_sql(about: About) -> str:
    """Each conversion in somebody's window, and whether our message was the last one before it."""
    sent = " OR ".join(f"event = '{channel.value}_sent'" for channel in Channel)
    return (
        f"WITH exposed AS ({_exposed(about)}), "
        # Of all messages that were sent to these people, which one a conversion came after.
        f"touches AS (SELECT profile, ts, ifNull({_touched(about)}, false) AS ours "
        f"FROM events WHERE ({sent}) AND profile IN (SELECT profile FROM exposed)) "
        "SELECT c.profile, any(x.arm) AS arm, any(c.properties_text) AS text, "
        "countIf(t.ts <= c.ts) > 0 AND argMaxIf(t.ours, t.ts, t.ts <= c.ts) AS last "
        "FROM (SELECT profile, ts, properties_text, rowNumberInAllBlocks() AS row FROM events "
        f"WHERE event = {{conversion:String}} AND ts <= {{now:{INSTANT}}} "
        "AND profile IN (SELECT profile FROM exposed)) AS c "
        "INNER JOIN exposed AS x ON c.profile = x.profile LEFT JOIN touches AS t ON c.profile = t.profile "
        "WHERE c.ts > x.exposed_at AND toUnixTimestamp64Micro(c.ts) - toUnixTimestamp64Micro(x.exposed_at) "
        "<= {window:Int64} GROUP BY c.profile, c.row, c.ts ORDER BY c.profile, c.ts"
    )
