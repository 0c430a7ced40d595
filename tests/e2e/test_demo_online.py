"""The online demo as a user starts it: it checks its own story and ends with 1 if it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.supervisor.parts import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]


def test_a_better_model_is_served_a_worse_one_is_not_and_a_slow_one_is_put_back(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.demos.online", "--data", str(tmp_path / "data")]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, check=False,
        timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    told = [line.partition(" s  ")[2] for line in done.stdout.splitlines()]
    assert "production, read with the Azure ML client: green 100 % with version 1" in told
    assert "production, read with the Azure ML client: blue 100 % with version 2" in told
    assert told.count("production is as it was, read with the Azure ML client: blue 100 % with version 2") == 2
