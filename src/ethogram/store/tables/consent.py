"""Who may be written to, and where: consent by channel and topic, suppressed addresses, devices."""

from __future__ import annotations

import sqlalchemy as sa

from ethogram.store.tables.columns import LONG, Instant, metadata

# Every choice that was ever recorded; the newest of a profile, channel and topic holds. See `consents.py`.
consents = sa.Table(
    "consents",
    metadata,
    sa.Column("number", LONG, primary_key=True, autoincrement=True),
    sa.Column("profile_id", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),  # empty: the channel as a whole
    sa.Column("subscribed", sa.Boolean, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("source", sa.Text, nullable=False),  # how it was said: one-click, preferences, api, import, stop-word …
    sa.Column("wording", sa.Text, nullable=False),  # the version of the text that was agreed to
    sa.Column("confirmed", sa.Boolean, nullable=False),  # said twice: by whoever has the address, too
    sa.Column("newest", sa.Boolean, nullable=False),  # of its profile, channel and topic; kept by whoever appends
    sa.Column("settled_by", sa.Text),  # the profile that it was joined to when it chose anew
    sa.Index(None, "profile_id", "channel", "topic", "number"),
    sqlite_autoincrement=True,
)

# Addresses that nothing is sent to, whoever has them.
suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),  # normalised: see `store/suppressions.py`
    sa.Column("reason", sa.Text, nullable=False),  # bounced, complained, unsubscribed, imported …
    sa.Column("at", Instant, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
)

# Which message of a launch goes to an address: two profiles with one address get one message.
addressed = sa.Table(
    "addressed",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # a hash of the launch, the channel and the address
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "at"),
)

# Phones and browsers that take notifications.
devices = sa.Table(
    "devices",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # derived from the channel and the address
    sa.Column("profile_id", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("platform", sa.Text, nullable=False),  # fcm, apns, web …
    sa.Column("address", sa.Text, nullable=False),  # a token, or a subscription as JSON
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("end_reason", sa.Text),
    sa.Index(None, "profile_id", "channel"),
)
