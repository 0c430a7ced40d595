"""Releases to online endpoints over HTTP: asked for, shown, and their state downloaded."""

from typing import Any

import pytest

from shared.domain.release.model import Phase
from tests.functions.callers import Signer, answered, function, request
from tests.support.benches.release import Bench
from tests.support.builders import RELEASE_ID, a_release
from tests.support.online_releases import ONLINE_ROAD, an_online_release

ask = function("request_online_release")
read_release = function("read_release")
download = function("download_deployment_state")
freeze = function("set_freeze")


def asked(**changes: Any) -> dict[str, Any]:
    return {"model": "taxi-fare", "version": "2", "branch": "integration", **changes}


async def test_a_version_is_asked_for_once(bench: Bench, signer: Signer) -> None:
    first = answered(await ask(request(signer.token(), asked(), method="POST")), 202)
    await bench.deliver()
    second = answered(await ask(request(signer.token(), asked(), method="POST")), 200)

    assert first["release_id"].startswith("online-taxi-fare-2-")
    assert (second["release_id"], second["answer"]) == (first["release_id"], "already_done")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": "bus-fare"}, "there is no config/online/bus-fare.yml: there are taxi-fare"),
        ({"slots": {"test": "blue"}}, "slots"),
        ({"commit": "main"}, "commit"),
        ({"version": ""}, "version"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_with_the_reason(
    bench: Bench, signer: Signer, changes: dict[str, Any], told: str
) -> None:
    refused = answered(await ask(request(signer.token(), asked(**changes), method="POST")), 400)

    assert told in refused["detail"]


@pytest.mark.parametrize("phase", [*ONLINE_ROAD, Phase.RESTORING, Phase.HELD, Phase.FAILED])
async def test_a_release_can_be_read_in_every_phase(bench: Bench, signer: Signer, phase: Phase) -> None:
    await bench.put(an_online_release(phase))

    body = answered(await read_release(request(signer.token(), release_id=RELEASE_ID)), 200)

    assert (body["kind"], body["circuit"]) == ("online", "taxi-fare")


async def test_its_state_has_what_served_before_and_each_step(bench: Bench, signer: Signer) -> None:
    await bench.put(an_online_release(Phase.MOVING_TRAFFIC))

    response = await download(request(signer.token(), release_id=RELEASE_ID))

    production = next(each for each in answered(response, 200)["endpoints"] if each["side"] == "production")
    assert production["prior"] == {"traffic": {"old": 100}, "mirror": {}}
    assert [step["traffic"] for step in production["steps"]] == [{"old": 70, "green": 30}, {"green": 100}]
    assert f"deployment_state-{RELEASE_ID}.json" in response.headers["Content-Disposition"]


async def test_a_release_of_another_kind_has_no_such_state(bench: Bench, signer: Signer) -> None:
    await bench.put(a_release(Phase.TESTING))

    answered(await download(request(signer.token(), release_id=RELEASE_ID)), 409)


async def test_a_model_that_is_served_can_be_frozen_by_its_name(bench: Bench, signer: Signer) -> None:
    body = {"scope": "taxi-fare", "hours": 1, "reason": "holidays"}

    answered(await freeze(request(signer.token(), body, method="POST")), 201)
