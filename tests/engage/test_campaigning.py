"""Campaigns are checked when they are saved, and started, stopped and called as people expect."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ethogram as eg
from ethogram.campaigning import Campaigns, CampaignState
from ethogram.clock import ManualClock
from ethogram.engagement import Definitions
from ethogram.errors import DefinitionError, InputError, SettingError, UnknownNameError, UserError
from ethogram.journeying import Journeys
from ethogram.model.message import Maker
from ethogram.reporting import Reports
from ethogram.store import audit, definitions, outbox_pauses

if TYPE_CHECKING:
    from engage.shop import Shop

HELLO = {"channel": "email", "subject": "Hi", "text": "Hi {{ first_name | default: 'you' }}"}
NOW = dt.datetime(2026, 3, 2, 7, tzinfo=dt.UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with eg.init(tmp_path / "shop", clock=ManualClock(NOW)) as workspace:
        workspace.segments.save("vip", "count(buy) > 3")
        with workspace._ledger.database.writing() as connection:
            definitions.save(connection, "template", "hello", HELLO, NOW)
    return tmp_path / "shop"


def body(**more: Any) -> dict[str, Any]:
    return {"channel": "email", "template": "hello", "when": {"api": True}, "audience": {"in": ["vip"]}, **more}


def save(shop: Path, name: str = "c", **more: Any) -> int:
    with Definitions(shop, clock=ManualClock(NOW)) as opened:
        return opened.save("campaign", name, body(**more)).version


def test_what_is_not_there_is_a_fault_beside_all_others(shop: Path) -> None:
    wrong = body(
        template="helo",
        topic="news",
        audience={"in": ["vip", "nobody"], "where": "in_segment('x') and did(a)"},
        when={"event": {"name": "buy", "still": "not in_segment('y')"}},
    )
    with Definitions(shop) as opened, pytest.raises(DefinitionError) as caught:
        opened.save("campaign", "c", wrong)
    assert caught.value.faults == (
        ("audience.in", "there is no segment `nobody`"),
        ("audience.where", "there is no segment `x`"),
        ("when.event.still", "there is no segment `y`"),
        ("template", "there is no template `helo`"),
        ("topic", "there is no topic `news`"),
    )
    with Definitions(shop) as opened:
        checked = opened.checked(
            "campaign", "c", wrong, beside={"segment": {"nobody", "x", "y"}, "template": {"helo"}, "topic": {"news"}}
        )
    assert checked["topic"] == "news"


def test_conditions_that_cannot_be_read_are_faults_with_line_and_column(shop: Path) -> None:
    wrong = body(
        audience={"where": "count(buy >= 3"}, when={"every": "x"}, conversion={"event": "a", "within": "1 day"}
    )
    with Definitions(shop) as opened, pytest.raises(DefinitionError) as caught:
        opened.save("campaign", "c", wrong)
    faults = dict(caught.value.faults)
    assert faults["audience.where"].startswith("line 1, column 11")
    assert faults["when.every"].startswith("is no cron line")
    with Definitions(shop) as opened, pytest.raises(DefinitionError, match="describes accounts"):
        opened.save("campaign", "c", body(audience={"where": "for account: did(buy)"}))


def test_versions_are_kept_and_what_is_used_is_not_removed(shop: Path) -> None:
    assert [save(shop), save(shop), save(shop, priority=3)] == [1, 1, 2]
    with Definitions(shop) as opened:
        assert [each.body.get("priority") for each in opened.versions("campaign", "c")] == [None, 3]
        assert opened.used_by("template", "hello") == opened.used_by("segment", "vip") == (("campaign", "c"),)
        opened.remove("campaign", "c")
        assert opened.listed("campaign") == ()
        with pytest.raises(UnknownNameError):
            opened.get("campaign", "c")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201])
def test_a_name_that_cannot_be_one_is_refused(shop: Path, name: str) -> None:
    with Definitions(shop) as opened, pytest.raises(SettingError, match="cannot be the name"):
        opened.save("campaign", name, body())


def test_a_campaign_goes_through_its_states(shop: Path) -> None:
    save(shop, when={"every": "0 9 * * *"})
    clock = ManualClock(NOW)
    with Campaigns(shop, clock=clock) as opened:
        assert opened.progress("c").state is CampaignState.DRAFT
        assert opened.next_at("c") is None
        for refused in (opened.stop, opened.resume, opened.finish):
            with pytest.raises(UserError, match="campaign `c` is draft: it cannot"):
                refused("c")
        started = opened.start("c")
        clock.advance(dt.timedelta(hours=1))
        assert (opened.start("c"), started.started_at) == (started, NOW)
        following = opened.next_at("c")
        assert following is not None
        assert following.due_at == NOW + dt.timedelta(hours=2)
        assert opened.stop("c", reason="a typo").reason == "a typo"
        with pytest.raises(UserError, match="is stopped"):
            opened.start("c")
        assert opened.resume("c").state is CampaignState.ACTIVE
        assert opened.finish("c").state is CampaignState.FINISHED
        with pytest.raises(UserError, match="is finished"):
            opened.start("c")
        with pytest.raises(UnknownNameError):
            opened.start("nonesuch")
    with eg.open(shop) as workspace:
        verbs = [entry.verb for entry in workspace._ledger.audit() if entry.object == "campaign:c"]
    assert verbs == ["finish", "resume", "stop", "start", "save"]


def test_a_call_is_taken_once_for_each_key(shop: Path) -> None:
    save(shop)
    with Campaigns(shop, clock=ManualClock(NOW)) as opened:
        people: list[dict[str, Any]] = [{"profile_id": "a", "data": {"code": 1}}, {"profile_id": "b"}]
        with pytest.raises(UserError, match="not under way"):
            opened.trigger("c", people)
        opened.start("c")
        first, new = opened.trigger("c", people, data={"x": 1}, key="order-1")
        assert (new, first.recipients, first.data) == (True, people, {"x": 1})
        assert opened.trigger("c", people, data={"x": 1}, key="order-1") == (first, False)
        with pytest.raises(InputError, match="was used for another call"):
            opened.trigger("c", people[:1], data={"x": 1}, key="order-1")
        assert opened.trigger("c", people)[1]
        assert len(opened.launches("c")) == 2


@pytest.mark.parametrize(
    "recipients",
    [
        [], [{}], [{"profile_id": 1}], [{"profile_id": ""}], [{"profile_id": "a"}, {"profile_id": "a"}],
        [{"profile_id": "a", "data": []}], [{"profile_id": "a", "data": {"x": "y" * 40_000}}],
        [{"profile_id": str(number)} for number in range(10_001)],
    ],
)  # fmt: skip
def test_recipients_that_are_none_are_refused(shop: Path, recipients: list[Any]) -> None:
    save(shop)
    with Campaigns(shop, clock=ManualClock(NOW)) as opened:
        opened.start("c")
        with pytest.raises(InputError):
            opened.trigger("c", recipients)
        assert opened.launches("c") == ()


def test_what_is_not_sent_by_calls_refuses_them(shop: Path) -> None:
    save(shop, when={"now": True})
    with Campaigns(shop, clock=ManualClock(NOW)) as opened:
        opened.start("c")
        with pytest.raises(UserError, match="not sent when the API is called"):
            opened.trigger("c", [{"profile_id": "a"}])


def test_what_pauses_by_itself_says_why_and_is_resumed(market: Shop) -> None:
    market.start(when={"api": True})
    with market.database.writing() as connection:
        for maker in (Maker.CAMPAIGN, Maker.JOURNEY):
            outbox_pauses.pause(connection, maker, "c", "6 of 100 people complained", NOW, by="complaints")
    with Campaigns(market.path, clock=market.clock) as opened:
        assert opened.progress("c").paused == "6 of 100 people complained"
        assert Reports(market.workspace, market.path).campaign("c").paused == "6 of 100 people complained"
        opened.resume("c", actor="ann")
        assert opened.progress("c").paused is None
    market.save("journey", "c", {"entry": {"api": True}, "steps": [{"name": "s", "exit": "over"}]})
    with Journeys(market.path, clock=market.clock) as opened:
        opened.start("c")  # which resumes it
        with market.database.writing() as connection:
            outbox_pauses.pause(connection, Maker.JOURNEY, "c", "7 of 100 people complained", NOW, by="complaints")
        assert opened.standing("c").paused == "7 of 100 people complained"
        opened.resume("c", actor="ann")
        assert opened.standing("c").paused is None
    with market.database.reading() as connection:
        noted = [each.object for each in audit.newest(connection, 10) if (each.actor, each.verb) == ("ann", "resume")]
    assert noted == ["journey:c", "campaign:c"]
