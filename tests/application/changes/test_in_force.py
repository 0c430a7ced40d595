"""What a merge makes of the configuration in force, on real repositories: from the webhook to what releases read."""

from pathlib import Path

import pytest

from shared.application.changes.take import take_change
from shared.application.configuration import NoConfiguration, TakenConfigurations
from shared.application.errors import TransientFault
from shared.domain.changes.record import ChangeState
from tests.support.benches.changes import ChangeBench
from tests.support.repositories import FLEET, MASTER, Project, circuit_path

MINI_BATCH = "mini_batch_size: 100"


@pytest.fixture
def changes(tmp_path: Path) -> ChangeBench:
    return ChangeBench(Project.with_fleet(tmp_path / "project"), tmp_path / "cache")


def in_a_new_process(changes: ChangeBench) -> TakenConfigurations[dict[str, str]]:
    """The texts of the files of the commit, by their paths."""
    return TakenConfigurations(
        branch="main",
        taken=changes.log,
        kept=changes.kept,
        repository=changes.source,
        read=lambda commit, files: {path: content.decode() for path, content in files.items()},
        published={"": "published"},
    )


async def circuit_in_force(changes: ChangeBench, circuit: str = "C001") -> str:
    found = await in_a_new_process(changes).in_force()
    return found.get(f"plants/P001/{circuit}.yml", "nothing")


async def test_a_new_circuit_is_in_force_once_its_merge_was_taken(changes: ChangeBench) -> None:
    """Nothing is published for it."""
    changes.project.circuit("P001", "C009")
    changes.project.fleet({**FLEET, "P001": [*FLEET["P001"], "C009"]})
    head = changes.project.commit("A new circuit (#7)")
    assert await circuit_in_force(changes, "C009") == "nothing"

    await changes.settled(head)

    assert await circuit_in_force(changes, "C009") == changes.project.read(circuit_path("P001", "C009"))
    assert (await changes.log.in_force("main"), set(changes.kept.files)) == (head, {head})


async def test_files_that_the_app_does_not_read_are_not_kept(changes: ChangeBench) -> None:
    changes.project.write("config/schema/circuit.schema.json", "{}")
    changes.project.write("config/README.md", "read me")
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("More days (#7)")
    await changes.settled(head)
    circuits = {f"plants/{plant}/{circuit}.yml" for plant, names in FLEET.items() for circuit in names}
    assert set(changes.kept.files[head]) == {"plants_circuits.yml", *circuits}


async def test_a_refused_merge_leaves_in_force_what_is(changes: ChangeBench) -> None:
    changes.project.edit(circuit_path(), MINI_BATCH, "mini_batch_size: 50")
    good = changes.project.commit("Smaller (#7)")
    await changes.settled(good)
    changes.project.edit(circuit_path(), "mini_batch_size: 50", "mini_batch_size: 0")
    bad = changes.project.commit("Nothing (#8)")

    record = await changes.settled(bad)

    assert record.state is ChangeState.REFUSED
    assert (await changes.log.in_force("main"), set(changes.kept.files)) == (good, {good})


async def test_a_merge_that_leaves_the_configuration_leaves_its_commit_in_force(changes: ChangeBench) -> None:
    """But for the first one: what the branch has is then in force."""
    changes.project.write("README.md", "unrelated")
    first = changes.project.commit("Words (#7)")
    assert (await changes.settled(first)).state is ChangeState.UNRELATED
    assert await changes.log.in_force("main") == first

    changes.project.write("README.md", "unrelated again")
    second = changes.project.commit("More words (#8)")
    assert (await changes.settled(second)).state is ChangeState.UNRELATED
    assert (await changes.log.taken("main"), await changes.log.in_force("main")) == (second, first)


async def test_what_was_merged_earlier_is_not_in_force_again_when_its_webhook_comes_late(changes: ChangeBench) -> None:
    changes.project.edit(circuit_path(), MINI_BATCH, "mini_batch_size: 50")
    early = changes.project.commit("Smaller (#7)")
    changes.project.edit(circuit_path(), "mini_batch_size: 50", "mini_batch_size: 25")
    late = changes.project.commit("Smaller still (#8)")

    assert [(await changes.settled(each)).state for each in (late, early)] == [ChangeState.TAKEN, ChangeState.COVERED]

    assert await changes.log.in_force("main") == late


async def test_a_branch_that_was_wound_back_is_in_force_as_it_is_then(changes: ChangeBench) -> None:
    """As change detection takes it: what differs from what was taken counts."""
    first = changes.project.head()
    changes.project.edit(circuit_path(), MINI_BATCH, "mini_batch_size: 50")
    dropped = changes.project.commit("Smaller (#7)")
    await changes.settled(dropped)
    changes.project.git("reset", "--quiet", "--hard", first)

    await changes.settled(first)

    assert await changes.log.in_force("main") == first
    assert MINI_BATCH in await circuit_in_force(changes)
    assert MINI_BATCH not in (await in_a_new_process(changes).of(dropped))["plants/P001/C001.yml"]


@pytest.mark.parametrize("where", ["kept", "log"])
async def test_a_crash_leaves_the_configuration_that_was_in_force(changes: ChangeBench, where: str) -> None:
    """It is kept before anything says that it counts; the message that comes again makes it so."""
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("More days (#7)")
    await changes.merged(head)
    if where == "kept":
        changes.kept.silent = True
    else:
        changes.log.faults.append(TransientFault("the store does not answer"))
    with pytest.raises(TransientFault):
        await take_change(head, changes.ports)
    changes.kept.silent = False
    assert await in_a_new_process(changes).in_force() == {"": "published"}

    await take_change(head, changes.ports)

    assert '"2025-12-20"' in await circuit_in_force(changes)


async def test_the_commits_that_models_will_name_are_kept_with_their_merge(changes: ChangeBench) -> None:
    """A merge of several commits trains each circuit from the one that changed it, which need not be the last."""
    begun = changes.project.head()
    changes.project.cutoff("2025-12-20")
    origin = changes.project.commit("More days")
    changes.project.cutoff("2025-12-21", "P002", "C001")
    head = changes.project.commit("And more")
    await changes.settled(head, base=begun)
    changes.project.root.rename(changes.project.root.with_name("gone"))

    assert {run.request.commit for run in changes.trained()} == {origin, head}
    circuit = (await in_a_new_process(changes).of(origin))["plants/P002/C001.yml"]
    assert '"2025-12-21"' not in circuit


async def test_a_commit_that_only_a_later_one_made_right_is_not_kept(changes: ChangeBench) -> None:
    """The circuit's file came before its line in the list: alone, that commit was no configuration."""
    changes.project.circuit("P001", "C009")
    origin = changes.project.commit("A file (#7)")
    await changes.settled(origin)
    changes.project.fleet({**FLEET, "P001": [*FLEET["P001"], "C009"]})
    head = changes.project.commit("Its line (#8)")
    await changes.settled(head)

    assert [run.request.commit for run in changes.trained()] == [origin]
    assert set(changes.kept.files) == {head}


async def test_a_commit_that_is_not_kept_is_read_as_long_as_the_branch_has_it(changes: ChangeBench) -> None:
    first = changes.project.head()
    changes.project.edit(MASTER, "Line C001", "Line one")
    await changes.settled(changes.project.commit("A name (#7)"))
    changes.project.branch("elsewhere")
    changes.project.edit(MASTER, "Line one", "Line nobody")
    elsewhere = changes.project.commit("Not merged")

    assert "Line C001" in (await in_a_new_process(changes).of(first))["plants_circuits.yml"]
    for commit in (elsewhere, "f" * 40):
        with pytest.raises(NoConfiguration):
            await in_a_new_process(changes).of(commit)
