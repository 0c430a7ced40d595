"""Webhooks that only look like ours: told to people, and not without end."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.application.changes.ignored import TOLD_MAX, tell_ignored
from shared.application.changes.take import list_changes
from shared.domain.changes.record import ChangeState
from tests.fakes.facts import MemoryFindingLog
from tests.support.benches.changes import ChangeBench
from tests.support.repositories import Project, circuit_path

REASON = "https://github.com/fabrikam/config is not the configured repository"


@pytest.fixture
def changes(tmp_path: Path) -> ChangeBench:
    return ChangeBench(Project.with_fleet(tmp_path / "project"), tmp_path / "cache")


def found(changes: ChangeBench) -> list[str]:
    """The records of the findings."""
    findings = changes.ports.training.findings
    assert isinstance(findings, MemoryFindingLog)
    return [each.record for each in findings.findings.values()]


async def listed(changes: ChangeBench) -> list[ChangeState]:
    return [each.state for each in (await list_changes(changes.ports, 50)).records]


async def test_a_merge_that_is_ignored_is_listed_and_found(changes: ChangeBench) -> None:
    """With what to do about it."""
    await tell_ignored("a" * 40, "github", REASON, changes.ports)
    (record,) = (await list_changes(changes.ports, 50)).records
    assert (record.state, record.notes[0]) == (ChangeState.IGNORED, REASON)
    assert "CHANGES_REPOSITORY" in record.notes[1]
    assert found(changes) == [f"change {'a' * 40}: {REASON}"]


async def test_the_same_reason_is_told_once_a_day(changes: ChangeBench) -> None:
    """Each merge of the other repository has the same one."""
    for number in range(3):
        await tell_ignored(str(number) * 40, "github", REASON, changes.ports)
    assert len(await listed(changes)) == len(found(changes)) == 1
    changes.clock.advance(timedelta(days=1).total_seconds())
    await tell_ignored("f" * 40, "github", REASON, changes.ports)
    assert len(await listed(changes)) == len(found(changes)) == 2


async def test_few_of_many_are_told(changes: ChangeBench) -> None:
    """A webhook of an organization tells of every repository that it has."""
    for number in range(TOLD_MAX + 3):
        await tell_ignored(f"{number:040x}", "github", f"repository {number} is not ours", changes.ports)
    assert len(await listed(changes)) == len(found(changes)) == TOLD_MAX


async def test_a_merge_that_was_ignored_is_taken_once_the_cause_is_mended(changes: ChangeBench) -> None:
    """Its webhook is sent again; and what the other repository has of the same commits changes nothing of ours."""
    changes.project.edit(circuit_path(), "2025-12-09", "2025-12-20")
    head = changes.project.commit("More days (#7)")
    await tell_ignored(head, "github", REASON, changes.ports)
    taken = await changes.settled(head)
    assert (taken.state, taken.trainings_total) == (ChangeState.TAKEN, 1)
    changes.clock.advance(timedelta(days=2).total_seconds())
    await tell_ignored(head, "github", REASON, changes.ports)
    assert await listed(changes) == [ChangeState.TAKEN]
