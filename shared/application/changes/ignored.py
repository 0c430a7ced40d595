"""Webhooks that are not ours and look as if they were meant for us: a merge that is lost in silence looks like none.

The sender sees a green delivery and the operator nothing, so the list of changes and the log of alerts tell them.
"""

import hashlib
from datetime import timedelta

from shared.application.changes.ports import ChangePorts
from shared.application.ports import OwnFinding
from shared.domain.changes.record import ChangeClaim, ChangeRecord, ChangeState

IGNORED_RULE = "change-ignored"
"""A finding of a rule that no policy has to list: it tells people, and speaks against nothing that production runs."""

TOLD_AGAIN_AFTER = timedelta(days=1)
TOLD_MAX = 5
"""Different reasons in that time. A webhook of a whole organization tells of every repository below its owner."""

SEARCHED_MAX = 200
SEVERITY = 3

_ADVICE = (
    "if these are our changes, correct CHANGES_REPOSITORY or CHANGES_BRANCH, or the webhook, and send it again; "
    "otherwise take the webhook away"
)


async def tell_ignored(commit: str, source: str, reason: str, ports: ChangePorts) -> None:
    """Keeps that a merge was ignored and why, once a day for each reason, of few reasons. Raises TransientFault."""
    now = ports.clock.now()
    latest = (await ports.log.latest(SEARCHED_MAX)).records
    told = {
        each.notes[:1]
        for each in latest
        if each.state is ChangeState.IGNORED and now - each.accepted_at < TOLD_AGAIN_AFTER
    }
    if (reason,) in told or len(told) >= TOLD_MAX:
        return
    digest = hashlib.sha256(reason.encode()).hexdigest()[:12]
    finding = OwnFinding(
        finding_id=f"{IGNORED_RULE}-{digest}-{now:%Y%m%d}",
        rule=IGNORED_RULE,
        severity=SEVERITY,
        found_at=now,
        record=f"change {commit}: {reason}",
    )
    await ports.training.findings.report(finding)
    record = ChangeRecord(
        claim=ChangeClaim(commit=commit, branch=ports.branch, source=source),
        state=ChangeState.IGNORED,
        accepted_at=now,
        ended_at=now,
        title=f"a webhook of {source} that looks like ours",
        notes=(reason, _ADVICE),
    )
    await ports.log.accept(record)
