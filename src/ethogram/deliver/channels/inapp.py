"""In-app messages: sent when they lie ready for their person, whose browser or app fetches them.

Step of the path: deliver. The one channel whose provider is our own ledger, so it writes there: the rendered message,
for as long as its rules let it wait; until when it had to be sent says nothing of that. What a page does with it comes
back through `deliver/showings.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ethogram.clock import Clock
from ethogram.deliver.channels.protocol import sound, wrong_content
from ethogram.deliver.together import Together
from ethogram.errors import DefinitionError, EthogramError
from ethogram.model.message import Accepted, InAppContent, Later, Letter, Never, Outcome
from ethogram.model.showing import Show
from ethogram.store import in_app
from ethogram.store.database import Database
from ethogram.store.in_app import Kept


class InAppChannel:
    """Keeps messages for the people whose ids are their addresses; the same message once."""

    idempotent = True

    def __init__(self, name: str, database: Database, clock: Clock) -> None:
        self.name = name
        self._database = database
        self._clock = clock
        self._kept = Together(self._put)

    async def send(self, letter: Letter) -> Outcome:
        """That it lies ready."""
        content = letter.content
        if not isinstance(content, InAppContent):
            return wrong_content(self.name, letter)
        try:
            until = self._clock.now() + Show.from_body(content.show).lasts
        except DefinitionError as error:  # saved by a release that knew other rules
            return Never(error.message)
        said = {each.name: _sound(getattr(content, each.name)) for each in dataclasses.fields(content)}
        try:
            return await self._kept.add(Kept(letter.id, letter.address, said, until))
        except EthogramError as error:
            return Later(error.message)

    async def close(self) -> None:
        """Has nothing to close."""

    def _put(self, kept: Sequence[Kept]) -> list[Outcome]:
        with self._database.writing() as connection:
            in_app.put(connection, kept, self._clock.now())
        return [Accepted() for _ in kept]


def _sound(value: Any) -> Any:
    """A value whose texts UTF-8 can say."""
    match value:
        case str():
            return sound(value)
        case Mapping():
            return {name: _sound(each) for name, each in value.items()}
        case tuple() | list():
            return [_sound(each) for each in value]
        case _:
            return value
