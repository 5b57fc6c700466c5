"""Public holidays of countries and of their parts, as the package `holidays` knows them.

Step of the path: model. Pure: what a year's holidays are hangs on nothing but the region and the year.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping

_LANGUAGE = "en_US"


@functools.lru_cache(maxsize=512)
def of_year(region: str, year: int) -> Mapping[dt.date, str]:
    """The name of each public holiday of a year, by its date; in English where the package has that.

    Args:
        region: a country's code of two letters, or that and the code of a part of it: `SE`, `US-CA`.

    Raises:
        KeyError: no holidays are known for the region.
    """
    import holidays  # takes half a second: only for whoever asks

    country, hyphen, part = region.partition("-")
    if country not in _countries() or (hyphen and not part):
        raise KeyError(region)  # the package would take the name of anything inside it for a country
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=[year], language=_LANGUAGE)
    except NotImplementedError:
        raise KeyError(region) from None
    return dict(found.items())


@functools.cache
def _countries() -> frozenset[str]:
    from holidays.registry import COUNTRIES

    return frozenset(entry[1] for entry in COUNTRIES.values())


@functools.cache
def regions() -> tuple[str, ...]:
    """Every region whose holidays are known."""
    import holidays

    known = holidays.list_supported_countries(include_aliases=False)
    return tuple(
        region for country, parts in known.items() for region in (country, *(f"{country}-{it}" for it in parts))
    )


def is_known(region: str) -> bool:
    """Whether a region has holidays that are known."""
    try:
        of_year(region, 2026)
    except KeyError:
        return False
    return True
