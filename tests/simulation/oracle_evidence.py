"""What must hold of evidence (I5): nobody approves on none, on bad one, or on one that was replaced since."""

import hashlib
from collections import defaultdict

from shared.domain.release.model import Kind, Release
from shared.domain.release.policy import Stage
from tests.simulation.violation import require


class EvidenceJudge:
    """`worth` says of every notebook that was handed in, by release and SHA-256, whether it may lead to approval."""

    def __init__(self) -> None:
        self.worth: dict[tuple[str, str], bool] = {}
        self._seen: dict[str, list[str]] = defaultdict(list)

    def handed_in(self, release_id: str, notebook: bytes, *, is_good: bool) -> None:
        """Somebody tries to hand in this file."""
        self.worth[release_id, hashlib.sha256(notebook).hexdigest()] = is_good

    def check_commit(self, before: Release, after: Release) -> None:
        """Remembers which evidence there was when each approval was given: it counts for no other."""
        sha256 = after.evidence.sha256 if after.evidence else ""
        require(bool(sha256) or before.evidence is None, f"I5: {after.release_id} lost its evidence")
        known = not sha256 or (after.release_id, sha256) in self.worth
        require(known, f"I5: {after.release_id} has evidence that nobody handed in")
        self._seen[after.release_id] += [sha256] * (len(after.approvals) - len(before.approvals))

    def check_gate(self, before: Release, after: Release, stage: Stage) -> None:
        """A gate is passed."""
        if before.kind is not Kind.ENVIRONMENT:
            return
        rid, evidence, gate = before.release_id, before.evidence, before.policy.gates[stage]
        require(evidence is not None or not gate.evidence_required, f"I2: {rid} passed {stage} without evidence")
        if evidence is None:
            return
        require(self.worth[rid, evidence.sha256], f"I2: {rid} passed {stage} on evidence that is worth nothing")
        given = zip(after.approvals, self._seen[rid], strict=True)
        fresh = [a for a, sha256 in given if (a.stage, a.approved, sha256) == (stage, True, evidence.sha256)]
        seats = sum(rule.count for rule in gate.approvals)
        require(len(fresh) >= seats, f"I5: {rid} passed {stage} with approvals of other evidence")
