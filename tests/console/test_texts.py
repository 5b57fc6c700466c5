"""The console's texts: one catalogue of all that is marked, and languages that follow it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

import extract_texts
from console.asked import Console
from ethogram.web.console import rendering, texts


def test_the_catalogue_holds_every_text() -> None:
    assert extract_texts.CATALOGUE.read_text("utf-8") == extract_texts.extracted(), "`make texts` writes it anew"


def test_templates_mark_their_own_texts_only() -> None:
    """What `_()` is given counts as markup of the template's; texts from elsewhere take the filter `translated`."""
    folder = Path(rendering.__file__).parent / "templates"
    wrong = [
        (file.name, found[0])
        for file in folder.rglob("*.html")
        for found in re.finditer(r"(?<!\w)(?:_|n?gettext)\((?!\s*\").{0,30}", file.read_text("utf-8"))
    ]
    assert not wrong


def test_a_language_with_a_catalogue_is_spoken(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = Catalog(locale="sv")
    catalogue.add("Your account", "Ditt konto")
    folder = tmp_path / "sv" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    written = io.BytesIO()
    write_mo(written, catalogue)
    (folder / "console.mo").write_bytes(written.getvalue())
    monkeypatch.setattr(rendering, "language_for", lambda wanted: texts.language_for(wanted, tmp_path))
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    texts.translations.cache_clear()
    swedish = console.get("/console/account", accept_language="sv-SE,sv;q=0.9,en;q=0.8")
    assert "Ditt konto" in swedish.words
    assert 'lang="sv"' in swedish.text
    assert "Your account" in console.get("/console/account", accept_language="de-DE").words
