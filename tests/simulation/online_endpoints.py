"""Online endpoints of the simulation: every change is judged at the moment it lands, however late.

Traffic sums to 100 on deployments that are up; nobody's traffic is moved by a release that does not hold the endpoint;
what served before is durable before the first change, and serves again where a release ends otherwise than well.
"""

import random
from datetime import timedelta

from shared.application.platform_ports import Place
from shared.domain.online.model import Rollout, Shares, Side, SlotSpec
from shared.domain.release.model import Phase, Release
from tests.fakes.clock import FakeClock
from tests.fakes.online_platform import FakeEndpoint, MemoryOnlinePlatform
from tests.simulation.oracle import WatchedStore
from tests.simulation.oracle_freeze import LATEST
from tests.simulation.oracle_online import online_of
from tests.simulation.platform import WatchedPlatform
from tests.simulation.violation import require

SIDES = {Place.DEV: Side.DEV, Place.PRODUCTION: Side.PRODUCTION}
_FORWARD_ENDS = (Phase.RELEASED, Phase.COMPARED)


def served(shares: Shares) -> Shares:
    """Who gets anything, by a rule of its own."""
    return {slot: share for slot, share in shares.items() if share}


class WatchedOnline(MemoryOnlinePlatform):
    """Judges every change at the moment it lands, however late. `meddled` are endpoints that people changed by hand."""

    def __init__(self, models: WatchedPlatform, rng: random.Random, clock: FakeClock) -> None:
        super().__init__(models)
        self.store: WatchedStore
        self.meddled: set[tuple[Place, str]] = set()
        self._rng = rng
        self._clock = clock
        self.break_share = 0.0

    def apply_put(self, place: Place, spec: SlotSpec) -> None:
        release = self._holder(place, spec.endpoint_name, f"slot {spec.slot}")
        rid = spec.tags["release_id"]
        require(release.release_id == rid, f"I7: {rid} put slot {spec.slot}, and {release.release_id} has the endpoint")
        rollout = self._rollout(release, place)
        require(rollout.slot == spec.slot, f"I1: {rid} put slot {spec.slot}, recorded was {rollout.slot}")
        endpoint = self.endpoints.get((place, spec.endpoint_name))
        if endpoint is not None and not self._is_meddled(place, spec.endpoint_name):
            serves = served(endpoint.traffic).get(spec.slot)  # a worker that froze may send once more what is there
            again = spec.slot in endpoint.slots and endpoint.slots[spec.slot].spec == spec
            require(again or not serves, f"{rid} put slot {spec.slot}, which serves")
        if endpoint is not None and (there := endpoint.slots.get(spec.slot)):
            require("release_id" in there.spec.tags, f"{rid} took {spec.slot} from a stranger")
        if place is Place.PRODUCTION and release.phase is not Phase.RESTORING and not release.phase.is_terminal:
            self.store.check_gates(release)
        super().apply_put(place, spec)
        serves = endpoint is not None and served(endpoint.traffic).get(spec.slot)
        if endpoint is not None and not serves and self._rng.random() < self.break_share:
            endpoint.slots[spec.slot].outcome = "Failed"

    def apply_traffic(self, place: Place, endpoint_name: str, traffic: Shares, mirror: Shares) -> None:
        release = self._holder(place, endpoint_name, f"traffic {traffic}")
        rid, rollout = release.release_id, self._rollout(release, place)
        own = [(rollout.traffic_before, rollout.mirror_before), *((s.traffic, s.mirror) for s in rollout.steps)]
        known = (served(traffic), served(mirror)) in [(served(live), served(copies)) for live, copies in own]
        require(known, f"I7: {rid} has {endpoint_name}, and its traffic went to {traffic}, which it never planned")
        if served(traffic) != served(rollout.traffic_before) and place is Place.PRODUCTION:
            self.store.check_gates(release)
        if served(traffic) != served(rollout.traffic_before) and release.phase is Phase.RESTORING:
            late = self._clock.now() - release.phase_since
            require(late <= LATEST, f"I10: {rid} moved traffic forward {late} after it had begun to go back")
        super().apply_traffic(place, endpoint_name, traffic, mirror)
        self.check_traffic(self.endpoints[place, endpoint_name], endpoint_name)

    def check_traffic(self, endpoint: FakeEndpoint, name: str) -> None:
        """It sums to 100 on deployments that are up, or nobody gets anything."""
        shares = served(endpoint.traffic)
        require(sum(shares.values()) in (0, 100), f"the traffic of {name} sums to {sum(shares.values())}: {shares}")
        lacking = [slot for slot in shares if slot not in endpoint.slots or endpoint.slots[slot].outcome != "Succeeded"]
        require(not lacking, f"{name} serves by {lacking}, which are not up")

    def apply_delete(self, place: Place, endpoint_name: str, slot: str) -> None:
        endpoint = self.endpoints[place, endpoint_name]
        there = endpoint.slots.get(slot)
        if there is not None:
            release = self._holder(place, endpoint_name, f"deletion of {slot}")
            require("release_id" in there.spec.tags, f"{release.release_id} deleted {slot}, which is a stranger's")
            require(not served(endpoint.traffic).get(slot), f"{release.release_id} deleted {slot}, which serves")
            own = there.spec.tags["release_id"] == release.release_id
            old = slot in self._rollout(release, place).traffic_before and self._rollout(release, place).done
            require(own or old, f"{release.release_id} deleted {slot} of {there.spec.tags['release_id']}")
        super().apply_delete(place, endpoint_name, slot)

    def land_put(self, place: Place, spec: SlotSpec) -> None:
        """A request that nobody got an answer to arrives at last; a busy endpoint refuses it."""
        endpoint = self.endpoints.get((place, spec.endpoint_name))
        if endpoint is not None and not _is_busy(endpoint):
            self.apply_put(place, spec)

    def land_traffic(self, place: Place, endpoint_name: str, traffic: Shares, mirror: Shares) -> None:
        """The same; slots that are gone are refused."""
        endpoint = self.endpoints[place, endpoint_name]
        up = {name for name, slot in endpoint.slots.items() if slot.outcome == "Succeeded"}
        if not _is_busy(endpoint) and {*served(traffic), *served(mirror)} <= up:
            self.apply_traffic(place, endpoint_name, traffic, mirror)

    def land_delete(self, place: Place, endpoint_name: str, slot: str) -> None:
        """The same; one that serves is refused."""
        endpoint = self.endpoints[place, endpoint_name]
        if not _is_busy(endpoint) and not served(endpoint.traffic).get(slot) and not served(endpoint.mirror).get(slot):
            self.apply_delete(place, endpoint_name, slot)

    def meddle(self) -> None:
        """Somebody gives all traffic of an endpoint to a slot that is up, by hand."""
        key = self._rng.choice(sorted(self.endpoints, key=str)) if self.endpoints else None
        if key is None:
            return
        endpoint = self.endpoints[key]
        up = sorted(name for name, slot in endpoint.slots.items() if slot.outcome == "Succeeded")
        if up:
            endpoint.traffic, endpoint.mirror = {self._rng.choice(up): 100}, {}
            self.meddled.add(key)

    def _is_meddled(self, place: Place, name: str) -> bool:
        return (place, name) in self.meddled

    def _holder(self, place: Place, endpoint_name: str, what: str) -> Release:
        """I7: who has the endpoint now, or had it until its cool-down is over."""
        key = f"endpoint-{SIDES[place].value}-{endpoint_name}"
        lock = self.store.locks.locks.get(key)
        require(lock is not None, f"I7: {what} of {endpoint_name}, which nobody ever held")
        assert lock is not None
        if lock.holder:
            return self.store.partitions[lock.holder].release
        cooling = lock.free_from is not None and self._clock.now() <= lock.free_from + timedelta(seconds=1)
        require(cooling, f"I7: {what} of {endpoint_name}, which nobody holds")
        had = [p.release for p in self.store.partitions.values() if p.release.epochs.get(key) == lock.epoch]
        require(len(had) == 1, f"I8: epoch {lock.epoch} of {key} was of {[each.release_id for each in had]}")
        return had[0]

    def _rollout(self, release: Release, place: Place) -> Rollout:
        rollout = online_of(release).rollout(SIDES[place])
        require(rollout is not None, f"I1: {release.release_id} changed {place} before it recorded what serves")
        assert rollout is not None
        return rollout

    def check_end(self) -> None:
        """Once all has ended: who serves is what somebody released or what served at first, and failed slots are gone
        where anything served before."""
        for (place, name), endpoint in self.endpoints.items():
            if (place, name) not in self.meddled:
                self.check_traffic(endpoint, name)
            for slot, there in endpoint.slots.items():
                rid = there.spec.tags.get("release_id", "")
                if rid in self.store.partitions and (place, name) not in self.meddled:
                    release = self.store.partitions[rid].release
                    rollout = self._rollout(release, place)
                    ok = rollout.done or not rollout.served_before or release.phase in _FORWARD_ENDS
                    left = "is left as it is" in release.reason
                    require(ok or left, f"{rid} ended as {release.phase} and its slot {slot} is still there")
                    serves = bool(served(endpoint.traffic).get(slot))
                    require(not serves or rollout.done or left, f"{rid} is {release.phase} and its {slot} serves")


def _is_busy(endpoint: FakeEndpoint) -> bool:
    return bool(endpoint.reads_left or any(slot.reads_left for slot in endpoint.slots.values()))
