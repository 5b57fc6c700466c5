"""Templates that ship with Ethogram, for messages that it sends on its own: asking whether somebody did subscribe.

Pure. A template of the same name that is saved in the workspace takes the place of a shipped one.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from ethogram.model.message import Channel
from ethogram.model.template import KIND
from ethogram.store.definitions import Saved

CONFIRM_EMAIL: Final = "confirm-subscription-email"
CONFIRM_TEXT: Final = "confirm-subscription-text"

_BODIES: Final[dict[str, dict[str, Any]]] = {
    CONFIRM_EMAIL: {
        "channel": "email",
        "subject": "Please confirm: {{ trigger.topic.title }}",
        "html": (
            "<p>Somebody, we hope you, asked to receive “{{ trigger.topic.title }}” at this address.</p>"
            '<p><a href="{{ confirm_url }}" data-no-track>Confirm that it was you</a></p>'
            "<p>If it was not you, do nothing: nothing more will come.</p>"
        ),
        "text": (
            "Somebody, we hope you, asked to receive “{{ trigger.topic.title }}” at this address.\n\n"
            "Confirm that it was you: {{ confirm_url }}\n\n"
            "If it was not you, do nothing: nothing more will come.\n"
        ),
    },
    CONFIRM_TEXT: {
        "channel": "sms",
        "text": "Do you want to receive “{{ trigger.topic.title }}”? Confirm here: {{ confirm_url }}",
    },
}
# By which shipped template each channel asks.
CONFIRMING: Final = {
    Channel.EMAIL: CONFIRM_EMAIL,
    Channel.SMS: CONFIRM_TEXT,
    Channel.WHATSAPP: CONFIRM_TEXT,
}
_EVER: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def shipped(name: str) -> Saved | None:
    """The shipped template of a name; None where there is none."""
    body = _BODIES.get(name)
    return None if body is None else Saved(KIND, name, 0, body, _EVER)
