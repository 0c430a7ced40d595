"""SourceControl on Azure DevOps Services' REST interface, version 7.1.

The token is a personal access token with "Code (read and write)"; it travels as the password of basic authentication.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from shared.adapters.source_control.rest import Rest, check_path, check_paths, check_text
from shared.application.errors import PlatformRefused, TransientFault

CONFLICT = 409
NO_COMMIT = "0" * 40
READS_AT_ONCE = 8
_VERSION = {"api-version": "7.1"}


class AzureDevOps:
    """One repository and the branch that proposals are made for. `base` is the organization's address."""

    def __init__(self, base: str, *, project: str, repository: str, branch: str, token: str) -> None:
        self._branch = branch
        self._at = f"/{quote(project)}/_apis/git/repositories/{quote(repository)}"
        self._page = f"{base.rstrip('/')}/{quote(project)}/_git/{quote(repository)}/pullrequest"
        secret = base64.b64encode(f":{token}".encode()).decode()
        self._rest = Rest(base, {"Authorization": f"Basic {secret}", "Accept": "application/json"})

    async def read(self, path: str) -> str:
        """The file on the main branch."""
        return await self._file(path, self._branch)

    async def propose(self, files: Mapping[str, str], *, branch: str, title: str, body: str) -> str:
        """Looks before every step, so that a proposal that was interrupted goes on where it was."""
        check_paths(files)
        if url := await self._pull_request(branch):
            return url
        tip = await self._tip(branch) or await self._made_branch(branch)
        there = await self._files(sorted(files), branch)
        if changed := {path: text for path, text in files.items() if there[path] != text}:
            await self._push(changed, branch, title, tip)
        wish = {
            "sourceRefName": f"refs/heads/{branch}",
            "targetRefName": f"refs/heads/{self._branch}",
            "title": title,
            "description": body,
        }
        status, answer = await self._rest.ask(
            "POST", f"{self._at}/pullrequests", wish, query=_VERSION, fine=(CONFLICT,)
        )
        if status != CONFLICT:
            return f"{self._page}/{answer['pullRequestId']}"
        if url := await self._pull_request(branch):  # somebody was quicker
            return url
        raise PlatformRefused(f"Azure DevOps refuses the pull request of {branch}: {answer.get('message')}")

    async def _pull_request(self, branch: str) -> str:
        """The branch's pull request in any state; the oldest, where people made more."""
        query = {
            **_VERSION,
            "searchCriteria.sourceRefName": f"refs/heads/{branch}",
            "searchCriteria.status": "all",
        }
        _, found = await self._rest.ask("GET", f"{self._at}/pullrequests", query=query)
        ids = sorted(int(each["pullRequestId"]) for each in found["value"])
        return f"{self._page}/{ids[0]}" if ids else ""

    async def _tip(self, branch: str) -> str:
        """The branch's last commit; empty when there is no such branch. The filter is a prefix."""
        query = {**_VERSION, "filter": f"heads/{branch}"}
        _, found = await self._rest.ask("GET", f"{self._at}/refs", query=query)
        return next((str(each["objectId"]) for each in found["value"] if each["name"] == f"refs/heads/{branch}"), "")

    async def _made_branch(self, branch: str) -> str:
        """The main branch's last commit, which the new branch begins with."""
        tip = await self._tip(self._branch)
        if not tip:
            raise PlatformRefused(f"there is no branch {self._branch}")
        wish = [{"name": f"refs/heads/{branch}", "oldObjectId": NO_COMMIT, "newObjectId": tip}]
        _, answer = await self._rest.ask("POST", f"{self._at}/refs", wish, query=_VERSION)
        if not all(each.get("success") for each in answer["value"]):
            raise TransientFault(f"branch {branch} could not be made: {answer['value'][0].get('updateStatus')}")
        return tip

    async def _push(self, files: Mapping[str, str], branch: str, title: str, tip: str) -> None:
        changes = [
            {
                "changeType": "edit",
                "item": {"path": f"/{path}"},
                "newContent": {"content": text, "contentType": "rawtext"},
            }
            for path, text in sorted(files.items())
        ]
        wish = {
            "refUpdates": [{"name": f"refs/heads/{branch}", "oldObjectId": tip}],
            "commits": [{"comment": title, "changes": changes}],
        }
        await self._rest.ask("POST", f"{self._at}/pushes", wish, query=_VERSION)

    async def _files(self, paths: Sequence[str], branch: str) -> dict[str, str]:
        """The texts by path. A few at a time: a fleet has hundreds."""
        found: dict[str, str] = {}
        for begin in range(0, len(paths), READS_AT_ONCE):
            some = paths[begin : begin + READS_AT_ONCE]
            found |= zip(some, await asyncio.gather(*(self._file(path, branch) for path in some)), strict=True)
        return found

    async def _file(self, path: str, branch: str) -> str:
        check_path(path)
        query = {
            **_VERSION,
            "path": f"/{path}",
            "includeContent": "true",
            "versionDescriptor.version": branch,
            "versionDescriptor.versionType": "branch",
        }
        _, found = await self._rest.ask("GET", f"{self._at}/items", query=query)
        if not isinstance(found, dict) or not isinstance(found.get("content"), str):
            raise PlatformRefused(f"{path} on {branch} is not a file that Azure DevOps tells")
        return check_text(found["content"], path)

    async def close(self) -> None:
        """Closes the connections."""
        await self._rest.close()
