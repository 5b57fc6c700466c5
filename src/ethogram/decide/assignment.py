"""Assignment: which variant a profile gets, and who is held out, by a hash and nothing else.

Step of the path: decide. Pure. The same salt and profile draw the same number for ever, on every machine; another salt,
or another purpose, draws one that has nothing to do with it. So nothing need be kept, nobody is drawn anew after a
restart, and raising a share only adds people to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from ethogram.decide.campaigns.launching import Drawn
from ethogram.model.campaign import Campaign
from ethogram.model.eligibility import GlobalHoldout

VARIANT: Final = "variant"
HELD_OUT: Final = "holdout"
HELD_OUT_OF_ALL: Final = "global holdout"
SPLIT: Final = "split"  # of a journey


def number(purpose: str, salt: str, profile_id: str) -> float:
    """A number in [0, 1) that looks drawn: one of 2^53, each as likely.

    It is the first 53 bits of BLAKE2b with a digest of 8 bytes over the length and text of purpose, salt and profile.

    >>> number("variant", "spring", "p1")
    0.2576624989885562
    """
    told = f"{len(purpose)}:{purpose}{len(salt)}:{salt}{len(profile_id)}:{profile_id}"
    digest = hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / (1 << 53)


def pick(shares: Sequence[float], drawn: float) -> int:
    """Which of several shares a number falls in; those that do not add up to 1 are taken as parts of their sum.

    >>> pick([0.25, 0.75], 0.2), pick([0.25, 0.75], 0.25)
    (0, 1)
    """
    whole = sum(shares)
    if whole <= 0:
        raise ValueError("shares of nothing: at least one must be above 0")
    reached = 0.0
    for index, share in enumerate(shares):
        reached += share / whole
        if drawn < reached:
            return index
    return max(index for index, share in enumerate(shares) if share > 0)  # the sum fell short by a rounding


def draw(campaign: Campaign, profile_id: str) -> Drawn:
    """What a profile was drawn for in a campaign."""
    salt = campaign.salt or campaign.name
    variants = campaign.variants
    chosen = 0
    if len(variants) > 1:
        chosen = pick([each.share for each in variants], number(VARIANT, salt, profile_id))
    held_out = bool(campaign.holdout) and number(HELD_OUT, salt, profile_id) < campaign.holdout
    return Drawn(variants[chosen], held_out)


def held_out_of_all(holdouts: Iterable[GlobalHoldout], profile_id: str) -> tuple[GlobalHoldout, ...]:
    """The holdouts over everything that a profile was drawn for."""
    return tuple(each for each in holdouts if number(HELD_OUT_OF_ALL, each.salt or each.name, profile_id) < each.share)
