"""What the tests of alerts have in common: alerts that fire, releases that changed production, and who is asked."""

import itertools
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from shared.application.alerts.assess import FINDER, MONITOR, accept_alert, assess_alert
from shared.application.release.people import Answer, Decided
from shared.application.release.ports import Ports
from shared.application.release.summary import summary_of
from shared.domain.alerts.decision_model import RollbackAction, RollbackRule, RollbackVerdict
from shared.domain.alerts.model import AlertFacts, AlertRecord, Reading
from shared.domain.errors import Conflict
from shared.domain.fleet.meter import AlertSeen
from shared.domain.release.model import Actor, Kind, Phase, Progress, Release
from tests.fakes.config import CIRCUITS, PLANTS, RULES_AT
from tests.support.benches.release import Bench
from tests.support.builders import a_candidate, a_fleet_release, a_fleet_target, a_release, a_target, an_entry

ONE, TWO = "P001/C001", "P001/C002"
FLEET = [f"{plant}/{circuit}" for plant in PLANTS for circuit in CIRCUITS]
FAILURES, DEGRADED, SCORING, DRIFT = (
    ("scheduledqueryrules/batch-job-failure", "Sev1"),
    ("metricalerts/model-performance-degradation", "Sev2"),
    ("scheduledqueryrules/scoring-errors", "Sev1"),
    ("scheduledqueryrules/data-drift", "Sev3"),
)
NUMBERS = itertools.count(1)
ENVIRONMENT_RELEASE, MODEL_RELEASE = "custom-tf-env-1-5-1-aaaaaa", "sensor-model-p001-c001-7-bbbbbb"


@dataclass
class Requests:
    """Stands for `request_rollback`: keeps what was asked for, and answers like it."""

    bench: Bench
    asked: list[tuple[str, bool, str, str]] = field(default_factory=list)
    together: dict[str, frozenset[str]] = field(default_factory=dict)
    refusing: str = ""
    askers: list[str] = field(default_factory=list)

    async def __call__(
        self,
        release_id: str,
        actor: Actor,
        reason: str,
        ports: Ports,
        *,
        critical: bool,
        alert: AlertSeen | None = None,
        models: Collection[str] = (),
    ) -> Decided:
        assert alert is not None
        assert actor in (MONITOR, FINDER)
        self.askers.append(actor.name)
        if self.refusing:
            raise Conflict(self.refusing)
        done = any((each[0], each[3]) == (release_id, alert.alert_id) for each in self.asked)
        if not done:
            self.asked.append((release_id, critical, reason, alert.alert_id))
            self.together[release_id] = frozenset(models)
        answer = Answer.ALREADY_DONE if done else Answer.ACCEPTED
        return Decided(answer=answer, release=self.bench.release(release_id), models=frozenset(models))

    @property
    def releases(self) -> list[tuple[str, bool]]:
        """Which releases, and whether it was critical."""
        return [(release_id, critical) for release_id, critical, _, _ in self.asked]


def an_alert(bench: Bench, rule: tuple[str, str] = FAILURES, *circuits: str, **changes: Any) -> AlertFacts:
    """An alert that fires now; its reading is 1, or 50 % above a threshold of 1 for degradation."""
    value = 1.5 if rule is DEGRADED else 1.0
    facts = AlertFacts(
        instance_id=f"00000000-0000-4000-8000-{next(NUMBERS):012d}",
        rule_id=f"{RULES_AT}/{rule[0]}",
        rule_name=rule[0].rpartition("/")[2],
        severity=rule[1],
        fired=True,
        fired_at=bench.clock.now(),
        readings=tuple(Reading(circuit=each, metric="m", value=value, threshold=1.0) for each in circuits or (ONE,)),
    )
    return replace(facts, **changes)


async def accepted(bench: Bench, facts: AlertFacts) -> str:
    """Fires the alert at Azure Monitor and has it accepted; its key."""
    bench.alert_source.fire(facts)
    key, is_new = await accept_alert(facts, "webhook", "action group", bench.alert_ports)
    assert is_new
    return key


async def assessed(bench: Bench, requests: Requests, key: str) -> AlertRecord:
    """What became of an accepted alert."""
    record = await assess_alert(key, bench.alert_ports, requests)
    assert record is not None
    return record


async def handled(bench: Bench, requests: Requests, facts: AlertFacts) -> AlertRecord:
    """The alert fires, is accepted and looked at."""
    return await assessed(bench, requests, await accepted(bench, facts))


async def fired(bench: Bench, requests: Requests, rule: tuple[str, str], *circuits: str) -> AlertRecord:
    """The same of an alert as the rule raises it."""
    return await handled(bench, requests, an_alert(bench, rule, *circuits))


async def claimed(bench: Bench, facts: AlertFacts) -> str:
    """Somebody says so, whatever Azure Monitor knows; the key."""
    key, _ = await accept_alert(facts, "webhook", "x", bench.alert_ports)
    return key


async def put_changed(bench: Bench, release: Release, *, minutes_ago: float = 10) -> Release:
    """Stores a release that began to change production some minutes ago."""
    await bench.put(release)
    at = bench.clock.now() - timedelta(minutes=minutes_ago)
    phase = Phase.DEPLOYING_PRODUCTION if release.kind is Kind.MODEL else Phase.UPDATING
    bench.store.partitions[release.release_id].history = [an_entry(at=at, phase_after=phase)]
    if release.phase.is_terminal:
        await bench.store.close(summary_of(release), release.phase_since, 1)
    return release


async def new_environment(bench: Bench, phase: Phase = Phase.WATCHING, **options: Any) -> Release:
    """An environment release that changed the whole fleet of the configuration."""
    fleet = tuple(
        replace(
            a_fleet_target(1), key=each.replace("/", "-"), touched=True, goal=Phase.UPDATING, progress=Progress.DONE
        )
        for each in FLEET
    )
    release = a_fleet_release(
        Phase.WATCHING, release_id=ENVIRONMENT_RELEASE, fleet=fleet, phase_since=bench.clock.now()
    )
    return await put_changed(bench, replace(release, phase=phase), **options)


async def new_model(bench: Bench, circuit: str = ONE, release_id: str = MODEL_RELEASE, **options: Any) -> Release:
    """A model release of the circuit that has ended well."""
    plant_id, _, circuit_id = circuit.partition("/")
    release = a_release(
        Phase.RELEASED,
        release_id=release_id,
        phase_since=bench.clock.now(),
        candidate=a_candidate(plant_id=plant_id, circuit_id=circuit_id),
        targets=(a_target(key=f"{plant_id}-{circuit_id}", touched=True, previous_recorded=True),),
    )
    return await put_changed(bench, release, **options)


def verdict_of(record: AlertRecord) -> tuple[RollbackVerdict, RollbackAction]:
    assert record.decision is not None
    return record.decision.verdict, record.decision.action


def held(record: AlertRecord) -> set[RollbackRule]:
    assert record.decision is not None
    return {reason.rule for reason in record.decision.reasons if reason.held}


async def rollbacks_begun(bench: Bench) -> list[str]:
    """What the history says about each time the environment release began to go back."""
    entries = await bench.store.history(ENVIRONMENT_RELEASE)
    begun = (Phase.WATCHING, Phase.ROLLING_BACK)
    return [entry.note for entry in entries if (entry.phase_before, entry.phase_after) == begun]
