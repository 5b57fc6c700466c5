"""Templates about looking without buying: browsing, carts, checkouts, and readiness to buy.

Step of the path: data for `fill.py`.
"""

from __future__ import annotations

from ethogram.segment.templates.template import Template, days, text, whole


def _abandoned(name: str, title: str, role: str, what: str) -> Template:
    return Template(
        name,
        title,
        f"{what}, bought nothing in the time after it, and has not bought since.",
        "browsing",
        f"sequence({{{role}}}, not {{purchase}} within {{minutes}} minutes) in last {{days}} days"
        f" and not sequence({{{role}}}, {{purchase}}) in last {{days}} days",
        (
            whole("minutes", 60, "how long to wait for the purchase", "minutes"),
            days(7, "how long it stays worth a reminder"),
        ),
        ("cart", "abandonment", "purchase"),
    )


BROWSING: tuple[Template, ...] = (
    Template(
        "browse-heavy-not-buying",
        "Browse a lot, buy nothing",
        "Looked at many products lately and bought none.",
        "browsing",
        "count({view} in last {days} days) >= {views} and not did({purchase} in last {days} days)",
        (whole("views", 10, "how many looks are many", "views"), days(30)),
        ("view", "abandonment"),
    ),
    Template(
        "viewed-product-not-bought",
        "Viewed a product several times, did not buy it",
        "Came back to one named product and has not bought it.",
        "browsing",
        "count({view} where {view.product} = {product} in last {days} days) >= {views}"
        " and not did({purchase} where {purchase.product} = {product} in last {days} days)",
        (
            text("product", None, "the product, as the events name it"),
            whole("views", 3, "how many looks", "views"),
            days(14),
        ),
        ("view", "product", "abandonment"),
    ),
    Template(
        "returning-to-products",
        "Keep returning to the same products",
        "Look at each of their products several times on average, and buy nothing.",
        "browsing",
        "did({view} in last {days} days)"
        " and count({view} in last {days} days) >= {views} * distinct({view.product} in last {days} days)"
        " and not did({purchase} in last {days} days)",
        (whole("views", 3, "looks at each product on average", "views"), days(14)),
        ("view", "product", "abandonment"),
    ),
    _abandoned("cart-abandoned", "Cart abandoned", "add_to_cart", "Put something into the cart"),
    _abandoned("checkout-abandoned", "Checkout abandoned", "checkout", "Began a checkout"),
    Template(
        "ready-to-buy",
        "Ready to buy",
        "Showed clear signs of wanting to buy in the last days, and has not bought yet.",
        "browsing",
        "(did({add_to_cart?} in last {days} days) or did({checkout?} in last {days} days)"
        " or count({view?} in last {days} days) >= {views} or did({pricing_view?} in last {days} days))"
        " and not did({purchase} in last {days} days)",
        (whole("views", 5, "how many looks at products are a sign", "views"), days(7)),
        ("readiness", "cart", "view"),
    ),
    Template(
        "searching-not-finding",
        "Search and do not look",
        "Searched several times lately without looking at a product afterwards.",
        "browsing",
        "count({search} in last {days} days) >= {searches} and not sequence({search}, {view}) in last {days} days",
        (whole("searches", 3, "how many searches", "searches"), days(7)),
        ("search", "view"),
    ),
)
