"""A workspace in which everything that somebody else supplies is an attack on whoever looks at it."""

from __future__ import annotations

import json
from pathlib import Path

import ethogram as eg
from ethogram.catalogs import Catalogs
from ethogram.clock import ManualClock
from ethogram.collecting import Keys
from ethogram.engagement import Definitions

PAYLOADS = (
    '<script>alert("x")</script>',
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "javascript:alert(1)",
    "</textarea><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe",
)


def hostile(place: Path, clock: ManualClock) -> Path:
    """The workspace, closed."""
    eg.init(place, clock=clock).close()
    with Keys(place, clock=clock) as keys:
        keys.add("write", label=PAYLOADS[0], value="wk_demo")
    now = clock.now().isoformat()
    lines = []
    for number, payload in enumerate(PAYLOADS):
        properties = {"amount": number, payload: payload, "page": payload}
        lines.append({"profile_id": f"p{number}{payload}", "event": payload, "timestamp": now, **properties})
        lines.append({"profile_id": f"p{number}{payload}", "event": "purchase", "timestamp": now, "amount": 10})
    events = place.parent / "events.jsonl"
    events.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    people = place.parent / "people.jsonl"
    people.write_text(
        "\n".join(
            json.dumps({"profile_id": f"p{number}{payload}", "name": payload, "email": payload, payload: payload})
            for number, payload in enumerate(PAYLOADS)
        ),
        "utf-8",
    )
    with eg.open(place, clock=clock) as shop:
        shop.load_events(events)
        shop.load_profiles(people)
        shop.segments.save("buyers", "did(purchase)", description=PAYLOADS[1])
        shop.segments.save("others", "not did(purchase)", description=PAYLOADS[0])
        shop.run()
    with Definitions(place, clock=clock) as definitions:
        definitions.save("topic", "news", {"title": PAYLOADS[0], "description": PAYLOADS[1]})
        definitions.save(
            "template", "hello", {"channel": "email", "subject": PAYLOADS[0], "html": f"<p>{PAYLOADS[1]}</p>"}
        )
        definitions.save("catalog", "products", {"description": PAYLOADS[0]})
        definitions.save(
            "campaign",
            "spring",
            {
                "channel": "email",
                "template": "hello",
                "topic": "news",
                "description": PAYLOADS[4],
                "audience": {"in": ["buyers"]},
                "when": {"now": True},
                "holdout": 0.1,
                "conversion": {"event": "purchase", "within": "7 days", "revenue": "amount"},
            },
        )
        definitions.save(
            "journey",
            "again",
            {
                "description": PAYLOADS[0],
                "entry": {"event": "purchase"},
                "steps": [
                    {"name": "later", "delay": "1 hour"},
                    {"name": "say", "message": {"channel": "email", "template": "hello", "topic": "news"}},
                ],
            },
        )
    with Catalogs(place, clock=clock) as catalogs:
        catalogs.put("products", [{"id": payload, "title": payload, payload: payload} for payload in PAYLOADS])
    return place
