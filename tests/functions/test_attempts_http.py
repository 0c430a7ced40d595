"""Releasing again and by hand, over HTTP."""

from dataclasses import replace

import pytest

from shared.application.ids import attempt_id_of, release_id_of
from shared.domain.release.model import Phase
from tests.application.release.test_attempts import runs
from tests.functions.callers import PERSON_ID, Signer, answered, function, request
from tests.support.benches.release import MODEL, VERSION, Bench
from tests.support.builders import RELEASE_ID, a_release

again, by_hand = function("release_again"), function("request_model_release")
read_release, list_releases = function("read_release"), function("list_releases")
SECOND = attempt_id_of(RELEASE_ID, 2)


async def test_an_ended_release_is_had_again_and_both_name_each_other(bench: Bench, signer: Signer) -> None:
    """The old one names the attempt that followed, the new one how those before ended."""
    await bench.put(replace(a_release(Phase.EXPIRED), reason="nobody decided on registry in time"))
    token = signer.token()

    body = answered(await again(request(token, {"reason": "now"}, method="POST", release_id=RELEASE_ID)), 202)
    await bench.deliver()

    old = answered(await read_release(request(token, release_id=RELEASE_ID)), 200)
    new = answered(await read_release(request(token, release_id=SECOND)), 200)
    listed = answered(await list_releases(request(token)), 200)["releases"]
    assert (body["answer"], body["release_id"]) == ("accepted", SECOND)
    assert (old["again_as"], old["version_attempt"], old["earlier"]) == (SECOND, 1, [])
    assert (new["again_as"], new["version_attempt"]) == (None, 2)
    assert [(each["release_id"], each["phase"], each["reason"]) for each in new["earlier"]] == [
        (RELEASE_ID, "expired", "nobody decided on registry in time")
    ]
    assert {each["release_id"]: each["version_attempt"] for each in listed} == {RELEASE_ID: 1, SECOND: 2}


@pytest.mark.parametrize(
    ("phase", "body", "status"),
    [(Phase.RELEASED, {"reason": "now"}, 409), (Phase.TESTING, {"reason": "now"}, 409), (Phase.EXPIRED, {}, 400)],
)
async def test_what_cannot_be_had_again_is_refused_with_the_reason(
    bench: Bench, signer: Signer, phase: Phase, body: dict[str, str], status: int
) -> None:
    release = await bench.put(a_release(phase))
    runs(bench, release.registry_model_id)
    refused = await again(request(signer.token(), body, method="POST", release_id=RELEASE_ID))
    assert len(answered(refused, status)["detail"]) > 20
    assert bench.events.sent == []


async def test_a_model_is_released_by_hand_and_whoever_asks_is_its_requester(bench: Bench, signer: Signer) -> None:
    wish = {"name": MODEL, "version": VERSION, "reason": "its event was lost"}
    body = answered(await by_hand(request(signer.token(), wish, method="POST")), 202)
    await bench.deliver()
    opened = bench.release(body["release_id"])
    assert opened.release_id == release_id_of("dev-ml-workspace", MODEL, VERSION)
    assert PERSON_ID in opened.requested_by


@pytest.mark.parametrize("wish", [{"name": "../x"}, {"version": ".."}, {"version": ""}, {"reason": ""}])
async def test_a_name_that_no_model_has_is_refused(bench: Bench, signer: Signer, wish: dict[str, str]) -> None:
    """It would become a path of Azure Resource Manager."""
    body = {"name": MODEL, "version": VERSION, "reason": "why", **wish}
    answered(await by_hand(request(signer.token(), body, method="POST")), 400)
    assert bench.events.sent == []


async def test_both_need_a_token_of_a_member(bench: Bench, signer: Signer) -> None:
    await bench.put(a_release(Phase.EXPIRED))
    wish = {"name": MODEL, "version": VERSION, "reason": "why"}
    outsider = signer.token(groups=[])
    answered(await again(request(None, {"reason": "now"}, method="POST", release_id=RELEASE_ID)), 401)
    answered(await again(request(outsider, {"reason": "now"}, method="POST", release_id=RELEASE_ID)), 403)
    answered(await by_hand(request(None, wish, method="POST")), 401)
    answered(await by_hand(request(outsider, wish, method="POST")), 403)
    assert bench.events.sent == []
