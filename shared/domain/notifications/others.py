"""What people are told of alerts, findings and trainings: the facts say it all themselves."""

from collections.abc import Callable

from shared.domain.notifications.happening import SEVERITIES, Happening, News, Urgency, What
from shared.domain.notifications.notice import ToldFact

_OF_KIND = {
    "switchyard.alert.asks": What.ALERT_ASKS,
    "switchyard.alert.acted": What.ALERT_ACTED,
    "switchyard.alert.raised": What.FINDING,
    "switchyard.alert.training-failures": What.TRAINING_FAILURES,
    "switchyard.training.failed": What.TRAINING_FAILED,
}
KINDS = frozenset(_OF_KIND)
"""The facts that people are told of and that are about no release."""

_TEXT_CHARS_MAX = 1500
_FACT_CHARS_MAX = 300
_LEFT_OUT = frozenset({"reason", "plant_id", "circuit_id"})


def happening_of(fact: ToldFact, name_of: Callable[[str], str]) -> Happening:
    """The one thing that such a fact tells. `name_of` as for releases."""
    what, data = _OF_KIND[fact.kind], fact.data
    plant_id, circuit_id = data.get("plant_id", ""), data.get("circuit_id", "")
    circuit = f"{plant_id}/{circuit_id}" if plant_id and circuit_id else ""
    where = f" for {name_of(circuit) or circuit}" if circuit else ""
    head, first = _words(what, data, where)
    item = News(
        item_id=f"{fact.fact_id}|{what.value}",
        what=what,
        severity=_severity(what, data),
        at=fact.at,
        subject=head,
        text=f"{first} {data.get('reason', '')}"[:_TEXT_CHARS_MAX].strip(),
        facts={name: value[:_FACT_CHARS_MAX] for name, value in data.items() if value and name not in _LEFT_OUT},
        circuits=(circuit,) if circuit else (),
        path=fact.subject,
    )
    return Happening(item=item)


def _words(what: What, data: dict[str, str], where: str) -> tuple[str, str]:
    rule = data.get("rule", "an alert")
    if what is What.ALERT_ASKS:
        return f"Decide on an alert: {rule}", "An alert fired, and people are asked whether production goes back."
    if what is What.ALERT_ACTED:
        return f"An alert rolls production back: {rule}", f"Production goes back by itself: {data.get('releases', '')}."
    if what is What.FINDING:
        return f"Found: {rule}{where}", f"Switchyard found something wrong{where}."
    if what is What.TRAINING_FAILURES:
        return "Too many trainings fail", "More trainings failed than may."
    return f"Training failed{where}", f"The training of a model{where} has failed."


def _severity(what: What, data: dict[str, str]) -> Urgency:
    """A finding is as bad as it says, from 0, the worst, to 4."""
    said = data.get("severity", "")
    if what is not What.FINDING or said not in ("0", "1", "2", "3", "4"):
        return SEVERITIES[what]
    return Urgency.CRITICAL if int(said) < 2 else Urgency.WARNING if int(said) == 2 else Urgency.INFO
