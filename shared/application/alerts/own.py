"""What the app finds itself becomes an alert: in the same log, and decided on by the same matrix.

It rests on a record of the app's own, which the sender names, so that nobody has to confirm it.
"""

import logging

from shared.application.alerts.assess import look_of, message_id_of
from shared.application.alerts.ports import AlertLog
from shared.application.errors import TransientFault
from shared.application.ports import Clock, OwnFinding
from shared.application.work.look import LookQueue
from shared.domain.alerts.model import OWN_RULES, OWN_SOURCE, AlertFacts, AlertRecord, Reading
from shared.domain.alerts.rules import own_key
from shared.measures import Metric, measured

log = logging.getLogger(__name__)


class OwnAlerts:
    """FindingLog on the log of alerts."""

    def __init__(self, alerts: AlertLog, queue: LookQueue, clock: Clock) -> None:
        self._alerts = alerts
        self._queue = queue
        self._clock = clock

    async def report(self, finding: OwnFinding) -> None:
        """Durable first; where the message is lost, the sweeper sends it again."""
        record = AlertRecord(
            key=own_key(finding.finding_id),
            source=OWN_SOURCE,
            sender=finding.record,
            accepted_at=self._clock.now(),
            claim=_facts(finding),
        )
        if not await self._alerts.accept(record):
            return
        _tell(finding)
        try:
            await self._queue.send(look_of(record.key), message_id_of(record.key))
        except TransientFault as error:
            log.warning("alert %s is stored, its message was not sent; the sweeper looks at it: %s", record.key, error)


def _tell(finding: OwnFinding) -> None:
    """Azure Monitor's rules hear of it too: people get mails from there."""
    extra = measured(Metric.FINDINGS, circuit=finding.circuit, rule=finding.rule)
    log.info("finding %s is an alert of rule %s", finding.finding_id, finding.rule, extra=extra)
    for each in finding.measured:
        if each.value is not None and each.bound:
            times = each.value / each.bound
            extra = measured(Metric.EXCESS, times, circuit=finding.circuit, rule=finding.rule, measure=each.measure)
            log.info(
                "%s of %s is %g, %g is the bound", each.measure, finding.circuit, each.value, each.bound, extra=extra
            )


def _facts(finding: OwnFinding) -> AlertFacts:
    readings = [
        Reading(circuit=finding.circuit, metric=each.measure, value=each.value, threshold=each.bound)
        for each in finding.measured
    ]
    return AlertFacts(
        instance_id=finding.finding_id,
        rule_id=f"{OWN_RULES}{finding.rule}".lower(),
        rule_name=finding.rule,
        severity=f"Sev{finding.severity}",
        fired=True,
        fired_at=finding.found_at,
        readings=tuple(readings or [Reading(circuit=finding.circuit)]) if finding.circuit else (),
    )
