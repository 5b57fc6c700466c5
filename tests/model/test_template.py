"""A template's document is read whole, and written as it was read."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.errors import DefinitionError
from ethogram.model.message import Channel
from ethogram.model.template import (
    FORMS,
    ChatParts,
    EmailParts,
    InAppParts,
    Parts,
    PushParts,
    Template,
    TextParts,
    WebhookParts,
)

texts = st.text(string.ascii_letters + " {}åß☂\n", min_size=1, max_size=12).filter(str.strip)
maybe = st.none() | texts
named = st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=6), texts, min_size=1, max_size=2)
buttons = st.lists(st.fixed_dictionaries({"text": texts}, optional={"url": texts}), min_size=1, max_size=2).map(tuple)
shows = st.fixed_dictionaries(
    {"page": st.just({"matches": "/p/*"}) | st.just([{"is": "/cart"}, {"contains": "sale"}])},
    optional={"event": texts, "after": st.just("3 seconds"), "again": st.sampled_from(["never", "1 day"])},
)
styles = st.fixed_dictionaries({"accent": st.sampled_from(["#0a6", "#1F2937"])}, optional={"position": st.just("top")})
bodies = texts | st.dictionaries(texts, st.integers() | texts | st.lists(texts, max_size=2), min_size=1, max_size=2)


def emails(subject: st.SearchStrategy[str | None], body: st.SearchStrategy[str | None]) -> st.SearchStrategy[Parts]:
    rest = {"preheader": maybe, "text": maybe, "sender": maybe, "reply_to": maybe}
    return st.one_of(
        st.builds(EmailParts, subject=subject, mjml=body, **rest),
        st.builds(EmailParts, subject=subject, html=body, **rest),
    )


def every(kind: Channel, *, whole: bool) -> st.SearchStrategy[Parts]:
    needed = texts if whole else maybe
    forms = st.sampled_from(FORMS) if whole else st.none() | st.sampled_from(FORMS)
    match kind:
        case Channel.EMAIL:
            return emails(needed, needed)
        case Channel.PUSH | Channel.WEBPUSH:
            return st.builds(PushParts, needed, needed, maybe, maybe, st.none() | named)
        case Channel.SMS | Channel.WHATSAPP:
            return st.builds(TextParts, needed)
        case Channel.INAPP:
            looks = st.none() | styles
            return st.builds(InAppParts, forms, needed, needed, maybe, st.none() | buttons, st.none() | shows, looks)
        case Channel.WEBHOOK:
            return st.builds(WebhookParts, needed, bodies if whole else st.none() | bodies, st.none() | named)
        case Channel.CHAT:
            return st.builds(ChatParts, maybe, needed)


@st.composite
def templates(draw: st.DrawFn) -> Template:
    channel = draw(st.sampled_from(Channel))
    languages = draw(st.dictionaries(st.sampled_from(["sv", "pt-BR", "de"]), every(channel, whole=False), max_size=2))
    if channel is Channel.EMAIL:  # a version of a layout is a layout, or nothing
        languages = {name: EmailParts(subject="x") for name in languages}
    return Template(
        "it",
        channel,
        draw(every(channel, whole=True)),
        languages,
        draw(st.just({}) | named),
        track_links=draw(st.booleans()),
        track_opens=draw(st.booleans()),
        description=draw(st.just("") | texts),
    )


@given(templates())
def test_a_template_comes_back_from_its_document(template: Template) -> None:
    assert Template.from_body("it", template.to_body()) == template


def test_every_fault_is_told_at_once() -> None:
    body: dict[str, Any] = {
        "channel": "email",
        "html": "<p>",
        "mjml": "<mjml>",
        "languages": {"Svenska": {"subjekt": "x"}},
        "track_links": 1,
        "link_parameters": {"a": 1},
    }
    with pytest.raises(DefinitionError) as caught:
        Template.from_body("it", body)
    assert [place for place, _ in caught.value.faults] == [
        "languages.Svenska",
        "link_parameters.a",
        "track_links",
        "subject",
        "html",
        "languages.Svenska.subject",
        "languages.Svenska.html",
        "languages.Svenska.subjekt",
    ]


def _in_app(**more: Any) -> dict[str, Any]:
    return {"channel": "inapp", "form": "card", "title": "x", "body": "y", **more}


@pytest.mark.parametrize(
    ("body", "place", "wrong"),
    [
        ({"channel": "sms"}, "text", "is missing"),
        ({"channel": "email", "subject": "x"}, "mjml", "an e-mail has"),
        ({"channel": "push", "title": "x", "body": "y", "data": {"a": 1}}, "data.a", "must be a text"),
        ({"channel": "inapp", "form": "popup", "title": "x", "body": "y"}, "form", "one of banner"),
        (
            {"channel": "inapp", "form": "card", "title": "x", "body": "y", "buttons": [{}]},
            "buttons[0].text",
            "is missing",
        ),
        (_in_app(show={"page": {"is": "cart"}}), "show.page[0].is", "must begin with `/`"),
        (_in_app(show={"page": {"is": "/a", "contains": "b"}}), "show.page[0]", "needs exactly one of"),
        (_in_app(show={"again": "often"}), "show.again", "a length such as `1 day`"),
        (_in_app(show={"for": "2 seconds"}), "show.for", "cannot be shorter"),
        (_in_app(show={"for": "500 days"}), "show.for", "cannot be longer"),
        (_in_app(show={"when": "now"}), "show.when", "is unknown here"),
        (_in_app(style={"accent": "red; x: y"}), "style.accent", "a colour such as"),
        (_in_app(style={"position": "middle"}), "style.position", "one of top"),
        (_in_app(buttons=[{"text": "Go", "style": "huge"}]), "buttons[0].style", "one of primary"),
        ({"channel": "webhook", "url": "x", "body": 3}, "body", "a text, a mapping or a list"),
        ({"channel": "chat", "title": "x"}, "text", "is missing"),
        ({"channel": "sms", "text": "x", "subject": "y"}, "subject", "is unknown here"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(body: dict[str, Any], place: str, wrong: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        Template.from_body("it", body)
    assert [(at, wrong in told) for at, told in caught.value.faults] == [(place, True)]


def test_the_check_is_asked_only_about_what_can_be_read() -> None:
    asked: list[str] = []

    def check(template: Template) -> list[tuple[str, str]]:
        asked.append(template.name)
        return [("text", "is rude")]

    with pytest.raises(DefinitionError, match="text: is missing"):
        Template.from_body("a", {"channel": "sms"}, check=check)
    with pytest.raises(DefinitionError, match="text: is rude"):
        Template.from_body("b", {"channel": "sms", "text": "x"}, check=check)
    assert asked == ["b"]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("sv", "sv"),
        ("sv-SE", "sv"),
        ("sv_SE.UTF-8", "sv"),
        ("SV", "sv"),
        ("pt-BR", "pt-BR"),
        ("pt_br", "pt-BR"),
        ("pt-BR-x-rio", "pt-BR"),
        ("pt", ""),
        ("en", ""),
        ("", ""),
        (None, ""),
        ("-", ""),
    ],
)
def test_the_nearest_language_is_chosen(wanted: str | None, chosen: str) -> None:
    parts = TextParts("x")
    assert Template("it", Channel.SMS, parts, {"sv": parts, "pt-BR": parts}).language_for(wanted) == chosen


def test_a_version_takes_over_what_it_does_not_say_but_no_body_in_another_language() -> None:
    everybody = EmailParts("Hello", mjml="<mjml/>", text="Plain", sender="a@x.example")
    template = Template(
        "it", Channel.EMAIL, everybody, {"sv": EmailParts("Hej"), "de": EmailParts("Hallo", html="<p>Hallo</p>")}
    )
    assert template.parts_in("sv") == EmailParts("Hej", mjml="<mjml/>", text="Plain", sender="a@x.example")
    assert template.parts_in("de") == EmailParts("Hallo", html="<p>Hallo</p>", sender="a@x.example")
    assert template.parts_in("") == template.parts_in("nl") == everybody
