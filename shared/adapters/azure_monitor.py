"""AlertSource on Azure Monitor: the Alerts Management interface of Azure Resource Manager, read-only.

The app's identity needs the role Monitoring Reader. Addresses are built from the configured subscription and an alert's
instance id; nothing that an alert says is ever fetched (R-SEC-20).
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from azure.core import AsyncPipelineClient
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, UserAgentPolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest

from shared.adapters.read_retries import AsyncReadRetries
from shared.application.alerts.ports import ALERTS_MAX
from shared.application.errors import TransientFault
from shared.contracts.inbound.alert_facts import told_facts
from shared.contracts.inbound.alerts import AlertError
from shared.domain.alerts.model import AlertFacts

log = logging.getLogger(__name__)

ENDPOINT = "https://management.azure.com"
SCOPE = f"{ENDPOINT}/.default"
API_VERSION = "2019-03-01"
CALL_DEADLINE_S = 20.0
"""Of one call with its retries and pages: a third of the minute from an alert to the first change of its rollback."""

PAGE_SIZE = 250
PAGES_MAX = 20
_INSTANCE_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")

Client = AsyncPipelineClient[HttpRequest, AsyncHttpResponse]


def monitor_client(credential: AsyncTokenCredential) -> Client:
    """The client of Azure Resource Manager: two retries of reads, no redirects, one connection pool per process."""
    policies = [
        UserAgentPolicy("switchyard"),
        AsyncReadRetries(2),
        AsyncBearerTokenCredentialPolicy(credential, SCOPE),
    ]
    return AsyncPipelineClient(ENDPOINT, policies=policies)


class AzureMonitorAlerts:
    """Alerts of one subscription."""

    def __init__(self, client: Client, subscription_id: str, *, call_deadline_s: float = CALL_DEADLINE_S) -> None:
        self._client = client
        self._call_deadline_s = call_deadline_s
        self._alerts = f"{ENDPOINT}/subscriptions/{subscription_id}/providers/Microsoft.AlertsManagement/alerts"

    async def read(self, instance_id: str) -> AlertFacts | None:
        """Raises TransientFault; so does an answer that is no alert, because nothing can be said about this one."""
        if not _INSTANCE_ID.fullmatch(instance_id):
            return None
        async with self._in_time(f"alert {instance_id}") as what:
            body = await self._get(f"{self._alerts}/{instance_id}", {}, what)
        if body is None:
            return None
        try:
            facts = told_facts(body)
        except AlertError as error:
            raise TransientFault(f"Azure Monitor tells alert {instance_id} in an unknown form: {error}") from error
        return facts if facts.instance_id == instance_id.lower() else None

    async def firing(self) -> list[AlertFacts]:
        """Pages are followed by this address only; an alert in an unknown form is left out and logged."""
        query = {"monitorCondition": "Fired", "timeRange": "1d", "includeContext": "true", "pageCount": str(PAGE_SIZE)}
        found: list[AlertFacts] = []
        url = self._alerts
        async with self._in_time("the alerts that fire") as what:
            for _ in range(PAGES_MAX):
                page = await self._get(url, query, what)
                if page is None or not isinstance(page.get("value"), list):
                    raise TransientFault(f"{what} could not be read: Azure Monitor's answer holds no list")
                found += _readable(page["value"])
                url, query = str(page.get("nextLink") or ""), {}
                if not url or len(found) >= ALERTS_MAX:
                    break
                if not re.match(rf"{re.escape(ENDPOINT)}(:443)?/", url):
                    raise TransientFault("Azure Monitor continues its list at another address, which is not followed")
        return [facts for facts in found if facts.fired][:ALERTS_MAX]

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    @asynccontextmanager
    async def _in_time(self, what: str) -> AsyncIterator[str]:
        """For the reading of `what`, from its first request to its last."""
        try:
            async with asyncio.timeout(self._call_deadline_s):
                yield what
        except (AzureError, OSError, TimeoutError) as error:
            raise TransientFault(f"{what} could not be read: {error or type(error).__name__}") from error

    async def _get(self, url: str, query: dict[str, str], what: str) -> dict[str, Any] | None:
        request = HttpRequest(
            "GET", url, params={"api-version": API_VERSION, **query} if query or "?" not in url else {}
        )
        response = await self._client.send_request(request)
        await response.read()
        if response.status_code in (400, 404):  # 400: what is no id of an alert, or never was one
            return None
        if response.status_code != 200:
            raise TransientFault(
                f"{what} could not be read: Azure Monitor answers {response.status_code}{_hint(response)}"
            )
        try:
            body = json.loads(response.content)
        except ValueError as error:
            raise TransientFault(f"{what} could not be read: the answer is not JSON") from error
        return body if isinstance(body, dict) else {}


def _readable(items: list[Any]) -> list[AlertFacts]:
    found = []
    for item in items:
        try:
            found.append(told_facts(item))
        except AlertError as error:
            log.warning("an alert of Azure Monitor's list is left out: %s", error)
    return found


def _hint(response: AsyncHttpResponse) -> str:
    return ": give the app's identity the role Monitoring Reader" if response.status_code in (401, 403) else ""
