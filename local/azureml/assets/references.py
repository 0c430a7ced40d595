"""What a reference to an asset version leads to, in a workspace or in the registry."""

from __future__ import annotations

from local.azureml.service.arm_ids import AssetRef, parse_asset
from local.azureml.service.call import Service
from local.azureml.service.config import Scope
from local.azureml.service.errors import ArmError, invalid, not_emulated, not_found
from local.azureml.service.store import Document

MLFLOW = "mlflow_model"


def resolve(service: Service, workspace: Scope, reference: str, kind: str) -> tuple[Scope, AssetRef, Document]:
    """The asset a deployment or job of a workspace refers to. Raises `ArmError` if it may not or does not exist."""
    ref = parse_asset(reference)
    if ref.kind != kind:
        raise invalid(f"{reference!r} is not one of {kind}.")
    if ref.home == "registry":
        scope = service.settings.registries.get(ref.scope)
    elif ref.home == "guid":
        scope = service.settings.workspace_by_guid(ref.scope)
    else:
        scope = service.settings.workspaces.get(ref.scope)
    if scope is None:
        raise not_found(f"The workspace or registry of {reference!r}")
    if not scope.is_registry and scope != workspace:
        raise invalid(f"An asset of {scope.name} cannot be used in {workspace.name}: share it to the registry.")
    document = service.store.get(scope.key(kind, ref.name, ref.version))
    if document is None:
        raise ArmError(404, "UserError", f"{kind} {ref.name}:{ref.version} was not found in {scope.name}.")
    return scope, ref, document


def check_references(service: Service, workspace: Scope, properties: Document) -> None:
    """Raises `ArmError` naming the model, environment or code that is missing or not given, and 501 for a model in
    MLflow's format, which in Azure needs neither environment nor code."""
    model = (properties.get("model") or {}).get("assetId")
    code = (properties.get("codeConfiguration") or {}).get("codeId")
    references = {"models": model, "environments": properties.get("environmentId"), "codes": code}
    for kind, reference in references.items():
        if not reference:
            if model and resolve(service, workspace, model, "models")[2]["properties"].get("modelType") == MLFLOW:
                raise not_emulated("A deployment of a model in MLflow's format without environment and scoring script")
            raise invalid(f"The deployment names no {kind}: it needs a model, an environment and code.")
        resolve(service, workspace, reference, kind)
