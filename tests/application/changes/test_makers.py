"""Who made what a merge leads to: whoever signed in to bring it, whoever wrote it, and who is missing."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.application.changes.makers import RecordedChanges
from shared.application.changes.take import accept_change
from shared.application.errors import PlatformBusy
from shared.domain.changes.record import ChangeClaim, ChangeRecord, ChangeState
from shared.domain.makers import Account, AccountKind
from tests.support.benches.changes import ChangeBench
from tests.support.repositories import Project

ANN, BEN, CEM = (f"{name} <{name}@example.com>" for name in ("ann", "ben", "cem"))


@pytest.fixture
def changes(tmp_path: Path) -> ChangeBench:
    return ChangeBench(Project.with_fleet(tmp_path / "project"), tmp_path / "cache")


def login(name: str) -> Account:
    return Account(kind=AccountKind.GITHUB_LOGIN, name=name, proven=True)


def pushed(commit: str, base: str, *senders: str, **more: str) -> ChangeClaim:
    return ChangeClaim(
        commit=commit, branch="main", source="github", base=base, senders=tuple(map(login, senders)), **more
    )


def merged(commit: str, number: int, *senders: str) -> ChangeClaim:
    return replace(pushed(commit, "", *senders), pr_number=f"PR-{number}")


async def taken(changes: ChangeBench, *claims: ChangeClaim) -> ChangeRecord:
    for claim in claims:
        await accept_change(claim, changes.ports)
    while changes.queue.sent:
        if await changes.deliver() is None:
            changes.clock.advance(60)
    stored = await changes.log.load(claims[-1].commit)
    assert stored is not None
    return stored.record


def told(changes: ChangeBench) -> set[str]:
    """The makers of the one training that was asked for."""
    (run,) = changes.trained()
    return {str(account) for account in run.request.makers}


async def test_everybody_of_a_pull_request_is_a_maker_and_not_only_who_came_last(changes: ChangeBench) -> None:
    """Authors, committers and co-authors of all its commits; who opened and who merged it."""
    base = changes.project.head()
    changes.project.branch("cutoff")
    changes.project.cutoff("2025-11-30")
    changes.project.commit("Change\n\nCo-authored-by: Cem <cem@example.com>", author=ANN)
    changes.project.write("README.md", "a comment\n")
    changes.project.commit("Comment", author=BEN)
    head = changes.project.merge("cutoff", "Merge pull request #7 from cutoff", by="GitHub <noreply@github.com>")

    await taken(changes, pushed(head, base, "merger"), merged(head, 7, "opener", "merger"))

    addresses = {f"the commit address {name}@example.com (a claim)" for name in ("ann", "ben", "cem")}
    github = "the commit address noreply@github.com (a claim)"  # an account of no person
    assert told(changes) == {"opener of GitHub", "merger of GitHub", github, *addresses}


async def test_who_opened_a_pull_request_is_missing_where_only_the_push_is_known(changes: ChangeBench) -> None:
    base = changes.project.head()
    changes.project.cutoff("2025-11-30")
    head = changes.project.commit("Train (#7)", author=ANN)

    await taken(changes, pushed(head, base, "merger"))

    claimed = "the commit address ann@example.com (a claim)"
    assert told(changes) == {"merger of GitHub", claimed, "whoever opened PR-7"}


async def test_the_two_events_of_a_merge_are_waited_for_in_any_order(changes: ChangeBench) -> None:
    """Neither knows all."""
    base = changes.project.head()
    changes.project.cutoff("2025-11-30")
    head = changes.project.commit("Train (#7)", author=ANN)

    await accept_change(merged(head, 7, "opener"), changes.ports)
    assert await changes.deliver() is None
    await accept_change(pushed(head, base, "merger"), changes.ports)
    assert await changes.deliver() is not None

    assert {"opener of GitHub", "merger of GitHub"} <= told(changes)


async def test_who_brought_a_part_that_no_event_told_of_is_missing(changes: ChangeBench) -> None:
    base = changes.project.head()
    changes.project.cutoff("2025-11-30")
    silent = changes.project.commit("Train", author=ANN)
    changes.project.write("README.md", "more\n")
    head = changes.project.commit("Words", author=BEN)
    await changes.log.begin("main", base)

    await taken(changes, pushed(head, silent, "ben"))

    assert f"whoever brought {silent[:10]} to the branch" in told(changes)


async def test_who_brought_a_change_that_was_refused_has_a_part_in_the_one_that_mends_it(changes: ChangeBench) -> None:
    base = changes.project.head()
    changes.project.cutoff("2025-11-30")
    changes.project.cutoff("no day", "P002", "C001")
    wrong = changes.project.commit("Train", author=CEM)
    refused = await taken(changes, pushed(wrong, base, "ann"))
    assert refused.state is ChangeState.REFUSED
    changes.project.git("checkout", "--quiet", base, "--", "config/plants/P002")
    mended = changes.project.commit("Mend", author=BEN)

    await taken(changes, pushed(mended, wrong, "ben"))

    makers = told(changes)
    assert {"ann of GitHub", "ben of GitHub", "the commit address cem@example.com (a claim)"} <= makers
    assert not any("whoever" in each for each in makers)


async def an_environment(changes: ChangeBench) -> ChangeRecord:
    base = changes.project.head()
    changes.project.environment("1.5.1", change_summary="Clearer log")
    head = changes.project.commit("Clearer log (#20)", author=ANN)
    return await taken(changes, pushed(head, base, "ben"), merged(head, 20, "ann", "ben"))


async def test_an_environment_version_is_known_by_the_change_that_registered_it(changes: ChangeBench) -> None:
    record = await an_environment(changes)
    registered = changes.environments.registrations[0].tags
    records = RecordedChanges(changes.log)

    makers = await records.makers_of("custom-tf-env", "1.5.1", registered)

    assert makers == record.makers
    assert {"ann of GitHub", "ben of GitHub"} <= {str(each) for each in makers or ()}
    more = await records.makers_of("custom-tf-env", "1.5.1", {**registered, "registered_by": "somebody"})
    assert "somebody in a tag (a claim)" in {str(each) for each in more or ()}


async def test_a_version_that_only_claims_a_change_is_not_known_by_it(changes: ChangeBench) -> None:
    """Tags are written by whoever registers."""
    record = await an_environment(changes)
    records = RecordedChanges(changes.log)
    for version, commit in (("1.5.2", record.change_id), ("1.5.1", "0" * 40), ("1.5.1", "")):
        assert await records.makers_of("custom-tf-env", version, {"git_commit_sha": commit}) is None


async def test_a_change_that_is_still_taken_is_waited_for(changes: ChangeBench) -> None:
    head = changes.project.head()
    await accept_change(pushed(head, "", "ann"), changes.ports)
    with pytest.raises(PlatformBusy, match="being taken"):
        await RecordedChanges(changes.log).makers_of("custom-tf-env", "1.5.1", {"git_commit_sha": head})
