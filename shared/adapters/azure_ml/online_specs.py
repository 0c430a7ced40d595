"""An online deployment as an entity of the Azure ML client, and back: what is read back must be what was put."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.adapters.azure_ml.clients import AzureMlScope
from shared.adapters.azure_ml.specs import check_asset, code_of, reference_of
from shared.adapters.azure_ml.values import number, texts, word
from shared.domain.online.model import EndpointFound, SlotFound, SlotSpec

if TYPE_CHECKING:
    from azure.ai.ml.entities import ManagedOnlineDeployment, OnlineDeployment, OnlineEndpoint

TIMEOUT_DEFAULT_MS = 5000


def entity_of(spec: SlotSpec, scope: AzureMlScope, workspace: str) -> "ManagedOnlineDeployment":
    """Raises PlatformRefused for a reference to anything outside the registry, the workspace and the app."""
    from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment, OnlineRequestSettings

    for reference in (spec.model, spec.environment):
        check_asset(reference, scope, workspace)
    return ManagedOnlineDeployment(
        name=spec.slot,
        endpoint_name=spec.endpoint_name,
        model=spec.model,
        environment=spec.environment,
        code_configuration=CodeConfiguration(
            code=code_of(spec.code, scope, workspace), scoring_script=spec.scoring_script
        ),
        instance_type=spec.instance_type,
        instance_count=spec.instance_count,
        request_settings=OnlineRequestSettings(
            request_timeout_ms=spec.request_timeout_ms, max_concurrent_requests_per_instance=spec.concurrent_max
        ),
        environment_variables=dict(spec.environment_variables),
        tags=dict(spec.tags),
    )


def found_of(endpoint: "OnlineEndpoint", deployments: "Iterable[OnlineDeployment]") -> EndpointFound:
    """An endpoint that was read back, with everything on it."""
    name = str(endpoint.name)
    return EndpointFound(
        provisioning=word(endpoint.provisioning_state) or "Unknown",
        traffic={str(slot): int(share) for slot, share in (endpoint.traffic or {}).items()},
        mirror={str(slot): int(share) for slot, share in (endpoint.mirror_traffic or {}).items()},
        slots=tuple(
            SlotFound(spec=spec_of(each, name), provisioning=word(each.provisioning_state) or "Unknown")
            for each in deployments
        ),
    )


def spec_of(deployment: "OnlineDeployment", endpoint_name: str) -> SlotSpec:
    """What a deployment that was read back is, in full; the service's defaults stand where it says nothing."""
    code, requests = deployment.code_configuration, deployment.request_settings
    return SlotSpec(
        endpoint_name=endpoint_name,
        slot=str(deployment.name),
        model=reference_of(deployment.model),
        environment=reference_of(deployment.environment),
        code=reference_of(code.code) if code else "",
        scoring_script=str(code.scoring_script) if code else "",
        instance_type=str(deployment.instance_type or ""),
        instance_count=number(deployment.instance_count, 1),
        request_timeout_ms=number(requests.request_timeout_ms if requests else None, TIMEOUT_DEFAULT_MS),
        concurrent_max=number(requests.max_concurrent_requests_per_instance if requests else None, 1),
        environment_variables=texts(deployment.environment_variables),
        tags=texts(deployment.tags),
    )
