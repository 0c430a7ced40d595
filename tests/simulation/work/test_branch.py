"""The branch in memory answers as the real source does on a real repository of the same history."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from shared.adapters.git.cache import GitCache
from shared.adapters.git.source import GitSource
from shared.application.changes.ports import ChangeSource, Found, UnknownCommit
from shared.domain.changes.record import ChangeClaim
from tests.fakes.clock import FakeClock
from tests.simulation.work.branch import Branch, Tree, settings
from tests.support.repositories import Project

FLEET = (("P001", "C001"), ("P001", "C002"), ("P002", "C001"))
C001, C002, OTHER = FLEET
DAY, LATER = date(2025, 12, 20), date(2025, 12, 28)


def told(found: Found | None) -> object:
    """What both can say; a commit is told by its title."""
    if found is None:
        return None
    environment = found.environment
    circuits = [(each.change.plant_id, each.change.circuit_id, each.change.kind) for each in found.circuits]
    return {
        "head": (found.head.title, found.head.pr_number),
        "circuits": circuits,
        "changed by": [each.origin.title for each in found.circuits],
        "environment": environment and (environment.version, environment.kind),
        "raised by": found.environment_origin and found.environment_origin.title,
        "has problems": bool(found.problems),
        "was rewritten": any("rewritten" in note for note in found.notes),
        "is empty": found.is_empty,
    }


async def answer(source: ChangeSource, claim: ChangeClaim, taken: str) -> object:
    try:
        return told(await source.find(claim, taken=taken))
    except UnknownCommit:
        return "unknown"


async def test_the_branch_in_memory_finds_what_git_finds(tmp_path: Path) -> None:
    """Each commit compared with each, with and without what webhooks claim, before and after history was rewritten."""
    project, branch = Project.with_fleet(tmp_path / "project"), Branch(FakeClock())
    real = GitSource(GitCache(str(project.root), "main", directory=tmp_path / "cache"))
    first = {key: settings(key) for key in FLEET}
    second = {**first, C001: settings(C001, cutoff=DAY)}
    third = {**second, C002: settings(C002, cutoff=DAY)}
    file = "config/plants/P001/C001.yml"
    good = project.read(file)
    steps: list[tuple[str, Tree, Callable[[], None]]] = [
        ("More days (#7)", Tree(second), lambda: project.cutoff("2025-12-20")),
        ("A note", Tree(second, readme=1), lambda: project.write("README.md", "another fleet\n")),
        ("Raise", Tree(second, "1.5.1", 1), lambda: project.environment("1.5.1")),
        ("Merge pull request #9", Tree(third, "1.5.1", 1), lambda: project.cutoff("2025-12-20", *C002)),
        ("Break", Tree(third, "1.5.1", 1, broken=True), lambda: project.write(file, "[")),
        ("Mend", Tree({**third, C001: first[C001]}, "1.5.1", 1), lambda: project.write(file, good)),
        ("Again", Tree(third, "1.5.1", 1), lambda: project.cutoff("2025-12-20")),
        ("Forget", Tree(third, "1.5.1", 2), lambda: project.write("environment/Dockerfile", "FROM scratch\n\n")),
    ]
    pairs = [(project.head(), branch.commit(Tree(first), "First"))]
    for title, tree, change in steps:
        change()
        pairs.append((project.commit(title), branch.commit(tree, title)))
    await compare(real, branch, pairs)

    project.git("reset", "--quiet", "--hard", pairs[2][0])
    project.cutoff("2025-12-28", *OTHER)
    rewritten = Tree({**second, OTHER: settings(OTHER, cutoff=LATER)}, readme=1)
    pairs.append((project.commit("Instead"), branch.commit(rewritten, "Instead", parent=pairs[2][1])))
    await compare(real, branch, pairs)
    real.close()


async def compare(real: GitSource, branch: Branch, pairs: list[tuple[str, str]]) -> None:
    for number, heads in enumerate(pairs[1:], 1):
        bases = pairs[number - 1]
        for takens in [("", ""), *pairs]:
            for claims in (("", ""), bases) if takens == ("", "") else (bases,):
                answers = [
                    await answer(source, ChangeClaim(commit=head, branch="main", source="github", base=base), taken)
                    for source, head, base, taken in zip((real, branch), heads, claims, takens, strict=True)
                ]
                assert answers[0] == answers[1], f"commit {number}, taken {takens}, claimed {claims}"
