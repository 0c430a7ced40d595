"""Who may decide: one set of functions for the queue, the API and any page (invariant I4)."""

from collections.abc import Collection
from itertools import combinations

from shared.domain.errors import NotEligible
from shared.domain.release.model import Actor, Approval, Release
from shared.domain.release.policy import ApprovalRule, Stage
from shared.domain.release.specs import gate_digest


def check_approver(release: Release, stage: Stage, actor: Actor) -> None:
    """Raises NotEligible, with what would be needed, unless `actor` may approve or reject the gate of `stage`."""
    groups = [rule.group for rule in release.policy.gates[stage].approvals]
    if not actor.is_person:
        raise NotEligible("only a person may decide on a gate: sign in with a user account, not with an application")
    if not set(groups) & set(actor.groups):
        raise NotEligible(f"{actor.name} is not a member of {' or '.join(groups)}: ask a member to decide")
    if is_requester(release, stage, actor):
        raise NotEligible(f"{actor.name} requested this release and may not decide on it: ask another member")


def why_not(release: Release, stage: Stage, actor: Actor) -> str:
    """Why `actor` has nothing to decide on at the open gate of `stage`; empty when they have."""
    try:
        check_approver(release, stage, actor)
    except NotEligible as error:
        return str(error)
    digest = gate_digest(release, stage)
    said = {each.actor.object_id for each in release.approvals if (each.stage, each.digest) == (stage, digest)}
    return "you have approved it already: it waits for somebody else" if actor.object_id in said else ""


def check_operator(release: Release, actor: Actor) -> None:
    """Raises NotEligible unless `actor` may request, retry, abort and roll back releases: a member of any approving
    group, requesters included."""
    check_member(_approving_groups(release), actor, "operate releases")


def check_author(release: Release, actor: Actor) -> None:
    """Raises NotEligible unless `actor` may submit evidence: whoever may operate releases, requesters included."""
    check_member(_approving_groups(release), actor, "submit evidence")


def _approving_groups(release: Release) -> list[str]:
    return sorted({rule.group for gate in release.policy.gates.values() for rule in gate.approvals})


def check_member(groups: Collection[str], actor: Actor, what: str) -> None:
    """Raises NotEligible unless `actor` is a person of one of `groups`; `what` is what they want to do, as a verb."""
    if not actor.is_person:
        raise NotEligible(f"only a person may {what}: sign in with a user account, not with an application")
    if not set(groups) & set(actor.groups):
        raise NotEligible(f"{actor.name} is not a member of {' or '.join(groups)}: ask a member to do this")


def is_requester(release: Release, stage: Stage, actor: Actor) -> bool:
    """True when this person made the candidate or asked for its release, or for a rollback: whoever asked to go back.

    Identifiers compare without regard to case.
    """
    asked_by = {requester.casefold() for requester in requesters(release, stage)}
    return bool(asked_by & {actor.object_id.casefold(), actor.username.casefold()} - {""})


def requesters(release: Release, stage: Stage) -> tuple[str, ...]:
    """The identifiers of everybody who may not decide on the gate of `stage`."""
    if stage is Stage.ROLLBACK:
        return release.rollback_by
    if release.candidate is None:
        return release.requested_by
    makers = (maker.object_id for maker in release.candidate.makers)
    return (*release.candidate.requesters, *makers, *release.requested_by)


def groups_missing(rules: tuple[ApprovalRule, ...], approvals: list[Approval], people_min: int = 1) -> tuple[str, ...]:
    """The groups of which one more person would bring the gate further, in alphabetical order."""
    seats = [rule.group for rule in rules for _ in range(rule.count)]
    people = {a.actor.object_id: frozenset(a.actor.groups) for a in approvals if a.approved}
    taken = _most(seats, people)
    if taken == len(seats) and len(people) < people_min:
        return tuple(sorted(set(seats)))
    return tuple(sorted({group for group in seats if _most(seats, {**people, "": frozenset({group})}) > taken}))


def _most(seats: list[str], people: dict[str, frozenset[str]]) -> int:
    """How many seats these people can take at most."""
    counts = range(len(seats), 0, -1)
    return next((n for n in counts if any(_seat(list(some), people) for some in combinations(seats, n))), 0)


def gate_satisfied(rules: tuple[ApprovalRule, ...], approvals: list[Approval], people_min: int = 1) -> bool:
    """True when every rule has its count of approvals, no person counts twice, not even for two groups, and at least
    `people_min` different people have approved."""
    seats = [rule.group for rule in rules for _ in range(rule.count)]
    people = {a.actor.object_id: frozenset(a.actor.groups) for a in approvals if a.approved}
    return len(people) >= people_min and _seat(seats, people)


def _seat(seats: list[str], people: dict[str, frozenset[str]]) -> bool:
    if not seats:
        return True
    first, rest = seats[0], seats[1:]
    return any(
        first in groups and _seat(rest, {k: v for k, v in people.items() if k != person})
        for person, groups in people.items()
    )
