"""The HTTP functions of evidence: who may hand a notebook in, what is told of it, and how it is handed out."""

import hashlib
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest

from shared.application.errors import TransientFault
from shared.domain.evidence.matrix import NOTEBOOK_BYTES_MAX
from shared.domain.release.model import Phase
from tests.fakes.config import environment_gates
from tests.fakes.evidence import MemoryEvidenceStore
from tests.functions.callers import PERSON_ID, Signer, answered, function, request
from tests.support.benches.release import Bench
from tests.support.builders import RELEASE_ID, a_fleet_release, a_release
from tests.support.notebooks import HOSTILE, complete, incomplete, with_error

submit = function("submit_evidence")
read = function("read_evidence")
read_release = function("read_release")

NOTEBOOK = "application/x-ipynb+json"
PATH = f"/api/releases/{RELEASE_ID}/evidence"


@pytest.fixture
async def waiting(bench: Bench) -> Bench:
    """An environment release at the registry gate, whose policy asks for evidence."""
    release = a_fleet_release(Phase.AWAITING_REGISTRY_APPROVAL)
    gates = environment_gates(evidence_required=True)
    await bench.put(replace(release, policy=replace(release.policy, gates=gates)))
    return bench


def upload(token: str | None, raw: bytes, content_type: str = NOTEBOOK) -> func.HttpRequest:
    return request(token, method="POST", raw=raw, content_type=content_type, release_id=RELEASE_ID)


def ask(token: str | None, **query: str) -> func.HttpRequest:
    return request(token, query=query, release_id=RELEASE_ID)


@pytest.mark.parametrize("call", [submit, read])
async def test_nobody_unknown_gets_near_evidence(waiting: Bench, call: Any) -> None:
    answered(await call(upload(None, complete())), 401)

    assert (waiting.events.sent, waiting.evidence.files) == ([], {})


@pytest.mark.parametrize("content_type", [NOTEBOOK, "application/json", "Application/X-IPYNB+JSON; charset=utf-8"])
async def test_a_notebook_is_accepted_and_told_what_it_is_worth(
    waiting: Bench, signer: Signer, content_type: str
) -> None:
    """202 at once; once it was handled, the release has it, with the person of the token."""
    body = answered(await submit(upload(signer.token(), complete(), content_type)), 202)
    assert (body["answer"], body["phase"], body["follow"]) == ("accepted", "awaiting_registry_approval", PATH)
    sha256 = hashlib.sha256(complete()).hexdigest()
    assert (body["evidence"]["advice"], body["evidence"]["sha256"]) == ("approve", sha256)
    assert all(reason["holds"] for reason in body["evidence"]["reasons"])

    await waiting.deliver()

    evidence = waiting.release(RELEASE_ID).evidence
    assert evidence is not None
    assert (evidence.sha256, evidence.submitted_by_id) == (sha256, PERSON_ID)
    assert answered(await read(ask(signer.token())), 200)["submitted_by"] == "Person 2"


async def test_the_same_file_again_is_done_already(waiting: Bench, signer: Signer) -> None:
    await submit(upload(signer.token(), complete()))
    await waiting.deliver()
    queued = len(waiting.events.sent)

    assert answered(await submit(upload(signer.token(), complete())), 200)["answer"] == "already_done"
    assert len(waiting.events.sent) == queued


@pytest.mark.parametrize(
    ("raw", "quality", "rule"),
    [
        (incomplete(), "incomplete notebook", "Display predictions"),
        (with_error(), "notebook with errors", "no error outputs"),
        (complete("1.4.0"), "incomplete notebook", "environment version"),
    ],
    ids=["incomplete", "with errors", "another version"],
)
async def test_bad_evidence_is_accepted_with_the_advice_to_reject_and_why(
    waiting: Bench, signer: Signer, raw: bytes, quality: str, rule: str
) -> None:
    evidence = answered(await submit(upload(signer.token(), raw)), 202)["evidence"]

    assert (evidence["advice"], evidence["quality"]) == ("reject", quality)
    assert [reason["rule"] for reason in evidence["reasons"] if not reason["holds"]] == [rule]


async def test_a_file_above_the_limit_is_refused_before_it_is_read(waiting: Bench, signer: Signer) -> None:
    """413 with the limit and what to do; it would be 400 if anybody had looked into it."""
    body = answered(await submit(upload(signer.token(), b"[" * (NOTEBOOK_BYTES_MAX + 1))), 413)

    assert "5,242,881 bytes; the limit is 5 MiB: clear pictures" in body["detail"]
    assert (waiting.events.sent, waiting.evidence.files) == ([], {})


async def test_a_file_at_the_limit_is_read(waiting: Bench, signer: Signer) -> None:
    padded = complete() + b"\n" * (NOTEBOOK_BYTES_MAX - len(complete()))

    assert answered(await submit(upload(signer.token(), padded)), 202)["evidence"]["size_bytes"] == NOTEBOOK_BYTES_MAX


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_file_that_is_no_notebook_is_refused_with_what_is_wrong(
    waiting: Bench, signer: Signer, case: str
) -> None:
    """400, never 500; nothing is kept."""
    body = answered(await submit(upload(signer.token(), HOSTILE[case])), 400)

    assert "the notebook cannot be read" in body["detail"]
    assert (waiting.events.sent, waiting.evidence.files) == ([], {})


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"])
async def test_no_web_page_can_send_a_notebook_with_a_form(waiting: Bench, signer: Signer, content_type: str) -> None:
    """The types that a browser sends without asking are refused."""
    assert NOTEBOOK in answered(await submit(upload(signer.token(), complete(), content_type)), 400)["detail"]
    assert waiting.events.sent == []


@pytest.mark.parametrize(
    ("claims", "said"),
    [({"groups": []}, "not a member"), ({"idtyp": "app", "roles": ["Api.Call"]}, "only a person")],
    ids=["outsider", "application"],
)
async def test_only_members_of_an_approving_group_hand_evidence_in(
    waiting: Bench, signer: Signer, claims: dict[str, Any], said: str
) -> None:
    token = signer.token(**claims, without=("scp",) if "idtyp" in claims else ())

    assert said in answered(await submit(upload(token, complete())), 403)["detail"]
    assert (waiting.events.sent, waiting.evidence.files) == ([], {})


async def test_evidence_comes_too_late_once_the_version_is_promoted(bench: Bench, signer: Signer) -> None:
    await bench.put(a_fleet_release(Phase.CHECKING))

    assert "while the release is checking" in answered(await submit(upload(signer.token(), complete())), 409)["detail"]
    assert bench.evidence.files == {}


@pytest.mark.parametrize("call", [submit, read])
async def test_a_release_of_a_model_has_no_evidence(bench: Bench, signer: Signer, call: Any) -> None:
    await bench.put(a_release(Phase.AWAITING_REGISTRY_APPROVAL))

    assert "releases no environment" in answered(await call(upload(signer.token(), complete())), 409)["detail"]
    assert answered(await read_release(ask(signer.token())), 200)["evidence"] is None


@pytest.mark.parametrize("call", [submit, read])
async def test_evidence_of_a_release_that_does_not_exist_is_a_404(bench: Bench, signer: Signer, call: Any) -> None:
    answered(await call(upload(signer.token(), complete())), 404)


async def test_without_a_notebook_the_advice_is_to_reject(waiting: Bench, signer: Signer) -> None:
    """The matrix has a row for it; release and evidence say the same."""
    body = answered(await read(ask(signer.token())), 200)

    assert (body["advice"], body["quality"], body["required"], body["sha256"]) == ("reject", "no notebook", True, None)
    assert answered(await read_release(ask(signer.token())), 200)["evidence"] == body
    assert "upload an executed notebook" in answered(await read(ask(signer.token(), download="1")), 404)["detail"]


async def test_the_file_is_handed_out_as_it_came_and_never_as_something_to_show(waiting: Bench, signer: Signer) -> None:
    """A notebook may hold scripts: the browser saves it, and may not guess what it is."""
    raw = complete().replace(b"Run from top to bottom", b"<script>alert(1)</script>")
    await submit(upload(signer.token(), raw))
    await waiting.deliver()

    response = await read(ask(signer.token(), download="1"))

    assert (response.status_code, response.get_body()) == (200, raw)
    assert response.mimetype == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    name = f"evidence-{RELEASE_ID}-{hashlib.sha256(raw).hexdigest()[:12]}.ipynb"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


async def test_another_word_for_the_download_is_refused(waiting: Bench, signer: Signer) -> None:
    assert "download is 1" in answered(await read(ask(signer.token(), download="yes")), 400)["detail"]


class SilentStore(MemoryEvidenceStore):
    """Blob Storage does not answer."""

    async def put(self, release_id: str, sha256: str, content: bytes) -> None:
        raise TransientFault("Blob Storage does not answer")


async def test_a_file_that_cannot_be_kept_is_not_accepted(waiting: Bench, signer: Signer) -> None:
    """503: nothing is queued, and asking again does no harm."""
    waiting.evidence = SilentStore()

    answered(await submit(upload(signer.token(), complete())), 503)

    assert waiting.events.sent == []
