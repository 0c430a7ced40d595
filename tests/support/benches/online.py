"""A release to online endpoints on the fakes, asked for and carried as far as a test needs it."""

from dataclasses import dataclass, field
from typing import Any

from shared.application.platform_ports import Place
from shared.application.release import attempts, people
from shared.domain.online.model import OnlineWish, Shares, Side, SlotSpec
from shared.domain.release.model import Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from tests.fakes.online_platform import FakeEndpoint
from tests.fakes.platform import DEV_WORKSPACE, REGISTRY
from tests.support.benches.release import Bench
from tests.support.builders import an_actor
from tests.support.online_plans import NAME, an_online_plan

PLACES = {Side.DEV: Place.DEV, Side.PRODUCTION: Place.PRODUCTION}
REQUESTER, ENGINEER = an_actor(1), an_actor(2)


def model_id(version: str) -> str:
    """A version in the registry."""
    return f"{REGISTRY}/models/taxi-fare-registered/versions/{version}"


def a_slot(side: Side, slot: str, version: str, **changes: Any) -> SlotSpec:
    """A slot that serves a version, brought by an earlier release."""
    plan = an_online_plan()
    about: dict[str, Any] = {
        "endpoint_name": plan.of(side).endpoint_name,
        "slot": slot,
        "model": model_id(version),
        "environment": f"{REGISTRY}/environments/custom-tf-env/versions/1.5.0",
        "code": plan.code,
        "scoring_script": plan.scoring_script,
        "instance_type": "Standard_DS3_v2",
        "tags": {"release_id": "rel-before", "model_version": version},
    }
    return SlotSpec(**{**about, **changes})


@dataclass
class OnlineBench(Bench):
    """Version 1 serves on both sides where the test says so; version 2 comes."""

    version: str = "2"
    asked: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.platform.add_model("taxi-fare", self.version, {}, created_by="maker@example.com")

    def something_serves(self, *, dev: Shares | None = None, production: Shares | None = None) -> None:
        """Version 1 in the slots that get traffic."""
        self.platform.registry[model_id("1")] = "older"
        for side, traffic in ((Side.DEV, dev), (Side.PRODUCTION, production)):
            if traffic is not None:
                specs = [a_slot(side, slot, "1") for slot in traffic]
                self.online.serves(PLACES[side], an_online_plan().of(side).endpoint_name, traffic, *specs)

    def endpoint(self, side: Side) -> FakeEndpoint:
        """As it is now."""
        return self.online.endpoints[PLACES[side], an_online_plan().of(side).endpoint_name]

    def traffic(self, side: Side) -> Shares:
        """Who gets anything of it."""
        return {slot: share for slot, share in self.endpoint(side).traffic.items() if share}

    async def ask(self, **wish: Any) -> str:
        """The id of the release that was asked for."""
        about = OnlineWish(config=NAME, **{"branch": "integration", **wish})
        asked = await attempts.request_online_release(
            DEV_WORKSPACE, self.version, about, REQUESTER, "better", self.ports
        )
        return asked.release.release_id

    async def approve(self, release_id: str, stage: Stage) -> None:
        """An engineer who had no part in it approves, and names what is missing."""
        digest = gate_digest(self.release(release_id), stage)
        reason = "author, pull request, metrics and lineage are missing: seen"
        await people.submit_approval(
            release_id, stage, ENGINEER, approved=True, digest=digest, reason=reason, ports=self.ports
        )
        await self.deliver()

    async def at_production_gate(self, **wish: Any) -> str:
        """Compared, shared, and served by dev."""
        release_id = await self.ask(**wish)
        await self.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
        await self.approve(release_id, Stage.REGISTRY)
        await self.run_until(release_id, Phase.AWAITING_PRODUCTION_APPROVAL)
        return release_id

    async def until(self, release_id: str, phase: Phase, *, within_s: int = 200_000) -> Release:
        """The release in this phase, past the production gate."""
        await self.approve(release_id, Stage.PRODUCTION)
        return await self.run_until(release_id, phase, within_s=within_s)
