"""After an environment release the configuration agrees again: one pull request names what production runs."""

from dataclasses import replace

import pytest

from shared.application.errors import PlatformRefused, TransientFault
from shared.application.fleet.propose import propose_environment
from shared.domain.names import file_of
from shared.domain.release.commands import ProposeEnvironment
from shared.domain.release.model import Phase, Release
from tests.application.fleet.test_rollbacks import a_released_model, asked
from tests.application.fleet.test_taken_circuits import environment_up_to
from tests.fakes.config import CIRCUITS, PLANTS
from tests.fakes.source_control import MemorySourceControl
from tests.support.benches.release import Bench
from tests.support.benches.road import NEW, OLD

FILE = 'training:\n  environment_version: "{version}" # what it runs\n'
PATHS = [file_of(f"{plant}-{circuit}") for plant in PLANTS for circuit in CIRCUITS]


@pytest.fixture
def source(fleet: Bench) -> MemorySourceControl:
    """The main branch names the old version for every circuit."""
    fleet.files = {path: FILE.format(version=OLD) for path in PATHS}
    fleet.source_control = MemorySourceControl(dict(fleet.files))
    return fleet.source_control


async def released(fleet: Bench) -> Release:
    release_id = await environment_up_to(fleet, Phase.WATCHING)
    await fleet.run_until(release_id, Phase.RELEASED, within_s=100_000)
    await fleet.deliver()
    return fleet.release(release_id)


def told(fleet: Bench, release: Release) -> str:
    return fleet.store.partitions[release.release_id].history[-1].note


async def test_all_updated_circuits_are_one_pull_request(fleet: Bench, source: MemorySourceControl) -> None:
    """Its address is on the release and in its history; comments stay."""
    release = await released(fleet)
    assert release.pull_request == "https://source.example.com/pull/1"
    assert source.branches == {f"environment/{release.release_id}": {path: FILE.format(version=NEW) for path in PATHS}}
    assert told(fleet, release).startswith(f"{release.pull_request} names {NEW} in {PATHS[0]}, ")


async def test_without_source_control_it_is_told_what_would_be_proposed(
    fleet: Bench, source: MemorySourceControl
) -> None:
    """A dry run is the default."""
    fleet.source_control = None
    release = await released(fleet)
    assert release.pull_request == ""
    assert told(fleet, release).startswith(f"dry run: a pull request would name {NEW} in {PATHS[0]}, ")
    assert source.pull_requests == {}


async def test_source_control_that_does_not_answer_is_asked_again(fleet: Bench, source: MemorySourceControl) -> None:
    """The command stays; done twice, it is one pull request and one entry of the history."""
    release = await released(fleet)
    entries = len(fleet.store.partitions[release.release_id].history)
    source.faults = [TransientFault("no answer")]
    with pytest.raises(TransientFault):
        await propose_environment(a_command(release), fleet.ports)
    await propose_environment(a_command(release), fleet.ports)
    await fleet.deliver()
    assert len(source.pull_requests) == 1
    assert len(fleet.store.partitions[release.release_id].history) == entries


async def test_a_refusal_is_told_with_its_reason(fleet: Bench, source: MemorySourceControl) -> None:
    """The release has ended well all the same."""
    source.faults = [PlatformRefused("the token may not write")]
    release = await released(fleet)
    assert (release.phase, release.pull_request) == (Phase.RELEASED, "")
    assert told(fleet, release) == (
        f"the change of the configuration to {NEW} could not be proposed: the token may not write"
    )


async def test_what_names_it_already_or_a_later_one_stays(fleet: Bench, source: MemorySourceControl) -> None:
    """So does what cannot be changed, which is told; the others are proposed."""
    source.files[PATHS[0]] = FILE.format(version=NEW)
    source.files[PATHS[1]] = FILE.format(version="2.0.0")
    source.files[PATHS[2]] = "training: {}\n"
    del source.files[PATHS[3]]
    release = await released(fleet)
    [files] = source.branches.values()
    assert sorted(files) == sorted(PATHS[4:])
    by_hand = told(fleet, release).partition("to be changed by hand: ")[2]
    assert (PATHS[2] in by_hand, PATHS[3] in by_hand) == (True, True)


async def test_nothing_is_proposed_where_all_files_agree(fleet: Bench, source: MemorySourceControl) -> None:
    source.files = dict.fromkeys(PATHS, FILE.format(version=NEW))
    release = await released(fleet)
    assert (told(fleet, release), source.branches) == (f"no file has to be changed to name {NEW}", {})


async def test_nothing_is_proposed_once_production_has_gone_back(fleet: Bench, source: MemorySourceControl) -> None:
    """The command may come late."""
    release = await released(fleet)
    fleet.clock.advance(1000)
    rollback = await asked(fleet, release.release_id, critical=True)
    await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)
    await fleet.deliver()
    source.pull_requests.clear()
    await propose_environment(a_command(release), fleet.ports)
    assert source.pull_requests == {}


async def test_a_model_release_proposes_nothing(fleet: Bench, source: MemorySourceControl) -> None:
    """Nor does an environment that went back in its watch."""
    await a_released_model(fleet)
    fleet.clock.advance(1000)
    environment = await environment_up_to(fleet, Phase.WATCHING)
    await asked(fleet, environment, critical=True)
    await fleet.run_until(environment, Phase.ROLLED_BACK)
    await fleet.deliver()
    assert source.pull_requests == {}


async def test_a_circuit_that_somebody_else_changed_is_left_out(fleet: Bench, source: MemorySourceControl) -> None:
    """Production runs something else there."""
    release = await released(fleet)
    partition = fleet.store.partitions[release.release_id]
    targets = tuple(replace(each, superseded_by="another") for each in partition.release.fleet)
    partition.release = replace(partition.release, fleet=targets)
    source.pull_requests.clear()
    await propose_environment(a_command(release), fleet.ports)
    assert source.pull_requests == {}


def a_command(release: Release) -> ProposeEnvironment:
    return ProposeEnvironment(
        command_id=f"{release.release_id}-{release.serial}-propose-environment",
        release_id=release.release_id,
        serial=release.serial,
        version=NEW,
    )
