"""What a commit means to those who watch over many: a number in the log, once."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.application.release.handle_events import handle_events
from shared.application.release.sweep import release_nets
from shared.application.release.telling import SOON_S, tell, tell_gates
from shared.application.work.sweep import sweep
from shared.domain.fleet.meter import AlertSeen, Meter
from shared.domain.release import events as e
from shared.domain.release.model import Phase
from shared.measures import FIELD, VALUE
from tests.support.benches.release import Bench
from tests.support.builders import NOW, RELEASE_ID, a_fleet_release, a_release


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    names = ("plant_id", "circuit_id", "release_kind")
    return [
        {"name": getattr(each, FIELD), "value": getattr(each, VALUE)}
        | {name: getattr(each, name) for name in names if hasattr(each, name)}
        for each in caplog.records
        if hasattr(each, FIELD)
    ]


async def test_a_release_that_is_held_is_counted_with_its_circuit(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.put(a_release(Phase.PROMOTING))
    release = bench.release(RELEASE_ID)
    bench.clock.advance(86_400)
    late = e.DeadlinePassed(event_id="d", release_id=RELEASE_ID, occurred_at=NOW, serial=release.serial)

    await handle_events(RELEASE_ID, [late], bench.ports)

    assert bench.release(RELEASE_ID).phase is Phase.HELD
    held = {"name": "releases_held", "value": 1.0, "plant_id": "P001", "circuit_id": "C001", "release_kind": "model"}
    assert told(caplog) == [held]


def test_what_was_held_before_is_not_counted_again(caplog: pytest.LogCaptureFixture) -> None:
    held = a_release(Phase.HELD)

    tell(held, replace(held, reason="another"))

    assert told(caplog) == []


def test_a_rollback_tells_how_long_it_took_to_begin_and_to_end(caplog: pytest.LogCaptureFixture) -> None:
    """From the alert to the first write, and from the request to the last restored circuit; each once."""
    alert = AlertSeen(alert_id="a", fired_at=NOW, accepted_at=NOW)
    meter = Meter(requested_at=NOW + timedelta(seconds=10), alert=alert)
    before = a_fleet_release(Phase.ROLLING_BACK, meter=meter)
    begun = replace(before, meter=replace(meter, first_write_at=NOW + timedelta(seconds=90)))
    assert begun.meter
    done = replace(begun, meter=replace(begun.meter, last_restored_at=NOW + timedelta(seconds=310)))

    tell(before, begun)
    tell(begun, done)
    tell(done, done)

    assert [(each["name"], each["value"]) for each in told(caplog)] == [
        ("rollback_begun_s", 90.0),
        ("rollback_done_s", 300.0),
    ]


async def test_gates_that_end_soon_are_counted_and_others_are_not(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    ends = NOW + timedelta(seconds=SOON_S * 3)
    await bench.put(a_release(Phase.AWAITING_REGISTRY_APPROVAL, deadline_at=ends), may_rest=True)
    await sweep(release_nets(bench.ports))
    assert (await tell_gates(bench.ports), told(caplog)) == (0, [])

    bench.clock.time = ends - timedelta(seconds=SOON_S)

    assert await tell_gates(bench.ports) == 1
    assert told(caplog) == [{"name": "gates_ending", "value": 1.0}]
