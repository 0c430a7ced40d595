"""Facts that are missing: never silently passed."""

from dataclasses import replace

import pytest

from shared.domain.errors import InvalidRequest, NotEligible
from shared.domain.release.decide import decide
from shared.domain.release.missing import LINEAGE_TAGS, missing_facts
from shared.domain.release.model import Phase, Release
from shared.domain.release.policy import Fact, MissingFacts, Stage
from shared.domain.release.specs import gate_facts
from shared.domain.training.lineage import Trained, model_tags
from shared.domain.training.model import TrainingPhase
from tests.domain.training.test_steps import a_run
from tests.support.builders import NOW, RELEASE_ID, a_candidate, a_fleet_release, a_policy, a_release, an_actor
from tests.support.drive_model import approval

REGISTRY = Phase.AWAITING_REGISTRY_APPROVAL
WHOLE = {
    **dict.fromkeys(LINEAGE_TAGS, "there"),
    "pr_number": "PR-7",
    "pr_author": "rita@example.com",
    "mae": "0.1",
    "rmse": "0.2",
}
REQUIRED = tuple(Fact)


def at_gate(
    tags: dict[str, str],
    *,
    archived: bool = False,
    required: tuple[Fact, ...] = REQUIRED,
    missing: MissingFacts = MissingFacts.REASON,
    gate: Phase = REGISTRY,
) -> Release:
    return a_release(
        gate,
        candidate=a_candidate(tags=tags, archived=archived),
        policy=a_policy(required_facts=required, missing_facts=missing),
        approvals=(),
    )


def approved(release: Release, reason: str = "") -> Release:
    event = replace(approval(release, an_actor(2)), release_id=RELEASE_ID, reason=reason)
    return decide(release, event, NOW).release


def without(*names: str, **more: str) -> dict[str, str]:
    return {name: value for name, value in WHOLE.items() if name not in names} | more


CASES = [
    (without("pr_author"), Fact.AUTHOR),
    (without("pr_author", pr_author=" "), Fact.AUTHOR),
    (without("pr_author", pr_author="unknown"), Fact.AUTHOR),
    (without("pr_number"), Fact.PULL_REQUEST),
    (without("mae", "rmse"), Fact.METRICS),
    (without("mae"), Fact.METRICS),
    (without(mae=""), Fact.METRICS),
    (without(rmse="nan"), Fact.METRICS),
    (without(r2="inf"), Fact.METRICS),
    (without(mape="none"), Fact.METRICS),
    (without("git_commit_sha"), Fact.LINEAGE),
    (without("data_asset_version", "cutoff_date"), Fact.LINEAGE),
]


def test_a_whole_candidate_lacks_nothing() -> None:
    release = at_gate(WHOLE)
    assert missing_facts(release) == {}
    assert not any("warning" in name for name in gate_facts(release, Stage.REGISTRY))
    assert approved(release).phase is Phase.PROMOTING


@pytest.mark.parametrize(("tags", "fact"), CASES)
@pytest.mark.parametrize("gate", [REGISTRY, Phase.AWAITING_PRODUCTION_APPROVAL])
def test_a_required_fact_that_is_missing_is_named_in_the_reason(tags: dict[str, str], fact: Fact, gate: Phase) -> None:
    release = at_gate(tags, gate=gate)
    stage = Stage.REGISTRY if gate is REGISTRY else Stage.PRODUCTION
    assert list(missing_facts(release)) == [fact]
    assert "name it in the reason" in gate_facts(release, stage)[f"warning: {fact}"]
    for reason in ("", "looks good"):
        with pytest.raises(InvalidRequest, match=f"a reason that names {fact}"):
            approved(release, reason)

    assert approved(release, f"the {fact.upper()} is in the old system").phase is not gate


def test_an_archived_version_asks_a_person() -> None:
    release = at_gate(WHOLE, archived=True)
    assert "archived" in gate_facts(release, Stage.REGISTRY)["warning: in use"]
    with pytest.raises(InvalidRequest, match="names in use"):
        approved(release, "good")
    assert approved(release, "in use again tomorrow").phase is Phase.PROMOTING


def test_each_of_several_missing_facts_is_named() -> None:
    release = at_gate(without("pr_author", "pr_number"))
    with pytest.raises(InvalidRequest, match="names author, pull request"):
        approved(release, "no author")
    assert approved(release, "author and pull request are in the old system").phase is Phase.PROMOTING


def test_what_the_policy_does_not_require_is_a_warning_alone() -> None:
    release = at_gate(without("pr_author"), required=(Fact.METRICS,))
    assert gate_facts(release, Stage.REGISTRY)["warning: author"] == "no tag pr_author names an author"
    assert approved(release).phase is Phase.PROMOTING


def test_a_policy_may_take_no_reason() -> None:
    release = at_gate(without("mae"), missing=MissingFacts.REFUSE)
    assert "nobody can approve" in gate_facts(release, Stage.REGISTRY)["warning: metrics"]
    with pytest.raises(NotEligible, match="no usable mae"):
        approved(release, "metrics are elsewhere")


def test_a_rejection_needs_no_facts() -> None:
    release = at_gate({})
    event = replace(approval(release, an_actor(2)), release_id=RELEASE_ID, approved=False, reason="no")
    assert decide(release, event, NOW).release.phase is Phase.REJECTED


def test_an_environment_needs_author_pull_request_and_commit() -> None:
    release = a_fleet_release(REGISTRY)
    release = replace(release, candidate=a_candidate(tags={}))
    assert list(missing_facts(release)) == [Fact.AUTHOR, Fact.PULL_REQUEST, Fact.LINEAGE]
    tags = {"registered_by": "rita@example.com", "pr_number": "PR-1", "git_commit_sha": "4f2a" * 10}
    assert missing_facts(replace(release, candidate=a_candidate(tags=tags))) == {}


def test_a_training_of_the_app_writes_all_that_is_asked_for() -> None:
    tags = model_tags(
        a_run(TrainingPhase.SUCCEEDED), "custom-tf-env", Trained(metrics={"mae": 0.1, "rmse": 0.2}, ranges={})
    )
    assert missing_facts(at_gate(tags)) == {}


@pytest.mark.parametrize(("closed", "warns"), [("true", False), ("false", True)])
def test_a_model_that_was_trained_on_open_days_is_told_at_the_gate(closed: str, warns: bool) -> None:
    """Rows of days that are not closed may be others when it is trained again."""
    tags = {"data_rows": "263", "data_table_version": "30", "data_closed": closed}
    release = at_gate(without(**tags))
    told = gate_facts(release, Stage.REGISTRY)["training data"]
    assert told.startswith("263 rows of version 30 of the sensor table")
    assert ("warning" in told) is warns
