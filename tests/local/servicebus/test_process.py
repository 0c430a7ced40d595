"""The broker as a process: what it says when it starts, or why it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.servicebus.conftest import QUEUES
from tests.support.processes import REPOSITORY, Part


def run(*options: str, port: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a broker that must end by itself."""
    command = [sys.executable, "-m", "local.servicebus", "--port", str(port), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, cwd=REPOSITORY, check=False)


def test_two_brokers_never_share_a_directory(broker: Part, broker_directory: Path) -> None:
    """The second one says so and ends; the first goes on."""
    second = run("--data", str(broker_directory / "data"), "--config", str(QUEUES))
    assert (second.returncode, second.stdout) == (1, "")
    assert "in use by another broker" in second.stderr
    assert broker.process.poll() is None


def test_a_port_in_use_is_named(broker: Part, tmp_path: Path) -> None:
    """The error says which address cannot be had."""
    ended = run("--data", str(tmp_path / "data"), port=broker.port)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"127.0.0.1', {broker.port}" in ended.stderr


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"queues": [{"name": "q", "lockDuration": "60"}]}, "queues[0].lockDuration: must be an ISO 8601 duration"),
        ({"queues": []}, "queues: "),
    ],
)
def test_a_wrong_configuration_is_explained(tmp_path: Path, config: object, reason: str) -> None:
    """Before anything is served."""
    path = tmp_path / "queues.json"
    path.write_text(json.dumps(config))
    ended = run("--data", str(tmp_path / "data"), "--config", str(path))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
