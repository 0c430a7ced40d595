"""What follows from who made a candidate: how many people have to approve it, and what they are told (I4)."""

from shared.domain.release.model import Candidate, Release
from shared.domain.release.policy import Stage, UnknownMakers


def unknown_makers(candidate: Candidate) -> tuple[str, ...]:
    """Who had a part in it and is tied to no person, in words; empty when everybody is known.

    At least one maker must be known by proof: where all are claims, or nobody is named, somebody is missing. That holds
    for candidates too that were stored before accounts were on record.
    """
    untied = tuple(str(maker.account) for maker in candidate.makers if not maker.object_id)
    if any(maker.object_id and maker.account.proven for maker in candidate.makers):
        return untied
    return (*untied, "nothing proves who made it")


def people_min(release: Release, stage: Stage) -> int:
    """How many different people must approve the gate of `stage`, whatever its groups ask for."""
    if stage is Stage.ROLLBACK or release.candidate is None or not unknown_makers(release.candidate):
        return 1
    return 1 if release.policy.unknown_makers is UnknownMakers.ONE else 2


def is_refused(release: Release, candidate: Candidate) -> bool:
    """Whether the policy lets nobody approve it, because a maker is unknown."""
    return release.policy.unknown_makers is UnknownMakers.REFUSE and bool(unknown_makers(candidate))


def refused_makers(candidate: Candidate) -> str:
    """Why nobody can approve it, and what to do."""
    said = f"the policy refuses {candidate.name}:{candidate.version}, because a maker is unknown"
    fix = "add the accounts to config/people.yml, deploy that, then have the release tried again"
    return f"{said}: {', '.join(unknown_makers(candidate))}; {fix}"


def told_makers(candidate: Candidate) -> str:
    """Who made it: people by name, then whoever is unknown with what was claimed."""
    known = [maker.name or f"the person {maker.object_id}" for maker in candidate.makers if maker.object_id]
    unknown = unknown_makers(candidate)
    if not candidate.makers and candidate.requesters:
        unknown = (*unknown, f"named are {', '.join(candidate.requesters)}")
    return "; ".join([*known, *([f"unknown: {', '.join(unknown)}"] if unknown else [])])


def maker_facts(release: Release, stage: Stage) -> dict[str, str]:
    """What an approver is shown of who made it."""
    if release.candidate is None:
        return {}
    facts = {"made by": told_makers(release.candidate)}
    if people_min(release, stage) > 1:
        facts["warning: maker unknown"] = f"{people_min(release, stage)} different people have to approve"
    return facts
