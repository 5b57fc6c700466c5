"""Each template on built histories: whom it finds and whom it does not, by the oracle and by the engine."""

from __future__ import annotations

import pytest

from ethogram.segment.templates import TEMPLATES, Entry, Vocabulary
from segment.templates.cases import CASES, Case
from segment.templates.histories import HOSTILE, PLAIN, found, world


@pytest.mark.parametrize("vocabulary", [PLAIN, HOSTILE], ids=["plain names", "hostile names"])
@pytest.mark.parametrize("case", CASES, ids=[f"{case.template}" for case in CASES])
def test_template_finds_its_members_and_nobody_else(case: Case, vocabulary: Vocabulary) -> None:
    people = {f"in {number}: {history}": history for number, history in enumerate(case.members)}
    others = {f"out {number}: {history}": history for number, history in enumerate(case.others)}

    members = found(case.template, world(people | others, vocabulary), vocabulary, **case.parameters)

    assert members == set(people)


def test_every_template_has_a_case() -> None:
    tried = {case.template for case in CASES} | set(RANKED) | {name for name, _ in OF_ACCOUNTS}

    assert tried == {template.name for template in TEMPLATES}


def test_high_and_low_value_are_shares_of_the_buyers_not_of_everybody() -> None:
    buyers = {f"buyer {money}": f"purchase 9 amount={money}" for money in range(1, 11)}
    lookers = {f"looker {number}": "view 1" for number in range(90)}
    shop = world(buyers | lookers | {"long ago": "purchase 365 amount=999"})

    assert found("high-value-buyers", shop) == {"buyer 10"}
    assert found("high-value-buyers", shop, share=20) == {"buyer 9", "buyer 10"}
    assert found("low-value-buyers", shop) == {"buyer 1", "buyer 2"}


def test_vips_spent_the_most_and_came_back() -> None:
    buyers = {f"buyer {money:03}": f"3*purchase 9 amount={money}" for money in range(1, 40)}
    shop = world(buyers | {"once": "purchase 9 amount=5000", "looker": "view 1"})

    assert found("vips", shop) == {"buyer 039"}
    assert found("vips", shop, purchases=1) == {"buyer 039", "once"}


_GROUPS = (
    "rfm-champions rfm-loyal rfm-potential-loyalists rfm-new-customers rfm-promising rfm-need-attention"
    " rfm-about-to-sleep rfm-at-risk rfm-cant-lose rfm-hibernating rfm-lost"
).split(" ")
RANKED = [*_GROUPS, "high-value-buyers", "low-value-buyers", "vips"]
# The groups by frequency + money (2 to 10, rows) and recency (1 to 5, columns).
_GRID = """
 2  lost       hibernating  about-to-sleep  promising            new-customers
 3  lost       hibernating  about-to-sleep  promising            new-customers
 4  lost       hibernating  about-to-sleep  potential-loyalists  potential-loyalists
 5  at-risk    at-risk      need-attention  potential-loyalists  potential-loyalists
 6  at-risk    at-risk      need-attention  potential-loyalists  potential-loyalists
 7  at-risk    at-risk      need-attention  potential-loyalists  potential-loyalists
 8  at-risk    at-risk      loyal           loyal                champions
 9  cant-lose  cant-lose    loyal           champions            champions
10  cant-lose  cant-lose    loyal           champions            champions
"""
GRID = {int(row.split()[0]): row.split()[1:] for row in _GRID.strip().splitlines()}


@pytest.mark.parametrize("apart", [0, 1, 2], ids=["money as frequency", "money above", "money further above"])
def test_every_buyer_is_in_the_one_rfm_group_of_their_quintiles(apart: int) -> None:
    """Five buyers in each fifth of each measure; those who never bought are in no group."""
    quintiles = [(r, f, 1 + (f - 1 + apart * r) % 5) for r in range(1, 6) for f in range(1, 6)]
    people = {
        f"{r}{f}{m}": ", ".join([f"purchase {100 - 10 * r} amount={m}"] + [f"{f - 1}*purchase 300 amount=0"] * (f > 1))
        for r, f, m in quintiles
    }
    shop = world(people | {"looker": "view 1"})
    groups = {name: found(name, shop) for name in _GROUPS}

    expected: dict[str, set[str]] = {name: set() for name in groups}
    for r, f, m in quintiles:
        expected[f"rfm-{GRID[f + m][r - 1]}"].add(f"{r}{f}{m}")
    assert groups == expected


def test_a_buyer_without_known_money_ranks_as_having_spent_nothing() -> None:
    shop = world({"gift": "purchase 3", **{f"buyer {money}": f"purchase 9 amount={money}" for money in range(1, 5)}})

    assert "gift" in found("rfm-potential-loyalists", shop) | found("rfm-new-customers", shop) | found(
        "rfm-champions", shop
    )


def test_statuses_and_bands_share_people_out() -> None:
    people = {
        f"{number}": history
        for number, history in enumerate(
            [
                "",
                "purchase 1",
                "purchase 180",
                "purchase 400, purchase 1",
                "9*purchase 200",
                "activity 1..3, session 2 length=60",
                "activity 1..5, 4*session 2 length=600",
                "activity 1..16, 12*session 2 length=59",
                "activity 29, session 28",
                "activity 30",
            ]
        )
    }
    everything = world(people)
    for names, expected in (
        (("status-prospect", "status-first-time-buyer", "status-regular", "status-defector"), set(people)),
        (("super-users", "mid-level-users", "light-users"), {"5", "6", "7"}),
        (("active-users", "casual-users", "dormant-users"), {"5", "6", "7", "8", "9"}),
        (("sessions-frequent", "sessions-occasional", "sessions-rare"), {"5", "6", "7"}),
        (("sessions-long", "sessions-medium", "sessions-short"), {"5", "6", "7"}),
    ):
        bands = [found(name, everything) for name in names]
        assert set().union(*bands) == expected
        assert sum(len(band) for band in bands) == len(expected), names


ACCOUNTS = {
    "busy": "@plan=Free, @seats=2",
    "quiet": "@plan=free, @seats=2",
    "limited": "@plan=starter, @seats=50",
    "rich": "@plan=business, @seats=10",
    "falling": "@plan=business, @seats=10",
    "asking": "@plan=business, @seats=10",
    "gone": "@plan=free, @seats=1",
}
STAFF = {
    "ann": "@account=busy, 30*activity 3",
    "bob": "@account=busy, 20*activity 5",
    "bea": "@account=busy",
    "cat": "@account=quiet, 19*activity 3",
    "dan": "@account=limited, limit_reached 5",
    "eve": "@account=rich, 60*activity 5, 60*activity 40, 2*support_request 1",
    "fay": "@account=falling, 5*activity 5, 10*activity 40",
    "gus": "@account=asking, 2*support_request 5",
    "hal": "@account=asking, support_request 27, 9*error 2",
    "ivy": "@account=gone, activity 30, purchase 1",
    "joe": "60*activity 2",
}


OF_ACCOUNTS = [
    ("idle-seats", {"bea"}),
    ("active-accounts", {"busy", "rich"}),
    ("seats-well-used", {"busy", "quiet", "rich"}),
    ("upgrade-ready-accounts", {"busy", "limited"}),
    ("upgrade-ready-people", {"ann", "bob", "bea"}),
    ("accounts-needing-help", {"falling", "asking"}),
    ("dormant-accounts", {"gone"}),
]


@pytest.mark.parametrize(("template", "members"), OF_ACCOUNTS)
@pytest.mark.parametrize("vocabulary", [PLAIN, HOSTILE], ids=["plain names", "hostile names"])
def test_template_about_accounts(template: str, members: set[str], vocabulary: Vocabulary) -> None:
    assert found(template, world(STAFF, vocabulary, ACCOUNTS), vocabulary) == members


def test_purchases_are_counted_by_orders_where_events_are_lines() -> None:
    lines = Vocabulary((*PLAIN.entries, Entry("purchase.order", "invoice")))
    shop = world(
        {
            "one order": "purchase 9 invoice=1 amount=60, purchase 9 invoice=1 amount=60",
            "two orders": "purchase 9 invoice=2 amount=60, purchase 8 invoice=3 amount=60",
        }
    )

    assert found("one-time-buyers", shop, lines) == {"one order"}
    assert found("repeat-buyers", shop, lines) == {"two orders"}
    assert found("big-baskets", shop, lines) == {"one order"}
    assert found("repeat-buyers", shop, PLAIN) == {"one order", "two orders"}


def test_a_narrowed_event_counts_only_what_fits() -> None:
    paid = PLAIN.change({"purchase": "order", "purchase.where": "status = 'paid' or status = 'sent'"})
    shop = world(
        {"paid": "order 9 status=paid, order 8 status=sent", "open": "order 9 status=paid, order 8 status=open"}
    )

    assert found("repeat-buyers", shop, paid) == {"paid"}
    assert found("narrow-range-buyers", shop, paid, purchases=1) == set()
    assert found("cart-abandoned", world({"a": "add_to_cart 1, order 1- status=open"}), paid) == {"a"}


def test_activity_may_be_any_event() -> None:
    anything = PLAIN.change({"activity": "any"})

    assert found("active-users", world({"a": "sneezed 2", "b": "sneezed 9", "c": ""}), anything) == {"a"}
