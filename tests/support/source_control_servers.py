"""GitHub and Azure DevOps on 127.0.0.1, as far as proposals need them: branches, commits of some files, pull requests.

Answers, statuses and refusals are those of the real interfaces (GitHub REST 2022-11-28, Azure DevOps Git 7.1).
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "token-of-the-test"
NO_COMMIT = "0" * 40
Answer = tuple[int, Any]


@dataclass
class Repository:
    """Branches with their files, and pull requests. `faults` are statuses that the next requests get, by method."""

    branches: dict[str, dict[str, str]]
    pulls: list[dict[str, str]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    faults: dict[str, list[int]] = field(default_factory=dict)
    commits: int = 0
    objects: dict[str, dict[str, str]] = field(default_factory=dict)
    parent: str = ""

    def tip(self, branch: str) -> str:
        """A commit's id, which follows from the branch's files."""
        return _digest(json.dumps(self.branches[branch], sort_keys=True))


class GitHubServer(Repository):
    """`/repos/<owner>/<repository>`."""

    authorization = f"Bearer {TOKEN}"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        at = path.removeprefix("/repos/plant/models")
        if at == "/pulls":
            return self._pulls(method, query, body)
        if at == "/git/refs" and method == "POST":
            branch = body["ref"].removeprefix("refs/heads/")
            if branch in self.branches:
                return 422, {"message": "Reference already exists"}
            source = next(name for name in self.branches if self.tip(name) == body["sha"])
            self.branches[branch] = dict(self.branches[source])
            return 201, {"ref": body["ref"]}
        if found := re.fullmatch(r"/git/ref/heads/(.+)", at):
            if found[1] not in self.branches:
                return 404, {"message": "Not Found"}
            return 200, {"ref": f"refs/heads/{found[1]}", "object": {"sha": self.tip(found[1]), "type": "commit"}}
        if found := re.fullmatch(r"/contents/(.+)", at):
            return self._contents(found[1], query["ref"])
        if at.startswith("/git/"):
            return self._git(method, at.removeprefix("/git"), body)
        return 404, {"message": "Not Found"}

    def _contents(self, path: str, branch: str) -> Answer:
        text = self.branches.get(branch, {}).get(path)
        if text is None:
            return 404, {"message": "Not Found"}
        encoded = base64.encodebytes(text.encode()).decode()  # in lines, as GitHub sends it
        return 200, {"type": "file", "encoding": "base64", "content": encoded, "sha": _digest(text)}

    def _git(self, method: str, at: str, body: Any) -> Answer:
        """Trees and commits are objects without a name until a branch is moved to one."""
        if found := re.fullmatch(r"/commits/(\w+)", at):
            tree = self.objects.get(found[1]) or next(
                (files for name, files in self.branches.items() if self.tip(name) == found[1]), None
            )
            return (200, {"sha": found[1], "tree": {"sha": self._kept(tree)}}) if tree else (404, {"message": "-"})
        if at == "/trees":
            if any(set(each) != {"path", "mode", "type", "content"} for each in body["tree"]):
                return 422, {"message": "Must supply valid tree.path"}
            files = self.objects[body["base_tree"]] | {each["path"]: each["content"] for each in body["tree"]}
            return 201, {"sha": self._kept(files)}
        if at == "/commits":
            [self.parent] = body["parents"]
            return 201, {"sha": body["tree"], "tree": {"sha": body["tree"]}}
        branch = at.removeprefix("/refs/heads/")
        if method != "PATCH" or branch not in self.branches:
            return 404, {"message": "Not Found"}
        if self.parent != self.tip(branch) and not body["force"]:
            return 422, {"message": "Update is not a fast forward"}
        self.branches[branch] = dict(self.objects[body["sha"]])
        self.commits += 1
        return 200, {"ref": f"refs/heads/{branch}", "object": {"sha": body["sha"], "type": "commit"}}

    def _kept(self, files: dict[str, str]) -> str:
        name = _digest(json.dumps(files, sort_keys=True))
        self.objects[name] = files
        return name

    def _pulls(self, method: str, query: dict[str, str], body: Any) -> Answer:
        if method == "GET":
            branch = query["head"].removeprefix("plant:")
            found = [each for each in self.pulls if each["branch"] == branch]
            return 200, [{"html_url": each["url"], "head": {"ref": each["branch"]}} for each in found]
        if any(each["branch"] == body["head"] and each["state"] == "open" for each in self.pulls):
            return 422, {"message": "Validation Failed", "errors": [{"message": "A pull request already exists"}]}
        if self.branches[body["head"]] == self.branches[body["base"]]:
            return 422, {"message": "Validation Failed", "errors": [{"message": "No commits between main and it"}]}
        url = f"https://github.com/plant/models/pull/{len(self.pulls) + 1}"
        self.pulls.append({"branch": body["head"], "url": url, "state": "open", "title": body["title"]})
        return 201, {"html_url": url, "number": len(self.pulls)}


class AzureDevOpsServer(Repository):
    """`/<project>/_apis/git/repositories/<repository>`."""

    authorization = f"Basic {base64.b64encode(f':{TOKEN}'.encode()).decode()}"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if query.get("api-version") != "7.1":
            return 400, {"message": "No api-version was supplied"}
        at = path.removeprefix("/plant/_apis/git/repositories/models")
        if at == "/refs":
            return self._refs(method, query, body)
        if at == "/items":
            text = self.branches.get(query["versionDescriptor.version"], {}).get(query["path"].lstrip("/"))
            return (200, {"path": query["path"], "content": text}) if text else (404, {"message": "TF401174"})
        if at == "/pushes":
            return self._push(body)
        if at == "/pullrequests":
            return self._pulls(method, query, body)
        return 404, {"message": "Not Found"}

    def _refs(self, method: str, query: dict[str, str], body: Any) -> Answer:
        if method == "GET":
            prefix = query["filter"].removeprefix("heads/")
            names = sorted(name for name in self.branches if name.startswith(prefix))
            return 200, {"value": [{"name": f"refs/heads/{name}", "objectId": self.tip(name)} for name in names]}
        [wish] = body
        branch = wish["name"].removeprefix("refs/heads/")
        if branch in self.branches or wish["oldObjectId"] != NO_COMMIT:
            return 200, {"value": [{"success": False, "updateStatus": "staleOldObjectId"}]}
        source = next(name for name in self.branches if self.tip(name) == wish["newObjectId"])
        self.branches[branch] = dict(self.branches[source])
        return 200, {"value": [{"success": True, "updateStatus": "succeeded"}]}

    def _push(self, body: Any) -> Answer:
        [update], [commit] = body["refUpdates"], body["commits"]
        branch = update["name"].removeprefix("refs/heads/")
        if update["oldObjectId"] != self.tip(branch):
            return 409, {"message": "TF401028: the reference has already been updated"}
        for change in commit["changes"]:
            self.branches[branch][change["item"]["path"].lstrip("/")] = change["newContent"]["content"]
        self.commits += 1
        return 201, {"pushId": self.commits}

    def _pulls(self, method: str, query: dict[str, str], body: Any) -> Answer:
        if method == "GET":
            branch = query["searchCriteria.sourceRefName"].removeprefix("refs/heads/")
            found = [at for at, each in enumerate(self.pulls, 1) if each["branch"] == branch]
            return 200, {"value": [{"pullRequestId": at} for at in found]}
        branch = body["sourceRefName"].removeprefix("refs/heads/")
        if any(each["branch"] == branch and each["state"] == "open" for each in self.pulls):
            return 409, {"message": "TF401179: An active pull request for the source and target branch already exists."}
        self.pulls.append({"branch": branch, "url": "", "state": "open", "title": body["title"]})
        return 201, {"pullRequestId": len(self.pulls)}


@contextmanager
def served(repository: GitHubServer | AzureDevOpsServer) -> Iterator[str]:
    """The address at which the repository's service listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        do_POST = do_PATCH = do_GET

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            repository.requests.append(f"{self.command} {unquote(parts.path)}")
            if self.headers.get("Authorization") != repository.authorization:
                status, said = 401, {"message": "Bad credentials"}
            elif repository.faults.get(self.command):
                status, said = repository.faults[self.command].pop(0), {"message": "as the test says"}
            else:
                status, said = repository.answer(self.command, unquote(parts.path), query, body)
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
