"""Asking a slot: how fast it answers, how often it does not, how wrong it is on a held set, and whether its answers are
of the agreed form."""

import json
from collections.abc import Sequence
from datetime import timedelta
from math import isfinite

from shared.application.errors import PlatformRefused
from shared.application.online.endpoints import PLACES
from shared.application.online_platform import Sample, Scored
from shared.application.release.effects.answers import answer
from shared.application.release.ports import Ports
from shared.domain.online import events as o
from shared.domain.online.judging import judged_slot, percentile
from shared.domain.online.model import Measures, SlotLimits
from shared.domain.online.specs import plan_of
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Release, Verdict

FAILURES_TOLD = 3
ASKING_MAX = timedelta(seconds=120)
"""No further request is sent after this: a slot that answers none in time must not outlast the lock of the message."""

BUSY = 429
"""The slot works on as many requests as it may; one after the other is asked here, so that others asked for them."""


async def test_slot(command: c.TestSlot, release: Release, ports: Ports) -> e.Event:
    """One request after the other, each within the time that the slot allows for one, and a little more."""
    try:
        samples = ports.held_sets(command.limits.held_set)
    except PlatformRefused as error:
        return _tested(command, Verdict.INCONCLUSIVE, str(error), None, ports)
    place, timeout_s = PLACES[command.side], plan_of(release).request_timeout_ms / 1000 + 5
    by_name = "" if command.share_pct else command.slot
    answers: list[tuple[Sample, Scored]] = []
    began = ports.clock.now()
    for sample in samples[: command.limits.samples_max]:
        if ports.clock.now() - began > ASKING_MAX:
            break
        scored = await ports.online.score(place, command.endpoint_name, by_name, sample.request, timeout_s)
        answers.append((sample, scored))
    measures = measured(answers, command.slot, command.limits)
    verdict, detail = judged_slot(measures, command.limits)
    return _tested(command, verdict, detail, measures, ports)


def _tested(
    command: c.TestSlot, verdict: Verdict, detail: str, measures: Measures | None, ports: Ports
) -> o.SlotTested:
    about = {"measures": measures} if measures else {}
    return answer(o.SlotTested, command, ports, look=command.look, verdict=verdict, detail=detail, **about)


def measured(answers: Sequence[tuple[Sample, Scored]], slot: str, limits: SlotLimits) -> Measures:
    """What the answers show. A failure of any slot counts, because people get it; all else is of this slot alone."""
    failures: list[str] = []
    latencies: list[float] = []
    errors: list[float] = []
    foreign = 0
    for sample, scored in answers:
        if why := failure(scored, sample, limits):
            failures.append(why)
        elif scored.slot.lower() != slot.lower():
            foreign += 1
        else:
            latencies.append(scored.latency_ms)
            errors += [
                abs(said - right) for said, right in zip(numbers(scored.body) or (), sample.expected, strict=True)
            ]
    return Measures(
        asked=len(answers),
        failed=len(failures),
        failures=tuple(dict.fromkeys(failures))[:FAILURES_TOLD],
        foreign=foreign,
        p50_ms=percentile(latencies, 0.5) if latencies else None,
        p95_ms=percentile(latencies, 0.95) if latencies else None,
        p99_ms=percentile(latencies, 0.99) if latencies else None,
        error=sum(errors) / len(errors) if errors else None,
    )


def failure(scored: Scored, sample: Sample, limits: SlotLimits) -> str:
    """Why nobody can use the answer; empty for one of the agreed form: as many numbers as there are rows, within the
    bounds."""
    if scored.status == 0:
        return "no answer in time"
    if scored.status != 200:
        return f"status {scored.status}" + (" (too many requests at once)" if scored.status == BUSY else "")
    found = numbers(scored.body)
    if found is None:
        return "the answer is no list of numbers"
    if len(found) != len(sample.expected):
        return f"{len(found)} answers to {len(sample.expected)} rows"
    if outside := [each for each in found if not limits.answer_min <= each <= limits.answer_max]:
        return f"{outside[0]:g} is not between {limits.answer_min:g} and {limits.answer_max:g}"
    return ""


def numbers(body: bytes) -> list[float] | None:
    """The numbers of a JSON list; None for anything else. A scoring script that answers with a text of JSON is
    understood as well: Azure ML quotes what such a one returns."""
    try:
        value = json.loads(body)
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list):
        return None
    found = [each for each in value if isinstance(each, int | float) and not isinstance(each, bool) and isfinite(each)]
    return [float(each) for each in found] if len(found) == len(value) else None
