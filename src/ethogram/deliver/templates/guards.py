"""What is missing, and what is too large: the guards around every variable and every filter of a template.

Step of the path: deliver. Pure. The library counts loops and output, but neither what a filter makes on the way nor
what it makes of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from liquid import Undefined
from liquid.exceptions import LiquidError, ResourceLimitError
from liquid.token import Token

LONGEST = 500_000  # characters of a text on the way, and of what comes out
MOST_ITEMS = 1_000  # of a range, and of a list that a filter makes
_BITS = 256  # of a whole number
_MULTIPLYING = frozenset({"replace", "replace_first", "replace_last", "join"})


class MissingError(LiquidError):
    """A variable that a template shows is not there."""


class Missing(Undefined):
    """A variable that is not there, or is null: false in an `if`, an error wherever it would be shown or used."""

    __slots__ = ("noted",)
    force_liquid_default = True  # `default` asks for this name

    def __init__(
        self,
        name: str,
        *,
        token: Token | None = None,
        obj: object = None,
        hint: str | None = None,
        noted: set[str] | None = None,
    ) -> None:
        super().__init__(name, token=token, obj=obj, hint=hint)
        self.noted = noted

    def refuse(self) -> None:
        """Says that it is missing: an error, unless the rendering is only there to find what is.

        Raises:
            MissingError: it is.
        """
        if self.noted is None:
            raise MissingError(f"`{self.name}` is missing, and the template has no `default` for it", token=self.token)
        self.noted.add(self.name)

    def __bool__(self) -> bool:
        return False

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Undefined) or other is None

    def __getitem__(self, key: object) -> object:
        return self

    def __len__(self) -> int:
        self.refuse()
        return 0

    def __iter__(self) -> Iterator[Any]:
        self.refuse()
        return iter(())

    def __str__(self) -> str:
        self.refuse()
        return ""

    def __int__(self) -> int:
        self.refuse()
        return 0

    def __reversed__(self) -> Iterable[Any]:
        self.refuse()
        return ()


def filtered(name: str, call: Callable[..., object], left: object, *args: object, **named: object) -> object:
    """What a filter makes, which is no larger than anything may be; nothing is made of what is missing."""
    for value in (left, *args, *named.values()):
        if isinstance(value, Missing):
            value.refuse()
            return ""
        check_size(value)
    if name in _MULTIPLYING:
        times = len(left) + 1 if isinstance(left, (str, list, tuple, range)) else 1
        if times * max((len(str(each)) for each in args), default=0) > 20 * LONGEST:
            raise ResourceLimitError(f"`{name}` would make more than {LONGEST:,} characters", token=None)
    result = call(left, *args, **named)
    if result is None:
        return Missing(f"… | {name}")
    check_size(result)
    if isinstance(result, list) and len(result) > max(MOST_ITEMS, len(left) if isinstance(left, (list, tuple)) else 0):
        raise ResourceLimitError(f"`{name}` makes a list of more than {MOST_ITEMS:,}", token=None)
    return result


def check_size(value: object) -> None:
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise ResourceLimitError(f"a text has more than {LONGEST:,} characters", token=None)
    elif isinstance(value, (list, tuple, dict)):
        if _size(value, LONGEST) > LONGEST:
            raise ResourceLimitError(f"a list has more than {LONGEST:,} characters", token=None)
    elif isinstance(value, int) and value.bit_length() > _BITS:
        raise ResourceLimitError("a number has too many digits", token=None)


def _size(value: object, most: int) -> int:
    """About how many characters a value has, as far as it matters."""
    if isinstance(value, str):
        return len(value) + 1
    if not isinstance(value, (list, tuple, dict)):
        return 8
    total = 2
    for each in value.values() if isinstance(value, dict) else value:
        total += _size(each, most - total)
        if total > most:
            break
    return total
