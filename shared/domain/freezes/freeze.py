"""Freezes: a person stops forward changes to production for a while (R-INV-19).

A freeze says who wants it, why, from when until when, and where: on the whole fleet, on a plant or on a circuit. It
stands before steps that bring something new to production. What puts back is never asked: a freeze is there to keep
production safe, and going back to what ran before is how it is made safe.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.domain.errors import InvalidRequest
from shared.domain.fleet.lanes import of_progress
from shared.domain.people import check_member
from shared.domain.records import replace
from shared.domain.release.model import Actor, Kind, Phase, Progress, Release

FLEET = "fleet"
"""The scope that covers every circuit; others are a plant (`P001`) or a circuit (`P001-C001`)."""

LENGTH_MAX = timedelta(days=30)
"""A freeze is no policy: whoever needs a longer one looks at it again after a month."""

AHEAD_MAX = timedelta(days=90)
"""How early a freeze can be planned."""

REASON_CHARS_MAX = 500
"""Waiting releases show it on one line."""

#: The phases, by kind of release, that change production forward or wait for their turn to.
_BEFORE_A_CHANGE = {
    Kind.MODEL: (Phase.WAITING_FOR_CIRCUIT, Phase.RECORDING_PREVIOUS, Phase.DEPLOYING_PRODUCTION),
    Kind.ENVIRONMENT: (Phase.WAITING_FOR_FLEET, Phase.UPDATING),
    Kind.ONLINE: (Phase.RECORDING_PREVIOUS, Phase.DEPLOYING_PRODUCTION, Phase.MOVING_TRAFFIC),
}


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """No forward change of `scope` from `starts_at` on, before `ends_at`, unless it is lifted. Times are UTC.

    `who` is a person's name and `who_id` their object id; the same for `lifted_by` and `lifted_by_id`. `unreadable`
    says why this version cannot read the stored freeze; such a one counts for as much as is known of it.
    """

    freeze_id: str
    scope: str
    who: str
    who_id: str
    why: str
    starts_at: datetime
    ends_at: datetime
    lifted_at: datetime | None = None
    lifted_by: str = ""
    lifted_by_id: str = ""
    lift_reason: str = ""
    unreadable: str = ""

    def __str__(self) -> str:
        until = self.ends_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"freeze of {self.scope} by {self.who} until {until}: {self.why}"

    def is_active(self, now: datetime) -> bool:
        """True while it stands before changes."""
        return self.lifted_at is None and self.starts_at <= now < self.ends_at

    def covers(self, circuit: str) -> bool:
        """True when `circuit` (`P001-C001`), or the name of a model that is served online, lies in the scope."""
        return self.scope in (FLEET, circuit) or circuit.startswith(f"{self.scope}-")


@dataclass(frozen=True, kw_only=True)
class Freezes:
    """The freezes that have neither ended nor been lifted at `now`, and the groups that may set and lift them."""

    now: datetime
    current: tuple[Freeze, ...] = ()
    groups: tuple[str, ...] = ()

    def holding(self, release: Release) -> Freeze | None:
        """The freeze that `release` waits for; None when it waits for something else, or not at all."""
        return self.before(circuits_ahead(release))

    def before(self, circuits: Iterable[str]) -> Freeze | None:
        """The freeze that a forward change of `circuits` waits for."""
        return blocking(self.current, circuits, self.now)


def blocking(freezes: Iterable[Freeze], circuits: Iterable[str], now: datetime) -> Freeze | None:
    """The freeze that keeps a forward change of `circuits` waiting longest; None when none does."""
    wanted = tuple(circuits)
    standing = [each for each in freezes if each.is_active(now) and any(map(each.covers, wanted))]
    return max(standing, key=lambda each: (each.ends_at, each.freeze_id), default=None)


def stops_at_a_freeze(release: Release) -> bool:
    """True in the steps before a forward change: of no rollback, and of no release that is to be put back."""
    return release.phase in _BEFORE_A_CHANGE.get(release.kind, ()) and release.ending is None


def circuits_ahead(release: Release) -> tuple[str, ...]:
    """The circuits whose production the current step is to change forward and has not begun to: a freeze of one of them
    stands before the step."""
    if not stops_at_a_freeze(release):
        return ()
    if release.phase is Phase.UPDATING:
        changing = (target for target in of_progress(release, Progress.CHANGING) if not target.look)
        return tuple(target.key for target in (*changing, *of_progress(release, Progress.WAITING)))
    if release.kind is Kind.ENVIRONMENT:
        return tuple(release.epochs)
    if release.online is not None:
        return () if release.submitted or release.online.production_shares else (release.online.wish.config,)
    return () if release.submitted else (release.target.key,)


def check_freezer(groups: Collection[str], actor: Actor) -> None:
    """Raises NotEligible unless `actor` is a person of one of `groups`."""
    check_member(groups, actor, "freeze or lift")


def check_freeze(freeze: Freeze, circuits: Iterable[str], now: datetime) -> None:
    """Raises InvalidRequest, with what to write instead, unless `freeze` may be set at `now` on a fleet of `circuits`.

    A scope that covers nothing is refused: whoever mistypes a plant must not believe it frozen.
    """
    if not any(map(freeze.covers, circuits)):
        raise InvalidRequest(
            f"there is no circuit in {freeze.scope!r}: give {FLEET}, a plant (P001) or a circuit (P001-C001)"
        )
    if not freeze.why.strip():
        raise InvalidRequest("a freeze needs a reason: whoever waits for its end will read it")
    if freeze.ends_at <= max(now, freeze.starts_at):
        raise InvalidRequest("a freeze must end in the future, and after it starts")
    if freeze.ends_at - freeze.starts_at > LENGTH_MAX:
        raise InvalidRequest(
            f"a freeze lasts at most {LENGTH_MAX.days} days: set a shorter one, and a new one when it ends"
        )
    if freeze.starts_at - now > AHEAD_MAX:
        raise InvalidRequest(f"a freeze can be planned at most {AHEAD_MAX.days} days ahead")


def lifted(freeze: Freeze, actor: Actor, reason: str, now: datetime) -> Freeze:
    """`freeze` as `actor` lifted it. Raises InvalidRequest without a reason."""
    if not reason.strip():
        raise InvalidRequest("lifting a freeze needs a reason: whoever set it will read it")
    return replace(freeze, lifted_at=now, lifted_by=actor.name, lifted_by_id=actor.object_id, lift_reason=reason)
