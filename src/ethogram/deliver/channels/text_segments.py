"""How many segments a text message is paid for: 160 characters of GSM-7, or 70 of UCS-2; fewer where it is split.

Step of the path: deliver. Pure. Source: 3GPP TS 23.038 (alphabet), TS 23.040 (splitting).
"""

from __future__ import annotations

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # two places each


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes.

    Attributes:
        encoding: `GSM-7` or `UCS-2`.
        units: places that it takes, of the encoding.
        forces_ucs2: the first character that GSM-7 does not have.
    """

    encoding: str
    units: int
    count: int
    forces_ucs2: str | None = None


def segments(text: str) -> Segments:
    """The segments of a text message.

    >>> segments("x" * 160).count, segments("x" * 161).count, segments("🎉" * 36)
    (1, 2, Segments(encoding='UCS-2', units=72, count=2, forces_ucs2='🎉'))
    """
    beyond = next((each for each in text if each not in _BASIC and each not in _EXTENDED), None)
    if beyond is None:
        widths = [2 if each in _EXTENDED else 1 for each in text]
        return Segments("GSM-7", sum(widths), _count(widths, 160, 153))
    widths = [2 if each > "\uffff" else 1 for each in text]
    return Segments("UCS-2", sum(widths), _count(widths, 70, 67), beyond)


def _count(widths: list[int], whole: int, part: int) -> int:
    """How many messages: one, or parts that have room for less; no character is cut in two."""
    if sum(widths) <= whole:
        return 1
    count, held = 1, 0
    for width in widths:
        if held + width > part:
            count, held = count + 1, 0
        held += width
    return count
