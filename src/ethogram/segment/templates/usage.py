"""Templates about use: how many days, how often, how long, which features, rising or falling.

Step of the path: data for `fill.py`. Bands (super, mid-level, light; active, casual, dormant; the session bands) share
people out without overlap as long as the thresholds of neighbours stay the same.
"""

from __future__ import annotations

from ethogram.segment.templates.template import Template, days, event, number, text, whole

_MID = whole("mid", 5, "active days from which somebody is a mid-level user", "days")
_SUPER = whole("super", 16, "active days from which somebody is a super user", "days")
_RECENT = days(7, "how long somebody counts as active", "recent")
_DORMANT = days(30, "after how long somebody counts as dormant")
_FEW = whole("few", 4, "visits from which frequency is medium", "visits")
_MANY = whole("many", 12, "visits from which frequency is high", "visits")
_SHORT = number("short", 60, "seconds from which a visit is of medium length", "seconds", low=0)
_LONG = number("long", 600, "seconds from which a visit is long", "seconds", low=0)

_ACTIVE_DAYS = "active_days({activity} in last {days} days)"
_VISITS = "count({session} in last {days} days)"
_LENGTH = "median({session.length} in last {days} days)"

USAGE: tuple[Template, ...] = (
    Template(
        "super-users",
        "Super users",
        "Active on most days.",
        "usage",
        f"{_ACTIVE_DAYS} >= {{super}}",
        (_SUPER, days(28)),
        ("activity", "level"),
    ),
    Template(
        "mid-level-users",
        "Mid-level users",
        "Active regularly, but not on most days.",
        "usage",
        f"{_ACTIVE_DAYS} >= {{mid}} and {_ACTIVE_DAYS} < {{super}}",
        (_MID, _SUPER, days(28)),
        ("activity", "level"),
    ),
    Template(
        "light-users",
        "Light users",
        "Active now and then.",
        "usage",
        f"{_ACTIVE_DAYS} >= 1 and {_ACTIVE_DAYS} < {{mid}}",
        (_MID, days(28)),
        ("activity", "level"),
    ),
    Template(
        "active-users",
        "Active users",
        "Were here in the last days.",
        "usage",
        "did({activity} in last {recent} days)",
        (_RECENT,),
        ("activity", "recency"),
    ),
    Template(
        "casual-users",
        "Casual users",
        "Were here not long ago, but not in the last days.",
        "usage",
        "did({activity} in last {days} days) and not did({activity} in last {recent} days)",
        (_RECENT, _DORMANT),
        ("activity", "recency"),
    ),
    Template(
        "dormant-users",
        "Dormant users",
        "Were here once, and no more for long.",
        "usage",
        "did({activity}) and not did({activity} in last {days} days)",
        (_DORMANT,),
        ("activity", "recency", "retention"),
    ),
    Template(
        "feature-power-users",
        "Power users of a feature",
        "Use one named feature a lot.",
        "usage",
        "count({feature_use} where {feature_use.feature} = {feature} in last {days} days) >= {uses}",
        (
            text("feature", None, "the feature, as the events name it"),
            whole("uses", 10, "how many uses", "uses"),
            days(28),
        ),
        ("feature", "power"),
    ),
    Template(
        "event-power-users",
        "Power users of a feature that has its own event",
        "Do one named thing a lot.",
        "usage",
        "count({feature_event} in last {days} days) >= {uses}",
        (
            event("feature_event", "the event that using the feature sends"),
            whole("uses", 10, "how many uses", "uses"),
            days(28),
        ),
        ("feature", "power"),
    ),
    Template(
        "feature-adoption-gap",
        "Feature adoption gap",
        "Use one feature often and another one, that goes with it, rarely or never.",
        "usage",
        "count({feature_use} where {feature_use.feature} = {used} in last {days} days) >= {often}"
        " and count({feature_use} where {feature_use.feature} = {neglected} in last {days} days) <= {rarely}",
        (
            text("used", None, "the feature that they use often"),
            text("neglected", None, "the feature that they hardly use"),
            whole("often", 5, "how many uses are often", "uses"),
            whole("rarely", 1, "how many uses are still rare", "uses", low=0),
            days(28),
        ),
        ("feature", "adoption"),
    ),
    Template(
        "event-adoption-gap",
        "Adoption gap between two events",
        "Do one named thing often and another one rarely or never.",
        "usage",
        "count({used_event} in last {days} days) >= {often}"
        " and count({neglected_event} in last {days} days) <= {rarely}",
        (
            event("used_event", "the event that they often cause"),
            event("neglected_event", "the event that they hardly cause"),
            whole("often", 5, "how many are often", "events"),
            whole("rarely", 1, "how many are still rare", "events", low=0),
            days(28),
        ),
        ("feature", "adoption"),
    ),
    Template(
        "sessions-frequent",
        "Visits: frequent",
        "Visit often.",
        "usage",
        f"{_VISITS} >= {{many}}",
        (_MANY, days(28)),
        ("session", "frequency"),
    ),
    Template(
        "sessions-occasional",
        "Visits: occasional",
        "Visit now and then.",
        "usage",
        f"{_VISITS} >= {{few}} and {_VISITS} < {{many}}",
        (_FEW, _MANY, days(28)),
        ("session", "frequency"),
    ),
    Template(
        "sessions-rare",
        "Visits: rare",
        "Visit rarely.",
        "usage",
        f"{_VISITS} >= 1 and {_VISITS} < {{few}}",
        (_FEW, days(28)),
        ("session", "frequency"),
    ),
    Template(
        "sessions-long",
        "Visits: long",
        "Stay long: half of their visits or more last at least so long.",
        "usage",
        f"{_LENGTH} >= {{long}}",
        (_LONG, days(28)),
        ("session", "length"),
    ),
    Template(
        "sessions-medium",
        "Visits: of medium length",
        "Stay a while.",
        "usage",
        f"{_LENGTH} >= {{short}} and {_LENGTH} < {{long}}",
        (_SHORT, _LONG, days(28)),
        ("session", "length"),
    ),
    Template(
        "sessions-short",
        "Visits: short",
        "Leave soon.",
        "usage",
        f"{_LENGTH} < {{short}}",
        (_SHORT, days(28)),
        ("session", "length"),
    ),
    Template(
        "engagement-high",
        "Engagement: high",
        "Do a lot, and on many days.",
        "usage",
        f"{_ACTIVE_DAYS} >= {{active}} and count({{activity}} in last {{days}} days) >= {{times}}",
        (
            whole("active", 8, "on how many days", "days"),
            whole("times", 20, "how many times altogether", "times"),
            days(28),
        ),
        ("engagement", "activity"),
    ),
    Template(
        "engagement-low",
        "Engagement: low",
        "Are known for longer than the time looked at, and did little or nothing in it.",
        "usage",
        f"did({{activity}} before {{days}} days ago) and {_ACTIVE_DAYS} <= {{active}}",
        (whole("active", 2, "on how many days at most", "days", low=0), days(28)),
        ("engagement", "activity"),
    ),
    Template(
        "engagement-rising",
        "Engagement: rising",
        "Were more active than in the same time before.",
        "usage",
        "count({activity} in last {days} days) >= {times}"
        " and count({activity} in last {days} days)"
        " >= {factor} * count({activity} in {days} days before last {days} days)",
        (
            number("factor", 1.5, "by which factor it rose", low=1),
            whole("times", 5, "how many times they were active at least", "times"),
            days(14, "how long each of the two times is"),
        ),
        ("engagement", "trend"),
    ),
    Template(
        "engagement-falling",
        "Engagement: falling",
        "Were less active than in the same time before.",
        "usage",
        "count({activity} in {days} days before last {days} days) >= {times}"
        " and count({activity} in last {days} days)"
        " <= {factor} * count({activity} in {days} days before last {days} days)",
        (
            number("factor", 0.5, "to which part it fell", low=0, high=1),
            whole("times", 5, "how many times they were active before at least", "times"),
            days(14, "how long each of the two times is"),
        ),
        ("engagement", "trend", "retention"),
    ),
    Template(
        "streak-running",
        "Streak running",
        "Were active on consecutive days, up to today or yesterday.",
        "usage",
        "streak({activity}) >= {streak}",
        (whole("streak", 3, "how many days in a row", "days"),),
        ("streak", "activity"),
    ),
    Template(
        "streak-about-to-break",
        "Streak about to break",
        "Were active on consecutive days up to yesterday, and not yet today.",
        "usage",
        "streak({activity}) >= {streak} and not did({activity} in today)",
        (whole("streak", 3, "how many days in a row", "days"),),
        ("streak", "activity", "retention"),
    ),
)
