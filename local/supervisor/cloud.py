"""The local cloud as one object: starts, watches and stops Azurite and the parts, each a process of its own.

    with LocalCloud(Path(".local")) as cloud:
        httpx.get(cloud.urls["api"])

`python -m local.cloud up|down|status` is the same from a terminal (command_line.py). Rules for the parts:
docs/local-cloud-contract.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import httpx

from local.conventions import LOOPBACK
from local.supervisor.ledger import Ledger
from local.supervisor.parts import PARTS, REPOSITORY, Layout, PartSpec, accepts_connections, choose_ports, is_free
from local.supervisor.process import POLL_S, PartProcess, ProcessRecord
from local.supervisor.settings import (
    FACTS_FILE,
    app_settings,
    redirect_targets,
    write_eventgrid_config,
    write_policies,
    write_settings,
)
from local.supervisor.typed import command

START_DEADLINE_S = 60.0
HEALTH_TIMEOUT_S = 2.0


class CloudError(RuntimeError):
    """A part did not do what was asked of it; the message says which, why, and where its log is."""


class LocalCloud:
    """One local cloud in one data directory. Not safe for use from several threads at once.

    `parts`: a subset by name; the default is all. `app`: directory of the function app. `lake`: the folder that
    stands for the data lake. `host_port`: preferred at the first start, if free. `extra_settings`: added to the
    app settings. `part_options`: more command-line options by part.
    """

    def __init__(
        self,
        data: Path,
        *,
        parts: Iterable[str] = tuple(PARTS),
        app: Path = REPOSITORY,
        lake: Path | None = None,
        host_port: int | None = None,
        extra_settings: Mapping[str, str] | None = None,
        part_options: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.data = data.resolve()
        self.data.mkdir(parents=True, exist_ok=True)
        chosen = set(parts)
        if unknown := chosen - PARTS.keys():
            raise ValueError(f"unknown parts {sorted(unknown)}: choose from {', '.join(PARTS)}")
        self.parts = tuple(name for name in PARTS if name in chosen)
        preferred = {"host": host_port} if host_port else None
        self.layout = Layout(
            data=self.data,
            app=app.resolve(),
            lake=(lake or self.data / "lake").resolve(),
            ports=choose_ports(self.data / "ports.json", preferred=preferred),
        )
        self._extra_settings = dict(extra_settings or {})
        self._part_options = dict(part_options or {})
        self._running: dict[str, PartProcess] = {}
        self._ledger_file = self.data / "pids.json"

    @classmethod
    def running(cls, data: Path) -> LocalCloud:
        """The local cloud that another process runs in `data`, to be used, not to be started or stopped.

        Raises `CloudError` if there is none.
        """
        supervisor = Ledger.read(data / "pids.json").supervisor
        if supervisor is None or not supervisor.running():
            raise CloudError(f"No local cloud runs in {data}: start it with `make up`.")
        return cls(data)

    # Addresses

    @property
    def urls(self) -> dict[str, str]:
        """Base URLs: one per part, and `api` for the routes of the app."""
        urls = {name: self.layout.url(name) for name in ("identity", "eventgrid", "azureml", "mailbox", "host")}
        return {
            "blob": self.layout.blob_endpoint,
            "servicebus": f"sb://{LOOPBACK}:{self.layout.ports['servicebus']}",
            **urls,
            "api": f"{urls['host']}/api/",
        }

    @property
    def facts_file(self) -> Path:
        """One published fact per line."""
        return self.data / FACTS_FILE

    @property
    def redirect_targets(self) -> dict[str, str]:
        """For `local.redirect.install` in a process that uses the SDKs."""
        return redirect_targets(self.layout)

    def env(self) -> dict[str, str]:
        """Environment of an app or SDK process, to be laid over os.environ: the app settings of the host."""
        return {**app_settings(self.layout), **self._extra_settings, **_no_proxy()}

    # Life

    def start(self, *, deadline_s: float = START_DEADLINE_S) -> None:
        """Start all parts at once and wait until they serve. Ends what an earlier run left behind.

        Raises `CloudError`; for ports that another program has, before anything is started.
        """
        self.end_leftovers()
        self._check_ports()
        for directory in (self.data / "azurite", self.layout.lake / "raw"):
            directory.mkdir(parents=True, exist_ok=True)
        write_settings(self.layout, self._extra_settings)
        write_policies(self.layout)
        write_eventgrid_config(self.layout, with_host="host" in self.parts)
        try:
            self._start(self.parts, deadline_s)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the host, then the other parts together, then the storage. Harmless when nothing runs."""
        others = [name for name in self._running if name not in ("host", "azurite")]
        for wave in (["host"], others, ["azurite"]):
            self._stop([name for name in wave if name in self._running])

    def start_part(self, name: str, *, deadline_s: float = START_DEADLINE_S) -> None:
        """Start one part on its port and data, and wait until it serves."""
        if name in self._running and self._running[name].exit_status is None:
            raise CloudError(f"{name} is running already: stop_part or restart it.")
        self._start([name], deadline_s)

    def stop_part(self, name: str) -> None:
        """SIGTERM, and wait for the end."""
        self._stop([name])

    def restart(self, name: str) -> None:
        self.stop_part(name)
        self.start_part(name)

    def kill(self, name: str) -> None:
        """SIGKILL, as if the machine had lost the process; `start_part` brings it back."""
        if not PARTS[name].may_be_killed:
            raise ValueError(f"{name} loses data when it is killed: use stop_part, which lets it write its files.")
        self._running.pop(name).kill()
        self._write_ledger()

    def __enter__(self) -> LocalCloud:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Health

    def dead_parts(self) -> dict[str, int]:
        """Parts that ended without being asked to, with their exit status (negative: the signal)."""
        states = {name: process.exit_status for name, process in self._running.items()}
        return {name: status for name, status in states.items() if status is not None}

    def problems(self) -> dict[str, str]:
        """What keeps started parts from serving, by part; empty when all is well."""
        found = {name: self._problem(name) for name in self._running}
        return {name: problem for name, problem in found.items() if problem}

    def wait_healthy(self, deadline_s: float = START_DEADLINE_S) -> None:
        """Wait until every started part serves. Raises `CloudError` that names those which do not."""
        end = time.monotonic() + deadline_s
        while problems := self.problems():
            if time.monotonic() > end:
                raise CloudError(f"Not healthy after {deadline_s:g} s: {problems}")
            time.sleep(POLL_S)

    def log(self, name: str) -> Path:
        return self.data / "logs" / f"{name}.log"

    def _problem(self, name: str) -> str | None:
        process = self._running[name]
        if process.exit_status is not None:
            return f"ended with status {process.exit_status}"
        if not self._ready(PARTS[name], process):
            return "does not serve yet"
        return http_problem(self.layout.url(name)) if PARTS[name].speaks_http else None

    # Starting and stopping

    def end_leftovers(self) -> None:
        """End what an earlier run left behind. Raises `CloudError` if the directory is in use."""
        ledger = Ledger.read(self._ledger_file)
        if ledger.supervisor and ledger.supervisor.running() and ledger.supervisor.pid != os.getpid():
            raise CloudError(
                f"{self.data} is in use by process {ledger.supervisor.pid}: stop it with "
                f"`{command()} local down --data {self.data}`, or choose another directory with --data."
            )
        if left := ledger.end_parts():
            raise CloudError(f"Parts of an earlier run do not end: {left}; see pids.json in {self.data}.")

    def _check_ports(self) -> None:
        ports = self.layout.ports
        needed = [(name, ports[port]) for name in self.parts for port in PARTS[name].ports]
        taken = [f"{port} ({name})" for name, port in needed if not is_free(port)]
        if taken:
            raise CloudError(
                f"Another program has port {', '.join(taken)}: end it, or delete {self.data / 'ports.json'}, "
                "and free ports are chosen."
            )

    def _start(self, names: Iterable[str], deadline_s: float) -> None:
        """Start parts as soon as the ones they wait for serve; returns when all do."""
        end = time.monotonic() + deadline_s
        waiting, starting = list(names), list[str]()
        while waiting or starting:
            for name in [name for name in waiting if self._may_start(name, waiting, starting)]:
                self._spawn(PARTS[name])
                waiting.remove(name)
                starting.append(name)
            starting = [name for name in starting if not self._ready(PARTS[name], self._running[name])]
            for name in starting:
                self._check_start(name)
            if time.monotonic() > end:
                raise CloudError(f"Not serving after {deadline_s:g} s: {starting + waiting}. {self._logs(starting)}")
            time.sleep(POLL_S)

    @staticmethod
    def _may_start(name: str, waiting: Sequence[str], starting: Sequence[str]) -> bool:
        return not any(needed in waiting or needed in starting for needed in PARTS[name].after)

    def _spawn(self, spec: PartSpec) -> None:
        words = [*spec.command(self.layout), *self._part_options.get(spec.name, ())]
        # The Azure ML client would run git five times for each job, to note what this checkout is; Azure has none.
        environment = {**os.environ, **_no_proxy(), "PYTHONUNBUFFERED": "1", "GIT_DIR": os.devnull}
        logs = self.data / "logs"
        self._running[spec.name] = PartProcess(spec.name, words, cwd=REPOSITORY, env=environment, logs=logs)
        self._write_ledger()

    def _ready(self, spec: PartSpec, process: PartProcess) -> bool:
        if not spec.announces:
            return all(accepts_connections(self.layout.ports[port]) for port in spec.ports)
        return bool((process.readiness() or {}).get("ready"))

    def _check_start(self, name: str) -> None:
        process = self._running[name]
        if refusal := (process.readiness() or {}).get("error"):
            raise CloudError(f"{name} cannot serve: {refusal} Its log is {process.log}.")
        if process.exit_status is not None:
            raise CloudError(
                f"{name} ended with status {process.exit_status} while starting. If its port is taken, free it or "
                f"delete {self.data / 'ports.json'}. {self._logs([name])}"
            )

    def _logs(self, names: Iterable[str]) -> str:
        return "\n".join(
            f"--- {self._running[name].log}\n{self._running[name].log_tail()}"
            for name in names
            if name in self._running
        )

    def _stop(self, names: Sequence[str]) -> None:
        for name in names:
            self._running[name].request_end()
        for name in names:
            process, spec = self._running[name], PARTS[name]
            if not process.wait(spec.patience_s):
                if not spec.may_be_killed:
                    raise CloudError(f"{name} does not end after SIGTERM; it loses data if killed. See {process.log}.")
                process.kill()
            del self._running[name]
            self._write_ledger()

    def _write_ledger(self) -> None:
        supervisor = ProcessRecord.of(os.getpid()) if self._running else None
        Ledger(supervisor, {name: process.record for name, process in self._running.items()}).write(self._ledger_file)


def http_problem(base: str) -> str | None:
    """What is wrong with the health of a part that speaks HTTP, or None."""
    try:
        answer = httpx.get(f"{base}/health", timeout=HEALTH_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as problem:
        return f"{type(problem).__name__}: {problem}"
    return None if answer.status_code == httpx.codes.OK else f"/health answers {answer.status_code}"


def _no_proxy() -> dict[str, str]:
    """Loopback is never reached through a proxy, whatever the environment of the terminal says."""
    return {"NO_PROXY": f"{LOOPBACK},localhost", "no_proxy": f"{LOOPBACK},localhost"}
