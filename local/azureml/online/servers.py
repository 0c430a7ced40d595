"""The processes behind online deployments: one each, with a listening socket of this machine.

A process is started when its deployment is created or updated, and the one it replaces ends when it has answered what
it had begun. After a restart of this server, or when a process died, the next request starts it again. It ends with
this server, however that ends (`../jobs/job_guard.py`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from local.azureml.jobs import processes
from local.azureml.service.errors import ArmError
from local.conventions import LOOPBACK, stop_if_broken

_log = logging.getLogger("local.azureml.online")
_DRIVER = Path(__file__).with_name("driver.py")
_LONGEST_START_S = (
    300.0  # ten times the documented initial delay plus period of the probes: TensorFlow on a busy machine
)
_LONGEST_DRAIN_S = 180.0  # the longest request time-out that Azure Machine Learning allows
_BACKLOG = 100


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a deployment's process needs; `slots` is how many requests it works on at once, over all its instances."""

    scoring_script: Path
    cwd: Path
    variables: dict[str, str]
    logs: Path
    slots: int
    timeout_s: float


class Gone(Exception):
    """The process ended before it answered."""


@dataclass
class Server:
    """A running process. At most twice its slots may be pending, as documented."""

    plan: Plan
    process: processes.JobProcess
    client: httpx.AsyncClient
    pending: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.plan.slots)
        self.idle.set()

    async def ready(self) -> None:
        """Wait for the first answer, which comes after `init()`. Raises `Gone`."""
        try:
            await self.client.get("/", timeout=_LONGEST_START_S)
        except httpx.HTTPError as problem:
            raise Gone from problem

    async def score(self, body: bytes, content_type: str) -> httpx.Response:
        """The model's own answer. Raises `ArmError` 429 or 408, `Gone`."""
        if self.pending >= 2 * self.plan.slots:
            raise ArmError(429, "TooManyRequests", "Too many pending requests.")
        self.pending += 1
        self.idle.clear()
        try:
            async with asyncio.timeout(self.plan.timeout_s), self.slots:
                return await self.client.post("/score", content=body, headers={"content-type": content_type})
        except TimeoutError as problem:
            raise ArmError(408, "RequestTimeout", f"The model took longer than {self.plan.timeout_s:g} s.") from problem
        except httpx.HTTPError as problem:
            raise Gone from problem
        finally:
            self.pending -= 1
            if not self.pending:
                self.idle.set()

    async def end(self, grace_s: float = processes.GRACE_S) -> None:
        await processes.end(self.process, grace_s)
        await self.client.aclose()


class Servers:
    """The process of each deployment, by the deployment's id in lower case."""

    def __init__(self) -> None:
        self._running: dict[str, Server] = {}
        self._starting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ending: set[asyncio.Task[None]] = set()

    async def replace(self, deployment: str, plan: Plan) -> None:
        """Start a process and give it the requests of the one before. Raises `Gone`; then nothing has changed."""
        key = deployment.lower()
        async with self._starting[key]:
            server = await _started(plan)
            if old := self._running.get(key):
                self._retire(old)
            self._running[key] = server

    async def server_of(self, deployment: str, plan: Callable[[], Awaitable[Plan]]) -> Server:
        """The process of a deployment, started if it does not run. Raises `Gone`.

        Nobody waits for an update: the old process answers until the new one does.
        """
        key = deployment.lower()
        if server := self._alive(key):
            return server
        async with self._starting[key]:
            if server := self._alive(key):
                return server
            if dead := self._running.pop(key, None):
                _log.warning("the process of %s ended with %s", deployment, dead.process.returncode)
                self._retire(dead)
            server = self._running[key] = await _started(await plan())
            return server

    def end_below(self, arm_id: str) -> None:
        """Send no more requests to the processes of a deployment or an endpoint; end each once it has answered."""
        key = arm_id.lower()
        for deployment in [name for name in self._running if name == key or name.startswith(key + "/")]:
            self._retire(self._running.pop(deployment))

    async def close(self) -> None:
        """End all processes; called when the server ends."""
        for task in self._ending:
            task.cancel()
        everything = [server.end(processes.SHUTDOWN_GRACE_S) for server in self._running.values()]
        await asyncio.gather(*everything, *self._ending, return_exceptions=True)

    def _alive(self, key: str) -> Server | None:
        server = self._running.get(key)
        return server if server and server.process.returncode is None else None

    def _retire(self, server: Server) -> None:
        task = asyncio.create_task(_drained(server), name="end of an online deployment's process")
        task.add_done_callback(self._ending.discard)
        task.add_done_callback(stop_if_broken)
        self._ending.add(task)


async def _started(plan: Plan) -> Server:
    """A process that answers. Raises `Gone` if it ended instead."""
    plan.logs.mkdir(parents=True, exist_ok=True)
    plan.cwd.mkdir(parents=True, exist_ok=True)
    with socket.create_server((LOOPBACK, 0), backlog=_BACKLOG) as listener:
        specification = {"scoring_script": str(plan.scoring_script), "socket": listener.fileno()}
        process = await processes.start_gated(
            [sys.executable, "-P", str(_DRIVER), json.dumps(specification)],
            cwd=plan.cwd, variables=plan.variables, logs=plan.logs, keep=[listener.fileno()],
        )  # fmt: skip
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = httpx.AsyncClient(base_url=url, timeout=None, trust_env=False)  # the plan's time-out is around it  # nosec B113
    server = Server(plan, process, client)
    processes.open_gate(process)
    try:
        await server.ready()
    except BaseException:
        await server.end(processes.SHUTDOWN_GRACE_S)
        raise
    return server


async def _drained(server: Server) -> None:
    grace_s = processes.GRACE_S
    try:
        async with asyncio.timeout(_LONGEST_DRAIN_S):
            await server.idle.wait()
    except TimeoutError:
        _log.warning("a replaced process still had %d requests", server.pending)
    except asyncio.CancelledError:
        grace_s = processes.SHUTDOWN_GRACE_S
        raise
    finally:
        await server.end(grace_s)
