"""What the sender of messages is told, and whom it tells: everything that is not the ledger, the clock or a provider.

Step of the path: deliver. Whoever puts the stages together fills this in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethogram.deliver.composing import Compose, Gate
from ethogram.model.message import Channel, Letter, Maker, Message

if TYPE_CHECKING:
    import sqlalchemy as sa

Origin = tuple[Maker, str]
# An address that takes nothing any more, in the transaction that records it.
Dead = Callable[["sa.Connection", Message, Letter, str, dt.datetime], None]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the sender is told, and whom it tells.

    Attributes:
        gate: asks once more whether messages may be sent now.
        compose: renders and addresses messages.
        speeds: how many messages a second of which campaigns may be sent.
        dead: an address takes nothing any more.
        alert: a channel has paused itself, and why; once.
        counted: the state that a message has come to, for statistics.
        at_point: called where a fault may strike; tests strike there.
    """

    gate: Gate
    compose: Compose
    speeds: Callable[[], Mapping[Origin, float]] = dict
    dead: Dead = lambda *_: None
    alert: Callable[[Channel, str], None] = lambda *_: None
    counted: Callable[[str, int], None] = lambda *_: None
    at_point: Callable[[str], None] = lambda _: None
