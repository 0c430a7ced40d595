"""Which configuration is in force, and which one a commit has: never the package's instead of what was taken."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from shared.application.configuration import (
    READ_MAX,
    ConfigFiles,
    ConfigurationUnreadable,
    NoConfiguration,
    OnlyPublished,
    TakenConfigurations,
)
from shared.application.errors import TransientFault
from tests.fakes.changes import MemoryChangeLog, MemoryKeptConfigurations

FIRST, SECOND, ELSEWHERE = "a" * 40, "b" * 40, "c" * 40
PUBLISHED = "published"


@dataclass
class MemoryRepository:
    """Commits of the branch; `silent` while it does not answer, and it answers once it `may_answer`."""

    commits: dict[str, ConfigFiles] = field(default_factory=dict)
    silent: bool = False
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    reads: Counter[str] = field(default_factory=Counter)

    async def config_of(self, commit: str, within: str) -> ConfigFiles:
        if self.silent:
            raise TransientFault("the repository does not answer")
        self.asked.set()
        await self.may_answer.wait()
        self.reads[commit] += 1
        if commit not in self.commits or within not in self.commits:
            raise NoConfiguration("the branch does not have it")
        return self.commits[commit]


@dataclass
class Branch:
    """Configurations whose text is that of their one file."""

    log: MemoryChangeLog = field(default_factory=MemoryChangeLog)
    kept: MemoryKeptConfigurations = field(default_factory=MemoryKeptConfigurations)
    repository: MemoryRepository = field(default_factory=MemoryRepository)
    built: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.repository.may_answer.set()
        self.repository.commits = {FIRST: {"policies.yml": b"first"}, SECOND: {"policies.yml": b"second"}}

    def read(self, commit: str, files: ConfigFiles) -> str:
        self.built[commit] += 1
        if files["policies.yml"] == b"wrong":
            raise ValueError("policies.yml: it is wrong")
        return files["policies.yml"].decode()

    def process(self) -> TakenConfigurations[str]:
        """What a process that has just started knows."""
        return TakenConfigurations(
            branch="main",
            taken=self.log,
            kept=self.kept,
            repository=self.repository,
            read=self.read,
            published=PUBLISHED,
        )

    def take(self, commit: str, *, keep: bool = True) -> None:
        self.log.configured["main"] = commit
        if keep:
            self.kept.files[commit] = self.repository.commits[commit]


@pytest.fixture
def branch() -> Branch:
    return Branch()


async def test_before_anything_was_taken_it_is_what_the_app_was_published_with(branch: Branch) -> None:
    process = branch.process()
    assert await process.in_force() == PUBLISHED
    with pytest.raises(NoConfiguration, match="nothing was taken"):
        await process.of(FIRST)


async def test_without_a_repository_it_is_always_that() -> None:
    only = OnlyPublished(PUBLISHED)
    assert await only.in_force() == PUBLISHED
    with pytest.raises(NoConfiguration, match="no repository"):
        await only.of(FIRST)


async def test_what_was_taken_last_is_in_force_at_once_and_in_every_process(branch: Branch) -> None:
    processes = [branch.process(), branch.process()]
    branch.take(FIRST)
    assert [await each.in_force() for each in processes] == ["first", "first"]
    branch.take(SECOND)
    assert [await each.in_force() for each in processes] == ["second", "second"]
    assert [await each.of(FIRST) for each in processes] == ["first", "first"]


async def test_a_repository_that_does_not_answer_changes_nothing(branch: Branch) -> None:
    """Also for a process that has just started: what was taken is kept."""
    branch.take(FIRST)
    branch.take(SECOND)
    branch.repository.silent = True
    assert (await branch.process().in_force(), await branch.process().of(FIRST)) == ("second", "first")


@pytest.mark.parametrize("silent", ["kept", "repository"])
async def test_where_nothing_answers_it_is_not_the_packages(branch: Branch, silent: str) -> None:
    """An old configuration in silence would be worse than trying later."""
    branch.take(FIRST, keep=False)
    getattr(branch, silent).silent = True
    process = branch.process()
    with pytest.raises(TransientFault):
        await process.in_force()

    getattr(branch, silent).silent = False
    assert await process.in_force() == "first"


async def test_a_commit_that_only_a_silent_repository_has_is_none_and_one_in_a_silent_storage_is_tried_later(
    branch: Branch,
) -> None:
    """The repository is others' and may be away for long; the storage is the app's own."""
    branch.take(SECOND)
    branch.repository.silent = True
    process = branch.process()
    with pytest.raises(NoConfiguration, match="the repository does not answer"):
        await process.of(FIRST)
    branch.repository.silent, branch.kept.silent = False, True
    with pytest.raises(TransientFault):
        await process.of(FIRST)


async def test_nobody_waits_for_a_commit_that_somebody_else_asked_a_slow_repository_for(branch: Branch) -> None:
    branch.take(SECOND)
    branch.repository.may_answer.clear()
    process = branch.process()
    slow = [asyncio.create_task(process.of(FIRST)) for _ in range(2)]
    await branch.repository.asked.wait()
    assert await process.in_force() == "second"
    branch.repository.may_answer.set()
    assert await asyncio.gather(*slow) == ["first", "first"]
    assert (branch.repository.reads[FIRST], branch.built[FIRST]) == (1, 1)


async def test_what_a_process_has_read_it_needs_nobody_for(branch: Branch) -> None:
    branch.take(FIRST)
    process = branch.process()
    await process.in_force()
    branch.kept.silent = branch.repository.silent = True
    assert (await process.in_force(), branch.built[FIRST]) == ("first", 1)


async def test_a_commit_that_is_not_kept_is_read_from_the_repository_once_and_kept(branch: Branch) -> None:
    """Taken by an earlier version of the app, or the commit of a model that somebody registered by hand."""
    branch.take(SECOND)
    assert [await branch.process().of(FIRST) for _ in range(3)] == ["first"] * 3
    assert branch.repository.reads[FIRST] == 1


@pytest.mark.parametrize(
    ("commit", "why"), [(ELSEWHERE, "does not have it"), ("main", "no full commit id"), ("../x", "no full commit id")]
)
async def test_a_commit_that_the_branch_does_not_have_has_none(branch: Branch, commit: str, why: str) -> None:
    branch.take(FIRST)
    with pytest.raises(NoConfiguration, match=why):
        await branch.process().of(commit)


async def test_a_commit_with_mistakes_has_none_and_is_not_kept(branch: Branch) -> None:
    branch.repository.commits[ELSEWHERE] = {"policies.yml": b"wrong"}
    branch.take(FIRST)
    with pytest.raises(NoConfiguration, match=r"it has mistakes: policies\.yml"):
        await branch.process().of(ELSEWHERE)
    assert ELSEWHERE not in branch.kept.files


async def test_one_in_force_that_this_version_cannot_read_is_told_as_that(branch: Branch) -> None:
    branch.repository.commits[FIRST] = {"policies.yml": b"wrong"}
    branch.take(FIRST)
    with pytest.raises(ConfigurationUnreadable, match=FIRST):
        await branch.process().in_force()


async def test_a_process_keeps_the_latest_few_read(branch: Branch) -> None:
    commits = [f"{number:040x}" for number in range(READ_MAX + 1)]
    branch.repository.commits |= {each: {"policies.yml": b"one of many"} for each in commits}
    branch.take(commits[0])
    process = branch.process()
    for commit in [*commits, commits[-1], commits[0]]:
        await process.of(commit)
    assert branch.built == {**dict.fromkeys(commits, 1), commits[0]: 2}
