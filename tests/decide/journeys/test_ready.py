"""Every ready journey is read, and says what it should when people do what it is about: a month in seconds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import pytest

from decide.journeys.world import World
from ethogram.decide.journeys.matching import checks
from ethogram.decide.journeys.ready import fill, names, ready
from ethogram.decide.journeys.uses import uses
from ethogram.errors import SettingError
from ethogram.model.journey.graph import Journey
from ethogram.model.journey.parts import Send
from ethogram.model.template import Template
from ethogram.segment.syntax import name_text
from ethogram.segment.templates.roles import ROLES, RoleKind
from ethogram.segment.templates.vocabulary import Entry, Vocabulary

# Each role is filled by its own first spelling, so the names are such as a workspace has.
VOCABULARY = Vocabulary(tuple(Entry(role.key, (role.spellings or (role.key,))[0]) for role in ROLES.values()))
NAMES = {entry.role: str(entry.name) for entry in VOCABULARY}
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


@dataclass(frozen=True)
class Does:
    """So long after the beginning, somebody does something, or enters (`+name`) or leaves (`-name`) a segment."""

    after: dt.timedelta
    who: str
    what: str
    properties: dict[str, Any] = field(default_factory=dict)


def does(after: dt.timedelta, who: str, what: str, **properties: Any) -> Does:
    return Does(after, who, what, properties)


PRODUCT, CATEGORY = NAMES["purchase.product"], NAMES["purchase.category"]
VIEWED = NAMES["view.product"]
# journey -> what happens, who gets which templates in order of time, reasons of exits by person.
SCENARIOS: dict[str, tuple[list[Does], list[tuple[str, str, str]], dict[str, str]]] = {
    "welcome_series": (
        [does(0 * DAY, "ann", "signup"), does(0 * DAY, "bob", "signup"), does(DAY, "bob", "purchase")],
        [("03-02 08:00", "ann", "welcome_1"), ("03-02 08:00", "bob", "welcome_1"), ("03-04 10:00", "ann", "welcome_2"),
         ("03-08 10:00", "ann", "welcome_3")],
        {"bob": "bought"},
    ),
    "abandoned_cart": (
        [does(0 * DAY, "ann", "add_to_cart"), does(0 * DAY, "bob", "add_to_cart"), does(HOUR / 2, "bob", "purchase"),
         does(0 * DAY, "cid", "add_to_cart"), does(2 * HOUR, "cid", "checkout"), does(3 * HOUR, "cid", "purchase")],
        [("03-02 09:00", "ann", "cart_1"), ("03-02 09:00", "cid", "cart_1"), ("03-03 08:00", "ann", "cart_2")],
        {"bob": "bought", "cid": "bought"},
    ),
    "abandoned_browse": (
        [does(0 * DAY, "ann", "view", **{VIEWED: "x"}), does(HOUR, "ann", "view", **{VIEWED: "x"}),
         does(0 * DAY, "bob", "view", **{VIEWED: "x"}), does(HOUR, "bob", "view", **{VIEWED: "y"})],
        [("03-02 13:00", "ann", "browse_1")],
        {},
    ),
    "abandoned_onboarding": (
        [does(0 * DAY, "ann", "onboarding_started"), does(0 * DAY, "bob", "onboarding_started"),
         does(2 * DAY, "bob", "onboarding_completed")],
        [("03-03 08:00", "ann", "onboarding_1"), ("03-03 08:00", "bob", "onboarding_1"),
         ("03-06 10:00", "ann", "onboarding_2")],
        {"bob": "finished"},
    ),
    "trial_to_paid": (
        [does(0 * DAY, "ann", "trial_started"), does(0 * DAY, "bob", "trial_started"),
         does(8 * DAY, "bob", "subscription"),
         *(does(day * DAY, "ann", "feature_use") for day in (3, 4, 5))],
        [("03-02 08:00", "ann", "trial_1"), ("03-02 08:00", "bob", "trial_1"), ("03-09 10:00", "ann", "trial_2_active"),
         ("03-09 10:00", "bob", "trial_2_idle"), ("03-14 10:00", "ann", "trial_3")],
        {"bob": "subscribed"},
    ),
    "second_purchase": (
        [does(0 * DAY, "ann", "purchase"), does(0 * DAY, "bob", "purchase"), does(5 * DAY, "bob", "purchase")],
        [("03-03 08:00", "ann", "thanks"), ("03-03 08:00", "bob", "thanks"), ("03-16 10:00", "ann", "second")],
        {"bob": "bought again"},
    ),
    "cross_sell": (
        [does(0 * DAY, "ann", "purchase", **{CATEGORY: "tea"}), does(0 * DAY, "bob", "purchase", **{CATEGORY: "tea"}),
         does(5 * DAY, "bob", "purchase", **{CATEGORY: "cups"})],
        [("03-12 10:00", "ann", "cross_sell_1")],
        {},
    ),
    "lapsing": (
        [does(0 * DAY, "ann", "+lapsing"), does(0 * DAY, "bob", "+lapsing"), does(3 * DAY, "bob", "-lapsing")],
        [("03-02 08:00", "ann", "lapsing_1"), ("03-02 08:00", "bob", "lapsing_1"), ("03-09 08:00", "ann", "lapsing_2")],
        {"bob": "came back"},
    ),
    "win_back": (
        [does(0 * DAY, "ann", "+lapsed"), does(0 * DAY, "bob", "+lapsed"), does(6 * DAY, "bob", "purchase")],
        [("03-02 08:00", "ann", "win_back_1"), ("03-02 08:00", "bob", "win_back_1"),
         ("03-07 10:00", "ann", "win_back_2"), ("03-07 10:00", "bob", "win_back_2"),
         ("03-17 10:00", "ann", "win_back_3")],
        {"bob": "bought"},
    ),
    "apology": (
        [does(0 * DAY, "ann", "csat", **{NAMES["csat.score"]: 1}),
         does(0 * DAY, "bob", "csat", **{NAMES["csat.score"]: 4})],
        [("03-02 08:00", "ann", "apology_team"), ("03-02 09:00", "ann", "apology_1")],
        {},
    ),
    "review_request": (
        [does(0 * DAY, "ann", "purchase"), does(0 * DAY, "bob", "purchase"), does(15 * DAY, "bob", "review")],
        [("03-16 18:00", "ann", "review_1"), ("03-16 18:00", "bob", "review_1"), ("03-23 18:00", "ann", "review_2")],
        {"bob": "reviewed"},
    ),
    "app_download": (
        [*(does(day * DAY, "ann", "session", platform="web") for day in (0, 1, 2)), does(0 * DAY, "bob", "session"),
         *(does(day * DAY, "cid", "session", platform="iOS") for day in (0, 1, 2)),
         does(5 * DAY, "ann", "session", platform="Android")],
        [("03-04 19:00", "ann", "app_1")],
        {"ann": "has the app"},
    ),
    "birthday": ([], [("03-12 09:00", "eve", "birthday_1")], {}),
    "vip_early_access": (
        [does(0 * DAY, "ann", "call"), does(0 * DAY, "bob", "call"), does(0 * DAY, "eve", "call"),
         does(HOUR, "bob", "purchase")],
        [("03-02 08:00", "ann", "vip_1"), ("03-02 08:00", "bob", "vip_1"), ("03-03 08:00", "ann", "vip_2")],
        {},
    ),
    "streak_at_risk": (
        [*(does(day * DAY, "ann", "login") for day in (0, 1, 2)), *(does(day * DAY, "bob", "login") for day in (0, 2))],
        [("03-05 19:00", "ann", "streak_1")],
        {},
    ),
    **{
        kind: (
            [does(0 * DAY, "ann", "view", **{VIEWED: "x"}), does(0 * DAY, "bob", "view", **{VIEWED: "y"}),
             does(0 * DAY, "cid", "view", **{VIEWED: "x"}), does(HOUR, "cid", "purchase", **{PRODUCT: "x"}),
             does(DAY, "x", "item", quantity=3, price=8)],
            [("03-03 08:00", "ann", f"{kind}_1")],
            {},
        )
        for kind in ("back_in_stock", "price_drop")
    },
    "referral": (
        [does(0 * DAY, "ann", "nps", **{NAMES["nps.score"]: 10}),
         does(0 * DAY, "bob", "nps", **{NAMES["nps.score"]: 9}),
         does(0 * DAY, "cid", "nps", **{NAMES["nps.score"]: 6}), does(3 * DAY, "bob", "referral")],
        [("03-04 10:00", "ann", "referral_1"), ("03-04 10:00", "bob", "referral_1"),
         ("03-14 10:00", "ann", "referral_2")],
        {"bob": "has recommended"},
    ),
    "subscription_renewal": (
        [does(20 * DAY, "fay", "subscription_ended")],
        [("03-08 09:00", "eve", "renewal_1"), ("03-12 09:00", "fay", "renewal_1"), ("03-31 09:00", "eve", "renewal_2")],
        {"fay": "ended"},
    ),
    "location_arrival": (
        [does(0 * DAY, "ann", "+nearby"), does(0 * DAY, "bob", "+nearby"), does(HOUR / 60, "bob", "-nearby")],
        [("03-02 08:05", "ann", "arrival_1")],
        {"bob": "has left"},
    ),
    "milestone": (
        [does(number * HOUR, "ann", "purchase") for number in range(11)],
        [("03-02 17:00", "ann", "milestone_1")],
        {},
    ),
    "candidate_follow_up": (
        [does(0 * DAY, "ann", "application"), does(0 * DAY, "bob", "application"), does(3 * DAY, "bob", "interview")],
        [("03-02 08:00", "ann", "candidate_1"), ("03-02 08:00", "bob", "candidate_1"),
         ("03-09 10:00", "ann", "candidate_2")],
        {"bob": "is invited"},
    ),
}  # fmt: skip


def test_every_ready_journey_has_a_scenario() -> None:
    assert set(SCENARIOS) == set(names())


@pytest.mark.parametrize("name", names())
def test_a_ready_journey_is_whole(name: str) -> None:
    filled = fill(ready(name), VOCABULARY)
    journey = Journey.from_body(name, filled.body, checks=checks())
    assert Journey.from_body(name, journey.to_body(), checks=checks()) == journey
    sent = {step.template: step.channel for step in journey.steps if isinstance(step, Send)}
    written = {each: Template.from_body(each, body).channel for each, body in filled.templates.items()}
    assert sent == written


def test_a_role_that_nothing_fills_is_named() -> None:
    with pytest.raises(SettingError, match=r"`add_to_cart`.*`purchase`.*`checkout`"):
        fill(ready("abandoned_cart"), Vocabulary())


def test_a_role_that_is_narrowed_keeps_its_condition() -> None:
    narrowed = VOCABULARY.change({"purchase": "Order", "purchase.where": "status = 'paid'", "csat": "Rated it"})
    narrowed = narrowed.change({"csat.where": "survey = 'shop'"})
    cart = fill(ready("abandoned_cart"), narrowed).body
    assert cart["exits"][0]["event"] == {"name": "Order", "where": "status = 'paid'"}
    second = fill(ready("second_purchase"), narrowed).body
    assert second["where"] == "count(\"Order\" where (status = 'paid')) = 1"
    apology = fill(ready("apology"), narrowed).body
    score = NAMES["csat.score"]
    assert apology["entry"]["event"] == {
        "name": "Rated it",
        "where": f"(survey = 'shop') and ({name_text(score)} <= 2)",
    }


@pytest.mark.parametrize("name", names())
def test_a_ready_journey_says_what_it_should(name: str, world: World) -> None:
    happens, said, exits = SCENARIOS[name]
    begin = world.now
    if name not in ("birthday", "subscription_renewal"):  # dates let people in an hour ahead
        world.most = DAY
    segments = {each: world.segment(each, "plan = 'vip'") for each in ("lapsing", "lapsed", "nearby", "vip")}
    for who in ("ann", "bob"):
        world.set(who, plan="vip")
    world.set("eve", **{NAMES["birthday"]: "1990-03-12"}, renewal_date="2026-04-07", plan="none")
    world.set("fay", renewal_date="2026-04-11")
    world.item("x", quantity=0, price=10)
    world.save(name, fill(ready(name), VOCABULARY).body)
    for each in sorted(happens, key=lambda each: each.after):
        world.wait(begin + each.after - world.now, step=dt.timedelta(minutes=1))
        if each.what[0] in "+-":
            world.crosses(each.who, segments[each.what[1:]], entered=each.what[0] == "+")
        elif each.what == "item":
            world.item(each.who, **each.properties)
        elif each.what == "call":
            world.runner.call(name, [(each.who, each.properties)], f"{each.who}-{each.after}", world.now)
        else:
            assert ROLES[each.what].kind is RoleKind.EVENT
            world.did(each.who, NAMES[each.what], **each.properties)
    world.wait(begin + 30 * DAY - world.now)
    assert sorted(world.messages()) == sorted(said)
    reasons = {run.profile_id: run.reason for run in world.runs(name) if run.reason is not None}
    assert reasons == exits


def test_what_a_journey_refers_to_is_told_with_its_place() -> None:
    found = set(uses(Journey.from_body("back", fill(ready("lapsing"), VOCABULARY).body)))
    assert found == {
        ("segment", "lapsing", "entry.entered"), ("segment", "lapsing", "exits[0].left"),
        ("template", "lapsing_1", "steps[0].message.template"), ("template", "lapsing_2", "steps[2].message.template"),
    }  # fmt: skip
    vip = set(uses(Journey.from_body("vip", fill(ready("vip_early_access"), VOCABULARY).body)))
    assert ("segment", "vip", "where") in vip
