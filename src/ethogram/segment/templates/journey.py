"""Journey stages after two models, and being stuck in a stage, as templates.

Step of the path: data for `fill.py`. A stage is a list of signals, any of which puts somebody there; stages do not
exclude each other, because people look, want and buy at once. Somebody is *stuck* who showed a stage's signals for
some time already and none of the next stage's.

The models are attention, interest, desire, action (E. St. Elmo Lewis, 1898) and a finer one of eight stages from
awareness to advocacy.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ethogram.segment.templates.template import Parameter, Template, days, whole


@dataclass(frozen=True, slots=True)
class _Stage:
    """`signals` is an `or` of conditions; `WINDOW` in it is replaced by the window to look in."""

    name: str
    description: str
    signals: str
    knobs: tuple[Parameter, ...] = ()


_VIEWS = whole("views", 3, "how many different products looked at", "products")
_CONTENTS = whole("contents", 3, "how many pieces of content", "pieces")
_CONSIDERED = whole("considered", 5, "how many looks at products", "views")
_PURCHASES = whole("purchases", 3, "how many purchases make somebody loyal", "purchases")

_AIDA = (
    _Stage(
        "attention",
        "Came by or opened a message.",
        "did({activity?} WINDOW) or did({session?} WINDOW) or did({email_opened?} WINDOW)",
    ),
    _Stage(
        "interest",
        "Looked at several products, searched, or read several pieces.",
        "distinct({view.product?} WINDOW) >= {views} or did({search?} WINDOW)"
        " or count({content_view?} WINDOW) >= {contents}",
        (_VIEWS, _CONTENTS),
    ),
    _Stage(
        "desire",
        "Put something into the cart or on a wish list, looked at prices, or began a trial.",
        "did({add_to_cart?} WINDOW) or did({wishlist?} WINDOW) or did({pricing_view?} WINDOW)"
        " or did({trial_started?} WINDOW)",
    ),
    _Stage("action", "Bought or subscribed.", "did({purchase?} WINDOW) or did({subscription?} WINDOW)"),
)

_EIGHT = (
    _Stage(
        "awareness",
        "Came by, opened a message or met a piece of content.",
        "did({activity?} WINDOW) or did({session?} WINDOW) or did({email_opened?} WINDOW)"
        " or did({content_view?} WINDOW)",
    ),
    _Stage(
        "interest",
        "Looked at a product, searched, or read several pieces.",
        "did({view?} WINDOW) or did({search?} WINDOW) or count({content_view?} WINDOW) >= {contents}",
        (_CONTENTS,),
    ),
    _Stage(
        "consideration",
        "Looked at many products or at the prices.",
        "count({view?} WINDOW) >= {considered} or did({pricing_view?} WINDOW)",
        (_CONSIDERED,),
    ),
    _Stage(
        "intent",
        "Put something into the cart or on a wish list.",
        "did({add_to_cart?} WINDOW) or did({wishlist?} WINDOW)",
    ),
    _Stage(
        "evaluation",
        "Began a checkout or a free trial.",
        "did({checkout?} WINDOW) or did({trial_started?} WINDOW)",
    ),
    _Stage("purchase", "Bought or subscribed.", "did({purchase?} WINDOW) or did({subscription?} WINDOW)"),
    _Stage(
        "loyalty",
        "Buys again and again, or joined the loyalty programme.",
        "count({purchase?} WINDOW) >= {purchases} or did({loyalty_enrolled?} WINDOW)",
        (_PURCHASES,),
    ),
    _Stage(
        "advocacy",
        "Refers others, shares, writes good reviews or would recommend.",
        "did({referral?} WINDOW) or did({share?} WINDOW) or did({review?} where {review.rating?} >= 4 WINDOW)"
        " or did({nps?} where {nps.score?} >= 9 WINDOW)",
    ),
)


def _templates(model: str, title: str, stages: tuple[_Stage, ...], default: int) -> list[Template]:
    made = [
        Template(
            f"{model}-{stage.name}",
            f"{title}: {stage.name}",
            f"{stage.description} Somebody can be in several stages at once.",
            "journey",
            stage.signals.replace("WINDOW", "in last {days} days"),
            (*stage.knobs, days(default)),
            ("journey", "stage", model),
        )
        for stage in stages
    ]
    for stage, following in pairwise(stages):
        reached = stage.signals.replace("WINDOW", "in {days} days before last {stuck} days")
        went_on = following.signals.replace("WINDOW", "in last {days+stuck} days")
        knobs = dict.fromkeys((*stage.knobs, *following.knobs, days(default), days(14, "how long is stuck", "stuck")))
        made.append(
            Template(
                f"{model}-stuck-in-{stage.name}",
                f"{title}: stuck in {stage.name}",
                f"Reached {stage.name} some time ago and shows no sign of {following.name} yet.",
                "journey",
                f"({reached}) and not ({went_on})",
                tuple(knobs),
                ("journey", "stuck", model),
            )
        )
    return made


JOURNEY: tuple[Template, ...] = (
    *_templates("aida", "AIDA", _AIDA, 30),
    *_templates("stage", "Stage", _EIGHT, 90),
)
