"""Templates about accounts: seats in use, accounts ready to upgrade, accounts that need help.

Step of the path: data for `fill.py`. Those that begin with `for account:` give accounts, the others profiles.
"""

from __future__ import annotations

from ethogram.segment.templates.template import Template, days, number, texts, whole

_FREE = texts("plans", ("free", "starter", "trial"), "the plans to upgrade from, in any letter case")

ACCOUNTS: tuple[Template, ...] = (
    Template(
        "active-seats",
        "Active seats",
        "Belong to an account and use the product.",
        "accounts",
        "account_id exists and active_days({activity} in last {days} days) >= {active}",
        (whole("active", 4, "on how many days", "days"), days(28)),
        ("account", "activity"),
    ),
    Template(
        "idle-seats",
        "Idle seats",
        "Belong to an account that is active, but do not use the product themselves.",
        "accounts",
        "account.did({activity} in last {days} days) and not did({activity} in last {days} days)",
        (days(28),),
        ("account", "activity", "retention"),
    ),
    Template(
        "active-accounts",
        "Active accounts",
        "Accounts whose people are active often, all together.",
        "accounts",
        "for account: count({activity} in last {days} days) >= {times}",
        (whole("times", 20, "how many times altogether", "times"), days(28)),
        ("account", "activity"),
    ),
    Template(
        "seats-well-used",
        "Seats well used",
        "Accounts that are active so many times for each seat they pay for.",
        "accounts",
        "for account: count({activity} in last {days} days) >= {times} * {account.seats}",
        (number("times", 4, "how many times for each seat", "times", low=0.01), days(28)),
        ("account", "activity", "seats"),
    ),
    Template(
        "upgrade-ready-accounts",
        "Upgrade-ready accounts",
        "Accounts on a small plan that use the product a lot, reach its limits or look at prices.",
        "accounts",
        "for account: {account.plan} ~in ({plans}) and (count({activity} in last {days} days) >= {times}"
        " or did({limit_reached?} in last {days} days) or did({pricing_view?} in last {days} days))",
        (_FREE, whole("times", 50, "how many times altogether are a lot", "times"), days(28)),
        ("account", "upgrade"),
    ),
    Template(
        "upgrade-ready-people",
        "People of upgrade-ready accounts",
        "Belong to an account on a small plan that uses the product a lot.",
        "accounts",
        "{account.plan} ~in ({plans}) and account.count({activity} in last {days} days) >= {times}",
        (_FREE, whole("times", 50, "how many times altogether are a lot", "times"), days(28)),
        ("account", "upgrade"),
    ),
    Template(
        "accounts-needing-help",
        "Accounts needing help",
        "Accounts that ask for help or meet errors often, or whose use falls by half or more.",
        "accounts",
        "for account: count({support_request?} in last {days} days) >= {requests}"
        " or count({error?} in last {days} days) >= {errors}"
        " or count({activity} in {days} days before last {days} days) >= {times}"
        " and count({activity} in last {days} days) <= 0.5 * count({activity} in {days} days before last {days} days)",
        (
            whole("requests", 3, "how many requests for help", "requests"),
            whole("errors", 10, "how many errors", "errors"),
            whole("times", 10, "from how much use before a fall says something", "times"),
            days(28),
        ),
        ("account", "support", "retention"),
    ),
    Template(
        "dormant-accounts",
        "Dormant accounts",
        "Accounts where nobody was active for long.",
        "accounts",
        "for account: did({activity}) and not did({activity} in last {days} days)",
        (days(30, "for how long"),),
        ("account", "retention"),
    ),
)
