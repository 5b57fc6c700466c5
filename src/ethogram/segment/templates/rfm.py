"""Recency, frequency and money: the usual named groups of buyers, as templates.

Step of the path: data for `fill.py`. Each buyer gets three quintiles: of the instant of the last purchase, of the
number of purchases, and of the money spent, each among buyers only. Recency (1 to 5) and the sum of the other two
(2 to 10) span a grid; the groups cover it without overlap, so that every buyer is in exactly one of them.

    value (F + M)     R = 1         R = 2         R = 3            R = 4                R = 5
    9, 10             cant-lose     cant-lose     loyal            champions            champions
    8                 at-risk       at-risk       loyal            loyal                champions
    5 … 7             at-risk       at-risk       need-attention   potential-loyalists  potential-loyalists
    4                 lost          hibernating   about-to-sleep   potential-loyalists  potential-loyalists
    2, 3              lost          hibernating   about-to-sleep   promising            new-customers
"""

from __future__ import annotations

from ethogram.segment.templates.buying import BUYERS_ONLY
from ethogram.segment.templates.template import Template

RECENCY = "quintile(last({purchase}))"
FREQUENCY = f"quintile(count({{purchase}}) * {BUYERS_ONLY})"
MONEY = f"quintile(sum({{purchase.amount}}) * {BUYERS_ONLY})"
VALUE = f"{FREQUENCY} + {MONEY}"


def _group(name: str, title: str, description: str, text: str) -> Template:
    return Template(f"rfm-{name}", title, description, "rfm", text, tags=("rfm", "purchase", "money", "recency"))


RFM: tuple[Template, ...] = (
    _group(
        "champions",
        "Champions",
        "Bought most recently, most often and for the most money.",
        f"{RECENCY} = 5 and {VALUE} >= 8 or {RECENCY} = 4 and {VALUE} >= 9",
    ),
    _group(
        "loyal",
        "Loyal customers",
        "Buy often and for good money, and were here not long ago.",
        f"{RECENCY} = 4 and {VALUE} = 8 or {RECENCY} = 3 and {VALUE} >= 8",
    ),
    _group(
        "potential-loyalists",
        "Potential loyalists",
        "Bought lately, and more than a little.",
        f"{RECENCY} >= 4 and {VALUE} between 4 and 7",
    ),
    _group(
        "new-customers",
        "New customers",
        "Bought most recently, but little so far.",
        f"{RECENCY} = 5 and {VALUE} <= 3",
    ),
    _group(
        "promising",
        "Promising",
        "Bought lately, but little so far.",
        f"{RECENCY} = 4 and {VALUE} <= 3",
    ),
    _group(
        "need-attention",
        "Need attention",
        "Middling in everything: recency, frequency and money.",
        f"{RECENCY} = 3 and {VALUE} between 5 and 7",
    ),
    _group(
        "about-to-sleep",
        "About to sleep",
        "Below the middle in frequency and money, and getting quiet.",
        f"{RECENCY} = 3 and {VALUE} <= 4",
    ),
    _group(
        "at-risk",
        "At risk",
        "Bought often and for good money, but long ago.",
        f"{RECENCY} <= 2 and {VALUE} between 5 and 8",
    ),
    _group(
        "cant-lose",
        "Can't lose them",
        "Among the very best in frequency and money, but have not come back for long.",
        f"{RECENCY} <= 2 and {VALUE} >= 9",
    ),
    _group(
        "hibernating",
        "Hibernating",
        "Bought little, and long ago.",
        f"{RECENCY} = 2 and {VALUE} <= 4",
    ),
    _group(
        "lost",
        "Lost",
        "Bought little, and the longest ago.",
        f"{RECENCY} = 1 and {VALUE} <= 4",
    ),
)
