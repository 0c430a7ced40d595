"""The environment demo on a small fleet, as a user starts it: it checks its own story and ends with 1 if it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.supervisor.parts import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]


def test_a_small_fleet_gets_an_environment_goes_back_and_is_spared_the_broken_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.demos.environment", "--circuits", "2", "--data", str(tmp_path / "data")]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, check=False,
        timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    told = [line.partition(" s  ")[2] for line in done.stdout.splitlines()]
    assert "production, read with the Azure ML client: 2 on 1.5.1" in told
    assert "production, read with the Azure ML client: 2 on 1.5.0, as before" in told
    assert "production is untouched, read with the Azure ML client: 2 on 1.5.0" in told
    assert any("P001-C002: failed" in line for line in told if line.startswith("the team is told"))
