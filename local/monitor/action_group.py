"""The action group of the local Azure Monitor: sends alerts to the app until it takes them.

As a secure webhook: a POST in the common alert schema with a token that the action groups' own service identity got
for the app's API. Or as an event of a custom Event Grid topic. Tried again on anything that may pass; after any other
refusal it is given up, as in Azure.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from typing import Any

import httpx

from local.azureml.service.documents import utc_now
from local.azureml.service.store import Document, Store

SERVICE = "azure-monitor"
AUDIENCE = "api://switchyard"
TOPIC = "switchyard-alerts"
TOPIC_KEY = "local"
WEBHOOK, EVENT_GRID = "webhook", "event-grid"

_FIRST_RETRY_S, _LAST_RETRY_S = 0.3, 10.0
_REQUEST_TIMEOUT_S = 30.0
_REFUSALS = (400, 401, 403, 413)
_log = logging.getLogger("local.monitor.alerts")


class NotTaken(Exception):
    """The receiver did not take the alert; `for_good` when trying again is no use."""

    def __init__(self, detail: str, *, for_good: bool = False) -> None:
        super().__init__(detail)
        self.for_good = for_good


class ActionGroup:
    """Sends notifications in the order they were made; each is sent again until the receiver takes or refuses it."""

    def __init__(self, store: Store, *, webhook: str | None, identity: str | None, eventgrid: str | None) -> None:
        self._store = store
        self._webhook = webhook
        self._identity = identity
        self._eventgrid = eventgrid
        self._wake = asyncio.Event()

    def notify(self, alert: str, body: Document, way: str) -> None:
        """Store a message to be sent; part of the caller's transaction."""
        self._store.write(
            "INSERT INTO notifications (alert, body, way, state) VALUES (?, ?, ?, 'waiting')",
            alert,
            json.dumps(body),
            way,
        )
        self._wake.set()

    def sent(self, alert: str) -> list[dict[str, Any]]:
        """What became of the messages of an alert, oldest first."""
        rows = self._store.rows("SELECT * FROM notifications WHERE alert = ? ORDER BY seq", alert)
        return [{name: row[name] for name in ("way", "state", "attempts", "detail")} for row in rows]

    async def run(self) -> None:
        """Send until cancelled."""
        pause = _FIRST_RETRY_S
        async with httpx.AsyncClient(timeout=_REQUEST_TIMEOUT_S, trust_env=False) as client:
            while True:
                self._wake.clear()
                if await self._send_waiting(client):
                    pause = _FIRST_RETRY_S
                    await self._wake.wait()
                else:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LAST_RETRY_S)

    async def _send_waiting(self, client: httpx.AsyncClient) -> bool:
        """One try of everything that waits; False if some of it must be tried again."""
        rows = self._store.rows("SELECT * FROM notifications WHERE state = 'waiting' ORDER BY seq")
        return all([await self._send(client, row["seq"], json.loads(row["body"]), row["way"]) for row in rows])

    async def _send(self, client: httpx.AsyncClient, seq: int, body: Document, way: str) -> bool:
        try:
            detail = await (self._post(client, body) if way == WEBHOOK else self._publish(client, body))
            state = "taken"
        except NotTaken as problem:
            state, detail = "refused" if problem.for_good else "waiting", str(problem)
        except httpx.HTTPError as problem:
            state, detail = "waiting", f"{type(problem).__name__}: {problem}"
        if state != "taken":
            _log.warning("alert message %d is %s: %s", seq, state, detail)
        with self._store.transaction():
            self._store.write(
                "UPDATE notifications SET state = ?, detail = ?, attempts = attempts + 1 WHERE seq = ?",
                state,
                detail,
                seq,
            )
        return state != "waiting"

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
        raise NotTaken(f"{answer.status_code}: {answer.text[:300]}", for_good=answer.status_code in _REFUSALS)
    return f"{answer.status_code}: {answer.text[:300]}"
