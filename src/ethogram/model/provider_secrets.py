"""Secrets that were hidden when a provider's document was shown, put back when the document is saved again.

Pure. A hidden secret stands for the earlier one in the same place, and only where the provider it is sent to is the
same: whoever may change settings but does not know a secret must not have it sent to a server of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, assert_never

from ethogram.errors import DefinitionError
from ethogram.model.provider import (
    Apns,
    Apprise,
    Fcm,
    Provider,
    Push,
    Recording,
    Settings,
    Smtp,
    Twilio,
    Webhook,
    WebPush,
)

HIDDEN: Final = "********"
_Place: TypeAlias = tuple[str | int, ...]


def filled(name: str, body: object, earlier: Provider | None) -> object:
    """A document with the earlier provider's secrets where they are hidden.

    Raises:
        DefinitionError: a hidden secret has no earlier one, or that one belongs to another server or sender.
    """
    hidden = list(_hidden(body))
    if not hidden:
        return body
    if earlier is None:
        wrong = "is hidden, and nothing is saved that it could stand for; give the secret itself"
        raise DefinitionError(f"provider `{name}`", [(_told(place), wrong) for place in hidden])
    known = earlier.to_body()
    faults: list[tuple[str, str]] = []
    whole: Any = body
    for place in hidden:
        found = _at(known, place)
        if isinstance(place[-1], int) and len(_at(body, place[:-1])) < len(_at(known, place[:-1]) or ()):
            faults.append((_told(place), "is hidden in a list that became shorter: it is not clear which; give it"))
        elif not isinstance(found, str):
            faults.append((_told(place), "is hidden, and nothing is saved that it could stand for; give the secret"))
        else:
            whole = _with(whole, place, found)
    if faults:
        raise DefinitionError(f"provider `{name}`", faults)
    made = Provider.from_body(name, whole)
    others = _others(made, earlier)
    faults = [
        (_told(place), f"is hidden, and `{other}` is another than what is saved: give the secret anew")
        for place in hidden
        for other in others
    ]
    if faults:
        raise DefinitionError(f"provider `{name}`", faults)
    return whole


def _others(made: Provider, earlier: Provider) -> list[str]:
    """The settings that say to whom a secret goes, and differ."""
    if (made.channel, type(made.settings)) != (earlier.channel, type(earlier.settings)):
        return ["kind" if made.channel is earlier.channel else "channel"]
    return [place for place, value in _bound(made.settings).items() if _bound(earlier.settings).get(place) != value]


def _bound(settings: Settings) -> dict[str, object]:
    """What says to whom, and as whom, secrets are sent."""
    match settings:
        case Smtp():
            names: Sequence[str] = ("host", "port", "security", "username", "sender", "ca_file")
        case Twilio():
            names = ("url", "account", "sender", "messaging_service")
        case Push():
            found = {f"fcm.{name}": value for name, value in _said(settings.fcm, ("url",)).items()}
            apple = ("server", "key_id", "team_id", "topic", "ca_file")
            return found | {f"apns.{name}": value for name, value in _said(settings.apns, apple).items()}
        case WebPush():
            names = ("contact",)
        case Webhook() | Apprise() | Recording():
            names = ()  # a template names the address that is signed for; Apprise's addresses are the secrets
        case _:
            assert_never(settings)
    return {name: getattr(settings, name) for name in names}


def _said(part: Fcm | Apns | None, names: Sequence[str]) -> dict[str, object]:
    return {} if part is None else {name: getattr(part, name) for name in names}


def _hidden(value: object, place: _Place = ()) -> Iterator[_Place]:
    if value == HIDDEN:
        yield place
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _hidden(inner, (*place, str(name)))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _hidden(inner, (*place, index))


def _at(value: Any, place: _Place) -> Any:
    for step in place:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _with(value: Any, place: _Place, secret: str) -> Any:
    if not place:
        return secret
    step, rest = place[0], place[1:]
    if isinstance(step, int):
        return [_with(inner, rest, secret) if index == step else inner for index, inner in enumerate(value)]
    return {name: _with(inner, rest, secret) if name == step else inner for name, inner in value.items()}


def _told(place: _Place) -> str:
    told = ""
    for step in place:
        told += f"[{step}]" if isinstance(step, int) else f".{step}" if told else step
    return told
