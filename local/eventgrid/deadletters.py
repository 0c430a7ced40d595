"""Dead events as blobs, in the form Event Grid writes them.

Source: "Set dead-letter location and retry policy" (Event Grid docs): container, path
`{SUBSCRIPTION}/{yyyy}/{m}/{d}/{h}/{guid}.json`, an array of one event with the reason added. Event Grid waits five
minutes before it writes; this part writes at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import ContainerClient

from local import storage_account
from local.eventgrid.config import Schema
from local.eventgrid.store import Delivery, Store

AGAIN_AFTER_S = 5.0
AT_ONCE = 100

_log = logging.getLogger("local.eventgrid")


async def write_dead_letters(store: Store, *, endpoint: str, container: str, written: asyncio.Event) -> None:
    """Upload until cancelled; a storage that is away is tried again, nothing is dropped meanwhile."""
    async with ContainerClient(
        endpoint, container, credential=storage_account.KEY, retry_total=0, connection_timeout=5
    ) as client:
        while True:
            written.clear()
            try:
                await _upload_pending(store, client)
            except AzureError as problem:
                _log.warning("dead letters wait for %s: %s", endpoint, problem)
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_AFTER_S):
                    await written.wait()


async def _upload_pending(store: Store, client: ContainerClient) -> None:
    while dead := store.dead_without_blob(limit=AT_ONCE):
        with suppress(ResourceExistsError):
            await client.create_container()
        for delivery in dead:
            path = blob_path(delivery)
            await client.upload_blob(path, json.dumps([dead_letter(delivery)]), overwrite=True)
            store.set_blob(delivery, path)


def blob_path(delivery: Delivery) -> str:
    """The same for every try, so that an upload repeated after a crash does not leave two blobs."""
    at = datetime.fromtimestamp(delivery.published_at, UTC)
    name = uuid.uuid5(uuid.NAMESPACE_OID, f"{delivery.subscription}/{delivery.id}")
    return f"{delivery.subscription.upper()}/{at.year}/{at.month}/{at.day}/{at.hour}/{name}.json"


def dead_letter(delivery: Delivery) -> dict[str, Any]:
    """The event with why and when it died; attribute names of CloudEvents may hold lower-case letters only."""
    added = {
        "deadLetterReason": delivery.reason,
        "deliveryAttempts": delivery.attempts,
        "lastDeliveryOutcome": delivery.last_outcome,
        "lastHttpStatusCode": delivery.last_status,
        "publishTime": _timestamp(delivery.published_at),
        "lastDeliveryAttemptTime": _timestamp(delivery.last_attempt_at),
    }
    if delivery.schema is Schema.CLOUD_EVENTS:
        added = {name.lower(): value for name, value in added.items()}
    return {**delivery.body, **added}


def _timestamp(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
