"""The ledger's tables, once, for SQLite and PostgreSQL alike.

Step of the path: store. It only describes: the modules behind `ledger.py` read and write, `migrations/` creates and
changes. A test holds that the migrations arrive at exactly these tables.
"""

from __future__ import annotations

from ethogram.store.tables.campaigns import campaigns, launches
from ethogram.store.tables.catalogs import catalog_changes, catalog_items, coupons
from ethogram.store.tables.collecting import batches, keys, loads, received, rejected, requests, webhook_sources
from ethogram.store.tables.columns import Instant, metadata
from ethogram.store.tables.consent import addressed, consents, devices, suppressions
from ethogram.store.tables.definitions import definition_versions, definitions
from ethogram.store.tables.endpoints import deliveries, endpoints, syncs, webhooks
from ethogram.store.tables.identities import identities, identity_claims, identity_decisions, identity_moves
from ethogram.store.tables.in_app import in_app
from ethogram.store.tables.journeys import journey_changes, journey_runs, journey_steps, journeys
from ethogram.store.tables.outbox import message_events, message_reports, messages
from ethogram.store.tables.privacy import erasures, tombstones
from ethogram.store.tables.segments import changes, runs, segment_sizes, segment_versions, segments
from ethogram.store.tables.team import invitations, sessions, users
from ethogram.store.tables.workspace import audit, settings

__all__ = [
    "HEAD",
    "Instant",
    "addressed",
    "audit",
    "batches",
    "campaigns",
    "catalog_changes",
    "catalog_items",
    "changes",
    "consents",
    "coupons",
    "definition_versions",
    "definitions",
    "deliveries",
    "devices",
    "endpoints",
    "erasures",
    "identities",
    "identity_claims",
    "identity_decisions",
    "identity_moves",
    "in_app",
    "invitations",
    "journey_changes",
    "journey_runs",
    "journey_steps",
    "journeys",
    "keys",
    "launches",
    "loads",
    "message_events",
    "message_reports",
    "messages",
    "metadata",
    "received",
    "rejected",
    "requests",
    "runs",
    "segment_sizes",
    "segment_versions",
    "segments",
    "sessions",
    "settings",
    "suppressions",
    "syncs",
    "tombstones",
    "users",
    "webhook_sources",
    "webhooks",
]

# The newest revision in `migrations/versions`; a ledger that is already there opens without loading Alembic.
HEAD = "0018"
