"""Messages say what their templates, their people, catalogues and coupons give them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ethogram.deliver.contents import Contents, Person
from ethogram.deliver.templates.compiling import faults
from ethogram.deliver.templates.rendering import Templates
from ethogram.model.message import Channel, Content, Maker, Origin, TextContent, Unrenderable, Wanted
from ethogram.model.template import Template
from ethogram.store import catalogs, coupons, definitions
from ethogram.store.database import Database

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
PEOPLE = {
    "p1": Person({"name": "Åsa", "vip": True, "seen": "h1"}, {"plan": "pro"}, {"segment": {"name": "fans"}}),
    "p2": Person({"name": "Bo", "seen": "h2"}),
}


class Place:
    """A ledger with templates, and what asks of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked: list[list[str]] = []
        self.contents = Contents(database, Templates(), self.people)

    def people(self, ids: Sequence[str]) -> Mapping[str, Person]:
        self.asked.append(list(ids))
        return {id_: PEOPLE[id_] for id_ in ids if id_ in PEOPLE}

    def template(self, name: str, text: str, channel: str = "sms") -> Template:
        made = Template.from_body(name, {"channel": channel, "text": text}, check=faults)
        with self.database.writing() as connection:
            definitions.save(connection, "template", name, made.to_body(), NOW)
        return made

    def codes(self, pool: str, *codes: str) -> None:
        with self.database.writing() as connection:
            coupons.add(connection, pool, codes)

    def items(self, **items: Mapping[str, Any]) -> None:
        with self.database.writing() as connection:
            catalogs.put(connection, "hats", items, NOW)

    def said(self, *wanted: Wanted) -> list[Content | Unrenderable]:
        return self.contents.said(wanted, NOW)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield Place(database)
    database.close()


def wanted(profile_id: str, template: str, channel: Channel = Channel.SMS, **data: Any) -> Wanted:
    origin = Origin(Maker.CAMPAIGN, "spring", 2, "once", variant="b")
    return Wanted(origin, profile_id, channel, template, NOW, data=data)


def test_messages_say_what_is_known_of_each_person(place: Place) -> None:
    place.template(
        "a",
        "{{ name }} {{ account.plan | default: 'free' }} {{ segment.name | default: 0 }} {{ event.x }}{{ trigger.x }}",
    )
    place.template("b", "{{ campaign.name }} {{ campaign.variant }} {{ waited.y | default: 'no' }}")
    found = place.said(
        wanted("p1", "a", x=1), wanted("p2", "a", x=2), wanted("p1", "b", waited={"y": 3}), wanted("p3", "a", x=1)
    )
    assert found == [
        TextContent("Åsa pro fans 11"), TextContent("Bo free 0 22"), TextContent("spring b 3"),
        Unrenderable("text: `name` is missing, and the template has no `default` for it"),
    ]  # fmt: skip
    assert place.asked == [["p1", "p2", "p3"]]


def test_the_newest_version_speaks(place: Place) -> None:
    place.template("a", "one")
    assert place.said(wanted("p1", "a")) == [TextContent("one")]
    place.template("a", "two")
    assert place.said(wanted("p1", "a")) == [TextContent("two")]


def test_a_template_that_is_not_there_or_for_another_channel_says_so(place: Place) -> None:
    place.template("a", "x")
    assert place.said(wanted("p1", "none"), wanted("p1", "a", Channel.EMAIL), wanted("p1", "a", Channel.WHATSAPP)) == [
        Unrenderable("there is no template `none`"),
        Unrenderable("the template `a` is for sms, not for email"),
        TextContent("x"),
    ]


def test_items_come_from_catalogues_as_they_are_now(place: Place) -> None:
    place.template(
        "a", "{{ catalog.hats[seen].title }}{% for i in event.items %} {{ catalog.hats[i.id].title }}{% endfor %}"
    )
    place.items(h1={"title": "Cap"}, h2={"title": "Fez"})
    basket = [{"id": "h2"}, {"id": "h1"}]
    assert place.said(wanted("p1", "a", items=basket), wanted("p2", "a", items=[])) == [
        TextContent("Cap Fez Cap"), TextContent("Fez"),
    ]  # fmt: skip
    place.items(h1={"title": "Beret"})
    assert place.said(wanted("p1", "a", items=[])) == [TextContent("Beret")]
    assert place.said(wanted("p2", "a", items=[{"id": "gone"}])) == [
        Unrenderable("text: `catalog.hats.gone.title` is missing, and the template has no `default` for it")
    ]


def test_each_message_gets_its_own_code_and_keeps_it(place: Place) -> None:
    place.template("a", "{{ name }}: {{ coupon.welcome }}{% if vip %} {{ coupon.vip }}{% endif %}")
    place.codes("welcome", "W1", "W2")
    place.codes("vip", "V1")
    both = (wanted("p1", "a"), wanted("p2", "a"))
    assert place.said(*both) == [TextContent("Åsa: W1 V1"), TextContent("Bo: W2")]
    assert place.said(*reversed(both)) == [TextContent("Bo: W2"), TextContent("Åsa: W1 V1")]
    assert [(pool.name, pool.free) for pool in coupons.pools(place.database, NOW)] == [("vip", 0), ("welcome", 0)]


def test_no_code_is_used_up_for_a_message_that_cannot_be_sent(place: Place) -> None:
    place.template("a", "{{ coupon.welcome }} {{ city }}")
    place.codes("welcome", "W1")
    assert isinstance(place.said(wanted("p1", "a"))[0], Unrenderable)
    assert coupons.pools(place.database, NOW)[0].free == 1


def test_a_pool_that_has_run_out_is_named(place: Place) -> None:
    place.template("a", "{{ coupon.welcome }}")
    place.codes("welcome", "W1")
    assert place.said(wanted("p1", "a"), wanted("p2", "a")) == [
        TextContent("W1"), Unrenderable("the coupon pool `welcome` has run out; add codes to it"),
    ]  # fmt: skip
    place.codes("welcome", "W2")
    assert place.said(wanted("p2", "a")) == [TextContent("W2")]


def test_a_preview_uses_nothing_up(place: Place) -> None:
    made = place.template("a", "{{ name | default: 'you' }} {{ catalog.hats[trigger.id].title }} {{ coupon.welcome }}")
    place.items(h1={"title": "Cap"})
    place.codes("welcome", "W1")
    for profile_id, name in (("p1", "Åsa"), ("p9", "you"), (None, "you")):
        found = place.contents.preview(made, profile_id, NOW, data={"id": "h1"})
        assert found.content == TextContent(f"{name} Cap CODE-0000-0000")
    assert coupons.pools(place.database, NOW)[0].free == 1


def test_what_people_lack_is_found_before_sending(place: Place) -> None:
    made = place.template("a", "{{ name }} {{ account.plan }} {{ coupon.welcome }} {{ trigger.id }}")
    found = place.contents.missing(made, ["p1", "p2", "p3", "p4"], NOW, data={"id": 1})
    assert dict(found.variables) == {"account.plan": 0.75, "name": 0.5}
    assert found.refused == 0.75
