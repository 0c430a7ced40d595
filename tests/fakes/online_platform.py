"""OnlinePlatform in memory, beside a MemoryModelPlatform whose registry and jobs it shares; and held sets."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.application.errors import PlatformBlocked, PlatformBusy, PlatformRefused, PortError
from shared.application.online_platform import ComparisonJob, Sample, Scored
from shared.application.platform_ports import Place
from shared.domain.online.model import EndpointFound, Shares, SlotFound, SlotSpec
from tests.fakes.platform import FakeJob, MemoryModelPlatform

BETTER = {"improved": True, "candidate": {"mae": 1.0}, "baseline": {"mae": 2.0}}
WORSE = {"improved": False, "candidate": {"mae": 3.0}, "baseline": {"mae": 2.0}}


@dataclass
class FakeSlot:
    """`reads_left` is how many more reads see the change in progress, and `outcome` what follows them."""

    spec: SlotSpec
    outcome: str = "Succeeded"
    reads_left: int = 0


@dataclass
class FakeEndpoint:
    """An endpoint with its slots by their names in small letters."""

    traffic: Shares = field(default_factory=dict)
    mirror: Shares = field(default_factory=dict)
    slots: dict[str, FakeSlot] = field(default_factory=dict)
    outcome: str = "Succeeded"
    reads_left: int = 0


class MemoryHeldSets:
    """Requests whose right answer is the number in them; `fault` is what reading them meets instead."""

    def __init__(self, count: int = 10) -> None:
        self.count = count
        self.fault: PortError | None = None

    def __call__(self, path: str, /) -> Sequence[Sample]:
        if self.fault:
            raise self.fault
        return [
            Sample(request=json.dumps({"data": [number]}).encode(), expected=(float(number),))
            for number in range(1, self.count + 1)
        ]


class MemoryOnlinePlatform:
    """What a model does is set by the test, by the version at the end of its id: `latency_ms`, `error` (added to every
    right answer) and `status`. Comparisons leave `report`, or a job's own in `reports`."""

    def __init__(self, models: MemoryModelPlatform) -> None:
        self.models = models
        self.endpoints: dict[tuple[Place, str], FakeEndpoint] = {}
        self.comparisons: dict[str, ComparisonJob] = {}
        self.report: Any = BETTER
        self.reports: dict[str, Any] = {}
        self.failing: set[Place] = set()
        self.reads_in_progress = 0
        self.latency_ms: dict[str, float] = {}
        self.error: dict[str, float] = {}
        self.status: dict[str, int] = {}
        self.scored = 0

    def serves(self, place: Place, name: str, traffic: Shares, *specs: SlotSpec) -> FakeEndpoint:
        """An endpoint that is there."""
        slots = {spec.slot.lower(): FakeSlot(spec=spec) for spec in specs}
        endpoint = self.endpoints[place, name.lower()] = FakeEndpoint(traffic=dict(traffic), slots=slots)
        return endpoint

    async def get_endpoint(self, place: Place, endpoint_name: str) -> EndpointFound | None:
        endpoint = self.endpoints.get((place, endpoint_name.lower()))
        if endpoint is None:
            return None
        return EndpointFound(
            provisioning=_state(endpoint),
            traffic=dict(endpoint.traffic),
            mirror=dict(endpoint.mirror),
            slots=tuple(SlotFound(spec=slot.spec, provisioning=_state(slot)) for slot in endpoint.slots.values()),
        )

    async def put_slot(self, place: Place, spec: SlotSpec) -> None:
        endpoint = self.endpoints.get((place, spec.endpoint_name.lower()))
        if endpoint is None:
            self.endpoints[place, spec.endpoint_name.lower()] = FakeEndpoint(reads_left=self.reads_in_progress)
            raise PlatformBusy(f"endpoint {spec.endpoint_name} is being made")
        self._check_idle(endpoint)
        if spec.model not in self.models.registry:
            raise PlatformBlocked(f"model {spec.model} does not exist")
        self.apply_put(place, spec)

    def apply_put(self, place: Place, spec: SlotSpec) -> None:
        """What the service does with a request, however late it arrives."""
        endpoint = self.endpoints.get((place, spec.endpoint_name.lower()))
        if endpoint is None:
            return
        outcome = "Failed" if place in self.failing else "Succeeded"
        endpoint.slots[spec.slot.lower()] = FakeSlot(spec=spec, outcome=outcome, reads_left=self.reads_in_progress)

    async def delete_slot(self, place: Place, endpoint_name: str, slot: str) -> None:
        endpoint = self._endpoint(place, endpoint_name)
        self._check_idle(endpoint)
        if _share(endpoint.traffic, slot) or _share(endpoint.mirror, slot):
            raise PlatformRefused(f"deployment {slot} has traffic")
        self.apply_delete(place, endpoint_name, slot)

    def apply_delete(self, place: Place, endpoint_name: str, slot: str) -> None:
        """What the service does with a request, however late it arrives."""
        endpoint = self._endpoint(place, endpoint_name)
        endpoint.slots.pop(slot.lower(), None)
        for shares in (endpoint.traffic, endpoint.mirror):
            for name in [name for name in shares if name.lower() == slot.lower()]:
                del shares[name]

    async def set_traffic(self, place: Place, endpoint_name: str, traffic: Shares, mirror: Shares) -> None:
        endpoint = self._endpoint(place, endpoint_name)
        self._check_idle(endpoint)
        self.apply_traffic(place, endpoint_name, traffic, mirror)

    def apply_traffic(self, place: Place, endpoint_name: str, traffic: Shares, mirror: Shares) -> None:
        """What the service does with a request, however late it arrives."""
        endpoint = self._endpoint(place, endpoint_name)
        if sum(traffic.values()) not in (0, 100):
            raise PlatformRefused("the traffic of all deployments must sum to 0 or 100")
        for name, share in (*traffic.items(), *mirror.items()):
            slot = endpoint.slots.get(name.lower())
            if share and (slot is None or slot.outcome != "Succeeded"):
                raise PlatformBlocked(f"deployment {name}, which shall receive traffic, is not found or never came up")
        endpoint.traffic, endpoint.mirror = dict(traffic), dict(mirror)
        endpoint.reads_left = self.reads_in_progress

    async def score(self, place: Place, endpoint_name: str, slot: str, request: bytes, timeout_s: float) -> Scored:
        endpoint = self._endpoint(place, endpoint_name)
        self.scored += 1
        name = slot or self._by_traffic(endpoint.traffic)
        found = endpoint.slots.get(name.lower())
        if not name or found is None:
            return Scored(status=404, slot=name, latency_ms=1)
        version = found.spec.model.rpartition("/")[2]
        latency_ms, status = self.latency_ms.get(version, 10.0), self.status.get(version, 200)
        if latency_ms > timeout_s * 1000:
            return Scored(status=0, slot=name, latency_ms=timeout_s * 1000)
        right = json.loads(request)["data"]
        off = self.error.get(version, 0)
        body = json.dumps([each + off if isinstance(each, int | float) else each for each in right]).encode()
        return Scored(status=status, slot=name, latency_ms=latency_ms, body=body)

    def _by_traffic(self, traffic: Shares) -> str:
        """Each slot in turn, as often as its share says."""
        point, passed = self.scored * 37 % 100, 0
        for name, share in sorted(traffic.items()):
            passed += share
            if point < passed:
                return name
        return ""

    async def submit_comparison(self, job: ComparisonJob) -> None:
        if job.job_name not in self.comparisons:
            self.comparisons[job.job_name] = job
            running = FakeJob(self.models.job_status, "compared", reads_left=self.models.reads_in_progress)
            self.models.jobs[Place.DEV, job.job_name] = running

    async def read_comparison(self, job_name: str) -> dict[str, Any]:
        report = self.reports.get(job_name, self.report)
        if not isinstance(report, dict):
            raise PlatformRefused(f"job {job_name} left no metrics/comparison.json")
        return report

    def _endpoint(self, place: Place, name: str) -> FakeEndpoint:
        endpoint = self.endpoints.get((place, name.lower()))
        if endpoint is None:
            raise PlatformBlocked(f"there is no endpoint {name}")
        return endpoint

    def _check_idle(self, endpoint: FakeEndpoint) -> None:
        if endpoint.reads_left or any(slot.reads_left for slot in endpoint.slots.values()):
            raise PlatformBusy("409: another operation is in progress")


def _share(shares: Shares, slot: str) -> int:
    return sum(share for name, share in shares.items() if name.lower() == slot.lower())


def _state(each: FakeEndpoint | FakeSlot) -> str:
    if each.reads_left > 0:
        each.reads_left -= 1
        return "Updating"
    return each.outcome
