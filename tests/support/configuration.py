"""A directory of configuration, read as the app reads it."""

from pathlib import Path

from shared.adapters.config.files import DiskTree, load_file
from shared.adapters.config.monitoring import policy_of
from shared.adapters.config.whole import Installation, WholeConfig, whole_of
from shared.contracts.config.monitoring import MonitoringConfig
from shared.domain.routines.monitoring import MonitoringPolicy
from shared.settings import APP_ROOT

INSTALLATION = Installation(
    dev_workspace="dev-ml-workspace",
    registry="mlregistry-shared",
    resource_group_id="/subscriptions/S/resourceGroups/G",
    sensor_table="/processed/sensor_data",
)


def configured(root: Path = APP_ROOT / "config", commit: str = "") -> WholeConfig:
    """The directory's configuration. Raises ConfigError."""
    return whole_of(DiskTree(root), INSTALLATION, commit)


def load_monitoring(path: Path) -> MonitoringPolicy:
    """The policy of one file of monitoring. Raises ConfigError."""
    return policy_of(load_file(path, MonitoringConfig))
