"""`python -m local.cloud up|down|status`: the local cloud from a terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from local.supervisor.cloud import START_DEADLINE_S, CloudError, LocalCloud, http_problem
from local.supervisor.ledger import Ledger
from local.supervisor.parts import PARTS, REPOSITORY, accepts_connections, choose_ports
from local.supervisor.typed import command, python

WATCH_INTERVAL_S = 0.5
USUAL_HOST_PORT = 7071
RESTARTS_ALLOWED = 5  # of one part within a minute; a part that keeps dying needs a person
RESTART_WINDOW_S = 60.0
DOWN_PATIENCE_S = 60.0

SEED_DEADLINE_S = 600.0
SEED_HELP = (
    "What to begin with: circuits, such as P001/C001,P002/C003, whose models are trained and registered once "
    "everything serves, so that their releases open; or a number, a fleet of that many circuits in production."
)
_CIRCUIT = re.compile(r"\w+/\w+")

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Start and stop the local cloud.")
_console = Console()
_errors = Console(stderr=True)

DataOption = Annotated[Path, typer.Option("--data", help="Directory that holds all state of this local cloud.")]


class _Stopped(Exception):
    """SIGTERM arrived."""


@app.command()
def up(
    data: DataOption = Path(".local"),
    app_dir: Annotated[Path, typer.Option("--app", help="Directory of the function app.")] = REPOSITORY,
    lake: Annotated[Path | None, typer.Option(help="Folder that stands for the data lake.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--setting", help="NAME=VALUE, an app setting; may be repeated.")
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="A part to leave out; may be repeated.")] = None,
    seed: Annotated[str, typer.Option("--seed", help=SEED_HELP)] = "",
    detach: Annotated[bool, typer.Option("--detach", help="Return once everything serves.")] = False,
) -> None:
    """Start all parts, show where they are, and keep them running until Ctrl-C."""
    if detach:
        _detach(data, START_DEADLINE_S + (SEED_DEADLINE_S if seed else 0))
        return
    wished = _wished(seed)
    if data.is_dir() and any(data.iterdir()) and not wished.fleet:
        _console.print(f"Going on with what is in {data}; without it everything begins anew.", markup=False)
    if wished.fleet:
        failed = _run_module("local.seed_fleet", "--circuits", str(wished.fleet), "--data", str(data))
        if failed:
            raise typer.Exit(failed)
    cloud = LocalCloud(
        data,
        parts=[name for name in PARTS if name not in (without or [])],
        app=app_dir,
        lake=lake,
        host_port=USUAL_HOST_PORT,
        extra_settings=_settings(setting or []),
    )
    signal.signal(signal.SIGTERM, _raise_stopped)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with it ignored
    try:
        started = time.monotonic()
        cloud.start()
        cloud.wait_healthy()
        _console.print(_table(cloud.data))
        _console.print(f"Ready in {time.monotonic() - started:.1f} s. Ctrl-C stops everything.\n")
        _console.print(try_it(cloud), markup=False, highlight=False, soft_wrap=True)
        if wished.circuits:
            _run_module("local.seed", *wished.circuits, "--data", str(data))
        _watch(cloud)
    except (KeyboardInterrupt, _Stopped):
        _console.print("Stopping.")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave parts behind
        cloud.stop()


@app.command()
def down(data: DataOption = Path(".local")) -> None:
    """Stop a local cloud that runs in the background or was left behind."""
    file = data.resolve() / "pids.json"
    ledger = Ledger.read(file)
    if ledger.supervisor and ledger.supervisor.running():
        ledger.supervisor.signal(signal.SIGTERM)
        if not ledger.supervisor.wait(DOWN_PATIENCE_S):
            raise CloudError(f"Process {ledger.supervisor.pid} does not end; its log is in {data}/logs.")
    if left := Ledger.read(file).end_parts():
        raise CloudError(f"These parts do not end: {left}. Their logs are in {data}/logs.")
    Ledger().write(file)
    _console.print("Everything is stopped.")


@app.command()
def status(data: DataOption = Path(".local")) -> None:
    """Show the parts, where they listen, and whether they serve; exit status 1 if one does not."""
    if not (data / "ports.json").exists():
        raise CloudError(f"There is no local cloud in {data}: start one with `{command()} local up`.")
    _console.print(_table(data.resolve()))
    states = part_states(data.resolve())
    if not states or any(state != "serving" for state in states.values()):
        raise typer.Exit(1)


def try_it(cloud: LocalCloud) -> str:
    """Lines to paste into another terminal, in the source checkout."""
    data = f" --data {shown}" if (shown := os.path.relpath(cloud.data)) != ".local" else ""
    return f"""\
Open the board:
  {cloud.urls["host"]}/  # choose who you are: no password is asked for

In another terminal:
  export SWITCHYARD_URL={cloud.urls["host"]} SWITCHYARD_TOKEN=$({python()} -m local.sign_in engineer-1{data})
  {python()} -m local.seed P001/C001{data}  # writes data, trains and registers a model: a release opens
  {command()} releases  # then show, approve, reject, watch, history, abort, retry
  {command()} train --plant P001 --circuit C002 --watch  # the app trains, on the data that the seed wrote
  {command()} infer  # predicts yesterday, for what runs in production
The tokens of engineer-1, engineer-2, manager-1 and viewer-1 last an hour; `{command()} login` is renewed.
What people are told is at {cloud.urls["mailbox"]}, mail and cards alike.
"""


def part_states(data: Path) -> dict[str, str]:
    """`serving`, or what is wrong, by part; parts that were never started are not in it."""
    ledger = Ledger.read(data / "pids.json")
    ports = choose_ports(data / "ports.json")
    running = ledger.running()
    return {name: _state(name, ports) if name in running else "stopped" for name in ledger.parts}


def main() -> None:
    """Run the command line; prints errors that a person can act on without a stack trace."""
    try:
        app(prog_name="switchyard local")
    except (CloudError, ValueError) as problem:
        _errors.print(f"[bold red]Error:[/] {problem}", highlight=False)
        sys.exit(1)


def _state(name: str, ports: Mapping[str, int]) -> str:
    spec = PARTS[name]
    if not all(accepts_connections(ports[port]) for port in spec.ports):
        return "starting"
    return (http_problem(f"http://127.0.0.1:{ports[name]}") if spec.speaks_http else None) or "serving"


def _table(data: Path) -> Table:
    cloud = LocalCloud(data)
    states = part_states(data)
    addresses = {**cloud.urls, "azurite": f"{cloud.urls['blob']} (blob)", "host": cloud.urls["api"]}
    table = Table("part", "address", "state", "log", title=f"Local cloud in {data}", title_justify="left")
    for name in PARTS:
        state = states.get(name, "not started")
        colour = "green" if state == "serving" else "yellow"
        table.add_row(name, addresses[name], f"[{colour}]{state}[/]", f"logs/{name}.log")
    table.caption_justify = "left"
    table.caption = (
        f"facts: {cloud.facts_file.name} · app settings: settings.json · function keys: host/keys.json · "
        f"tokens: POST {cloud.urls['identity']}/demo/token · who was told: {cloud.urls['mailbox']}"
    )
    return table


def _watch(cloud: LocalCloud) -> None:
    """Bring back parts that die, and give up on one that keeps dying."""
    restarts: dict[str, deque[float]] = {}
    while True:
        time.sleep(WATCH_INTERVAL_S)
        for name, status in cloud.dead_parts().items():
            recent = restarts.setdefault(name, deque(maxlen=RESTARTS_ALLOWED))
            now = time.monotonic()
            if len(recent) == RESTARTS_ALLOWED and now - recent[0] < RESTART_WINDOW_S:
                raise CloudError(f"{name} died {RESTARTS_ALLOWED + 1} times within a minute; see {cloud.log(name)}.")
            recent.append(now)
            _console.print(f"[yellow]{name} ended with status {status}; starting it again.[/]")
            cloud.start_part(name)


@dataclass(frozen=True)
class _Wished:
    """What to seed: a fleet in production before the start, or releases of circuits after it."""

    fleet: int = 0
    circuits: tuple[str, ...] = ()


def _wished(seed: str) -> _Wished:
    words = seed.replace(",", " ").split()
    if len(words) == 1 and words[0].isdecimal():
        return _Wished(fleet=int(words[0]))
    if wrong := [word for word in words if not _CIRCUIT.fullmatch(word)]:
        raise ValueError(f"--seed takes a number, or circuits such as P001/C001,P002/C003, not {', '.join(wrong)}")
    return _Wished(circuits=tuple(words))


def _run_module(module: str, *options: str) -> int:
    """The status of a seeding command, whose output is shown: it says itself what went wrong."""
    return subprocess.run([sys.executable, "-m", module, *options], check=False).returncode  # nosec B603 # our module


def _detach(data: Path, deadline_s: float) -> None:
    """Run the same command without --detach in a session of its own, and wait until everything serves."""
    logs = data.resolve() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "local.cloud", *(word for word in sys.argv[1:] if word != "--detach")]
    with (logs / "cloud.log").open("w") as log:
        supervisor = subprocess.Popen(  # nosec B603 # this very command, without a shell
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    end = time.monotonic() + deadline_s
    while "Ready in" not in (logs / "cloud.log").read_text():
        if supervisor.poll() is not None or time.monotonic() > end:
            raise CloudError((logs / "cloud.log").read_text().strip())
        time.sleep(WATCH_INTERVAL_S / 5)
    _console.print(_table(data.resolve()))
    stop = f"{command()} local down --data {data}"
    _console.print(f"Running in the background. Stop it with:  {stop}", markup=False, soft_wrap=True)


def _settings(pairs: list[str]) -> dict[str, str]:
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise ValueError(f"--setting takes NAME=VALUE, not {pair!r}")
        settings[name] = value
    return settings


def _raise_stopped(_: int, __: FrameType | None) -> None:
    raise _Stopped
