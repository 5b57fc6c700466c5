"""For each template that looks at one person at a time: histories that it must find, and ones that it must not.

Both sides of every threshold, with the template's default parameters unless others are given. The notation is
explained in `histories.py`. Templates that rank people against each other have their own tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """A template with parameters, and histories of members and of others."""

    template: str
    members: tuple[str, ...]
    others: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)


BUYING = (
    Case("one-time-buyers", ("purchase 900",), ("", "purchase 900, purchase 1", "view 1")),
    Case("repeat-buyers", ("purchase 900, purchase 1", "3*purchase 5"), ("", "purchase 1")),
    Case("repeat-buyers", ("3*purchase 5",), ("2*purchase 5",), {"purchases": 3}),
    Case(
        "first-time-buyers", ("purchase 30-", "purchase 9, purchase 1"), ("purchase 30", "purchase 40, purchase 1", "")
    ),
    Case(
        "big-baskets",
        ("purchase 9 amount=100", "purchase 9 amount=150, purchase 8 amount=50, purchase 366 amount=1"),
        ("purchase 9 amount=99.5", "purchase 9 amount=150, purchase 8 amount=49", "purchase 366 amount=500", ""),
    ),
    Case(
        "lapsing-buyers",
        ("purchase 300, purchase 60+", "purchase 300, purchase 120-"),
        (
            "purchase 300, purchase 60",
            "purchase 300, purchase 120",
            "purchase 70",
            "purchase 300, purchase 70, purchase 1",
        ),
    ),
    Case("lapsed-buyers", ("purchase 120+", "9*purchase 400"), ("purchase 120", "purchase 400, purchase 1", "")),
    Case(
        "win-back-candidates",
        ("2*purchase 600, purchase 120+, @email=a@example.org", "3*purchase 365-, @email=a@example.org"),
        (
            "2*purchase 600, purchase 120, @email=a@example.org",
            "3*purchase 365, @email=a@example.org",
            "2*purchase 200, @email=a@example.org",
            "3*purchase 200",
        ),
    ),
    Case(
        "narrow-range-buyers",
        ("4*purchase 9 category=tea", "3*purchase 9 category=tea, purchase 1 category=mugs"),
        (
            "3*purchase 9 category=tea",
            "2*purchase 9 category=tea, purchase 2 category=mugs, purchase 1 category=jars",
            "4*purchase 9",
        ),
    ),
    Case(
        "few-products-buyers",
        ("purchase 3 product=a, purchase 2 product=b, purchase 1 product=c", "5*purchase 1 product=7"),
        (
            "purchase 3 product=a, purchase 2 product=b",
            "purchase 4 product=d, purchase 3 product=a, purchase 2 product=b, purchase 1 product=c",
            "3*purchase 1",
        ),
    ),
    Case(
        "cross-sell-category",
        ("purchase 900 category=tea",),
        (
            "purchase 900 category=tea, purchase 1 category=mugs",
            "purchase 1 category=mugs",
            "purchase 1 category=Tea",
            "",
        ),
        {"bought": "tea", "other": "mugs"},
    ),
    Case(
        "deal-seekers",
        (
            "purchase 2 coupon=x, purchase 1",
            "purchase 2 discount=5, purchase 1",
            "2*purchase 2, coupon_use 2",
            "3*purchase 9, 2*coupon_use 9",
        ),
        (
            "purchase 1 coupon=x",
            "2*purchase 2, purchase 1 coupon=x",
            "2*purchase 2 discount=0",
            "2*purchase 2, coupon_use 400",
        ),
    ),
    Case("weekend-buyers", ("2*purchase 7, purchase 3", "purchase 1"), ("purchase 2", "purchase 7, 2*purchase 3", "")),
    Case("status-prospect", ("", "view 1"), ("purchase 900",)),
    Case("status-first-time-buyer", ("purchase 180-",), ("purchase 180", "purchase 9, purchase 1", "")),
    Case("status-regular", ("purchase 900, purchase 180-",), ("purchase 900, purchase 180", "purchase 1", "")),
    Case("status-defector", ("purchase 180", "9*purchase 400"), ("purchase 180-", "purchase 400, purchase 1", "")),
)

BROWSING = (
    Case(
        "browse-heavy-not-buying",
        ("10*view 5", "10*view 29, purchase 30"),
        ("9*view 5", "9*view 5, view 30", "10*view 5, purchase 30-", ""),
    ),
    Case(
        "viewed-product-not-bought",
        (
            "3*view 5 product=p1",
            "3*view 5 product=p1, purchase 1 product=p2",
            "3*view 5 product=p1, purchase 14 product=p1",
        ),
        (
            "2*view 5 product=p1, view 5 product=p2",
            "3*view 14 product=p1",
            "3*view 5 product=p1, purchase 1 product=p1",
        ),
        {"product": "p1"},
    ),
    Case("viewed-product-not-bought", ("3*view 5 product=7",), ("3*view 5 product=8",), {"product": 7}),
    Case(
        "returning-to-products",
        ("3*view 5 product=a", "4*view 5 product=a, 2*view 5 product=b"),
        (
            "2*view 5 product=a",
            "3*view 5 product=a, 2*view 5 product=b",
            "3*view 5 product=a, purchase 3",
            "3*view 14 product=a",
            "",
        ),
    ),
    Case(
        "cart-abandoned",
        ("add_to_cart 60m", "add_to_cart 7-", "purchase 3, add_to_cart 2"),
        (
            "add_to_cart 59m",
            "add_to_cart 7",
            "add_to_cart 3, purchase 2",
            "add_to_cart 120m, purchase 110m",
            "purchase 1",
            "",
        ),
    ),
    Case(
        "checkout-abandoned",
        ("checkout 60m", "checkout 7-"),
        ("checkout 59m", "checkout 7", "checkout 120m, purchase 60m", "add_to_cart 2"),
    ),
    Case("checkout-abandoned", ("checkout 3h",), ("checkout 2h",), {"minutes": 180}),
    Case(
        "ready-to-buy",
        ("add_to_cart 7-", "checkout 1", "5*view 3", "pricing_view 2", "checkout 1, purchase 7"),
        ("add_to_cart 7", "4*view 3", "checkout 1, purchase 7-", "purchase 900", ""),
    ),
    Case(
        "searching-not-finding",
        ("3*search 2", "view 3, 3*search 2", "view 2, 3*search 2"),
        ("2*search 2", "2*search 2, search 7", "3*search 2, view 1"),
    ),
)

LIFECYCLE = (
    Case("new-signups", ("signup 7-",), ("signup 7", "signup 90, signup 1", "")),
    Case(
        "activated-in-first-days",
        ("signup 90, activity 88..90", "signup 90, activity 83, activity 84, activity 85"),
        ("signup 90, activity 89..90", "signup 90, activity 82.99, activity 84, activity 85", "activity 1..5"),
    ),
    Case(
        "onboarding-abandoned",
        ("onboarding_started 3+", "onboarding_started 9, onboarding_step 3"),
        (
            "onboarding_started 3",
            "onboarding_started 9, onboarding_step 3-",
            "onboarding_started 9, onboarding_completed 8",
            "onboarding_started 9, onboarding_started 1",
            "",
        ),
    ),
    Case("onboarding-not-started", ("signup 2+",), ("signup 2", "signup 9, onboarding_started 1", "")),
    Case(
        "trial-started",
        ("trial_started 14-",),
        ("trial_started 14", "trial_started 3, subscription 1", "trial_started 3, trial_ended 1", ""),
    ),
    Case(
        "trial-ending",
        ("trial_started 11+", "trial_started 14-"),
        (
            "trial_started 11",
            "trial_started 14",
            "trial_started 12, subscription 1",
            "trial_started 12, trial_started 1",
        ),
    ),
    Case(
        "trial-expired",
        ("trial_started 14+",),
        ("trial_started 14", "trial_started 20, subscription 13", "trial_started 90, trial_started 5", ""),
    ),
    Case(
        "free-to-paid-candidates",
        ("activity 1..10", "pricing_view 14-", "limit_reached 14-"),
        ("activity 1..9", "pricing_view 14", "limit_reached 14", "activity 1..10, subscription 400", "activity 28..60"),
    ),
    Case(
        "subscription-cancelled",
        ("subscription 400, subscription_ended 90-", "subscription 5, subscription_ended 3"),
        ("subscription_ended 90", "subscription_ended 5, subscription 3", "subscription 3"),
    ),
)

USAGE = (
    Case("super-users", ("activity 1..16",), ("activity 1..15", "99*activity 3", "activity 28..60")),
    Case("mid-level-users", ("activity 1..5", "activity 1..15"), ("activity 1..4", "activity 1..16")),
    Case("light-users", ("activity 1", "activity 1..4"), ("activity 1..5", "activity 28", "")),
    Case("active-users", ("activity 7-", "activity 0"), ("activity 7", "")),
    Case("casual-users", ("activity 7", "activity 30-"), ("activity 7-", "activity 30", "activity 9, activity 1", "")),
    Case("dormant-users", ("activity 30",), ("activity 30-", "activity 90, activity 1", "")),
    Case(
        "feature-power-users",
        ("10*feature_use 27 feature=export",),
        ("9*feature_use 2 feature=export, 9*feature_use 2 feature=import", "10*feature_use 28 feature=export", ""),
        {"feature": "export"},
    ),
    Case(
        "event-power-users",
        ("10*exported 27",),
        ("9*exported 2", "10*exported 28", "10*imported 2"),
        {"feature_event": "exported"},
    ),
    Case(
        "feature-adoption-gap",
        ("5*feature_use 2 feature=a", "5*feature_use 2 feature=a, feature_use 1 feature=b"),
        (
            "4*feature_use 2 feature=a",
            "5*feature_use 2 feature=a, 2*feature_use 1 feature=b",
            "5*feature_use 2 feature=b",
        ),
        {"used": "a", "neglected": "b"},
    ),
    Case(
        "event-adoption-gap",
        ("5*wrote 2", "5*wrote 2, spoke 2", "5*wrote 2, 9*spoke 28"),
        ("4*wrote 2", "5*wrote 2, 2*spoke 2", "5*wrote 28"),
        {"used_event": "wrote", "neglected_event": "spoke"},
    ),
    Case("sessions-frequent", ("12*session 3",), ("11*session 3, session 28",)),
    Case("sessions-occasional", ("4*session 3", "11*session 3"), ("3*session 3", "12*session 3")),
    Case("sessions-rare", ("session 3", "3*session 3"), ("4*session 3", "session 28", "")),
    Case(
        "sessions-long",
        ("session 3 length=600", "session 3 length=10, 2*session 2 length=900"),
        ("session 3 length=599", "2*session 3 length=10, session 2 length=900", "session 28 length=900", "session 3"),
    ),
    Case(
        "sessions-medium",
        ("session 3 length=60", "session 3 length=599.5"),
        ("session 3 length=59", "session 3 length=600"),
    ),
    Case("sessions-short", ("session 3 length=59",), ("session 3 length=60", "session 3", "")),
    Case(
        "engagement-high",
        ("activity 1..7, 13*activity 8", "2*activity 1, 18*activity 2, activity 3..8"),
        ("activity 1..7, 12*activity 8", "activity 1..6, 20*activity 7", ""),
    ),
    Case(
        "engagement-low",
        ("activity 28+", "activity 40, 9*activity 2"),
        ("activity 28", "activity 40, activity 1..3", ""),
    ),
    Case(
        "engagement-rising",
        ("4*activity 20, 6*activity 5", "5*activity 13"),
        ("4*activity 20, 5*activity 5", "4*activity 5", "6*activity 14", "6*activity 20"),
    ),
    Case(
        "engagement-falling",
        ("6*activity 20, 3*activity 5", "5*activity 14", "5*activity 28-"),
        ("6*activity 20, 4*activity 5", "4*activity 20", "5*activity 28"),
    ),
    Case(
        "streak-running",
        ("activity 0..2", "activity 1..3", "activity 1..9"),
        ("activity 0..1", "activity 2..9", "activity 1..2, activity 4", ""),
    ),
    Case(
        "streak-about-to-break",
        ("activity 1..3", "activity 0.51, activity 2..3"),
        ("activity 0..3", "activity 1..2", "activity 2..9"),
    ),
)

REACH = (
    Case(
        "content-affinity",
        ("3*content_view 2 category=art, 2*content_view 1 category=war", "3*content_view 89 category=art"),
        (
            "2*content_view 2 category=art",
            "3*content_view 2 category=art, 4*content_view 1 category=war",
            "3*content_view 90 category=art",
        ),
        {"category": "art"},
    ),
    Case(
        "category-affinity",
        ("3*view 2 category=tea", "3*view 2 category=tea, 2*view 1 category=mugs"),
        ("2*view 2 category=tea", "3*view 2 category=tea, 3*view 1 category=mugs", "3*view 2 category=Tea"),
        {"category": "tea"},
    ),
    Case(
        "purchase-category-affinity",
        ("2*purchase 364 category=tea",),
        (
            "purchase 2 category=tea",
            "2*purchase 365 category=tea",
            "2*purchase 9 category=tea, 2*purchase 1 category=mugs",
        ),
        {"category": "tea"},
    ),
    Case(
        "device-users",
        ("session 2 device=Mobile", "2*session 2 device=mobile, session 1 device=desktop"),
        ("session 2 device=mobile, 2*session 1 device=desktop", "session 90 device=mobile", "session 2", ""),
    ),
    Case("device-owners", ("@device=mobile", "@device=MOBILE"), ("@device=desktop", "")),
    Case(
        "multi-device-users",
        ("session 2 device=mobile, session 1 device=desktop",),
        ("9*session 2 device=mobile", "session 28 device=mobile, session 1 device=desktop"),
    ),
    Case(
        "preferred-channel",
        ("2*message_opened 2 channel=email, message_opened 1 channel=push", "message_opened 1 channel=EMAIL"),
        ("message_opened 2 channel=email, message_opened 1 channel=push", "message_opened 90 channel=email", ""),
    ),
    Case("stated-channel", ("@channel=Email",), ("@channel=sms", "")),
    Case(
        "purchase-channel",
        ("2*purchase 9 channel=web, purchase 1 channel=store",),
        ("purchase 9 channel=web, purchase 1 channel=store", "purchase 365 channel=web", ""),
    ),
    Case(
        "email-responsive",
        ("3*email_opened 89", "email_clicked 90-"),
        ("2*email_opened 1", "3*email_opened 90", "email_clicked 90"),
    ),
    Case(
        "email-unresponsive",
        ("5*email_sent 89", "5*email_sent 89, email_opened 90"),
        ("4*email_sent 2", "5*email_sent 90", "5*email_sent 89, email_opened 90-"),
    ),
    Case(
        "near-place",
        ("@location=59.3293;18.0686", "@location=59.40;18.0686"),
        ("@location=59.45;18.0686", "@location=nowhere", ""),
        {"latitude": 59.3293, "longitude": 18.0686, "km": 10},
    ),
)

CALENDAR = (
    Case(
        "birthday-coming",
        ("@birthday=1990-03-15", "@birthday=1961-03-22"),
        ("@birthday=1990-03-14", "@birthday=1990-03-23", "@birthday=soon", ""),
    ),
    Case(
        "birthday-this-month",
        ("@birthday=1990-03-01", "@birthday=1990-03-31"),
        ("@birthday=1990-02-28", "@birthday=1990-04-01"),
    ),
    Case(
        "anniversary-coming",
        ("@signup_date=2020-03-15", "@signup_date=2025-03-22"),
        ("@signup_date=2026-03-15", "@signup_date=2020-03-23", "@signup_date=2020-03-14"),
    ),
    Case(
        "purchase-anniversary-coming",
        ("purchase 365", "purchase 358, purchase 1"),
        ("purchase 0", "purchase 357", "purchase 366", ""),
    ),
    Case(
        "holiday-coming",  # Saint Patrick's Day is on 17 March
        ("activity 12, @country=IE", "activity 3, @country=ireland", "activity 0, @country=ie"),
        ("activity 13, @country=IE", "activity 3, @country=GB", "@country=IE", "activity 3"),
        {"holiday": "Saint Patrick's Day", "of": "ie", "years": "2026"},
    ),
    Case(
        "holiday-buyers",  # 25 December 2025 is 80 days ago
        ("purchase 80, @country=US", "purchase 94, @country=United States"),
        (
            "purchase 79, @country=US",
            "purchase 95, @country=US",
            "purchase 85, @country=GB",
            "purchase 85",
            "@country=US",
        ),
        {"holiday": "Christmas Day", "of": "US", "years": "2024,2025"},
    ),
)

OPINION = (
    Case(
        "loyalty-members",
        ("loyalty_enrolled 900", "@loyalty_member=gold"),
        ("", "purchase 1"),
    ),
    Case("referrers", ("referral 365-", "2*referral 9"), ("referral 365", "")),
    Case(
        "advocates",
        ("referral 9", "share 9", "review 9 rating=4", "nps 9 score=9"),
        ("review 9 rating=3", "nps 9 score=8", "nps 9 score=10, nps 5 score=2", "share 365", ""),
    ),
    Case(
        "promoters",
        ("nps 9 score=9", "nps 90 score=0, nps 9 score=10"),
        ("nps 9 score=8", "nps 365 score=9", "nps 9", ""),
    ),
    Case("passives", ("nps 9 score=7", "nps 9 score=8"), ("nps 9 score=6", "nps 9 score=9", "")),
    Case("detractors", ("nps 9 score=6", "nps 90 score=10, nps 9 score=0"), ("nps 9 score=7", "nps 365 score=0", "")),
    Case("satisfied", ("csat 9 score=4",), ("csat 9 score=3", "csat 90 score=5, csat 9 score=3", "csat 365 score=5")),
    Case("dissatisfied", ("csat 9 score=2",), ("csat 9 score=3", "csat 365 score=1", "")),
    Case(
        "happy-reviewers", ("review 9 rating=4",), ("review 9 rating=3.5", "review 90 rating=5, review 9 rating=3", "")
    ),
    Case("unhappy-reviewers", ("review 9 rating=2",), ("review 9 rating=3", "review 365 rating=1", "")),
)

JOURNEY = (
    Case("aida-attention", ("activity 30-", "session 9", "email_opened 9"), ("activity 30", "")),
    Case(
        "aida-interest",
        ("view 9 product=a, view 8 product=b, view 7 product=c", "search 9", "3*content_view 9"),
        ("view 9 product=a, 2*view 8 product=b", "2*content_view 9", "search 30", ""),
    ),
    Case(
        "aida-desire",
        ("add_to_cart 9", "wishlist 9", "pricing_view 9", "trial_started 30-"),
        ("trial_started 30", "checkout 1", ""),
    ),
    Case("aida-action", ("purchase 30-", "subscription 9"), ("purchase 30", "add_to_cart 1", "")),
    Case(
        "aida-stuck-in-attention",
        ("session 14", "session 44-", "email_opened 20, session 1"),
        ("session 14-", "session 44", "session 20, search 43", "session 20, search 2"),
    ),
    Case(
        "aida-stuck-in-interest",
        ("search 14", "search 20, session 1"),
        ("search 14-", "search 44", "search 20, wishlist 1", "search 20, add_to_cart 43", "session 20"),
    ),
    Case(
        "aida-stuck-in-desire",
        ("add_to_cart 14", "wishlist 20, purchase 44"),
        ("add_to_cart 14-", "add_to_cart 44", "add_to_cart 20, purchase 19", "add_to_cart 20, subscription 44-"),
    ),
    Case("stage-awareness", ("session 90-", "content_view 9", "email_opened 9", "activity 9"), ("session 90", "")),
    Case("stage-interest", ("view 9", "search 9", "3*content_view 9"), ("2*content_view 9", "view 90", "")),
    Case("stage-consideration", ("5*view 9", "pricing_view 9"), ("4*view 9", "5*view 90", "")),
    Case("stage-intent", ("add_to_cart 9", "wishlist 9"), ("checkout 9", "add_to_cart 90", "")),
    Case("stage-evaluation", ("checkout 9", "trial_started 9"), ("add_to_cart 9", "checkout 90", "")),
    Case("stage-purchase", ("purchase 9", "subscription 9"), ("checkout 9", "purchase 90", "")),
    Case("stage-loyalty", ("3*purchase 9", "loyalty_enrolled 9"), ("2*purchase 9, purchase 90", "")),
    Case(
        "stage-advocacy",
        ("referral 9", "share 9", "review 9 rating=4", "nps 9 score=9"),
        ("review 9 rating=3", "nps 9 score=8", ""),
    ),
    Case("stage-stuck-in-awareness", ("session 14",), ("session 14-", "session 20, view 103", "session 104")),
    Case("stage-stuck-in-interest", ("view 14", "4*view 20"), ("view 14-", "5*view 20", "view 20, pricing_view 1")),
    Case("stage-stuck-in-consideration", ("5*view 14",), ("4*view 14", "5*view 14-", "5*view 20, wishlist 1")),
    Case("stage-stuck-in-intent", ("wishlist 14",), ("wishlist 14-", "wishlist 20, checkout 1", "checkout 20")),
    Case("stage-stuck-in-evaluation", ("checkout 14",), ("checkout 14-", "checkout 20, purchase 20-", "purchase 20")),
    Case(
        "stage-stuck-in-purchase",
        ("purchase 14", "2*purchase 20"),
        ("purchase 14-", "3*purchase 20", "purchase 20, loyalty_enrolled 1"),
    ),
    Case("stage-stuck-in-loyalty", ("3*purchase 14",), ("2*purchase 14", "3*purchase 14-", "3*purchase 20, share 1")),
)

SEATS = (
    Case(
        "active-seats",
        ("@account=acme, activity 1..4",),
        ("@account=acme, activity 1..3", "activity 1..4", "@account=acme"),
    ),
)

HIRING = (
    Case("frequent-applicants", ("5*application 89",), ("4*application 89", "4*application 9, application 90", "")),
    Case("selective-applicants", ("application 9", "2*application 89"), ("3*application 9", "application 90", "")),
    Case(
        "applied-not-interviewed",
        ("application 14+", "interview 20, application 15"),
        ("application 14", "application 20, interview 1", ""),
    ),
    Case(
        "short-tenure",
        ("job_started 1078, job_started 600, job_started 0",),
        ("job_started 1080, job_started 600, job_started 0", "job_started 300, job_started 0", ""),
    ),
    Case(
        "long-tenure",
        ("job_started 2190, job_started 600, job_started 0",),
        ("job_started 2189, job_started 600, job_started 0", "job_started 3000, job_started 0", ""),
    ),
    Case("settled-in-job", ("job_started 1095+",), ("job_started 1095", "job_started 2000, job_started 9", "")),
    Case(
        "skill-growth",
        ("skill 9 skill=a, skill 8 skill=b, skill 7 skill=c",),
        ("skill 9 skill=a, 2*skill 8 skill=b", "skill 365 skill=a, skill 8 skill=b, skill 7 skill=c", ""),
    ),
    Case(
        "skill-growth-rising",
        (
            "skill 9 skill=a",
            "skill 400 skill=a, skill 9 skill=b, skill 8 skill=c",
            "2*skill 730 skill=a, skill 9 skill=a",
        ),
        ("skill 400 skill=a, skill 9 skill=b", "skill 400 skill=a", ""),
    ),
    Case(
        "project-type",
        ("2*project 900 type=research, project 9 type=delivery",),
        ("project 9 type=research", "2*project 900 type=research, 2*project 9 type=delivery", ""),
        {"kind": "research"},
    ),
    Case(
        "project-variety",
        ("project 9 type=a, project 8 type=b, project 900 type=c",),
        ("project 9 type=a, 5*project 8 type=b", ""),
    ),
)

CASES = BUYING + BROWSING + LIFECYCLE + USAGE + REACH + CALENDAR + OPINION + JOURNEY + SEATS + HIRING
