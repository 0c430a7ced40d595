"""What is deployed, what an approver is shown, and what an approval binds to: pure functions of the release."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping

from shared.domain.evidence.gate import evidence_facts
from shared.domain.fleet.specs import rollback_bound, rollback_facts
from shared.domain.online import specs as online
from shared.domain.predictions import JUDGED_BY_TAGS, RANGES_UNKNOWN
from shared.domain.records import replace
from shared.domain.release.dimensions import RELEASE_TAGS, brings, kept_tags
from shared.domain.release.lowering import asset_of, brought_environment, lowered, shown
from shared.domain.release.makers import maker_facts
from shared.domain.release.missing import METRICS, missing_told
from shared.domain.release.model import (
    Candidate,
    CheckRun,
    DeploymentSpec,
    Dimension,
    FleetTarget,
    Kind,
    Phase,
    Release,
    Verdict,
)
from shared.domain.release.policy import Stage
from shared.domain.tags import as_tag


def passed_test(release: Release) -> CheckRun | None:
    """The test inference that passed, if one did."""
    return next((run for run in reversed(release.check_runs) if run.verdict is Verdict.PASSED), None)


def gate_digest(release: Release, stage: Stage) -> str:
    """What an approval of `stage` binds to: the exact candidate and, for production, the test that passed (I5).

    64 hexadecimal digits. Any change of candidate or evidence gives another digest, which voids earlier approvals.
    """
    if stage is Stage.ROLLBACK:
        return _digest({"stage": stage.value, **rollback_bound(release)})
    if release.candidate is None:
        raise ValueError(f"release {release.release_id} has no verified candidate, so there is nothing to approve")
    bound: dict[str, str] = {
        "release": release.release_id,
        "stage": stage.value,
        "asset": release.candidate.asset_id,
        "fingerprint": release.candidate.fingerprint,
    }
    if release.candidate.rolled_back:
        bound["rolled back"] = release.candidate.rolled_back
    if release.kind is Kind.ENVIRONMENT:
        if release.evidence is not None:
            bound["evidence"] = f"{release.evidence.sha256} {release.evidence.quality.value}"
        bound["checks"] = repr([(t.key, t.previous.model, t.check, t.check_detail) for t in release.fleet])
        bound |= lowered(release)
        return _digest(bound)
    if release.kind is Kind.ONLINE:
        return _digest(bound | online.bound(release, stage))
    bound["environment"] = f"{release.target.plan.environment_name}:{release.target.plan.environment_version}"
    if stage is Stage.PRODUCTION:
        run = passed_test(release)
        bound["test_job"] = run.job_name if run else ""
        bound["test_detail"] = run.detail if run else ""
        if run and run.output:  # without it the digest is that of before, so that approvals of then still count
            bound["test_output"] = run.output
        bound["registry_model"] = release.registry_model_id
        bound["environment"] = brought_environment(release.target)
        if found := release.target.found:
            bound["production"] = f"{found.model} in {found.environment}"
    return _digest(bound)


def _digest(bound: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()


def gate_facts(release: Release, stage: Stage) -> dict[str, str]:
    """The facts an approver is shown (R-REL-4): plant, circuit, model version, PR, test status."""
    if stage is Stage.ROLLBACK:
        return rollback_facts(release)
    if release.candidate is None:
        return {}
    facts = _facts(release, release.candidate, stage)
    if release.configuration:
        facts["configuration"] = release.configuration
    return facts | maker_facts(release, stage) | missing_told(release, stage) | earlier_facts(release)


def _training_data(tags: Mapping[str, str]) -> dict[str, str]:
    """What the model was trained on, where its training tells; rows of days that are not closed may be others later."""
    if "data_rows" not in tags:
        return {}
    told = f"{tags['data_rows']} rows of version {tags.get('data_table_version', 'unknown')} of the sensor table"
    open_days = tags.get("data_closed") != "true"
    return {"training data": f"{told}; warning: its last days were not closed, and may change" if open_days else told}


def _facts(release: Release, candidate: Candidate, stage: Stage) -> dict[str, str]:
    if release.kind is Kind.ENVIRONMENT:
        return _environment_facts(release, candidate, stage)
    if release.kind is Kind.ONLINE:
        return online.facts(release, candidate, stage)
    tags = candidate.tags
    facts = {
        "plant": candidate.plant_id,
        "circuit": candidate.circuit_id,
        "model": release.asset,
        "environment": brought_environment(release.target),
        "pull request": tags.get("pr_number", "unknown"),
        "author": tags.get("pr_author", "unknown"),
        **_training_data(tags),
        "training metrics": ", ".join(f"{k} {tags[k]}" for k in METRICS if k in tags) or "none",
    }
    if release.target.plan.known_as:
        facts["known as"] = release.target.plan.known_as
    if stage is Stage.PRODUCTION:
        run = passed_test(release)
        facts["test status"] = run.verdict.value if run and run.verdict else "not run"
        facts["test job"] = run.job_name if run else "none"
        facts["test predictions"] = _output_told(run)
        if found := release.target.found:
            facts["production runs"] = f"{shown(found.model)} in {shown(found.environment)}"
    return _with_lowered(facts, release)


def _with_lowered(facts: dict[str, str], release: Release) -> dict[str, str]:
    """What goes down is marked where people read the version."""
    return facts | {name: f"{facts[name]}, {what}" for name, what in lowered(release).items()}


def earlier_facts(release: Release) -> dict[str, str]:
    """Of a version that was tried before: how that ended, what was decided then, and whether production went back, by
    its earlier attempts or by its mark in the registry."""
    marked = release.candidate.rolled_back if release.candidate else ""
    if not release.earlier:
        return {"warning": f"this version was rolled back before, by {marked}"} if marked else {}
    facts = {"attempt": f"{release.version_attempt} of {release.asset}", "before": told_earlier(release)}
    decided = [each for attempt in release.earlier for each in attempt.decisions]
    if decided:
        facts["decided before, counts for nothing"] = "; ".join(decided)
    back = [f"{each.release_id}: {each.rolled_back}" for each in release.earlier if each.rolled_back]
    back = back or ([f"by {marked}"] if marked else [])
    return facts | ({"warning": f"this version was rolled back before, {'; '.join(back)}"} if back else {})


def told_earlier(release: Release) -> str:
    """How the attempts before this one ended."""
    return "; ".join(f"{each.release_id} {each.phase}: {each.reason}" for each in release.earlier)


def told_decisions(release: Release) -> tuple[str, ...]:
    """What people decided at the gates of a release."""
    return tuple(
        f"{each.actor.name} {'approved' if each.approved else 'rejected'} {each.stage.value} of {release.release_id}"
        + (f": {each.reason}" if each.reason else "")
        for each in release.approvals
    )


def _output_told(run: CheckRun | None) -> str:
    """What the test predicted; that it could not be compared with a plausible range is a warning."""
    output = run.output if run else ""
    return f"warning: {output}" if RANGES_UNKNOWN in output else output or "not known"


def _environment_facts(release: Release, candidate: Candidate, stage: Stage) -> dict[str, str]:
    """What managers and engineers decide on: what changes, who made it, and what the checks of all models said."""
    tags = candidate.tags
    facts = {
        "environment": release.asset,
        "change": tags.get("change_summary", "unknown"),
        "pull request": tags.get("pr_number", "unknown"),
        "registered by": tags.get("registered_by", "unknown"),
    }
    facts |= evidence_facts(release, stage)
    if stage is Stage.PRODUCTION:
        verdicts = Counter(target.check.value for target in release.fleet if target.check)
        facts["targets"] = str(len(release.fleet))
        facts["checks"] = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        changed = [t for t in release.fleet if t.check is Verdict.INCONCLUSIVE]
        facts["models that predict other values"] = told_checks(changed) or "none"
    return _with_lowered(facts, release)


def told_checks(targets: list[FleetTarget], shown: int = 10) -> str:
    """Circuits with what their check said, the first few of them."""
    text = "; ".join(f"{target.key}: {target.check_detail}" for target in targets[:shown])
    return f"{text}; and {len(targets) - shown} more" if len(targets) > shown else text


def wanted_spec(release: Release, phase: Phase) -> DeploymentSpec:
    """The deployment that `phase` brings about: the candidate in test or production, or *previous* when restoring."""
    target = release.target
    if phase is Phase.RESTORING:
        if target.previous is None:
            raise ValueError(f"release {release.release_id}: nothing ran before, so nothing can be restored")
        return replace(target.previous, tags={**target.previous.tags, "restored_by_release": release.release_id})
    return _candidate_spec(release, in_test=phase in (Phase.DEPLOYING_TEST, Phase.TESTING))


def _candidate_spec(release: Release, *, in_test: bool) -> DeploymentSpec:
    candidate, plan = release.candidate, release.target.plan
    if candidate is None:
        raise ValueError(f"release {release.release_id} has no verified candidate to deploy")
    return DeploymentSpec(
        endpoint_name=plan.endpoint_name,
        deployment_name=plan.deployment_name,
        model=release.registry_model_id,
        environment=release.registry_environment_id,
        compute=plan.test_compute if in_test else plan.production_compute,
        code=plan.scoring_code,
        scoring_script=plan.scoring_script,
        mini_batch_size=plan.mini_batch_size,
        description=f"{release.asset} by Switchyard",
        environment_variables={
            "PLANT_ID": candidate.plant_id,
            "CIRCUIT_ID": candidate.circuit_id,
            "MODEL_VERSION": release.asset_version,
        },
        tags=_deployment_tags(release, candidate, in_test=in_test),
    )


def _deployment_tags(release: Release, candidate: Candidate, *, in_test: bool) -> dict[str, str]:
    """The tags of R-REL-18; `deployed_at` is when the step began, so that repeating it changes nothing. An environment
    that ran before stays with whoever brought it."""
    tags = {
        "model_version": release.asset_version,
        "release_id": release.release_id,
        "plant_id": candidate.plant_id,
        "circuit_id": candidate.circuit_id,
        "environment_version": asset_of(brought_environment(release.target))[1],
    }
    judged_by = {name: candidate.tags.get(name, "") for name in JUDGED_BY_TAGS}
    tags |= {name: value for name, value in judged_by.items() if value and as_tag(value) == value}
    if in_test:
        return tags
    previous = release.target.previous
    approvers = [a.actor for a in release.approvals if a.stage is Stage.PRODUCTION and a.approved]
    tags["deployed_at"] = release.phase_since.strftime("%Y-%m-%dT%H:%M:%SZ")
    tags["approved_by"] = as_tag(", ".join(actor.username or actor.object_id for actor in approvers))
    tags["previous_version"] = previous.tags.get("model_version", "unknown") if previous else "none"
    tags[RELEASE_TAGS[Dimension.MODEL]] = release.release_id
    if previous is None or Dimension.ENVIRONMENT in brings(release, previous):
        return tags | {RELEASE_TAGS[Dimension.ENVIRONMENT]: release.release_id}
    return tags | kept_tags(previous, Dimension.ENVIRONMENT)


def runs(wanted: DeploymentSpec, actual: DeploymentSpec) -> bool:
    """True when `actual`, read back from Azure ML, is what `wanted` asked for.

    Compared is what decides behaviour and who brought it there; times, descriptions and the code's id differ by nature.
    """
    return (
        wanted.model == actual.model
        and wanted.environment == actual.environment
        and wanted.scoring_script == actual.scoring_script
        and wanted.mini_batch_size == actual.mini_batch_size
        and wanted.environment_variables == actual.environment_variables
        and all(wanted.tags.get(name) == actual.tags.get(name) for name in _IDENTIFYING_TAGS)
    )


_IDENTIFYING_TAGS = ("release_id", "restored_by_release", "model_version")
