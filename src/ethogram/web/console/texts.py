"""Texts that people read, each marked by `_` where it stands, in English; other languages follow in catalogues.

Catalogues are gettext's (`locale/<language>/LC_MESSAGES/console.mo`): `tools/extract_texts.py` collects what is marked
into `locale/console.pot`, from which translators work. Pure.
"""

from __future__ import annotations

from functools import cache
from gettext import NullTranslations
from importlib import resources
from typing import Final

from babel.support import Translations

DOMAIN: Final = "console"
FOLDER: Final = resources.files("ethogram.web.console") / "locale"


def _(text: str) -> str:
    """Marks a text; it is translated where a page shows it (`translations`)."""
    return text


@cache
def translations(language: str) -> NullTranslations:
    """The texts of a language; of one that has no catalogue, the English ones."""
    return Translations.load(str(FOLDER), [language], DOMAIN)
