"""Online endpoints as the application sees them, beside the rest of Azure ML in `platform_ports`.

Every method may raise the Platform* errors of `errors`, and nothing else on purpose.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.application.platform_ports import Place
from shared.domain.online.model import EndpointFound, Shares, SlotSpec


@dataclass(frozen=True, kw_only=True)
class ComparisonJob:
    """The candidate compared with the `baseline`, both by their asset ids; without a baseline there is nothing to
    compare it with. `job_name` is 1 to 255 small letters, digits, `-` and `_`; `script` is in the app's folder `code`.
    """

    job_name: str
    candidate: str
    baseline: str
    code: str
    script: str
    environment: str
    compute: str
    data_uri: str


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The answer to one request. `slot` answered it, in Azure ML's words; `latency_ms` is the time from sending the
    request to the whole answer. Status 0 says that there was no answer in time."""

    status: int
    slot: str
    latency_ms: float
    body: bytes = b""


class OnlinePlatform(Protocol):
    """Online endpoints of the dev and the production workspace, and the comparison in dev."""

    async def get_endpoint(self, place: Place, endpoint_name: str) -> EndpointFound | None:
        """Reads the endpoint with all of its deployments; None when there is none."""

    async def put_slot(self, place: Place, spec: SlotSpec) -> None:
        """Submits the deployment, which gets no traffic, and returns when Azure ML accepted it. An endpoint that is
        missing is made first, and PlatformBusy raised while it is; also while another operation runs on it."""

    async def delete_slot(self, place: Place, endpoint_name: str, slot: str) -> None:
        """Submits the deletion; PlatformRefused for a slot with traffic. One that is not there is deleted."""

    async def set_traffic(self, place: Place, endpoint_name: str, traffic: Shares, mirror: Shares) -> None:
        """Submits the distribution of the endpoint's requests, live and mirrored, and leaves everything else of it."""

    async def score(self, place: Place, endpoint_name: str, slot: str, request: bytes, timeout_s: float) -> Scored:
        """Sends one request, to this slot or, where that is empty, wherever the traffic has it go. What the model or
        the endpoint answers is an answer; PlatformBlocked without a right or an endpoint."""

    async def submit_comparison(self, job: ComparisonJob) -> None:
        """Submits the job in the dev workspace. The same job again is a success and runs once."""

    async def read_comparison(self, job_name: str) -> dict[str, Any]:
        """What a completed comparison left in `metrics/comparison.json`: a JSON object of at most 256 KiB.
        PlatformRefused when it is missing, too large or no such object."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One request of a held set, as it is sent, and the answers that are right."""

    request: bytes
    expected: tuple[float, ...] = field(default=())


class HeldSets(Protocol):
    """Requests whose right answers are known, kept apart from training."""

    def __call__(self, path: str, /) -> Sequence[Sample]:
        """Those of the file `path` of the app, in its order. Raises PlatformRefused, which says what is wrong."""
