"""`up`, `down` and `status` as a person uses them, on the lightest part."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from local.supervisor import command_line
from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.ledger import Ledger
from local.supervisor.parts import choose_ports
from local.supervisor.process import ProcessRecord
from tests.support.processes import REPOSITORY, until

LEFT_OUT = ("azurite", "servicebus", "eventgrid", "azureml", "mailbox", "host")
LIGHT = [word for part in LEFT_OUT for word in ("--without", part)]
WIDE_TERMINAL = {"COLUMNS": "200"}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "local.cloud", *words]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **WIDE_TERMINAL}
    return subprocess.run(
        command(*words), cwd=REPOSITORY, capture_output=True, text=True, timeout=60, env=environment, check=False
    )


@contextmanager
def up(data: Path) -> Iterator[subprocess.Popen[str]]:
    """`up` in the foreground, ready; its output goes to <data>.log."""
    with data.with_suffix(".log").open("w") as output:
        process = subprocess.Popen(
            command("up", "--data", str(data), *LIGHT),
            cwd=REPOSITORY, stdout=output, stderr=output, text=True, env={**os.environ, **WIDE_TERMINAL},
        )  # fmt: skip
    try:
        until(lambda: "Ready in" in printed(data), deadline_s=30)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        Ledger.read(data / "pids.json").end_parts()


def printed(data: Path) -> str:
    return data.with_suffix(".log").read_text()


def ledger(data: Path) -> Ledger:
    return Ledger.read(data / "pids.json")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a cloud that several tests look at."""
    data = tmp_path_factory.mktemp("shared") / "cloud"
    with up(data):
        yield data


def test_up_shows_parts_addresses_and_states(shared: Path) -> None:
    """One table is enough to find everything; `status` shows it again."""
    address = LocalCloud(shared, parts=[]).urls["identity"]
    status = run("status", "--data", str(shared))
    for text in (printed(shared), status.stdout):
        line = next(line for line in text.splitlines() if "identity" in line)
        assert address in line
        assert "serving" in line
        assert text.count("not started") == len(LEFT_OUT)
    assert status.returncode == 0


def test_a_directory_in_use_is_refused(shared: Path) -> None:
    """Two supervisors would restart each other's parts."""
    with pytest.raises(CloudError, match="is in use by process"):
        LocalCloud(shared, parts=["identity"]).start()
    assert ledger(shared).running() == ["identity"]


def test_up_restarts_a_part_that_dies_and_says_so(shared: Path) -> None:
    """A crash of a part is an event in the terminal, not the end."""
    dead = ledger(shared).parts["identity"]
    dead.signal(signal.SIGKILL)
    until(lambda: "identity ended with status -9; starting it again." in printed(shared))
    until(lambda: ledger(shared).running() == ["identity"])
    assert ledger(shared).parts["identity"].pid != dead.pid


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    """No process is left, and `status` says so."""
    data = tmp_path / "cloud"
    with up(data) as process:
        parts = ledger(data).parts
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    assert not any(record.running() for record in parts.values())
    with pytest.raises(typer.Exit):
        command_line.status(data)


def test_detached_up_and_down(tmp_path: Path) -> None:
    """The terminal comes back when everything serves; `down` ends the supervisor and its parts."""
    data = tmp_path / "cloud"
    started = run("up", "--detach", "--data", str(data), *LIGHT)
    assert started.returncode == 0, started.stderr
    assert "Running in the background" in started.stdout
    running = ledger(data)
    assert running.running() == ["identity"]
    assert run("down", "--data", str(data)).returncode == 0
    assert running.supervisor
    assert not running.supervisor.running()
    assert running.running() == []


def test_down_ends_what_a_killed_supervisor_left_behind(tmp_path: Path) -> None:
    """The ledger knows the parts; so does the next start."""
    data = tmp_path / "cloud"
    with up(data) as process:
        process.kill()
        process.wait()
        orphans = ledger(data)
        assert orphans.running() == ["identity"]
        command_line.down(data)
        assert orphans.running() == []


@pytest.mark.parametrize("difference", ["command", "created"])
def test_a_reused_process_id_is_left_alone(tmp_path: Path, difference: str) -> None:
    """Another program with the id of a dead part is neither signalled nor waited for."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        record = ProcessRecord.of(stranger.pid)
        other = {
            "command": ProcessRecord(record.pid, record.created, ("local.identity",)),
            "created": ProcessRecord(record.pid, record.created - 60, record.command),
        }[difference]
        file = tmp_path / "pids.json"
        Ledger(other, {"identity": other}).write(file)
        command_line.down(tmp_path)
        Ledger(other, {"identity": other}).write(file)
        with LocalCloud(tmp_path, parts=[]):
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_status_of_nothing_says_how_to_start(tmp_path: Path) -> None:
    """An error tells what to do, without a stack trace."""
    answer = run("status", "--data", str(tmp_path))
    assert answer.returncode == 1
    assert "switchyard local up" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_malformed_setting_is_refused(tmp_path: Path) -> None:
    """Before anything starts."""
    with pytest.raises(ValueError, match="NAME=VALUE"):
        command_line.up(tmp_path, setting=["NAME"])
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_another_program_has_is_told_in_one_line_before_anything_starts(tmp_path: Path) -> None:
    """It used to be the last of 25 lines of a log."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({**choose_ports(tmp_path / "ports.json"), "identity": port}))
        answer = run("up", "--data", str(tmp_path), *LIGHT)

    assert answer.returncode == 1
    assert f"Another program has port {port} (identity)" in " ".join(answer.stderr.split())
    assert not (tmp_path / "logs").exists()


def test_what_to_seed_is_a_number_or_circuits_and_anything_else_is_refused(tmp_path: Path) -> None:
    """Before anything starts."""
    with pytest.raises(ValueError, match="--seed takes a number, or circuits"):
        command_line.up(tmp_path, seed="P001")
    assert list(tmp_path.iterdir()) == []


def test_a_fleet_is_not_seeded_where_the_app_has_run(tmp_path: Path) -> None:
    """It is said at once, and not after a minute of training."""
    (tmp_path / "host").mkdir()
    answer = run("up", "--seed", "2", "--data", str(tmp_path), *LIGHT)

    assert answer.returncode == 1
    assert "The app has run in" in answer.stdout
    assert "--data" in answer.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["host"]
