"""Whose approval a gate still waits for."""

import pytest

from shared.domain.people import groups_missing
from shared.domain.release.model import Approval
from shared.domain.release.policy import ApprovalRule, Stage
from tests.support.builders import NOW, an_actor

E, M = "ML-Engineers", "Engineering-Managers"
BOTH = (ApprovalRule(group=E, count=1), ApprovalRule(group=M, count=1))


def given(*groups: tuple[str, ...]) -> list[Approval]:
    """One approval of another person for each set of groups."""
    return [
        Approval(
            stage=Stage.PRODUCTION,
            actor=an_actor(object_id=f"person-{number}", groups=of),
            digest="d",
            approved=True,
            reason="",
            at=NOW,
        )
        for number, of in enumerate(groups)
    ]


@pytest.mark.parametrize(
    ("approvals", "missing"),
    [
        (given(), (E, M)),
        (given((E,)), (M,)),
        (given((M,)), (E,)),
        (given((E,), (M,)), ()),
        (given((E, M)), (E, M)),
        (given((E, M), (E,)), ()),
        (given((E,), (E,)), (M,)),
    ],
)
def test_only_groups_whose_approval_would_help_are_waited_for(
    approvals: list[Approval], missing: tuple[str, ...]
) -> None:
    assert groups_missing(BOTH, approvals) == tuple(sorted(missing))


def test_two_of_one_group_are_two_people() -> None:
    two = (ApprovalRule(group=E, count=2),)
    assert groups_missing(two, given((E,))) == (E,)
    assert groups_missing(two, given((E,), (E,))) == ()
