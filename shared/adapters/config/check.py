"""A whole configuration directory checked at once: every file that the app reads, every mistake in it."""

from collections.abc import Callable, Mapping

from shared.adapters.config.files import ConfigTree, file_of, fleet_of, policies_of
from shared.contracts.config.files import ConfigError, FleetConfig
from shared.contracts.config.monitoring import MonitoringConfig
from shared.domain.changes.circuits import ConfigProblem

POLICIES, MONITORING = "policies.yml", "monitoring.yml"

OTHERS: Mapping[str, Callable[[ConfigTree, str], object]] = {
    POLICIES: policies_of,
    MONITORING: lambda tree, path: file_of(tree, path, MonitoringConfig),
}
"""Files beside those of the fleet, each with what reads it; one that is not there is no mistake."""


def checked(tree: ConfigTree) -> tuple[FleetConfig | None, list[ConfigProblem]]:
    """The fleet of the tree, or every mistake in every file of it."""
    fleet: FleetConfig | None = None
    problems: list[ConfigProblem] = []
    try:
        fleet = fleet_of(tree)
    except ConfigError as error:
        problems += error.problems
    for path, read in OTHERS.items():
        if not _is_there(tree, path):
            continue
        try:
            read(tree, path)
        except ConfigError as error:
            problems += error.problems
    return fleet, problems


def _is_there(tree: ConfigTree, path: str) -> bool:
    try:
        tree.read(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # reading it says what is wrong
    return True
