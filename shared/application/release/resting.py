"""Releases at rest: those that nothing has to be done for before a known time (ADR 29).

The index of open releases says so of a release, with its summary, from a commit on until right before the next one:

1. whoever commits on a release that may rest has it woken in the index first;
2. whoever has seen its outbox empty after a commit lays it to rest, as of that very commit.

Both only ever raise a number, so that the order in which late ones arrive does not matter. A release that rests in the
index is therefore exactly as the index says: it has no commit behind that one, and nothing unsent.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.application.release.summary import Summary, summary_of
from shared.domain.fleet.lanes import WORK
from shared.domain.release.model import Release

REST_MIN = timedelta(minutes=3)
"""Shorter rests cost more than they save: laying to rest and waking are two operations each, as is a sweep's look at a
release that is awake, and there is a sweep every minute."""


@dataclass(frozen=True, kw_only=True)
class ReleaseRest:
    """As of the commit with this `number`, nothing is due before `until`, and the release is as `summary` says."""

    number: int
    until: datetime
    summary: Summary


@dataclass(frozen=True, kw_only=True)
class OpenEntry:
    """A release in the index of open ones. `woken` is the highest commit on which another one may have followed; -1
    while there was none. `rest` is the latest that was noted; it counts while nobody has woken the release since."""

    release_id: str
    woken: int = -1
    rest: ReleaseRest | None = None

    @property
    def resting(self) -> ReleaseRest | None:
        """The rest, while it counts; None for a release that only its own row tells about."""
        return self.rest if self.rest is not None and self.rest.number > self.woken else None

    @property
    def place(self) -> str:
        """Where the index has it."""
        return self.release_id

    @property
    def summary(self) -> Summary | None:
        """Of a release that rests."""
        return self.resting.summary if self.resting else None

    def is_due(self, now: datetime) -> bool:
        """True for a release that a sweep has to look at."""
        return self.resting is None or self.resting.until < now

    def waking(self, number: int) -> "OpenEntry":
        """The entry once the release may be changed after commit `number`."""
        return replace(self, woken=max(self.woken, number))

    def laid(self, rest: ReleaseRest) -> "OpenEntry":
        """The entry with this rest, unless it has a later one."""
        return self if self.rest is not None and self.rest.number >= rest.number else replace(self, rest=rest)


def rests_until(release: Release) -> datetime | None:
    """When a sweep has to look for what did not come: a whole look interval after it is due. None for a release that
    does not rest: it has ended, or is worked on at many targets at once, whose answers come at any moment."""
    if release.phase in WORK or release.phase.is_terminal:
        return None
    due = [at for at in (release.look_at, release.deadline_at) if at is not None]
    if not due:
        return None
    return min(due) + timedelta(seconds=release.policy.limits.look_interval_s)


def may_rest(release: Release, now: datetime) -> bool:
    """True when it is worth while to lay the release to rest. It is asked once, before the commit, which keeps the
    answer: whoever commits next wakes a release that may rest."""
    until = rests_until(release)
    return until is not None and until - now >= REST_MIN


def rest_of(release: Release, number: int) -> ReleaseRest | None:
    """The rest of a release as of its commit `number`."""
    until = rests_until(release)
    return None if until is None else ReleaseRest(number=number, until=until, summary=summary_of(release))
