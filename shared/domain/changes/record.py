"""What became of one merged change: found, trained, refused. Kept for everybody to read, like the history of a release.

The lists of a record are bounded, so that it fits one row whatever was merged; the totals are exact.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.domain.changes.circuits import CircuitChangeKind, ConfigProblem, FieldChange
from shared.domain.makers import Account

CIRCUITS_TOLD_MAX = 1000
PROBLEMS_TOLD_MAX = 100


class ChangeState(StrEnum):
    """ACCEPTED waits to be looked at; TAKEN is done. REFUSED has mistakes, FAILED had a technical fault: nothing is
    trained of either. COVERED was part of a later change, UNRELATED touches nothing of ours. IGNORED is of a repository
    or branch that only looks like ours: nobody looked at it."""

    ACCEPTED = "accepted"
    TAKEN = "taken"
    UNRELATED = "unrelated"
    COVERED = "covered"
    REFUSED = "refused"
    FAILED = "failed"
    IGNORED = "ignored"


@dataclass(frozen=True, kw_only=True)
class ChangeClaim:
    """What a webhook says. A hint: only `commit` decides what is looked at, in the repository.

    `base` is what the branch was before exactly this; `since` a commit that it had then or earlier. `is_first` says
    that there was no branch before, `forced` that history was rewritten. `senders` are whom the service proves to have
    opened, merged or pushed it; `sender` is one of them, for people to read.
    """

    commit: str
    branch: str
    source: str
    base: str = ""
    pr_number: str = ""
    sender: str = ""
    since: str = ""
    is_first: bool = False
    forced: bool = False
    senders: tuple[Account, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it knows both the pull request and what the branch was before: no other event knows more."""
        return bool(self.pr_number and (self.base or self.is_first))


@dataclass(frozen=True, kw_only=True)
class CircuitOutcome:
    """One circuit of a change, the commit that changed it last, and the training run it led to, if any."""

    plant_id: str
    circuit_id: str
    kind: CircuitChangeKind
    fields: tuple[FieldChange, ...] = ()
    renamed_from: str = ""
    commit: str = ""
    pr_number: str = ""
    author: str = ""
    run_id: str = ""


@dataclass(frozen=True, kw_only=True)
class EnvironmentOutcome:
    """The environment version of a change. `asset_id` is empty unless it is registered."""

    name: str
    version: str
    previous: str
    kind: str
    breaking: bool
    summary: str
    asset_id: str
    moved: int
    waiting: int


@dataclass(frozen=True, kw_only=True)
class ChangeRecord:
    """One change, by the commit it brought to the branch. `makers` are all who had a part in it, once it is taken."""

    claim: ChangeClaim
    state: ChangeState
    accepted_at: datetime
    ended_at: datetime | None = None
    base: str = ""
    title: str = ""
    author: str = ""
    pr_number: str = ""
    circuits: tuple[CircuitOutcome, ...] = ()
    circuits_total: int = 0
    trainings_total: int = 0
    environment: EnvironmentOutcome | None = None
    problems: tuple[ConfigProblem, ...] = ()
    problems_total: int = 0
    notes: tuple[str, ...] = field(default=())
    makers: tuple[Account, ...] = ()

    @property
    def change_id(self) -> str:
        """The commit."""
        return self.claim.commit

    @property
    def is_ended(self) -> bool:
        """False while it waits to be looked at."""
        return self.state is not ChangeState.ACCEPTED

    @property
    def moves_branch(self) -> bool:
        """Whether everything up to its commit is done, so that the next change is compared with it."""
        return self.state in (ChangeState.TAKEN, ChangeState.UNRELATED)
