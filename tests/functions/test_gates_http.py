"""Gates that wait, and many decisions at once, over HTTP."""

import pytest

from shared.domain.release.model import Phase
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from tests.functions.callers import Signer, answered, function, request
from tests.support.benches.release import Bench
from tests.support.builders import a_release

list_gates, decide = function("list_gates"), function("decide_on_gates")
GATE = Phase.AWAITING_REGISTRY_APPROVAL


async def test_a_gate_is_shown_with_all_that_a_decision_needs(bench: Bench, signer: Signer) -> None:
    release = await bench.put(a_release(GATE, release_id="one"))
    body = answered(await list_gates(request(signer.token(), query={"mine": "true"})), 200)
    [shown] = body["gates"]
    assert (body["total"], body["unreadable"]) == (1, [])
    assert (shown["release_id"], shown["eligible"], shown["because"]) == ("one", True, "")
    assert shown["gate"]["digest"] == gate_digest(release, Stage.REGISTRY)
    assert shown["gate"]["facts"]["model"] == release.asset


async def test_each_decision_is_answered_by_itself(bench: Bench, signer: Signer) -> None:
    release = await bench.put(a_release(GATE, release_id="one"))
    decision = {"stage": "registry", "digest": gate_digest(release, Stage.REGISTRY), "decision": "approve"}
    wish = {"decisions": [{"release_id": each, **decision} for each in ("nowhere", "one")], "reason": "looked at it"}
    answers = answered(await decide(request(signer.token(), wish, method="POST")), 200)["answers"]
    assert [each["answer"] for each in answers] == ["not_found", "accepted"]
    assert [event.release_id for _, event, _ in bench.events.sent] == ["one"]


@pytest.mark.parametrize(
    "wish",
    [
        {"decisions": []},
        {"decisions": [{"release_id": "one", "stage": "dev", "digest": "0" * 64, "decision": "approve"}]},
        {"decisions": [{"release_id": "one", "stage": "registry", "digest": "0", "decision": "approve"}]},
        {"decisions": [{"release_id": "one", "stage": "registry", "digest": "0" * 64, "decision": "yes"}]},
        {"decisions": [{"release_id": "one", "stage": "registry", "digest": "0" * 64, "decision": "reject"}] * 2},
    ],
)
async def test_decisions_that_say_nothing_clear_are_refused_whole(
    bench: Bench, signer: Signer, wish: dict[str, object]
) -> None:
    answered(await decide(request(signer.token(), wish, method="POST")), 400)
    assert bench.events.sent == []


async def test_mine_is_true_or_false(bench: Bench, signer: Signer) -> None:
    refused = answered(await list_gates(request(signer.token(), query={"mine": "me"})), 400)
    assert "true or false" in refused["detail"]
