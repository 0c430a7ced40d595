"""An environment release at its registry gate, with evidence or without, for the tests of evidence."""

from shared.application.evidence.submit import submit_evidence
from shared.domain.release.events import EvidenceSubmitted
from shared.domain.release.model import Phase, Release
from tests.support.benches.release import Bench
from tests.support.benches.road import REQUESTER, requested

GATE = Phase.AWAITING_REGISTRY_APPROVAL


async def at_the_gate(bench: Bench, *notebooks: bytes) -> Release:
    """A release that waits at the registry gate, with these notebooks handed in by who asked for it."""
    release_id = await requested(bench)
    await bench.run_until(release_id, GATE)
    for notebook in notebooks:
        await submit_evidence(release_id, REQUESTER, notebook, bench.ports)
        await bench.deliver()
    return bench.release(release_id)


def submissions(bench: Bench) -> list[EvidenceSubmitted]:
    return [event for _, event, _ in bench.events.sent if isinstance(event, EvidenceSubmitted)]
