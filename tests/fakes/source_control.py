"""A repository in memory."""

from collections.abc import Mapping

from shared.application.errors import PlatformRefused, PortError


class MemorySourceControl:
    """A main branch, other branches, and the pull requests by branch."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        self.branches: dict[str, dict[str, str]] = {}
        self.pull_requests: dict[str, str] = {}
        self.faults: list[PortError] = []

    async def read(self, path: str) -> str:
        if path not in self.files:
            raise PlatformRefused(f"there is no {path}")
        return self.files[path]

    async def propose(self, files: Mapping[str, str], *, branch: str, title: str, body: str) -> str:
        if self.faults:
            raise self.faults.pop(0)
        if branch not in self.pull_requests:
            self.branches.setdefault(branch, {}).update(files)
            self.pull_requests[branch] = f"https://source.example.com/pull/{len(self.pull_requests) + 1}"
        return self.pull_requests[branch]
