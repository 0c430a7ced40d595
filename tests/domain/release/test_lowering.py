"""Nothing goes down in production unless people were told and said why (I29)."""

from dataclasses import replace

import pytest

from shared.domain.errors import InvalidRequest
from shared.domain.release import events as e
from shared.domain.release.decide import decide
from shared.domain.release.lowering import lowered, supersedes
from shared.domain.release.model import FleetTarget, InProduction, Kind, Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest, gate_facts
from tests.support.builders import NOW, a_policy, a_spec
from tests.support.drive_fleet import ENGINEER, MANAGER
from tests.support.drive_fleet import driven_to as fleet_driven_to
from tests.support.drive_model import answer, approval, driven_to, next_event

REGISTRY = "azureml://registries/mlregistry-shared"
GATE = Phase.AWAITING_PRODUCTION_APPROVAL


def running(model: str = "6", environment: str = "1.5.0", name: str = "custom-tf-env") -> InProduction:
    """What production runs for the circuit."""
    return InProduction(
        model=f"{REGISTRY}/models/sensor_model_P001_C001/versions/{model}",
        environment=f"{REGISTRY}/environments/{name}/versions/{environment}",
    )


def at_the_gate(found: InProduction | None, **policy: object) -> Release:
    """Version 7 with environment 1.5.0 where `found` runs."""
    release = driven_to(Phase.WAITING_FOR_CIRCUIT, a_policy(**policy))
    release = decide(release, answer(e.CircuitAcquired, release, epoch=4, found=found), NOW).release
    while release.phase in (Phase.DEPLOYING_TEST, Phase.TESTING):
        release = decide(release, next_event(release), NOW).release
    return release


@pytest.mark.parametrize(
    ("found", "brings"),
    [
        (running(environment="1.5.1"), "1.5.1"),
        (running(environment="1.6.0"), "1.6.0"),
        (running(environment="1.10.0"), "1.10.0"),
        (running(environment="1.4.9"), "1.5.0"),
        (running(environment="2.0.0"), "1.5.0"),
        (running(environment="latest"), "1.5.0"),
        (running(environment="1.6.0", name="another-env"), "1.5.0"),
        (None, "1.5.0"),
    ],
)
def test_a_model_keeps_a_newer_compatible_environment(found: InProduction | None, brings: str) -> None:
    """It is tested in it, too."""
    release = at_the_gate(found)
    assert gate_facts(release, Stage.PRODUCTION)["environment"].split(",")[0] == f"custom-tf-env:{brings}"
    assert release.registry_environment_id.endswith(f"/custom-tf-env/versions/{brings}")


@pytest.mark.parametrize(
    ("found", "fact", "says"),
    [
        (running(model="8"), "model", "sensor-model-P001-C001:7, lowers 8 that production runs"),
        (running(model="10"), "model", "sensor-model-P001-C001:7, lowers 10 that production runs"),
        (running(environment="2.0.0"), "environment", "custom-tf-env:1.5.0, lowers 2.0.0 that production runs"),
    ],
)
def test_what_goes_down_is_marked_and_needs_a_reason(found: InProduction, fact: str, says: str) -> None:
    """Without one nobody can approve it; with one it goes on."""
    release = at_the_gate(found)
    assert gate_facts(release, Stage.PRODUCTION)[fact] == says
    with pytest.raises(InvalidRequest, match=r"approving needs a reason, because the .* lowers"):
        decide(release, approval(release, reason=" "), NOW)
    assert decide(release, approval(release, reason="8 is biased"), NOW).release.phase is Phase.RECORDING_PREVIOUS


def test_what_goes_down_can_be_rejected_as_any_other() -> None:
    """The reason is that of the rejection."""
    release = at_the_gate(running(model="8"))
    assert decide(release, approval(release, approved=False, reason="too old"), NOW).release.phase is Phase.REJECTED


@pytest.mark.parametrize(
    "found", [running(), running(model="7"), running(environment="1.5.1"), running(model="x"), None]
)
def test_what_does_not_go_down_needs_no_reason(found: InProduction | None) -> None:
    """The usual release."""
    release = at_the_gate(found)
    assert "lowers" not in str(gate_facts(release, Stage.PRODUCTION))
    assert decide(release, approval(release, reason=""), NOW).release.phase is Phase.RECORDING_PREVIOUS


def test_the_gate_shows_what_production_runs_and_the_approval_binds_to_it() -> None:
    """Approved is this version over that one (I5)."""
    one, other = at_the_gate(running(model="8")), at_the_gate(running(model="9"))
    assert gate_facts(one, Stage.PRODUCTION)["production runs"] == "sensor_model_P001_C001:8 in custom-tf-env:1.5.0"
    assert gate_digest(one, Stage.PRODUCTION) != gate_digest(other, Stage.PRODUCTION)


def test_without_a_gate_nothing_goes_down() -> None:
    """There is nobody who could say so."""
    gates = {Stage.REGISTRY: a_policy().gates[Stage.REGISTRY]}
    release = at_the_gate(running(model="8"), gates=gates)
    assert release.phase is Phase.FAILED
    assert "lowers 8" in release.reason
    assert at_the_gate(running(model="6"), gates=gates).phase is Phase.RECORDING_PREVIOUS


def test_what_somebody_raised_by_hand_after_the_gate_is_not_lowered() -> None:
    """A person has to look; nothing of production was touched."""
    release = at_the_gate(running(model="6"))
    release = decide(release, approval(release), NOW).release
    raised = a_spec(model=running(model="9").model, environment=running().environment)
    held = decide(release, answer(e.PreviousRecorded, release, previous=raised), NOW).release
    assert (held.phase, held.held_phase, held.production_touched) == (Phase.HELD, Phase.RECORDING_PREVIOUS, False)
    assert "model: lowers 9" in held.reason


def test_what_people_said_may_go_down_goes_down() -> None:
    """It is what they were shown."""
    release = at_the_gate(running(model="9"))
    release = decide(release, approval(release, reason="9 is biased"), NOW).release
    previous = a_spec(model=running(model="9").model, environment=running().environment)
    after = decide(release, answer(e.PreviousRecorded, release, previous=previous), NOW).release
    assert after.phase is Phase.DEPLOYING_PRODUCTION


def a_fleet_with_a_newer_circuit() -> Release:
    """Version 1.5.1 at its gate; one circuit of three runs 1.5.2 by then."""
    release = fleet_driven_to(GATE).release

    def newer(target: FleetTarget) -> FleetTarget:
        ahead = target.previous.environment.replace("1.5.0", "1.5.2")
        return replace(target, previous=replace(target.previous, environment=ahead))

    first, *rest = release.fleet
    return replace(release, fleet=(newer(first), *rest))


def test_an_environment_that_lowers_circuits_names_them_and_needs_a_reason() -> None:
    """A model may have brought a newer one since the version was verified."""
    drive = fleet_driven_to(GATE)
    drive.release = release = a_fleet_with_a_newer_circuit()
    assert (
        gate_facts(release, Stage.PRODUCTION)["environment"] == "custom-tf-env:1.5.1, lowers 1.5.2 that P001-C001 run"
    )
    with pytest.raises(InvalidRequest, match="approving needs a reason"):
        drive.approved(ENGINEER)
    for actor in (ENGINEER, MANAGER):
        drive.tell(drive.decision(actor, reason="1.5.2 leaks"))
    assert drive.release.phase is Phase.UPDATING


def test_many_lowered_circuits_are_told_by_number() -> None:
    """A gate must stay readable."""
    release = fleet_driven_to(GATE, 4, 4).release
    ahead = [
        replace(t, previous=replace(t.previous, environment=running(environment="1.9.0").environment))
        for t in release.fleet
    ]
    told = lowered(replace(release, fleet=tuple(ahead)))["environment"]
    assert told.endswith("P002-C001 and 3 more run")


@pytest.mark.parametrize("version", ["\N{SUPERSCRIPT TWO}", "9" * 5000, "latest", ""])
def test_a_version_that_is_no_number_is_not_compared(version: str) -> None:
    """Somebody deployed it by hand; it must not stop the release."""
    assert "model" not in lowered(at_the_gate(running(model=version)))


@pytest.mark.parametrize(("kind", "is_superseded"), [(Kind.MODEL, True), (Kind.ROLLBACK, False)])
def test_a_rollback_waits_for_that_of_a_newer_version_and_is_not_superseded_by_it(
    kind: Kind, is_superseded: bool
) -> None:
    """It brings nothing that could lower what the other one brings: when that one is over, it has still to go back."""
    holder = replace(driven_to(Phase.WAITING_FOR_CIRCUIT), kind=kind, asset_version="8")
    assert supersedes(holder, replace(holder, release_id="sensor-model-7", asset_version="7")) is is_superseded
