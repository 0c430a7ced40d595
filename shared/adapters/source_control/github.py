"""SourceControl on GitHub's REST interface, version 2022-11-28.

The token needs "Contents" and "Pull requests", read and write, for this one repository.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.adapters.source_control.rest import Rest, check_path, check_paths, check_text
from shared.application.errors import PlatformRefused, TransientFault

EXISTS = UNPROCESSABLE = 422
CONFLICT = 409
NOT_FOUND = 404
PLAIN_FILE = "100644"


class GitHub:
    """One repository and the branch that proposals are made for."""

    def __init__(self, api: str, *, owner: str, repository: str, branch: str, token: str) -> None:
        self._owner = owner
        self._branch = branch
        self._at = f"/repos/{quote(owner)}/{quote(repository)}"
        self._rest = Rest(
            api,
            {
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )

    async def read(self, path: str) -> str:
        """The file on the main branch."""
        check_path(path)
        found: Any
        _, found = await self._rest.ask("GET", f"{self._at}/contents/{quote(path)}", query={"ref": self._branch})
        if not isinstance(found, dict) or found.get("encoding") != "base64":
            raise PlatformRefused(f"{path} on {self._branch} is not a file that GitHub tells")
        try:
            text = base64.b64decode(found["content"]).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise PlatformRefused(f"{path} on {self._branch} is not text: {error}") from error
        return check_text(text, path)

    async def propose(self, files: Mapping[str, str], *, branch: str, title: str, body: str) -> str:
        """Looks before every step, so that a proposal that was interrupted goes on where it was."""
        check_paths(files)
        if url := await self._pull_request(branch):
            return url
        await self._commit(files, branch, title, await self._tip(branch) or await self._made_branch(branch))
        wish = {"title": title, "head": branch, "base": self._branch, "body": body}
        status, answer = await self._rest.ask("POST", f"{self._at}/pulls", wish, fine=(EXISTS,))
        if status != EXISTS:
            return str(answer["html_url"])
        if url := await self._pull_request(branch):  # somebody was quicker
            return url
        raise PlatformRefused(f"GitHub refuses the pull request of {branch}: {answer.get('message')}")

    async def _pull_request(self, branch: str) -> str:
        """The branch's pull request in any state; the oldest, where people made more."""
        query = {"head": f"{self._owner}:{branch}", "state": "all", "sort": "created", "direction": "asc"}
        _, found = await self._rest.ask("GET", f"{self._at}/pulls", query=query)
        mine = [each for each in found if each["head"]["ref"] == branch]
        return str(mine[0]["html_url"]) if mine else ""

    async def _tip(self, branch: str) -> str:
        """The branch's last commit; empty when there is no such branch."""
        status, found = await self._rest.ask("GET", f"{self._at}/git/ref/heads/{quote(branch)}", fine=(NOT_FOUND,))
        return "" if status == NOT_FOUND else str(found["object"]["sha"])

    async def _made_branch(self, branch: str) -> str:
        """The main branch's last commit, which the new branch begins with."""
        tip = await self._tip(self._branch)
        if not tip:
            raise PlatformRefused(f"there is no branch {self._branch}")
        wish = {"ref": f"refs/heads/{branch}", "sha": tip}
        status, _ = await self._rest.ask("POST", f"{self._at}/git/refs", wish, fine=(EXISTS,))
        if status == EXISTS:
            raise TransientFault(f"branch {branch} was made by somebody else meanwhile")
        return tip

    async def _commit(self, files: Mapping[str, str], branch: str, title: str, tip: str) -> None:
        """One commit on top of the tip; none where the files are so already, as the tree's id says, which follows from
        its content."""
        _, before = await self._rest.ask("GET", f"{self._at}/git/commits/{tip}")
        changed = [
            {"path": path, "mode": PLAIN_FILE, "type": "blob", "content": text} for path, text in sorted(files.items())
        ]
        wish: dict[str, Any] = {"base_tree": before["tree"]["sha"], "tree": changed}
        _, tree = await self._rest.ask("POST", f"{self._at}/git/trees", wish)
        if tree["sha"] == before["tree"]["sha"]:
            return
        wish = {"message": title, "tree": tree["sha"], "parents": [tip]}
        _, commit = await self._rest.ask("POST", f"{self._at}/git/commits", wish)
        wish = {"sha": commit["sha"], "force": False}
        at = f"{self._at}/git/refs/heads/{quote(branch)}"
        status, _ = await self._rest.ask("PATCH", at, wish, fine=(CONFLICT, UNPROCESSABLE))
        if status in (CONFLICT, UNPROCESSABLE):
            raise TransientFault(f"branch {branch} changed meanwhile")

    async def close(self) -> None:
        """Closes the connections."""
        await self._rest.close()
