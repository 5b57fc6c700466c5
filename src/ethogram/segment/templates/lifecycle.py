"""Templates about the way in: sign-up, onboarding, free trial, subscription.

Step of the path: data for `fill.py`.
"""

from __future__ import annotations

from ethogram.segment.templates.template import Template, days, whole

LIFECYCLE: tuple[Template, ...] = (
    Template(
        "new-signups",
        "New sign-ups",
        "Made their account lately.",
        "lifecycle",
        "first({signup}) in last {days} days",
        (days(7, "how long somebody counts as new"),),
        ("signup", "new"),
    ),
    Template(
        "activated-in-first-days",
        "Activated in their first days",
        "Were active on several days soon after signing up.",
        "lifecycle",
        "active_days({activity} in first {days} days after first({signup})) >= {active}",
        (days(7, "how many days after the sign-up"), whole("active", 3, "on how many of them", "days")),
        ("signup", "activation"),
    ),
    Template(
        "onboarding-abandoned",
        "Onboarding abandoned",
        "Began the onboarding some days ago, took no step since, and did not finish it.",
        "lifecycle",
        "did({onboarding_started} before {days} days ago) and not did({onboarding_completed})"
        " and not did({onboarding_started} in last {days} days) and not did({onboarding_step?} in last {days} days)",
        (days(3, "how long to wait for the next step"),),
        ("onboarding", "abandonment"),
    ),
    Template(
        "onboarding-not-started",
        "Onboarding not started",
        "Signed up some days ago and never began the onboarding.",
        "lifecycle",
        "did({signup} before {days} days ago) and not did({onboarding_started})",
        (days(2, "how long to wait for the beginning"),),
        ("onboarding", "signup"),
    ),
    Template(
        "trial-started",
        "Free trial running",
        "Began a free trial that still runs, and pays for nothing yet.",
        "lifecycle",
        "did({trial_started} in last {days} days) and not did({subscription})"
        " and not did({trial_ended?} in last {days} days)",
        (days(14, "how long the trial lasts"),),
        ("trial",),
    ),
    Template(
        "trial-ending",
        "Free trial ending",
        "A free trial is in its last days, and nothing is paid for yet.",
        "lifecycle",
        "last({trial_started}) before {after} days ago and did({trial_started} in last {days} days)"
        " and not did({subscription}) and not did({trial_ended?} in last {days} days)",
        (days(11, "from which day on the end is near", "after"), days(14, "how long the trial lasts")),
        ("trial",),
    ),
    Template(
        "trial-expired",
        "Free trial over, not paying",
        "The free trial is over and nothing was paid for.",
        "lifecycle",
        "last({trial_started}) before {days} days ago and not did({subscription})",
        (days(14, "how long the trial lasts"),),
        ("trial", "win-back"),
    ),
    Template(
        "free-to-paid-candidates",
        "Free-to-paid candidates",
        "Pay for nothing yet, but use the product on many days, look at the prices or reach a limit of the free plan.",
        "lifecycle",
        "not did({subscription}) and (active_days({activity} in last 28 days) >= {active}"
        " or did({pricing_view?} in last {days} days) or did({limit_reached?} in last {days} days))",
        (
            whole("active", 10, "active days among the last 28 that show a habit", "days"),
            days(14, "how long a look at prices or a limit counts"),
        ),
        ("subscription", "upgrade", "activity"),
    ),
    Template(
        "subscription-cancelled",
        "Subscription cancelled",
        "Ended a subscription lately and has not begun another one since.",
        "lifecycle",
        "did({subscription_ended} in last {days} days)"
        " and not sequence({subscription_ended}, {subscription}) in last {days} days",
        (days(90),),
        ("subscription", "win-back"),
    ),
)
