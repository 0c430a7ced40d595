"""SourceControl on GitHub's REST interface, version 2022-11-28.

The token needs "Contents" and "Pull requests", read and write, for this one repository.
"""

import base64
import binascii
from typing import Any
from urllib.parse import quote

from shared.adapters.source_control.rest import Rest, check_path, check_text
from shared.application.errors import PlatformRefused, TransientFault

EXISTS = 422
CONFLICT = 409
NOT_FOUND = 404


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
        return (await self._file(path, self._branch))[0]

    async def propose(self, *, path: str, text: str, branch: str, title: str, body: str) -> str:
        """Looks before every step, so that a proposal that was interrupted goes on where it was."""
        check_path(path)
        if url := await self._pull_request(branch):
            return url
        await self._ensure_branch(branch)
        there, sha = await self._file(path, branch)
        if there != text:
            await self._commit(path, text, branch, title, sha)
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

    async def _ensure_branch(self, branch: str) -> None:
        status, _ = await self._rest.ask("GET", f"{self._at}/git/ref/heads/{quote(branch)}", fine=(NOT_FOUND,))
        if status != NOT_FOUND:
            return
        _, main = await self._rest.ask("GET", f"{self._at}/git/ref/heads/{quote(self._branch)}")
        wish = {"ref": f"refs/heads/{branch}", "sha": main["object"]["sha"]}
        await self._rest.ask("POST", f"{self._at}/git/refs", wish, fine=(EXISTS,))

    async def _commit(self, path: str, text: str, branch: str, title: str, sha: str) -> None:
        wish = {
            "message": title,
            "content": base64.b64encode(text.encode()).decode(),
            "sha": sha,
            "branch": branch,
        }
        status, _ = await self._rest.ask("PUT", f"{self._at}/contents/{quote(path)}", wish, fine=(CONFLICT, EXISTS))
        if status in (CONFLICT, EXISTS) and (await self._file(path, branch))[0] != text:
            raise TransientFault(f"{path} on {branch} changed meanwhile")

    async def _file(self, path: str, branch: str) -> tuple[str, str]:
        """Text and blob id."""
        check_path(path)
        found: Any
        _, found = await self._rest.ask("GET", f"{self._at}/contents/{quote(path)}", query={"ref": branch})
        if not isinstance(found, dict) or found.get("encoding") != "base64":
            raise PlatformRefused(f"{path} on {branch} is not a file that GitHub tells")
        try:
            text = base64.b64decode(found["content"]).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise PlatformRefused(f"{path} on {branch} is not text: {error}") from error
        return check_text(text, path), str(found["sha"])

    async def close(self) -> None:
        """Closes the connections."""
        await self._rest.close()
