"""What a release to online endpoints deploys, what people are shown, and what an approval binds to."""

from collections.abc import Mapping

from shared.domain.online.judging import told
from shared.domain.online.model import RELEASE_TAG, Online, OnlinePlan, Rollout, Side, SlotSpec
from shared.domain.online.traffic import told as shares_told
from shared.domain.release.model import Candidate, Release
from shared.domain.release.phases import Phase, Verdict
from shared.domain.release.policy import Stage
from shared.domain.tags import as_tag

#: The phases of work on an endpoint, and on which of the two.
SIDE_OF = {
    Phase.RECORDING_DEV: Side.DEV,
    Phase.DEPLOYING_DEV: Side.DEV,
    Phase.TESTING_DEV: Side.DEV,
    Phase.MOVING_DEV_TRAFFIC: Side.DEV,
    Phase.RECORDING_PREVIOUS: Side.PRODUCTION,
    Phase.DEPLOYING_PRODUCTION: Side.PRODUCTION,
    Phase.TESTING_PRODUCTION: Side.PRODUCTION,
    Phase.MOVING_TRAFFIC: Side.PRODUCTION,
    Phase.WATCHING: Side.PRODUCTION,
}


def online_of(release: Release) -> Online:
    """What only such a release has."""
    if release.online is None:
        raise ValueError(f"release {release.release_id} is not one to online endpoints")
    return release.online


def plan_of(release: Release) -> OnlinePlan:
    """Where and how it serves; there is one once it was verified."""
    plan = online_of(release).plan
    if plan is None:
        raise ValueError(f"release {release.release_id} is not verified, so it has no plan")
    return plan


def rollout_of(release: Release, side: Side) -> Rollout:
    """What it does to the endpoint of this side; there is one once that was recorded."""
    rollout = online_of(release).rollout(side)
    if rollout is None:
        raise ValueError(f"release {release.release_id} has not recorded its endpoint in {side}")
    return rollout


def lock_key(side: Side, endpoint_name: str) -> str:
    """Who has this lock may change the endpoint, and nobody else."""
    return f"endpoint-{side.value}-{endpoint_name.lower()}"


def wanted_slot(release: Release, side: Side) -> SlotSpec:
    """The slot that it brings up. Nothing in it changes from one try to the next."""
    plan, rollout = plan_of(release), rollout_of(release, side)
    where = plan.of(side)
    return SlotSpec(
        endpoint_name=where.endpoint_name,
        slot=rollout.slot,
        model=release.registry_model_id,
        environment=release.registry_environment_id,
        code=plan.code,
        scoring_script=plan.scoring_script,
        instance_type=where.instance_type,
        instance_count=where.instance_count,
        request_timeout_ms=plan.request_timeout_ms,
        concurrent_max=plan.concurrent_max,
        environment_variables=dict(plan.environment_variables),
        tags={RELEASE_TAG: release.release_id, "model_version": release.asset_version},
    )


def registry_tags(release: Release, candidate: Candidate) -> dict[str, str]:
    """What leads from the version in the registry back to its branch, its commit and its comparison."""
    wish = online_of(release).wish
    run = compared_by(release)
    tags = {
        "branch": wish.branch,
        "commit": wish.commit or candidate.tags.get("git_commit_sha", ""),
        "comparison_run": run,
        "run_id": candidate.tags.get("run_id", "") or run,
        RELEASE_TAG: release.release_id,
    }
    return {name: as_tag(value) for name, value in tags.items() if value}


def compared_by(release: Release) -> str:
    """The job whose comparison counts; empty before one passed."""
    return next((run.job_name for run in reversed(release.check_runs) if run.verdict is Verdict.PASSED), "")


def bound(release: Release, stage: Stage) -> dict[str, str]:
    """What an approval binds to beside the candidate: the comparison and, for production, what dev showed."""
    online = online_of(release)
    facts = {"comparison": compared_by(release), "compared": repr(online.comparison)}
    if stage is Stage.PRODUCTION:
        dev = online.rollout(Side.DEV)
        facts["registry_model"] = release.registry_model_id
        facts["dev"] = repr((dev.slot, dev.tests)) if dev else ""
    return facts


def facts(release: Release, candidate: Candidate, stage: Stage) -> dict[str, str]:
    """What people decide on."""
    online, plan = online_of(release), plan_of(release)
    shown: dict[str, str] = {
        "model": release.asset,
        "served as": plan.name,
        "branch": online.wish.branch or "unknown",
        "commit": online.wish.commit or candidate.tags.get("git_commit_sha", "unknown"),
        "pull request": candidate.tags.get("pr_number", "unknown"),
        "author": candidate.tags.get("pr_author", "unknown"),
        "comparison": told(online.comparison) if online.comparison else "none",
        "comparison job": compared_by(release) or "none",
        "production serves": online.baseline_model or "nothing",
    }
    if stage is Stage.PRODUCTION and (dev := online.rollout(Side.DEV)):
        shown["slot in dev"] = dev.slot
        shown |= {f"dev test {number}": test.detail for number, test in enumerate(dev.tests, 1)}
        shown["traffic in production"] = traffic_told(plan)
    return shown


def traffic_told(plan: OnlinePlan) -> str:
    """How the traffic goes to the new slot, in words."""
    copies = f"copies of {plan.traffic.mirror_pct} %, then " if plan.traffic.mirror_pct else ""
    shares = ", then ".join(f"{pct} %" for pct in (*plan.traffic.steps_pct, 100))
    return f"{copies}{shares}, {plan.traffic.share_s} s each"


def waits_for(release: Release) -> str:
    """What a release in one of these phases waits for, in words; empty in any other."""
    words: Mapping[Phase, str] = {
        Phase.VERIFYING: "Azure ML: the model is read again",
        Phase.COMPARING: "Azure ML: the comparison with what production serves",
        Phase.PROMOTING: "Azure ML: the model is shared to the registry",
        Phase.WAITING_FOR_ENDPOINT: "the endpoints of the model",
        Phase.RECORDING_DEV: "Azure ML: what the endpoint in dev serves is read",
        Phase.DEPLOYING_DEV: "Azure ML: the slot in dev comes up",
        Phase.TESTING_DEV: "the tests of the slot in dev",
        Phase.MOVING_DEV_TRAFFIC: "Azure ML: the traffic in dev",
        Phase.RECORDING_PREVIOUS: "Azure ML: what the endpoint in production serves is read",
        Phase.DEPLOYING_PRODUCTION: "Azure ML: the slot in production comes up",
        Phase.TESTING_PRODUCTION: "the tests of the slot in production",
        Phase.MOVING_TRAFFIC: "Azure ML: the traffic in production",
        Phase.WATCHING: "the end of the watch; failing requests send the traffic back",
        Phase.REMOVING_SLOTS: "Azure ML: slots that served before are deleted",
        Phase.RESTORING: "Azure ML: the traffic goes back to what served before",
    }
    text = words.get(release.phase, "")
    moving = release.phase in (Phase.MOVING_DEV_TRAFFIC, Phase.MOVING_TRAFFIC)
    rollout = online_of(release).rollout(SIDE_OF[release.phase]) if moving else None
    return f"{text}: {shares_told(rollout.steps[rollout.step].traffic)}" if rollout else text
