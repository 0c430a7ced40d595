"""Merged changes, from the webhook to the training runs, on real repositories."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.application.changes.looked_after import nets
from shared.application.changes.take import NoSuchChange, accept_change, give_up, list_changes, read_change, take_change
from shared.application.errors import ConcurrentUpdate, TransientFault
from shared.application.work.sweep import sweep
from shared.domain.changes.circuits import CircuitChangeKind
from shared.domain.changes.record import ChangeClaim, ChangeState
from tests.support.benches.changes import ChangeBench, Meanwhile
from tests.support.repositories import Project, circuit_path


@pytest.fixture
def changes(tmp_path: Path) -> ChangeBench:
    return ChangeBench(Project.with_fleet(tmp_path / "project"), tmp_path / "cache")


def trained(changes: ChangeBench) -> list[tuple[str, str, str]]:
    """Circuit, cutoff date and pull request of every run."""
    requests = [run.request for run in changes.trained()]
    return [(f"{each.plant_id}-{each.circuit_id}", str(each.cutoff_date), each.pr_number) for each in requests]


async def test_a_merge_trains_what_it_changed_and_says_so(changes: ChangeBench) -> None:
    base = changes.project.head()
    changes.project.cutoff("2025-12-20")
    changes.project.edit(circuit_path("P001", "C002"), "mini_batch_size: 100", "mini_batch_size: 50")
    head = changes.project.commit("Merged PR 42: More days")

    record = await changes.settled(head)

    assert record.state is ChangeState.TAKEN
    assert (record.base, record.title, record.author) == (base, "Merged PR 42: More days", "person5@example.com")
    assert (record.pr_number, record.circuits_total, record.trainings_total) == ("PR-42", 2, 1)
    (run,) = changes.trained()
    first, second = record.circuits
    assert (first.circuit_id, first.kind, first.run_id) == ("C001", CircuitChangeKind.TRAINING, run.run_id)
    assert (second.circuit_id, second.kind, second.run_id) == ("C002", CircuitChangeKind.DEPLOYMENT, "")
    assert (run.request.commit, run.request.pr_number, run.request.author) == (head, "PR-42", "person5@example.com")
    assert run.request.config_yaml == changes.project.read(circuit_path())
    assert record.ended_at == changes.clock.now()


async def test_the_same_merge_told_again_trains_nothing_twice(changes: ChangeBench) -> None:
    """By a second webhook, and by a message that comes twice."""
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("More days (#7)")
    first = await changes.settled(head)
    changes.clock.advance(600)

    again, awaited = await accept_change(ChangeClaim(commit=head, branch="main", source="github"), changes.ports)
    await take_change(head, changes.ports)

    assert (again, awaited) == (first, False)
    assert len(changes.trained()) == 1


async def test_a_crash_after_the_trainings_were_asked_for_starts_none_twice(changes: ChangeBench) -> None:
    """Nothing of the outcome was stored, so the message that comes again finds the same and tells it."""
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("More days (#7)")
    await changes.merged(head)
    changes.log.faults.append(TransientFault("the store does not answer"))
    with pytest.raises(TransientFault):
        await take_change(head, changes.ports)
    asked = changes.trained()

    await take_change(head, changes.ports)

    record = await read_change(head, changes.ports)
    assert changes.trained() == asked
    assert (record.state, [each.run_id for each in record.circuits]) == (ChangeState.TAKEN, [asked[0].run_id])
    assert await changes.log.taken("main") == head


async def test_a_pull_request_that_is_known_only_after_a_crash_starts_no_second_training(changes: ChangeBench) -> None:
    """The push was looked at and its trainings were asked for; then the webhook of the pull request came."""
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("Rebased")
    await changes.merged(head, "")
    changes.log.faults.append(TransientFault("the store does not answer"))
    with pytest.raises(TransientFault):
        await take_change(head, changes.ports)
    await changes.merged(head, "PR-31")

    await take_change(head, changes.ports)

    [run] = changes.trained()
    assert [each.run_id for each in (await read_change(head, changes.ports)).circuits] == [run.run_id]


@pytest.mark.parametrize("begun", [True, False])
async def test_a_change_whose_lock_was_lost_does_not_take_the_branch_back(changes: ChangeBench, *, begun: bool) -> None:
    """While it was looked at, somebody else took a later change that includes it."""
    if begun:
        changes.project.cutoff("2025-12-10")
        await changes.settled(changes.project.commit("First days (#6)"), "PR-6")
    base = changes.project.head()
    changes.project.cutoff("2025-12-20")
    earlier = changes.project.commit("More days (#7)")
    await changes.merged(earlier)
    changes.project.cutoff("2025-12-25")
    later = changes.project.commit("Still more days (#8)")
    await changes.merged(later, "PR-8", base=base)
    plain = changes.ports
    slow = replace(plain, source=Meanwhile(plain.source, lambda: take_change(later, plain)))

    with pytest.raises(TransientFault):
        await take_change(earlier, slow)
    await take_change(earlier, plain)

    assert await changes.log.taken("main") == later
    assert (await read_change(earlier, plain)).state is ChangeState.COVERED


async def test_a_webhook_that_comes_while_its_change_is_taken_leaves_the_outcome_as_it_is(changes: ChangeBench) -> None:
    """It only adds to the claim; its own message finds a change that has ended."""
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("Rebased")
    await changes.merged(head, "")
    ports = replace(changes.ports, source=Meanwhile(changes.ports.source, lambda: changes.merged(head, "PR-31")))

    await take_change(head, ports)
    changes.clock.advance(60)
    while await changes.deliver():
        pass

    record = await read_change(head, changes.ports)
    assert (record.state, record.claim.pr_number, record.circuits_total) == (ChangeState.TAKEN, "PR-31", 1)
    assert [run.run_id for run in changes.trained()] == [record.circuits[0].run_id]


async def test_a_pull_request_that_becomes_known_while_its_change_is_refused_for_having_none_counts(
    changes: ChangeBench,
) -> None:
    """Its own message would find a change that has ended."""
    changes.project.environment("1.5.1")
    head = changes.project.commit("Rebased")
    await changes.merged(head, "")
    slow = replace(changes.ports, source=Meanwhile(changes.ports.source, lambda: changes.merged(head, "PR-31")))

    with pytest.raises(TransientFault):
        await take_change(head, slow)
    await take_change(head, changes.ports)

    assert (await read_change(head, changes.ports)).state is ChangeState.TAKEN
    assert [each.version for each in changes.environments.registrations] == ["1.5.1"]


async def test_two_webhooks_of_one_merge_at_once_are_both_remembered(changes: ChangeBench) -> None:
    """The second one finds the record changed under its hands, and adds what it knows to what is there."""
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("Rebased")
    await changes.merged(head, "", base=changes.project.head())
    changes.log.faults.append(ConcurrentUpdate("somebody else was quicker"))

    await changes.merged(head, "PR-31")

    assert (await read_change(head, changes.ports)).claim.pr_number == "PR-31"
    assert [each.at is None for each in changes.queue.sent] == [False, True]


async def swept(changes: ChangeBench) -> int:
    """How many changes a sweep had looked at again."""
    return (await sweep(nets(changes.ports))).made_good["changes"]


async def test_an_accepted_change_whose_message_is_lost_is_swept(changes: ChangeBench) -> None:
    """Not while its own messages may still come, and not once it has ended."""
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("More days (#7)")
    await changes.merged(head)
    changes.queue.sent.clear()

    assert await swept(changes) == 0
    changes.clock.advance(3601)
    assert [await swept(changes), await swept(changes)] == [1, 1]

    assert len(changes.queue.sent) == 1
    await changes.deliver()
    assert (await read_change(head, changes.ports)).state is ChangeState.TAKEN
    assert await swept(changes) == 0


async def test_an_invalid_file_trains_nothing_and_the_mended_merge_trains_all(changes: ChangeBench) -> None:
    """What was right in the refused change is trained with the next one, under its own pull request."""
    changes.project.cutoff("2025-12-20")
    changes.project.edit(circuit_path("P002", "C001"), "epochs: 3", "epochs: many")
    refused = await changes.settled(changes.project.commit("More days (#7)"))

    assert refused.state is ChangeState.REFUSED
    assert changes.trained() == []
    (problem,) = refused.problems
    assert (problem.file, problem.field, problem.value) == (
        circuit_path("P002", "C001"),
        "training.hyperparameters.epochs",
        "many",
    )
    assert problem.fix

    changes.project.edit(circuit_path("P002", "C001"), "epochs: many", "epochs: 5")
    taken = await changes.settled(changes.project.commit("Repair (#8)"))

    assert taken.state is ChangeState.TAKEN
    assert trained(changes) == [("P001-C001", "2025-12-20", "PR-7"), ("P002-C001", "2025-12-09", "PR-8")]


async def test_changes_that_come_in_the_wrong_order_train_each_circuit_once(changes: ChangeBench) -> None:
    """The earlier one is part of the later one by then."""
    changes.project.cutoff("2025-12-20")
    first = changes.project.commit("One (#7)")
    await changes.settled(first)
    changes.project.cutoff("2025-12-20", "P001", "C002")
    second = changes.project.commit("Two (#8)")
    changes.project.cutoff("2025-12-20", "P002", "C001")
    third = changes.project.commit("Three (#9)")

    assert (await changes.settled(third)).trainings_total == 2
    covered = await changes.settled(second)

    assert covered.state is ChangeState.COVERED
    assert third in covered.notes[0]
    assert [pr for _, _, pr in trained(changes)] == ["PR-7", "PR-8", "PR-9"]


async def test_the_first_change_brings_what_came_before_it_and_was_not_taken(changes: ChangeBench) -> None:
    """A push waits for its pull request, so that the merge after it is looked at first: nothing is taken yet, and what
    the push brought would be called part of a change that never looked at it."""
    begun = changes.project.head()
    changes.project.cutoff("2025-12-20")
    pushed = changes.project.commit("One")
    changes.project.cutoff("2025-12-20", "P001", "C002")
    merged = changes.project.commit("Two (#8)")
    await changes.merged(pushed, "", base=begun)
    await changes.merged(merged, "PR-8", base=pushed)
    await changes.deliver()

    assert (await read_change(merged, changes.ports)).trainings_total == 2
    changes.clock.advance(60)
    await changes.deliver()
    assert (await read_change(pushed, changes.ports)).state is ChangeState.COVERED


async def test_the_first_change_brings_what_failed_before_it(changes: ChangeBench) -> None:
    """A repository that could not be read when the first merge came loses nothing of it."""
    begun = changes.project.head()
    changes.project.cutoff("2025-12-20")
    first = changes.project.commit("One (#7)")
    await changes.merged(first, base=begun)
    await give_up(first, "the repository could not be read", changes.ports)
    changes.project.cutoff("2025-12-20", "P001", "C002")
    second = changes.project.commit("Two (#8)")
    await changes.merged(second, "PR-8", base=first)
    while await changes.deliver():
        pass
    assert (await read_change(second, changes.ports)).trainings_total == 2


async def test_a_merge_that_touches_nothing_of_ours_is_noted(changes: ChangeBench) -> None:
    changes.project.write("README.md", "another text\n")
    record = await changes.settled(changes.project.commit("Words (#7)"))
    assert record.state is ChangeState.UNRELATED
    assert changes.trained() == []


async def test_what_is_not_on_the_branch_fails_after_some_patience(changes: ChangeBench) -> None:
    """A webhook may be quicker than the server that is read from, so it is looked at five times more."""
    changes.project.branch("topic")
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("Not merged")
    started = changes.clock.now()

    record = await changes.settled(head)

    assert record.state is ChangeState.FAILED
    assert "is not on the branch" in record.notes[0]
    assert 60 < (changes.clock.now() - started).total_seconds() < 900
    assert changes.trained() == []


async def test_a_failed_change_is_looked_at_again_when_its_webhook_is_sent_again(changes: ChangeBench) -> None:
    changes.project.branch("topic")
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("Merged late (#7)")
    await changes.settled(head)
    changes.project.git("switch", "--quiet", "main")
    changes.project.git("merge", "--quiet", "--ff-only", "topic")

    record = await changes.settled(head)

    assert record.state is ChangeState.TAKEN
    assert trained(changes) == [("P001-C001", "2025-12-20", "PR-7")]


async def test_a_push_waits_a_moment_for_the_event_that_knows_the_pull_request(changes: ChangeBench) -> None:
    """GitHub rebases without a trace of the pull request in the commits."""
    base = changes.project.head()
    changes.project.cutoff("2025-12-20")
    changes.project.commit("Rebased, one")
    changes.project.cutoff("2025-12-20", "P002", "C001")
    head = changes.project.commit("Rebased, two")
    await changes.merged(head, "", base=base)
    assert await changes.deliver() is None

    record = await changes.settled(head, "PR-31")

    assert record.state is ChangeState.TAKEN
    assert [pr for _, _, pr in trained(changes)] == ["PR-31", "PR-31"]


async def test_a_direct_push_trains_as_by_hand(changes: ChangeBench) -> None:
    """Nothing names a pull request."""
    changes.project.cutoff("2025-12-20")
    record = await changes.settled(changes.project.commit("Quick"), "")
    assert record.pr_number == ""
    assert trained(changes) == [("P001-C001", "2025-12-20", "MANUAL")]


async def test_a_day_that_is_not_over_is_a_mistake(changes: ChangeBench) -> None:
    """Its data would still change."""
    changes.project.cutoff("2026-01-05")
    record = await changes.settled(changes.project.commit("Today (#7)"))
    (problem,) = record.problems
    assert (record.state, problem.field, problem.value) == (
        ChangeState.REFUSED,
        "training.cutoff_date",
        "2026-01-05",
    )
    assert changes.trained() == []


async def test_an_environment_that_nobody_registered_is_a_mistake(changes: ChangeBench) -> None:
    """Of circuits that are to be trained; nothing else is trained either."""
    changes.project.cutoff("2025-12-20")
    changes.project.edit(circuit_path("P002", "C001"), "1.5.0", "1.7.0")
    record = await changes.settled(changes.project.commit("Unknown version (#7)"))
    (problem,) = record.problems
    assert (problem.file, problem.value) == (circuit_path("P002", "C001"), "1.7.0")
    assert "custom-tf-env:1.7.0 is not registered" in problem.reason
    assert changes.trained() == []


async def test_a_dead_message_fails_its_change_unless_it_ended(changes: ChangeBench) -> None:
    changes.project.cutoff("2025-12-20")
    head = changes.project.commit("More days (#7)")
    await changes.merged(head)

    await give_up(head, "it could not be processed", changes.ports)
    failed = await read_change(head, changes.ports)
    assert failed.state is ChangeState.FAILED
    assert failed.notes == (
        "it could not be processed",
        "its webhook, sent again once the cause is mended, begins anew",
    )

    record = await changes.settled(head)
    await give_up(head, "late", changes.ports)
    assert await read_change(head, changes.ports) == record
    await give_up("0" * 40, "nobody knows it", changes.ports)


async def test_changes_are_listed_the_latest_first(changes: ChangeBench) -> None:
    """One that nobody sent is none."""
    heads = []
    for day in ("20", "21"):
        changes.project.cutoff(f"2025-12-{day}")
        heads.append(changes.project.commit(f"More days (#{day})"))
        await changes.settled(heads[-1])
        changes.clock.advance(1)

    listed = (await list_changes(changes.ports, 5)).records

    assert [each.change_id for each in listed] == heads[::-1]
    with pytest.raises(NoSuchChange):
        await read_change("0" * 40, changes.ports)
