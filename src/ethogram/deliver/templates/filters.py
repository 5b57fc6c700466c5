"""Filters of templates: those that the library lacks, and those of its own that read a clock or can be made to hang.

Step of the path: deliver. Pure. Named as Shopify and Braze name them. Amounts are in units (19.99), not in cents; dates
are shown in the person's zone and language.
"""

from __future__ import annotations

import decimal
import functools
import hashlib
import hmac
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from babel import Locale, numbers
from liquid import Markup, RenderContext
from liquid.exceptions import FilterArgumentError
from liquid.extra.filters import sort_numeric
from liquid.filter import string_filter, with_context

from ethogram.deliver.templates import dates

_WORD = re.compile(r"[^\w]+")


@with_context
def date(value: object, format: object = "%Y-%m-%d", *, context: RenderContext) -> str:
    """A date as a `strftime` format says, or in a length of the person's language: `short`, `medium`, `long`, `full`.

    What is no date stays as it is, as in Shopify.
    """
    around = context.around  # type: ignore[attr-defined]  # of the sandbox's own context
    at = dates.instant(value, around.now, around.zone)
    if at is None:
        return str(value)
    written = dates.written(at, str(format), dates.locale(around.language))
    return Markup(written) if context.autoescape and isinstance(format, Markup) and "%" not in written else written


def _amount(value: object) -> decimal.Decimal:
    if isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool):
        amount = decimal.Decimal(str(value))
    else:
        try:
            amount = decimal.Decimal(str(value).strip()[:40])
        except decimal.InvalidOperation:
            raise FilterArgumentError(f"`{str(value)[:50]}` is no amount", token=None) from None
    if not amount.is_finite() or abs(amount) >= 10**15:
        raise FilterArgumentError(f"`{str(value)[:50]}` is no amount", token=None)
    return amount


@functools.lru_cache(maxsize=10_000)  # prices come again and again
def _formatted(amount: decimal.Decimal, code: str, pattern: str | None, language: str, *, plain: bool) -> str:
    locale = dates.locale(language)
    form = _without_fraction(locale) if plain else pattern
    return numbers.format_currency(amount, code, format=form, locale=locale, currency_digits=not plain)


def _money(pattern: str | None, *, whole: bool = False) -> Callable[..., str]:
    @with_context
    def money(value: object, currency: object = None, *, context: RenderContext) -> str:
        around = context.around  # type: ignore[attr-defined]  # of the sandbox's own context
        code = str(currency or around.currency or "").upper()
        if not re.fullmatch(r"[A-Z]{3}", code):
            raise FilterArgumentError("`money` needs a currency: `{{ price | money: 'EUR' }}`", token=None)
        amount = _amount(value)
        plain = whole and amount == amount.to_integral_value()
        return _formatted(amount, code, pattern, around.language, plain=plain)

    return money


@functools.lru_cache(maxsize=200)
def _without_fraction(locale: Locale) -> str:
    """How a language writes whole amounts."""
    return re.sub(r"[.,]0+", "", str(locale.currency_formats["standard"].pattern).replace("#,##0", "\0")).replace(
        "\0", "#,##0"
    )


@with_context
def number(value: object, digits: object = None, *, context: RenderContext) -> str:
    """A number as the person's language writes it."""
    around = context.around  # type: ignore[attr-defined]  # of the sandbox's own context
    amount = _amount(value)
    if digits is not None:
        if not isinstance(digits, int) or not 0 <= digits <= 12:
            raise FilterArgumentError("`number` takes 0 to 12 digits", token=None)
        amount = round(amount, digits)
    pattern = "#,##0." + "0" * digits if digits else ("#,##0" if digits == 0 else None)
    return str(numbers.format_decimal(amount, format=pattern, locale=dates.locale(around.language)))


def json_text(value: object, *_: object) -> str:
    """A value as JSON; safe inside a script, too."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError):
        raise FilterArgumentError("the value cannot be written as JSON", token=None) from None
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (tuple, range)):
        return list(value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError


def uniq(value: object, key: object = None) -> list[object]:
    """The list, each value once."""
    found: dict[str, object] = {}
    for each in value if isinstance(value, (list, tuple, range)) else [value]:
        told = each.get(key) if key is not None and isinstance(each, Mapping) else each
        found.setdefault(f"{type(told).__name__}:{told!r}", each)
    return list(found.values())


@string_filter
def strip_html(value: str) -> str:
    """The text without its tags."""
    kept, begin = [], 0
    lower = value.lower()
    while (at := value.find("<", begin)) != -1:
        kept.append(value[begin:at])
        end = value.find(">", at)
        if end == -1:
            return "".join(kept)
        begin = end + 1
        for name in ("script", "style"):
            if lower.startswith(name, at + 1):
                closing = lower.find(f"</{name}", end)
                if closing == -1:
                    return "".join(kept)
                begin = closing
    kept.append(value[begin:])
    return str("".join(kept))


@string_filter
def url_escape(value: str) -> str:
    """Percent-encodes what an address cannot hold, and leaves what structures one."""
    return urllib.parse.quote(value, safe="%/:=&?~#+!$,;'@()*[]")


@string_filter
def url_param_escape(value: str) -> str:
    """Percent-encodes everything that would end a parameter."""
    return urllib.parse.quote(value, safe="")


@string_filter
def handleize(value: str) -> str:
    """A text as part of an address: `Blue Shirt!` is `blue-shirt`."""
    return _WORD.sub("-", value.lower()).strip("-_")


@string_filter
def camelize(value: str) -> str:
    """`blue shirt` as `BlueShirt`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", value))


def pluralize(count: object, one: object, many: object) -> object:
    """One word for one, another for any other number."""
    return one if count in (1, "1", 1.0) else many


def property_accessor(value: object, name: object) -> object:
    """The value under a name that a variable holds."""
    return value.get(str(name)) if isinstance(value, Mapping) else None


def _digest(name: str) -> Callable[..., str]:
    @string_filter
    def digest(value: str) -> str:
        return hashlib.new(name, value.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()

    return digest


@string_filter
def hmac_sha256(value: str, key: object) -> str:
    """The HMAC of a text."""
    return hmac.new(str(key).encode(), value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


OWN: dict[str, Callable[..., Any]] = {
    "camelize": camelize,
    "date": date,
    "handle": handleize,
    "handleize": handleize,
    "hmac_sha256": hmac_sha256,
    "json": json_text,
    "md5": _digest("md5"),
    "money": _money(None),
    "money_with_currency": _money("¤#,##0.00 ¤¤"),
    "money_without_currency": _money("#,##0.00"),
    "money_without_trailing_zeros": _money(None, whole=True),
    "number": number,
    "number_with_delimiter": number,
    "pluralize": pluralize,
    "property_accessor": property_accessor,
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sort_numeric": sort_numeric,
    "strip_html": strip_html,
    "uniq": uniq,
    "url_escape": url_escape,
    "url_param_escape": url_param_escape,
}
