"""What is done to the links of a rendered message: checked, given parameters, and led by way of us.

Step of the path: deliver. Pure. Works on what comes out of rendering, so that a link made by Liquid is treated like any
other. Links to us, to mailboxes and telephones stay as they are, and so does `<a data-no-track …>`.
"""

from __future__ import annotations

import html
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ethogram.deliver.links import Link, Purpose, Signer

_ANCHOR = re.compile(r"<(?:a|area)\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE)
_HREF = re.compile(r"((?<![\w-])href\s*=\s*)(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_IN_TEXT = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]}]")
# What runs where it is clicked, however it is hidden: with spaces, line ends or control characters inside.
_RUNS = re.compile(
    r"[\x00-\x20]*(j\s*a\s*v\s*a\s*s\s*c\s*r\s*i\s*p\s*t|v\s*b\s*s\s*c\s*r\s*i\s*p\s*t|data)\s*:", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Tracking:
    """How links come back to us.

    Attributes:
        base: the workspace's public address, such as `https://news.shop.example`.
        links: whether clicks come by way of us.
        opens: whether e-mails have a pixel.
        texts: whether links in plain text are tracked, too; they become long.
        parameters: added to every link that leads out, unless it has them.
    """

    base: str
    signer: Signer
    links: bool = True
    opens: bool = True
    texts: bool = False
    parameters: Mapping[str, str] | None = None


class UnsafeLinkError(ValueError):
    """A link would run something where it is clicked."""


def checked(url: str) -> str:
    """A link that leads somewhere.

    Raises:
        UnsafeLinkError: it runs something instead.
    """
    if _RUNS.match(url):
        raise UnsafeLinkError(f"a link leads to `{url.strip()[:50]}`, which runs where it is clicked")
    return url


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """A link with parameters, but for those that it has.

    >>> with_parameters("https://x.example/a?b=1#c", {"b": "2", "utm_source": "e mail"})
    'https://x.example/a?b=1&utm_source=e%20mail#c'
    """
    if not parameters:
        return url
    rest, hash_, fragment = url.partition("#")
    path, _, query = rest.partition("?")
    had = {urllib.parse.unquote_plus(each.partition("=")[0]) for each in query.split("&")}
    more = [
        f"{urllib.parse.quote(name, safe='')}={urllib.parse.quote(value, safe='')}"
        for name, value in parameters.items()
        if name not in had
    ]
    query = "&".join([*([query] if query else []), *more])
    return path + (f"?{query}" if query else "") + hash_ + fragment


class Links:
    """The links of one message, counted as they come.

    Args:
        tracking: None leaves links as they are, but for the parameters.
        message_id: empty tracks nothing: there is no message.
        track: whether the template lets its links be tracked.
    """

    def __init__(
        self, tracking: Tracking | None, message_id: str, parameters: Mapping[str, str], *, track: bool
    ) -> None:
        self._tracking = tracking if message_id else None
        self._message_id = message_id
        self._parameters = {**(tracking.parameters or {}), **parameters} if tracking is not None else parameters
        self._track = track and tracking is not None and tracking.links
        self._numbers: dict[str, int] = {}

    def marked(self, url: str) -> str:
        """A link with its parameters that leads straight to where it leads: whoever shows it reports clicks."""
        url = checked(url).strip()
        outward = url.lower().startswith(("http://", "https://")) and not self._ours(url)
        return with_parameters(url, self._parameters) if outward else url

    def led(self, url: str) -> str:
        """A link as it stands in the message."""
        url = checked(url).strip()
        if not url.lower().startswith(("http://", "https://")) or self._ours(url):
            return url
        full = with_parameters(url, self._parameters)
        tracking = self._tracking
        if not self._track or tracking is None:
            return full
        number = self._numbers.setdefault(full, len(self._numbers) + 1)
        try:
            return tracking.signer.address(tracking.base, Link(Purpose.CLICK, self._message_id, number, full))
        except ValueError:  # too long to be signed, or more links than a message has
            return full

    def in_html(self, source: str) -> str:
        """HTML with its links led."""
        return _ANCHOR.sub(self._anchor, source)

    def in_text(self, text: str) -> str:
        """Plain text with its links led, where that is wanted."""
        if self._tracking is None or not self._tracking.texts:
            return text
        return _IN_TEXT.sub(lambda match: self.led(match[0]), text)

    def _anchor(self, match: re.Match[str]) -> str:
        if "data-no-track" in match[1]:
            return _HREF.sub(lambda href: _rewritten(href, checked), match[0], count=1)
        return _HREF.sub(lambda href: _rewritten(href, self.led), match[0], count=1)

    def _ours(self, url: str) -> bool:
        return self._tracking is not None and url.startswith(self._tracking.base.rstrip("/") + "/")


def _rewritten(match: re.Match[str], change: Callable[[str], str]) -> str:
    url = next(each for each in match.groups()[1:] if each is not None)
    return f'{match[1]}"{html.escape(change(html.unescape(url)))}"'


def with_pixel(source: str, address: str) -> str:
    """HTML with a picture of one pixel at the end of its body."""
    pixel = f'<img src="{html.escape(address)}" width="1" height="1" alt="" style="border:0;width:1px;height:1px">'
    at = source.rfind("</body>")
    if at == -1:
        at = source.lower().rfind("</body>")
    return source + pixel if at == -1 else source[:at] + pixel + source[at:]
