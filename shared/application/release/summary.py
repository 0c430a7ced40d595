"""What lists show of a release, and what they choose by. It follows from the release alone, so that it can be kept
beside it and compared with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.freezes.freeze import Freezes, circuits_ahead
from shared.domain.people import requesters
from shared.domain.release.model import GATE_OF_PHASE, Actor, Kind, Phase, Release
from shared.domain.release.specs import gate_digest
from shared.domain.release.waiting import Waiting, behind, so_far, waiting


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One line about a release.

    `circuits` are the keys (`P001-C001`) of all that it is for, as far as that is known; `for_whom` says the same to
    people. `ahead` are those of them before whose change a freeze stands. `waiting` leaves freezes out of account.
    `not_by` are the identifiers, in small letters, of people who cannot move the open gate: they asked for the release,
    or have approved. `touched` is true once production may have been changed.
    """

    release_id: str
    kind: Kind
    asset: str
    version_attempt: int
    phase: Phase
    phase_since: datetime
    reason: str
    for_whom: str
    circuits: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    so_far: str = ""
    waiting: Waiting | None
    not_by: tuple[str, ...] = ()
    touched: bool = False
    undone_by: str = ""

    def waits(self, freezes: Freezes | None = None) -> Waiting | None:
        """What it waits for, which may be the end of one of `freezes`; None once it has ended."""
        if freezes is not None and (freeze := freezes.before(self.ahead)):
            return behind(freeze, freezes, self.phase_since, self.so_far)
        return self.waiting

    def waits_for(self, actor: Actor) -> bool:
        """True when this person can move it on: by deciding at its gate, or by a retry or an abort where it is held."""
        if not actor.is_person or self.waiting is None or self.phase not in (*GATE_OF_PHASE, Phase.HELD):
            return False
        is_barred = bool({actor.object_id.casefold(), actor.username.casefold()} & set(self.not_by))
        return bool(set(self.waiting.who_can_end_it) & set(actor.groups)) and not is_barred


def summary_of(release: Release) -> Summary:
    """The summary of a release as it was loaded, with its targets."""
    keys = _circuits(release)
    return Summary(
        release_id=release.release_id,
        kind=release.kind,
        asset=release.asset,
        version_attempt=release.version_attempt,
        phase=release.phase,
        phase_since=release.phase_since,
        reason=release.reason,
        for_whom=_for_whom(release, keys),
        circuits=keys,
        ahead=circuits_ahead(release),
        so_far=so_far(release),
        waiting=waiting(release),
        not_by=_not_by(release),
        touched=release.production_touched,
        undone_by=release.undone_by,
    )


def _circuits(release: Release) -> tuple[str, ...]:
    """Before the targets are frozen, the fleet is as large as its configuration says."""
    if release.online is not None:
        return (release.online.wish.config,)
    if release.kind is not Kind.MODEL:
        return tuple(release.epochs) if release.endpoints_to_list else tuple(each.key for each in release.fleet)
    candidate = release.candidate
    return (f"{candidate.plant_id}-{candidate.circuit_id}",) if candidate else ()


def _for_whom(release: Release, keys: Sequence[str]) -> str:
    if release.online is not None:
        return release.online.wish.config
    if len(keys) == 1:
        return keys[0].replace("-", "/", 1)
    if release.kind is Kind.MODEL:
        return ""
    return f"fleet of {len(keys)}" if keys else "fleet"


def _not_by(release: Release) -> tuple[str, ...]:
    stage = GATE_OF_PHASE.get(release.phase)
    if stage is None:
        return ()
    digest = gate_digest(release, stage)
    approved = {each.actor.object_id for each in release.approvals if each.stage is stage and each.digest == digest}
    return tuple(sorted({each.casefold() for each in (*requesters(release, stage), *approved) if each}))
