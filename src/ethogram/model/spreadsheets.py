"""What a spreadsheet makes of text: the one place that keeps cells from being taken for formulas."""

from __future__ import annotations

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def formula_proof(text: str) -> str:
    """The text with an apostrophe in front if a spreadsheet would take it for a formula (OWASP, CSV injection).

    >>> formula_proof("=1+1")
    "'=1+1"
    """
    return "'" + text if text.startswith(_FORMULA_STARTS) else text
