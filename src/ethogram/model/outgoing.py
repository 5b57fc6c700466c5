"""What people see of what leaves: webhooks, syncs and deliveries. The secrets that sign are no part of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebhookView:
    """Who is told of entries and exits, and how that goes.

    Attributes:
        reason: why nothing is sent, where it is not enabled.
        segments: their names; None is all there are and will be.
        together: how many changes one request may hold.
        behind: how many changes of all segments came since the last one that it was told, or is being told.
        failures: in a row, that were the endpoint's.
        held_until: nothing is sent before.
        old_secret_until: until then the secret before signs too.
    """

    id: int
    url: str
    label: str
    enabled: bool
    reason: str | None
    segments: tuple[str, ...] | None
    changes: tuple[str, ...]
    traits: tuple[str, ...]
    together: int
    behind: int
    failures: int
    failing_since: dt.datetime | None
    held_until: dt.datetime | None
    created_at: dt.datetime
    old_secret_until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class SyncView:
    """Members of a segment that are kept the same elsewhere, and how that goes.

    Attributes:
        file: in the workspace's `sync/`; None for an address.
        mode: `changes` (adds and removes) or `full` (everybody, each time).
        due_at: the next time of its schedule; None: whenever something changes.
        rows: that the target was given when it was synced last.
        trouble: what keeps it from being done.
    """

    id: int
    segment: str
    file: str | None
    url: str | None
    label: str
    format: str
    mode: str
    traits: tuple[str, ...]
    when: str
    due_at: dt.datetime | None
    synced_at: dt.datetime | None
    rows: int | None
    generation: int
    trouble: str | None
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One thing that was sent, is to be sent, or was given up.

    Attributes:
        id: the same at every attempt.
        endpoint: the webhook's number, or that of a sync's endpoint.
        state: `waiting`, `sent` or `dead`: given up after the last attempt.
        status: of the last answer.
        error: of the last attempt.
    """

    id: str
    endpoint: int
    about: str
    state: str
    attempts: int
    status: int | None
    error: str | None
    created_at: dt.datetime
    due_at: dt.datetime
    finished_at: dt.datetime | None
    body: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of sending something now."""

    delivered: bool
    status: int | None
    reason: str | None
