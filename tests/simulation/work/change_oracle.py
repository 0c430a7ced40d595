"""What must never happen to merged changes, judged at every training that is asked for, every environment that is
registered, every move of the branch and every end of a change."""

from collections import defaultdict
from collections.abc import Iterable

from shared.application.changes.ports import Registration, StoredChange
from shared.application.platform_ports import RegisteredEnvironment
from shared.domain.changes.record import ChangeRecord, ChangeState
from shared.domain.training.model import TrainingRequest, TrainingRun
from tests.fakes.changes import MemoryChangeLog, MemoryEnvironmentRegistry, MemoryKeptConfigurations
from tests.fakes.training import MemoryTrainingStore
from tests.simulation.violation import require
from tests.simulation.work.batch_jobs import at_once
from tests.simulation.work.branch import ENVIRONMENT, Branch, Circuit


class ChangeJudge:
    """Knows the branch, and what was asked for because of which commit."""

    def __init__(self, branch: Branch, environments: MemoryEnvironmentRegistry) -> None:
        self.is_rewritten = False
        self.runs: dict[tuple[Circuit, str], str] = {}
        self._by_circuit: defaultdict[Circuit, list[TrainingRequest]] = defaultdict(list)
        self._branch, self._environments = branch, environments

    def asked(self, run: TrainingRun, changes: Iterable[ChangeRecord], taken: str) -> None:
        """A training run was made, while the branch was taken up to `taken`."""
        request = run.request
        circuit, origin = (request.plant_id, request.circuit_id), self._branch.commits.get(request.commit)
        require(origin is not None, f"{run.run_id} is of commit {request.commit}, which nobody made")
        assert origin
        require(origin.tree.text(circuit) == request.config_yaml, f"{run.run_id} is not what was merged")
        by_origin = self._branch.last_to_change(request.commit, circuit) == request.commit
        require(by_origin, f"{run.run_id} is of {request.commit}, which did not change {circuit}")
        by_whom = any(self._brings(each, circuit, request, taken) for each in changes)
        require(by_whom, f"{run.run_id} is of no accepted change, or of one with mistakes")
        version = (ENVIRONMENT, request.environment_version)
        require(version in self._environments.versions, f"{run.run_id} is trained with {version}, not registered")
        there = self.runs.setdefault((circuit, request.commit), run.run_id)
        require(there == run.run_id, f"{circuit} at {request.commit} is trained by {there} and by {run.run_id}")
        self._by_circuit[circuit].append(request)

    def registered(self, registration: Registration, changes: Iterable[ChangeRecord]) -> None:
        """An environment version came to be; whose change it is may have been ended by somebody quicker."""
        wanted = registration.version, registration.tags["source_digest"], False
        trees = (self._branch.commits[each.change_id].tree for each in changes)
        known = any((tree.version, tree.digest, tree.broken) == wanted for tree in trees)
        require(known, f"environment {registration.version} is of no change, or of one with mistakes")
        require(registration.tags["pr_number"].startswith("PR-"), f"environment {registration.version} has no review")

    def moved(self, old: str, new: str) -> None:
        """The branch was taken up to another commit."""
        at = self._branch.commits
        goes_on = not old or self._branch.contains(old, new) or self.is_rewritten
        require(goes_on, f"the branch was taken up to {old}, and is at {new} again")
        before = at[old].tree if old else None
        after = at[new].tree
        as_before = before is not None and all(before.text(key) == after.text(key) for key in after.circuits)
        require(not after.broken or as_before, f"the branch was taken up to {new}, whose files are wrong")
        for circuit, now in after.circuits.items():
            then = before.circuits.get(circuit) if before else None
            same_file = before is not None and before.text(circuit) == after.text(circuit)
            if same_file or (then and then.training_fields() == now.training_fields()):
                continue
            wanted = [each for each in self._by_circuit[circuit] if each.config_yaml == now.text]
            new_ones = [each for each in wanted if self.is_rewritten or not self._branch.contains(each.commit, old)]
            require(bool(new_ones), f"the branch was taken up to {new}, and nobody trains {circuit}")
        if before and before.digest != after.digest:
            there = self._environments.versions.get((ENVIRONMENT, after.version))
            right = there is not None and there.tags.get("source_digest") == after.digest
            require(right, f"the branch was taken up to {new}, and environment {after.version} is not registered")

    def ended(self, before: ChangeRecord, after: ChangeRecord, taken: str) -> None:
        """A change has its outcome, while the branch was taken up to `taken`."""
        require(not before.is_ended or not after.is_ended, f"change {after.change_id} ends twice")
        commit = self._branch.commits[after.change_id]
        if after.state is ChangeState.REFUSED and not self.is_rewritten:
            self._must_have_mistakes(after, taken)
        if after.state is ChangeState.TAKEN:
            require(not commit.tree.broken, f"change {after.change_id} was taken, and its files are wrong")

    def _brings(self, record: ChangeRecord, circuit: Circuit, request: TrainingRequest, taken: str) -> bool:
        """Whether the change holds what is trained, and nothing for which it has to be refused as a whole."""
        head, before = self._branch.commits[record.change_id].tree, self._branch.commits.get(taken)
        today = self._branch.clock.now().date()
        new = [each for key, each in head.circuits.items() if not before or before.tree.text(key) != each.text]
        mistakes = head.broken or any(each.cutoff_date >= today for each in new)
        is_there = head.text(circuit) == request.config_yaml
        return is_there and not mistakes and self._branch.contains(request.commit, record.change_id)

    def _must_have_mistakes(self, record: ChangeRecord, taken: str) -> None:
        """There is a reason why nothing of the change should be acted on."""
        at, versions = self._branch.commits, self._environments.versions
        tree, known = at[record.change_id].tree, at[taken].tree if taken in at else None
        there = versions.get((ENVIRONMENT, tree.version))
        other_content = there is not None and there.tags.get("source_digest") != tree.digest
        forgotten = known is not None and known.version == tree.version and known.digest != tree.digest
        coming = {tree.version} if known is None or known.version != tree.version else set()
        named = {each.environment_version for each in tree.circuits.values()} - coming
        unknown = any((ENVIRONMENT, version) not in versions for version in named)
        today = self._branch.clock.now().date()
        early = any(each.cutoff_date >= today for each in tree.circuits.values())
        raised_by = self._branch.last_to_raise(record.change_id)
        is_named = bool(at[raised_by].facts.pr_number)
        is_named |= raised_by == record.change_id and bool(record.claim.pr_number)
        mistakes = tree.broken, other_content, forgotten, unknown, early, not is_named
        require(any(mistakes), f"change {record.change_id} was refused for {record.problems}")


class WatchedLog(MemoryChangeLog):
    """Every write is judged, and the move of the branch with it."""

    def __init__(self, judge: ChangeJudge, kept: MemoryKeptConfigurations) -> None:
        super().__init__()
        self._judge = judge
        self._kept = kept

    @property
    def all(self) -> list[ChangeRecord]:
        """Every change that was ever accepted."""
        return [stored.record for stored in self.records.values()]

    @property
    def accepted(self) -> list[ChangeRecord]:
        """Changes that have no outcome yet."""
        return [record for record in self.all if not record.is_ended]

    async def save(
        self, record: ChangeRecord, version: str, *, moves: str = "", since: str = "", configures: bool = False
    ) -> None:
        there: StoredChange = self.records[record.change_id]
        old = self.branches.get(moves, "") if moves else ""
        await super().save(record, version, moves=moves, since=since, configures=configures)
        self._judge.ended(there.record, record, old or next(iter(self.branches.values()), ""))
        if moves:
            self._judge.moved(old, record.change_id)
        if configures:
            sound = record.moves_branch and record.change_id in self._kept.files
            require(bool(moves) and sound, f"{record.change_id} is in force and was not taken, or is not kept")


class WatchedRegistry(MemoryEnvironmentRegistry):
    """Versions that come to be are judged."""

    log: WatchedLog
    judge: ChangeJudge

    async def register(self, registration: Registration) -> RegisteredEnvironment:
        if (registration.name, registration.version) not in self.versions:
            self.judge.registered(registration, self.log.all)
        return await super().register(registration)

    def register_late(self, registration: Registration) -> None:
        """The request arrives at last; whoever sent it may have been told otherwise long ago."""
        at_once(super().register(registration))


class WatchedRuns(MemoryTrainingStore):
    """Runs that are asked for are judged."""

    def __init__(self, judge: ChangeJudge, log: WatchedLog) -> None:
        super().__init__()
        self._judge, self._log = judge, log

    async def create(self, run: TrainingRun) -> bool:
        if run.run_id not in self.runs:
            self._judge.asked(run, self._log.all, next(iter(self._log.branches.values()), ""))
        return await super().create(run)
