"""All queues of one namespace on one store: start, look-up, time and commit."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from local.servicebus import errors
from local.servicebus.config import ConfigError, NamespaceConfig, QueueConfig
from local.servicebus.queues.duplicates import Seen
from local.servicebus.queues.lifecycle import Lifecycle, Surroundings
from local.servicebus.queues.queue import Queue
from local.servicebus.queues.sessions import SessionQueue
from local.servicebus.queues.store import Store
from local.servicebus.queues.timers import Timers

_log = logging.getLogger(__name__)


class Broker:
    """The queues a configuration names, with what the data directory holds of them."""

    def __init__(self, config: NamespaceConfig, directory: Path, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.timers = Timers()
        self.woken: set[Lifecycle] = set()
        """Queues whose receivers may have work; the service empties it."""
        self._store = Store(directory)
        self._queues: dict[str, Queue] = {}
        around = Surroundings(self._store, self.timers, clock, self.woken.add)
        for queue_config in config.queues:
            self._add_queue(queue_config, around)
        self._restore()

    @property
    def queues(self) -> list[Queue]:
        """Every queue, each dead-letter queue before its queue."""
        return list(self._queues.values())

    def queue(self, name: str) -> Queue:
        """The queue or dead-letter queue at a path, whatever its case. Raises ServiceBusError."""
        queue = self._queues.get(name.lower())
        if queue is None:
            raise errors.entity_not_found(name)
        return queue

    def tick(self) -> None:
        """Do what has become due."""
        self.timers.fire(self.clock())

    def commit(self) -> None:
        """Make every change so far durable."""
        self._store.commit()

    def close(self) -> None:
        self._store.close()

    def _add_queue(self, config: QueueConfig, around: Surroundings) -> None:
        dead_letters = Queue(config, around, None)
        kind = SessionQueue if config.requires_session else Queue
        queue = kind(config, around, dead_letters)
        self._queues[dead_letters.key] = dead_letters
        self._queues[queue.key] = queue

    def _restore(self) -> None:
        unknown: Counter[str] = Counter()
        for key, message_id, seen_at, sequence in self._store.duplicates():
            queue = self._queues.get(key)
            if queue is not None and queue.duplicates is not None:
                queue.duplicates.restore(message_id, Seen(seen_at, sequence))
        for key, session_id, state in self._store.session_states():
            queue = self._queues.get(key)
            if isinstance(queue, SessionQueue):
                queue.restore_state(session_id, state)
        for key, message in self._store.messages():
            queue = self._queues.get(key)
            if queue is None:
                unknown[key] += 1
            elif queue.requires_session and message.session_id is None:
                raise ConfigError(
                    f"queue {queue.name!r} now requires sessions but holds messages without one; "
                    "receive them with the old configuration first or use another data directory"
                )
            else:
                queue.admit(message)
        for key, count in unknown.items():
            _log.warning("%d messages of queue %r stay on disk: no such queue is configured", count, key)
