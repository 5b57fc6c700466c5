"""Generates a small shop: no freely licensed real data shows browsing, carts, trials, surveys and e-mails together.

Everything here is invented, and every id begins with `generated-`, so that nobody takes it for recorded behaviour. The
same seed gives the same rows on every machine and every Python. Three kinds of people live in it: shoppers, the staff
of companies that try and buy a software product (with accounts and seats), and candidates for jobs.

    python -m ethogram.generated_shop FOLDER

writes `generated_events.jsonl`, `generated_profiles.jsonl` and `generated_accounts.jsonl`: one JSON object a line, with
`profile_id` (or `account_id`), `event`, `timestamp` in UTC, and every further key a property (or a trait).
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import sys
from collections.abc import Generator, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]

SEED = 20111209
END = dt.datetime(2011, 12, 9, 12, 50, tzinfo=dt.UTC)  # where the real Online Retail data ends
START = END - dt.timedelta(days=365)
SHOPPERS = 2_300
ACCOUNTS = 40
CANDIDATES = 200

# What a category sells and at which price.
CATEGORIES = {"kitchen": 18.0, "garden": 27.5, "lighting": 42.0, "stationery": 6.5, "toys": 14.0, "textiles": 31.0}
PRODUCTS_A_CATEGORY = 24
DEVICES = ("mobile", "desktop", "tablet")
_DATED = ("timestamp", "signup_date", "trial_ends_at")  # a birthday stays
CHANNELS = ("email", "search", "social", "direct")
FEATURES = ("reports", "dashboards", "alerts", "exports", "integrations")
SKILLS = ("python", "sql", "statistics", "design", "writing", "leadership", "spanish", "negotiation")
PLACES = {
    "London": ("United Kingdom", 51.5072, -0.1276),
    "Manchester": ("United Kingdom", 53.4808, -2.2426),
    "Dublin": ("Ireland", 53.3498, -6.2603),
    "Paris": ("France", 48.8566, 2.3522),
    "Berlin": ("Germany", 52.52, 13.405),
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How a kind of shopper behaves: how often they come, and how far each visit goes."""

    name: str
    weight: float  # how common the kind is
    visits_a_month: float
    views_a_visit: float
    adds: float  # share of visits with something put into the cart
    checks_out: float  # share of those that begin a checkout
    buys: float  # share of those that finish it
    active_from: float = 0.0  # share of the year after which they come
    active_to: float = 1.0  # share of the year until which they come
    coupons: float = 0.1  # share of orders with a coupon


MANNERS = (
    Manner("champion", 0.06, 2.6, 2.0, 0.60, 0.90, 0.92),
    Manner("regular", 0.16, 1.0, 1.6, 0.45, 0.80, 0.85),
    Manner("deal seeker", 0.10, 0.8, 1.8, 0.40, 0.75, 0.85, coupons=0.9),
    Manner("newcomer", 0.10, 2.4, 2.4, 0.40, 0.75, 0.80, active_from=0.90),
    Manner("lapsing", 0.12, 1.1, 1.5, 0.45, 0.80, 0.85, active_to=0.82),
    Manner("lapsed", 0.14, 1.1, 1.5, 0.45, 0.80, 0.85, active_to=0.45),
    Manner("cart abandoner", 0.12, 0.8, 1.6, 0.60, 0.55, 0.15),
    Manner("browser", 0.20, 0.6, 3.2, 0.02, 0.10, 0.10),
)


@dataclass(frozen=True, slots=True)
class GeneratedShop:
    """The rows of a generated shop, each list in order of time."""

    events: list[Row]
    profiles: list[Row]
    accounts: list[Row]


def generate(seed: int = SEED, share: float = 1.0) -> GeneratedShop:
    """The shop that a seed gives; `share` below 1 gives proportionally fewer people."""
    events: list[Row] = []
    profiles: list[Row] = []
    accounts: list[Row] = []
    shop = random.Random(seed)
    for number in range(round(SHOPPERS * share)):
        person = _person(shop, f"generated-{number + 1:04}")
        profiles.append(person)
        events.extend(_shopper(random.Random(shop.random()), person))
    company = random.Random(seed + 1)
    for number in range(round(ACCOUNTS * share)):
        account, staff, done = _account(random.Random(company.random()), number + 1)
        accounts.append(account)
        profiles.extend(staff)
        events.extend(done)
    hiring = random.Random(seed + 2)
    for number in range(round(CANDIDATES * share)):
        person = _person(hiring, f"generated-candidate-{number + 1:03}")
        profiles.append(person)
        events.extend(_candidate(random.Random(hiring.random()), person))
    events = [row for row in events if row["timestamp"] <= _text(END)]
    events.sort(key=lambda row: (row["timestamp"], row["profile_id"], row["event"]))
    return GeneratedShop(events, profiles, accounts)


def moved(shop: GeneratedShop, to: dt.datetime) -> GeneratedShop:
    """The same shop as if its year ended at an instant: whoever looks round finds it open.

    Args:
        to: in UTC.
    """
    length = to.replace(microsecond=0) - END

    def later(row: Row) -> Row:
        return {name: _later(value, length) if name in _DATED else value for name, value in row.items()}

    return replace(
        shop,
        events=[later(row) for row in shop.events],
        profiles=[later(row) for row in shop.profiles],
        accounts=[later(row) for row in shop.accounts],
    )


def write(folder: Path, shop: GeneratedShop | None = None) -> tuple[Path, Path, Path]:
    """Writes the three files into the folder; returns the paths of events, profiles and accounts."""
    shop = shop or generate()
    folder.mkdir(parents=True, exist_ok=True)
    paths = (
        folder / "generated_events.jsonl",
        folder / "generated_profiles.jsonl",
        folder / "generated_accounts.jsonl",
    )
    for path, rows in zip(paths, (shop.events, shop.profiles, shop.accounts), strict=True):
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return paths


# --- people ---------------------------------------------------------------------------------------------------------


def _person(chance: random.Random, profile_id: str) -> Row:
    city = chance.choice(tuple(PLACES))
    country, latitude, longitude = PLACES[city]
    born = dt.date(chance.randint(1945, 1995), chance.randint(1, 12), chance.randint(1, 28))
    return {
        "profile_id": profile_id,
        "timestamp": _text(START),
        "email": f"{profile_id}@example.org",
        "birthday": born.isoformat(),
        "country": country,
        "city": city,
        "location": {
            "lat": round(latitude + chance.uniform(-0.2, 0.2), 4),
            "lon": round(longitude + chance.uniform(-0.2, 0.2), 4),
        },
        "preferred_channel": chance.choice(CHANNELS[:3]),
    }


def _shopper(chance: random.Random, person: Row) -> Iterator[Row]:
    manner = chance.choices(MANNERS, [manner.weight for manner in MANNERS])[0]
    profile_id = person["profile_id"]
    year = END - START
    begins, ends = START + year * manner.active_from, START + year * manner.active_to
    joined = begins + (ends - begins) * chance.random() * 0.4
    person["signup_date"] = joined.date().isoformat()
    device = chance.choices(DEVICES, (5, 3, 1))[0]
    loves = chance.choice(tuple(CATEGORIES))
    yield _event(profile_id, "signed_up", joined, channel=chance.choice(CHANNELS))
    orders = 0
    for at in _instants(chance, joined, ends, manner.visits_a_month):
        bought = yield from _visit(chance, manner, profile_id, at, device, loves)
        if bought is None:
            continue
        orders += 1
        yield from _after_order(chance, manner, person, bought, orders)
    if manner.name == "champion" or chance.random() < 0.12:
        for at in _instants(chance, joined, ends, 0.12):
            yield _event(profile_id, "friend_invited", at, channel=chance.choice(CHANNELS))
    for at in _instants(chance, joined, END, 1.0):  # the newsletter goes on when people have stopped coming
        yield _event(profile_id, "email_sent", at, campaign="newsletter")
        eager = 0.55 if person["preferred_channel"] == "email" and at < ends else 0.12
        if chance.random() < eager:
            opened = at + dt.timedelta(minutes=chance.randint(5, 2_000))
            yield _event(profile_id, "email_opened", opened, campaign="newsletter")
            if chance.random() < 0.3:
                clicked = opened + dt.timedelta(minutes=1)
                yield _event(profile_id, "email_link_clicked", clicked, campaign="newsletter")


def _visit(
    chance: random.Random, manner: Manner, profile_id: str, at: dt.datetime, usual: str, loves: str
) -> Generator[Row, None, dt.datetime | None]:
    """Yields the events of one visit; its return value is the instant of an order, if one was made."""
    device = usual if chance.random() < 0.8 else chance.choice(DEVICES)
    views = 1 + min(20, int(chance.expovariate(1 / manner.views_a_visit)))
    seconds = views * chance.randint(20, 160)
    yield _event(profile_id, "session_started", at, device=device, duration_seconds=seconds)
    cart: list[tuple[str, str, float]] = []
    wants = chance.random() < manner.adds
    again: tuple[str, str, float] | None = None
    for _ in range(views):
        at += dt.timedelta(seconds=chance.randint(8, 90))
        if again is None or chance.random() > 0.35:
            again = _product(chance, loves)
        product, category, price = again
        yield _event(
            profile_id, "product_viewed", at, product_id=product, category=category, price=price, device=device
        )
        if wants and (not cart or chance.random() < 0.3):
            at += dt.timedelta(seconds=5)
            cart.append(again)
            yield _event(profile_id, "product_added", at, product_id=product, category=category, price=price)
    if not cart or chance.random() > manner.checks_out:
        return None
    at += dt.timedelta(seconds=chance.randint(20, 120))
    total = round(sum(price for _, _, price in cart), 2)
    yield _event(profile_id, "checkout_started", at, total=total, products=len(cart))
    if chance.random() > manner.buys:
        return None
    at += dt.timedelta(seconds=chance.randint(30, 300))
    order: Row = {"total": total, "product_id": cart[0][0], "category": cart[0][1], "products": len(cart)}
    if chance.random() < manner.coupons:
        order |= {"coupon": "TAKE10", "discount": round(total * 0.1, 2), "total": round(total * 0.9, 2)}
    yield _event(profile_id, "order_completed", at, **order, device=device, channel=chance.choice(CHANNELS))
    return at


def _after_order(chance: random.Random, manner: Manner, person: Row, at: dt.datetime, orders: int) -> Iterator[Row]:
    profile_id = person["profile_id"]
    if orders == 3 and chance.random() < 0.6:
        person["loyalty_tier"] = "gold" if manner.name == "champion" else "silver"
        yield _event(profile_id, "loyalty_joined", at + dt.timedelta(minutes=3), tier=person["loyalty_tier"])
    later = at + dt.timedelta(days=chance.randint(3, 10))
    happy = 0.5 if manner.name in ("lapsing", "lapsed") else 1.0
    if chance.random() < 0.15:
        score = min(10, max(0, round(chance.gauss(5.0 + 3.5 * happy, 2.0))))
        yield _event(profile_id, "nps_answered", later, score=score)
    if chance.random() < 0.15:
        score = min(5, max(1, round(chance.gauss(2.2 + 2.0 * happy, 1.0))))
        yield _event(profile_id, "csat_answered", later, score=score)
    if chance.random() < 0.06:
        yield _event(profile_id, "product_reviewed", later, rating=chance.randint(1 + round(2 * happy), 5))


# --- companies that use the software ----------------------------------------------------------------------------------


def _account(chance: random.Random, number: int) -> tuple[Row, list[Row], list[Row]]:
    account_id = f"generated-company-{number:02}"
    size = chance.randint(3, 16)
    joined = START + (END - START) * chance.random() * 0.97
    converts = chance.random() < 0.55
    thrives = chance.random() < 0.6
    plan = chance.choice(("team", "business")) if converts else "free"
    account = {
        "account_id": account_id,
        "timestamp": _text(joined),
        "name": f"Generated Company {number}",
        "plan": plan,
        "seats": size + chance.choice((0, 0, 1, 4)),
    }
    staff: list[Row] = []
    events: list[Row] = []
    for seat in range(size):
        person = _person(chance, f"generated-staff-{number:02}-{seat + 1:02}")
        person |= {"account_id": account_id, "plan": plan, "signup_date": joined.date().isoformat()}
        staff.append(person)
        ends = END if thrives or chance.random() < 0.3 else joined + (END - joined) * chance.uniform(0.2, 0.8)
        events.extend(_user(chance, person, joined, ends, first=seat == 0, converts=converts))
    return account, staff, events


def _user(
    chance: random.Random, person: Row, joined: dt.datetime, ends: dt.datetime, *, first: bool, converts: bool
) -> Iterator[Row]:
    profile_id = person["profile_id"]
    at = joined + dt.timedelta(minutes=chance.randint(0, 3_000))
    yield _event(profile_id, "signed_up", at, channel=chance.choice(CHANNELS))
    at += dt.timedelta(minutes=2)
    yield _event(profile_id, "onboarding_started", at)
    steps = chance.choices((1, 2, 3, 4), (1, 1, 1, 5))[0]
    for step in range(1, steps + 1):
        at += dt.timedelta(minutes=chance.randint(1, 30))
        yield _event(profile_id, "onboarding_step_completed", at, step=step)
    if steps == 4:
        yield _event(profile_id, "onboarding_completed", at + dt.timedelta(minutes=1))
    if first:
        trial_ends = joined + dt.timedelta(days=14)
        person["trial_ends_at"] = _text(trial_ends)
        yield _event(profile_id, "trial_started", joined + dt.timedelta(minutes=5), plan="business")
        yield _event(profile_id, "trial_ended", trial_ends)
        if converts:
            yield _event(profile_id, "subscription_started", trial_ends - dt.timedelta(hours=3), plan=person["plan"])
    favorite = chance.choice(FEATURES)
    keen = chance.choices((30.0, 5.0, 1.0), (1, 5, 6))[0]
    for visit in _instants(chance, at, ends, keen):
        device = chance.choices(DEVICES, (1, 6, 1))[0]
        yield _event(profile_id, "logged_in", visit, device=device)
        seconds = chance.randint(60, 4_000)
        yield _event(profile_id, "session_started", visit, device=device, duration_seconds=seconds)
        used = visit
        for _ in range(chance.randint(1, 5)):
            used += dt.timedelta(seconds=chance.randint(10, 400))
            feature = favorite if chance.random() < 0.7 else chance.choice(FEATURES)
            yield _event(profile_id, "feature_used", used, feature=feature)
        if chance.random() < 0.02:
            yield _event(profile_id, "limit_reached", used, limit="seats")
        if person["plan"] == "free" and chance.random() < 0.06:
            yield _event(profile_id, "pricing_viewed", used)
        if chance.random() < 0.02:
            yield _event(profile_id, "support_ticket_created", used, topic=chance.choice(FEATURES))
        if chance.random() < 0.03:
            yield _event(profile_id, "nps_answered", used, score=chance.randint(3, 10))


# --- candidates -------------------------------------------------------------------------------------------------------


def _candidate(chance: random.Random, person: Row) -> Iterator[Row]:
    profile_id = person["profile_id"]
    eager = chance.choice((0.2, 0.6, 2.5))
    for at in _instants(chance, START, END, eager):
        yield _event(profile_id, "application_submitted", at, role=chance.choice(("analyst", "engineer", "manager")))
        if chance.random() < 0.35:
            yield _event(profile_id, "interview_completed", at + dt.timedelta(days=chance.randint(4, 20)))
    for at in _instants(chance, START, END, chance.choice((0.0, 0.1, 0.3))):
        yield _event(profile_id, "job_started", at, role=chance.choice(("analyst", "engineer", "manager")))
    for at in _instants(chance, START, END, chance.choice((0.1, 0.5))):
        yield _event(profile_id, "skill_added", at, skill=chance.choice(SKILLS))
    for at in _instants(chance, START, END, 0.3):
        yield _event(profile_id, "project_completed", at, type=chance.choice(("research", "delivery", "volunteer")))


# --- rows -----------------------------------------------------------------------------------------------------------


def _event(profile_id: str, event: str, at: dt.datetime, **properties: object) -> Row:
    return {"profile_id": profile_id, "event": event, "timestamp": _text(at), **properties}


def _product(chance: random.Random, loves: str) -> tuple[str, str, float]:
    """Returns a product with its category and price; low numbers sell best, the loved category comes often."""
    category = loves if chance.random() < 0.5 else chance.choice(tuple(CATEGORIES))
    number = min(PRODUCTS_A_CATEGORY, 1 + int(chance.expovariate(0.25)))
    return f"{category}-{number:02}", category, round(CATEGORIES[category] * (0.5 + number / 16), 2)


def _instants(chance: random.Random, start: dt.datetime, end: dt.datetime, a_month: float) -> Sequence[dt.datetime]:
    """Returns instants at random distances, so many a month, by day rather than by night."""
    found: list[dt.datetime] = []
    if a_month <= 0:
        return found
    at = start
    while True:
        at += dt.timedelta(days=chance.expovariate(a_month / 30.4))
        if at >= end:
            return found
        hour = chance.choices(range(24), (1, 1, 1, 1, 1, 1, 3, 5, 7, 8, 8, 8, 9, 8, 7, 7, 7, 8, 10, 12, 12, 9, 5, 2))[0]
        found.append(min(at.replace(hour=hour, minute=chance.randrange(60), second=chance.randrange(60)), end))


def _later(value: str, length: dt.timedelta) -> str:
    """An instant, or a day, so much later."""
    if "T" in value:
        return _text(dt.datetime.fromisoformat(value) + length)
    return (dt.date.fromisoformat(value) + length).isoformat()


def _text(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _counted(rows: Sized, what: str) -> str:
    return f"{len(rows):,} {what}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path, help="where to write the files")
    shop = generate()
    for path in write(arguments.parse_args().folder, shop):
        sys.stdout.write(f"wrote {path}\n")
    counted = ((shop.events, "events"), (shop.profiles, "people"), (shop.accounts, "accounts"))
    sys.stdout.write(", ".join(_counted(rows, what) for rows, what in counted) + "\n")


if __name__ == "__main__":
    main()
