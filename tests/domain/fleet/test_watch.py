"""The watch: production's batch jobs are counted, and too few that succeed speak against the environment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import NotEligible
from shared.domain.fleet.batch_jobs import BatchJobs
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.decide import Decision
from shared.domain.release.model import Phase
from shared.domain.release.policy import Stage
from shared.domain.release.waiting import waiting
from tests.fakes.config import rollback_gate
from tests.support.drive_fleet import ENGINEER, NEW, Drive, commands, driven_to, move_on, opened

SEVERAL = BatchJobs(succeeded=8, failed={"P001-C001": 2, "P002-C001": 1})
NUMBERS = "8 of 11 batch jobs succeeded (72.7 %), less than 90 %; failed: P001-C001 (2), P002-C001 (1)"


def watching() -> Drive:
    return driven_to(Phase.WATCHING)


def counted(drive: Drive, jobs: BatchJobs) -> Decision:
    """The answer to the current count."""
    return drive.tell(drive.step(e.BatchJobsCounted, jobs=jobs))


def that_asks(drive: Drive) -> Drive:
    """The release under a policy with a gate in front of every rollback."""
    policy = drive.release.policy
    gates = {**policy.gates, Stage.ROLLBACK: rollback_gate()}
    drive.release = replace(drive.release, policy=replace(policy, gates=gates, critical_at_once=False))
    return drive


def test_jobs_are_counted_at_regular_times_of_the_own_circuits_since_the_watch_began() -> None:
    """As often at the end of the 24 hours as at their beginning; what another release took is not judged."""
    drive = watching()
    first, *others = drive.release.fleet
    drive.release = replace(drive.release, fleet=(replace(first, superseded_by="another"), *others))
    began = drive.release.phase_since
    for _ in range(40):
        drive.now = drive.release.look_at
        (command,) = commands(drive.looked(), c.CountBatchJobs)
        assert (command.since, command.target_keys) == (began, ("P001-C002", "P002-C001"))
        assert drive.release.look_at == drive.now + timedelta(seconds=drive.release.policy.watch.look_interval_s)


def test_few_or_healthy_jobs_change_nothing_and_waiting_tells_them() -> None:
    """The history does not grow with every look."""
    drive = watching()
    before = drive.release.history_count
    counted(drive, BatchJobs(succeeded=0, failed={"P001-C001": 5, "P001-C002": 4}))
    counted(drive, BatchJobs(succeeded=57, failed={"P001-C001": 3}))

    assert (drive.release.phase, drive.release.history_count) == (Phase.WATCHING, before)
    told = waiting(drive.release)
    assert told is not None
    assert told.waits_for == (
        "the end of the watch; alerts or failing batch jobs may roll production back: "
        "57 of 60 batch jobs succeeded (95.0 %), at least 90 % is healthy; failed: P001-C001 (3)"
    )


def test_failed_deployments_of_several_circuits_roll_the_environment_back_at_once() -> None:
    """Also when no job has ended: none can run."""
    drive = watching()
    decision = counted(drive, BatchJobs(broken=("P001-C001", "P002-C001")))
    assert drive.release.phase is Phase.ROLLING_BACK
    assert "the deployment has failed or is gone of P001-C001, P002-C001" in decision.note


def test_the_failed_deployment_of_one_circuit_asks_people() -> None:
    """It speaks against its model, or against whoever changed it."""
    drive = watching()
    counted(drive, BatchJobs(broken=("P001-C002",)))
    assert drive.release.phase is Phase.HELD
    assert "only P001-C002 fails" in drive.release.reason


def test_failing_jobs_of_several_circuits_roll_the_environment_back_at_once() -> None:
    """As a critical alert about them would; the numbers are in the history and on every deployment."""
    drive = watching()
    decision = counted(drive, SEVERAL)

    assert drive.release.phase is Phase.ROLLING_BACK
    assert NUMBERS in decision.note
    reasons = {command.spec.tags["rollback_reason"] for command in commands(decision, c.ChangeTarget)}
    assert reasons == {f"the watch: {NUMBERS}, since {drive.now:%Y-%m-%d %H:%M} UTC"}
    drive.put_back()
    assert drive.release.phase is Phase.ROLLED_BACK


def test_where_the_policy_asks_people_decide_with_the_numbers() -> None:
    """Nobody asked, so that every engineer may decide; rejected, the watch begins again and counts anew."""
    drive = that_asks(watching())
    counted(drive, SEVERAL)
    assert drive.release.phase is Phase.AWAITING_ROLLBACK_APPROVAL
    told = waiting(drive.release)
    assert told is not None
    assert NUMBERS in told.waits_for

    drive.wait(60)
    drive.tell(drive.decision(ENGINEER, approved=False, reason="the sensors were off"))
    assert (drive.release.phase, drive.release.batch_jobs) == (Phase.WATCHING, None)
    (again,) = commands(drive.said[-1], c.CountBatchJobs)
    assert again.since == drive.now


def test_one_failing_circuit_is_held_for_a_person() -> None:
    """It speaks against its model: the fleet is not taken back for it, and a retry watches on from now."""
    drive = watching()
    counted(drive, BatchJobs(succeeded=8, failed={"P001-C002": 3}))
    told = waiting(drive.release)

    assert drive.release.phase is Phase.HELD
    assert told is not None
    assert "8 of 11 batch jobs succeeded (72.7 %), less than 90 %; failed: P001-C002 (3)" in told.waits_for
    assert "only P001-C002 fails, so look at its model" in told.waits_for
    drive.wait(60)
    drive.tell(drive.by(e.RetryRequested))
    assert (drive.release.phase, drive.release.phase_since) == (Phase.WATCHING, drive.now)
    assert drive.release.batch_jobs is None


def test_a_late_count_of_an_earlier_watch_changes_nothing() -> None:
    """Its numbers are those that people have decided on."""
    drive = that_asks(watching())
    late = drive.step(e.BatchJobsCounted, jobs=SEVERAL)
    counted(drive, SEVERAL)
    drive.tell(drive.decision(ENGINEER, approved=False, reason="the sensors were off"))
    drive.tell(late)

    assert drive.release.phase is Phase.WATCHING


def test_the_end_of_the_watch_says_what_was_seen() -> None:
    """Released with the numbers of the last count."""
    drive = watching()
    counted(drive, BatchJobs(succeeded=75))
    drive.overdue()

    assert drive.release.phase is Phase.RELEASED
    assert drive.release.reason.endswith(
        "was watched: 75 of 75 batch jobs succeeded (100.0 %), at least 90 % is healthy"
    )


ALL = ("P001-C001", "P001-C002", "P002-C001")


def extended_to_the_end(drive: Drive, jobs: BatchJobs | None) -> Drive:
    """Every time the watch ends, it has seen this."""
    for _ in range(drive.release.policy.watch.extensions_max):
        if jobs is not None:
            counted(drive, jobs)
        drive.overdue()
        assert drive.release.phase is Phase.WATCHING
    if jobs is not None:
        counted(drive, jobs)
    drive.overdue()
    return drive


@pytest.mark.parametrize(
    "jobs",
    [
        None,
        BatchJobs(),
        BatchJobs(missing=ALL),
        BatchJobs(unclear=9, missing=ALL),
        BatchJobs(succeeded=72, missing=("P002-C001",)),
        BatchJobs(succeeded=72, failed={"P002-C001": 2}, missing=("P002-C001",)),
    ],
)
def test_a_watch_without_predictions_of_every_circuit_is_made_longer_and_then_people_are_asked(
    jobs: BatchJobs | None,
) -> None:
    """However many jobs ended well elsewhere; what was not counted at all is not there either."""
    drive = extended_to_the_end(watching(), jobs)

    assert drive.release.phase is Phase.HELD
    told = waiting(drive.release)
    assert told is not None
    lacking = "P002-C001" if jobs and jobs.succeeded else "P001-C001, P001-C002, P002-C001"
    assert f"the watch ended without predictions of {lacking}: " in told.waits_for
    assert "retry watches again and does not wait for these circuits" in told.waits_for


def test_a_longer_watch_goes_on_as_the_same_and_says_so() -> None:
    """Since when it counts stays; how long it is made longer, and how often, is in the history and in `waiting`."""
    drive = watching()
    began = drive.release.phase_since
    counted(drive, BatchJobs(succeeded=72, missing=("P002-C001",)))
    decision = drive.overdue()

    policy = drive.release.policy.watch
    assert drive.release.deadline_at == drive.now + timedelta(seconds=policy.extension_s)
    (command,) = commands(decision, c.CountBatchJobs)
    assert command.since == began
    assert decision.note.startswith("the watch is made longer by 21600 s (1 of 4 times), because there are no pred")
    told = waiting(drive.release)
    assert told is not None
    assert "(made longer 1 of 4 times: predictions are missing): 72 of 72 batch jobs" in told.waits_for
    assert told.waits_for.endswith("; no predictions yet of P002-C001")
    assert told.since == began


def test_predictions_that_come_while_the_watch_is_longer_end_it_well() -> None:
    drive = watching()
    drive.overdue()
    counted(drive, BatchJobs(succeeded=3))
    drive.overdue()

    assert drive.release.phase is Phase.RELEASED


def test_failing_jobs_take_the_environment_back_out_of_a_longer_watch_as_well() -> None:
    drive = watching()
    drive.overdue()
    counted(drive, SEVERAL)

    assert drive.release.phase is Phase.ROLLING_BACK


def test_after_a_person_was_told_a_retry_watches_on_without_the_circuits_that_predict_nothing() -> None:
    """A sensor that is out for weeks must not keep a fleet from its environment; any other circuit is waited for."""
    drive = extended_to_the_end(watching(), BatchJobs(succeeded=72, missing=("P002-C001",)))
    drive.tell(drive.by(e.RetryRequested))
    assert (drive.release.phase, drive.release.watch_extended) == (Phase.WATCHING, 0)
    counted(drive, BatchJobs(succeeded=36, missing=("P001-C001", "P002-C001")))
    drive.overdue()
    assert drive.release.phase is Phase.WATCHING
    counted(drive, BatchJobs(succeeded=72, missing=("P002-C001",)))
    drive.overdue()

    assert drive.release.phase is Phase.RELEASED
    assert drive.release.reason.endswith("no predictions yet of P002-C001")


def test_a_circuit_that_another_release_took_is_not_waited_for() -> None:
    drive = watching()
    first, *others = drive.release.fleet
    drive.release = replace(drive.release, fleet=(replace(first, superseded_by="another"), *others))
    counted(drive, BatchJobs(succeeded=72))
    drive.overdue()

    assert drive.release.phase is Phase.RELEASED


def test_a_policy_may_ask_people_at_once() -> None:
    drive = watching()
    policy = replace(drive.release.policy, watch=replace(drive.release.policy.watch, extensions_max=0))
    drive.release = replace(drive.release, policy=policy)
    drive.overdue()

    assert drive.release.phase is Phase.HELD


def test_only_the_watch_itself_may_ask_without_a_person() -> None:
    """The same wish on the queue, by somebody who is no person and has no alert, is refused."""
    drive = watching()
    robot = replace(ENGINEER, is_person=False)
    with pytest.raises(NotEligible):
        drive.tell(drive.by(e.RollbackRequested, robot))


def test_jobs_are_only_counted_in_the_watch() -> None:
    """No step before it counts any."""
    drive = opened()
    while drive.release.phase is not Phase.WATCHING:
        assert not commands(drive.said[-1], c.CountBatchJobs)
        move_on(drive)

    assert commands(drive.said[-1], c.CountBatchJobs)
    assert drive.release.registry_environment_id == NEW
