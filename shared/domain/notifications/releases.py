"""What people are told of a release: what happened, to what, and what is asked of whom until when."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.notifications.calendar import shown
from shared.domain.notifications.happening import SEVERITIES, Happening, News, Still, Urgency, What
from shared.domain.notifications.notice import ToldFact
from shared.domain.notifications.policy import NotificationPolicy
from shared.domain.notifications.routing import reminder_times
from shared.domain.release.model import GATE_OF_PHASE, Kind, Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.waiting import waiting

PREFIX = "switchyard.release."

_OF_PHASE = {
    **dict.fromkeys(GATE_OF_PHASE, What.GATE_OPENED),
    Phase.HELD: What.HELD,
    Phase.FAILED: What.FAILED,
    Phase.EXPIRED: What.EXPIRED,
    Phase.RESTORING: What.ROLLING_BACK,
    Phase.ROLLING_BACK: What.ROLLING_BACK,
    Phase.ROLLED_BACK: What.ROLLED_BACK,
    Phase.RELEASED: What.RELEASED,
    Phase.REJECTED: What.REJECTED,
    Phase.ABORTED: What.ABORTED,
    Phase.SUPERSEDED: What.SUPERSEDED,
}
KINDS = frozenset(f"{PREFIX}{phase.value}" for phase in _OF_PHASE)
"""The facts of releases that people are told of."""

_SHOW_CONTACTS = frozenset({What.HELD, What.ROLLING_BACK, What.ROLLED_BACK, What.BUDGET_MISSED, What.GATE_ESCALATED})
_REASON_CHARS_MAX = 1500
_CIRCUITS_SHOWN = 5
_STAGES = {
    Stage.REGISTRY: "sharing it to the registry",
    Stage.PRODUCTION: "bringing it to production",
    Stage.ROLLBACK: "putting production back",
}
_HAPPENED = {
    What.EXPIRED: ("Expired", "has expired: nobody decided in time"),
    What.FAILED: ("Failed", "has failed"),
    What.ROLLED_BACK: ("Rolled back", "was rolled back: production runs what ran before"),
    What.RELEASED: ("Released", "is released: production runs it"),
    What.REJECTED: ("Rejected", "was rejected"),
    What.ABORTED: ("Aborted", "was aborted"),
    What.SUPERSEDED: ("Superseded", "was superseded by a newer version"),
}


@dataclass(frozen=True, kw_only=True)
class Telling:
    """A release, the fact about it, and what its words depend on. `name_of` says what people call a circuit
    (`P001/C001`), empty where nobody gave it a name."""

    release: Release
    fact: ToldFact
    policy: NotificationPolicy
    name_of: Callable[[str], str]

    @property
    def circuits(self) -> tuple[str, ...]:
        """Every circuit that it is for, as far as that is known."""
        if self.release.kind is Kind.MODEL:
            candidate = self.release.candidate
            return (f"{candidate.plant_id}/{candidate.circuit_id}",) if candidate else ()
        return tuple(each.key.replace("-", "/", 1) for each in self.release.fleet)

    @property
    def thing(self) -> str:
        """What is released or put back, and where."""
        where = self._where()
        undone = f"the rollback of {self.release.asset}" if self.release.kind is Kind.ROLLBACK else self.release.asset
        return f"{undone} for {where}" if where else undone

    def _where(self) -> str:
        circuits = self.circuits
        if len(circuits) == 1:
            return self.name_of(circuits[0]) or circuits[0]
        if self.release.kind is Kind.MODEL:
            return ""
        return f"{len(circuits)} circuits" if circuits else "the fleet"

    def until(self, at: datetime) -> str:
        """A time in words, in the time zone of the configuration."""
        return shown(at, self.policy.zone)


def happenings_of(telling: Telling) -> tuple[Happening, ...]:
    """Everything that follows from the fact, now and later. Empty where the phase is none that people are told of, or
    where a gate is decided already."""
    phase = Phase(telling.fact.kind.removeprefix(PREFIX))
    what = _OF_PHASE.get(phase)
    if what is None:
        return ()
    if what is What.GATE_OPENED:
        return tuple(_gate(telling, phase)) if _is_in(telling.release, phase, telling.fact.at) else ()
    return (Happening(item=_item(telling, what)), *_budget(telling, phase))


def _is_in(release: Release, phase: Phase, since: datetime) -> bool:
    return release.phase is phase and release.phase_since == since


def _gate(telling: Telling, phase: Phase) -> Iterator[Happening]:
    """The opening of a gate, and the reminders before its end."""
    release, opened_at = telling.release, telling.fact.at
    wait, ends_at = waiting(release), release.deadline_at
    if wait is None or ends_at is None:
        return
    still = Still(release_id=release.release_id, phases=(phase.value,), since=opened_at)
    groups = tuple(sorted({rule.group for rule in release.policy.gates[GATE_OF_PHASE[phase]].approvals}))
    times = reminder_times(opened_at, ends_at, telling.policy.reminders)
    for name, (what, due_at) in {"": (What.GATE_OPENED, opened_at), **times}.items():
        text = _asked(telling, phase, groups, ends_at, again=bool(name))
        head = "Decide" if not name else "Still open, decide" if what is What.GATE_REMINDER else "Nobody decided yet"
        item = _item(
            telling,
            what,
            name=name,
            subject=f"{head} until {telling.until(ends_at)}: {telling.thing}",
            text=text,
            facts={"asked": ", ".join(groups), "until": telling.until(ends_at)},
            still=still,
        )
        yield Happening(item=item, groups=groups, ends_at=ends_at, due_at=due_at)


def _asked(telling: Telling, phase: Phase, groups: tuple[str, ...], ends_at: datetime, *, again: bool) -> str:
    waits = "still waits" if again else "waits"
    who = " and ".join(groups) or "whoever may decide"
    why = f" It was asked for: {telling.release.rollback_reason}." if phase is Phase.AWAITING_ROLLBACK_APPROVAL else ""
    return (
        f"{_capital(telling.thing)} {waits} for a decision on {_STAGES[GATE_OF_PHASE[phase]]}.{why} {who} are asked to"
        f" approve or reject until {telling.until(ends_at)}; after that nobody can."
    )


def _budget(telling: Telling, phase: Phase) -> Iterator[Happening]:
    """A rollback that takes longer than it may: told while it does, and at the latest when it has ended."""
    release, meter, budgets = telling.release, telling.release.meter, telling.policy.budgets
    if meter is None or phase not in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        return
    begun = meter.alert.fired_at if meter.alert else meter.requested_at
    spans = (
        ("put-back", budgets.put_back_s, meter.last_restored_at, "put production back"),
        ("verified", budgets.verified_s, meter.verified_at, "put production back and verify it"),
    )
    for name, seconds, done_at, task in spans:
        bound = begun + timedelta(seconds=seconds)
        ended_at = done_at or (telling.fact.at if phase is Phase.ROLLED_BACK else None)
        if ended_at is not None and ended_at <= bound:
            continue
        late_in = (Phase.ROLLING_BACK,) if name == "put-back" else (Phase.ROLLING_BACK, Phase.VERIFYING_ROLLBACK)
        still = Still(release_id=release.release_id, phases=tuple(each.value for each in late_in))
        item = _item(
            telling,
            What.BUDGET_MISSED,
            name=f"{begun.timestamp():.0f}-{name}",
            subject=f"Rollback takes too long: {telling.thing}",
            text=(
                f"{_capital(telling.thing)} had {seconds // 60} minutes to {task}, until {telling.until(bound)}, and"
                " took longer. The on-call engineer is asked to look at what hinders it."
            ),
            still=still if phase is Phase.ROLLING_BACK else None,
            whole_release=True,
        )
        yield Happening(item=item, due_at=max(bound, telling.fact.at))


def _item(
    telling: Telling,
    what: What,
    *,
    name: str = "",
    subject: str = "",
    text: str = "",
    facts: dict[str, str] | None = None,
    still: Still | None = None,
    whole_release: bool = False,
) -> News:
    """The item of a fact; `name` tells those of one fact apart. What is about a `whole_release` is told once for it."""
    release, fact = telling.release, telling.fact
    head, first = _happened(telling, what)
    about = release.release_id if whole_release else fact.fact_id
    return News(
        item_id="|".join(each for each in (about, what.value, name) if each),
        what=what,
        severity=_severity(release, what),
        at=fact.at,
        subject=subject or f"{head}: {telling.thing}",
        text=text or first,
        facts={**_facts(telling), **(facts or {}), **_contacts(telling, what)},
        release_id=release.release_id,
        kind=release.kind.value,
        circuits=telling.circuits,
        path=f"releases/{release.release_id}",
        still=still,
    )


def _severity(release: Release, what: What) -> Urgency:
    """A hold that left production changed is as bad as a rollback."""
    return Urgency.CRITICAL if what is What.HELD and release.production_touched else SEVERITIES[what]


def _happened(telling: Telling, what: What) -> tuple[str, str]:
    """The beginning of the subject, and the first sentence."""
    thing, reason = _capital(telling.thing), telling.fact.data.get("reason", "")[:_REASON_CHARS_MAX]
    because = f" The reason: {reason}" if reason else ""
    if what is What.HELD:
        until = telling.release.deadline_at if telling.release.phase is Phase.HELD else None
        ends = f" until {telling.until(until)}" if until else ""
        return "Held", f"{thing} is held: a person is asked to retry or abort it{ends}.{because}"
    if what is What.ROLLING_BACK:
        why = telling.release.rollback_reason or reason
        return "Production goes back", f"Production is put back to what ran before {telling.release.asset}. {why}"
    head, said = _HAPPENED.get(what, ("", ""))
    return head, f"{thing} {said}.{because}"


def _facts(telling: Telling) -> dict[str, str]:
    circuits = telling.circuits
    names = [f"{each} ({name})" if (name := telling.name_of(each)) else each for each in circuits[:_CIRCUITS_SHOWN]]
    more = [f"and {len(circuits) - _CIRCUITS_SHOWN} more"] if len(circuits) > _CIRCUITS_SHOWN else []
    shown_circuits = {"circuit" if len(circuits) == 1 else "circuits": ", ".join(names + more)} if circuits else {}
    return {"release": telling.release.release_id, "version": telling.release.asset, **shown_circuits}


def _contacts(telling: Telling, what: What) -> dict[str, str]:
    """Whom to ask in an emergency, on what may become one."""
    if what not in _SHOW_CONTACTS:
        return {}
    return {f"{each.role} ({each.does})": str(each) for each in telling.policy.contacts}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("the ") else text
