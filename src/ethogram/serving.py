"""Composition of a server: collectors, the mover and the web application in one process, or apart by role.

Opens what a role needs, runs it, closes it. `all` owns the warehouse and takes events; `collect` takes events beside
another process; `work` owns the warehouse and takes none. Each stage keeps its own state in the stores, so any of them
may be killed at any instant.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

from ethogram.clock import Clock, SystemClock
from ethogram.collecting import Collector, Failed, Kept, Keys
from ethogram.delivering import Delivering, Sources
from ethogram.engaged import Engaged
from ethogram.receiving import Receiver
from ethogram.registering import Registering
from ethogram.returning import Returning
from ethogram.runtime import Workspace
from ethogram.showing import Showing
from ethogram.subscribing import Subscriptions
from ethogram.team import Team
from ethogram.tracking import Tracking
from ethogram.web import elsewhere, returns
from ethogram.web.access import Access
from ethogram.web.answers import Asgi
from ethogram.web.app import App
from ethogram.web.ingest import Ticket, settle
from ethogram.web.metrics import Metrics
from ethogram.web.preferences import application as preferences
from ethogram.web.server import bound, run
from ethogram.web.sources import PREFIX, Webhooks
from ethogram.web.tracking import MOUNTS as TRACKED
from ethogram.web.tracking import Tracked
from ethogram.web.visitors import DEVICES, MESSAGES, Visitors
from ethogram.workers import Worker, collect_rarely

_PRUNE_EVERY = dt.timedelta(hours=1)


class Role(StrEnum):
    """What a process does."""

    ALL = "all"
    COLLECT = "collect"
    WORK = "work"


class Moving:
    """The step that brings what waits to the warehouse and keeps memberships right."""

    def __init__(self, workspace: Workspace, metrics: Metrics, clock: Clock) -> None:
        self._workspace = workspace
        self._metrics = metrics
        self._clock = clock
        self._pruned_at: dt.datetime | None = None
        self._behind = False

    def __call__(self) -> bool:
        """Moves one block, unless stored ones wait to be evaluated, and takes one tick; whether there may be more."""
        # What waits meanwhile comes in one block: the larger, the less each of its events costs.
        moved = None if self._behind else self._workspace.collect()
        self._behind = False  # so that blocks are stored also where evaluating fails
        if moved is not None:
            self._metrics.count("ethogram_moved_total", "messages", moved.messages)
            self._metrics.count("ethogram_moved_total", "rows", moved.rows)
        ticked = self._workspace.keep_live()
        self._metrics.count("ethogram_membership_changes_total", "entered", ticked.entered)
        self._metrics.count("ethogram_membership_changes_total", "left", ticked.left)
        self._behind = ticked.behind
        erased = self._workspace.privacy.carry_on()
        now = self._clock.now()
        if self._pruned_at is None or now - self._pruned_at >= _PRUNE_EVERY:
            self._workspace.prune()
            self._pruned_at = now
        return bool(moved and moved.messages) or ticked.more or erased


def serve(
    path: Path,
    *,
    host: str,
    port: int,
    role: Role = Role.ALL,
    senders: int = 0,
    announce: Callable[[str], None],
    welcome: Callable[[str], None] = lambda _: None,
    clock: Clock | None = None,
) -> None:
    """Runs a server on a workspace until it is told to stop.

    Args:
        port: 0 is any free one.
        senders: how many processes write messages and give them to providers; 0 does both in this one.
        announce: called with the server's address when it listens.
        welcome: called with the link that makes the console's first user, while there is none.

    Raises:
        WorkspaceBusyError: another process owns the warehouse; `--role collect` needs none.
        SettingError: the address cannot be used.
    """
    chosen = clock or SystemClock()
    metrics = Metrics()
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(bound(host, port))
        workspace = stack.enter_context(Workspace(path, clock=chosen)) if role is not Role.COLLECT else None
        workers = _workers(workspace, metrics, chosen) if workspace is not None else []
        delivering = stack.enter_context(_delivering(workspace, metrics, chosen)) if workspace is not None else None
        engaged = stack.enter_context(_engaged(workspace, metrics, chosen, senders)) if workspace is not None else None
        if delivering is not None:
            workers += _deliverers(delivering)
        if engaged is not None:
            workers += _engagers(engaged)
        for worker in reversed(workers):  # the first one ends first: the others see what it has done
            stack.callback(worker.stop)
        if delivering is not None:
            stack.callback(delivering.end)
        if engaged is not None:
            stack.callback(engaged.end)

        moving = workers[:1]

        def answer(settled: Sequence[tuple[Ticket, Kept | Failed]]) -> None:
            settle(settled)
            for worker in moving:
                worker.wake()

        def start() -> None:
            for worker in workers:
                worker.start()

        mounts, ending = _asking(stack, workspace, metrics, chosen)
        collector: Collector[Ticket] | None = None
        if role is not Role.WORK:
            collector = Collector(path, answer, clock=chosen)
            noting = Worker("noting what was rejected", collector.note_rejected, poll=1.0)
            workers.append(noting)
            stack.callback(noting.stop)
        if collector is not None:
            receiver = Receiver(path, clock=chosen)
            stack.callback(receiver.close)
            mounts[PREFIX] = Webhooks(collector, receiver, metrics)
            tracking = Tracking(path, clock=chosen)
            stack.callback(tracking.close)
            mounts.update(dict.fromkeys(TRACKED, Tracked(tracking)))
            showing, registering = Showing(path, clock=chosen), Registering(path, clock=chosen)
            stack.callback(showing.close)
            stack.callback(registering.close)
            mounts.update(dict.fromkeys((MESSAGES, DEVICES), Visitors(collector, showing, registering, metrics)))
        returning = Returning(path, clock=chosen)
        stack.callback(returning.close)
        access = Access(stack.enter_context(Keys(path, clock=chosen)), chosen)
        mounts |= returns.mounts(returning, access, metrics)
        mounts |= preferences.mounts(stack.enter_context(Subscriptions(path, clock=chosen)))
        app = App(
            collector=collector,
            backlog=collector.depth if collector is not None else _backlog(workspace),
            metrics=metrics,
            trouble=lambda: next(
                (worker.trouble for worker in workers if worker.trouble is not None),
                engaged.trouble() if engaged is not None else None,
            ),
            started=start,
            stopped=collector.close if collector is not None else _nothing,
            ending=ending,
            mounts=mounts,
            gauges=lambda: {
                **(delivering.gauges() if delivering is not None else {}),
                **(engaged.gauges() if engaged is not None else {}),
            },
        )
        address = listening.getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        url = f"http://{shown}:{address[1]}"
        token = None
        if workspace is not None:
            with Team(path, clock=chosen) as team:
                token = team.first_token()
        collect_rarely()

        def ready() -> None:
            announce(url)  # whoever waits for this may do anything to the process from now on
            if token is not None:
                welcome(f"{url}/console/welcome/{token}")

        run(app, listening, ready)


def _workers(workspace: Workspace, metrics: Metrics, clock: Clock) -> list[Worker]:
    """What works by itself beside the requests; the first is woken when something was kept."""
    return [Worker("moving to the warehouse", Moving(workspace, metrics, clock))]


def _delivering(workspace: Workspace, metrics: Metrics, clock: Clock) -> Delivering:
    """What sends, with what it needs of the warehouse."""

    def members(name: str) -> list[str]:
        return list(map(str, workspace.members(name).column(0).to_pylist()))

    sources = Sources(members, lambda ids, entity, names: workspace.traits(ids, names, entity=entity))
    return Delivering(
        workspace.path,
        sources,
        clock=clock,
        counted=lambda outcome: metrics.count("ethogram_deliveries_total", outcome),
    )


def _deliverers(delivering: Delivering) -> list[Worker]:
    sending = Worker("sending", delivering.send)
    delivering.wake = sending.wake
    return [sending, Worker("keeping other systems in step", delivering.mirror, poll=0.5)]


def _engaged(workspace: Workspace, metrics: Metrics, clock: Clock, senders: int) -> Engaged:
    """What decides about messages and sends them."""
    return Engaged(
        workspace,
        clock=clock,
        senders=senders,
        counted=lambda state, count: metrics.count("ethogram_messages_total", state, count),
    )


def _engagers(engaged: Engaged) -> list[Worker]:
    sending = Worker("sending messages", engaged.send, poll=0.25)
    engaged.wake = sending.wake
    return [
        Worker("deciding about messages", engaged.decide, poll=0.5),
        sending,
        Worker("telling what became of messages", engaged.tell, poll=0.5),
    ]


def _asking(
    stack: contextlib.ExitStack, workspace: Workspace | None, metrics: Metrics, clock: Clock
) -> tuple[dict[str, Asgi], Callable[[], None]]:
    """What answers questions, by address, and what ends the answers that have no end."""
    if workspace is None:
        return elsewhere.applications(), _nothing
    from ethogram.web.asking import asking  # a process that only collects starts without its framework

    keys = stack.enter_context(Keys(workspace.path, clock=clock))
    team = stack.enter_context(Team(workspace.path, clock=clock))
    found = asking(workspace, keys, team, clock=clock, metrics=metrics)
    stack.callback(found.close)
    return found.mounts, found.end


def _backlog(workspace: Workspace | None) -> Callable[[], tuple[int, dt.timedelta]]:
    assert workspace is not None
    return workspace.backlog


def _nothing() -> None:
    """A role that has nothing to finish."""
