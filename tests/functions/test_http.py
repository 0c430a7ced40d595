"""The HTTP functions: who may call, what they are told, and what never gets through."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest

from functions.handlers.http_answers import BODY_BYTES_MAX
from shared.application.errors import TransientFault
from shared.domain.release.model import Phase
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from tests.fakes.store import MemoryReleaseStore
from tests.functions.callers import PERSON_ID, TENANT, Signer, answered, function, request
from tests.support.benches.release import Bench
from tests.support.builders import RELEASE_ID, a_candidate, a_release, an_entry

GATE = Phase.AWAITING_REGISTRY_APPROVAL
Call = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


READS = {name: function(name) for name in ("list_releases", "read_release", "read_history")}
WRITES = {name: function(name) for name in ("decide_on_gate", "abort_release", "retry_release")}
decide = WRITES["decide_on_gate"]


def decision(token: str | None, body: object = None, stage: str = "registry", **more: Any) -> func.HttpRequest:
    return request(token, body, method="POST", release_id=RELEASE_ID, stage=stage, **more)


def yes(**changes: object) -> dict[str, object]:
    return {"decision": "approve", "digest": gate_digest(a_release(GATE), Stage.REGISTRY), **changes}


@pytest.mark.parametrize("name", [*READS, *WRITES])
async def test_nobody_unknown_gets_in(bench: Bench, name: str) -> None:
    """401 says how to sign in, before anything is read."""
    call = {**READS, **WRITES}[name]

    response = await call(decision(None, {}))

    assert "no bearer token" in answered(response, 401)["detail"]
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_list_has_open_releases_and_what_they_wait_for(bench: Bench, signer: Signer) -> None:
    """No silent wait."""
    await bench.put(a_release(GATE))

    body = answered(await READS["list_releases"](request(signer.token())), 200)

    (summary,) = body["releases"]
    assert (summary["release_id"], summary["phase"]) == (RELEASE_ID, GATE.value)
    assert summary["waiting"]["who_can_end_it"] == ["ML-Engineers"]


async def test_a_release_that_cannot_be_read_is_told_with_the_reason_and_takes_no_other_along(
    bench: Bench, signer: Signer, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.put(a_release(GATE))
    await bench.put(a_release(GATE, release_id="from-the-future"))
    bench.store.unreadable["from-the-future"] = "it has schema_v 99: deploy the version that wrote it"

    body = answered(await READS["list_releases"](request(signer.token())), 200)
    alone = answered(await READS["read_release"](request(signer.token(), release_id="from-the-future")), 503)

    assert [each["release_id"] for each in body["releases"]] == [RELEASE_ID]
    (unreadable,) = body["unreadable"]
    assert (unreadable["id"], unreadable["state"]) == ("from-the-future", "unreadable")
    assert "schema_v 99" in unreadable["reason"]
    assert "deploy the version that wrote it" in alone["detail"]
    assert caplog.text.count("from-the-future is unreadable") == 2


async def test_a_release_shows_its_open_gate_with_the_digest_to_decide_on(bench: Bench, signer: Signer) -> None:
    """What was looked at is what is decided on (I5)."""
    await bench.put(a_release(GATE))

    body = answered(await READS["read_release"](request(signer.token(), release_id=RELEASE_ID)), 200)

    assert body["gate"]["digest"] == yes()["digest"]
    assert body["gate"]["facts"]["plant"] == "P001"


async def test_a_history_says_whether_its_chain_verifies(bench: Bench, signer: Signer) -> None:
    """A row that was changed in the table shows (I21)."""
    await bench.put(a_release(GATE, history_count=1, history_hash=an_entry().digest))
    partition = bench.store.partitions[RELEASE_ID]
    read = request(signer.token(), release_id=RELEASE_ID)
    partition.history = [an_entry()]
    assert answered(await READS["read_history"](read), 200)["verified"] is True
    partition.history = [replace(an_entry(), note="nothing happened")]
    assert answered(await READS["read_history"](read), 200)["verified"] is False
    partition.history = []
    assert answered(await READS["read_history"](read), 200)["verified"] is False


@pytest.mark.parametrize("name", ["read_release", "read_history", *WRITES])
async def test_a_release_that_does_not_exist_is_a_404(bench: Bench, signer: Signer, name: str) -> None:
    """With where to find the right id; nothing is queued."""
    body = yes() if name == "decide_on_gate" else {"reason": "why"}

    response = await {**READS, **WRITES}[name](decision(signer.token(), body))

    assert "list the releases" in answered(response, 404)["detail"]
    assert bench.events.sent == []


async def test_an_approval_is_accepted_with_where_to_follow_it(bench: Bench, signer: Signer) -> None:
    """202, then 200 for the same click once it was handled; the person is the token's, not the body's."""
    await bench.put(a_release(GATE))

    body = answered(await decide(decision(signer.token(), yes())), 202)
    assert (body["answer"], body["follow"]) == ("accepted", f"/api/releases/{RELEASE_ID}")
    await bench.deliver()

    (approval,) = bench.release(RELEASE_ID).approvals
    assert (approval.actor.object_id, approval.actor.tenant_id) == (PERSON_ID, TENANT)
    assert approval.actor.groups == ("ML-Engineers",)


async def test_a_body_cannot_say_who_decides(bench: Bench, signer: Signer) -> None:
    """Unknown fields are refused, so nobody believes they had an effect."""
    await bench.put(a_release(GATE))

    response = await decide(decision(signer.token(), yes(actor={"object_id": "somebody-else"})))

    assert "actor" in answered(response, 400)["detail"]
    assert bench.events.sent == []


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"groups": []}, "not a member of ML-Engineers"),
        ({"oid": a_candidate().requesters[0]}, "requested this release"),
        ({"preferred_username": "RITA@example.com"}, "requested this release"),
    ],
    ids=["outsider", "requester by id", "requester by name"],
)
async def test_who_may_not_decide_is_told_who_may(
    bench: Bench, signer: Signer, claims: dict[str, Any], said: str
) -> None:
    """403 (I4); the same rules as on the queue."""
    await bench.put(a_release(GATE))

    response = await decide(decision(signer.token(**claims), yes()))

    assert said in answered(response, 403)["detail"]
    assert bench.events.sent == []


async def test_an_application_may_read_and_not_decide(bench: Bench, signer: Signer) -> None:
    """Also with the group's app role."""
    await bench.put(a_release(GATE))
    token = signer.token(without=("scp", "groups"), idtyp="app", roles=["Api.Call", "ML-Engineers"])

    answered(await READS["read_release"](request(token, release_id=RELEASE_ID)), 200)
    assert "only a person" in answered(await decide(decision(token, yes())), 403)["detail"]


@pytest.mark.parametrize(
    ("phase", "stage", "body"),
    [
        (GATE, "registry", yes(digest="0" * 64)),
        (GATE, "production", yes()),
        (Phase.RELEASED, "registry", yes()),
    ],
    ids=["another digest", "a gate that is not open", "an ended release"],
)
async def test_what_no_longer_fits_is_a_conflict(
    bench: Bench, signer: Signer, phase: Phase, stage: str, body: dict[str, object]
) -> None:
    """409 says what has changed."""
    await bench.put(a_release(phase))

    answered(await decide(decision(signer.token(), body, stage)), 409)

    assert bench.events.sent == []


MALFORMED: dict[str, dict[str, Any]] = {
    "no body": {},
    "not JSON": {"raw": b"{decision: approve}"},
    "not UTF-8": {"raw": b"\xff\xfe\x00"},
    "an array": {"body": []},
    "a word": {"body": "approve"},
    "an unknown decision": {"body": yes(decision="maybe")},
    "a short digest": {"body": yes(digest="abc")},
    "a digest in capitals": {"body": yes(digest="A" * 64)},
    "a digest with a line after it": {"body": yes(digest="a" * 64 + "\n")},
    "a long reason": {"body": yes(reason="x" * 2001)},
    "a reason that is a number": {"body": yes(reason=7)},
    "deep nesting": {"raw": b"[" * 50_000},
    "too large": {"raw": b'{"decision": "approve", "reason": "' + b"x" * BODY_BYTES_MAX + b'"}'},
    "a form": {"body": yes(), "content_type": "application/x-www-form-urlencoded"},
    "plain text": {"body": yes(), "content_type": "text/plain"},
    "a stage that is none": {"body": yes(), "stage": "staging"},
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_body_that_cannot_be_read_is_refused_with_what_is_wrong(
    bench: Bench, signer: Signer, case: str
) -> None:
    """400, never 500; nothing is queued. A form is refused so that no web page can post one with a browser."""
    await bench.put(a_release(GATE))

    answered(await decide(decision(signer.token(), **MALFORMED[case])), 400)

    assert bench.events.sent == []


async def test_a_rejection_and_an_abort_need_their_reason(bench: Bench, signer: Signer) -> None:
    """400 says what to add."""
    await bench.put(a_release(GATE))

    rejected = await decide(decision(signer.token(), yes(decision="reject")))
    aborted = await WRITES["abort_release"](decision(signer.token(), {}))

    assert "needs a reason" in answered(rejected, 400)["detail"]
    assert "needs a reason" in answered(aborted, 400)["detail"]


@pytest.mark.parametrize(("name", "phase"), [("abort_release", Phase.TESTING), ("retry_release", Phase.HELD)])
async def test_abort_and_retry_are_accepted(bench: Bench, signer: Signer, name: str, phase: Phase) -> None:
    """202; the queue does the rest."""
    await bench.put(a_release(phase))

    answered(await WRITES[name](decision(signer.token(), {"reason": "because"})), 202)
    await bench.deliver()

    assert "because" in "".join(entry.note for entry in bench.store.partitions[RELEASE_ID].history)
    assert bench.release(RELEASE_ID).serial > a_release(phase).serial


class SilentStore(MemoryReleaseStore):
    """Does not answer."""

    async def load(self, *arguments: object, **more: object) -> Any:
        raise TransientFault("the table service does not answer: try again")


async def test_a_store_that_does_not_answer_is_a_503(bench: Bench, signer: Signer) -> None:
    """Trying again helps, and the caller is told so."""
    bench.store = SilentStore()

    response = await READS["read_release"](request(signer.token(), release_id=RELEASE_ID))

    assert "try again" in answered(response, 503)["detail"]


async def test_an_id_that_is_no_text_is_none(bench: Bench, signer: Signer) -> None:
    """The answer repeats it, and has to be one."""
    asked = request(signer.token(), release_id="\ud800")
    assert "?" in answered(await READS["read_release"](asked), 404)["detail"]
