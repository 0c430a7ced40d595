"""What must hold of the sample inferences on what was put back (I14)."""

from collections import Counter
from collections.abc import Mapping

from shared.application.platform_ports import Place
from shared.domain.release.model import Phase, Release, Verdict
from tests.fakes.jobs import MemoryTestJobs
from tests.fakes.platform import DeploymentKey
from tests.fakes.store import Partition
from tests.simulation.platform import WatchedPlatform, place_of
from tests.simulation.violation import require


def check_samples(release: Release, jobs: MemoryTestJobs, platform: WatchedPlatform) -> None:
    """Of a release that is rolled back: as many as its policy wants, each recorded under its claim and ended well."""
    rid = release.release_id
    restored = [target for target in release.fleet if target.touched and not target.superseded_by]
    sampled = [target for target in restored if target.goal is Phase.VERIFYING_ROLLBACK]
    wanted = min(release.policy.limits.rollback_samples_max, len(restored))
    require(len(sampled) == wanted, f"I14: {rid} had {len(sampled)} sample inferences, not {wanted}")
    for target in sampled:
        tries = range(1, target.attempt + 1)  # the good end of an earlier try counts as well
        claims = [jobs.claims.get((rid, target.serial, f"{target.key}-{attempt}")) for attempt in tries]
        well = any(platform.did_its_work(Place.PRODUCTION, claim.job_name) for claim in claims if claim)
        require(well, f"I14: {rid} says that a sample of {target.key} ended well, and it did not")


def check_tests(release: Release, platform: WatchedPlatform) -> None:
    """Of any release: a test inference that passed completed and left predictions of use."""
    for run in release.check_runs:
        passed = run.verdict is Verdict.PASSED
        require(
            not passed or platform.did_its_work(Place.TEST, run.job_name),
            f"I27: {release.release_id} passed its test by {run.job_name}, which predicted nothing of use",
        )


def check_claims(
    partitions: Mapping[str, Partition], jobs: MemoryTestJobs, invoked: Mapping[DeploymentKey, int]
) -> None:
    """At the end: one job per try at most, and no more tries than the policy allows."""
    claimed: Counter[DeploymentKey] = Counter()
    for rid, serial, part in jobs.claims:
        if not part:
            continue
        key, _, attempt = part.rpartition("-")
        release = partitions[rid].release
        most = release.policy.limits.attempts_max
        require(int(attempt) <= most, f"I14: {rid} tried the sample of {key} {attempt} times in step {serial}")
        claimed[next(place_of(t.previous) for t in release.fleet if t.key == key)] += 1
    over = {key: count for key, count in invoked.items() if count > claimed[key]}
    require(not over, f"I14: more sample inferences than were claimed: {over}")
