"""Which source control takes proposals: the service that an address belongs to, or the files in force (dry run)."""

from collections.abc import Mapping

from shared.adapters.config.files import ConfigTree
from shared.adapters.source_control.azure_devops import AzureDevOps
from shared.adapters.source_control.github import GitHub
from shared.adapters.source_control.rest import check_path
from shared.application.errors import PlatformRefused
from shared.application.ports import SourceControl
from shared.domain.changes.address import AZURE_DEVOPS, repository_address
from shared.domain.changes.address import GITHUB as GITHUB_HOST


class FilesInForce:
    """The configuration in force: what a dry run shows its changes against."""

    def __init__(self, tree: ConfigTree) -> None:
        self._tree = tree

    async def read(self, path: str) -> str:
        """A circuit's file."""
        check_path(path)
        try:
            return self._tree.read(path.removeprefix("config/")).decode()
        except OSError as error:
            raise PlatformRefused(f"{path} cannot be read: {error.strerror}") from error

    async def propose(self, files: Mapping[str, str], *, branch: str, title: str, body: str) -> str:
        """Nothing is ever changed here."""
        raise PlatformRefused("the configuration in force cannot be changed here")


def source_control_of(address: str, branch: str, token: str, api: str = "") -> SourceControl:
    """The service that holds a repository: GitHub, or its enterprise server with `api`; Azure DevOps, or its server.

    `address` may be any that `repository_address` reads. Raises ValueError for any other.
    """
    found = repository_address(address)
    if found and found.is_azure_devops and len(found.owners) > 1:
        *above, project = found.owners
        origin = f"https://{AZURE_DEVOPS}" if found.host == AZURE_DEVOPS else found.origin
        base = api or "/".join([origin, *above])
        return AzureDevOps(base, project=project, repository=found.name, branch=branch, token=token)
    if found and len(found.owners) == 1:
        base = api or ("https://api.github.com" if found.host == GITHUB_HOST else "")
        if base:
            return GitHub(base, owner=found.owners[0], repository=found.name, branch=branch, token=token)
    raise ValueError(f"{address} is no repository of GitHub or Azure DevOps")
