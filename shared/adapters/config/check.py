"""A whole configuration directory checked at once: every file that the app reads, every mistake in it."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from shared.adapters.config.check_attempt import attempted
from shared.adapters.config.files import ConfigTree, circuit_path, file_of, fleet_of, policies_of
from shared.adapters.config.online import online_of
from shared.contracts.config.files import FleetConfig, Policies
from shared.contracts.config.makers import PeopleConfig
from shared.contracts.config.monitoring import MonitoringConfig
from shared.contracts.config.notifications import NotificationsConfig
from shared.domain.changes.circuits import ConfigProblem

POLICIES, MONITORING, PEOPLE = "policies.yml", "monitoring.yml", "people.yml"
NOTIFICATIONS = "notifications.yml"

OTHERS: Mapping[str, Callable[[ConfigTree, str], object]] = {
    POLICIES: policies_of,
    MONITORING: lambda tree, path: file_of(tree, path, MonitoringConfig),
    PEOPLE: lambda tree, path: file_of(tree, path, PeopleConfig),
    NOTIFICATIONS: lambda tree, path: file_of(tree, path, NotificationsConfig),
}
"""Files beside those of the fleet, each with what reads it; one that is not there is no mistake."""


def checked(tree: ConfigTree) -> tuple[FleetConfig | None, list[ConfigProblem]]:
    """The fleet of the tree, or every mistake in every file of it."""
    problems: list[ConfigProblem] = []
    fleet = attempted(lambda: fleet_of(tree), problems)
    for path, read in OTHERS.items():
        found = attempted(partial(read, tree, path), problems) if is_there(tree, path) else None
        if fleet and isinstance(found, Policies):
            problems += _machines_without_cluster(tree.name, fleet, found)
    attempted(lambda: online_of(tree), problems)
    return fleet, problems


def _machines_without_cluster(name: str, fleet: FleetConfig, policies: Policies) -> Iterator[ConfigProblem]:
    """Circuits whose kind of machine no cluster has, where the policies say which kinds there are."""
    compute = policies.deployment.compute
    if compute.instance_type is None:
        return
    known = (compute.instance_type, *compute.machines)
    for circuit in fleet.circuits:
        kind = circuit.deployment.compute_instance_type
        if kind not in known:
            yield ConfigProblem(
                file=f"{name}/{circuit_path(circuit.plant_id, circuit.circuit_id)}",
                field="deployment.compute_instance_type",
                value=kind,
                reason="no cluster has this kind of machine",
                fix=f"write one of {', '.join(known)}, or add it to deployment.compute.machines of {name}/{POLICIES}",
            )


def is_there(tree: ConfigTree, path: str) -> bool:
    """Whether the tree has this file, be it readable or not."""
    try:
        tree.read(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # reading it says what is wrong
    return True
