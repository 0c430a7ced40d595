"""The demo's git repository of the fleet, the people who change it, and GitHub's webhook of a merge to the app."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from local.identity.people import user_name
from local.supervisor.cloud import CloudError
from local.supervisor.parts import REPOSITORY

AUTHOR = ("Trainer", user_name("trainer"))
MERGER = ("Engineer One", user_name("engineer-1"))
_IGNORED = shutil.ignore_patterns("__pycache__", ".*")


class FleetRepository:
    """A working copy with the fleet's configuration and environment in its first commit on `main`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("config", "environment"):
            shutil.copytree(REPOSITORY / folder, root / folder, ignore=_IGNORED)
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("add", ".")
        self._git("commit", "--quiet", "--message", "The fleet")

    @property
    def head(self) -> str:
        """The last commit of `main`."""
        return self._git("rev-parse", "main")

    @property
    def config(self) -> Path:
        """The fleet's configuration as it is on `main`."""
        return self.root / "config"

    def merge(self, number: int, cutoff_date: str, circuits: Sequence[str]) -> str:
        """Merge pull request `number`, which changes the cutoff date of `circuits` (`P001/C001`); its diff."""
        files = {}
        for circuit in circuits:
            file = self.config / "plants" / f"{circuit}.yml"
            files[file], count = re.subn(r'cutoff_date: "[0-9-]+"', f'cutoff_date: "{cutoff_date}"', file.read_text())
            if count != 1:
                raise CloudError(f"{file} has {count} lines with a cutoff date.")
        return self._merged(number, f"cutoff-{number}", f"Train up to {cutoff_date}", files)

    def merge_new(self, number: int, circuit: str, like: str) -> str:
        """Merge pull request `number`, which adds a circuit (`P001/C009`), configured like another one of its plant;
        its diff."""
        (plant_id, circuit_id), like = circuit.split("/"), like.partition("/")[2]
        listed, plant = self.config / "plants_circuits.yml", self.config / "plants" / plant_id
        entry = f'      - circuit_id: "{like}"\n'
        new = f'      - circuit_id: "{circuit_id}"\n        circuit_name: "New Line Sensor"\n'
        before, found, after = listed.read_text().partition(f'plant_id: "{plant_id}"')
        if not found or entry not in after:
            raise CloudError(f"{listed} has no circuit {plant_id}/{like}.")
        files = {
            listed: f"{before}{found}{after.replace(entry, new + entry, 1)}",
            plant / f"{circuit_id}.yml": (plant / f"{like}.yml").read_text().replace(like, circuit_id),
        }
        return self._merged(number, f"circuit-{number}", f"Add {plant_id}/{circuit_id}", files)

    def _merged(self, number: int, branch: str, title: str, files: Mapping[Path, str]) -> str:
        before = self.head
        self._git("checkout", "--quiet", "-b", branch)
        for file, text in files.items():
            file.write_text(text)
        self._git("add", ".")
        self._git("commit", "--quiet", "--message", title)
        self._git("checkout", "--quiet", "main")
        message = f"Merge pull request #{number} from trainer/{branch}"
        self._git("merge", "--quiet", "--no-ff", branch, "--message", message, who=MERGER)
        return self._git("diff", "--stat", before, self.head)

    def _git(self, *words: str, who: tuple[str, str] = AUTHOR) -> str:
        """One command of git, with no configuration of this machine. Raises `CloudError`."""
        people = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
                  for part, value in zip(("NAME", "EMAIL"), who, strict=True)}  # fmt: skip
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.root)}
        done = subprocess.run(  # nosec B603 B607 # git of this machine, with words of this file
            ["git", *words], cwd=self.root, env={**os.environ, **people, **alone}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise CloudError(f"git {words[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()


class GitHub:
    """Sends the webhooks of a merge, signed as GitHub signs them."""

    def __init__(self, api: str, secret: str) -> None:
        self._api, self._secret = api, secret
        self._last: tuple[str, dict[str, object]] = ("", {})

    def merged(self, number: int, before: str, after: str) -> str:
        """Tell the app of a pull request that the trainer opened and engineer-1 merged, by both events of GitHub.

        Returns the id of the change. Raises `CloudError`.
        """
        merger = {"login": "engineer-1", "type": "User"}
        common = {"repository": {"clone_url": "https://github.com/example/fleet.git"}, "sender": merger}
        push = {"ref": "refs/heads/main", "before": before, "after": after, "pusher": {"name": "engineer-1"}}
        pull_request = {
            "number": number,
            "merged": True,
            "merge_commit_sha": after,
            "base": {"ref": "main", "sha": before},
            "user": {"login": "trainer", "type": "User"},
            "merged_by": merger,
        }
        self._accepted("push", {**push, **common})
        return self._accepted("pull_request", {"action": "closed", "pull_request": pull_request, **common})

    def repeated(self) -> str:
        """Send the last webhook again; what the app says to it."""
        return str(self._send(*self._last).json()["answer"])

    def _accepted(self, event: str, body: dict[str, object]) -> str:
        answer = self._send(event, body)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise CloudError(f"The app answers {answer.status_code} to the webhook: {answer.text}")
        self._last = event, body
        return str(answer.json()["change_id"])

    def _send(self, event: str, document: dict[str, object]) -> httpx.Response:
        body = json.dumps(document).encode()
        signature = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        return httpx.post(f"{self._api}changes/github", content=body, headers=headers, timeout=60, trust_env=False)
