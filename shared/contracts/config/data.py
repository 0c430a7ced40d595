"""Section `data` of `config/policies.yml`: how the sensor table is loaded every three hours.

See R-DATA-12 (folders of the lake) and R-DATA-1 (the one table).
"""

from pydantic import Field

from shared.contracts.config.circuits import ColumnName, ConfigModel, SemanticVersionText


class DataPolicy(ConfigModel):
    """How the sensor table is loaded."""

    environment_version: SemanticVersionText = Field(
        default="1.5.0",
        description="version of the environment whose code loads; it must be in the registry",
    )
    compute: str = Field(
        default="cpu-cluster",
        pattern=r"^[a-zA-Z][a-zA-Z0-9-]{1,31}$",
        description="compute cluster of the production workspace; its identity may write to the lake",
    )
    raw_uri: str = Field(
        default="azureml://datastores/sensor_lake/paths/raw/",
        pattern=r"^azureml://datastores/[A-Za-z0-9_]{1,255}/paths/[^\s\\]{1,500}/$",
        description="folder of raw parquet files, azureml://datastores/<datastore>/paths/<folder>/",
    )
    features: tuple[ColumnName, ...] = Field(
        default=("temperature", "pressure", "vibration"),
        strict=False,
        min_length=1,
        max_length=100,
        description="1 to 100 columns that every raw file must have",
    )
    job_limit_s: int = Field(
        default=7200, ge=60, le=10_800, description="longest run of one load in seconds, 60 to 10800 (a window)"
    )
