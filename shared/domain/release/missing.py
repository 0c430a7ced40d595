"""Facts that a decision should rest on and that are missing: told as warnings, required where the policy says so."""

from math import isfinite

from shared.domain.errors import InvalidRequest, NotEligible
from shared.domain.release.model import Candidate, Kind, Release
from shared.domain.release.policy import Fact, MissingFacts, Stage

LINEAGE_TAGS = (
    "git_commit_sha",
    "cutoff_date",
    "data_asset_name",
    "data_asset_version",
    "environment_name",
    "environment_version",
    "hyperparameters_hash",
)
"""What leads back from a model to where it comes from; a training of the app writes all of them."""

METRICS = ("mae", "rmse", "mape", "r2")
_METRICS_ALWAYS = ("mae", "rmse")


def missing_facts(release: Release) -> dict[Fact, str]:
    """What is missing or speaks against the candidate, in words; empty for a rollback, which has no candidate."""
    candidate = release.candidate
    if candidate is None:
        return {}
    author, of_kind = _OF_KIND.get(release.kind, ("registered_by", _of_commit))
    found = of_kind(candidate)
    if not _has(candidate, author):
        found[Fact.AUTHOR] = f"no tag {author} names an author"
    if not _has(candidate, "pr_number"):
        found[Fact.PULL_REQUEST] = "no tag pr_number names a pull request"
    if candidate.archived:
        found[Fact.IN_USE] = "the version is archived: somebody took it out of use"
    return {fact: found[fact] for fact in Fact if fact in found}


def _of_model(candidate: Candidate) -> dict[Fact, str]:
    found: dict[Fact, str] = {}
    if wrong := _wrong_metrics(candidate.tags):
        found[Fact.METRICS] = f"no usable {', '.join(wrong)}"
    if absent := [name for name in LINEAGE_TAGS if not _has(candidate, name)]:
        found[Fact.LINEAGE] = f"the tags {', '.join(absent)} are missing"
    return found


def _of_commit(candidate: Candidate) -> dict[Fact, str]:
    return {} if _has(candidate, "git_commit_sha") else {Fact.LINEAGE: "the tag git_commit_sha is missing"}


def _wrong_metrics(tags: dict[str, str]) -> list[str]:
    """Measures that say nothing; those that not every model has may be absent, not empty."""
    return [name for name in METRICS if (name in tags or name in _METRICS_ALWAYS) and not _is_number(tags.get(name))]


def _is_number(text: str | None) -> bool:
    try:
        return isfinite(float(text or ""))
    except ValueError:
        return False


def _has(candidate: Candidate, tag: str) -> bool:
    return candidate.tags.get(tag, "").strip().casefold() not in ("", "unknown", "none")


#: The tag that names the author, and what else is looked for. What an online model is measured by is its comparison.
_OF_KIND = {Kind.MODEL: ("pr_author", _of_model), Kind.ONLINE: ("pr_author", _of_commit)}


def missing_told(release: Release, stage: Stage) -> dict[str, str]:
    """A warning for each, as an approver is shown it; those that the policy asks for say what to do."""
    if stage is Stage.ROLLBACK:
        return {}
    required = release.policy.required_facts
    refused = release.policy.missing_facts is MissingFacts.REFUSE
    what = "it is required, so nobody can approve" if refused else "it is required: name it in the reason"
    return {
        f"warning: {fact}": f"{text}; {what}" if fact in required else text
        for fact, text in missing_facts(release).items()
    }


def check_missing(release: Release, stage: Stage, reason: str) -> None:
    """Raises where the policy requires a fact that is missing: InvalidRequest unless the reason of the approval names
    each of them, NotEligible where the policy takes no reason."""
    if stage is Stage.ROLLBACK:
        return
    found = missing_facts(release)
    required = [fact for fact in found if fact in release.policy.required_facts]
    if not required:
        return
    told = "; ".join(f"{fact}: {found[fact]}" for fact in required)
    if release.policy.missing_facts is MissingFacts.REFUSE:
        raise NotEligible(f"the policy lets nobody approve this ({told}): register a version that has it")
    if any(fact.casefold() not in reason.casefold() for fact in required):
        raise InvalidRequest(f"approving needs a reason that names {', '.join(required)} ({told}): say why it may")
