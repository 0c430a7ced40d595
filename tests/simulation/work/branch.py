"""A branch in memory: what is merged into it, and the port ChangeSource on top of it.

It answers as `shared/adapters/git/source.py` does; `tests/simulation/work/test_branch.py` compares the two.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from shared.application.changes.ports import Found, FoundCircuit, UnknownCommit
from shared.domain.changes.circuits import (
    CircuitSettings,
    CommitFacts,
    ConfigProblem,
    TouchedCircuit,
    circuit_changes,
    pull_request_of,
)
from shared.domain.changes.environment import EnvironmentDefinition, environment_change, environment_problems
from shared.domain.changes.record import ChangeClaim
from tests.fakes.clock import FakeClock

Circuit = tuple[str, str]
ENVIRONMENT = "custom-tf-env"
BREAKABLE: Circuit = ("P001", "C001")
EARLY = date(2025, 11, 1)

_TAGS = {
    "backward_compatible": "true",
    "requires_retrain": "false",
    "tensorflow_version": "2.21.0",
    "python_version": "3.11",
    "cuda_version": "",
    "openmpi_version": "4.1.0",
    "change_summary": "clearer log lines",
    "breaking_changes": "",
    "git_commit_sha": "",
    "registered_at": "",
    "registered_by": "",
    "pr_number": "",
}


def settings(circuit: Circuit, *, cutoff: date = EARLY, version: str = "1.5.0", **more: str | int) -> CircuitSettings:
    """A circuit's file; `more` are the units of its network, its batch size and its comment."""
    units, batch, comment = more.get("units", 2), more.get("batch", 100), more.get("comment", "")
    return CircuitSettings(
        plant_id=circuit[0],
        circuit_id=circuit[1],
        cutoff_date=cutoff,
        environment_version=version,
        sensor_id=f"SENSOR_{circuit[1]}",
        features=("temperature", "pressure"),
        hyperparameters={"lstm_units": int(units)},
        deployment={"mini_batch_size": batch},
        text=f"{circuit} {cutoff} {version} {units} {batch} {comment}",
    )


@dataclass(frozen=True)
class Tree:
    """The files at a commit. `broken`: that of BREAKABLE is wrong, so that nothing of the commit may be acted on;
    `edition` stands for the other files of `environment/`."""

    circuits: Mapping[Circuit, CircuitSettings]
    version: str = "1.5.0"
    edition: int = 0
    broken: bool = False
    readme: int = 0

    def text(self, circuit: Circuit) -> str:
        """The circuit's file; empty when there is none."""
        if self.broken and circuit == BREAKABLE:
            return "["
        there = self.circuits.get(circuit)
        return there.text if there else ""

    @property
    def digest(self) -> str:
        """Names the content of `environment/`."""
        return hashlib.sha1(f"{self.version} {self.edition}".encode(), usedforsecurity=False).hexdigest()

    @property
    def definition(self) -> EnvironmentDefinition:
        """What `environment/` says of itself."""
        tags = {**_TAGS, "source_code_version": self.version}
        return EnvironmentDefinition(name=ENVIRONMENT, version=self.version, tags=tags, pins={})


@dataclass(frozen=True)
class Commit:
    """One commit; `seen_from` is when the servers that are read from have it."""

    facts: CommitFacts
    parent: str
    tree: Tree
    seen_from: datetime


@dataclass
class Branch:
    """ChangeSource on commits in a row; history may be rewritten."""

    clock: FakeClock
    commits: dict[str, Commit] = field(default_factory=dict)
    tip: str = ""

    def commit(self, tree: Tree, title: str = "", *, parent: str | None = None, lag_s: float = 0) -> str:
        """Puts a commit on top, or on `parent`; its id."""
        parent = self.tip if parent is None else parent
        sha = hashlib.sha1(f"{len(self.commits)} {parent}".encode(), usedforsecurity=False).hexdigest()
        now = self.clock.now()
        facts = CommitFacts(
            commit=sha,
            author="ada@example.com",
            title=title or f"Change {len(self.commits)}",
            pr_number=pull_request_of(title),
        )
        seen_from = now.fromtimestamp(now.timestamp() + lag_s, now.tzinfo)
        self.commits[sha] = Commit(facts=facts, parent=parent, tree=tree, seen_from=seen_from)
        self.tip = sha
        return sha

    @property
    def tree(self) -> Tree:
        """The files at the tip."""
        return self.commits[self.tip].tree

    def back_from(self, sha: str) -> Iterator[str]:
        """The commit and all before it, the latest first."""
        while sha in self.commits:
            yield sha
            sha = self.commits[sha].parent

    def contains(self, older: str, newer: str) -> bool:
        """Whether `newer` has `older` in its history."""
        return older in self.back_from(newer)

    def last_to_change(self, head: str, circuit: Circuit) -> str:
        """The commit that changed, or removed, the circuit's file last."""
        for sha in self.back_from(head):
            commit = self.commits[sha]
            parent = self.commits.get(commit.parent)
            if (parent.tree.text(circuit) if parent else "") != commit.tree.text(circuit):
                return sha
        raise AssertionError(f"nobody ever wrote {circuit}")

    def last_to_raise(self, head: str) -> str:
        """The commit that changed the version of `environment/` last."""
        for sha in self.back_from(head):
            parent = self.commits.get(self.commits[sha].parent)
            if parent is None or parent.tree.version != self.commits[sha].tree.version:
                return sha
        raise AssertionError("history has no beginning")

    async def find(self, claim: ChangeClaim, *, taken: str, untaken: Sequence[ChangeClaim] = ()) -> Found | None:
        """What a change brings; see the port."""
        head = claim.commit
        known = self.commits.get(head)
        if known is None or self.clock.now() < known.seen_from or not self.contains(head, self.tip):
            raise UnknownCommit(f"commit {head} is not on the branch")
        if taken and self.contains(head, taken) and not (head == self.tip != taken):
            return None
        base, note = self._base(claim, taken)
        before = [] if taken else [each for each in untaken if each.commit != head and self.contains(each.commit, head)]
        for begins in [self._base(each, "")[0] for each in before]:
            if base and (not begins or self.contains(begins, base)):
                base = begins
        found = self._between(base, head)
        return replace(found, notes=(note, *found.notes)) if note else found

    def _base(self, claim: ChangeClaim, taken: str) -> tuple[str, str]:
        head = claim.commit
        if taken and self.contains(taken, head):
            return taken, ""
        if taken:
            return taken, "history was rewritten"
        known = (each for each in (claim.base, claim.since) if each and each != head and self.contains(each, head))
        base = next(known, "")
        if not base and claim.is_first:
            return "", "the branch is new"
        return base or self.commits[head].parent, ""

    def _between(self, base: str, head: str) -> Found:
        commit, empty = self.commits[head], Tree({}, version="")
        kept = {head: {"head": head.encode()}}
        before, after = self.commits[base].tree if base else empty, commit.tree
        keys = {*before.circuits, *after.circuits}
        if before.digest == after.digest and all(before.text(key) == after.text(key) for key in keys):
            usable = {} if after.broken else kept
            return Found(head=commit.facts, base=base, configurations=usable)
        problems = [_problem("config/plants/P001/C001.yml", "no YAML")] if after.broken else []
        raised = before.digest != after.digest
        files = ("custom_tf_env.yml",)
        if raised:
            old = before.definition if before.version else None
            problems += environment_problems(old, after.definition, files)
        if problems:
            return Found(head=commit.facts, base=base, problems=tuple(problems))
        old = before.definition if before.version else None
        return Found(
            head=commit.facts,
            base=base,
            circuits=tuple(self._circuits(before, after, head)),
            environment=environment_change(old, after.definition, files) if raised else None,
            environment_files={"edition": str(after.edition).encode()} if raised else {},
            digest=after.digest if raised else "",
            environment_origin=self.commits[self.last_to_raise(head)].facts if raised else None,
            configurations=kept,
        )

    def _circuits(self, before: Tree, after: Tree, head: str) -> Iterator[FoundCircuit]:
        touched = [
            TouchedCircuit(
                plant_id=key[0],
                circuit_id=key[1],
                before=None if before.broken and key == BREAKABLE else before.circuits.get(key),
                after=after.circuits.get(key),
                was_there=key in before.circuits,
            )
            for key in sorted({*before.circuits, *after.circuits})
            if before.text(key) != after.text(key)
        ]
        for change in circuit_changes(touched):
            key = change.plant_id, change.circuit_id
            origin = self.commits[self.last_to_change(head, key)].facts
            yield FoundCircuit(change=change, origin=origin, settings=after.circuits.get(key))


def _problem(file: str, reason: str) -> ConfigProblem:
    return ConfigProblem(file=file, field="", value="", reason=reason, fix="mend it")
