"""The warehouse's tables: names, columns, keys. One place, so that a query and a table cannot disagree.

Step of the path: store. It only describes; `warehouse.py` creates, `loader.py` fills, `segment/` reads.

Everything hangs on a 64-bit key: `sipHash64(profile_id)` for a profile, `sipHash64('account:' + account_id)` for an
account. Keys are computed by the engine, so any number of loaders agree without asking each other; the loader
refuses an id whose key another id holds already. Rows of a profile also keep their `origin`, the key of the id that
they came under: an anonymous id that is joined to a person gives its rows to that profile, and can be parted again.
"""

from __future__ import annotations

import datetime as dt

# DateTime64(6) holds more, but sorting, partition pruning and months arithmetic are exact only inside this range.
EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2299, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)
# "Never due": what `due_at` holds when time alone changes nothing.
NEVER = LATEST

INSTANT = "DateTime64(6, 'UTC')"

# How an id came, as `profiles.known` says it; what is in a file says nothing of that.
ANONYMOUS, USER = 1, 2
# Conditions: on a group of rows of `profiles`, that it is somebody; on a row of facts, that it counts.
HERE = "max(gone) % 2 = 0"
COUNTS = "profile NOT IN (SELECT profile FROM left_behind)"

# Small granules and compressed blocks: the rows of a few people are read without much of their neighbours' (half the
# time that it takes with granules of 1,024 rows; everybody's take no longer, and the tables grow by nothing). Blocks of
# rows carry a deduplication token; the engine remembers this many of them per table. Live blocks are small parts,
# several a second: the engine merges more of them at once, and so less often, than by itself (its base is 5).
_FACTS = (
    "index_granularity = 256, min_compress_block_size = 16384, non_replicated_deduplication_window = 10000, "
    "fsync_after_insert = 1, fsync_part_directory = 1, merge_selector_base = 20"
)

TABLES: dict[str, str] = {
    # What people did. Sorted by person, then time: one person's history is one contiguous read. Properties are kept
    # twice: as columns for reading one of everybody's, and as text for reading all of a few people's.
    "events": f"""
        CREATE TABLE IF NOT EXISTS events (
            profile UInt64,
            ts {INSTANT},
            event LowCardinality(String),
            properties JSON(max_dynamic_paths = 256),
            properties_text String DEFAULT toString(properties),
            message_id String CODEC(ZSTD),
            origin UInt64 DEFAULT profile,
            batch LowCardinality(String),
            INDEX ts_range ts TYPE minmax GRANULARITY 16
        ) ENGINE = MergeTree ORDER BY (profile, ts) SETTINGS {_FACTS}""",
    # What is known of people, as changes over time, so that any past instant can be asked.
    "profile_traits": f"""
        CREATE TABLE IF NOT EXISTS profile_traits (
            profile UInt64,
            ts {INSTANT},
            traits JSON(max_dynamic_paths = 256),
            traits_text String DEFAULT toString(traits),
            unset Array(String),
            message_id String CODEC(ZSTD),
            origin UInt64 DEFAULT profile,
            batch LowCardinality(String),
            INDEX ts_range ts TYPE minmax GRANULARITY 16
        ) ENGINE = MergeTree ORDER BY (profile, ts) SETTINGS {_FACTS}""",
    "account_traits": f"""
        CREATE TABLE IF NOT EXISTS account_traits (
            account UInt64,
            ts {INSTANT},
            traits JSON(max_dynamic_paths = 256),
            traits_text String DEFAULT toString(traits),
            unset Array(String),
            message_id String CODEC(ZSTD),
            batch LowCardinality(String),
            INDEX ts_range ts TYPE minmax GRANULARITY 16
        ) ENGINE = MergeTree ORDER BY (account, ts) SETTINGS {_FACTS}""",
    # Who there is: the id behind a key, since when it is known (the earliest event or trait change), and how it came:
    # in a file only (0), as an anonymous id, or as `userId`. `gone` is twice the number of the last move that concerned
    # it, and one more where everything has left for another profile.
    "profiles": f"""
        CREATE TABLE IF NOT EXISTS profiles (
            profile UInt64,
            profile_id SimpleAggregateFunction(any, String),
            known_at SimpleAggregateFunction(min, {INSTANT}),
            known SimpleAggregateFunction(max, UInt8),
            gone SimpleAggregateFunction(max, UInt64)
        ) ENGINE = AggregatingMergeTree ORDER BY profile SETTINGS {_FACTS}""",
    # Profiles that everything has left, and whose rows are still to be removed; see `joining.py`.
    "left_behind": f"""
        CREATE TABLE IF NOT EXISTS left_behind (
            profile UInt64,
            number UInt64
        ) ENGINE = MergeTree ORDER BY profile SETTINGS {_FACTS}""",
    "accounts": f"""
        CREATE TABLE IF NOT EXISTS accounts (
            account UInt64,
            account_id SimpleAggregateFunction(any, String),
            known_at SimpleAggregateFunction(min, {INSTANT})
        ) ENGINE = AggregatingMergeTree ORDER BY account SETTINGS {_FACTS}""",
    # One row per profile (or account): the numbers of its segments, and when it must be looked at again.
    "memberships": f"""
        CREATE TABLE IF NOT EXISTS memberships (
            key UInt64,
            segments Array(UInt32),
            due_at {INSTANT},
            evaluated_at {INSTANT},
            revision UInt64
        ) ENGINE = ReplacingMergeTree(revision) ORDER BY key SETTINGS {_FACTS}""",
    # Every entry and exit, for ever, with what caused it.
    "membership_changes": f"""
        CREATE TABLE IF NOT EXISTS membership_changes (
            key UInt64,
            segment UInt32,
            at {INSTANT},
            change Enum8('left' = 0, 'entered' = 1),
            cause LowCardinality(String),
            version UInt32,
            run UInt64
        ) ENGINE = MergeTree ORDER BY (key, segment, at) SETTINGS {_FACTS}""",
}

# Columns that warehouses of earlier versions lack; parts written before are filled in as they are read.
ADDED = (
    *(
        f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {sent}_text String DEFAULT toString({sent}) AFTER {sent}"
        for table, sent in (("events", "properties"), ("profile_traits", "traits"), ("account_traits", "traits"))
    ),
    *(
        f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS origin UInt64 DEFAULT profile AFTER message_id"
        for table in ("events", "profile_traits")
    ),
    "ALTER TABLE profiles ADD COLUMN IF NOT EXISTS known SimpleAggregateFunction(max, UInt8) AFTER known_at",
    "ALTER TABLE profiles ADD COLUMN IF NOT EXISTS gone SimpleAggregateFunction(max, UInt64) AFTER known",
)

# Tables that hold what was loaded; a rebuild refills these and leaves membership alone.
FACT_TABLES = ("events", "profile_traits", "account_traits", "profiles", "accounts", "left_behind")


def profile_key(id_sql: str) -> str:
    """The SQL of a profile's key, given the SQL of its id."""
    return f"sipHash64({id_sql})"


def account_key(id_sql: str) -> str:
    """The SQL of an account's key, given the SQL of its id."""
    return f"sipHash64(concat('account:', {id_sql}))"
