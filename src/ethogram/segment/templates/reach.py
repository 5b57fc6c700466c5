"""Templates about taste and reach: what people like, on which device and channel, and where they are.

Step of the path: data for `fill.py`.
"""

from __future__ import annotations

from ethogram.segment.templates.template import Parameter, Template, days, number, text, whole

_CATEGORY = text("category", None, "the category, as the events name it")


def _affinity(name: str, title: str, role: str, description: str, times: Parameter, back: int) -> Template:
    return Template(
        name,
        title,
        description,
        "affinity",
        f"favorite({{{role}.category}} in last {{days}} days) = {{category}}"
        f" and count({{{role}}} where {{{role}.category}} = {{category}} in last {{days}} days) >= {{times}}",
        (_CATEGORY, times, days(back)),
        ("affinity", "category"),
    )


REACH: tuple[Template, ...] = (
    _affinity(
        "content-affinity",
        "Content affinity",
        "content_view",
        "Read, watch or hear one kind of content more than any other.",
        whole("times", 3, "how many pieces of it", "pieces"),
        90,
    ),
    _affinity(
        "category-affinity",
        "Category affinity by looking",
        "view",
        "Look at one category of products more than at any other.",
        whole("times", 3, "how many looks at it", "views"),
        90,
    ),
    _affinity(
        "purchase-category-affinity",
        "Category affinity by buying",
        "purchase",
        "Buy from one category more than from any other.",
        whole("times", 2, "how many purchases of it", "purchases"),
        365,
    ),
    Template(
        "device-users",
        "Users of a device",
        "Mostly come with one kind of device.",
        "reach",
        "favorite({session.device} in last {days} days) ~= {device}",
        (text("device", "mobile", "the device, in any letter case"), days(90)),
        ("device",),
    ),
    Template(
        "device-owners",
        "Owners of a device",
        "Are known to use one kind of device.",
        "reach",
        "{device} ~= {kind}",
        (text("kind", "mobile", "the device, in any letter case"),),
        ("device",),
    ),
    Template(
        "multi-device-users",
        "Several devices",
        "Come with more than one kind of device.",
        "reach",
        "distinct({session.device} in last {days} days) >= {devices}",
        (whole("devices", 2, "how many kinds", "devices"), days(28)),
        ("device",),
    ),
    Template(
        "preferred-channel",
        "Preferred channel by reaction",
        "React to messages on one channel more than on any other.",
        "reach",
        "favorite({message_opened.channel} in last {days} days) ~= {channel}",
        (text("channel", "email", "the channel, in any letter case"), days(90)),
        ("channel", "message"),
    ),
    Template(
        "stated-channel",
        "Preferred channel as stated",
        "Said which channel they prefer.",
        "reach",
        "{channel} ~= {preferred}",
        (text("preferred", "email", "the channel, in any letter case"),),
        ("channel",),
    ),
    Template(
        "purchase-channel",
        "Preferred channel of buying",
        "Buy through one channel more than through any other.",
        "reach",
        "favorite({purchase.channel} in last {days} days) ~= {bought_through}",
        (text("bought_through", "web", "the channel, in any letter case"), days(365)),
        ("channel", "purchase"),
    ),
    Template(
        "email-responsive",
        "Respond to e-mail",
        "Open or click e-mails.",
        "reach",
        "count({email_opened?} in last {days} days) >= {opened} or did({email_clicked?} in last {days} days)",
        (whole("opened", 3, "how many opened e-mails", "e-mails"), days(90)),
        ("channel", "message", "e-mail"),
    ),
    Template(
        "email-unresponsive",
        "Do not respond to e-mail",
        "Received several e-mails and opened none.",
        "reach",
        "count({email_sent} in last {days} days) >= {sent} and not did({email_opened} in last {days} days)",
        (whole("sent", 5, "how many e-mails they received", "e-mails"), days(90)),
        ("channel", "message", "e-mail"),
    ),
    Template(
        "near-place",
        "Near a place",
        "Are within some kilometres of a place.",
        "reach",
        "{location} within {km} km of ({latitude}, {longitude})",
        (
            number("km", 10, "how near", "km", low=0.001, high=20_040),
            number("latitude", None, "the place's latitude", "degrees", -90, 90),
            number("longitude", None, "the place's longitude", "degrees", -180, 180),
        ),
        ("place",),
    ),
)
