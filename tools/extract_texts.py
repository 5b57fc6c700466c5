"""What `make texts` runs: collects every text of the console that people read into one catalogue to translate from.

Reads the marks `_(…)` and `ngettext(…)` in the console's templates and modules, and writes `locale/console.pot`. A
language is a folder beside it, `<language>/LC_MESSAGES/console.po` with its compiled `.mo`. `--check` writes nothing,
and fails where the catalogue is not current.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

PROJECT = Path(__file__).parent.parent
CONSOLE = PROJECT / "src" / "ethogram" / "web" / "console"
CATALOGUE = CONSOLE / "locale" / "console.pot"
METHODS = [("pages/**.py", "python"), ("*.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}


def extracted() -> str:
    """The catalogue as it should be: the same on every machine and every day."""
    catalogue = Catalog(project="Ethogram", header_comment="# The console's texts, in English.")
    found = extract_from_dir(CONSOLE, METHODS, OPTIONS)
    for file, _, text, comments, context in sorted(found, key=lambda each: (each[0], str(each[2]))):
        catalogue.add(text, locations=[(file, 0)], auto_comments=comments, context=context)
    written = io.BytesIO()
    write_po(written, catalogue, sort_output=True, width=120, omit_header=True, include_lineno=False)
    return written.getvalue().decode()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="write nothing; fail where it is not current")
    given = arguments.parse_args()
    wanted = extracted()
    if given.check:
        if not CATALOGUE.exists() or CATALOGUE.read_text("utf-8") != wanted:
            print("locale/console.pot is not current; `make texts` writes it anew", file=sys.stderr)
            return 1
        return 0
    CATALOGUE.parent.mkdir(exist_ok=True)
    CATALOGUE.write_text(wanted, "utf-8")
    print(f"wrote {wanted.count('msgid ')} texts to {CATALOGUE.relative_to(PROJECT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
