"""`ethogram.js` in a real browser: what it sends, what it keeps, and what it does when things go wrong."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

import pytest

from web.browser import CHROMIUM, MISSING, Browser, Page
from web.browser_site import Answer, Site

pytestmark = [pytest.mark.outside, pytest.mark.skipif(CHROMIUM is None, reason=MISSING)]

MINUTE, HOUR = 60_000, 3_600_000
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

# A clock that the test can put forward; it stays forward on the pages that follow.
CLOCK = """
{ const now = Date.now.bind(Date);
  let ahead = Number(new URLSearchParams(location.search).get("ahead")) || 0;
  Date.now = () => now() + ahead;
  window.later = (milliseconds) => { ahead += milliseconds } }
"""
GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.open()
    page.on_new_documents(CLOCK)
    yield page
    errors = [text for text in page.said if text.startswith("error:")]
    browser.forget(page)
    assert errors == []


def _html(site: Site, *, body: str = "", title: str = "A page", attributes: str = "", before: str = "") -> str:
    tag = f'<script async src="{site.collector}/ethogram.js" data-write-key="wk_demo" {attributes}></script>'
    return f"<!doctype html><title>{title}</title>{before}{tag}<body style='height: 5000px'>{body}"


def _times(site: Site, name: str) -> int:
    return site.names.count(name)


def _at(call: dict[str, str]) -> dt.datetime:
    return dt.datetime.fromisoformat(call["timestamp"])


# --- what is sent -------------------------------------------------------------------------------------------------


def test_a_page_view_and_the_start_of_a_session_come_in_one_batch_that_needs_no_preflight(
    site: Site, page: Page
) -> None:
    site.page("/shop", _html(site, title="The shop"))
    page.goto(f"{site.other}/shop?utm_source=news&utm_medium=email&utm_campaign=spring&x=1")
    view = site.call("page")
    posted = site.posted[0]
    assert (posted.path, site.names) == ("/v1/batch", ["session_started", "page"])
    assert posted.headers["Content-Type"].startswith("text/plain")
    assert posted.headers["Origin"] == site.other
    assert "Cookie" not in posted.headers
    assert not [each for each in site.asked if each.startswith("OPTIONS")]
    assert posted.body["writeKey"] == "wk_demo"
    assert dt.datetime.fromisoformat(posted.body["sentAt"]).tzinfo is not None
    expected = {
        "path": "/shop",
        "search": "?utm_source=news&utm_medium=email&utm_campaign=spring&x=1",
        "url": f"{site.other}/shop?utm_source=news&utm_medium=email&utm_campaign=spring&x=1",
        "title": "The shop",
        "referrer": "",
    }
    assert view["properties"] == expected
    assert view["context"]["page"] == expected
    assert view["context"]["campaign"] == {"source": "news", "medium": "email", "name": "spring"}
    assert view["context"]["locale"] == page.run("navigator.language")
    assert view["context"]["screen"]["width"] == page.run("screen.width")
    assert view["context"]["library"]["name"] == "ethogram.js"
    assert "userAgent" not in view["context"]
    assert UUID.fullmatch(view["anonymousId"])
    assert "userId" not in view
    assert len({call["messageId"] for call in site.calls}) == 2


def test_the_visitor_stays_the_same_over_pages_without_any_cookie(site: Site, page: Page) -> None:
    site.page("/a", _html(site))
    site.page("/b", _html(site))
    page.goto(f"{site.collector}/a")
    site.call("page")
    page.goto(f"{site.collector}/b")
    site.wait(lambda: _times(site, "page") == 2, "two page views")
    assert len({call["anonymousId"] for call in site.calls}) == 1
    assert _times(site, "session_started") == 1
    assert page.kept().keys() == {"local"}


def test_moving_within_the_page_by_history_is_a_page_view_with_title_and_referrer(site: Site, page: Page) -> None:
    site.page("/app", _html(site))
    page.goto(f"{site.collector}/app")
    site.call("page")
    page.run("history.pushState({}, '', '/app/cart'), document.title = 'Cart', 0")
    site.wait(lambda: _times(site, "page") == 2, "the view of the cart")
    page.run("history.replaceState({}, '', '/app/cart?coupon=1'), 0")  # no view: the page puts its address in order
    page.run("history.pushState({}, '', '/app/old'), history.replaceState({}, '', '/app/pay'), 0")  # a redirect
    site.wait(lambda: _times(site, "page") == 3, "the view of the payment")
    page.run("history.back()")
    site.wait(lambda: _times(site, "page") == 4, "the view on going back")
    page.run("location.hash = 'terms'")
    page.run("location.hash = '#/settings'")
    site.wait(lambda: _times(site, "page") == 5, "the view of a route in the hash")
    page.settle()
    views = [call["properties"] for call in site.calls if call["type"] == "page"]
    assert [view["path"] for view in views] == ["/app", "/app/cart", "/app/pay", "/app/cart", "/app/cart"]
    assert views[1]["title"] == "Cart"
    assert views[1]["referrer"] == f"{site.collector}/app"
    assert views[2]["referrer"] == f"{site.collector}/app/cart"
    assert views[4]["url"].endswith("#/settings")


def test_clicks_are_declared_by_attributes(site: Site, page: Page) -> None:
    button = (
        '<button data-ethogram-event="cta_clicked" data-ethogram-prop-plan="pro" data-ethogram-prop-price="9.50"'
        ' data-ethogram-prop-yearly-plan="true" data-ethogram-prop-zip="01234"><b id="inside">Buy</b></button>'
    )
    form = '<form data-ethogram-event="search" action="#"><input id="field" name="q"><button id="go">Go</button></form>'
    site.page("/", _html(site, body=button + form))
    page.goto(f"{site.collector}/")
    site.call("page")
    page.click("#inside")
    clicked = site.call("cta_clicked")
    assert clicked["type"] == "track"
    assert clicked["properties"] == {"plan": "pro", "price": 9.5, "yearly_plan": True, "zip": "01234"}
    page.click("#field")
    page.click("#go")
    site.call("search")
    page.settle()
    assert (_times(site, "cta_clicked"), _times(site, "search")) == (1, 1)


def test_a_click_that_leads_away_still_arrives(site: Site, page: Page) -> None:
    site.page("/", _html(site, body='<a id="out" href="/end" data-ethogram-event="link_clicked">Out</a>'))
    site.page("/end", "<!doctype html><title>No script here</title>")
    page.goto(f"{site.collector}/")
    site.call("page")
    page.click("#out")
    site.call("link_clicked")


def test_identify_page_group_and_track_are_called_by_name(site: Site, page: Page) -> None:
    site.page("/", _html(site, attributes='data-pages="manual"'))
    page.goto(f"{site.collector}/")
    page.run(
        "ethogram.track('first'), ethogram.identify('u1', { email: 'a@example.com' }),"
        "ethogram.group(7, { plan: 'pro' }), ethogram.page('Docs', 'Install', { depth: 2 }),"
        "ethogram.track('order_completed', { total: 12.5 }), 0"
    )
    order = site.call("order_completed")
    assert site.names == ["session_started", "first", "identify", "group", "page", "order_completed"]
    first, identify, group, view = (site.call(name) for name in ("first", "identify", "group", "page"))
    assert "userId" not in first
    assert (identify["userId"], identify["traits"]) == ("u1", {"email": "a@example.com"})
    assert identify["anonymousId"] == first["anonymousId"] == order["anonymousId"]
    assert (group["groupId"], group["traits"], group["userId"]) == ("7", {"plan": "pro"}, "u1")
    assert (view["category"], view["name"], view["properties"]["depth"]) == ("Docs", "Install", 2)
    assert (order["userId"], order["properties"]) == ("u1", {"total": 12.5})


def test_somebody_else_at_the_same_device_is_not_joined_to_who_was_there_before(site: Site, page: Page) -> None:
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    page.run("ethogram.identify('ann'), ethogram.identify('ben'), 0")
    site.wait(lambda: _times(site, "identify") == 2, "both")
    ann, ben = (call for call in site.calls if call["type"] == "identify")
    assert (ann["userId"], ben["userId"]) == ("ann", "ben")
    assert ann["anonymousId"] != ben["anonymousId"]
    assert site.call("session_ended")["userId"] == "ann"
    page.run("ethogram.reset(), ethogram.track('later'), 0")
    later = site.call("later")
    assert "userId" not in later
    assert later["anonymousId"] not in (ann["anonymousId"], ben["anonymousId"])


def test_calls_made_before_the_file_arrived_are_made_when_it_does(site: Site, page: Page) -> None:
    early = "<script>(window.ethogram = window.ethogram || []).push(['identify', 'u1'], ['track', 'early'])</script>"
    site.page("/", _html(site, before=early))
    page.goto(f"{site.collector}/")
    assert site.call("early")["userId"] == "u1"
    page.run("ethogram.push(['track', 'late']), 0")
    site.call("late")
    assert _times(site, "page") == 1


def test_what_cannot_be_sent_is_said_in_the_console_and_harms_nothing(site: Site, page: Page) -> None:
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.call("page")
    page.run("(() => { const ring = {}; ring.ring = ring; ethogram.track('ring', ring) })()")
    page.run("ethogram.track('huge', { text: 'x'.repeat(40000) }), ethogram.track(''), ethogram.track('fine'), 0")
    site.call("fine")
    assert not {"ring", "huge"} & set(site.names)
    assert len([text for text in page.said if text.startswith("warning: ethogram:")]) == 3


# --- sessions -----------------------------------------------------------------------------------------------------


def test_a_session_ends_after_half_an_hour_of_inactivity_and_says_how_long_it_was(site: Site, page: Page) -> None:
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    started = site.call("session_started")
    page.run("later(10 * 60000), ethogram.track('read'), 0")
    page.run("later(29 * 60000), ethogram.track('read on'), 0")
    site.call("read on")
    assert "session_ended" not in site.names
    page.run("later(31 * 60000), ethogram.track('back'), 0")
    ended = site.call("session_ended")
    assert ended["properties"]["session_id"] == started["properties"]["session_id"]
    assert ended["properties"]["page_views"] == 1
    assert (
        ended["messageId"] == ended["properties"]["session_id"] + "-ended"
    )  # two tabs that notice at once say one thing
    assert 39 * 60 <= ended["properties"]["duration_seconds"] <= 39 * 60 + 10
    assert abs((_at(ended) - _at(site.call("read on"))).total_seconds()) < 1  # when it ended, not when that was noticed
    assert "page" not in ended["context"]
    back = site.call("back")
    assert back["context"]["sessionId"] != started["properties"]["session_id"]
    assert _times(site, "session_started") == 2


def test_the_end_of_a_visit_whose_tab_was_closed_comes_with_the_next_visit(site: Site, page: Page) -> None:
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    view = site.call("page")
    page.goto(f"{site.collector}/?ahead={26 * HOUR}")
    ended = site.call("session_ended")
    assert ended["properties"]["duration_seconds"] < 30
    assert abs((_at(ended) - _at(view)).total_seconds()) < 30
    assert ended["anonymousId"] == view["anonymousId"]


def test_an_open_tab_that_nobody_touches_ends_its_session_once_however_many_tabs_there_are(
    site: Site, page: Page
) -> None:
    site.page("/", _html(site, attributes='data-session-minutes="0.02"'))
    page.goto(f"{site.collector}/")
    second = page.another()
    second.goto(f"{site.collector}/")
    site.wait(lambda: "session_ended" in site.names, "the end of the session")
    page.settle()
    ended = [call for call in site.calls if call.get("event") == "session_ended"]
    assert len({call["messageId"] for call in ended}) == len({call["properties"]["session_id"] for call in ended})


# --- consent ------------------------------------------------------------------------------------------------------

BUTTON = '<button id="buy" data-ethogram-event="cta_clicked">Buy</button>'


@pytest.mark.parametrize("asked_by", ["attribute", "browser"])
def test_nothing_is_stored_or_sent_before_consent(site: Site, page: Page, asked_by: str) -> None:
    if asked_by == "browser":
        page.on_new_documents(GPC)
    attributes = 'data-consent="required"' if asked_by == "attribute" else ""
    site.page("/", _html(site, body=BUTTON, attributes=attributes))
    site.page("/end", "<!doctype html><title>No script here</title>")
    page.goto(f"{site.collector}/")
    page.run("ethogram.track('tracked'), ethogram.identify('u1'), history.pushState({}, '', '/next'), 0")
    page.click("#buy")
    page.settle()
    assert page.run("ethogram.consent()") is False
    assert page.kept() == {}
    page.goto(f"{site.collector}/end")
    assert page.kept() == {}
    assert site.posted == []


def test_consent_begins_with_the_page_that_is_looked_at_and_who_is_looking(site: Site, page: Page) -> None:
    site.page("/", _html(site, attributes='data-consent="required"'))
    page.goto(f"{site.collector}/")
    page.run("ethogram.identify('u1'), ethogram.track('before'), 0")
    assert page.run("ethogram.consent(true)") is True
    assert site.call("page")["userId"] == "u1"
    page.goto(f"{site.collector}/?second")
    site.wait(lambda: _times(site, "page") == 2, "the second page, by the consent given on the first")
    assert site.names == ["session_started", "identify", "page", "page"]


def test_consent_outweighs_the_browsers_signal_and_can_be_withdrawn(site: Site, page: Page) -> None:
    page.on_new_documents(GPC)
    site.page("/", _html(site, body=BUTTON))
    page.goto(f"{site.collector}/")
    page.run("ethogram.consent(true), 0")
    site.call("page")
    page.run("ethogram.track('unsent'), ethogram.consent(false), 0")
    page.click("#buy")
    page.settle()
    assert page.kept() == {}
    assert site.names == ["session_started", "page"]


def test_a_refusal_where_no_consent_is_required_is_remembered_and_nothing_else_is(site: Site, page: Page) -> None:
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.call("page")
    page.run("ethogram.consent(false), 0")
    page.goto(f"{site.collector}/?second")
    page.settle()
    assert page.kept() == {"local": {"ethogram.wk_demo.consent": "false"}}
    assert _times(site, "page") == 1


# --- when things go wrong -----------------------------------------------------------------------------------------


def test_what_happens_offline_is_kept_over_a_reload_and_sent_once(site: Site, page: Page) -> None:
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.call("page")
    page.offline(True)
    page.run("ethogram.track('one'), ethogram.track('two'), 0")
    page.settle()
    stored = page.run("Object.keys(localStorage).filter((name) => name.includes('.q.')).length")
    assert stored == 2
    page.run(f"later(-{HOUR})")  # by the clock the next attempt is an hour away: only being back brings it forward
    page.offline(False)
    two = site.call("two")
    page.goto(f"{site.collector}/?ahead={MINUTE}")
    site.wait(lambda: _times(site, "page") == 2, "the page after that")
    page.settle()
    assert (_times(site, "one"), _times(site, "two")) == (1, 1)
    assert _at(two) < dt.datetime.fromisoformat(site.posted[-1].body["sentAt"])


def test_events_of_a_page_that_was_left_offline_are_sent_from_the_next_one(site: Site, page: Page) -> None:
    site.answers = [Answer(0), Answer(0), Answer(0)]  # nobody answers
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.wait(lambda: len(site.posted) == 1, "an attempt")
    first = site.call("page")["messageId"]
    site.answers = []
    page.goto(f"{site.collector}/?second&ahead={MINUTE}")
    site.wait(lambda: _times(site, "page") >= 3, "the first page again, and the second")
    assert [call["messageId"] for call in site.calls if call["type"] == "page"].count(first) >= 2
    assert len({call["messageId"] for call in site.calls if call["type"] == "page"}) == 2
    page.settle()
    assert page.run("Object.keys(localStorage).filter((name) => name.includes('.q.')).length") == 0


def test_a_failing_server_gets_the_same_message_again_later(site: Site, page: Page) -> None:
    site.answers = [Answer(500), Answer(503)]
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.wait(lambda: len(site.posted) == 3, "three attempts")
    page.settle()
    assert len(site.posted) == 3
    assert len({tuple(call["messageId"] for call in posted.calls) for posted in site.posted}) == 1
    sent = [dt.datetime.fromisoformat(posted.body["sentAt"]) for posted in site.posted]
    assert sent[1] - sent[0] >= dt.timedelta(milliseconds=450)
    assert sent[2] - sent[1] >= dt.timedelta(milliseconds=950)


def test_retry_after_is_kept_to_by_new_events_the_next_page_and_on_leaving(site: Site, page: Page) -> None:
    site.answers = [Answer(429, {"Retry-After": "20"})]
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.wait(lambda: len(site.posted) == 1, "an attempt")
    page.run("ethogram.track('eager'), 0")
    page.settle()
    page.goto(f"{site.collector}/?second")
    page.settle()
    assert len(site.posted) == 1
    page.goto(f"{site.collector}/?third&ahead={21_000}")
    site.call("eager")
    site.wait(lambda: len({c["messageId"] for c in site.calls if c["type"] == "page"}) == 3, "all three pages")


def test_what_the_server_refuses_for_good_is_not_sent_again(site: Site, page: Page) -> None:
    site.answers = [Answer(401)]
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.wait(lambda: len(site.posted) == 1, "the attempt")
    page.run("ethogram.track('next'), 0")
    site.call("next")
    assert _times(site, "page") == 1
    assert any("the server answered 401" in text for text in page.said)


def test_what_the_server_rejects_of_a_batch_is_said_in_the_console(site: Site, page: Page) -> None:
    site.answers = [Answer(200, rejected=({"index": 1, "reason": "too old"},))]
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.call("page")
    page.settle()
    assert [text for text in page.said if "ethogram: rejected" in text] != []
    page.run("ethogram.track('next'), 0")
    site.call("next")
    page.settle()
    assert len([text for text in page.said if "ethogram: rejected" in text]) == 1
    assert _times(site, "page") == 1


def test_leaving_sends_what_is_there_by_beacon_and_later_pages_repeat_it_only_in_doubt(site: Site, page: Page) -> None:
    site.page("/", _html(site))
    site.page("/end", "<!doctype html><title>No script here</title>")
    page.on_new_documents("window.addEventListener('pagehide', () => ethogram.track('last words'))")
    page.goto(f"{site.collector}/")
    site.call("page")
    page.run("location.href = '/end'")
    words = site.call("last words")
    # What a beacon looks like on the wire: a script's own request asks to read the answer, a beacon does not.
    assert [posted.headers["Sec-Fetch-Mode"] for posted in site.posted] == ["cors", "no-cors"]
    page.goto(f"{site.collector}/?second")  # at once: the answer to a beacon is not seen, so it is left in peace
    site.wait(lambda: _times(site, "page") == 2, "the second page")
    page.settle()
    assert _times(site, "last words") == 1
    page.goto(f"{site.collector}/?third&ahead={31_000}")
    site.wait(
        lambda: [c["messageId"] for c in site.calls].count(words["messageId"]) == 2, "once more, the same message"
    )


def test_what_is_in_doubt_is_given_up_before_the_server_forgets_its_message_id(site: Site, page: Page) -> None:
    site.page("/", _html(site))
    site.page("/end", "<!doctype html><title>No script here</title>")
    page.on_new_documents("window.addEventListener('pagehide', () => window.ethogram && ethogram.track('last words'))")
    page.goto(f"{site.collector}/")
    site.call("page")
    page.goto(f"{site.collector}/end")
    site.call("last words")
    page.goto(f"{site.collector}/?second&ahead={13 * HOUR}")
    site.wait(lambda: _times(site, "page") == 2, "the second page")
    page.settle()
    assert _times(site, "last words") == 1


def test_two_tabs_do_not_send_each_others_events_twice(site: Site, page: Page) -> None:
    site.page("/", _html(site, attributes='data-pages="manual"'))
    page.goto(f"{site.collector}/")
    second = page.another()
    second.goto(f"{site.collector}/")
    for number in range(20):
        (page, second)[number % 2].run(f"ethogram.track('n{number}'), 0")
    site.wait(lambda: {f"n{number}" for number in range(20)} <= set(site.names), "all of both")
    page.settle()
    assert len(site.calls) == len({call["messageId"] for call in site.calls})


def test_the_queue_is_bounded_and_keeps_the_newest(site: Site, page: Page) -> None:
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.call("page")
    page.offline(True)
    page.run("(() => { for (let number = 0; number < 510; number++) ethogram.track(`n${number}`) })()")
    names = page.run("Object.keys(localStorage).filter((name) => name.includes('.q.')).length")
    assert names == 500
    page.offline(False)
    site.wait(lambda: "n509" in site.names, "the newest")
    assert "n9" not in site.names
    assert "n10" in site.names
    assert max(len(posted.calls) for posted in site.posted) <= 100


def test_it_works_where_the_browser_refuses_storage(site: Site, page: Page) -> None:
    page.on_new_documents("Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused') } })")
    site.page("/", _html(site))
    page.goto(f"{site.collector}/")
    site.call("page")
    page.run("ethogram.track('tracked'), 0")
    assert site.call("tracked")["anonymousId"] == site.call("page")["anonymousId"]


def test_a_strict_content_security_policy_needs_only_the_collectors_address(site: Site, page: Page) -> None:
    policy = (
        f"default-src 'none'; script-src {site.collector}; connect-src {site.collector};"
        " require-trusted-types-for 'script'"
    )
    body = '<button id="buy" data-ethogram-event="cta_clicked">Buy</button>'
    site.page("/", _html(site, body=body).replace(" style='height: 5000px'", ""), Content_Security_Policy=policy)
    page.goto(f"{site.other}/")
    page.click("#buy")
    site.call("cta_clicked")
    assert [text for text in page.said if "ecurity" in text] == []
