"""The plan of loads from section `data` of `config/policies.yml`."""

from pathlib import Path

from shared.adapters.config.files import load_policies
from shared.application.etl.load import LoadPlan


def load_plan(policies_file: Path, registry: str, table: str) -> LoadPlan:
    """What all loads have in common; `table` is a setting, since every installation has its own lake.

    Raises ConfigError with every mistake in the file.
    """
    policies = load_policies(policies_file)
    environment = f"{policies.deployment.environment_name}/versions/{policies.data.environment_version}"
    return LoadPlan(
        environment=f"azureml://registries/{registry}/environments/{environment}",
        compute=policies.data.compute,
        raw_uri=policies.data.raw_uri,
        table=table,
        features=policies.data.features,
        job_limit_s=policies.data.job_limit_s,
    )
