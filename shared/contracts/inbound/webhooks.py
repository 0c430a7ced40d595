"""Webhooks of GitHub and Azure DevOps about merged changes: who may send them, and what they claim.

Signatures and secrets are compared in constant time, over the body as it came, before anything of it is read
(R-SEC-29). What a webhook claims is a hint; fields that are not used are not looked at.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from shared.contracts.base import check_once
from shared.contracts.inbound.wire import Wire
from shared.domain.changes.address import repository_address
from shared.domain.changes.record import ChangeClaim
from shared.domain.errors import InvalidRequest
from shared.domain.makers import Account, AccountKind, together

BODY_BYTES_MAX = 5 * 1024 * 1024
"""A push of GitHub lists up to 2,048 commits, with their files."""

GITHUB, AZURE_DEVOPS = "github", "azure-devops"
_HEADS = "refs/heads/"
_NONE = re.compile("0{40}|0{64}")
_SIGNATURE = re.compile("sha256=([0-9a-f]{64})")

CommitId = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Short = Annotated[str, StringConstraints(max_length=300)]
Number = Annotated[int, Field(ge=1, le=9_999_999_999)]


class WebhookError(ValueError):
    """A body that is no such webhook; the text names what is wrong."""


@dataclass(frozen=True)
class Ignored:
    """A genuine webhook that concerns nothing of ours. `lookalike` is the commit that it told of where its repository
    or branch looks like ours, so that a person may have meant it for us; empty otherwise."""

    reason: str
    lookalike: str = ""


PartT = TypeVar("PartT", bound=Wire)


class _GitHubRepository(Wire):
    clone_url: Short


class _Login(Wire):
    login: Short = ""
    type: Short = ""


class _Pusher(Wire):
    name: Short = ""


class _Push(Wire):
    ref: Ref
    before: CommitId
    after: CommitId
    deleted: bool = False
    forced: bool = False
    repository: _GitHubRepository
    pusher: _Pusher = _Pusher()
    sender: _Login = _Login()


class _Base(Wire):
    ref: Ref
    sha: CommitId | None = None


class _GitHubPullRequest(Wire):
    number: Number
    merged: bool = False
    merge_commit_sha: CommitId | None = None
    base: _Base
    user: _Login = _Login()
    merged_by: _Login = _Login()


class _PullRequestEvent(Wire):
    action: Short
    pull_request: _GitHubPullRequest
    repository: _GitHubRepository
    sender: _Login = _Login()


class _Commit(Wire):
    commitId: CommitId  # the name on the wire


class _DevOpsRepository(Wire):
    remoteUrl: Short


class _Person(Wire):
    uniqueName: Short = ""


class _DevOpsPullRequest(Wire):
    repository: _DevOpsRepository
    pullRequestId: Number
    status: Short
    mergeStatus: Short = ""
    targetRefName: Ref
    lastMergeCommit: _Commit | None = None
    lastMergeTargetCommit: _Commit | None = None
    createdBy: _Person = _Person()
    closedBy: _Person = _Person()


class _ServiceHook(Wire):
    eventType: Short


class _Merged(Wire):
    resource: _DevOpsPullRequest


def github_signature_holds(header: str, body: bytes, secret: str) -> bool:
    """Whether `X-Hub-Signature-256` is the HMAC of exactly this body under the secret."""
    found = _SIGNATURE.fullmatch(header.strip())
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(found.group(1) if found else "", wanted)


def basic_secret_holds(header: str, secret: str) -> bool:
    """Whether the password of an `Authorization: Basic` header is the secret; the user name may be any."""
    kind, _, coded = header.strip().partition(" ")
    try:
        password = base64.b64decode(coded.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        password = b""
    return hmac.compare_digest(password, secret.encode()) and kind.lower() == "basic"


def github_claim(event: str, body: bytes, *, branch: str, repository: str) -> ChangeClaim | Ignored:
    """What a webhook of GitHub claims about the branch. Raises WebhookError."""
    if event == "push":
        return _of_push(_read(_Push, body), branch, repository)
    if event == "pull_request":
        return _of_pull_request(_read(_PullRequestEvent, body), branch, repository)
    return Ignored(f"event {_shown(event)} of GitHub says nothing about merges")


def azure_devops_claim(body: bytes, *, branch: str, repository: str) -> ChangeClaim | Ignored:
    """What a service hook of Azure DevOps claims about the branch. Raises WebhookError.

    `git.pullrequest.merged` is also sent for trial merges of open pull requests: only a completed one counts.
    """
    event = _read(_ServiceHook, body).eventType
    if event != "git.pullrequest.merged":
        return Ignored(f"event {_shown(event)} of Azure DevOps says nothing about merges")
    found = _read(_Merged, body).resource
    merge = found.lastMergeCommit.commitId if found.lastMergeCommit and found.status == "completed" else None
    if ignored := _elsewhere(found.targetRefName, found.repository.remoteUrl, merge, branch, repository):
        return ignored
    if found.status != "completed" or found.mergeStatus != "succeeded":
        return Ignored(
            f"the pull request is {_shown(found.status)}, its merge {_shown(found.mergeStatus) or 'unknown'}"
        )
    if found.lastMergeCommit is None:
        raise WebhookError("resource.lastMergeCommit is missing: send all resource details")
    return ChangeClaim(
        commit=found.lastMergeCommit.commitId,
        branch=branch,
        source=AZURE_DEVOPS,
        base=found.lastMergeTargetCommit.commitId if found.lastMergeTargetCommit else "",
        pr_number=f"PR-{found.pullRequestId}",
        sender=found.createdBy.uniqueName,
        senders=_proven(AccountKind.AZURE_DEVOPS_NAME, found.createdBy.uniqueName, found.closedBy.uniqueName),
    )


def _of_push(push: _Push, branch: str, repository: str) -> ChangeClaim | Ignored:
    is_gone = push.deleted or bool(_NONE.fullmatch(push.after))
    told = None if is_gone else push.after
    if ignored := _elsewhere(push.ref, push.repository.clone_url, told, branch, repository):
        return ignored
    if is_gone:
        return Ignored(f"the branch {branch} was deleted")
    is_first = bool(_NONE.fullmatch(push.before))
    return ChangeClaim(
        commit=push.after,
        branch=branch,
        source=GITHUB,
        base="" if is_first else push.before,
        is_first=is_first,
        forced=push.forced,
        sender=push.pusher.name,
        senders=_proven(AccountKind.GITHUB_LOGIN, _pushed_by(push), *_people(push.sender)),
    )


def _of_pull_request(event: _PullRequestEvent, branch: str, repository: str) -> ChangeClaim | Ignored:
    found = event.pull_request
    if event.action != "closed" or not found.merged:
        return Ignored(f"the pull request was {_shown(event.action)}, not merged")
    ref, told = _HEADS + found.base.ref, found.merge_commit_sha
    if ignored := _elsewhere(ref, event.repository.clone_url, told, branch, repository):
        return ignored
    if found.merge_commit_sha is None:
        raise WebhookError("pull_request.merge_commit_sha is missing")
    return ChangeClaim(
        commit=found.merge_commit_sha,
        branch=branch,
        source=GITHUB,
        since=found.base.sha or "",
        pr_number=f"PR-{found.number}",
        sender=found.user.login,
        senders=_proven(AccountKind.GITHUB_LOGIN, *_people(found.user, found.merged_by, event.sender)),
    )


def _proven(kind: AccountKind, *names: str) -> tuple[Account, ...]:
    """Accounts that the service knows to have signed in: it says so under its signature or secret."""
    return together(Account(kind=kind, name=name, proven=True) for name in names if name)


def _people(*logins: _Login) -> Iterator[str]:
    """What an application does, nobody has done."""
    return (each.login for each in logins if each.type != "Bot")


def _pushed_by(push: _Push) -> str:
    """The pusher has a name and no type; as the sender of the same event an application has one."""
    return "" if push.sender.type == "Bot" and push.sender.login == push.pusher.name else push.pusher.name


def _elsewhere(ref: str, url: str, commit: str | None, branch: str, repository: str) -> Ignored | None:
    """Why a webhook is not about our branch of our repository; None when it is.

    A configured repository on disk has no address that a webhook knows: then only the branch counts.
    """
    ours, theirs = repository_address(repository), repository_address(url)
    is_ours = not ours or bool(theirs and ours.same_as(theirs))
    if ref != _HEADS + branch:
        is_meant = is_ours and ref.casefold() == (_HEADS + branch).casefold()
        return Ignored(f"{_shown(ref)} is not the branch {branch}", commit if commit and is_meant else "")
    if is_ours:
        return None
    is_meant = bool(ours and theirs and ours.resembles(theirs))
    return Ignored(f"{_shown(url)} is not the configured repository", commit if commit and is_meant else "")


def _read(model: type[PartT], body: bytes) -> PartT:
    try:
        check_once(body)
        return model.model_validate_json(body)
    except InvalidRequest as error:
        raise WebhookError(str(error)) from error
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        named = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in faults[:5])
        raise WebhookError(named) from error


def _shown(text: str) -> str:
    """A text from outside on one line, shortened."""
    return " ".join(text.split())[:120]
