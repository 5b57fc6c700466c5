"""A vocabulary is guessed from what is certain, says why, can be changed by hand, and survives being stored."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from ethogram.errors import SettingError, UnknownNameError
from ethogram.model.results import Catalogue, EventFacts, PropertyFacts
from ethogram.segment.templates import ROLES, TEMPLATES, Applied, Entry, Vocabulary, apply, guess

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def number(name: str, distinct: int = 50, filled: float = 1.0) -> PropertyFacts:
    return PropertyFacts(name, {"number": 100}, filled, distinct, ("12", "7.5"), (("12", 9),))


def text(name: str, *values: str, distinct: int = 50, filled: float = 1.0) -> PropertyFacts:
    shown = values or ("a", "b")
    return PropertyFacts(name, {"text": 100}, filled, distinct, shown, tuple((value, 9) for value in shown))


def event(name: str, *properties: PropertyFacts, count: int = 100) -> EventFacts:
    return EventFacts(name, count, 10, AT, AT, properties, ())


def catalogue(*events: EventFacts, traits: tuple[PropertyFacts, ...] = ()) -> Catalogue:
    return Catalogue(events, traits, ())


def guessed(*events: EventFacts, traits: tuple[PropertyFacts, ...] = ()) -> dict[str, str | None]:
    return {entry.role: entry.name for entry in guess(catalogue(*events, traits=traits))}


SEGMENT_SHOP = (
    event("Products Searched", text("query")),
    event("Product Viewed", text("product_id"), text("category"), number("price")),
    event("Product Added", text("product_id"), number("quantity")),
    event("Product Added to Wishlist", text("product_id")),
    event("Checkout Started", text("order_id"), number("value")),
    event("Order Completed", text("order_id", distinct=100), number("total"), number("revenue"), text("coupon")),
    event("Coupon Applied", text("coupon_id")),
    event("Product Shared", text("share_via")),
    event("Product Reviewed", text("product_id"), number("rating")),
    event("Signed Up"),
    event("Signed In"),
    event("Email Opened"),
    event("Email Link Clicked"),
    event("Trial Started"),
    event("Application Opened"),
)


def test_the_events_of_segments_ecommerce_specification_are_understood() -> None:
    found = guessed(*SEGMENT_SHOP)

    assert found == {
        "purchase": "Order Completed",
        "purchase.amount": "total",
        "purchase.coupon": "coupon",
        "view": "Product Viewed",
        "view.product": "product_id",
        "view.category": "category",
        "search": "Products Searched",
        "add_to_cart": "Product Added",
        "wishlist": "Product Added to Wishlist",
        "checkout": "Checkout Started",
        "coupon_use": "Coupon Applied",
        "review": "Product Reviewed",
        "review.rating": "rating",
        "share": "Product Shared",
        "activity": "Application Opened",
        "session": "Application Opened",
        "login": "Signed In",
        "signup": "Signed Up",
        "trial_started": "Trial Started",
        "email_opened": "Email Opened",
        "email_clicked": "Email Link Clicked",
    }


@pytest.mark.parametrize(
    "name",
    [
        "purchase",
        "Purchase",
        "order_completed",
        "orderCompleted",
        "ORDER COMPLETED",
        "Completed Order",
        "user_purchased",
    ],
)
def test_spellings_of_a_purchase_are_understood(name: str) -> None:
    assert guessed(event(name))["purchase"] == name


def test_the_columns_of_online_retail_are_lines_of_orders() -> None:
    sale = event(
        "purchase",
        PropertyFacts("invoice_no", {"text": 200_000}, 1.0, 11_000, ("536365",), (("536365", 9),)),  # half the people
        text("stock_code", distinct=4_000),
        text("description"),
        number("quantity"),
        number("unit_price"),
        number("amount"),
        text("country"),
        count=400_000,
    )
    vocabulary = guess(catalogue(sale))

    assert {entry.role: entry.name for entry in vocabulary} == {
        "purchase": "purchase",
        "purchase.amount": "amount",
        "purchase.product": "stock_code",
        "purchase.order": "invoice_no",
        "activity": None,
    }
    order = vocabulary.get("purchase.order")
    assert order is not None
    assert "200,000 events of `purchase` looked at carry 11,000 different `invoice_no`" in order.why


def test_a_price_of_one_piece_is_not_the_money_of_a_purchase() -> None:
    assert "purchase.amount" not in guessed(event("purchase", number("quantity"), number("price")))
    assert guessed(event("purchase", number("price")))["purchase.amount"] == "price"


def test_money_is_a_number_or_text_that_is_wholly_one() -> None:
    assert "purchase.amount" not in guessed(event("purchase", text("total", "12 kr", "free")))
    assert guessed(event("purchase", text("total", "12", "7.50")))["purchase.amount"] == "total"
    assert guessed(event("purchase", text("total", "much"), number("revenue")))["purchase.amount"] == "revenue"


def test_an_unknown_vocabulary_stays_unset() -> None:
    strange = (event("flurbed", number("wibble")), event("zonked"))

    assert guessed(*strange) == {"activity": None}
    assert guessed() == {}
    assert not [
        template.name
        for template in TEMPLATES
        if isinstance(apply(template, guess(catalogue(*strange))), Applied)
        and "activity" not in template.needs + template.uses
    ]


def test_messages_sent_to_people_are_not_their_activity() -> None:
    assert "activity" not in guessed(event("email_sent"), event("flurbed"))
    assert guessed(event("email_sent"), event("login"))["activity"] == "login"


def test_a_survey_is_told_apart_by_its_kind() -> None:
    vocabulary = guess(catalogue(event("survey_answered", text("survey", "NPS", "csat", "o'clock"), number("score"))))

    assert vocabulary.get("nps") == Entry(
        "nps",
        "survey_answered",
        "`survey_answered` is a survey and its `survey` is sometimes 'NPS'",
        "\"survey\" = 'NPS'",
    )
    assert {entry.role for entry in vocabulary} == {"nps", "nps.score", "csat", "csat.score", "activity"}


def test_traits_are_understood() -> None:
    traits = (
        text("email"),
        text("dateOfBirth"),
        text("created_at"),
        text("Country"),
        text("account.plan"),
        number("account.seats"),
    )

    assert guessed(traits=traits) == {
        "email": "email",
        "birthday": "dateOfBirth",
        "signup_date": "created_at",
        "country": "Country",
        "account.plan": "plan",
        "account.seats": "seats",
    }


def test_a_place_is_understood_by_its_parts() -> None:
    assert guessed(traits=(number("location.lat"), number("location.lon"))) == {"location": "location"}
    assert guessed(traits=(text("coordinates", "59.3,18.1"),)) == {"location": "coordinates"}


def test_every_guess_says_why() -> None:
    assert all(entry.why and entry.why != "set by hand" for entry in guess(catalogue(*SEGMENT_SHOP)))


def test_a_vocabulary_can_be_changed_and_unset_by_hand() -> None:
    changed = guess(catalogue(*SEGMENT_SHOP)).change(
        {"purchase": "paid", "purchase.where": "status = 'ok'", "share": None, "activity": "any", "birthday": "bday"}
    )

    assert changed.get("purchase") == Entry("purchase", "paid", "set by hand", "status = 'ok'")
    assert changed.get("share") is None
    assert changed.get("activity") == Entry("activity", None)
    assert changed.get("birthday") == Entry("birthday", "bday")
    assert changed.get("view") is not None
    assert changed.change({"purchase.where": None}).get("purchase") == Entry("purchase", "paid")
    assert {role.key for role in changed.unset} == set(ROLES) - {entry.role for entry in changed}


def test_a_vocabulary_survives_being_stored() -> None:
    vocabulary = guess(catalogue(*SEGMENT_SHOP)).change({"purchase.where": "a = 'b''c'", "activity": "any"})

    assert Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict()))) == vocabulary
    assert Vocabulary.from_dict({"no longer a role": {"name": "x"}}) == Vocabulary()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"buying": "x"}, UnknownNameError, "no role `buying`"),
        ({"purchase": ""}, SettingError, "empty name"),
        ({"share.where": "a = 1"}, SettingError, "`share` is unset"),
        ({"purchase": "x", "purchase.where": "a = 1) or did(b"}, SettingError, "cannot be read|more than a condition"),
        ({"purchase": "x", "purchase.where": "a = 1 in last 3 days"}, SettingError, "more than a condition"),
        ({"purchase": "x", "purchase.where": "a ="}, SettingError, "cannot be read"),
        ({"purchase": "x", "purchase.where": "a = 1 # and"}, None, ""),
    ],
)
def test_a_wrong_change_is_an_error_that_says_so(
    changes: dict[str, str | None], error: type[Exception] | None, message: str
) -> None:
    if error is None:
        Vocabulary().change(changes)
    else:
        with pytest.raises(error, match=message):
            Vocabulary().change(changes)
