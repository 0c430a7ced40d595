"""AlertSource: what Azure Monitor tells, on the fake and on the product's adapter against the local Azure Monitor."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from azure.core.credentials import AccessToken

from local import redirect
from shared.adapters.azure_monitor import AzureMonitorAlerts, monitor_client
from shared.application.alerts.ports import AlertSource
from shared.application.errors import TransientFault
from shared.contracts.inbound.alert_facts import told_facts
from shared.domain.alerts.model import AlertFacts, Reading
from tests.fakes.alerts import MemoryAlertSource
from tests.local.azureml.cloud import GROUP, SUBSCRIPTION, Credential
from tests.support.processes import Part, running

RULE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/microsoft.insights/scheduledQueryRules/errors"
NOBODYS = "00000000-0000-4000-8000-00000000dead"
READINGS = tuple(
    Reading(circuit=each, metric="failures", value=3.0, threshold=0.0) for each in ("P001/C001", "P002/C003")
)


class AsyncCredential:
    """Tokens of the form that Entra ID issues."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return Credential().get_token(*scopes)

    async def close(self) -> None:
        """Holds nothing."""

    async def __aenter__(self) -> "AsyncCredential":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Holds nothing."""


class Hands(Protocol):
    """Azure Monitor's own hands."""

    source: AlertSource

    def fire(self, *, context: bool = True) -> str:
        """An alert of RULE with READINGS; its instance id. Without `context`, the interface does not tell them."""

    def resolve(self, instance_id: str) -> None:
        """Its condition no longer holds."""


@dataclass
class MemoryHands:
    source: MemoryAlertSource
    count: int = 0

    def fire(self, *, context: bool = True) -> str:
        self.count += 1
        facts = AlertFacts(
            instance_id=f"00000000-0000-4000-8000-{self.count:012d}",
            rule_id=RULE,
            rule_name="errors",
            severity="Sev1",
            fired=True,
            fired_at=datetime.now(UTC),
            readings=READINGS if context else (),
        )
        return self.source.fire(facts).instance_id

    def resolve(self, instance_id: str) -> None:
        self.source.resolve(instance_id)


@dataclass
class LocalHands:
    source: AzureMonitorAlerts
    part: Part

    def fire(self, *, context: bool = True) -> str:
        body = {
            "rule": "scheduledQueryRules/errors",
            "circuits": [reading.circuit for reading in READINGS],
            "together": True,
            "value": 3.0,
            "context": context,
            "way": "none",
        }
        answer = httpx.post(f"{self.part.url}/control/alerts", json=body).raise_for_status()
        return str(answer.json()["alerts"][0]).rpartition("/")[2]

    def resolve(self, instance_id: str) -> None:
        httpx.post(f"{self.part.url}/control/alerts/{instance_id}/resolve?way=none").raise_for_status()

    def fault(self, **fault: Any) -> None:
        httpx.post(f"{self.part.url}/control/faults", json=fault).raise_for_status()

    def mend(self) -> None:
        httpx.delete(f"{self.part.url}/control/faults").raise_for_status()


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """The local Azure Machine Learning, which holds Azure Monitor; alerts need no storage."""
    directory = tmp_path_factory.mktemp("monitor")
    options = ["--data", str(directory / "data"), "--blob-endpoint", "http://127.0.0.1:1/devstoreaccount1"]
    with running("local.azureml", *options, log=directory / "log") as started:
        redirect.install(azureml=started.url)
        yield started
        redirect.uninstall()


@pytest.fixture
async def local(part: Part) -> AsyncIterator[LocalHands]:
    hands = LocalHands(AzureMonitorAlerts(monitor_client(AsyncCredential()), SUBSCRIPTION), part)
    yield hands
    await hands.source.close()
    hands.mend()


@pytest.fixture(params=["memory", "local Azure Monitor"])
def hands(request: pytest.FixtureRequest) -> Hands:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryHands(MemoryAlertSource())
    local: LocalHands = request.getfixturevalue("local")
    return local


async def test_an_alert_is_told_by_its_id(hands: Hands) -> None:
    """Rule, severity, condition, time, and what was measured for which circuit."""
    facts = await hands.source.read(instance_id := hands.fire())
    assert facts is not None
    assert (facts.instance_id, facts.rule_id, facts.rule_name) == (instance_id, RULE, "errors")
    assert (facts.severity, facts.fired, facts.readings) == ("Sev1", True, READINGS)
    assert timedelta() <= datetime.now(UTC) - facts.fired_at < timedelta(minutes=1)


@pytest.mark.parametrize("instance_id", [NOBODYS, "x", "../../workspaces/w", "a?api-version=1", ""])
async def test_what_azure_monitor_does_not_have_is_not_there(hands: Hands, instance_id: str) -> None:
    """Nor does an id that is none reach another address."""
    assert await hands.source.read(instance_id) is None


async def test_a_resolved_alert_is_told_and_no_longer_fires(hands: Hands) -> None:
    """The alert stays, its condition changes."""
    stays, ends = hands.fire(), hands.fire()
    assert {stays, ends} <= {facts.instance_id for facts in await hands.source.firing()}
    hands.resolve(ends)
    facts = await hands.source.read(ends)
    assert facts is not None
    assert not facts.fired
    firing = {facts.instance_id: facts for facts in await hands.source.firing()}
    assert ends not in firing
    assert firing[stays].readings == READINGS


async def test_an_alert_without_a_context_names_no_circuits(hands: Hands) -> None:
    """The interface promises none."""
    facts = await hands.source.read(hands.fire(context=False))
    assert facts is not None
    assert facts.readings == ()


# The adapter alone


async def test_every_page_of_the_list_is_read(local: LocalHands) -> None:
    """The local Azure Monitor pages by 100."""
    fired = {local.fire() for _ in range(101)}
    assert fired <= {facts.instance_id for facts in await local.source.firing()}


@contextmanager
def answering(part: Part, status: int, answer: Any) -> Iterator[None]:
    """In place of the local Azure Monitor, a server that says the same to every request."""
    body = json.dumps(answer).encode()

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        redirect.install(azureml=f"http://127.0.0.1:{server.server_port}")
        try:
            yield
        finally:
            redirect.install(azureml=part.url)
            server.shutdown()
            thread.join()


async def test_a_list_that_continues_elsewhere_is_not_followed(local: LocalHands) -> None:
    """Only the configured interface is asked, whatever an answer says."""
    page = {"value": [], "nextLink": "https://another.example/alerts?page=2"}
    with answering(local.part, 200, page), pytest.raises(TransientFault, match="not followed"):
        await local.source.firing()


@pytest.mark.parametrize(
    ("status", "answer"),
    [(404, {"error": {"code": "SubscriptionNotFound"}}), (400, {}), (200, {}), (200, []), (200, {"value": None})],
)
async def test_an_answer_without_a_list_does_not_pass_for_an_empty_one(
    local: LocalHands, status: int, answer: Any
) -> None:
    """That no alert fires is said of a list that was read, and of nothing else."""
    with answering(local.part, status, answer), pytest.raises(TransientFault, match="the alerts that fire"):
        await local.source.firing()


async def test_the_pages_of_a_list_share_one_deadline(local: LocalHands) -> None:
    """A person waits for the report: two pages, each within the deadline, are together above it."""
    for _ in range(101):
        local.fire()
    hurried = AzureMonitorAlerts(monitor_client(AsyncCredential()), SUBSCRIPTION, call_deadline_s=1.5)
    local.fault(operation="alert.list", kind="delay", delay_s=1, count=None)
    with pytest.raises(TransientFault, match="the alerts that fire"):
        await hurried.firing()
    await hurried.close()


@pytest.mark.parametrize(("status", "said"), [(403, "Monitoring Reader"), (500, "answers 500"), (429, "answers 429")])
async def test_a_refusal_or_a_fault_may_pass(local: LocalHands, status: int, said: str) -> None:
    """The alert is looked at later; a missing role is named."""
    instance_id = local.fire()
    local.fault(operation="alert.get", kind="status", status=status, count=None, retry_after_s=0)
    with pytest.raises(TransientFault, match=said):
        await local.source.read(instance_id)


async def test_one_failed_read_is_tried_again_at_once(local: LocalHands) -> None:
    """A minute is short."""
    instance_id = local.fire()
    local.fault(operation="alert.get", kind="status", status=503, retry_after_s=0)
    assert await local.source.read(instance_id) is not None


async def test_nobody_who_answers_may_pass_too(part: Part) -> None:
    """No connection at all."""
    redirect.install(azureml="http://127.0.0.1:1")
    try:
        source = AzureMonitorAlerts(monitor_client(AsyncCredential()), SUBSCRIPTION)
        with pytest.raises(TransientFault, match="could not be read"):
            await source.read(NOBODYS)
        await source.close()
    finally:
        redirect.install(azureml=part.url)


SAMPLE = json.loads((Path(__file__).parents[1] / "samples" / "monitor_alert.json").read_text(encoding="utf-8"))


def test_the_documented_answer_can_be_read() -> None:
    """The sample of the interface: no circuit, and a rule that is no ARM id, which no list can hold."""
    facts = told_facts(SAMPLE)
    assert (facts.instance_id, facts.severity, facts.fired) == ("66114d64-d9d9-478b-95c9-b789d6502100", "Sev3", True)
    assert facts.rule_id.startswith("https://")
    assert facts.readings == ()


def test_an_alert_that_a_person_closed_no_longer_counts_as_firing() -> None:
    """Somebody dealt with it."""
    closed = json.loads(json.dumps(SAMPLE))
    closed["properties"]["essentials"]["alertState"] = "Closed"
    assert not told_facts(closed).fired
