"""Texts that people read, each marked by `_` where it stands, in English; other languages follow in catalogues.

Catalogues are gettext's (`locale/<language>/LC_MESSAGES/console.mo`): `make texts` collects what is marked into
`locale/console.pot`, from which translators work. A page speaks the first language that its browser asks for and that
there is a catalogue of; English otherwise.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from importlib import resources
from pathlib import Path
from typing import Final

from babel.support import Translations

DOMAIN: Final = "console"
ENGLISH: Final = "en"
FOLDER = Path(str(resources.files("ethogram.web.console"))) / "locale"
_LANGUAGE: ContextVar[str] = ContextVar("language", default=ENGLISH)


def _(text: str) -> str:
    """Marks a text; it is translated where a page shows it."""
    return text


@cache
def translations(language: str) -> NullTranslations:
    """The texts of a language; of one that has no catalogue, the English ones."""
    return Translations.load(str(FOLDER), [language], DOMAIN)


def language_for(wanted: str, folder: Path = FOLDER) -> str:
    """The language to speak to somebody who asks for one, such as `sv` or `pt_BR`."""
    for each in (wanted, wanted.partition("_")[0]):
        if (folder / each / "LC_MESSAGES" / f"{DOMAIN}.mo").is_file():
            return each
    return ENGLISH


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """Whatever is translated inside is so into a language."""
    before = _LANGUAGE.set(language)
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


def translated(text: str) -> str:
    """A text in the language that is spoken now."""
    return translations(_LANGUAGE.get()).gettext(text)


def translated_count(one: str, many: str, count: int) -> str:
    """A text about so many, in the language that is spoken now."""
    return translations(_LANGUAGE.get()).ngettext(one, many, count)
