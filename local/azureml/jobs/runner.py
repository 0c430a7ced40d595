"""Runs queued jobs as processes of this machine, a few at a time per compute.

A job's process ends with the server. After a restart the job is run again from the queue, like a job on a node that
was taken away. A job that was interrupted too often fails.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.azureml.jobs import processes
from local.azureml.jobs.preparation import Launch, Preparation
from local.azureml.jobs.warm import WarmPool
from local.azureml.service.call import Service
from local.azureml.service.config import Scope
from local.azureml.service.job_records import CANCEL_REQUESTED, limit_s
from local.conventions import stop_if_broken

_log = logging.getLogger("local.azureml.jobs.runner")
_ATTEMPTS = 3


class _Ended(Exception):
    """A job is over before it completed: the status it ends with, and why."""

    def __init__(self, status: str, reason: str | None = None) -> None:
        super().__init__(reason or status)
        self.status = status
        self.reason = reason


@dataclass
class _Active:
    compute: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Runner:
    """Takes jobs from the queue and sees them through."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._store = service.store
        self._preparation = Preparation(service)
        self._active: dict[str, _Active] = {}
        self._warm = WarmPool(service.data)
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look for jobs to start: one was queued, or a node became free."""
        self._wake.set()

    def recover(self) -> None:
        """Put the jobs that were running when the last server ended back into the queue."""
        for row in self._store.rows("SELECT * FROM runs WHERE state = 'Active'"):
            if row["pid"] and processes.kill_survivor(row["pid"], row["pid_started"]):
                _log.warning("killed process %d of job %s, left by an earlier server", row["pid"], row["job"])
            spec = json.loads(row["spec"])
            workspace, name = self._named(spec)
            status = self._service.jobs.get(workspace, name)["properties"]["status"]
            with self._store.transaction():
                if status == CANCEL_REQUESTED:
                    self._finish(row["job"], workspace, name, "Canceled", None)
                elif row["attempt"] >= _ATTEMPTS:
                    reason = f"The compute was restarted {row['attempt']} times while the job ran."
                    self._finish(row["job"], workspace, name, "Failed", reason)
                else:
                    self._service.jobs.set_status(workspace, name, "Queued")
                    self._store.write("UPDATE runs SET state = 'Queued', pid = NULL WHERE job = ?", row["job"])

    async def run(self) -> None:
        """Start jobs whenever a node is free, until cancelled; then the running processes are ended."""
        try:
            while True:
                self._wake.clear()
                self._start_waiting()
                await self._wake.wait()
        finally:
            tasks = [active.task for active in self._active.values() if active.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._warm.close()

    async def stop(self, job: str) -> None:
        """End a job, running or waiting, and return when it is over."""
        if active := self._active.get(job):
            active.stop.set()
            if active.task:
                await asyncio.wait({active.task})
            return
        row = self._store.row("SELECT spec FROM runs WHERE job = ? AND state = 'Queued'", job)
        if row:
            workspace, name = self._named(json.loads(row["spec"]))
            with self._store.transaction():
                self._finish(job, workspace, name, "Canceled", None)

    def _start_waiting(self) -> None:
        busy = Counter(active.compute for active in self._active.values())
        for row in self._store.rows("SELECT * FROM runs WHERE state = 'Queued' ORDER BY seq"):
            compute = row["compute"].lower()
            if busy[compute] >= self._service.settings.nodes_per_compute:
                continue
            busy[compute] += 1
            active = self._active[row["job"]] = _Active(compute=compute)
            active.task = asyncio.create_task(
                self._see_through(row["job"], json.loads(row["spec"]), active), name=f"job {row['job']}"
            )
            active.task.add_done_callback(stop_if_broken)

    async def _see_through(self, job: str, spec: Mapping[str, Any], active: _Active) -> None:
        workspace, name = self._named(spec)
        status, reason = "Completed", None
        try:
            with self._store.transaction():
                self._store.write("UPDATE runs SET state = 'Active', attempt = attempt + 1 WHERE job = ?", job)
                self._service.jobs.set_status(workspace, name, "Preparing")
            launch = await self._preparation.launch(workspace, name, spec)
            await self._execute(job, workspace, name, launch, active, limit_s(spec))
            with self._store.transaction():
                self._service.jobs.set_status(workspace, name, "Finalizing")
            await self._preparation.publish(workspace, name, launch)
        except _Ended as ended:
            status, reason = ended.status, ended.reason
        except Exception as problem:  # whatever it was, the job ends, and its log says why
            _log.exception("job %s failed before or after its process", job)
            status, reason = "Failed", f"{type(problem).__name__}: {problem}"
            self._log_failure(workspace, name, reason)
        with self._store.transaction():
            self._finish(job, workspace, name, status, reason)
        del self._active[job]
        self.wake()

    async def _execute(
        self, job: str, workspace: Scope, name: str, launch: Launch, active: _Active, longest_s: float
    ) -> None:
        """Run the process to its end. Raises `_Ended` unless it exits with 0 in time."""
        process = await self._start(launch)
        grace_s = processes.GRACE_S
        try:
            with self._store.transaction():
                self._store.write(
                    "UPDATE runs SET pid = ?, pid_started = ? WHERE job = ?",
                    process.pid, processes.started_at(process.pid), job,
                )  # fmt: skip
                self._service.jobs.set_status(workspace, name, "Running")
            processes.open_gate(process)
            exited, stopped = asyncio.create_task(process.wait()), asyncio.create_task(active.stop.wait())
            over, _ = await asyncio.wait({exited, stopped}, timeout=longest_s, return_when="FIRST_COMPLETED")
            stopped.cancel()
        except asyncio.CancelledError:
            grace_s = processes.SHUTDOWN_GRACE_S
            raise
        finally:
            await processes.end(process, grace_s)
        if active.stop.is_set():
            raise _Ended("Canceled")
        if not over:  # what it says when it is told to end is not its result
            raise _Ended("Canceled", f"The job ran longer than {longest_s:g} s.")
        if code := exited.result():
            raise _Ended("Failed", self._why(launch, code))

    async def _start(self, launch: Launch) -> processes.JobProcess:
        """The job's process at its gate: forked from a warm template where that is possible, else a fresh one."""
        cwd, variables, logs = launch.cwd, launch.variables, launch.logs
        if launch.warm:
            forked = await self._warm.start_gated(launch.warm, cwd=cwd, variables=variables, logs=logs)
            if forked:
                return forked
        return await processes.start_gated(launch.command, cwd=cwd, variables=variables, logs=logs)

    def _finish(self, job: str, workspace: Scope, name: str, status: str, reason: str | None) -> None:
        self._service.jobs.set_status(workspace, name, status, error=reason)
        self._store.write("UPDATE runs SET state = 'Done', pid = NULL WHERE job = ?", job)

    def _log_failure(self, workspace: Scope, name: str, reason: str) -> None:
        logs = self._service.jobs.folder(workspace, name) / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "stderr.txt").open("a", encoding="utf-8") as log:
            log.write(reason + "\n")

    @staticmethod
    def _why(launch: Launch, code: int) -> str:
        """The last line of the process's log, which for Python is the exception."""
        lines = (launch.logs / "stderr.txt").read_text("utf-8", errors="replace").strip().splitlines()
        return f"The process ended with exit code {code}" + (f": {lines[-1]}" if lines else ".")

    def _named(self, spec: Mapping[str, Any]) -> tuple[Scope, str]:
        return self._service.settings.workspaces[spec["workspace"]], str(spec["job"])
