"""The action group of the local Azure Monitor: sends alerts to the app, and gives up as soon as Azure's does.

As a secure webhook: a POST in the common alert schema with a token that the action groups' own service identity got
for the app's API. Or as an event of a custom Event Grid topic.

Source of the retries: Azure Monitor, "Action groups", section "Webhook" (docs/azure-facts.md#alerts-of-azure-monitor).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
import uuid
from typing import Any

import httpx

from local.azureml.service.clock import CLOCK
from local.azureml.service.documents import utc_now
from local.azureml.service.store import Document, Store

SERVICE = "azure-monitor"
AUDIENCE = "api://switchyard"
TOPIC = "switchyard-alerts"
TOPIC_KEY = "local"
WEBHOOK, EVENT_GRID = "webhook", "event-grid"

DELAYS_S = (5.0, 20.0, 5.0, 40.0, 5.0)
"""Before each of the five tries that may follow the first."""

LEFT_ALONE_S = 900.0
"""An endpoint that failed all tries is not called for so long; what fires meanwhile is not sent at all."""

_RETRIED = (408, 429, 503, 504)
_REQUEST_TIMEOUT_S = 30.0
_log = logging.getLogger("local.monitor.alerts")


class NotTaken(Exception):
    """The receiver did not take the alert; `for_good` when trying again is no use."""

    def __init__(self, detail: str, *, for_good: bool = False) -> None:
        super().__init__(detail)
        self.for_good = for_good


class ActionGroup:
    """Sends notifications, each until the receiver takes or refuses it or its tries are used up.

    Waits are by the clock of the server. How long something waits is not kept: after a restart it is tried at once.
    """

    def __init__(self, store: Store, *, webhook: str | None, identity: str | None, eventgrid: str | None) -> None:
        self._store = store
        self._webhook = webhook
        self._identity = identity
        self._eventgrid = eventgrid
        self._wake = asyncio.Event()
        self._due: dict[int, float] = {}
        self._left_alone_until: dict[str, float] = {}

    def notify(self, alert: str, body: Document, way: str) -> None:
        """Store a message to be sent; part of the caller's transaction."""
        self._store.write(
            "INSERT INTO notifications (alert, body, way, state) VALUES (?, ?, ?, 'waiting')",
            alert,
            json.dumps(body),
            way,
        )
        self.wake()

    def wake(self) -> None:
        """Look now at what is due: there is a new message, or the clock was put forward."""
        self._wake.set()

    def sent(self, alert: str) -> list[dict[str, Any]]:
        """What became of the messages of an alert, oldest first."""
        rows = self._store.rows("SELECT * FROM notifications WHERE alert = ? ORDER BY seq", alert)
        return [{name: row[name] for name in ("way", "state", "attempts", "detail")} for row in rows]

    async def run(self) -> None:
        """Send until cancelled."""
        async with httpx.AsyncClient(timeout=_REQUEST_TIMEOUT_S, trust_env=False) as client:
            while True:
                self._wake.clear()
                for row in self._waiting():
                    if self._due.get(row["seq"], 0.0) <= CLOCK.monotonic():
                        await self._send(client, row)
                next_at = min((self._due.get(row["seq"], 0.0) for row in self._waiting()), default=None)
                pause = None if next_at is None else max(0.0, next_at - CLOCK.monotonic())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)

    def _waiting(self) -> list[sqlite3.Row]:
        return self._store.rows("SELECT * FROM notifications WHERE state = 'waiting' ORDER BY seq")

    async def _send(self, client: httpx.AsyncClient, row: sqlite3.Row) -> None:
        seq, way, attempts = int(row["seq"]), str(row["way"]), int(row["attempts"])
        if CLOCK.monotonic() < self._left_alone_until.get(way, 0.0):
            self._note(seq, "not sent", "the endpoint is left alone after it failed all tries", attempts)
            return
        body = json.loads(row["body"])
        try:
            detail = await (self._post(client, body) if way == WEBHOOK else self._publish(client, body))
            state = "taken"
        except NotTaken as problem:
            state, detail = "refused" if problem.for_good else "waiting", str(problem)
        except httpx.HTTPError as problem:
            state, detail = "waiting", f"{type(problem).__name__}: {problem}"
        if state == "waiting" and attempts == len(DELAYS_S):
            state, self._left_alone_until[way] = "given up", CLOCK.monotonic() + LEFT_ALONE_S
        elif state == "waiting":
            self._due[seq] = CLOCK.monotonic() + DELAYS_S[attempts]
        self._note(seq, state, detail, attempts + 1)

    def _note(self, seq: int, state: str, detail: str, attempts: int) -> None:
        """What became of a message, or of a try."""
        if state != "waiting":
            self._due.pop(seq, None)
        if state != "taken":
            _log.warning("alert message %d is %s: %s", seq, state, detail)
        with self._store.transaction():
            self._store.write(
                "UPDATE notifications SET state = ?, detail = ?, attempts = ? WHERE seq = ?",
                state,
                detail,
                attempts,
                seq,
            )

    async def _post(self, client: httpx.AsyncClient, body: Document) -> str:
        if self._webhook is None or self._identity is None:
            raise NotTaken("this server was started without --alerts and --identity", for_good=True)
        asked = {"service": SERVICE, "audience": AUDIENCE}
        token = (await client.post(f"{self._identity}/demo/service-token", json=asked)).raise_for_status().json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return _taken(await client.post(self._webhook, json=body, headers=headers))

    async def _publish(self, client: httpx.AsyncClient, body: Document) -> str:
        if self._eventgrid is None:
            raise NotTaken("this server was started without --eventgrid", for_good=True)
        event = {
            "id": str(uuid.uuid4()),
            "subject": body["data"]["essentials"]["alertId"],
            "eventType": "Switchyard.AzureMonitorAlert",
            "eventTime": utc_now(),
            "data": body,
            "dataVersion": "1.0",
        }
        url = f"{self._eventgrid}/topics/{TOPIC}/api/events"
        return _taken(await client.post(url, json=[event], headers={"aeg-sas-key": TOPIC_KEY}))


def _taken(answer: httpx.Response) -> str:
    if not answer.is_success:
        raise NotTaken(f"{answer.status_code}: {answer.text[:300]}", for_good=answer.status_code not in _RETRIED)
    return f"{answer.status_code}: {answer.text[:300]}"
