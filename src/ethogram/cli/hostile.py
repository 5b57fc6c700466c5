"""Makes text from data harmless to a terminal, a spreadsheet and a reader's eye.

Event names, properties and ids are whatever somebody sent. Printed as they are, an escape sequence could recolour or
rewrite the screen, and an override of writing direction could make a value read as another one.
"""

from __future__ import annotations

import re

# C0 and C1 controls, DEL, marks that reorder or hide text, line separators, tags, lone surrogates.
_HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
# The same without line feeds and the ASCII controls: what `json.dumps` leaves unescaped.
_HOSTILE_IN_JSON = re.compile(_HOSTILE.pattern.replace("\x00-\x1f", ""))


def visible(text: str) -> str:
    r"""The text on one line, with every character that could act on the terminal written as its escape.

    >>> print(visible(chr(27) + "[31mred" + chr(10)))
    \x1b[31mred\n
    """
    return _HOSTILE.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Like `visible`, but keeps line feeds and the indentation of the lines (tabs become four blanks)."""
    return "\n".join(visible(line.expandtabs(4)) for line in text.replace("\r\n", "\n").split("\n"))


def visible_json(text: str) -> str:
    """JSON text with the same characters as JSON escapes; it stays the same JSON value."""
    return _HOSTILE_IN_JSON.sub(lambda match: _json_escape(match.group()), text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named is not None:
        return named
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
