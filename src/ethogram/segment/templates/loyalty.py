"""Templates about attachment and opinion: loyalty members, VIPs, advocates; what people answer when asked.

Step of the path: data for `fill.py`. The bands of the recommending question are those of the Net Promoter Score
(F. Reichheld, 2003): 9 and 10 promote, 7 and 8 are passive, 0 to 6 detract.
"""

from __future__ import annotations

from ethogram.segment.templates.buying import BUYERS_ONLY
from ethogram.segment.templates.template import Template, days, number, percent, whole

_ANSWER = days(365, "how long an answer counts")

LOYALTY: tuple[Template, ...] = (
    Template(
        "loyalty-members",
        "Loyalty members",
        "Joined the loyalty programme.",
        "loyalty",
        "did({loyalty_enrolled?}) or {loyalty_member?} exists",
        tags=("loyalty",),
    ),
    Template(
        "vips",
        "VIPs",
        "The few buyers who spent the most ever, and came back at least so often.",
        "loyalty",
        f"top({{share}}%, sum({{purchase.amount}}) * {BUYERS_ONLY}) and count({{purchase}}) >= {{purchases}}",
        (
            percent("share", 5, "which share of the buyers"),
            whole("purchases", 3, "how many purchases they made", "purchases"),
        ),
        ("loyalty", "money", "purchase"),
    ),
    Template(
        "referrers",
        "Referrers",
        "Referred somebody.",
        "loyalty",
        "count({referral} in last {days} days) >= {referrals}",
        (whole("referrals", 1, "how many they referred", "referrals"), days(365)),
        ("referral", "advocacy"),
    ),
    Template(
        "advocates",
        "Advocates",
        "Speak for us: refer, share, write good reviews, or would recommend.",
        "loyalty",
        "did({referral?} in last {days} days) or did({share?} in last {days} days)"
        " or did({review?} where {review.rating?} >= {stars} in last {days} days)"
        " or last({nps.score?} in last {days} days) >= 9",
        (number("stars", 4, "how many stars make a review good", "stars"), days(365)),
        ("advocacy", "referral", "review"),
    ),
    Template(
        "promoters",
        "Promoters",
        "Last answered 9 or 10 when asked whether they would recommend us.",
        "opinion",
        "last({nps.score} in last {days} days) >= 9",
        (_ANSWER,),
        ("survey", "nps"),
    ),
    Template(
        "passives",
        "Passives",
        "Last answered 7 or 8 when asked whether they would recommend us.",
        "opinion",
        "last({nps.score} in last {days} days) >= 7 and last({nps.score} in last {days} days) < 9",
        (_ANSWER,),
        ("survey", "nps"),
    ),
    Template(
        "detractors",
        "Detractors",
        "Last answered 6 or less when asked whether they would recommend us.",
        "opinion",
        "last({nps.score} in last {days} days) < 7",
        (_ANSWER,),
        ("survey", "nps"),
    ),
    Template(
        "satisfied",
        "Satisfied",
        "Gave a good last answer when asked how satisfied they are.",
        "opinion",
        "last({csat.score} in last {days} days) >= {good}",
        (number("good", 4, "from which answer on somebody is satisfied"), _ANSWER),
        ("survey", "satisfaction"),
    ),
    Template(
        "dissatisfied",
        "Dissatisfied",
        "Gave a bad last answer when asked how satisfied they are.",
        "opinion",
        "last({csat.score} in last {days} days) <= {bad}",
        (number("bad", 2, "up to which answer somebody is dissatisfied"), _ANSWER),
        ("survey", "satisfaction"),
    ),
    Template(
        "happy-reviewers",
        "Happy reviewers",
        "Gave many stars in their last review.",
        "opinion",
        "last({review.rating} in last {days} days) >= {stars}",
        (number("stars", 4, "how many stars at least", "stars"), _ANSWER),
        ("review", "satisfaction"),
    ),
    Template(
        "unhappy-reviewers",
        "Unhappy reviewers",
        "Gave few stars in their last review.",
        "opinion",
        "last({review.rating} in last {days} days) <= {stars}",
        (number("stars", 2, "how many stars at most", "stars"), _ANSWER),
        ("review", "satisfaction"),
    ),
)
