"""Going back on the fakes: inside a release that is watched, and by a release of its own once it has ended."""

from dataclasses import replace

import pytest

from shared.application.fleet.rollback_requests import request_rollback
from shared.application.platform_ports import Place
from shared.application.release import intake, people
from shared.domain.errors import Conflict, NotEligible
from shared.domain.fleet.meter import AlertSeen
from shared.domain.release.model import Actor, DeploymentSpec, Kind, Phase, Progress, Release
from shared.domain.release.policy import Stage
from tests.fakes.platform import DEV_WORKSPACE
from tests.support.benches.release import MODEL, TRAINER, Bench
from tests.support.benches.road import ENGINEER, NEW, OLD, decide, running, up_to
from tests.support.builders import an_actor

OTHER = an_actor(5)
MONITOR = Actor(object_id="azure-monitor", tenant_id="", name="Azure Monitor", is_person=False)


async def released(fleet: Bench) -> Release:
    """An environment release whose watch is over."""
    release = await up_to(fleet, Phase.WATCHING)
    return await fleet.run_until(release.release_id, Phase.RELEASED, within_s=100_000)


async def approve(bench: Bench, release_id: str, actor: Actor, *, approved: bool = True) -> None:
    """Decide on the gate of a rollback."""
    await decide(bench, release_id, Stage.ROLLBACK, actor, approved=approved)
    await bench.deliver()


async def asked(bench: Bench, release_id: str, *, critical: bool = False, alert: AlertSeen | None = None) -> Release:
    """The release that rolls back."""
    actor = MONITOR if alert else ENGINEER
    decided = await request_rollback(release_id, actor, "scoring errors", bench.ports, critical=critical, alert=alert)
    await bench.deliver()
    return bench.release(decided.release.release_id)


async def test_a_released_environment_goes_back_by_a_release_of_its_own(fleet: Bench) -> None:
    """Approved by another engineer, read back, and shown to work by sample inferences; the locks are free then."""
    before = {key: deployment.spec for key, deployment in fleet.platform.deployments.items()}
    forward = await released(fleet)
    old = {target.key: target.previous for target in forward.fleet}
    rollback = await asked(fleet, forward.release_id)
    await fleet.run_until(rollback.release_id, Phase.AWAITING_ROLLBACK_APPROVAL)
    with pytest.raises(NotEligible, match="requested this release"):
        await approve(fleet, rollback.release_id, ENGINEER)
    await approve(fleet, rollback.release_id, OTHER)
    ended = await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    assert (ended.kind, ended.undoes, running(fleet)) == (Kind.ROLLBACK, forward.release_id, [OLD] * 6)
    for key, deployment in fleet.platform.deployments.items():
        assert deployment.spec.tags["restored_by_release"] == rollback.release_id
        assert "scoring errors" in deployment.spec.tags["rollback_reason"]
        wanted = next(spec for spec in old.values() if (spec.endpoint_name, spec.deployment_name) == key[1:])
        assert replace(deployment.spec, tags={}) == replace(wanted, tags={}), before[key]
    assert "3 of them ran a sample inference" in ended.reason
    assert fleet.release(forward.release_id).phase is Phase.RELEASED
    await fleet.deliver()
    assert {lock.holder for lock in fleet.locks.locks.values()} == {""}


async def test_a_critical_rollback_asks_nobody_and_is_timed(fleet: Bench) -> None:
    """Every moment of the meter is there and they are in order."""
    forward = await released(fleet)
    now = fleet.clock.now()
    seen = AlertSeen(alert_id="alert-1", fired_at=now, accepted_at=now)
    rollback = await asked(fleet, forward.release_id, critical=True, alert=seen)
    ended = await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    meter = ended.meter
    assert meter is not None
    moments = [meter.requested_at, meter.decided_at, meter.first_write_at, meter.first_restored_at]
    moments += [meter.last_restored_at, meter.verified_at]
    assert None not in moments
    assert moments == sorted(moments, key=str)
    assert meter.alert == seen


async def test_a_critical_wish_takes_a_waiting_rollback_through_its_gate(fleet: Bench) -> None:
    """Worse news do not wait for the hour that milder ones were given."""
    forward = await released(fleet)
    waiting = await asked(fleet, forward.release_id)
    await fleet.run_until(waiting.release_id, Phase.AWAITING_ROLLBACK_APPROVAL)
    now = fleet.clock.now()
    seen = AlertSeen(alert_id="alert-2", fired_at=now, accepted_at=now)
    assert (await asked(fleet, forward.release_id, critical=True, alert=seen)).release_id == waiting.release_id
    ended = await fleet.run_until(waiting.release_id, Phase.ROLLED_BACK)
    assert (running(fleet), ended.critical) == ([OLD] * 6, True)
    assert ended.meter is not None
    assert ended.meter.alert == seen


async def test_the_same_alert_never_rolls_back_twice(fleet: Bench) -> None:
    """Neither while the rollback is under way nor after it ended (I20)."""
    forward = await released(fleet)
    now = fleet.clock.now()
    seen = AlertSeen(alert_id="alert-1", fired_at=now, accepted_at=now)
    first = await asked(fleet, forward.release_id, critical=True, alert=seen)
    assert (await asked(fleet, forward.release_id, critical=True, alert=seen)).release_id == first.release_id
    await people.abort(first.release_id, OTHER, "false alarm", fleet.ports)
    await fleet.deliver()
    assert fleet.release(first.release_id).phase is Phase.ABORTED
    assert (await asked(fleet, forward.release_id, critical=True, alert=seen)).release_id == first.release_id
    other = await asked(fleet, forward.release_id)
    assert other.release_id != first.release_id


async def test_a_watched_release_asks_people_unless_it_is_critical(fleet: Bench) -> None:
    """Rejected, the watch begins again; critical, everything goes back at once."""
    forward = await up_to(fleet, Phase.WATCHING)
    waiting = await asked(fleet, forward.release_id)
    assert (waiting.release_id, waiting.phase) == (forward.release_id, Phase.AWAITING_ROLLBACK_APPROVAL)
    await approve(fleet, forward.release_id, OTHER, approved=False)
    again = fleet.release(forward.release_id)
    assert (again.phase, again.ending, running(fleet)) == (Phase.WATCHING, None, [NEW] * 6)
    await asked(fleet, forward.release_id, critical=True)
    await fleet.run_until(forward.release_id, Phase.ROLLED_BACK)
    assert running(fleet) == [OLD] * 6


async def test_nobody_answering_an_alert_in_the_watch_never_becomes_released(fleet: Bench) -> None:
    """The hour passes: the release is held, a person must say."""
    forward = await up_to(fleet, Phase.WATCHING)
    await asked(fleet, forward.release_id)
    held = await fleet.run_until(forward.release_id, Phase.HELD, within_s=100_000)
    assert "awaiting_rollback_approval" in held.reason


async def test_what_somebody_changed_since_stays_and_is_named(fleet: Bench) -> None:
    """Only the last to change a deployment may be undone (I12)."""
    forward = await released(fleet)
    key = next(key for key in fleet.platform.deployments if key[1].endswith("P001"))
    later = fleet.platform.deployments[key].spec
    fleet.platform.deployments[key].spec = replace(
        later, model="m:7", tags={**later.tags, "release_id": "later-release"}
    )
    rollback = await asked(fleet, forward.release_id, critical=True)
    ended = await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    assert running(fleet).count(OLD) == 5
    stayed = [target for target in ended.fleet if target.superseded_by]
    assert [(target.superseded_by, target.progress) for target in stayed] == [("later-release", Progress.UNTOUCHED)]


async def test_a_superseded_release_is_refused_with_what_to_do(fleet: Bench) -> None:
    """Everything it changed was changed since."""
    forward = await released(fleet)
    for deployment in fleet.platform.deployments.values():
        deployment.spec = replace(deployment.spec, tags={**deployment.spec.tags, "release_id": "later-release"})
    rollback = await asked(fleet, forward.release_id, critical=True)
    ended = await fleet.run_until(rollback.release_id, Phase.FAILED)
    assert "later-release" in ended.reason
    assert "roll that back" in ended.reason
    assert running(fleet) == [NEW] * 6


async def test_a_forward_release_does_not_stand_in_the_way(fleet: Bench) -> None:
    """Its circuit is taken: it ends and says by whom; the rollback goes on."""
    forward = await released(fleet)
    model = await fleet.run_until(await fleet.registered(), Phase.AWAITING_REGISTRY_APPROVAL)
    await decide(fleet, model.release_id, Stage.REGISTRY, OTHER)
    await fleet.run_until(model.release_id, Phase.AWAITING_PRODUCTION_APPROVAL)
    rollback = await asked(fleet, forward.release_id, critical=True)
    await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    lost = fleet.release(model.release_id)
    assert lost.phase is Phase.FAILED
    assert rollback.release_id in lost.reason


async def a_released_model(bench: Bench) -> Release:
    """Version 7 of P001/C001's model went over version 6."""
    model = await bench.run_until(await bench.registered(), Phase.AWAITING_REGISTRY_APPROVAL)
    for stage, phase in (
        (Stage.REGISTRY, Phase.AWAITING_PRODUCTION_APPROVAL),
        (Stage.PRODUCTION, Phase.RELEASED),
    ):
        await decide(bench, model.release_id, stage, OTHER)
        await bench.run_until(model.release_id, phase)
    return bench.release(model.release_id)


def of_circuit(bench: Bench) -> DeploymentSpec:
    """What production runs for P001/C001."""
    found = [
        deployment.spec
        for (place, endpoint, name), deployment in bench.platform.deployments.items()
        if (place, endpoint[-4:], name[-4:].lower()) == (Place.PRODUCTION, "P001", "c001")
    ]
    assert len(found) == 1
    return found[0]


async def test_a_released_model_goes_back_on_its_one_circuit(fleet: Bench) -> None:
    """To the recorded previous version, with the marks; the other circuits are left alone."""
    before = of_circuit(fleet)
    forward = await a_released_model(fleet)
    assert of_circuit(fleet).model != before.model
    rollback = await asked(fleet, forward.release_id)
    await fleet.run_until(rollback.release_id, Phase.AWAITING_ROLLBACK_APPROVAL)
    await approve(fleet, rollback.release_id, OTHER)
    ended = await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    after = of_circuit(fleet)
    assert replace(after, tags=before.tags) == before
    assert (after.tags["restored_by_release"], "rolled_back_at" in after.tags) == (rollback.release_id, True)
    assert [target.key for target in ended.fleet] == ["P001-C001"]
    writes = [d for d in fleet.platform.deployments.values() if "rolled_back_at" in d.spec.tags]
    assert len(writes) == 1


async def test_a_model_and_an_environment_go_back_one_after_the_other(fleet: Bench) -> None:
    """The last change first: then the environment's own change is what runs again, and can be undone as well."""
    before = of_circuit(fleet)
    environment = await released(fleet)
    model = await a_released_model(fleet)
    for forward in (model, environment):
        rollback = await asked(fleet, forward.release_id, critical=True)
        ended = await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)
        assert [target.superseded_by for target in ended.fleet if target.superseded_by] == []
    production = [each.spec for key, each in fleet.platform.deployments.items() if key[0] is Place.PRODUCTION]
    assert [spec.environment for spec in production] == [before.environment] * 6
    assert replace(of_circuit(fleet), tags=before.tags) == before


async def a_newer_model(bench: Bench) -> Release:
    """Version 8 of P001/C001's model goes over what runs."""
    bench.platform.add_model(MODEL, "8", {"plant_id": "P001", "circuit_id": "C001"}, created_by=TRAINER)
    at = bench.clock.now()
    release_id = await intake.model_registered("registration-8", DEV_WORKSPACE, MODEL, "8", at, bench.ports)
    for gate, stage in (
        (Phase.AWAITING_REGISTRY_APPROVAL, Stage.REGISTRY),
        (Phase.AWAITING_PRODUCTION_APPROVAL, Stage.PRODUCTION),
    ):
        await bench.run_until(release_id, gate)
        await decide(bench, release_id, stage, OTHER)
    return await bench.run_until(release_id, Phase.RELEASED)


async def test_a_pair_whose_model_was_replaced_meanwhile_goes_back_without_it(fleet: Bench) -> None:
    """What people approved is looked at again right before the change: a newer model stays (I12, I28)."""
    model = await a_released_model(fleet)
    fleet.clock.advance(1000)
    environment = await released(fleet)
    fleet.clock.advance(1000)
    decided = await request_rollback(
        environment.release_id,
        ENGINEER,
        "scoring errors",
        fleet.ports,
        critical=False,
        models=[model.release_id, environment.release_id, "no-such-release"],
    )
    assert decided.models == {model.release_id}
    rollback_id = decided.release.release_id
    await fleet.run_until(rollback_id, Phase.AWAITING_ROLLBACK_APPROVAL)
    newer = await a_newer_model(fleet)
    await approve(fleet, rollback_id, OTHER)
    await fleet.run_until(rollback_id, Phase.ROLLED_BACK)

    assert running(fleet) == [OLD] * 6
    assert (of_circuit(fleet).model, of_circuit(fleet).tags["model_release"]) == (
        newer.registry_model_id,
        newer.release_id,
    )


async def test_a_rollback_that_was_listed_without_dimensions_puts_all_back(fleet: Bench) -> None:
    """Its rows were written by code that knew none."""
    before = of_circuit(fleet)
    forward = await a_released_model(fleet)
    rollback = await asked(fleet, forward.release_id)
    await fleet.run_until(rollback.release_id, Phase.AWAITING_ROLLBACK_APPROVAL)
    partition = fleet.store.partitions[rollback.release_id]
    old = tuple(replace(target, dimensions=()) for target in partition.release.fleet)
    partition.release = replace(partition.release, fleet=old)
    await approve(fleet, rollback.release_id, OTHER)
    await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    after = of_circuit(fleet)
    assert replace(after, tags=before.tags) == before
    assert before.tags.items() <= after.tags.items()


async def test_a_model_that_replaced_nothing_has_nothing_to_go_back_to(bench: Bench) -> None:
    """A person is told what to do instead."""
    forward = await a_released_model(bench)
    with pytest.raises(Conflict, match="replaced nothing"):
        await request_rollback(forward.release_id, ENGINEER, "no", bench.ports, critical=False)


async def test_what_did_not_end_as_released_has_nothing_to_undo(fleet: Bench) -> None:
    """A person is told what to do instead."""
    forward = await up_to(fleet, Phase.AWAITING_REGISTRY_APPROVAL)
    with pytest.raises(Conflict, match="awaiting_registry_approval"):
        await request_rollback(forward.release_id, ENGINEER, "no", fleet.ports, critical=False)
    rollback_of_nothing = await released_rollback(fleet, forward.release_id)
    with pytest.raises(Conflict, match="ended"):
        await request_rollback(rollback_of_nothing, ENGINEER, "no", fleet.ports, critical=False)


async def released_rollback(bench: Bench, release_id: str) -> str:
    """The release after it was aborted."""
    await people.abort(release_id, OTHER, "not now", bench.ports)
    await bench.run_until(release_id, Phase.ABORTED)
    return release_id


async def test_production_reads_as_before_while_a_rollback_waits_for_people(fleet: Bench) -> None:
    """Nothing is written before somebody decided (I2)."""
    forward = await released(fleet)
    rollback = await asked(fleet, forward.release_id)
    await fleet.run_until(rollback.release_id, Phase.AWAITING_ROLLBACK_APPROVAL)
    assert running(fleet) == [NEW] * 6
    expired = await fleet.run_until(rollback.release_id, Phase.EXPIRED, within_s=10_000)
    assert (running(fleet), expired.production_touched) == ([NEW] * 6, False)
    assert Place.PRODUCTION in {key[0] for key in fleet.platform.deployments}


async def test_a_change_that_lands_after_the_sample_inference_is_put_right(fleet: Bench) -> None:
    """Sent twice, or late on its way: it fails, and production would be left with nothing that works (I11)."""
    forward = await released(fleet)
    rollback = await asked(fleet, forward.release_id, critical=True)
    await fleet.run_until(rollback.release_id, Phase.VERIFYING_ROLLBACK)
    key, deployment = next(iter(fleet.platform.deployments.items()))
    late = replace(deployment, outcome="Failed")
    fleet.platform.deployments[key] = late

    await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)
    told = [entry.note for entry in fleet.store.partitions[rollback.release_id].history]
    assert sum("its deployment broke after it was put back" in note for note in told) == 1
    assert fleet.platform.deployments[key].outcome == "Succeeded"
    assert running(fleet) == [OLD] * 6
