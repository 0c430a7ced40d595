"""Where the configuration comes from: the commit that was taken last, or the files that the app was published with."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared.bootstrap import connections
from shared.bootstrap.connections import settings

if TYPE_CHECKING:
    from shared.adapters.config.whole import Installation, WholeConfig
    from shared.adapters.git.source import GitSource
    from shared.application.configuration import ConfigFiles, Configurations


_provided: "list[Configurations[WholeConfig]]" = []


def configurations() -> "Configurations[WholeConfig]":
    """The one way to the configuration. Raises ConfigError with every mistake in the files of the package."""
    return _provided[-1] if _provided else _configurations()


def provide(made: "Configurations[WholeConfig] | None") -> None:
    """Has everybody ask `made`, until None is provided: for whoever runs the functions on fakes."""
    _provided[:] = [made] if made else []


@cache
def _configurations() -> "Configurations[WholeConfig]":
    from shared.adapters.blobs.configurations import BlobConfigurations
    from shared.adapters.tables.changes import TableChangeLog
    from shared.application.configuration import OnlyPublished, TakenConfigurations

    if not settings().changes_repository:
        return OnlyPublished(published())
    return TakenConfigurations(
        branch=settings().changes_branch,
        taken=TableChangeLog(connections.table()),
        kept=BlobConfigurations(connections.blobs),
        repository=git_source(),
        read=_read,
        published=published(),
    )


@cache
def published() -> "WholeConfig":
    """The start value. Raises ConfigError with every mistake in every file."""
    from shared.adapters.config.files import DiskTree
    from shared.adapters.config.whole import Overlaid, whole_of

    return whole_of(Overlaid(DiskTree(settings().config_dir), _instead()), _installation())


@cache
def git_source() -> "GitSource":
    """The branch whose merges are taken."""
    from shared.adapters.git.cache import GitCache
    from shared.adapters.git.source import GitSource

    app = settings()
    token = app.changes_repository_token
    cache_of_branch = GitCache(
        app.changes_repository or "", app.changes_branch, token=token.get_secret_value() if token else ""
    )
    return GitSource(cache_of_branch)


def _read(commit: str, files: "ConfigFiles") -> "WholeConfig":
    """A file that a commit does not have is the package's. Raises ConfigError."""
    from shared.adapters.config.check import MONITORING, NOTIFICATIONS, POLICIES
    from shared.adapters.config.files import FileTree
    from shared.adapters.config.whole import Overlaid, whole_of

    app = settings()
    otherwise = {
        POLICIES: app.policies_path,
        MONITORING: app.monitoring_path,
        NOTIFICATIONS: app.notifications_path,
    }
    return whole_of(Overlaid(FileTree(files), _instead(), otherwise), _installation(), commit)


def _instead() -> Mapping[str, Path]:
    """ConfigFiles of this installation alone, which its settings name."""
    from shared.adapters.config.check import MONITORING, NOTIFICATIONS, POLICIES

    app = settings()
    named = {
        POLICIES: app.policies_file,
        MONITORING: app.monitoring_file,
        NOTIFICATIONS: app.notifications_file,
    }
    return {path: file for path, file in named.items() if file is not None}


def _installation() -> "Installation":
    from shared.adapters.config.whole import Installation

    app = settings()
    return Installation(
        dev_workspace=app.dev_workspace,
        registry=app.model_registry,
        resource_group_id=app.resource_group_id,
        sensor_table=app.sensor_table or "",
        people_file=app.people_path,
    )
