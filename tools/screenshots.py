"""What `make screenshots` runs: pictures of the console's pages, at three widths, light and dark, into `docs/img`.

Makes the generated shop of `examples/` as if its last sale were now, with ready segments run once a week, a campaign
and a journey, starts a server on it as a user would, and walks through the pages with the browser of the tests.
Nothing is retouched.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parent.parent
sys.path.insert(0, str(PROJECT / "tests"))

import ethogram as eg  # noqa: E402
from console.walking import chromium, walking  # noqa: E402
from ethogram import documents, generated_shop  # noqa: E402
from ethogram.applying import Applying  # noqa: E402
from ethogram.engagement import Definitions  # noqa: E402

PAGES = {
    "home": "/console/",
    "segments": "/console/segments",
    "segment": "/console/segments/repeat-buyers",
    "builder": "/console/segments/repeat-buyers/edit",
    "people": "/console/people",
    "person": "/console/people/generated-0003",
    "why": "/console/people/generated-0003/segments?segment=cart-abandoned",
    "events": "/console/events",
    "event": "/console/events/order_completed",
    "explore": "/console/explore/trends?event=order_completed",
    "funnel": "/console/explore/funnels?step=product_viewed&step=product_added&step=order_completed",
    "campaigns": "/console/campaigns",
    "campaign": "/console/campaigns/win-back",
    "campaign-form": "/console/campaigns/win-back/edit",
    "journeys": "/console/journeys",
    "journey": "/console/journeys/abandoned-cart",
    "template": "/console/templates/come-back",
    "experiments": "/console/experiments",
    "outbox": "/console/outbox",
    "settings": "/console/settings",
    "team": "/console/settings/team",
    "start": "/console/start",
}
SHOWN_LATE = {"builder": "#size .counted"}  # what a script asks for after the page is there
WIDTHS = (1280, 768, 360)
WEEKS = 9
DEFINITIONS = """\
providers:
  test: {channel: email, kind: recording}
topics:
  news: {title: Our news}
templates:
  come-back:
    channel: email
    subject: "{{ city | default: 'Hello' }}, we have something new"
    mjml: |
      <mjml><mj-body background-color="#f4f6f6"><mj-section background-color="#ffffff" padding="32px"><mj-column>
        <mj-text font-size="22px">Hello from {{ city | default: 'the shop' }}</mj-text>
        <mj-text font-size="15px" line-height="24px">Here is ten per cent off what you like.</mj-text>
        <mj-button background-color="#0f766e" href="https://shop.example">To the shop</mj-button>
        <mj-text font-size="12px"><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
      </mj-column></mj-section></mj-body></mjml>
campaigns:
  win-back:
    channel: email
    template: come-back
    description: Brings lapsed buyers back
    audience: {in: [lapsed-buyers]}
    when: {now: true}
    holdout: 10%
    conversion: {event: order_completed, within: 7 days, revenue: total}
journeys:
  abandoned-cart:
    description: Reminds of what was left in the cart
    entry: {event: product_added}
    again: 3 days
    holdout: 10%
    exits: [{event: order_completed, reason: bought}]
    steps:
    - {name: an-hour, delay: 1 hour}
    - name: remind
      message: {channel: email, template: come-back, topic: news, conversion: {event: order_completed, within: 3 days}}
    - {name: a-day, delay: 1 day}
    - name: again
      message: {channel: email, template: come-back, topic: news}
"""


def made(folder: Path) -> Path:
    """The workspace that the pictures show."""
    place = folder / "shop"
    now = dt.datetime.now(dt.UTC)
    events, profiles, accounts = generated_shop.write(folder, generated_shop.moved(generated_shop.generate(), now))
    eg.init(place, timezone="Europe/London", public_url="https://shop.example", currency="GBP").close()
    with eg.open(place) as shop:
        shop.load_events(events)
        shop.load_profiles(profiles)
        shop.load_accounts(accounts)
        shop.apply_ready()
        for weeks in reversed(range(1, WEEKS)):
            shop.run(as_of=now - dt.timedelta(weeks=weeks))
        shop.run()
        with Definitions(place) as definitions:
            given = documents.documents([("screenshots", documents.parse(DEFINITIONS, "screenshots"))])
            Applying(shop, definitions).apply(given)
    return place


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", type=Path, default=PROJECT / "docs" / "img")
    arguments.add_argument("--only", nargs="*", choices=PAGES, help="some of the pages")
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        place = made(Path(temporary))
        with walking(browser, place) as walk:
            walk.begin()
            for name, address in PAGES.items():
                if given.only and name not in given.only:
                    continue
                for scheme in ("light", "dark"):
                    walk.page.emulate_media(color_scheme=scheme)
                    for width in WIDTHS:
                        walk.page.set_viewport_size({"width": width, "height": 900})
                        walk.goto(address)
                        if name in SHOWN_LATE:
                            walk.page.wait_for_selector(SHOWN_LATE[name])
                        for frame in walk.page.frames[1:]:
                            frame.wait_for_load_state()
                        file = given.folder / f"{name}-{width}-{scheme}.png"
                        walk.page.screenshot(path=file, full_page=False, animations="disabled")
                print(f"{name}: {address}")
            for complaint in sorted(set(walk.said)):
                print(f"the browser said: {complaint}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
