"""The pages about what somebody receives, as HTML: they work without a script, by keyboard, by day and by night.

Pure. Everything that was written by people is escaped; the one style is allowed by its hash, and nothing else is.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Final

from ethogram.model.message import Channel
from ethogram.subscribing import Confirmation, Offer, Preferences, Shelf, Unsubscribing

_STYLE: Final = """
:root { color-scheme: light dark; --line: #767676; --ink: #1b1b1b; --paper: #fff; --soft: #f4f4f4; --act: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --line: #9a9a9a; --ink: #ececec; --paper: #16181c; --soft: #22252b; --act: #8ab4f8; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.5 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
fieldset { margin: 0 0 1rem; padding: .75rem 1rem 1rem; border: 1px solid var(--line); border-radius: .5rem; }
legend { padding: 0 .4rem; font-weight: 600; }
fieldset p { margin: 0 0 .5rem; }
label { display: flex; gap: .6rem; align-items: center; min-height: 2.75rem; }
input { width: 1.25rem; height: 1.25rem; flex: none; accent-color: var(--act); }
button { min-height: 2.75rem; padding: .5rem 1.25rem; border: 1px solid var(--act); border-radius: .5rem;
  background: var(--act); color: var(--paper); font: inherit; font-weight: 600; cursor: pointer; }
button.second { background: var(--paper); color: var(--act); }
form.row { margin: 0 0 1rem; }
[role=status] { padding: .75rem 1rem; border-inline-start: .3rem solid var(--act); background: var(--soft); }
a { color: var(--act); }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
""".strip()

STYLE_HASH: Final = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_CHANNELS: Final = {
    Channel.EMAIL: "e-mail",
    Channel.WEBPUSH: "browser notification",
    Channel.PUSH: "notification on your phone",
    Channel.SMS: "text message",
    Channel.WHATSAPP: "WhatsApp",
    Channel.INAPP: "message in the app",
    Channel.WEBHOOK: "webhook",
    Channel.CHAT: "chat",
}


def unsubscribe(asked: Unsubscribing) -> bytes:
    """The page that unsubscribing is asked and answered on; its forms go to its own address."""
    way = _CHANNELS[asked.channel]
    of_topic = f"“{escape(asked.topic)}” by {way}" if asked.topic else f"anything by {way}"
    said = []
    if asked.all_done:
        said.append(f'<p role="status">You receive no more messages by {way}.</p>')
    elif asked.done:
        said.append(f'<p role="status">You receive {of_topic} no more.</p>')
    else:
        said.append(f"<p>Do you want to stop receiving {of_topic}?</p>")
        said.append(_button("Unsubscribe", "topic"))
    if asked.topic and not asked.all_done:
        said.append(_button(f"Stop everything by {way}", "everything", second=True))
    said.append(f'<p><a href="../p/{escape(asked.preferences)}">Choose what you receive</a></p>')
    done = asked.done or asked.all_done
    return _page("You are unsubscribed" if done else "Unsubscribe", "\n".join(said))


def confirm(asked: Confirmation) -> bytes:
    """The page on which a subscription is confirmed; its form goes to its own address."""
    of_topic = f"“{escape(asked.topic)}” by {_CHANNELS[asked.channel]}"
    if asked.done:
        title, said = "You are subscribed", f'<p role="status">You receive {of_topic} from now on.</p>'
    elif asked.open:
        title = "Confirm your subscription"
        said = (
            f"<p>Do you want to receive {of_topic}?</p>"
            '<form method="post" class="row"><input type="hidden" name="confirm" value="yes">'
            '<button type="submit">Yes, subscribe me</button></form>'
        )
    else:
        title = "This is not asked any more"
        said = "<p>You have chosen otherwise since, or the link is too old. Nothing was changed.</p>"
    return _page(title, f'{said}\n<p><a href="../p/{escape(asked.preferences)}">Choose what you receive</a></p>')


def preferences(found: Preferences, *, saved: bool) -> bytes:
    """The page on which people choose what they receive."""
    told = '<p role="status">Your choice is saved and holds from now on.</p>' if saved else ""
    shelves = [_shelf(shelf) for shelf in found.topics if shelf.offers]
    whole = Shelf(
        "Ways to reach you", "Without a way, nothing comes by it, whatever is chosen above.", found.channels.offers
    )
    form = "\n".join([*shelves, _shelf(whole), '<button type="submit">Save</button>'])
    return _page("What you receive", f'{told}\n<form method="post">\n{form}\n</form>')


def invalid() -> bytes:
    """The page behind a link that is none of ours, or too old."""
    told = "It may be cut off, or older than what is kept. The link in a newer message works."
    return _page("This link does not work", f"<p>{told}</p>")


def unavailable() -> bytes:
    """The page while nothing can be kept."""
    return _page("This does not work right now", "<p>Nothing was changed. Try again in a moment.</p>")


def _shelf(shelf: Shelf) -> str:
    told = f"<p>{escape(shelf.description)}</p>" if shelf.description else ""
    boxes = "\n".join(_box(offer) for offer in shelf.offers)
    return f"<fieldset><legend>{escape(shelf.title)}</legend>{told}\n{boxes}\n</fieldset>"


def _box(offer: Offer) -> str:
    value = escape(":".join(offer.about))
    checked = " checked" if offer.on else ""
    note = " (not confirmed yet)" if offer.unconfirmed else ""
    return (
        f'<input type="hidden" name="shown" value="{value}">'
        f'<label><input type="checkbox" name="on" value="{value}"{checked}> '
        f"by {_CHANNELS[Channel(offer.about[0])]}{note}</label>"
    )


def _button(label: str, scope: str, *, second: bool = False) -> str:
    look = ' class="second"' if second else ""
    return (
        f'<form method="post" class="row"><input type="hidden" name="scope" value="{scope}">'
        f'<button type="submit"{look}>{label}</button></form>'
    )


def _page(title: str, body: str) -> bytes:
    parts: Sequence[str] = (
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head>",
        f"<body><main><h1>{title}</h1>\n{body}\n</main></body></html>",
    )
    return "\n".join(parts).encode()
