"""What must hold of releases of one model."""

from datetime import timedelta

from shared.domain.release.model import DeploymentSpec, Phase, Release
from tests.fakes.clock import FakeClock
from tests.fakes.platform import DeploymentKey
from tests.simulation.oracle_locks import WatchedLocks
from tests.simulation.violation import require

_ENDED_WITHOUT_RELEASE = (Phase.REJECTED, Phase.EXPIRED, Phase.ABORTED, Phase.FAILED, Phase.SUPERSEDED)
_PUT_BACK_FROM = (Phase.SETTLING, Phase.RESTORING)


class ModelJudge:
    """`seen` holds (release id, is it a restore, deployment) of what was read back from production as succeeded."""

    def __init__(self, clock: FakeClock) -> None:
        self.seen: set[tuple[str, bool, DeploymentKey]] = set()
        self.locks: WatchedLocks
        self._clock = clock

    def check_commit(self, before: Release, after: Release) -> None:
        """I3 and I11, when the phase changes."""
        if before.phase is after.phase:
            return
        rid = after.release_id
        taken = self.locks.lost(rid, after.target.key) if after.targets else False
        if before.phase is Phase.SETTLING and after.phase is not Phase.HELD and not taken:
            quiet = timedelta(seconds=before.policy.limits.settle_quiet_s)
            waited = self._clock.now() - before.phase_since
            require(waited >= quiet, f"I3: {rid} settled after {waited.total_seconds():.0f} s already")
        if after.phase is Phase.RELEASED:
            require(self._seen(rid, restored=False), f"{rid} is released and nobody read production back")
        elif after.phase.is_terminal and after.production_touched and not taken:
            require(before.phase in _PUT_BACK_FROM, f"I3: {rid} ended from {before.phase} with production touched")
        if after.phase.is_terminal and before.phase is Phase.RESTORING:
            require(self._seen(rid, restored=True), f"I11: {rid} was put back and nobody read production back")

    def check_change(self, release: Release, spec: DeploymentSpec, *, restoring: bool) -> tuple[str, int | None]:
        """I1, I3 and I10; returns the circuit and the epoch of its lock."""
        rid = release.release_id
        require(release.target.previous_recorded, f"I1: {rid} changed production before previous was durable")
        require(release.target.touched, f"I1: {rid} changed production and does not know it")
        if not restoring:
            ended = release.phase in _ENDED_WITHOUT_RELEASE and not self.locks.lost(rid, release.target.key)
            require(not ended, f"I3: {rid} changed production after {release.phase}")
            require(release.phase is not Phase.RESTORING, f"I10: {rid} changed production while it was put back")
        return release.target.key, release.target.epoch

    def _seen(self, release_id: str, *, restored: bool) -> bool:
        return any((rid, back) == (release_id, restored) for rid, back, _ in self.seen)
