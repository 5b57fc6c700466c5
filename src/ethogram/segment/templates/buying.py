"""Templates about buying: how often, how much, how recently, at what price and in how wide a range.

Step of the path: data for `fill.py`. Thresholds are parameters; the defaults suit a shop where people buy a few
times a year.
"""

from __future__ import annotations

from ethogram.segment.templates.template import Template, days, number, percent, text, texts, whole

# A measure over no events is 0, and a share "of everybody" would be a share of those who never bought too. Multiplied
# by purchases / purchases the measure stays the same for buyers and is missing (0 / 0) for all others, who then do not
# rank. The quotient is exactly 1, so that no sum is rounded.
BUYERS_ONLY = "(count({purchase}) / count({purchase}))"
_BOUGHT_IN_WINDOW = "(count({purchase} in last {days} days) / count({purchase} in last {days} days))"
_SPENT = "sum({purchase.amount} in last {days} days) * " + _BOUGHT_IN_WINDOW

BUYING: tuple[Template, ...] = (
    Template(
        "one-time-buyers",
        "One-time buyers",
        "Bought exactly once, however long ago.",
        "buying",
        "count({purchase}) = 1",
        tags=("purchase", "frequency"),
    ),
    Template(
        "repeat-buyers",
        "Repeat buyers",
        "Bought at least twice.",
        "buying",
        "count({purchase}) >= {purchases}",
        (whole("purchases", 2, "how many purchases make a repeat buyer", "purchases"),),
        ("purchase", "frequency", "loyalty"),
    ),
    Template(
        "first-time-buyers",
        "First-time buyers",
        "Made their first purchase lately.",
        "buying",
        "first({purchase}) in last {days} days",
        (days(30, "how long somebody counts as new"),),
        ("purchase", "new"),
    ),
    Template(
        "high-value-buyers",
        "High-value buyers",
        "The share of the buyers of a year that spent the most.",
        "buying",
        f"top({{share}}%, {_SPENT})",
        (percent("share", 10, "which share of the buyers"), days(365)),
        ("purchase", "money"),
    ),
    Template(
        "low-value-buyers",
        "Low-value buyers",
        "The share of the buyers of a year that spent the least.",
        "buying",
        f"bottom({{share}}%, {_SPENT})",
        (percent("share", 20, "which share of the buyers"), days(365)),
        ("purchase", "money"),
    ),
    Template(
        "big-baskets",
        "Big baskets",
        "Spend a lot on an average purchase.",
        "buying",
        "avg({purchase.amount} in last {days} days) >= {amount}",
        (number("amount", 100, "the money of an average purchase", low=0), days(365)),
        ("purchase", "money", "basket"),
    ),
    Template(
        "lapsing-buyers",
        "Lapsing buyers",
        "Bought repeatedly, and the last purchase grows old but is not lost yet.",
        "buying",
        "count({purchase}) >= {purchases} and last({purchase}) before {quiet} days ago"
        " and did({purchase} in last {days} days)",
        (
            whole("purchases", 2, "how many purchases they made before", "purchases"),
            days(60, "how long they have been quiet", "quiet"),
            days(120, "after how long they count as lapsed"),
        ),
        ("purchase", "recency", "retention"),
    ),
    Template(
        "lapsed-buyers",
        "Lapsed buyers",
        "Bought once upon a time, and no more for long.",
        "buying",
        "last({purchase}) before {days} days ago",
        (days(120, "after how long they count as lapsed"),),
        ("purchase", "recency", "retention"),
    ),
    Template(
        "win-back-candidates",
        "Win-back candidates",
        "Were good buyers, have lapsed, not too long ago, and can be reached where e-mail addresses are known.",
        "buying",
        "count({purchase}) >= {purchases} and last({purchase}) before {quiet} days ago"
        " and did({purchase} in last {days} days) and {email?} exists",
        (
            whole("purchases", 3, "how many purchases made a good buyer", "purchases"),
            days(120, "after how long they count as lapsed", "quiet"),
            days(365, "after how long winning back is hopeless"),
        ),
        ("purchase", "recency", "retention"),
    ),
    Template(
        "narrow-range-buyers",
        "Narrow range of products",
        "Buy often, but from few categories: candidates for cross-selling.",
        "buying",
        "count({purchase}) >= {purchases} and distinct({purchase.category}) between 1 and {categories}",
        (
            whole("purchases", 4, "how many purchases they made", "purchases"),
            whole("categories", 2, "from how many categories at most", "categories"),
        ),
        ("purchase", "cross-sell", "category"),
    ),
    Template(
        "few-products-buyers",
        "Few different products",
        "Buy often, but always the same few products: candidates for cross-selling.",
        "buying",
        "count({purchase}) >= {purchases} and distinct({purchase.product}) between 1 and {products}",
        (
            whole("purchases", 3, "how many purchases they made", "purchases"),
            whole("products", 3, "how many different products at most", "products"),
        ),
        ("purchase", "cross-sell", "product"),
    ),
    Template(
        "cross-sell-category",
        "Bought here, not there",
        "Bought from one category and never from another that goes with it.",
        "buying",
        "did({purchase} where {purchase.category} = {bought})"
        " and not did({purchase} where {purchase.category} = {other})",
        (text("bought", None, "the category they bought from"), text("other", None, "the category to offer them")),
        ("purchase", "cross-sell", "category"),
    ),
    Template(
        "deal-seekers",
        "Deal seekers",
        "Make a large share of their purchases with a coupon or a discount.",
        "buying",
        "count({purchase} in last {days} days) >= {purchases} and ("
        "count({purchase} where {purchase.coupon?} exists in last {days} days)"
        " >= {share} * count({purchase} in last {days} days)"
        " or count({purchase} where {purchase.discount?} > 0 in last {days} days)"
        " >= {share} * count({purchase} in last {days} days)"
        " or count({coupon_use?} in last {days} days) >= {share} * count({purchase} in last {days} days))",
        (
            whole("purchases", 2, "how many purchases it takes to tell", "purchases"),
            number("share", 0.5, "the part of their purchases that was reduced", low=0.01, high=1),
            days(365),
        ),
        ("purchase", "discount", "coupon"),
    ),
    Template(
        "weekend-buyers",
        "Weekend buyers",
        "Usually buy on these days of the week.",
        "buying",
        "weekday({purchase}) in ({weekdays})",
        (texts("weekdays", ("sat", "sun"), "days of the week: mon, tue, wed, thu, fri, sat, sun"),),
        ("purchase", "time"),
    ),
    Template(
        "status-prospect",
        "Status: prospect",
        "Known, but never bought. The four statuses share everybody out without overlap.",
        "user status",
        "not did({purchase})",
        tags=("status", "purchase"),
    ),
    Template(
        "status-first-time-buyer",
        "Status: first-time buyer",
        "Bought once, and lately.",
        "user status",
        "count({purchase}) = 1 and did({purchase} in last {days} days)",
        (days(180, "after how long a buyer counts as defected"),),
        ("status", "purchase"),
    ),
    Template(
        "status-regular",
        "Status: regular",
        "Bought more than once, and lately.",
        "user status",
        "count({purchase}) >= 2 and did({purchase} in last {days} days)",
        (days(180, "after how long a buyer counts as defected"),),
        ("status", "purchase"),
    ),
    Template(
        "status-defector",
        "Status: defector",
        "Bought before and stays away.",
        "user status",
        "did({purchase}) and not did({purchase} in last {days} days)",
        (days(180, "after how long a buyer counts as defected"),),
        ("status", "purchase"),
    ),
)
