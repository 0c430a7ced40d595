"""A key that is null counts as one that is missing, in everything that other systems send us.

For each key of each sample: where the sample without the key is read, the sample with null instead is read the same.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.inbound.alert_facts import told_facts
from shared.contracts.inbound.alerts import AlertError, parse_alert
from shared.contracts.inbound.etl_report import EtlReport
from shared.contracts.inbound.event_grid import EventGridError, parse_model_registered, parse_run_changed
from shared.contracts.inbound.webhooks import WebhookError, azure_devops_claim, github_claim
from tests.contract.forms.test_webhooks import DEVOPS_URL, GITHUB_URL, MERGED, PULL_REQUEST, PUSH

SAMPLES = Path(__file__).parents[1] / "samples"
REFUSED = (AlertError, EventGridError, WebhookError, ValueError)
Step = str | int


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def in_context(name: str) -> Any:
    """What Azure Monitor answers about the alert of a message, with the context of that message."""
    told = sample("monitor_alert")
    told["properties"]["context"] = sample(name)["data"]["alertContext"]
    return told


def posted(read: Callable[..., Any], body: Any, **more: str) -> Any:
    return read(body=json.dumps(body).encode(), branch="main", **more)


@dataclass(frozen=True)
class Contract:
    """What somebody sends, and what reads it."""

    body: Any
    read: Callable[[Any], Any]


CONTRACTS = {
    "log alert": Contract(sample("alert_log_fired"), parse_alert),
    "metric alert": Contract(sample("alert_metric_resolved"), parse_alert),
    "alert read back": Contract(in_context("alert_log_fired"), told_facts),
    "push": Contract(PUSH, partial(posted, partial(github_claim, "push"), repository=GITHUB_URL)),
    "pull request": Contract(
        PULL_REQUEST, partial(posted, partial(github_claim, "pull_request"), repository=GITHUB_URL)
    ),
    "service hook": Contract(MERGED, partial(posted, azure_devops_claim, repository=DEVOPS_URL)),
    "model registered": Contract({"modelName": "m", "modelVersion": "1", "modelTags": {}}, parse_model_registered),
    "run changed": Contract({"runId": "r", "experimentName": "e", "runTags": {}}, parse_run_changed),
    "report of a load": Contract(
        {
            "files": {"quarantined_count": 0},
            "rows": {"violation": 1, "late": 2},
            "warnings": ["w"],
            "problems": ["p"],
        },
        EtlReport.model_validate,
    ),
}


def keys(part: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """The path of each key of each object."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield (*path, key)
            yield from keys(value, (*path, key))
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from keys(value, (*path, number))


def without(body: Any, path: tuple[Step, ...], *, null: bool) -> Any:
    """A copy in which the key is missing or null."""
    made = copy.deepcopy(body)
    part = made
    for step in path[:-1]:
        part = part[step]
    if null:
        part[path[-1]] = None
    else:
        del part[path[-1]]
    return made


def read(contract: Contract, body: Any) -> tuple[bool, Any]:
    try:
        return True, contract.read(body)
    except REFUSED as error:
        return False, str(error)


CASES = [
    pytest.param(contract, path, id=f"{name}-{'.'.join(map(str, path))}")
    for name, contract in CONTRACTS.items()
    for path in keys(contract.body)
]


@pytest.mark.parametrize(("contract", "path"), CASES)
def test_what_is_read_without_a_key_is_read_the_same_with_null(contract: Contract, path: tuple[Step, ...]) -> None:
    assert read(contract, without(contract.body, path, null=True)) == read(
        contract, without(contract.body, path, null=False)
    )


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_sample_is_read_and_has_keys_that_may_be_missing(name: str) -> None:
    """Otherwise the test above would show nothing."""
    contract = CONTRACTS[name]
    assert read(contract, contract.body)[0]
    assert any(read(contract, without(contract.body, path, null=False))[0] for path in keys(contract.body))


def test_an_alert_that_counts_rows_names_its_circuit() -> None:
    """Log search alerts that count rows have no measured column (azure-docs issue 80168)."""
    body = sample("alert_log_fired")
    condition = body["data"]["alertContext"]["condition"]["allOf"][0]
    condition.update(metricMeasureColumn=None, targetResourceTypes=None, operator=None)
    condition["dimensions"].append({"name": "Computer", "value": None})
    assert parse_alert(body).circuits == parse_alert(sample("alert_log_fired")).circuits


@pytest.mark.parametrize("targets", [["/subscriptions/11111111-2222-3333-4444-555555555555"], [], None])
def test_an_alert_on_a_whole_subscription_is_read(targets: object) -> None:
    """Nobody reads what an alert is about besides its dimensions, so nothing about it is refused."""
    body = sample("alert_log_fired")
    body["data"]["essentials"]["alertTargetIDs"] = targets
    assert parse_alert(body).circuits
