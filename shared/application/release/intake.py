"""What comes in from Azure ML: a hint becomes an event of a release, or is recorded with the reason why not (I13)."""

from datetime import datetime

from shared.application.ids import release_id_of
from shared.application.ports import IntakeResult
from shared.application.release.ports import Ports
from shared.domain.release.events import ModelRegistered, TestRunChanged


async def model_registered(
    intake_id: str, workspace: str, model_name: str, model_version: str, at: datetime, ports: Ports
) -> str:
    """Puts ModelRegistered on the queue of its release and returns the release's id."""
    release_id = release_id_of(workspace, model_name, model_version)
    event = ModelRegistered(
        event_id=f"eg-{intake_id}",
        release_id=release_id,
        occurred_at=at,
        workspace=workspace,
        model_name=model_name,
        model_version=model_version,
    )
    await ports.events.publish(event)
    return release_id


async def run_changed(intake_id: str, job_name: str, at: datetime, ports: Ports) -> str | None:
    """Hints the release of a test job to look; a run that belongs to no release is ignored."""
    release_id = await ports.test_jobs.release_of(job_name)
    if release_id is None:
        return None
    event = TestRunChanged(event_id=f"eg-{intake_id}", release_id=release_id, occurred_at=at, job_name=job_name)
    await ports.events.publish(event)
    return release_id


async def record_unused(intake_id: str, result: IntakeResult, subject: str, reason: str, ports: Ports) -> None:
    """Keeps what led to no event, with the reason."""
    await ports.intake.record(intake_id, result, subject, reason, ports.clock.now())
