"""A deployment specification as an entity of the Azure ML client, and back.

Reading back must give what was put, so that the two can be compared and what ran before can be restored: the service
answers with full ids and words of its own where the specification has names and the client's words.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.adapters.azure_ml.clients import AzureMlScope
from shared.adapters.azure_ml.values import number, texts, word
from shared.application.errors import PlatformRefused
from shared.domain.release.model import DeploymentSpec

if TYPE_CHECKING:
    from azure.ai.ml.entities import BatchDeployment, ModelBatchDeployment

ASSET_PREFIX = "azureml:"
OWN_PROPERTIES = ("azureasyncoperationuri",)
"""Properties that the service writes about its own operation; putting them back would be wrong."""


def entity_of(spec: DeploymentSpec, scope: AzureMlScope, workspace: str) -> "ModelBatchDeployment":
    """Raises PlatformRefused for a reference to anything outside the registry, the workspace and the app."""
    from azure.ai.ml.entities import (
        BatchRetrySettings,
        CodeConfiguration,
        ModelBatchDeployment,
        ModelBatchDeploymentSettings,
        ResourceConfiguration,
    )

    for reference in (spec.model, spec.environment):
        check_asset(reference, scope, workspace)
    settings = ModelBatchDeploymentSettings(
        mini_batch_size=spec.mini_batch_size,
        max_concurrency_per_instance=spec.max_concurrency_per_instance,
        output_action=spec.output_action,
        # the client refuses a file name for any other action
        output_file_name=spec.output_file_name if spec.output_action == "append_row" else None,
        retry_settings=BatchRetrySettings(max_retries=spec.retry_max_retries, timeout=spec.retry_timeout_s),
        environment_variables=dict(spec.environment_variables),
        error_threshold=spec.error_threshold,
        logging_level=spec.logging_level,
    )
    return ModelBatchDeployment(
        name=service_name(spec.deployment_name),
        endpoint_name=service_name(spec.endpoint_name),
        model=spec.model,
        environment=spec.environment,
        code_configuration=CodeConfiguration(code_of(spec.code, scope, workspace), spec.scoring_script),
        compute=spec.compute,
        resources=ResourceConfiguration(instance_count=spec.instance_count),
        settings=settings,
        description=spec.description,
        tags=dict(spec.tags),
        properties=dict(spec.properties),
    )


def spec_of(deployment: "BatchDeployment", endpoint_name: str, deployment_name: str) -> DeploymentSpec:
    """What a deployment that was read back is, in full; the service's defaults stand where it says nothing.

    The names are those it was asked for by, see `service_name`.
    """
    code, retries, resources = deployment.code_configuration, deployment.retry_settings, deployment.resources
    return DeploymentSpec(
        endpoint_name=endpoint_name,
        deployment_name=deployment_name,
        model=reference_of(deployment.model),
        environment=reference_of(deployment.environment),
        compute=reference_of(deployment.compute).rpartition("/")[2],
        code=reference_of(code.code) if code else "",
        scoring_script=str(code.scoring_script) if code else "",
        mini_batch_size=number(deployment.mini_batch_size, 10),
        instance_count=number(resources.instance_count if resources else None, 1),
        max_concurrency_per_instance=number(deployment.max_concurrency_per_instance, 1),
        error_threshold=number(deployment.error_threshold, -1),
        output_action=word(deployment.output_action) or "append_row",
        output_file_name=str(deployment.output_file_name or "predictions.csv"),
        retry_max_retries=number(retries.max_retries if retries else None, 3),
        retry_timeout_s=number(retries.timeout if retries else None, 30),
        logging_level=word(deployment.logging_level).lower() or "info",
        description=str(deployment.description or ""),
        environment_variables=texts(deployment.environment_variables),
        tags=texts(deployment.tags),
        properties={n: v for n, v in texts(deployment.properties).items() if n.lower() not in OWN_PROPERTIES},
    )


def service_name(name: str) -> str:
    """The name of an endpoint or deployment as the client writes it.

    Azure ML's names ignore case, and the client creates everything in lower case; but it looks for the deployment to
    invoke with regard to case, so `deployment-circuit-C001` (R-FLEET-4) would not be found as it is written.
    """
    return name.lower()


def check_asset(reference: str, scope: AzureMlScope, workspace: str) -> None:
    """Raises PlatformRefused for an asset of neither the registry nor the workspace."""
    allowed = (f"azureml://registries/{scope.registry}/".lower(), f"{scope.arm_id(workspace)}/".lower())
    if not reference.lower().startswith(allowed):
        raise PlatformRefused(f"{reference} is neither in registry {scope.registry} nor in workspace {workspace}")


def code_of(code: str, scope: AzureMlScope, workspace: str) -> str:
    """The absolute folder of code that ships with the app, or the id of code that the workspace has."""
    if code.startswith("/subscriptions/"):
        check_asset(code, scope, workspace)
        return code
    return str(code_folder(code, scope))


def code_folder(code: str, scope: AzureMlScope) -> Path:
    """The absolute folder of code that ships with the app. Raises PlatformRefused."""
    folder = (scope.app_root / code).resolve()
    if not folder.is_relative_to(scope.app_root.resolve()) or not folder.is_dir():
        raise PlatformRefused(f"code {code} is not a folder of the app: correct where the configuration names it")
    return folder


def reference_of(value: Any) -> str:
    """An id without the client's prefix; registry ids have none, `azureml://` is their scheme."""
    text = str(value or "")
    return text if text.startswith("azureml://") else text.removeprefix(ASSET_PREFIX)
