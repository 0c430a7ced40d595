"""What a completed batch job produced, judged: the one way for all who ask whether a job did its work."""

from collections.abc import Mapping
from datetime import date

from shared.application.errors import PlatformRefused
from shared.application.platform_ports import ModelPlatform, Place
from shared.domain.predictions import Judged, PredictionQuality, judged, ranges_of
from shared.domain.release.model import DeploymentSpec


async def output_of_circuit(
    platform: ModelPlatform,
    place: Place,
    job_name: str,
    circuit: tuple[str, str],
    *,
    tags: Mapping[str, str],
    day: date | None = None,
) -> Judged:
    """Judges what the job predicted for a circuit, named by the ids of its plant and its own: for `day`, without one
    for the latest day. `tags` are those of its deployment. A file that cannot be read is unclear. Raises the other
    Platform* errors: ask again later."""
    try:
        found = await platform.predictions(place, job_name, *circuit, day)
    except PlatformRefused as error:
        return Judged(quality=PredictionQuality.UNCLEAR, told=str(error))
    return judged(found, ranges_of(tags), day)


async def output_of(platform: ModelPlatform, place: Place, job_name: str, spec: DeploymentSpec) -> Judged:
    """The same for the circuit that a deployment is for."""
    plant_id, circuit_id = spec.circuit_ids or ("", "")
    return await output_of_circuit(platform, place, job_name, (plant_id, circuit_id), tags=spec.tags)
