"""Which source control takes proposals: the service that an address belongs to, or the app's own files (dry run)."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from shared.adapters.source_control.azure_devops import AzureDevOps
from shared.adapters.source_control.github import GitHub
from shared.adapters.source_control.rest import check_path
from shared.application.errors import PlatformRefused
from shared.application.routines.ports import SourceControl

_NAME = r"[A-Za-z0-9._ -]{1,100}"


class LocalFiles:
    """The configuration that was deployed with the app: what a dry run shows its changes against."""

    def __init__(self, config_dir: Path) -> None:
        self._config_dir = config_dir

    async def read(self, path: str) -> str:
        """A circuit's file."""
        check_path(path)
        try:
            return (self._config_dir / path.removeprefix("config/")).read_text(encoding="utf-8")
        except OSError as error:
            raise PlatformRefused(f"{path} cannot be read: {error.strerror}") from error

    async def propose(self, *, path: str, text: str, branch: str, title: str, body: str) -> str:
        """Nothing is ever changed here."""
        raise PlatformRefused("files that were deployed with the app cannot be changed")


def source_control_of(address: str, branch: str, token: str, api: str = "") -> SourceControl:
    """The service that holds a repository: GitHub (`https://github.com/<owner>/<repository>`, or its enterprise server
    with `api`) or Azure DevOps (`https://dev.azure.com/<organization>/<project>/_git/<repository>`).

    Raises ValueError for any other address.
    """
    parts = urlsplit(address)
    path = parts.path.strip("/").removesuffix(".git")
    if found := re.fullmatch(rf"({_NAME})/({_NAME})/_git/({_NAME})", path):
        base = api or f"{parts.scheme}://{parts.netloc}/{found[1]}"
        return AzureDevOps(base, project=found[2], repository=found[3], branch=branch, token=token)
    if found := re.fullmatch(rf"({_NAME})/({_NAME})", path):
        base = api or ("https://api.github.com" if parts.hostname == "github.com" else "")
        if base:
            return GitHub(base, owner=found[1], repository=found[2], branch=branch, token=token)
    raise ValueError(f"{address} is no repository of GitHub or Azure DevOps")
