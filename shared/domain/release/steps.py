"""The commands and timers of a step: what carries a phase out, what looks at it, and what ends its waiting.

Every id is derived from release, serial and verb, so the same step always has the same ids.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.domain.fleet.lanes import running_checks, work_s
from shared.domain.fleet.specs import models_gone_back
from shared.domain.online import steps as online
from shared.domain.release import commands as c
from shared.domain.release.command_ids import Common, common_of
from shared.domain.release.events import DeadlinePassed, LookDue
from shared.domain.release.model import GATE_OF_PHASE, Kind, Phase, Release
from shared.domain.release.specs import wanted_spec

#: Endpoints that are listed at the same time: all at once would not fit the rows of a commit.
LISTED_AT_ONCE = 20


def phase_deadline_s(release: Release) -> int:
    """How long the current phase may last, in seconds; work on many targets longer than the policy says, if it needs
    to."""
    limits = release.policy.limits
    if release.phase is Phase.WATCHING and release.watch_extended:
        return release.policy.watch.extension_s
    if release.phase in GATE_OF_PHASE:
        return release.policy.gates[GATE_OF_PHASE[release.phase]].deadline_s
    given_s = {
        Phase.VERIFYING: limits.verify_deadline_s,
        Phase.PROMOTING: limits.promote_deadline_s,
        Phase.WAITING_FOR_CIRCUIT: limits.circuit_wait_deadline_s,
        Phase.DEPLOYING_TEST: limits.deploy_deadline_s,
        Phase.TESTING: limits.test_deadline_s,
        Phase.RECORDING_PREVIOUS: limits.deploy_deadline_s,
        Phase.DEPLOYING_PRODUCTION: limits.deploy_deadline_s,
        Phase.SETTLING: limits.deploy_deadline_s,
        Phase.RESTORING: limits.deploy_deadline_s,
        Phase.WAITING_FOR_FLEET: limits.circuit_wait_deadline_s,
        Phase.FREEZING_TARGETS: limits.deploy_deadline_s,
        Phase.CHECKING: limits.test_deadline_s,
        Phase.UPDATING: limits.deploy_deadline_s,
        Phase.WATCHING: limits.watch_s,
        Phase.ROLLING_BACK: limits.rollback_deadline_s,
        Phase.VERIFYING_ROLLBACK: limits.test_deadline_s,
        Phase.HELD: limits.hold_deadline_s,
        Phase.COMPARING: limits.test_deadline_s,
        Phase.WAITING_FOR_ENDPOINT: limits.circuit_wait_deadline_s,
        Phase.RECORDING_DEV: limits.deploy_deadline_s,
        Phase.DEPLOYING_DEV: limits.deploy_deadline_s,
        Phase.TESTING_DEV: limits.test_deadline_s,
        Phase.MOVING_DEV_TRAFFIC: limits.deploy_deadline_s,
        Phase.TESTING_PRODUCTION: limits.test_deadline_s,
        Phase.MOVING_TRAFFIC: limits.deploy_deadline_s,
        Phase.REMOVING_SLOTS: limits.deploy_deadline_s,
    }[release.phase]
    return max(given_s, work_s(release, release.phase)) + online.share_s(release)


def first_look_s(release: Release) -> int:
    """When a step is looked at first, in seconds after it began; settling waits out its quiet period."""
    if release.phase is Phase.WATCHING:
        return release.policy.watch.look_interval_s
    limits = release.policy.limits
    return limits.settle_quiet_s if release.phase is Phase.SETTLING else limits.look_interval_s


def next_look_s(release: Release) -> int:
    """The pause after a look: twice as long after every ten looks, up to twenty intervals, so that waiting for days
    (a held circuit) does not cost a look every half minute. A watch is as alert at its end as at its beginning."""
    if release.phase is Phase.WATCHING:
        return release.policy.watch.look_interval_s
    return int(release.policy.limits.look_interval_s * min(2 ** (release.look // 10), 20))


def look_due(release: Release) -> LookDue:
    """The event of the next look."""
    number = release.look + 1
    return LookDue(
        event_id=f"{release.release_id}-{release.serial}-look-{number}",
        release_id=release.release_id,
        occurred_at=release.look_at or release.phase_since,
        serial=release.serial,
        look=number,
    )


def deadline_passed(release: Release) -> DeadlinePassed:
    """The event that ends the current wait."""
    return DeadlinePassed(
        event_id=f"{release.release_id}-{release.serial}-deadline",
        release_id=release.release_id,
        occurred_at=release.deadline_at or release.phase_since,
        serial=release.serial,
    )


def timers(release: Release) -> tuple[c.Command, ...]:
    """The scheduled messages of a step that just began: its deadline and, if it works, its first look."""
    event = deadline_passed(release)
    deadline = c.ScheduleEvent(**common_of(release, "deadline", release.deadline_at), event=event)
    return (deadline, next_look(release)) if release.look_at else (deadline,)


def next_look(release: Release) -> c.Command:
    """The scheduled message of the next look."""
    event = look_due(release)
    return c.ScheduleEvent(**common_of(release, f"look-{event.look}", release.look_at), event=event)


def fact(release: Release, now: datetime, reason: str) -> c.Command:
    """The fact that is published when a phase begins."""
    subject = f"releases/{release.release_id}"
    return c.PublishFact(**common_of(release, "fact"), phase=release.phase, subject=subject, reason=reason, at=now)


def cancel_running_test(release: Release) -> tuple[c.Command, ...]:
    """Cancels the job of the test inference or of the comparison, if one is running that the app started."""
    if release.online is not None and release.online.wish.comparison_run:
        return ()
    return tuple(
        c.CancelTest(**common_of(release, "cancel-test"), job_name=run.job_name, in_dev=release.online is not None)
        for run in release.check_runs[-1:]
        if run.verdict is None
    )


def cancel_running_checks(release: Release) -> tuple[c.Command, ...]:
    """Cancels the compatibility jobs, if any may be running."""
    names = running_checks(release)
    return (c.CancelChecks(**common_of(release, "cancel-checks"), job_names=names),) if names else ()


def ending_commands(release: Release) -> tuple[c.Command, ...]:
    """What an ended release leaves to be tidied: running tests and checks to stop, the circuit to give back.

    The lock cools down when production was touched: Azure ML has no fencing token, so a request that is still in flight
    must not land on the next holder's work.
    """
    issued = (
        *cancel_running_test(release),
        *cancel_running_checks(release),
        *_mark_rolled_back(release),
        *_propose_environment(release),
    )
    if not release.circuit_claimed:
        return issued
    changed = release.production_touched or (release.online is not None and bool(release.online.rollouts))
    cool_down_s = release.policy.limits.settle_quiet_s if changed else 0
    if release.kind is not Kind.MODEL:
        keys = tuple(sorted(release.epochs))
        return (*issued, c.FreeFleet(**common_of(release, "free-fleet"), target_keys=keys, cool_down_s=cool_down_s))
    common = common_of(release, "free-circuit")
    return (*issued, c.FreeCircuit(**common, target_key=release.target.key, cool_down_s=cool_down_s))


def _mark_rolled_back(release: Release) -> tuple[c.Command, ...]:
    """Tells what was undone, once it has been."""
    if release.phase is not Phase.ROLLED_BACK:
        return ()
    undone = (release.undoes or release.release_id, *models_gone_back(release))
    about: dict[str, Any] = {"undone": undone, "reason": release.rollback_reason, "at": release.phase_since}
    return (c.MarkRolledBack(**common_of(release, "mark-rolled-back"), **about),)


def _propose_environment(release: Release) -> tuple[c.Command, ...]:
    """Production has moved on, and the configuration follows."""
    if release.kind is not Kind.ENVIRONMENT or release.phase is not Phase.RELEASED:
        return ()
    return (c.ProposeEnvironment(**common_of(release, "propose-environment"), version=release.asset_version),)


def step_commands(release: Release, not_before: datetime | None = None, suffix: str = "") -> tuple[c.Command, ...]:
    """What carries out the current phase; nothing where people or time decide, or where targets are worked on."""
    verb = release.phase.value.replace("_", "-")
    if release.phase is Phase.FREEZING_TARGETS:
        return _listings(release, not_before, suffix)
    build = _STEP_COMMANDS[release.kind].get(release.phase)
    return () if build is None else (build(release, common_of(release, verb + suffix, not_before)),)


def _listings(release: Release, not_before: datetime | None = None, suffix: str = "") -> tuple[c.ListTargets, ...]:
    """The endpoints whose turn it is."""
    return tuple(
        c.ListTargets(
            **common_of(release, f"list-{name.lower()}{suffix}", not_before), endpoint_name=name, undoes=release.undoes
        )
        for name in release.endpoints_to_list[:LISTED_AT_ONCE]
    )


def newly_listed(before: Release, after: Release) -> tuple[c.Command, ...]:
    """After the answer of one endpoint: the one whose turn comes with it."""
    asked = before.endpoints_to_list[:LISTED_AT_ONCE]
    return tuple(command for command in _listings(after) if command.endpoint_name not in asked)


def observe_commands(release: Release, suffix: str) -> tuple[c.Command, ...]:
    """The command that looks how the current step is doing."""
    if release.online is not None:
        return online.observe_commands(release, suffix)
    common = common_of(release, "observe" + suffix)
    spec = wanted_spec(release, release.phase)
    if release.phase is Phase.TESTING:
        return (c.ObserveTest(**common, spec=spec, job_name=release.check_runs[-1].job_name),)
    return (c.ObserveDeployment(**common, phase=release.phase, spec=spec),)


def _verify(release: Release, common: Common) -> c.Command:
    return c.VerifyCandidate(
        **common,
        workspace=release.asset_workspace,
        model_name=release.asset_name,
        model_version=release.asset_version,
    )


def _promote(release: Release, common: Common) -> c.Command:
    if release.candidate is None:
        raise ValueError(f"release {release.release_id} has no verified candidate to promote")
    return c.PromoteCandidate(**common, candidate=release.candidate, plan=release.target.plan)


def _acquire(release: Release, common: Common) -> c.Command:
    return c.AcquireCircuit(**common, target_key=release.target.key)


def _deploy(release: Release, common: Common) -> c.Command:
    return c.Deploy(
        **common,
        phase=release.phase,
        spec=wanted_spec(release, release.phase),
        target_key=release.target.key,
        epoch=release.target.epoch or 0,
    )


def _test(release: Release, common: Common) -> c.Command:
    spec = wanted_spec(release, Phase.TESTING)
    return c.StartTest(**common, spec=spec, input_uri=release.target.plan.input_uri)


def _record(release: Release, common: Common) -> c.Command:
    return c.RecordPrevious(**common, spec=wanted_spec(release, Phase.DEPLOYING_PRODUCTION))


def _verify_environment(release: Release, common: Common) -> c.Command:
    return c.VerifyEnvironment(
        **common,
        workspace=release.asset_workspace,
        environment_name=release.asset_name,
        environment_version=release.asset_version,
    )


def _promote_environment(release: Release, common: Common) -> c.Command:
    if release.candidate is None:
        raise ValueError(f"release {release.release_id} has no verified candidate to promote")
    return c.PromoteEnvironment(**common, candidate=release.candidate)


def _acquire_fleet(release: Release, common: Common) -> c.Command:
    keys = tuple(sorted(release.epochs))
    return c.AcquireFleet(**common, target_keys=keys, preempt=release.kind is Kind.ROLLBACK)


def _count_batch_jobs(release: Release, common: Common) -> c.Command:
    own = [target for target in release.fleet if not target.superseded_by]
    return c.CountBatchJobs(
        **common,
        target_keys=tuple(target.key for target in own),
        since=release.phase_since,
        endpoints=tuple(sorted({target.previous.endpoint_name for target in own})),
    )


_MODEL_STEPS: dict[Phase, Callable[[Release, Common], c.Command]] = {
    Phase.VERIFYING: _verify,
    Phase.PROMOTING: _promote,
    Phase.WAITING_FOR_CIRCUIT: _acquire,
    Phase.DEPLOYING_TEST: _deploy,
    Phase.TESTING: _test,
    Phase.RECORDING_PREVIOUS: _record,
    Phase.DEPLOYING_PRODUCTION: _deploy,
    Phase.RESTORING: _deploy,
}
_ENVIRONMENT_STEPS: dict[Phase, Callable[[Release, Common], c.Command]] = {
    Phase.VERIFYING: _verify_environment,
    Phase.PROMOTING: _promote_environment,
    Phase.WAITING_FOR_FLEET: _acquire_fleet,
    Phase.WATCHING: _count_batch_jobs,
}
_STEP_COMMANDS = {
    Kind.MODEL: _MODEL_STEPS,
    Kind.ENVIRONMENT: _ENVIRONMENT_STEPS,
    Kind.ROLLBACK: _ENVIRONMENT_STEPS,
    Kind.ONLINE: {**online.STEPS, Phase.WAITING_FOR_ENDPOINT: _acquire_fleet},
}
