"""A circuit that is merged in git trains and runs in production, and the app is not published anew for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.supervisor.parts import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_new_circuit_is_merged_trained_and_released_without_publishing(tmp_path: Path) -> None:
    """The last part of the demo, which checks its own story and ends with 1 if it fails."""
    command = [sys.executable, "-m", "local.demos.training", "--new-only", "--data", str(tmp_path / "data")]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, check=False,
        timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "P001/C009 runs in production" in done.stdout
    assert not (REPOSITORY / "config" / "plants" / "P001" / "C009.yml").exists()
