"""Asking a slot: what counts as an answer, and how long it may take."""

from typing import Any

import pytest

from shared.application.errors import PlatformRefused
from shared.application.online.slot_tests import ASKING_MAX, failure, measured, numbers
from shared.application.online.slot_tests import test_slot as ask_slot
from shared.application.online_platform import Sample, Scored
from shared.application.platform_ports import Place
from shared.domain.online.events import SlotTested
from shared.domain.online.model import Side
from shared.domain.online.specs import wanted_slot
from shared.domain.online.steps import slot_test_of
from shared.domain.release.model import Phase, Verdict
from tests.fakes.online_platform import MemoryOnlinePlatform
from tests.support.benches.online import OnlineBench, a_slot
from tests.support.online_plans import an_online_plan
from tests.support.online_releases import an_online_release

LIMITS = an_online_plan().tests
SAMPLE = Sample(request=b"{}", expected=(10.0, 20.0))


def scored(body: bytes = b"[10, 20]", **changes: Any) -> Scored:
    return Scored(**{"status": 200, "slot": "green", "latency_ms": 10.0, "body": body, **changes})


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (scored(), ""),
        (scored(b'"[10, 20]"'), ""),
        (scored(status=0), "no answer in time"),
        (scored(status=424), "status 424"),
        (scored(status=429), "status 429 (too many requests at once)"),
        (scored(b"{}"), "the answer is no list of numbers"),
        (scored(b"[10, null]"), "the answer is no list of numbers"),
        (scored(b"[10, NaN]"), "the answer is no list of numbers"),
        (scored(b"[true, 20]"), "the answer is no list of numbers"),
        (scored(b"\xff"), "the answer is no list of numbers"),
        (scored(b"[10]"), "1 answers to 2 rows"),
        (scored(b"[10, 501]"), "501 is not between 0 and 500"),
    ],
)
def test_an_answer_is_as_many_numbers_as_there_are_rows_within_the_bounds(answer: Scored, why: str) -> None:
    assert failure(answer, SAMPLE, LIMITS) == why
    assert (numbers(answer.body) is None) == ("no list" in why)


def test_failures_of_every_slot_count_and_all_else_is_of_the_slot_alone() -> None:
    """People get the failures of any of them."""
    answers = [
        (SAMPLE, scored(b"[11, 21]", latency_ms=30.0)),
        (SAMPLE, scored(slot="Blue", latency_ms=9000.0)),
        (SAMPLE, scored(slot="blue", status=500)),
    ]

    found = measured(answers, "green", LIMITS)

    assert (found.asked, found.failed, found.foreign, found.failures) == (3, 1, 1, ("status 500",))
    assert (found.p50_ms, found.p99_ms, found.error) == (30.0, 30.0, 1.0)


class Silent(MemoryOnlinePlatform):
    """Each request waits as long as it may."""

    bench: OnlineBench

    async def score(self, place: Place, endpoint_name: str, slot: str, request: bytes, timeout_s: float) -> Scored:
        self.bench.clock.advance(timeout_s)
        self.scored += 1
        return Scored(status=0, slot=slot, latency_ms=timeout_s * 1000)


async def tested(bench: OnlineBench) -> SlotTested:
    """What the test of the slot in production says."""
    release = an_online_release(Phase.TESTING_PRODUCTION)
    spec = wanted_slot(release, Side.PRODUCTION)
    old = a_slot(Side.PRODUCTION, "old", "1")
    bench.online.serves(Place.PRODUCTION, spec.endpoint_name, {"old": 100}, old, spec)
    event = await ask_slot(slot_test_of(release, Side.PRODUCTION, 1), release, bench.ports)
    assert isinstance(event, SlotTested)
    return event


async def test_a_slot_that_answers_nothing_fails_before_the_message_is_lost() -> None:
    bench = OnlineBench()
    bench.online = Silent(bench.platform)
    bench.online.bench = bench
    bench.held_sets.count = 100
    began = bench.clock.now()

    event = await tested(bench)

    assert event.verdict is Verdict.FAILED
    assert bench.clock.now() - began < ASKING_MAX * 1.2
    assert bench.online.scored <= LIMITS.samples_max


async def test_without_a_held_set_nobody_can_tell() -> None:
    bench = OnlineBench()
    bench.held_sets.fault = PlatformRefused("held set x cannot be read")

    event = await tested(bench)

    assert (event.verdict, event.detail) == (Verdict.INCONCLUSIVE, "held set x cannot be read")
