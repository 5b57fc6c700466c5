"""Values of a payload in the form that events have: numbers, money, instants.

Step of the path: collect. Each function gives the value, or `MISSING` where what came cannot be read so: a property
that is not there is better than a wrong one.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ethogram.collect.inbound.paths import MISSING, said

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LONGEST = 40  # characters of a number
# How many decimals an amount in the smallest unit has, where it is not two, as Stripe writes amounts
# (docs.stripe.com/currencies): ISK and UGX have none and are written with two all the same.
_DECIMALS = {
    **dict.fromkeys("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD JOD KWD OMR TND".split(), 3),
}


def number(value: Any) -> Any:
    """A number, also from text.

    >>> number("199.00"), number("12"), number("1e999"), number("x")
    (199, 12, MISSING, MISSING)
    """
    exact = _decimal(value)
    return MISSING if exact is None else _plain(exact)


def smallest_units(value: Any, currency: Any = None) -> Any:
    """An amount from its smallest unit: cents, or whatever the currency has.

    >>> smallest_units(1999, "eur"), smallest_units(500, "JPY"), smallest_units(1234, "kwd")
    (19.99, 500, 1.234)
    """
    exact = _decimal(value)
    if exact is None:
        return MISSING
    decimals = _DECIMALS.get(currency.strip().upper(), 2) if isinstance(currency, str) else 2
    return _plain(exact.scaleb(-decimals))


def millionths(value: Any) -> Any:
    """A number that was given in millionths.

    >>> millionths("12340000")
    12.34
    """
    exact = _decimal(value)
    return MISSING if exact is None else _plain(exact.scaleb(-6))


def text(value: Any) -> Any:
    """A plain value as text."""
    found = said(value)
    return MISSING if found is None else found


def lower(value: Any) -> Any:
    """Text in lower case without blanks around it: addresses, which come in any case."""
    found = said(value)
    return MISSING if found is None or not found.strip() else found.strip().lower()


def boolean(value: Any) -> Any:
    """True or false, also from text.

    >>> boolean("true"), boolean("0"), boolean("perhaps")
    (True, False, MISSING)
    """
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
        (said(value) or "").strip().lower(), MISSING
    )


def _since_1970(unit: int) -> Callable[[Any], Any]:
    def instant(value: Any) -> Any:
        exact = _decimal(value)
        if exact is None:
            return MISSING
        try:
            at = _EPOCH + dt.timedelta(microseconds=int(exact * unit))
        except (OverflowError, ArithmeticError):
            return MISSING
        return at.isoformat()

    return instant


# The word in a mapping -> what it does. `cents` is apart: it looks at the currency too.
CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "text": text,
    "number": number,
    "boolean": boolean,
    "lower": lower,
    "micros": millionths,
    "seconds": _since_1970(10**6),
    "milliseconds": _since_1970(10**3),
    "microseconds": _since_1970(1),
}


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    shown = str(value).strip()
    if len(shown) > _LONGEST:
        return None
    try:
        exact = Decimal(shown)
    except InvalidOperation:
        return None
    return exact if exact.is_finite() and (exact == 0 or abs(exact.adjusted()) < 300) else None


def _plain(exact: Decimal) -> Any:
    if exact == exact.to_integral_value() and abs(exact) < 2**63:
        return int(exact)
    value = float(exact)
    return value if math.isfinite(value) else MISSING
