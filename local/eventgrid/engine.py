"""From accepted event to delivered event: one worker per subscription, so that a stuck endpoint delays only itself."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from local.conventions import stop_if_broken
from local.eventgrid.config import Faults, Subscription
from local.eventgrid.names import same_topic
from local.eventgrid.retry import TIME_TO_LIVE_EXCEEDED, Dead, Delivered, Retry, expired, judge
from local.eventgrid.schemas import Event
from local.eventgrid.sender import Sender
from local.eventgrid.store import ACTIVE, Attempt, Delivery, NewDelivery, Store, StoredSubscription

REQUESTS_PER_SUBSCRIPTION = 16
LOOK_AHEAD = 5000  # the largest batch; what waits behind it is not read yet
HANDSHAKE_INTERVAL_S = 1.0
LONGEST_SLEEP_S = 60.0  # looks at the clock at least this often, should it be set

_log = logging.getLogger("local.eventgrid")


@dataclass
class Worker:
    """Validates the endpoint of one subscription, then delivers what is due, until the subscription is deleted."""

    name: str
    store: Store
    sender: Sender
    retry_scale: float
    dead_letter_written: asyncio.Event
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _requests: set[asyncio.Task[None]] = field(default_factory=set)
    _in_flight: set[int] = field(default_factory=set)
    """Deliveries that are part of a request under way."""

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        try:
            while stored := self.store.subscription(self.name):
                self._wake.clear()
                pause_s = self._start_due(stored.spec) if stored.state == ACTIVE else await self._validate(stored)
                await self._sleep(pause_s)
        finally:
            for task in self._requests:
                task.cancel()

    async def _validate(self, stored: StoredSubscription) -> float:
        problem = await self.sender.handshake(stored)
        if problem:
            if problem != stored.problem:
                _log.warning("%s awaits validation: %s", self.name, problem)
            self.store.set_subscription_state(self.name, stored.code, stored.state, problem)
            return HANDSHAKE_INTERVAL_S
        self.store.set_subscription_state(self.name, stored.code, ACTIVE)
        _log.info("%s is active: %s", self.name, stored.spec.endpoint_base)
        return 0

    def _start_due(self, spec: Subscription) -> float:
        """Start the deliveries that are due; returns the seconds until the next one falls due."""
        now = time.time()
        room = REQUESTS_PER_SUBSCRIPTION - len(self._requests)
        limit = min(room * spec.max_events_per_batch, LOOK_AHEAD)
        due = self.store.due(self.name, now=now, limit=limit, skip=self._in_flight)
        alive = [delivery for delivery in due if not self._buried(delivery, spec, now)]
        for batch in batches(alive, spec)[:room]:
            task = asyncio.create_task(self._deliver(spec, batch), name=f"delivery of {self.name}")
            self._requests.add(task)
            self._in_flight.update(delivery.id for delivery in batch)
            task.add_done_callback(self._requests.discard)
            task.add_done_callback(stop_if_broken)
        if len(self._requests) >= REQUESTS_PER_SUBSCRIPTION:
            return LONGEST_SLEEP_S  # the next one to finish wakes this worker
        due_at = self.store.next_due_at(self.name, skip=self._in_flight)
        return LONGEST_SLEEP_S if due_at is None else max(0.0, due_at - time.time())

    async def _deliver(self, spec: Subscription, batch: Sequence[Delivery]) -> None:
        attempt = await self.sender.deliver(spec, batch)
        with self.store.together():
            for delivery in batch:
                self._note(spec, delivery, attempt)
        self._in_flight.difference_update(delivery.id for delivery in batch)
        self._requests.discard(asyncio.current_task())
        self.wake()

    def _note(self, spec: Subscription, delivery: Delivery, attempt: Attempt) -> None:
        """Write down what follows from an attempt for one event."""
        made = delivery.attempts + 1
        jitter = random.random()  # nosec B311 # a delay, not a secret
        match judge(attempt, made=made, spec=spec, scale=self.retry_scale, jitter=jitter):
            case Delivered():
                self.store.mark_delivered(delivery, attempt)
            case Retry(delay_s):
                _log.info(
                    "%s: event %s, attempt %d: %s; again in %.1f s",
                    self.name, delivery.event_id, made, attempt.outcome, delay_s,
                )  # fmt: skip
                self.store.mark_retry(delivery, attempt, due_at=time.time() + delay_s)
            case Dead(reason):
                self.store.mark_dead(delivery, attempt, reason=reason)
                self._report_dead(delivery, reason)

    def _buried(self, delivery: Delivery, spec: Subscription, now: float) -> bool:
        """Whether an event was too old for another attempt, and is a dead letter now."""
        too_old = expired(delivery, spec, now=now, scale=self.retry_scale)
        if too_old:
            self.store.mark_expired(delivery, reason=TIME_TO_LIVE_EXCEEDED)
            self._report_dead(delivery, TIME_TO_LIVE_EXCEEDED)
        return too_old

    def _report_dead(self, delivery: Delivery, reason: str) -> None:
        _log.warning("%s: event %s is dead: %s", self.name, delivery.event_id, reason)
        self.dead_letter_written.set()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(min(seconds, LONGEST_SLEEP_S)):
                await self._wake.wait()
        except TimeoutError:
            return


def batches(due: Sequence[Delivery], spec: Subscription) -> list[list[Delivery]]:
    """What is due, as requests: in order, one schema each, within the subscription's limits of number and size."""
    limit_bytes = spec.preferred_batch_size_in_kilobytes * 1024
    made: list[list[Delivery]] = []
    room = 0
    for delivery in due:
        size = len(json.dumps(delivery.body)) if spec.max_events_per_batch > 1 else 0
        batch = made[-1] if made else []
        if batch and len(batch) < spec.max_events_per_batch and size <= room and batch[0].schema == delivery.schema:
            batch.append(delivery)
            room -= size
        else:  # an event above the preferred size travels alone
            made.append([delivery])
            room = limit_bytes - size
    return made


@dataclass
class Engine:
    """Accepts events and keeps a worker running for every subscription."""

    store: Store
    sender: Sender
    retry_scale: float = 1.0
    dead_letter_written: asyncio.Event = field(default_factory=asyncio.Event)
    faults: Faults = field(default_factory=Faults)
    _random: random.Random = field(default_factory=random.Random)
    _workers: dict[str, tuple[Worker, asyncio.Task[None]]] = field(default_factory=dict)

    def start(self) -> None:
        for stored in self.store.subscriptions():
            self._work(stored.spec.name)

    async def stop(self) -> None:
        """Cancel the workers; deliveries under way are tried again at the next start."""
        tasks = [task for _, task in self._workers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def set_faults(self, faults: Faults) -> None:
        self.faults = faults
        self._random = random.Random(faults.seed)  # nosec B311 # faults, not secrets

    def subscribe(self, spec: Subscription) -> StoredSubscription:
        stored = self.store.put_subscription(spec)
        self._work(spec.name)
        return stored

    def unsubscribe(self, name: str) -> bool:
        deleted = self.store.delete_subscription(name)
        if deleted:
            self._workers[name][0].wake()
        return deleted

    def publish(self, topic_id: str, events: Iterable[Event]) -> None:
        """Commit one delivery per event and subscription that wants it; returns when they are safe."""
        specs = [s.spec for s in self.store.subscriptions() if same_topic(s.spec.topic_id, topic_id)]
        planned = [
            delivery
            for event in events
            for spec in specs
            if spec.wants(event.type, event.body)
            for delivery in self._planned(event, spec)
        ]
        self.store.add(planned)
        for name in {delivery.subscription for delivery in planned}:
            self._workers[name][0].wake()

    def _planned(self, event: Event, spec: Subscription) -> list[NewDelivery]:
        """Usually one delivery, at once; with faults switched on none, two, or some that wait."""
        if self._random.random() * 100 < self.faults.drop_pct:
            return []
        copies = 2 if self._random.random() * 100 < self.faults.duplicate_pct else 1
        schema, body = event.delivered_as(spec.event_delivery_schema)
        return [
            NewDelivery(
                subscription=spec.name,
                event_id=event.id,
                event_type=event.type,
                schema=schema,
                body=body,
                due_at=time.time() + self._random.random() * self.faults.reorder_window_s,
            )
            for _ in range(copies)
        ]

    def _work(self, name: str) -> None:
        if name in self._workers and not self._workers[name][1].done():
            self._workers[name][0].wake()
            return
        worker = Worker(name, self.store, self.sender, self.retry_scale, self.dead_letter_written)
        task = asyncio.create_task(worker.run(), name=f"worker {name}")
        task.add_done_callback(stop_if_broken)
        self._workers[name] = (worker, task)
