"""HTTP, evidence of environment releases: hand in an executed notebook, read what it is worth, download it.

A notebook is foreign text: it is read and kept, never run, and never sent to a browser as anything it would show.
"""

from http import HTTPStatus

import azure.functions as func

from functions.handlers.http_answers import authenticated, json_answer, raw_body_of
from shared import bootstrap
from shared.application.evidence import submit
from shared.application.release.people import Answer
from shared.contracts.http.evidence import EvidenceAccepted, evidence_view_of
from shared.contracts.http.routes import NOTEBOOK_TYPES
from shared.domain.errors import InvalidRequest
from shared.domain.evidence.matrix import NOTEBOOK_BYTES_MAX
from shared.domain.release.model import Actor

_FIX = f"the limit is {NOTEBOOK_BYTES_MAX // 1024**2} MiB: clear pictures and long outputs, run it again and save"


@authenticated
async def submit_evidence(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The body is the file as Jupyter saved it; the answer says at once what it is worth."""
    notebook = raw_body_of(req, NOTEBOOK_TYPES, NOTEBOOK_BYTES_MAX, _FIX)
    decided = await submit.submit_evidence(req.route_params["release_id"], actor, notebook, await bootstrap.ports())
    release = decided.release
    body = EvidenceAccepted(
        release_id=release.release_id,
        answer=decided.answer.value,
        phase=release.phase.value,
        follow=f"/api/releases/{release.release_id}/evidence",
        evidence=evidence_view_of(release),
    )
    accepted = decided.answer is Answer.ACCEPTED
    return json_answer(body, HTTPStatus.ACCEPTED if accepted else HTTPStatus.OK)


@authenticated
async def read_evidence(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The verdict by the matrix with its reasons, or with `?download=1` the file as it was uploaded."""
    release_id, ports = req.route_params["release_id"], await bootstrap.ports()
    if not _wants_file(req.params.get("download", "0")):
        return json_answer(evidence_view_of(await submit.evidence_of(release_id, ports)))
    sha256, content = await submit.evidence_file(release_id, ports)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="evidence-{release_id}-{sha256[:12]}.ipynb"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return func.HttpResponse(content, mimetype="application/octet-stream", headers=headers)


def _wants_file(text: str) -> bool:
    if text not in ("0", "1"):
        raise InvalidRequest("download is 1 for the file, or 0 for what it is worth")
    return text == "1"
