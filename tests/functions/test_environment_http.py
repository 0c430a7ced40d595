"""The HTTP functions that open and roll back environment releases: who may, and what is refused."""

from typing import Any

import azure.functions as func
import pytest

from shared.application.ids import release_id_of
from shared.domain.release.model import Phase, Release
from tests.fakes.platform import DEV_WORKSPACE
from tests.functions.callers import PERSON_ID, Signer, answered, function, request
from tests.functions.fleets import download, of, read_targets, request_release, roll_back, updating
from tests.support.benches.release import Bench
from tests.support.benches.road import fleet_in_production
from tests.support.builders import RELEASE_ID, a_fleet_release, a_release

ENVIRONMENT_RELEASE = release_id_of(DEV_WORKSPACE, "custom-tf-env", "1.5.1")

retry_release = function("retry_release")


def wish(token: str | None, body: object = None) -> func.HttpRequest:
    return request(token, {"version": "1.5.1", "reason": "security patch"} if body is None else body, method="POST")


@pytest.mark.parametrize("call", [request_release, roll_back, read_targets, download])
async def test_nobody_unknown_gets_near_a_fleet(bench: Bench, call: Any) -> None:
    await bench.put(updating())

    answered(await call(of(None, {"version": "1.5.1", "reason": "why"})), 401)

    assert bench.events.sent == []


async def test_a_request_opens_a_release_of_the_fleets_environment_in_the_dev_workspace(
    bench: Bench, signer: Signer
) -> None:
    """202 with its id and where to follow it; the requester is the token's person."""
    body = answered(await request_release(wish(signer.token())), 202)
    assert (body["release_id"], body["phase"]) == (ENVIRONMENT_RELEASE, "verifying")
    assert body["follow"] == f"/api/releases/{ENVIRONMENT_RELEASE}"

    await bench.deliver()

    opened = bench.release(ENVIRONMENT_RELEASE)
    assert (opened.asset_workspace, opened.asset) == (DEV_WORKSPACE, "custom-tf-env:1.5.1")
    assert PERSON_ID in opened.requested_by


async def test_asking_for_the_same_version_again_finds_its_release(bench: Bench, signer: Signer) -> None:
    """200, and nothing more is queued."""
    fleet_in_production(bench)
    await request_release(wish(signer.token()))
    await bench.deliver()
    queued = len(bench.events.sent)

    body = answered(await request_release(wish(signer.token())), 200)

    assert (body["answer"], body["release_id"]) == ("already_done", ENVIRONMENT_RELEASE)
    assert len(bench.events.sent) == queued


async def test_an_ask_for_a_version_that_was_not_registered_does_not_burn_it(bench: Bench, signer: Signer) -> None:
    """It is held; a retry, once it is registered, goes on."""
    await request_release(wish(signer.token()))
    await bench.deliver()
    assert "no environment" in bench.release(ENVIRONMENT_RELEASE).reason
    fleet_in_production(bench)

    body = answered(await request_release(wish(signer.token())), 200)
    assert (body["release_id"], body["phase"]) == (ENVIRONMENT_RELEASE, "held")
    retry = request(signer.token(), {"reason": "it is registered"}, release_id=ENVIRONMENT_RELEASE)
    answered(await retry_release(retry), 202)
    await bench.deliver()

    assert bench.release(ENVIRONMENT_RELEASE).phase is Phase.AWAITING_REGISTRY_APPROVAL


@pytest.mark.parametrize(
    ("claims", "said"),
    [({"groups": []}, "not a member"), ({"idtyp": "app", "roles": ["Api.Call"]}, "only a person")],
    ids=["outsider", "application"],
)
async def test_only_members_of_an_approving_group_may_ask(
    bench: Bench, signer: Signer, claims: dict[str, Any], said: str
) -> None:
    token = signer.token(**claims, without=("scp",) if "idtyp" in claims else ())

    assert said in answered(await request_release(wish(token)), 403)["detail"]
    assert bench.events.sent == []


MALFORMED: dict[str, object] = {
    "no version": {"reason": "why"},
    "an empty version": {"version": ""},
    "a version that is none": {"version": "latest"},
    "a part of a version": {"version": "1.5"},
    "a version with a line after it": {"version": "1.5.1\n"},
    "a long version": {"version": "1" * 65},
    "another environment": {"version": "1.5.1", "name": "their-env"},
    "a long reason": {"version": "1.5.1", "reason": "x" * 2001},
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_request_that_cannot_be_read_is_refused(bench: Bench, signer: Signer, case: str) -> None:
    """400 with what is wrong; nothing is queued."""
    answered(await request_release(wish(signer.token(), MALFORMED[case])), 400)

    assert bench.events.sent == []


async def test_a_rollback_is_accepted_and_puts_the_release_on_its_way_back(bench: Bench, signer: Signer) -> None:
    await bench.put(updating())

    answered(await roll_back(of(signer.token(), {"reason": "batch jobs fail", "critical": True})), 202)
    await bench.deliver()

    release = bench.release(RELEASE_ID)
    assert release.phase is Phase.ROLLING_BACK
    assert "batch jobs fail" in release.rollback_reason


async def test_a_rollback_needs_its_reason(bench: Bench, signer: Signer) -> None:
    await bench.put(updating())

    for body in ({}, {"reason": ""}, {"reason": "  "}):
        assert "reason" in answered(await roll_back(of(signer.token(), body)), 400)["detail"]
    assert bench.events.sent == []


@pytest.mark.parametrize(
    "release",
    [a_release(Phase.TESTING), a_fleet_release(Phase.CHECKING), updating(phase=Phase.REJECTED, reason="no")],
    ids=["a model", "nothing changed yet", "ended"],
)
async def test_what_cannot_be_rolled_back_is_a_conflict(bench: Bench, signer: Signer, release: Release) -> None:
    await bench.put(release)

    answered(await roll_back(of(signer.token(), {"reason": "batch jobs fail"})), 409)

    assert bench.events.sent == []


@pytest.mark.parametrize("call", [roll_back, read_targets, download])
async def test_a_fleet_of_a_release_that_does_not_exist_is_a_404(bench: Bench, signer: Signer, call: Any) -> None:
    answered(await call(of(signer.token(), {"reason": "why"})), 404)
