"""Letters of messages that may be sent: what each says, rendered, for each address that it goes to.

Step of the path: deliver. Works on sets of messages, in this process or in another one (`hands.py`). Where a message
goes to several devices, there is a letter for each.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ethogram.deliver.contents import Contents, Person
from ethogram.model.message import Letter, Unrenderable, Wanted


@dataclass(frozen=True, slots=True)
class ToWrite:
    """A message that is to be written.

    Attributes:
        number: of the message.
        addresses: where it goes.
        person: what is known of whom it is for.
    """

    number: int
    id: str
    wanted: Wanted
    addresses: tuple[str, ...]
    person: Person


Written: TypeAlias = "Sequence[Letter] | Unrenderable"
# The letters of messages, in their order; or why there are none.
Write: TypeAlias = Callable[[Sequence[ToWrite], dt.datetime], Sequence[Written]]


def written(contents: Contents, messages: Sequence[ToWrite], now: dt.datetime) -> list[Written]:
    """The letters of messages, in their order; or why there are none."""
    people = {each.wanted.profile_id: each.person for each in messages}
    found = contents.said([each.wanted for each in messages], now, people)
    return [
        content
        if isinstance(content, Unrenderable)
        else [
            Letter(_letter_id(each.id, address, len(each.addresses)), address, content, each.wanted.expires_at)
            for address in each.addresses
        ]
        for each, content in zip(messages, found, strict=True)
    ]


def _letter_id(id_: str, address: str, count: int) -> str:
    """The message's id; where it goes to several devices, each letter has its own, the same at every attempt."""
    if count <= 1:
        return id_
    return f"{id_}.{hashlib.blake2b(address.encode(), digest_size=6).hexdigest()}"
