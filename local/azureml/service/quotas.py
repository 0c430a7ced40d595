"""How many endpoints and deployments a subscription may have in a region.

"Manage and increase quotas": 100 endpoints, 500 deployments, 20 deployments per endpoint; the limits are regional and
are raised on request, which here is `PUT /control/quotas`. Batch and online endpoints are counted apart. Every
workspace of this server is in one subscription and one region.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from local.azureml.service.errors import ArmError
from local.azureml.service.store import Store

_SETTING = "quotas"


class Quotas(BaseModel):
    """The limits in force, for each kind of endpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoints: int = Field(default=100, ge=0)
    deployments: int = Field(default=500, ge=0)
    deployments_per_endpoint: int = Field(default=20, ge=0)


def quotas_of(store: Store) -> Quotas:
    """The documented limits, or those that were asked for."""
    stored = store.setting(_SETTING)
    return Quotas.model_validate_json(stored) if stored else Quotas()


def change(store: Store, quotas: Quotas) -> None:
    """Replace the limits; part of the caller's transaction. Endpoints and deployments beyond the new limits stay."""
    store.set_setting(_SETTING, quotas.model_dump_json())


def check_endpoint(store: Store, kind: str) -> None:
    """Raises `ArmError` if there is no room for one more endpoint; `kind` is `batchEndpoints` or `onlineEndpoints`."""
    limit = quotas_of(store).endpoints
    if store.count_like(f"/subscriptions/%/{kind}") >= limit:
        raise _exceeded(f"The subscription has {limit} {kind} in this region, which is the limit.")


def check_deployment(store: Store, kind: str, endpoint: str) -> None:
    """Raises `ArmError` if there is no room for one more deployment of the endpoint with this id."""
    quotas = quotas_of(store)
    if store.count(f"{endpoint}/deployments") >= quotas.deployments_per_endpoint:
        raise _exceeded(
            f"Endpoint {endpoint.rpartition('/')[2]} has {quotas.deployments_per_endpoint} deployments, which is the "
            "limit. Delete one, or use another endpoint."
        )
    if store.count_like(f"/subscriptions/%/{kind}/%/deployments") >= quotas.deployments:
        raise _exceeded(
            f"The subscription has {quotas.deployments} deployments of {kind} in this region, which is the limit."
        )


def _exceeded(message: str) -> ArmError:
    return ArmError(400, "OutOfQuota", message)
