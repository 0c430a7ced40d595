"""Evidence of environment releases: a person hands in an executed notebook, people read what it is worth."""

import asyncio
import hashlib

from shared.application.errors import NotFound
from shared.application.ids import content_digest
from shared.application.release.people import Answer, Decided, NoSuchRelease
from shared.application.release.ports import Ports
from shared.domain.errors import Conflict
from shared.domain.evidence.matrix import judge
from shared.domain.people import check_author
from shared.domain.release.decide import decide
from shared.domain.release.events import EvidenceSubmitted
from shared.domain.release.model import Actor, Kind, Release


class NoSuchEvidence(NotFound):
    """The release has no evidence, or its file is not there."""


async def submit_evidence(release_id: str, actor: Actor, notebook: bytes, ports: Ports) -> Decided:
    """Reads the notebook, keeps the file and puts what it is worth on the queue; the answer has it already.

    Evidence that is worth nothing is taken too: it is told with its reasons, and nobody can approve on it. Raises
    DomainError (not eligible, not possible now, no notebook), NoSuchRelease and TransientFault.
    """
    release = await evidence_of(release_id, ports)
    check_author(release, actor)  # before a file of a stranger is read
    facts = await asyncio.to_thread(ports.read_notebook, notebook)
    quality, reasons = judge(facts, release.asset)
    said = content_digest(facts.sha256, actor.tenant_id, actor.object_id, release.history_count)
    event = EvidenceSubmitted(
        event_id=f"{release_id}-evidence-{said}",
        release_id=release_id,
        occurred_at=ports.clock.now(),
        actor=actor,
        sha256=facts.sha256,
        size_bytes=len(notebook),
        quality=quality,
        reasons=reasons,
    )
    after = decide(release, event, ports.clock.now()).release
    await ports.evidence.put(release_id, facts.sha256, notebook)
    if after.evidence == release.evidence:
        return Decided(answer=Answer.ALREADY_DONE, release=release)
    await ports.events.publish(event)
    return Decided(answer=Answer.ACCEPTED, release=after)


async def evidence_of(release_id: str, ports: Ports) -> Release:
    """The environment release whose evidence is asked for. Raises NoSuchRelease, and Conflict for any other kind."""
    stored = await ports.store.load(release_id)
    if stored is None:
        raise NoSuchRelease(f"there is no release {release_id}: list the releases to find its id")
    if stored.release.kind is not Kind.ENVIRONMENT:
        raise Conflict(f"{release_id} releases no environment, and only those have evidence")
    return stored.release


async def evidence_file(release_id: str, ports: Ports) -> tuple[str, bytes]:
    """The SHA-256 and the bytes of the release's evidence, as they were uploaded.

    Raises NoSuchRelease, NoSuchEvidence, and Conflict for a file that is not the one that was judged.
    """
    release = await evidence_of(release_id, ports)
    if release.evidence is None:
        raise NoSuchEvidence(f"{release_id} has no evidence: upload an executed notebook")
    sha256 = release.evidence.sha256
    content = await ports.evidence.get(release_id, sha256)
    if content is None:
        raise NoSuchEvidence(
            f"the file of the evidence of {release_id} is gone: upload it again, its SHA-256 is {sha256}"
        )
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Conflict(f"the stored file is not the evidence that was judged, SHA-256 {sha256}: do not decide on it")
    return sha256, content
