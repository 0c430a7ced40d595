"""The plan of loads from section `data` of `config/policies.yml`."""

from shared.application.etl.load import LoadPlan
from shared.contracts.config.files import Policies


def load_plan_of(policies: Policies, registry: str, table: str) -> LoadPlan:
    """What all loads have in common; `table` is a setting, since every installation has its own lake."""
    environment = f"{policies.deployment.environment_name}/versions/{policies.data.environment_version}"
    return LoadPlan(
        environment=f"azureml://registries/{registry}/environments/{environment}",
        compute=policies.data.compute,
        raw_uri=policies.data.raw_uri,
        table=table,
        features=policies.data.features,
        job_limit_s=policies.data.job_limit_s,
    )
