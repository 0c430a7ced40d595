"""The HTTP functions that show the fleet of an environment release, and what it ran before."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest

from shared.domain.fleet.environment_machine import LIVE
from shared.domain.release.model import TERMINAL, Phase, Progress, Verdict
from tests.functions.callers import Signer, answered, request
from tests.functions.fleets import (
    at_work,
    download,
    of,
    read_release,
    read_rollback_report,
    read_targets,
    roll_back,
    updating,
)
from tests.support.benches.release import Bench
from tests.support.benches.road import up_to
from tests.support.builders import RELEASE_ID, a_fleet_release, a_fleet_target, a_release, an_entry

REGISTERED = "azureml://registries/mlregistry-shared/environments/custom-tf-env/versions"


async def test_a_release_counts_its_targets_by_progress_and_by_verdict(bench: Bench, signer: Signer) -> None:
    """Every count is there, also those that are 0."""
    await bench.put(updating())

    body = answered(await read_release(of(signer.token())), 200)

    assert (body["kind"], body["model"], body["circuit"]) == ("environment", "custom-tf-env:1.5.1", "fleet of 2")
    assert body["progress"] == {
        "work": "updating",
        "targets": 2,
        "counts": {"untouched": 0, "waiting": 0, "changing": 1, "done": 1, "failed": 0},
        "checks": {"passed": 1, "failed": 0, "errored": 0, "inconclusive": 1},
    }


async def test_a_release_of_a_model_has_no_progress(bench: Bench, signer: Signer) -> None:
    await bench.put(a_release(Phase.TESTING))

    body = answered(await read_release(of(signer.token())), 200)

    assert (body["kind"], body["progress"]) == ("model", None)


@pytest.mark.parametrize("phase", sorted(LIVE | TERMINAL))
async def test_an_environment_release_can_be_read_in_every_phase(bench: Bench, signer: Signer, phase: Phase) -> None:
    """It never has the one target of a model release."""
    await bench.put(a_fleet_release(phase))

    body = answered(await read_release(of(signer.token())), 200)

    assert body["circuit"] == "fleet of 2"


async def test_work_that_is_over_stays_as_it_ended(bench: Bench, signer: Signer) -> None:
    """While production is watched nobody waits for an update."""
    done = [at_work(a_fleet_target(n), Phase.UPDATING, Progress.DONE, touched=True) for n in (1, 2)]
    await bench.put(a_fleet_release(Phase.WATCHING, fleet=tuple(done)))

    progress = answered(await read_release(of(signer.token())), 200)["progress"]

    assert (progress["work"], progress["counts"]["done"]) == ("updating", 2)


async def test_what_a_rollback_had_not_to_touch_is_told_apart(bench: Bench, signer: Signer) -> None:
    """Also after the end."""
    back = at_work(a_fleet_target(1), Phase.ROLLING_BACK, Progress.DONE, touched=True)
    never = at_work(a_fleet_target(2), Phase.CHECKING, Progress.DONE)
    await bench.put(a_fleet_release(Phase.ROLLED_BACK, fleet=(back, never), endpoints_to_list=()))

    body = answered(await read_targets(of(signer.token())), 200)

    assert [target["progress"] for target in body["targets"]] == ["done", "untouched"]


async def test_a_release_that_was_aborted_on_hold_keeps_how_far_its_checks_were(bench: Bench, signer: Signer) -> None:
    """The phase it was held in means nothing any more, the verdicts do."""
    failed = at_work(a_fleet_target(1), Phase.CHECKING, Progress.FAILED, detail="no compute")
    passed = at_work(a_fleet_target(2), Phase.CHECKING, Progress.DONE, check=Verdict.PASSED)
    ended = a_fleet_release(Phase.ABORTED, fleet=(failed, passed), held_phase=Phase.CHECKING, endpoints_to_list=())
    await bench.put(ended)

    body = answered(await read_targets(of(signer.token())), 200)

    assert [target["progress"] for target in body["targets"]] == ["failed", "done"]


async def test_targets_are_listed_by_plant_and_circuit_with_what_they_ran(bench: Bench, signer: Signer) -> None:
    await bench.put(updating())

    body = answered(await read_targets(of(signer.token())), 200)

    assert (body["release_id"], body["phase"], body["work"]) == (RELEASE_ID, "updating", "updating")
    first, second = body["targets"]
    assert first == {
        "key": "P001-C001",
        "plant_id": "P001",
        "circuit_id": "C001",
        "progress": "done",
        "attempt": 1,
        "touched": True,
        "check": "passed",
        "check_detail": "",
        "detail": "",
        "previous_model": "azureml://registries/mlregistry-shared/models/sensor_model_P001_C001/versions/6",
        "previous_environment": "azureml://registries/mlregistry-shared/environments/custom-tf-env/versions/1.4.0",
    }
    assert (second["circuit_id"], second["progress"], second["check"]) == ("C002", "changing", "inconclusive")


async def test_there_are_no_targets_before_they_are_frozen(bench: Bench, signer: Signer) -> None:
    await bench.put(a_fleet_release(Phase.WAITING_FOR_FLEET))

    assert answered(await read_targets(of(signer.token())), 200)["targets"] == []


async def test_rollback_metadata_is_downloaded_as_one_object(bench: Bench, signer: Signer) -> None:
    """The form of R-BACK-27; `updated_at` is when the update began, not tried again, without fractions of a second."""
    await bench.put(updating(phase=Phase.WATCHING))
    began, again = (datetime(2025, 12, 9, hour, 30, 0, 754024, tzinfo=UTC) for hour in (14, 17))
    bench.store.partitions[RELEASE_ID].history = [
        an_entry(1),
        an_entry(2, at=began, phase_after=Phase.UPDATING),
        an_entry(3, at=again, phase_before=Phase.HELD, phase_after=Phase.UPDATING),
    ]

    response = await download(of(signer.token()))

    assert response.headers["Content-Disposition"] == f'attachment; filename="rollback-{RELEASE_ID}-release.json"'
    previous = {"plant_id": "P001", "previous_environment": f"{REGISTERED}/1.4.0"}
    assert answered(response, 200) == {
        "release_id": RELEASE_ID,
        "environment_version": "1.5.1",
        "previous_environment_version": "1.4.0",
        "updated_at": "2025-12-09T14:30:00Z",
        "deployments": [{**previous, "circuit_id": "C001"}, {**previous, "circuit_id": "C002"}],
    }


async def test_rollback_metadata_is_downloaded_as_a_list_on_request(bench: Bench, signer: Signer) -> None:
    """The form of R-ENVREL-16; every way Azure ML writes an environment, as it is: a script can put it back."""
    forms = (
        "azureml:custom-tf-env:1.4.1",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/environments/"
        "custom-tf-env/versions/1.4.2",
    )
    targets = tuple(
        replace(target, previous=replace(target.previous, environment=form))
        for target, form in zip(updating().fleet, forms, strict=True)
    )
    await bench.put(updating(fleet=targets))

    response = await download(of(signer.token(), format="list"))

    assert answered_list(response) == [
        {"plant_id": "P001", "circuit_id": "C001", "previous_environment": forms[1]},
        {"plant_id": "P001", "circuit_id": "C002", "previous_environment": forms[0]},
    ]


def answered_list(response: func.HttpResponse) -> Any:
    assert response.status_code == 200
    return json.loads(response.get_body())


async def test_a_fleet_that_ran_several_versions_names_them_all(bench: Bench, signer: Signer) -> None:
    first, second = updating().fleet
    other = replace(second, previous=replace(second.previous, environment="azureml:custom-tf-env:1.3.9"))
    await bench.put(updating(fleet=(first, other)))

    body = answered(await download(of(signer.token())), 200)

    assert (body["previous_environment_version"], body["updated_at"]) == ("1.3.9, 1.4.0", None)


@pytest.mark.parametrize("phase", [Phase.AWAITING_REGISTRY_APPROVAL, Phase.FREEZING_TARGETS])
async def test_an_empty_file_never_passes_for_rollback_metadata(bench: Bench, signer: Signer, phase: Phase) -> None:
    """409 while the state of some targets is not recorded, also when some are."""
    await bench.put(a_fleet_release(phase, fleet=(a_fleet_target(1),) if phase is Phase.FREEZING_TARGETS else ()))

    assert "not recorded" in answered(await download(of(signer.token())), 409)["detail"]


@pytest.mark.parametrize("call", [read_targets, download])
async def test_a_release_of_a_model_has_no_fleet(bench: Bench, signer: Signer, call: Any) -> None:
    """It says where its target is."""
    await bench.put(a_release(Phase.RELEASED))

    assert "releases a model" in answered(await call(of(signer.token())), 409)["detail"]


async def test_a_format_that_is_none_is_refused(bench: Bench, signer: Signer) -> None:
    await bench.put(updating())

    assert "release or list" in answered(await download(of(signer.token(), format="csv")), 400)["detail"]


async def test_a_release_that_was_carried_out_is_rolled_back_and_told_over_http(
    fleet: Bench,
    signer: Signer,
) -> None:
    """From six updated deployments to six that were put back; what they ran can be downloaded all along."""
    release_id = (await up_to(fleet, Phase.WATCHING)).release_id
    token = signer.token()

    watched = answered(await read_release(request(token, release_id=release_id)), 200)["progress"]
    assert (watched["work"], watched["counts"]["done"], watched["checks"]["passed"]) == ("updating", 6, 6)
    body = {"reason": "batch jobs fail", "critical": True}
    answered(await roll_back(request(token, body, method="POST", release_id=release_id)), 202)
    await fleet.run_until(release_id, Phase.ROLLED_BACK)

    listed = answered(await read_targets(request(token, release_id=release_id)), 200)
    assert (listed["work"], len(listed["targets"])) == ("verifying_rollback", 6)
    assert [target["progress"] for target in listed["targets"]].count("done") == 3
    report = answered(await read_rollback_report(request(token, release_id=release_id)), 200)
    assert (report["counts"]["restored"], report["counts"]["failed"]) == (6, 0)
    assert report["meter"]["seconds_to_verified"] >= report["meter"]["seconds_to_last_restored"] >= 0
    assert [line["done"] for line in report["checklist"][:3]] == [True, True, None]
    assert report["checklist"][2]["detail"] == "0 still fire"
    metadata = answered(await download(request(token, release_id=release_id)), 200)
    assert (metadata["previous_environment_version"], len(metadata["deployments"])) == ("1.5.0", 6)
    assert metadata["updated_at"] is not None
    assert answered(await roll_back(request(token, body, method="POST", release_id=release_id)), 409)


async def test_a_version_and_models_are_chosen_over_http(fleet: Bench, signer: Signer) -> None:
    """What cannot be had is refused before anything is opened."""
    release_id = (await up_to(fleet, Phase.WATCHING)).release_id
    await fleet.run_until(release_id, Phase.RELEASED, within_s=100_000)
    token = signer.token()
    for more, told in (({"to": "1.4.0"}, "before it ran 1.5.0"), ({"models": ["gone"]}, "gone cannot go back with it")):
        body = {"reason": "batch jobs fail", **more}
        problem = answered(await roll_back(request(token, body, method="POST", release_id=release_id)), 409)
        assert told in problem["detail"]
    body = {"reason": "batch jobs fail", "critical": True, "to": "1.5.0"}
    rollback = answered(await roll_back(request(token, body, method="POST", release_id=release_id)), 202)["release_id"]
    await fleet.run_until(rollback, Phase.ROLLED_BACK)
    shown = answered(await read_release(request(token, release_id=release_id)), 200)
    assert shown["undone_by"] == rollback
    report = answered(await read_rollback_report(request(token, release_id=release_id)), 200)
    assert (report["release_id"], report["undoes"]) == (rollback, release_id)
