"""Merged changes of one seed: people merge, webhooks come in any order and more than once, the repository is behind."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from shared.application.changes.looked_after import looked_after, nets
from shared.application.changes.ports import ChangePorts, RepositoryRefused
from shared.application.changes.take import accept_change
from shared.application.errors import PlatformOutcomeUnknown, TransientFault
from shared.application.training.ports import TrainingPorts
from shared.application.work.look import LookedAfter, WorkKind
from shared.application.work.sweep import Net
from shared.domain.changes.record import ChangeClaim, ChangeState
from tests.fakes.changes import MemoryKeptConfigurations, MemoryRunning
from tests.fakes.facts import MemoryFactPublisher, MemoryFindingLog
from tests.fakes.queues import MemoryLookQueue
from tests.fakes.training import (
    FixedTrainingConfig,
    MemoryArtifactStore,
    MemoryTrainingPlatform,
    MemoryTrainingSlots,
)
from tests.simulation.host import abandoned
from tests.simulation.scheduler import Late
from tests.simulation.violation import require
from tests.simulation.work.branch import EARLY, ENVIRONMENT, Branch, Circuit, Tree, settings
from tests.simulation.work.change_oracle import ChangeJudge, WatchedLog, WatchedRegistry, WatchedRuns
from tests.simulation.work.world import PLATFORM_FAULTS, WorkWorld

CIRCUITS: tuple[Circuit, ...] = (("P001", "C001"), ("P001", "C002"), ("P002", "C001"))
MAIN = "main"


class ChangeWorld(WorkWorld):
    """A few merges into one branch; at last one that mends whatever was wrong."""

    lost = frozenset({WorkKind.CHANGE})
    sweep_every_s = 300

    def __init__(self, seed: int) -> None:
        super().__init__(seed, "changes")
        rng, clock, faulty = self.rng, self.clock, self.scheduler.faulty
        self.branch = Branch(clock)
        self.environments = WatchedRegistry()
        self.judge = ChangeJudge(self.branch, self.environments)
        self.kept = MemoryKeptConfigurations()
        self.log = WatchedLog(self.judge, self.kept)
        self.environments.log, self.environments.judge = self.log, self.judge
        self.runs = WatchedRuns(self.judge, self.log)
        first = Tree({circuit: settings(circuit) for circuit in CIRCUITS})
        begun = self.branch.commit(first, "Begin (#1)")
        if rng.random() < 0.8:  # else the first change of all counts from what its webhook knows
            self.log.branches[MAIN] = begun
        self.environments.add(ENVIRONMENT, "1.5.0", {"source_digest": first.digest})
        self.merges, self.webhooks = rng.choice((1, 2, 3, 5)), 0
        self.names_requests = rng.random() < 0.5
        self.rewrites = rng.random() < 0.15
        training = TrainingPorts(
            clock=clock,
            runs=faulty(self.runs),
            slots=MemoryTrainingSlots(),
            queue=faulty(MemoryLookQueue()),
            platform=MemoryTrainingPlatform(clock),
            artifacts=MemoryArtifactStore(),
            facts=MemoryFactPublisher(),
            findings=MemoryFindingLog(),
            config=FixedTrainingConfig([]),
        )
        self.ports = ChangePorts(
            clock=clock,
            log=faulty(self.log),
            queue=faulty(self.looks),
            source=faulty(self.branch, TransientFault, TransientFault, RepositoryRefused),
            kept=faulty(self.kept),
            environments=faulty(
                self.environments,
                *PLATFORM_FAULTS,
                late={"register": Late("register_late", PlatformOutcomeUnknown)},
            ),
            production=MemoryRunning(),
            training=training,
            branch=MAIN,
            environment_name=ENVIRONMENT,
        )

    def begin(self) -> None:
        for number in range(self.merges):
            self.scheduler.at(self.rng.uniform(0, 60) + number * self.rng.choice((5, 60, 900)), self._merge)

    def looked_after(self, kind: WorkKind) -> LookedAfter:
        return looked_after(self.ports)

    def nets(self) -> Sequence[Net[Any]]:
        return nets(self.ports)

    def somebody_acts(self) -> None:
        """Somebody sends the webhook of a change again."""
        if self.log.records and self.rng.random() < 0.3:
            self._webhook(self.rng.choice(list(self.log.records.values())).record.claim, 0)

    def mend(self) -> None:
        """Once all is merged, somebody merges what mends everything."""
        self.merges += 1
        self.scheduler.at(2000, self._mend)

    def has_ended(self) -> bool:
        return not (self.merges or self.webhooks or self.log.accepted)

    def ends(self) -> Iterable[str]:
        return (stored.record.state.value for stored in self.log.records.values())

    def check_end(self) -> None:
        taken = self.log.branches.get(MAIN, "")
        require(taken == self.branch.tip, f"the branch is at {self.branch.tip} and was taken up to {taken}")
        last = self.log.records[self.branch.tip].record.state
        require(last in (ChangeState.TAKEN, ChangeState.UNRELATED), f"the last merge is {last}")
        in_force = self.log.configured.get(MAIN, "")
        require(
            last is ChangeState.UNRELATED or in_force == taken, f"{in_force} is in force and {taken} was taken last"
        )
        require(in_force in self.kept.files, f"the configuration of {in_force}, which is in force, is not kept")

    def _merge(self) -> None:
        rng = self.rng
        self.merges -= 1
        before, number = self.branch.tip, len(self.branch.commits) + 1
        parent, rewritten = None, self.rewrites and rng.random() < 0.4 and self.branch.commits[before].parent
        if rewritten:
            parent, self.judge.is_rewritten = self.branch.commits[before].parent, True
        tree = self.branch.tree
        for _ in range(rng.choice((1, 1, 2))):
            change: Callable[[Tree], Tree] = rng.choice(
                (self._trains, self._trains, self._trains, self._comments, self._raises, self._moves, self._breaks)
            )
            tree = change(tree)
            title = f"Merge pull request #{number}" if self.names_requests else ""
            self.branch.commit(tree, title, parent=parent, lag_s=rng.choice((0, 0, 0, 30)))
            parent = None
        self._tell(before, number, forced=bool(rewritten))

    def _mend(self) -> None:
        if self.merges > 1:  # somebody is to merge something else before
            self.scheduler.at(600, self._mend)
            return
        self.merges -= 1
        before, number, tree = self.branch.tip, len(self.branch.commits) + 1, self.branch.tree
        circuits = {
            key: settings(key, cutoff=min(each.cutoff_date, EARLY + timedelta(days=40)), units=number)
            for key, each in tree.circuits.items()
        }
        mended = Tree(circuits, version=f"1.{number + 10}.0", edition=number)
        self.branch.commit(mended, f"Merge pull request #{number}")
        self._tell(before, number, forced=False)

    def _tell(self, before: str, number: int, *, forced: bool) -> None:
        """The webhooks of a merge: that of the push, that of the pull request, and some of them twice."""
        push = ChangeClaim(commit=self.branch.tip, branch=MAIN, source="github", base=before, forced=forced)
        merge = ChangeClaim(
            commit=self.branch.tip, branch=MAIN, source="github", since=before, pr_number=f"PR-{number}"
        )
        for claim in self.rng.choice(((push, merge), (merge, push), (merge,), (push, merge, merge, push))):
            self._webhook(claim, self.rng.choice((0, 1, 5, self.rng.uniform(0, 1200))))

    def _webhook(self, claim: ChangeClaim, after_s: float) -> None:
        self.webhooks += 1
        work = lambda: abandoned(accept_change(claim, self.ports))  # noqa: E731 - it is made anew for every try
        self.scheduler.at(after_s, lambda: self.until_done("webhook", work, self._heard))

    def _heard(self) -> None:
        self.webhooks -= 1

    def _trains(self, tree: Tree) -> Tree:
        """Another cutoff date or another network, sometimes what it was before; sometimes a day that is not over."""
        cutoff = EARLY + timedelta(days=self.rng.randrange(4))
        if self.rng.random() < 0.1:
            cutoff = date(2026, 3, 1)
        return self._with(tree, cutoff=cutoff, units=self.rng.choice((2, 3)))

    def _comments(self, tree: Tree) -> Tree:
        """Nothing that a model depends on, or nothing of ours at all."""
        if self.rng.random() < 0.5:
            return replace(tree, readme=tree.readme + 1)
        circuit = self.rng.choice(CIRCUITS)
        there = tree.circuits[circuit]
        comment = len(self.branch.commits)
        changed = replace(there, text=f"{there.text} # {comment}", deployment={"mini_batch_size": 100 + comment % 2})
        return replace(tree, circuits={**tree.circuits, circuit: changed})

    def _raises(self, tree: Tree) -> Tree:
        """A new environment version; sometimes its files change and the version is forgotten."""
        if self.rng.random() < 0.2:
            return replace(tree, edition=tree.edition + 1)
        minor = int(tree.version.split(".")[1]) + 1
        return replace(tree, version=f"1.{minor}.0", edition=tree.edition + 1)

    def _moves(self, tree: Tree) -> Tree:
        """A circuit goes to the environment version of the tree, or to one that nobody knows."""
        return self._with(tree, version=tree.version if self.rng.random() < 0.9 else "7.7.7")

    def _breaks(self, tree: Tree) -> Tree:
        """A file is wrong until somebody mends it."""
        return replace(tree, broken=not tree.broken)

    def _with(self, tree: Tree, **values: Any) -> Tree:
        circuit = self.rng.choice(CIRCUITS)
        there = tree.circuits[circuit]
        known = {
            "cutoff": there.cutoff_date,
            "version": there.environment_version,
            "units": there.hyperparameters["lstm_units"],
        }
        return replace(tree, circuits={**tree.circuits, circuit: settings(circuit, **{**known, **values})})
