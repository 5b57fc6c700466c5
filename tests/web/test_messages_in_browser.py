"""Messages and notifications in a real browser: what is shown, what cannot happen, and what comes back."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ethogram.deliver.channels.webpush import new_keys
from ethogram.store import devices, persons, requests
from web.browser import CHROMIUM, MISSING, Browser, Page
from web.browser_site import Site
from web.here import until
from web.running import KEY, Server
from web.shop import shop
from web.test_engaged import put as saved
from web.visiting import Desk, desk

pytestmark = [pytest.mark.outside, pytest.mark.skipif(CHROMIUM is None, reason=MISSING)]

# The parts of the message that is shown, or null.
PART = "(document.querySelector('ethogram-message')?.shadowRoot.querySelector({}) ?? null)"
AGAIN = {"again": "until_dismissed"}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.open()
    yield page
    errors = [text for text in page.said if text.startswith("error:")]
    browser.forget(page)
    assert errors == []


def _html(host: str, attributes: str = "data-messages", body: str = "", user: str | None = "ann") -> str:
    known = f"<script>window.ethogram = [['identify', '{user}']]</script>" if user else ""
    tag = f'<script async src="{host}/ethogram.js" data-write-key="{KEY}" {attributes}></script>'
    return f"<!doctype html><title>Shop</title>{known}{tag}<body style='height: 5000px'>{body}"


def _host(at: Desk) -> str:
    return f"http://127.0.0.1:{at.server.port}"


def _open(at: Desk, site: Site, page: Page, path: str = "/", **more: Any) -> None:
    site.page(path.partition("?")[0], _html(_host(at), **more))
    page.goto(site.other + path)


def part(page: Page, selector: str, what: str = "") -> Any:
    """A part of what is shown, or what is asked about it."""
    found = PART.format(json.dumps(selector))
    return page.run(f"{found} && {found}{what}" if what else f"{found} !== null")


def press(page: Page, selector: str) -> None:
    """Clicks in the middle of a part of what is shown."""
    box = part(page, selector, ".getBoundingClientRect().toJSON()")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind in ("mousePressed", "mouseReleased"):
        page.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def key(page: Page, name: str) -> None:
    for kind in ("keyDown", "keyUp"):
        page.send("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=27)


def appears(page: Page, selector: str = ".box") -> None:
    until(lambda: part(page, selector))


def goes(page: Page) -> None:
    until(lambda: not part(page, ".box"))


def _loaded(at: Desk, page: Page) -> set[str]:
    """What the page has asked our server for."""
    names = page.run("performance.getEntriesByType('resource').map((each) => each.name)")
    return {name.removeprefix(_host(at)) for name in names if name.startswith(_host(at))}


# --- showing ------------------------------------------------------------------------------------------------------


def test_a_dialog_takes_the_focus_and_gives_it_back_and_does_not_come_again(at: Desk, site: Site, page: Page) -> None:
    id_ = at.put(title="Two left", body="In your cart\nsince Monday", buttons=({"text": "Go on", "url": "/cart"},))
    _open(at, site, page, body="<input id=field autofocus>")
    appears(page)
    assert part(page, ".box", ".localName") == "dialog"
    assert part(page, ".box", ".matches(':modal')") is True
    assert part(page, "#title", ".textContent") == "Two left"
    assert part(page, ".box", ".getAttribute('aria-labelledby')") == "title"
    assert page.run("document.querySelector('ethogram-message').shadowRoot.activeElement.textContent") == "Go on"
    assert part(page, ".close", ".getAttribute('aria-label')") == "Close"
    key(page, "Escape")
    goes(page)
    assert page.run("document.activeElement.id") == "field"
    until(lambda: at.told(id_) == ["delivered", "dismissed", "opened"])
    page.goto(f"{site.other}/")
    page.settle()
    assert not part(page, ".box")


@pytest.mark.parametrize("form", ["banner", "card"])
def test_what_stands_beside_the_page_leaves_the_focus_there(at: Desk, site: Site, page: Page, form: str) -> None:
    id_ = at.put(form=form, style={"background": "#102030", "position": "top"}, show=AGAIN)
    _open(at, site, page, body="<input id=field autofocus>")
    appears(page)
    assert part(page, ".box", ".localName") == "section"
    assert part(page, ".box", ".getAttribute('aria-live')") == "polite"
    assert page.run("document.activeElement.id") == "field"
    box = PART.format("'.box'")
    assert page.run(f"getComputedStyle({box}).backgroundColor") == "rgb(16, 32, 48)"
    assert page.run(f"getComputedStyle({box}).position") == "fixed"
    assert part(page, ".box", ".getBoundingClientRect().top") < 40
    page.goto(f"{site.other}/")  # looked over is not dismissed
    appears(page)
    press(page, ".close")
    goes(page)
    until(lambda: at.told(id_).count("dismissed") == 1)
    assert at.told(id_).count("opened") == 2


def test_a_click_leads_on_and_is_reported_with_the_event_that_the_button_tracks(
    at: Desk, site: Site, page: Page
) -> None:
    buttons = ({"text": "No", "style": "link"}, {"text": "Go", "url": "/cart?a=1", "event": "went_on"})
    id_ = at.put(form="fullscreen", buttons=buttons)
    site.page("/cart", "<!doctype html><title>Cart</title>")
    _open(at, site, page)
    appears(page)
    before = page.browser.count(page.session, "Page.loadEventFired")
    press(page, ".buttons a")
    page.browser.wait(lambda: page.browser.count(page.session, "Page.loadEventFired") > before, "the next page")
    assert page.run("location.pathname + location.search") == "/cart?a=1"
    until(lambda: "clicked" in at.told(id_))
    (clicked,) = [each for each in at.happened(id_) if each.event == "clicked"]
    assert clicked.properties == {"button": 2, "text": "Go", "url": "/cart?a=1"}
    until(lambda: "went_on" in _tracked(at))


def _tracked(at: Desk) -> list[str]:
    with at.ledger.database.reading() as connection:
        found = requests.waiting(connection, 1_000)
    return [fact.event for row in found for message in row.messages for fact in message.facts]


def test_hostile_content_is_text_and_leads_nowhere(at: Desk, site: Site, page: Page) -> None:
    hostile = "<img src=x onerror='window.owned = 1'><script>window.owned = 1</script>"
    urls = ("javascript:window.owned=1", " java\nscript:window.owned=1", "data:text/html,<script>1</script>", "x:y")
    at.put(
        form="card", title=hostile, body=hostile, image="javascript:window.owned=1",
        buttons=tuple({"text": hostile, "url": url, "style": "primary"} for url in urls),
        style={"accent": "red;background:url(//evil.example/x)"}, show=AGAIN,
    )  # fmt: skip
    _open(at, site, page)
    appears(page)
    assert part(page, "#title", ".textContent") == hostile
    assert part(page, "p", ".textContent") == hostile
    assert part(page, ".box", ".querySelectorAll('img, script, a, iframe').length") == 0
    press(page, ".buttons button")
    goes(page)
    page.settle()
    assert page.run("window.owned ?? null") is None
    assert page.run("performance.getEntriesByType('resource').some((each) => each.name.includes('evil'))") is False


def test_a_strict_policy_of_the_page_lets_it_look_as_it_should(at: Desk, site: Site, page: Page) -> None:
    at.put(form="card", style={"accent": "#ff0000"}, buttons=({"text": "Go", "url": "/x"},))
    host = _host(at)
    policy = f"default-src 'none'; script-src {host} 'nonce-n1'; connect-src {host}; img-src 'none'"
    html = (
        _html(host, user=None).replace("<script async", "<script nonce=n1 async").replace("style='height: 5000px'", "")
    )
    site.page("/strict", html, Content_Security_Policy=policy)
    page.goto(f"{site.other}/strict")
    page.run("ethogram.identify('ann')")
    appears(page)
    assert page.run(f"getComputedStyle({PART.format(repr('.buttons a'))}).backgroundColor") == "rgb(255, 0, 0)"
    assert not [text for text in page.said if "policy" in text.lower() and "favicon" not in text]


def test_pages_events_scrolling_and_time_decide_when(at: Desk, site: Site, page: Page) -> None:
    cart = at.put(title="cart", show={"page": {"is": "/cart"}})
    viewed = at.put(title="viewed", show={"event": "viewed", "scroll": 60, "after": "1 second"})
    _open(at, site, page)
    page.settle()
    assert not part(page, ".box")
    page.run("history.pushState({}, '', '/cart'), 0")
    appears(page)
    assert part(page, "#title", ".textContent") == "cart"
    key(page, "Escape")
    goes(page)
    page.run("ethogram.track('viewed')")
    until(lambda: "delivered" in at.told(viewed))
    page.run("scrollTo(0, 5000)")
    page.settle()
    assert not part(page, ".box")
    until(lambda: part(page, "#title", ".textContent") == "viewed")
    assert at.told(cart) == ["delivered", "dismissed", "opened"]


def test_what_was_tracked_before_the_script_came_counts_on_its_page_and_not_on_the_next(
    at: Desk, site: Site, page: Page
) -> None:
    first, second = at.put("ann", show={"event": "viewed"}), at.put("ann", show={"event": "viewed"})
    early = _html(_host(at)).replace("['identify', 'ann']", "['identify', 'ann'], ['track', 'viewed']")
    site.page("/", early)
    page.goto(f"{site.other}/")
    appears(page)
    until(lambda: "opened" in at.told(first))
    page.run("history.pushState({}, '', '/next'), 0")
    page.settle()
    key(page, "Escape")
    goes(page)
    page.settle()
    page.run("ethogram.track('else')")
    page.settle()
    assert not part(page, ".box")
    assert at.told(second) == []


def test_nothing_is_asked_without_consent_and_what_is_shown_goes_with_it(at: Desk, site: Site, page: Page) -> None:
    id_ = at.put(show=AGAIN)
    _open(at, site, page, attributes='data-messages data-consent="required"')
    page.settle()
    assert _loaded(at, page) == {"/ethogram.js"}
    page.run("ethogram.consent(true)")
    appears(page)
    page.run("ethogram.consent(false)")
    goes(page)
    page.goto(f"{site.other}/")
    page.settle()
    assert not part(page, ".box")
    until(lambda: at.told(id_) == ["delivered", "opened"])
    assert page.kept() == {}


def test_a_site_that_asks_for_no_messages_loads_nothing_more(at: Desk, site: Site, page: Page) -> None:
    at.put()
    _open(at, site, page, attributes="")
    page.settle()
    assert _loaded(at, page) == {"/ethogram.js", "/v1/batch"}


def test_somebody_else_at_the_same_browser_sees_nothing_of_the_first_ones(at: Desk, site: Site, page: Page) -> None:
    at.put("ann", title="for Ann", show=AGAIN)
    at.put("bo", title="for Bo", show=AGAIN)
    _open(at, site, page)
    appears(page)
    page.run("ethogram.identify('bo')")
    until(lambda: part(page, "#title", ".textContent") == "for Bo")


def test_a_page_proves_who_looks_at_it_where_that_is_asked_for(tmp_path: Path, site: Site, page: Page) -> None:
    with desk(tmp_path, visitor_secret="a secret of the site's server") as at:
        at.put("ann")
        proof = hmac.new(b"a secret of the site's server", b"ann", hashlib.sha256).hexdigest()
        _open(at, site, page)
        page.settle()
        assert not part(page, ".box")
        page.run(f"ethogram.identify('ann', {{}}, '{proof}')")
        appears(page)
    page.said.clear()  # the server is gone


def test_what_is_done_while_the_network_is_away_is_told_later_and_shown_no_more(
    at: Desk, site: Site, page: Page
) -> None:
    id_ = at.put(show=AGAIN)
    _open(at, site, page)
    appears(page)
    until(lambda: "opened" in at.told(id_))
    page.offline(True)
    press(page, ".close")
    page.settle()
    page.offline(False)
    assert "dismissed" not in at.told(id_)
    page.goto(f"{site.other}/")
    until(lambda: "dismissed" in at.told(id_))
    page.settle()
    assert not part(page, ".box")


def test_an_event_starts_a_campaign_whose_message_the_same_page_shows(tmp_path: Path, site: Site, page: Page) -> None:
    path = shop(tmp_path / "w", people=3)
    with Server(path) as server:
        template = {
            "channel": "inapp", "form": "modal", "title": "{{ trigger.product }} is waiting",
            "body": "Hi {{ first_name }}", "buttons": [{"text": "Go on", "url": "/cart"}],
        }  # fmt: skip
        saved(server, "/api/templates/cart", template)
        campaign = {"channel": "inapp", "template": "cart", "when": {"event": {"name": "cart"}}}
        saved(server, "/api/campaigns/cart", campaign)
        saved(server, "/api/campaigns/cart/start", method="POST")
        site.page("/", _html(server.url.rstrip("/"), user=None))
        page.goto(f"{site.other}/")
        page.run("ethogram.identify('ann', { first_name: 'Ann' })")
        page.run("ethogram.track('cart', { product: 'Tea' })")
        until(lambda: part(page, ".box"), 40)
        assert part(page, "#title", ".textContent") == "Tea is waiting"
        assert part(page, "p", ".textContent") == "Hi Ann"
        press(page, ".buttons a")
        manage = {"Authorization": "Bearer mk_demo"}
        wanted = {"inapp_sent", "inapp_delivered", "inapp_opened", "inapp_clicked"}
        until(
            lambda: (
                wanted
                <= {each["name"] for each in server.send("/api/events", headers=manage, method="GET").json["events"]}
            ),
            40,
        )


# --- notifications ------------------------------------------------------------------------------------------------

# The browser's own push service is its maker's, and out of reach here: what it would answer, it is made to answer.
SUBSCRIBE = """
{ let held = null
  PushManager.prototype.getSubscription = async () => held
  PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
    window.asked = [Array.from(applicationServerKey), userVisibleOnly]
    const keys = { p256dh: "B" + "A".repeat(86), auth: "a".repeat(22) }
    held = { endpoint: "https://push.example/1", options: { applicationServerKey: applicationServerKey.buffer },
      toJSON: () => ({ endpoint: "https://push.example/1", expirationTime: null, keys }),
      unsubscribe: async () => { held = null; return true } }
    return held
  } }
"""


def _registered(at: Desk, person: str) -> list[str]:
    with at.ledger.database.reading() as connection:
        found = devices.of(connection, persons.of(connection, [person])).get(person, {})
    return [json.loads(device.address)["endpoint"] for mine in found.values() for device in mine]


def _notifying(at: Desk, site: Site, page: Page) -> str:
    made = new_keys()
    at.save(
        "provider", "browsers",
        {"channel": "webpush", "kind": "webpush", "private_key": made.private, "contact": "mailto:web@shop.example"},
    )  # fmt: skip
    page.on_new_documents(SUBSCRIBE)
    page.browser.send(
        "Browser.grantPermissions", permissions=["notifications"], origin=site.other, browserContextId=page.context
    )
    return made.public


def test_somebody_is_asked_softly_first_and_the_browser_registers(at: Desk, site: Site, page: Page) -> None:
    public = _notifying(at, site, page)
    # Where the permission is given already the browser asks nobody; the soft question comes before all the same.
    page.on_new_documents("Object.defineProperty(Notification, 'permission', { get: () => window.state ?? 'default' })")
    _open(at, site, page, attributes="data-push")
    page.run(
        "ethogram.notify({ title: 'Shall we tell you?', yes: 'Please' }).then((said) => (window.answer = said)), 0"
    )
    appears(page, ".card")
    assert part(page, "#title", ".textContent") == "Shall we tell you?"
    press(page, ".buttons button:last-child")
    until(lambda: page.run("window.answer") == "later")
    assert page.run("ethogram.notify()") == "later"  # not again for a while
    page.run("localStorage.removeItem(Object.keys(localStorage).find((each) => each.endsWith('.asked'))), 0")
    page.run("ethogram.notify({ yes: 'Please' }).then((said) => (window.answer = said)), 0")
    appears(page, ".card")
    press(page, ".buttons .primary")
    until(lambda: page.run("window.answer") == "granted")
    assert _registered(at, "ann") == ["https://push.example/1"]
    asked = page.run("window.asked")
    assert asked[1] is True
    assert page.run(f"btoa(String.fromCharCode(...{asked[0]})).replace(/[+]/g, '-').replace(/[/]/g, '_')") in (
        public, public + "=",
    )  # fmt: skip
    # Who signs in at this browser next has it from then on, and nobody once it is withdrawn.
    page.run("ethogram.identify('bo')")
    until(lambda: (_registered(at, "ann"), _registered(at, "bo")) == ([], ["https://push.example/1"]))
    assert page.run("ethogram.notify(false)") == "off"
    assert _registered(at, "bo") == []


def test_the_worker_shows_what_is_pushed_once_and_leads_where_it_says(at: Desk, site: Site, page: Page) -> None:
    _notifying(at, site, page)
    # The site's own worker is one line; it is served beside the page, the rest comes from here.
    site.page("/ethogram-push.js", f'importScripts("{_host(at)}/ethogram-push.js")', Content_Type="text/javascript")
    _open(at, site, page, attributes="data-push", body="<button data-ethogram-notify>Notify me</button>")
    page.settle()
    page.click("button")
    until(lambda: _registered(at, "ann"))
    page.send("ServiceWorker.enable")
    found = until(
        lambda: (page.browser.last(page.session, "ServiceWorker.workerRegistrationUpdated") or {}).get("registrations")
    )
    number = found[0]["registrationId"]
    told = {"id": "msg_1", "title": "<b>Tea</b>", "body": "is back", "url": f"{_host(at)}/l/x", "image": "javascript:1"}
    here = "navigator.serviceWorker.getRegistration('/ethogram-push/').then((each) => each.getNotifications())"
    seen = f"{here}.then((all) => all.map((each) => [each.title, each.body, each.tag, each.image ?? '']))"
    for data in (told, {**told, "body": "is back again"}, {"title": "not ours"}, "no JSON"):
        text = data if isinstance(data, str) else json.dumps(data)
        page.send("ServiceWorker.deliverPushMessage", origin=site.other, registrationId=number, data=text)
    until(lambda: page.run(seen) == [["<b>Tea</b>", "is back again", "msg_1", ""]])
    worker = _worker(page, site)
    worker("self.opened = []; self.clients.openWindow = async (url) => { self.opened.push(url); return null }; 0")
    pressed = "(all) => { self.dispatchEvent(new NotificationEvent('notificationclick', { notification: all[0] })) }"
    worker(f"self.registration.getNotifications().then({pressed}).then(() => 0)")
    assert worker("self.opened") == [f"{_host(at)}/l/x"]
    assert page.run(seen) == []


def _worker(page: Page, site: Site) -> Any:
    """Runs an expression in the service worker."""
    browser = page.browser
    targets = browser.send("Target.getTargets", filter=[{"type": "service_worker", "exclude": False}])["targetInfos"]
    (mine,) = [each for each in targets if each["url"].startswith(site.other)]
    session = browser.send("Target.attachToTarget", targetId=mine["targetId"], flatten=True)["sessionId"]

    def run(expression: str) -> Any:
        answer = browser.send("Runtime.evaluate", session, expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    return run
