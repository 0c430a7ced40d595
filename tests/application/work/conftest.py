"""Every kind of looked-after work, one after the other."""

from pathlib import Path

import pytest

from shared.application.work.look import WorkKind
from tests.support.benches.looked_after import PIECES, Piece


@pytest.fixture(params=WorkKind)
async def piece(request: pytest.FixtureRequest, tmp_path: Path) -> Piece:
    """A piece of each kind; what was sent about it is forgotten."""
    made = await PIECES[request.param](tmp_path)
    made.queue.sent.clear()
    return made
