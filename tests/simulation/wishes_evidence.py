"""Notebooks that people hand in at random: good ones, incomplete ones, those of another version."""

import random
from functools import cache

from shared.adapters.notebook_evidence import read_notebook
from shared.application.evidence.submit import submit_evidence
from shared.application.release.ports import Ports
from shared.domain.errors import DomainError
from shared.domain.release.model import Actor, Release
from tests.simulation.oracle_evidence import EvidenceJudge
from tests.simulation.scene import VERSIONS
from tests.support import notebooks

#: Reading a notebook takes milliseconds, and there are only a few different ones.
read_once = cache(read_notebook)


@cache
def _notebooks(version: str) -> tuple[tuple[bytes, bool], ...]:
    """Each with whether it may lead to an approval of the version."""
    other = next(each for each in VERSIONS if each != version)
    good = notebooks.complete(version)
    bad = (notebooks.incomplete(version), notebooks.with_error(version), notebooks.complete(other))
    return (good, True), (good + b"\n", True), *((each, False) for each in bad)


async def hand_in(release: Release, actor: Actor, rng: random.Random, ports: Ports, judge: EvidenceJudge) -> None:
    """Mostly a good one."""
    choices = _notebooks(release.asset_version)
    notebook, is_good = rng.choice(choices[:2] if rng.random() < 0.7 else choices)
    judge.handed_in(release.release_id, notebook, is_good=is_good)
    try:
        await submit_evidence(release.release_id, actor, notebook, ports)
    except DomainError:
        return
