"""A whole configuration: the files of one commit, or of a directory, read and ready for every context."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.adapters.config.check import MONITORING, NOTIFICATIONS, POLICIES, is_there
from shared.adapters.config.check_attempt import attempted
from shared.adapters.config.files import MASTER_LIST, PLANTS_DIR, ConfigTree, file_of, fleet_of, policies_of
from shared.adapters.config.loads import load_plan_of
from shared.adapters.config.monitoring import policy_of
from shared.adapters.config.notifications import notifications_of
from shared.adapters.config.online import ONLINE_DIR, online_of
from shared.adapters.config.people import load_people
from shared.adapters.config.releases import FileReleaseConfig
from shared.adapters.config.training import FileTrainingConfig
from shared.application.configuration import PUBLISHED
from shared.application.etl.load import LoadPlan
from shared.contracts.config.files import ConfigError, FleetConfig, Policies
from shared.contracts.config.monitoring import MonitoringConfig
from shared.contracts.config.notifications import NotificationsConfig
from shared.domain.changes.circuits import ConfigProblem
from shared.domain.makers import People
from shared.domain.notifications.policy import NotificationPolicy
from shared.domain.online.model import OnlinePlan
from shared.domain.routines.monitoring import MonitoringPolicy


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What no configuration says, because each installation has its own. `resource_group_id` is the ARM id of the group
    that holds the alert rules; `sensor_table` is the table that loads write, empty where none do. `people_file` says
    whose accounts are whose: it is never of a commit, which is judged by it; without it nobody is known."""

    dev_workspace: str
    registry: str
    resource_group_id: str
    sensor_table: str = ""
    people_file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class WholeConfig:
    """What each context needs of one configuration; `commit` is empty for the files that the app was published with."""

    commit: str
    releases: FileReleaseConfig
    training: FileTrainingConfig
    monitoring: MonitoringPolicy
    notifications: NotificationPolicy
    loads: LoadPlan
    tree: ConfigTree = field(repr=False)


@dataclass(frozen=True)
class Overlaid:
    """A tree, but for some files that lie on disk: those that are read `instead` of the tree's own, and those that are
    read `otherwise`, where the tree has none."""

    tree: ConfigTree
    instead: Mapping[str, Path]
    otherwise: Mapping[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The tree's."""
        return self.tree.name

    def under(self, directory: str) -> list[str]:
        """The tree's."""
        return self.tree.under(directory)

    def read(self, path: str) -> bytes:
        """Raises OSError."""
        if path in self.instead:
            return self.instead[path].read_bytes()
        try:
            return self.tree.read(path)
        except FileNotFoundError:
            if path not in self.otherwise:
                raise
            return self.otherwise[path].read_bytes()


def is_read(path: str) -> bool:
    """Whether the app reads this file of `config/`."""
    return path in (MASTER_LIST, POLICIES, MONITORING, NOTIFICATIONS) or path.startswith(
        (f"{PLANTS_DIR}/", f"{ONLINE_DIR}/")
    )


def whole_of(tree: ConfigTree, installation: Installation, commit: str = "") -> WholeConfig:
    """Everything at once. Raises ConfigError with every mistake in every file."""
    fleet, policies, monitoring, people, online, notifications = _read(tree, installation.people_file)
    origin = f"commit {commit}" if commit else PUBLISHED
    return WholeConfig(
        commit=commit,
        releases=FileReleaseConfig(
            policies, fleet, installation.resource_group_id, people=people, origin=origin, online=online
        ),
        training=FileTrainingConfig(policies, fleet, tree, installation.dev_workspace, commit=commit),
        monitoring=policy_of(monitoring),
        notifications=notifications_of(notifications),
        loads=load_plan_of(policies, installation.registry, installation.sensor_table),
        tree=tree,
    )


def _read(
    tree: ConfigTree, people_file: Path | None
) -> tuple[FleetConfig, Policies, MonitoringConfig, People, dict[str, OnlinePlan], NotificationsConfig]:
    """Configurations from before there were notifications have no file of them: its defaults count."""
    problems: list[ConfigProblem] = []
    fleet = attempted(lambda: fleet_of(tree), problems)
    policies = attempted(lambda: policies_of(tree, POLICIES), problems)
    monitoring = attempted(lambda: file_of(tree, MONITORING, MonitoringConfig), problems)
    people = attempted(lambda: load_people(people_file), problems) if people_file else People()
    online = attempted(lambda: online_of(tree), problems)
    told: NotificationsConfig | None = NotificationsConfig(version=1)
    if is_there(tree, NOTIFICATIONS):
        told = attempted(lambda: file_of(tree, NOTIFICATIONS, NotificationsConfig), problems)
    if not (fleet and policies and monitoring and people is not None and online is not None and told) or problems:
        raise ConfigError(problems)
    return fleet, policies, monitoring, people, online, told
