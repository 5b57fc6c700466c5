"""The generated shop: events of people over four hundred days, the same ones on every machine.

Writes a workspace (events, people and traits straight into the warehouse's tables, past the loader, whose speed is
measured by itself) and the same events as Parquet for everybody else. Every value comes from a hash of the person's
number and the event's. People are written in the order of their keys, as a warehouse that has merged its parts holds
them.
"""

# The rows go past the loader, straight into the tables.
# ruff: noqa: SLF001

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import ethogram
from ethogram.runtime import Workspace

AS_OF = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAYS = 400
EVENTS_EACH = 50
# Out of a thousand events.
MIX = {
    "view": 340, "session": 150, "login": 80, "search": 70, "email_sent": 80, "email_opened": 50, "email_clicked": 15,
    "app_opened": 40, "video_watched": 40, "add_to_cart": 45, "push_opened": 20, "checkout_started": 18,
    "purchase": 20, "wishlist_added": 9, "settings_changed": 8, "coupon_used": 4, "survey_answered": 4,
    "support_ticket": 3, "review_written": 2, "refund": 2,
}  # fmt: skip
CATEGORIES = ("books", "toys", "garden", "music", "clothes", "sports", "home", "food")
PROPERTIES = ("amount", "category", "product_id", "device", "duration", "score", "campaign")
_CHUNK = 2_000_000  # events

# Cubic skew: one person in a hundred does a fifth of everything; nobody does more than 5,000 things.
_PEOPLE = """
    SELECT number AS person, concat('p', toString(number)) AS profile_id, sipHash64(profile_id) AS profile,
           (cityHash64(number, 1) % 1000000 + 1) / 1000000 AS rank,
           toUInt32(least(5000, greatest(1, round(17.35 * pow(rank, -2 / 3))))) AS events,
           cityHash64(number, 2) % {days:UInt64} * 0.8 AS born,
           if(cityHash64(number, 3) % 10 < 5, {days:UInt64},
              born + ({days:UInt64} - born) * (cityHash64(number, 4) % 1000 / 1000)) AS gone
    FROM numbers({people:UInt64})"""

_EVENTS = """
    SELECT profile, profile_id,
           addMicroseconds({start:DateTime64(6, 'UTC')}, toInt64(86400000000 *
               (born + if(n = 0, 0, (gone - born) * (cityHash64(person, n, 5) % 100000000 / 100000000))))) AS ts,
           if(n = 0, 'signup', {names:Array(String)}[cityHash64(person, n, 6) % 1000 + 1]) AS event,
           cityHash64(person, n, 7) AS a, cityHash64(person, n, 8) AS b,
           if(event IN ('purchase', 'refund'),
              toFloat64(round(4 * (2 + 160 * pow(a % 10000 / 10000, 3))) / 4), NULL) AS amount,
           if(event IN ('purchase', 'view', 'add_to_cart', 'wishlist_added'),
              {categories:Array(String)}[toUInt8(8 * pow(b % 1000 / 1000, 1.5)) + 1], NULL) AS category,
           if(isNull(category), NULL, toInt64(5000 * pow(a % 100000 / 100000, 2))) AS product_id,
           if(event IN ('session', 'app_opened'),
              ['phone', 'phone', 'desktop', 'desktop', 'tablet'][b % 5 + 1], NULL) AS device,
           if(event = 'session', toInt64(10 + a % 1800), NULL) AS duration,
           if(event = 'survey_answered', toInt64(a % 11), NULL) AS score,
           if(startsWith(event, 'email'), concat('campaign ', toString(b % 40)), NULL) AS campaign
    FROM (SELECT *, arrayJoin(range(events)) AS n FROM people
          WHERE profile >= {low:UInt64} AND profile <= {high:UInt64})"""

_TEXTS = {"category", "device", "campaign"}
_AS_JSON = "concat('{', arrayStringConcat(arrayFilter(x -> x != '', [" + ", ".join(
    f"ifNull(concat('\"{name}\":', " + (f"'\"', {name}, '\"'" if name in _TEXTS else f"toString({name})") + "), '')"
    for name in PROPERTIES
) + "]), ','), '}')"  # fmt: skip


def generate(folder: Path, events: int, as_of: dt.datetime = AS_OF) -> dict[str, int]:
    """What was generated, ending at an instant; a folder that holds as much already is left as it is."""
    done = folder / "generated.json"
    if done.exists():
        found: dict[str, int] = json.loads(done.read_text("utf-8"))
        if found["wanted"] == events:
            return found
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "parquet").mkdir(parents=True)
    with ethogram.init(folder / "workspace") as workspace:
        made = _fill(workspace, folder / "parquet", events, as_of)
    done.write_text(json.dumps(made), "utf-8")
    return made


def _fill(workspace: Workspace, parquet: Path, wanted: int, as_of: dt.datetime) -> dict[str, int]:
    warehouse = workspace._warehouse
    people = max(wanted // EVENTS_EACH, 1)
    start = as_of - dt.timedelta(days=DAYS)
    names = [name for name, share in MIX.items() for _ in range(share)]
    bound = {"names": names, "categories": list(CATEGORIES), "start": start}
    warehouse.command(
        "CREATE TABLE people ENGINE = MergeTree ORDER BY profile AS" + _PEOPLE, {"people": people, "days": DAYS}
    )
    warehouse.command(
        "INSERT INTO profiles (profile, profile_id, known_at) "
        "SELECT profile, profile_id, addMicroseconds({start:DateTime64(6, 'UTC')}, "
        "toInt64(86400000000 * born)) FROM people",
        bound,
    )
    warehouse.command(
        """INSERT INTO profile_traits (profile, ts, traits, unset, message_id, batch)
           SELECT profile, addMicroseconds({start:DateTime64(6, 'UTC')}, toInt64(86400000000 * born)),
                  concat('{"plan":"', ['free', 'free', 'free', 'pro', 'team'][cityHash64(person, 11) % 5 + 1],
                         '","country":"', ['SE', 'NO', 'DE', 'FR', 'GB', 'US'][cityHash64(person, 12) % 6 + 1],
                         '","age":', toString(18 + cityHash64(person, 13) % 60), '}'), [], '', 'bench'
           FROM people""",
        bound,
    )
    warehouse.command(
        "INSERT INTO FUNCTION file({path:String}, 'Parquet') SELECT profile, toString(traits.plan) AS plan, "
        "toString(traits.country) AS country FROM profile_traits",
        {"path": str(parquet / "traits.parquet")},
    )
    chunks = max(1, round(wanted / _CHUNK))
    edge = 2**64 // chunks
    for index in range(chunks):
        within = {**bound, "low": index * edge, "high": 2**64 - 1 if index == chunks - 1 else (index + 1) * edge - 1}
        path = str(parquet / f"events-{index:03}.parquet")
        columns = f"profile, ts, event, {', '.join(PROPERTIES)}"
        flat = f"SELECT {columns} FROM ({_EVENTS}) ORDER BY profile, ts"
        warehouse.command(f"INSERT INTO FUNCTION file({{path:String}}, 'Parquet') {flat}", {**within, "path": path})
        warehouse.command(
            f"INSERT INTO events (profile, ts, event, properties, properties_text, message_id, batch) "
            f"SELECT profile, ts, event, {_AS_JSON} AS sent, sent, toString(cityHash64(profile, ts)), 'bench' "
            f"FROM file({{path:String}}, 'Parquet')",
            {"path": path},
            min_insert_block_size_rows=1_000_000,
            max_insert_threads=2,
        )
    # What one file of a customer looks like, and the same rows as the engine would take them.
    made = warehouse.query("SELECT count(), uniqExact(profile) FROM events")[0]
    return {"wanted": wanted, "events": int(made[0]), "people": int(made[1])}
