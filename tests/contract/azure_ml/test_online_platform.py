"""OnlinePlatform: what every implementation keeps, the one in memory and the one on Azure ML alike."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pytest

from shared.adapters.azure_ml.online import AzureMlOnline
from shared.application.errors import PlatformBlocked, PlatformBusy, PlatformRefused
from shared.application.online_platform import ComparisonJob, OnlinePlatform
from shared.application.platform_ports import ModelPlatform, Place
from shared.domain.job_ends import JobEnded
from shared.domain.online.model import EndpointFound, SlotSpec
from shared.domain.online.traffic import serves
from tests.fakes.online_platform import BETTER, MemoryOnlinePlatform
from tests.fakes.platform import MemoryModelPlatform
from tests.support.platforms import DEV, ENVIRONMENT, AzureMlHands, azure_ml, eventually

_numbers = itertools.count(1)

SCORE = """
import json

def init():
    pass

def run(data):
    rows = json.loads(data)["data"]
    if rows == ["fail"]:
        raise ValueError("no number")
    return rows
"""
COMPARE = """
import argparse, json, pathlib, sys

parser = argparse.ArgumentParser()
for name in ("candidate", "baseline", "data", "output"):
    parser.add_argument("--" + name)
options = parser.parse_args()
assert pathlib.Path(options.candidate).exists()
if options.baseline:
    sys.exit(0)  # it leaves no report
report = pathlib.Path(options.output, "metrics", "comparison.json")
report.parent.mkdir(parents=True)
report.write_text(json.dumps({"improved": True, "candidate": {"mae": 1.0}, "baseline": {"mae": 2.0}}))
"""


class Hands(Protocol):
    """What a test needs besides the port."""

    platform: OnlinePlatform
    models: ModelPlatform

    async def shared_model(self, name: str) -> str:
        """The id of a fresh model in the registry."""

    def candidate(self, name: str) -> str:
        """The id of the same model in dev."""

    def leaves_no_report(self, job_name: str) -> None:
        """The comparison of this name completes and leaves nothing."""

    def slow_down(self) -> None:
        """From now on a change takes a while."""


@dataclass
class MemoryHands:
    """The fake needs no server."""

    models: MemoryModelPlatform = field(default_factory=MemoryModelPlatform)
    platform: MemoryOnlinePlatform = field(init=False)

    def __post_init__(self) -> None:
        self.platform = MemoryOnlinePlatform(self.models)

    async def shared_model(self, name: str) -> str:
        self.models.add_model(name, "1", {})
        return await self.models.promote_model(DEV, name, "1", name)

    def candidate(self, name: str) -> str:
        return self.models.models[name, "1"].asset_id

    def leaves_no_report(self, job_name: str) -> None:
        self.platform.reports[job_name] = None

    def slow_down(self) -> None:
        self.platform.reads_in_progress = 3


@dataclass
class AzureHands:
    """The product's adapter on the local Azure ML."""

    hands: AzureMlHands
    platform: AzureMlOnline = field(init=False)

    def __post_init__(self) -> None:
        self.platform = AzureMlOnline(self.hands.clients)

    @property
    def models(self) -> ModelPlatform:
        return self.hands.platform

    async def shared_model(self, name: str) -> str:
        version = self.hands.register(name, {"job": name})
        return await self.hands.platform.promote_model(DEV, name, version, name)

    def candidate(self, name: str) -> str:
        return str(self.hands.trainer.models.get(name, "1").id)

    def leaves_no_report(self, job_name: str) -> None:
        pass  # its script does so by itself when there is a baseline

    def slow_down(self) -> None:
        self.hands.slow_down()


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureHands]:
    with azure_ml(tmp_path_factory.mktemp("azureml")) as hands:
        code = hands.root / "app" / "pipelines" / "taxi_fare"
        code.mkdir(parents=True)
        (code / "score.py").write_text(SCORE)
        (code / "compare.py").write_text(COMPARE)
        yield AzureHands(hands)


@pytest.fixture(params=["memory", pytest.param("azure-ml", marks=pytest.mark.azurite)])
def hands(request: pytest.FixtureRequest) -> Iterator[Hands]:
    """Each test runs on both."""
    if request.param == "memory":
        yield MemoryHands()
        return
    azure: AzureHands = request.getfixturevalue("azure")
    yield azure
    azure.hands.calm()


@pytest.fixture
def name() -> str:
    """A model and an endpoint of the test's own."""
    return f"taxi-{next(_numbers)}"


async def a_spec(hands: Hands, name: str, slot: str = "blue", **changes: Any) -> SlotSpec:
    """A slot that can be brought up."""
    about: dict[str, Any] = {
        "endpoint_name": name,
        "slot": slot,
        "model": await hands.shared_model(f"{name}-{slot}"),
        "environment": await hands.models.promote_environment(DEV, *ENVIRONMENT),
        "code": "pipelines/taxi_fare",
        "scoring_script": "score.py",
        "instance_type": "Standard_DS3_v2",
        "instance_count": 2,
        "request_timeout_ms": 7000,
        "concurrent_max": 3,
        "environment_variables": {"CURRENCY": "dollars"},
        "tags": {"release_id": "online-taxi-1", "model_version": "1"},
    }
    return SlotSpec(**{**about, **changes})


async def seen(hands: Hands, name: str, place: Place = Place.DEV) -> EndpointFound:
    """The endpoint once nothing of it is being changed."""

    async def look() -> EndpointFound | None:
        return await hands.platform.get_endpoint(place, name)

    def is_still(found: EndpointFound | None) -> bool:
        return found is not None and not found.is_changing and not any(each.is_changing for each in found.slots)

    found = await eventually(look, is_still)
    assert found is not None
    return found


async def brought_up(hands: Hands, spec: SlotSpec, place: Place = Place.DEV) -> EndpointFound:
    """The slot, on an endpoint that is made for it where it is missing."""
    if await hands.platform.get_endpoint(place, spec.endpoint_name) is None:
        with pytest.raises(PlatformBusy):
            await hands.platform.put_slot(place, spec)
        await seen(hands, spec.endpoint_name, place)
    await hands.platform.put_slot(place, spec)
    return await seen(hands, spec.endpoint_name, place)


async def test_an_endpoint_that_is_not_there_is_none(hands: Hands, name: str) -> None:
    assert await hands.platform.get_endpoint(Place.PRODUCTION, name) is None


async def test_a_slot_is_read_back_as_it_was_put_and_gets_no_traffic(hands: Hands, name: str) -> None:
    spec = await a_spec(hands, name)

    found = await brought_up(hands, spec)

    slot = found.slot("BLUE")
    assert slot is not None
    assert slot.is_up
    assert serves(spec, slot.spec)
    assert (slot.spec.request_timeout_ms, slot.spec.concurrent_max) == (7000, 3)
    assert slot.brought_by == "online-taxi-1"
    assert not any(found.traffic.values())


async def test_traffic_is_set_and_read_back_and_copies_go_to_a_slot_without_any(hands: Hands, name: str) -> None:
    await brought_up(hands, await a_spec(hands, name, "blue"))
    await brought_up(hands, await a_spec(hands, name, "green"))

    await hands.platform.set_traffic(Place.DEV, name, {"blue": 100}, {"green": 20})
    copied = await seen(hands, name)
    await hands.platform.set_traffic(Place.DEV, name, {"blue": 70, "green": 30}, {})
    shared = await seen(hands, name)

    assert (copied.traffic["blue"], copied.mirror) == (100, {"green": 20})
    assert (shared.traffic, shared.mirror) == ({"blue": 70, "green": 30}, {})
    await hands.platform.set_traffic(Place.DEV, name, {}, {})
    assert not any((await seen(hands, name)).traffic.values())


async def test_traffic_goes_to_no_slot_that_is_not_there(hands: Hands, name: str) -> None:
    await brought_up(hands, await a_spec(hands, name))

    with pytest.raises(PlatformBlocked):
        await hands.platform.set_traffic(Place.DEV, name, {"purple": 100}, {})
    with pytest.raises(PlatformBlocked):
        await hands.platform.set_traffic(Place.DEV, f"{name}-else", {"blue": 100}, {})


async def test_a_slot_with_traffic_is_not_deleted_and_one_without_is_gone(hands: Hands, name: str) -> None:
    await brought_up(hands, await a_spec(hands, name), Place.PRODUCTION)
    await hands.platform.set_traffic(Place.PRODUCTION, name, {"blue": 100}, {})
    await seen(hands, name, Place.PRODUCTION)

    with pytest.raises(PlatformRefused):
        await hands.platform.delete_slot(Place.PRODUCTION, name, "blue")
    await hands.platform.set_traffic(Place.PRODUCTION, name, {}, {})
    await seen(hands, name, Place.PRODUCTION)
    await hands.platform.delete_slot(Place.PRODUCTION, name, "blue")
    found = await seen(hands, name, Place.PRODUCTION)

    assert found.slot("blue") is None
    await hands.platform.delete_slot(Place.PRODUCTION, name, "blue")


async def test_an_endpoint_takes_one_change_at_a_time(hands: Hands, name: str) -> None:
    blue, green = await a_spec(hands, name, "blue"), await a_spec(hands, name, "green")
    await brought_up(hands, blue)
    hands.slow_down()
    await hands.platform.put_slot(Place.DEV, green)

    with pytest.raises(PlatformBusy):
        await hands.platform.put_slot(Place.DEV, blue)
    with pytest.raises(PlatformBusy):
        await hands.platform.set_traffic(Place.DEV, name, {"blue": 100}, {})


async def test_a_request_goes_to_the_slot_it_names_or_where_the_traffic_has_it_go(hands: Hands, name: str) -> None:
    await brought_up(hands, await a_spec(hands, name, "blue"))
    await brought_up(hands, await a_spec(hands, name, "green"))
    request = json.dumps({"data": [1.5, 2]}).encode()

    nobody = await hands.platform.score(Place.DEV, name, "", request, 10)
    await hands.platform.set_traffic(Place.DEV, name, {"blue": 100}, {})
    await seen(hands, name)
    by_name = await hands.platform.score(Place.DEV, name, "green", request, 10)
    by_traffic = await hands.platform.score(Place.DEV, name, "", request, 10)

    assert nobody.status == 404
    assert (by_name.status, by_name.slot, json.loads(by_name.body)) == (200, "green", [1.5, 2])
    assert (by_traffic.status, by_traffic.slot) == (200, "blue")
    assert by_traffic.latency_ms > 0


async def test_an_answer_of_the_model_that_is_an_error_is_an_answer(hands: Hands, name: str) -> None:
    spec = await a_spec(hands, name)
    await brought_up(hands, spec)
    if isinstance(hands, MemoryHands):
        hands.platform.status["1"] = 424

    scored = await hands.platform.score(Place.DEV, name, "blue", json.dumps({"data": ["fail"]}).encode(), 10)

    assert (scored.status, scored.slot) == (424, "blue")


def a_comparison(hands: Hands, name: str, job_name: str, baseline: str = "") -> ComparisonJob:
    return ComparisonJob(
        job_name=job_name,
        candidate=hands.candidate(name),
        baseline=baseline,
        code="pipelines/taxi_fare",
        script="compare.py",
        environment=":".join(("azureml", *ENVIRONMENT)),
        compute="cpu-cluster",
        data_uri="azureml://datastores/sensor_lake/paths/processed/sensor_data/",
    )


async def ended(hands: Hands, job_name: str) -> JobEnded | None:
    async def look() -> JobEnded | None:
        job = await hands.models.get_job(Place.DEV, job_name)
        return job.end if job else None

    return await eventually(look, lambda end: end is not None, deadline_s=60)


async def test_a_comparison_runs_once_and_its_report_is_read(hands: Hands, name: str) -> None:
    await hands.shared_model(name)
    job = a_comparison(hands, name, f"compare-{name}-1")

    await hands.platform.submit_comparison(job)
    await hands.platform.submit_comparison(job)

    assert await ended(hands, job.job_name) is JobEnded.COMPLETED
    assert await hands.platform.read_comparison(job.job_name) == BETTER


async def test_a_comparison_that_left_no_report_is_refused(hands: Hands, name: str) -> None:
    baseline = await hands.shared_model(name)
    job = a_comparison(hands, name, f"compare-{name}-2", baseline)
    hands.leaves_no_report(job.job_name)

    await hands.platform.submit_comparison(job)

    assert await ended(hands, job.job_name) is JobEnded.COMPLETED
    with pytest.raises(PlatformRefused):
        await hands.platform.read_comparison(job.job_name)


async def test_a_slot_of_a_model_outside_the_registry_is_refused(hands: Hands, name: str) -> None:
    spec = await a_spec(hands, name)
    await brought_up(hands, spec)
    foreign = replace(spec, slot="green", model="azureml://registries/foreign/models/x/versions/1")

    with pytest.raises(PlatformRefused):
        await hands.platform.put_slot(Place.DEV, foreign)
