"""Every three hours: have the window's load submitted, and tell what became of the one before."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.application.errors import PlatformRefused
from shared.application.ports import Clock, FactPublisher, FindingLog, OwnFinding
from shared.domain.etl.load import Finding, LoadSummary, before, job_name, judge, window_of
from shared.domain.job_ends import JobSeen

log = logging.getLogger(__name__)

ALERT_RAISED = "switchyard.alert.raised"
RULE = "sensor-etl"
REASON_CHARS_MAX = 2000


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """What all loads have in common. `table` is where the job writes, `raw_uri` where it reads; `features` are the
    columns that every raw file must have. `environment` is an asset id of the registry, its version included."""

    environment: str
    compute: str
    raw_uri: str
    table: str
    features: tuple[str, ...]
    job_limit_s: int


class LoadPlatform(Protocol):
    """Azure ML's production workspace, as the load needs it. Raises the Platform* errors."""

    async def submit(self, job_name: str, plan: LoadPlan) -> None:
        """Submits the job; one of that name that is there is a success, whatever plan it has. After PlatformErrored it
        may be there or not: submitting again settles that."""

    async def get_job(self, job_name: str) -> JobSeen | None:
        """The job; None when there is none."""

    async def summary(self, job_name: str) -> LoadSummary:
        """What the load's report says. Raises PlatformRefused when there is none or it cannot be understood."""


@dataclass(frozen=True, kw_only=True)
class LoadPorts:
    """Everything the load needs; built by `shared.bootstrap`, and by tests from fakes."""

    clock: Clock
    platform: LoadPlatform
    facts: FactPublisher
    findings: FindingLog
    plan: LoadPlan


async def run_window(ports: LoadPorts) -> str:
    """Submit the load of this moment's window and return its job's name; doing it again changes nothing.

    The window before is told of even when this one cannot be submitted. Raises PortError when either of them fails: the
    host tries again, and what was done stays done.
    """
    window = window_of(ports.clock.now())
    name = job_name(window)
    try:
        await ports.platform.submit(name, ports.plan)
        log.info("load %s is submitted", name)
    finally:
        await _tell_of(before(window), ports)
    return name


async def _tell_of(window: datetime, ports: LoadPorts) -> None:
    """What people should hear of a window."""
    name = job_name(window)
    finding = await _finding(name, ports)
    if finding is not None:
        await _raise(name, window, finding, ports)


async def _finding(name: str, ports: LoadPorts) -> Finding | None:
    job = await ports.platform.get_job(name)
    if job is None:
        return judge(None, "", None)
    summary: LoadSummary | None = None
    try:
        summary = await ports.platform.summary(name)
    except PlatformRefused as error:
        log.info("load %s has no report: %s", name, error)
    return judge(job.status, job.detail, summary)


async def _raise(name: str, window: datetime, finding: Finding, ports: LoadPorts) -> None:
    """As every other alert is raised; the id follows from window and end, so that telling twice says it once."""
    log.warning("load %s ended as %s: %s", name, finding.end.value, finding.reason)
    data = {
        "rule": RULE,
        "severity": str(finding.severity),
        "job_name": name,
        "window": window.isoformat(),
        "end": finding.end.value,
        "reason": finding.reason[:REASON_CHARS_MAX],
    }
    own = OwnFinding(
        finding_id=f"{name}-{finding.end.value}",
        rule=RULE,
        severity=finding.severity,
        found_at=ports.clock.now(),
        record=f"job {name}",
    )
    await ports.findings.report(own)
    await ports.facts.publish(f"{name}-{finding.end.value}", ALERT_RAISED, f"etl/{name}", data, ports.clock.now())
