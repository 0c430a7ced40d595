"""One request to one endpoint: the validation handshake and the delivery of an event.

Sources: "Webhook event delivery" and "Endpoint validation with CloudEvents schema" (Event Grid docs).
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType

import aiohttp
from yarl import URL

from local.eventgrid.config import FILE_SCHEME, Schema, Subscription
from local.eventgrid.schemas import notification, validation_event
from local.eventgrid.store import Attempt, Delivery, StoredSubscription

RESPONSE_TIMEOUT_S = 30  # then Event Grid queues the event for a retry
HANDSHAKE_TIMEOUT_S = 10
ORIGIN = "eventgrid.azure.net"

_log = logging.getLogger("local.eventgrid")


@dataclass
class Sender:
    """Use as an async context manager; `base` is this part's own address, for validation links."""

    base: str
    sink_dir: Path

    async def __aenter__(self) -> Sender:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def handshake(self, stored: StoredSubscription) -> str | None:
        """Ask the endpoint whether it wants the events; returns what is wrong, or None if it does."""
        try:
            if stored.spec.event_delivery_schema is Schema.CLOUD_EVENTS:
                return await self._ask_by_options(stored)
            return await self._ask_by_code(stored)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as problem:
            return f"{type(problem).__name__}: {problem}"

    async def deliver(self, spec: Subscription, batch: Sequence[Delivery]) -> Attempt:
        """Make one attempt for all events of a batch. A failed connection is an outcome of it, not an exception."""
        if spec.is_file:
            return self._append(spec, batch)
        batched = spec.max_events_per_batch > 1
        payload, headers = notification(batch[0].schema, [delivery.body for delivery in batch], batched=batched)
        headers |= {
            "aeg-event-type": "Notification",
            "aeg-subscription-name": spec.name.upper(),
            "aeg-delivery-count": str(max(delivery.attempts for delivery in batch)),
        }
        try:
            async with self._session.post(
                URL(spec.endpoint, encoded=True),
                data=payload,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=RESPONSE_TIMEOUT_S),
            ) as answer:
                return Attempt(answer.status, _outcome(answer.status))
        except TimeoutError:
            return Attempt(None, "TimedOut")
        except (aiohttp.ClientError, OSError) as problem:
            _log.info("no answer from %s: %s", spec.endpoint_base, problem)
            return Attempt(None, "UnableToConnect")

    async def _ask_by_code(self, stored: StoredSubscription) -> str | None:
        link = f"{self.base}/validate/{stored.spec.name}?code={stored.code}"
        async with self._session.post(
            URL(stored.spec.endpoint, encoded=True),
            data=validation_event(topic_id=stored.spec.topic_id, code=stored.code, url=link),
            headers={
                "content-type": "application/json; charset=utf-8",
                "aeg-event-type": "SubscriptionValidation",
                "aeg-subscription-name": stored.spec.name.upper(),
                "aeg-delivery-count": "0",
            },
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=HANDSHAKE_TIMEOUT_S),
        ) as answer:
            text = await answer.text()
            if answer.status != HTTPStatus.OK:
                return f"the handshake was answered with {answer.status} instead of 200"
        echoed = json.loads(text)
        if not isinstance(echoed, dict) or echoed.get("validationResponse") != stored.code:
            return "the handshake was answered without the validation code in 'validationResponse'"
        return None

    async def _ask_by_options(self, stored: StoredSubscription) -> str | None:
        async with self._session.options(
            URL(stored.spec.endpoint, encoded=True),
            headers={
                "webhook-request-origin": ORIGIN,
                "webhook-request-callback": f"{self.base}/validate/{stored.spec.name}?code={stored.code}",
                "webhook-request-rate": "120",
            },
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=HANDSHAKE_TIMEOUT_S),
        ) as answer:
            allowed = answer.headers.get("webhook-allowed-origin", "")
            if answer.status != HTTPStatus.OK or allowed not in ("*", ORIGIN):
                return f"OPTIONS was answered with {answer.status} and WebHook-Allowed-Origin {allowed!r}"
        return None

    def _append(self, spec: Subscription, batch: Sequence[Delivery]) -> Attempt:
        """One line per event, on disk before the delivery counts as made."""
        file = self.sink_dir / spec.endpoint.removeprefix(FILE_SCHEME)
        try:
            with file.open("a", encoding="utf-8") as stream:
                stream.writelines(json.dumps(delivery.body) + "\n" for delivery in batch)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as problem:
            _log.warning("cannot append to %s: %s", file, problem)
            return Attempt(None, "UnableToWrite")
        return Attempt(HTTPStatus.OK, "OK")


def _outcome(status: int) -> str:
    """BadRequest, NotFound, ...: the names Event Grid writes into dead letters."""
    try:
        return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")
    except ValueError:
        return f"Status{status}"
