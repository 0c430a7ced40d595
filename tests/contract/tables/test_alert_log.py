"""AlertLog: every alert once, its latest state, and which ones nobody has decided on."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.tables.access import Table
from shared.adapters.tables.alerts import TableAlertLog
from shared.application.alerts.ports import AlertLog
from shared.application.errors import ConcurrentUpdate
from shared.domain.alerts.decision import decide_rollback
from shared.domain.alerts.decision_model import Observation
from shared.domain.alerts.model import AlertFacts, AlertRecord, AlertState, Reading, RollbackAsked
from tests.fakes.alerts import MemoryAlertLog
from tests.support.builders import NOW

KEY = "0123456789abcdef0123456789abcdef"


def a_record(key: str = KEY, **changes: Any) -> AlertRecord:
    facts = AlertFacts(
        instance_id="00000000-0000-4000-8000-000000000001",
        rule_id="/subscriptions/s/rules/r",
        rule_name="größer als 20 % 😀",
        severity="Sev1",
        fired=True,
        fired_at=NOW,
        readings=(Reading(circuit="P001/C001", metric="failures", value=2, threshold=None),),
    )
    return replace(AlertRecord(key=key, source="webhook", sender="sender", accepted_at=NOW, claim=facts), **changes)


def decided(record: AlertRecord) -> AlertRecord:
    seen = Observation(
        fleet=frozenset({"P001/C001"}), alert_fired=True, alert_new=True, alert_rule_known=True, alert_verified=True
    )
    asked = (RollbackAsked(release_id="r-1", critical=True, answer="accepted", note="it is watching"),)
    return replace(
        record,
        told=record.claim,
        state=AlertState.DECIDED,
        decided_at=NOW,
        decision=decide_rollback(seen),
        asked=asked,
    )


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def log(request: pytest.FixtureRequest) -> AlertLog:
    """Each test runs on both."""
    return MemoryAlertLog() if request.param == "memory" else TableAlertLog(request.getfixturevalue("table"))


async def test_an_alert_is_accepted_once_and_read_back_as_it_was(log: AlertLog) -> None:
    """The second acceptance changes nothing, whatever it says."""
    assert await log.accept(a_record())
    assert not await log.accept(a_record(sender="somebody else", accepted_at=NOW + timedelta(hours=1)))
    stored = await log.load(KEY)
    assert stored is not None
    assert stored.record == a_record()


async def test_of_many_acceptances_at_once_exactly_one_is_new(log: AlertLog) -> None:
    """The webhook and Event Grid may deliver the same alert in the same moment."""
    answers = await asyncio.gather(*(log.accept(a_record(sender=str(number))) for number in range(8)))
    assert answers.count(True) == 1


async def test_what_nobody_accepted_is_not_there(log: AlertLog) -> None:
    """An empty log answers too."""
    assert await log.load(KEY) is None
    assert ((await log.latest(5)).records, await log.undecided(5)) == ([], [])


async def test_a_decided_alert_is_read_with_every_reason_and_is_no_longer_open(log: AlertLog) -> None:
    """Accepted and confirmed ones stay on the list of the undecided."""
    await log.accept(a_record())
    stored = await log.load(KEY)
    assert stored is not None
    confirmed = replace(stored.record, told=stored.record.claim, state=AlertState.CONFIRMED)
    version = await log.save(confirmed, stored.version)
    assert await log.undecided(5) == [(KEY, NOW)]
    await log.save(decided(confirmed), version)
    assert await log.undecided(5) == []
    again = await log.load(KEY)
    assert again is not None
    assert again.record == decided(confirmed)


async def test_a_record_that_changed_meanwhile_is_not_overwritten(log: AlertLog) -> None:
    """Two workers with the same message: the first one's word stays."""
    await log.accept(a_record())
    stored = await log.load(KEY)
    assert stored is not None
    await log.save(replace(stored.record, note="first"), stored.version)
    with pytest.raises(ConcurrentUpdate):
        await log.save(decided(replace(stored.record, note="second")), stored.version)
    again = await log.load(KEY)
    assert again is not None
    assert again.record.note == "first"
    assert await log.undecided(5) == [(KEY, NOW)]


async def test_the_latest_come_first_and_old_ones_can_be_left_out(log: AlertLog) -> None:
    """In the order of acceptance, to the millisecond; the time asked for belongs to it."""
    times = [NOW + timedelta(milliseconds=each) for each in (2, 0, 1)]
    for number, at in enumerate(times):
        await log.accept(a_record(key=f"{number}", accepted_at=at))
    assert [record.key for record in (await log.latest(5)).records] == ["0", "2", "1"]
    assert [record.key for record in (await log.latest(2)).records] == ["0", "2"]
    assert [record.key for record in (await log.latest(5, since=times[2])).records] == ["0", "2"]
    assert (await log.latest(5, since=NOW + timedelta(seconds=1))).records == []
    first = await log.latest(2)
    await log.accept(a_record(key="9", accepted_at=NOW + timedelta(hours=1)))
    last = await log.latest(2, after=first.after)
    assert ([record.key for record in last.records], last.after) == (["1"], "")


@pytest.mark.azurite
async def test_a_key_that_is_none_never_reaches_the_table(table: Table) -> None:
    """Keys are made by the app; anything else is a mistake in the code."""
    with pytest.raises(ValueError, match="must match"):
        await TableAlertLog(table).load("a/b' or 'x")
