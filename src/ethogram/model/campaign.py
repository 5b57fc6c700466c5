"""A campaign: one message plan, sent to an audience once, on a schedule, on an event, or when the API is called.

Frozen values that are read from a document and written to one. Which segments and templates there are is not known
here: whoever saves a campaign checks that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ethogram.model.item_signal import ItemSignal
from ethogram.model.message import Channel
from ethogram.model.reading import Part, length_text, read

KIND = "campaign"
_Check = Callable[[str], object]
_MINUTE, _YEAR = dt.timedelta(minutes=1), dt.timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Checks:
    """What a document's texts are checked by; each raises a ValueError or a `UserError` that says what is wrong.

    Attributes:
        condition: of the segment language.
        cron: a line of five fields.
    """

    condition: _Check = lambda _: None
    cron: _Check = lambda _: None


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is meant.

    Attributes:
        within: names of segments; the profile is in any of them. Empty is everybody.
        without: names of segments; the profile is in none of them.
        where: a condition in the segment language that holds as well; None asks for none.
    """

    within: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Once:
    """Sent once: when the campaign starts, or at an instant if that is later.

    Attributes:
        at: None is as soon as it starts.
    """

    at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class OnceLocal:
    """Sent once, when it is that date and time where the person is."""

    date: dt.date
    time: dt.time


@dataclass(frozen=True, slots=True)
class Recurring:
    """Sent again and again.

    Attributes:
        cron: a line of five fields, in the workspace's zone.
        until: no occurrence after this instant.
        local: each person gets it when it is that time of day where they are.
    """

    cron: str
    until: dt.datetime | None = None
    local: bool = False


@dataclass(frozen=True, slots=True)
class OnEvent:
    """Sent to whoever does something.

    Attributes:
        event: its name.
        where: a condition on its properties, as inside `did(… where …)`.
        delay: sent so much later.
        still: a condition that must hold when it is sent; it may use the event: `'{{ trigger.product_id }}'`.
        again_after: the same person gets it again only so much later; None is never again.
    """

    event: str
    where: str | None = None
    delay: dt.timedelta = dt.timedelta(0)
    still: str | None = None
    again_after: dt.timedelta | None = dt.timedelta(0)


@dataclass(frozen=True, slots=True)
class OnCall:
    """Sent when the API is called, to the recipients of the call who are in the audience."""


@dataclass(frozen=True, slots=True)
class OnItem:
    """Sent when an item of a catalogue changes, to those in the audience whom it concerns.

    Attributes:
        again_after: the same person gets it again only so much later; None is never again.
    """

    signal: ItemSignal
    again_after: dt.timedelta | None = dt.timedelta(days=1)


When = Once | OnceLocal | Recurring | OnEvent | OnItem | OnCall


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of saying it.

    Attributes:
        share: of those who get the campaign; all shares add up to 1.
        template: what it says.
    """

    name: str
    share: float
    template: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """What the campaign is for.

    Attributes:
        event: done after the message, within `within` of it.
        where: a condition on its properties.
        revenue: the property that holds the money; None counts none.
    """

    event: str
    within: dt.timedelta
    where: str | None = None
    revenue: str | None = None


class SendAt(StrEnum):
    """At which hour of the day a message is sent."""

    DUE = "due"
    BEST = "best"  # the hour at which the person usually is active, within a day


@dataclass(frozen=True, slots=True)
class Campaign:
    """One message plan.

    Attributes:
        variants: at least one; a campaign with one template has one without a name.
        topic: what people may have subscribed to or not.
        holdout: the share of the audience that gets nothing, for comparison.
        speed: messages a minute at most; None is as fast as the channel allows.
        expires_after: a message that could not be sent for so long is not sent any more.
        salt: whoever shares it draws the same variants and holdout; its own name unless said.
    """

    name: str
    channel: Channel
    audience: Audience
    when: When
    variants: tuple[Variant, ...]
    topic: str = ""
    priority: int = 0
    transactional: bool = False
    twice_rather_than_not: bool = False
    holdout: float = 0.0
    speed: int | None = None
    expires_after: dt.timedelta = dt.timedelta(days=2)
    send_at: SendAt = SendAt.DUE
    conversion: Conversion | None = None
    salt: str = ""
    description: str = ""

    @classmethod
    def from_body(cls, name: str, body: object, *, checks: Checks = Checks()) -> Campaign:
        """The campaign that a document describes.

        Raises:
            DefinitionError: with all faults of the document.
        """
        return read(f"campaign `{name}`", body, lambda top: _campaign(name, top, checks))

    def to_body(self) -> dict[str, Any]:
        """The document, without what is as it would be anyway."""
        body: dict[str, Any] = {"channel": self.channel.value}
        if self.description:
            body["description"] = self.description
        audience = {
            "in": list(self.audience.within),
            "not_in": list(self.audience.without),
            "where": self.audience.where,
        }
        if any(audience.values()):
            body["audience"] = {key: value for key, value in audience.items() if value}
        body["when"] = _when_body(self.when)
        if len(self.variants) == 1 and not self.variants[0].name:
            body["template"] = self.variants[0].template
        else:
            body["variants"] = [
                {"name": each.name, "share": each.share, "template": each.template} for each in self.variants
            ]
        plain = {
            "topic": (self.topic, ""),
            "priority": (self.priority, 0),
            "transactional": (self.transactional, False),
            "twice_rather_than_not": (self.twice_rather_than_not, False),
            "holdout": (self.holdout, 0.0),
            "speed": (self.speed, None),
            "send_at": (self.send_at.value, SendAt.DUE.value),
            "salt": (self.salt, ""),
        }
        body.update({key: value for key, (value, usual) in plain.items() if value != usual})
        if self.expires_after != dt.timedelta(days=2):
            body["expires_after"] = length_text(self.expires_after)
        if self.conversion is not None:
            body["conversion"] = _without_none(
                event=self.conversion.event,
                within=length_text(self.conversion.within),
                where=self.conversion.where,
                revenue=self.conversion.revenue,
            )
        return body


# --- reading ------------------------------------------------------------------------------------------------------


def _campaign(name: str, top: Part, checks: Checks) -> Campaign:
    audience = top.maybe("audience")
    conversion = top.maybe("conversion")
    transactional = top.flag("transactional", default=False)
    return Campaign(
        name,
        channel=Channel(top.text("channel", one_of=[each.value for each in Channel])),
        audience=_audience(audience, checks) if audience is not None else Audience(),
        when=_when(top.part("when"), checks),
        variants=_variants(top),
        topic=top.text("topic", ""),
        priority=top.whole("priority", 0, least=-1_000, most=1_000),
        transactional=transactional,
        twice_rather_than_not=top.flag("twice_rather_than_not", default=False),
        holdout=top.share("holdout", 0.0),
        speed=top.whole("speed", None, least=1),
        expires_after=top.length("expires_after", dt.timedelta(days=2), least=_MINUTE),
        send_at=SendAt(top.text("send_at", SendAt.DUE.value, one_of=[each.value for each in SendAt])),
        conversion=_conversion(conversion, checks) if conversion is not None else None,
        salt=top.text("salt", ""),
        description=top.text("description", ""),
    )


def _audience(part: Part, checks: Checks) -> Audience:
    return Audience(part.texts("in", ()), part.texts("not_in", ()), _condition(part, "where", checks))


def _when(part: Part, checks: Checks) -> When:
    match part.one(("now", "at", "local", "every", "event", "catalog", "api")):
        case "now":
            part.flag("now")
            return Once()
        case "at":
            return Once(part.instant("at"))
        case "local":
            inner = part.part("local")
            date = inner.made("date", lambda: dt.date.fromisoformat(str(inner.value("date"))), dt.date(2000, 1, 1))
            return OnceLocal(date, inner.local_time("time"))
        case "every":
            cron = part.text("every")
            part.made("every", lambda: checks.cron(cron), None)
            return Recurring(cron, part.instant("until", None), part.flag("in_local_time", default=False))
        case "event":
            inner = part.part("event")
            name = inner.text("name")
            return OnEvent(
                name,
                where=_where(inner, name, checks),
                delay=inner.length("delay", dt.timedelta(0)),
                still=_condition(inner, "still", checks),
                again_after=_again(inner, dt.timedelta(0)),
            )
        case "catalog":
            inner = part.part("catalog")
            return OnItem(ItemSignal.read(inner), _again(inner, dt.timedelta(days=1)))
        case _:
            part.flag("api")
            return OnCall()


def _again(part: Part, usual: dt.timedelta) -> dt.timedelta | None:
    said = part.value("again", None)
    if said is None:
        return usual
    if said in ("always", "never"):
        return dt.timedelta(0) if said == "always" else None
    length: dt.timedelta = part.length("again")
    return length


def _variants(top: Part) -> tuple[Variant, ...]:
    if top.one(("template", "variants")) == "template":
        return (Variant("", 1.0, top.text("template")),)
    parts = top.parts("variants")
    made = tuple(Variant(each.text("name"), each.share("share"), each.text("template")) for each in parts)
    names = [each.name for each in made]
    if len(set(names)) < len(names):
        top.wrong("variants", "has two variants of one name")
    if not made:
        top.wrong("variants", "is empty")
    elif abs(sum(each.share for each in made) - 1) > 1e-6:
        top.wrong("variants", f"has shares that add up to {sum(each.share for each in made):g}; they must make 1")
    return made


def _conversion(part: Part, checks: Checks) -> Conversion:
    event = part.text("event")
    within = part.length("within", least=_MINUTE)
    if within > _YEAR:
        part.wrong("within", "cannot be longer than a year")
    return Conversion(event, within, _where(part, event, checks), part.text("revenue", None))


def _condition(part: Part, name: str, checks: Checks) -> str | None:
    text: str | None = part.text(name, None)
    if text is not None:
        part.made(name, lambda: checks.condition(text), None)
    return text


def _where(part: Part, event: str, checks: Checks) -> str | None:
    text: str | None = part.text("where", None)
    if text is not None:
        part.made("where", lambda: checks.condition(did(event, text)), None)
    return text


def did(event: str, where: str | None, window: str = "") -> str:
    """The condition that an event with such properties came.

    >>> did("Order Completed", "total > 5")
    'did("Order Completed" where total > 5)'
    """
    quoted = '"' + event.replace('"', '""') + '"'
    return f"did({quoted}{f' where {where}' if where else ''}{f' {window}' if window else ''})"


# --- writing ------------------------------------------------------------------------------------------------------


def _when_body(when: When) -> dict[str, Any]:
    match when:
        case Once(None):
            return {"now": True}
        case Once(at):
            assert at is not None
            return {"at": at.isoformat()}
        case OnceLocal(date, time):
            return {"local": {"date": date.isoformat(), "time": time.isoformat("minutes")}}
        case Recurring(cron, until, local):
            more: Mapping[str, Any] = {"until": until.isoformat()} if until is not None else {}
            return {"every": cron, **more, **({"in_local_time": True} if local else {})}
        case OnEvent():
            again = "never" if when.again_after is None else length_text(when.again_after)
            return {
                "event": _without_none(
                    name=when.event,
                    where=when.where,
                    delay=length_text(when.delay) if when.delay else None,
                    still=when.still,
                    again=again if when.again_after != dt.timedelta(0) else None,
                )
            }
        case OnItem(signal, again_after):
            catalog = signal.to_body()
            if again_after != dt.timedelta(days=1):
                catalog["again"] = (
                    "never" if again_after is None else length_text(again_after) if again_after else "always"
                )
            return {"catalog": catalog}
        case OnCall():
            return {"api": True}


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
