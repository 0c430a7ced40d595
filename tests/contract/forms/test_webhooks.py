"""Webhooks of GitHub and Azure DevOps: who may send them, what they claim, what is none of ours."""

import base64
import copy
import hashlib
import hmac
import json
from typing import Any

import pytest

from shared.contracts.inbound.webhooks import (
    Ignored,
    WebhookError,
    azure_devops_claim,
    basic_secret_holds,
    github_claim,
    github_signature_holds,
)
from shared.domain.changes.record import ChangeClaim
from shared.domain.makers import Account, AccountKind

SECRET = "a secret of sixteen"
BEFORE, AFTER = "b" * 40, "a" * 40
GITHUB_URL = "https://github.com/Example/fleet.git"
DEVOPS_URL = "https://dev.azure.com/example/Fleet/_git/fleet"

PUSH = {
    "ref": "refs/heads/main",
    "before": BEFORE,
    "after": AFTER,
    "created": False,
    "deleted": False,
    "forced": False,
    "commits": [{"id": AFTER, "message": "More days", "modified": ["config/plants/P001/C001.yml"]}],
    "repository": {"id": 1, "full_name": "Example/fleet", "clone_url": GITHUB_URL, "private": True},
    "pusher": {"name": "person-5", "email": "person5@example.com"},
}
PULL_REQUEST = {
    "action": "closed",
    "number": 17,
    "pull_request": {
        "number": 17,
        "state": "closed",
        "title": "More days",
        "merged": True,
        "merge_commit_sha": AFTER,
        "user": {"login": "person-5"},
        "merged_by": {"login": "person-6", "type": "User"},
        "base": {"ref": "main", "sha": BEFORE},
        "head": {"ref": "topic", "sha": "c" * 40},
    },
    "repository": {"clone_url": GITHUB_URL},
    "sender": {"login": "person-7", "type": "User"},
}
MERGED = {
    "subscriptionId": "00000000-0000-0000-0000-000000000000",
    "eventType": "git.pullrequest.merged",
    "publisherId": "tfs",
    "resource": {
        "repository": {
            "id": "1",
            "name": "fleet",
            "remoteUrl": "https://example@dev.azure.com/example/Fleet/_git/fleet",
        },
        "pullRequestId": 1234,
        "status": "completed",
        "createdBy": {"displayName": "Person 5", "uniqueName": "person5@example.com"},
        "closedBy": {"displayName": "Person 6", "uniqueName": "person6@example.com"},
        "sourceRefName": "refs/heads/topic",
        "targetRefName": "refs/heads/main",
        "mergeStatus": "succeeded",
        "lastMergeSourceCommit": {"commitId": "c" * 40},
        "lastMergeTargetCommit": {"commitId": BEFORE},
        "lastMergeCommit": {"commitId": AFTER},
    },
    "resourceVersion": "1.0",
}


def changed(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with another value at the dotted path."""
    made = copy.deepcopy(body)
    *above, last = path.split(".")
    part = made
    for name in above:
        part = part[name]
    part[last] = value
    return made


DEVOPS = AccountKind.AZURE_DEVOPS_NAME


def login(name: str, kind: AccountKind = AccountKind.GITHUB_LOGIN) -> Account:
    """Somebody who signed in to GitHub or Azure DevOps."""
    return Account(kind=kind, name=name, proven=True)


def github(event: str, body: object, repository: str = GITHUB_URL) -> ChangeClaim | Ignored:
    return github_claim(event, json.dumps(body).encode(), branch="main", repository=repository)


def devops(body: object, repository: str = DEVOPS_URL) -> ChangeClaim | Ignored:
    return azure_devops_claim(json.dumps(body).encode(), branch="main", repository=repository)


def test_a_push_claims_a_commit_and_what_was_before() -> None:
    assert github("push", PUSH) == ChangeClaim(
        commit=AFTER, branch="main", source="github", base=BEFORE, sender="person-5", senders=(login("person-5"),)
    )


def test_the_first_push_of_a_branch_has_no_before() -> None:
    claim = github("push", changed(PUSH, "before", "0" * 40))
    assert isinstance(claim, ChangeClaim)
    assert claim.base == ""
    assert claim.is_first


def test_a_forced_push_says_so() -> None:
    claim = github("push", changed(PUSH, "forced", True))
    assert isinstance(claim, ChangeClaim)
    assert claim.forced


def test_a_merged_pull_request_of_github_claims_its_number() -> None:
    """Its base is where the branch began: main had it, and need not have been there any more when it was merged."""
    assert github("pull_request", PULL_REQUEST) == ChangeClaim(
        commit=AFTER,
        branch="main",
        source="github",
        since=BEFORE,
        pr_number="PR-17",
        sender="person-5",
        senders=(login("person-5"), login("person-6"), login("person-7")),
    )


def test_a_merged_pull_request_of_azure_devops_claims_its_number_and_what_main_was() -> None:
    assert devops(MERGED) == ChangeClaim(
        commit=AFTER,
        branch="main",
        source="azure-devops",
        base=BEFORE,
        pr_number="PR-1234",
        sender="person5@example.com",
        senders=(login("person5@example.com", DEVOPS), login("person6@example.com", DEVOPS)),
    )


def test_who_pushed_is_not_always_who_is_told_as_the_pusher() -> None:
    claim = github("push", {**PUSH, "sender": {"login": "person-6", "type": "User"}})
    assert isinstance(claim, ChangeClaim)
    assert claim.senders == (login("person-5"), login("person-6"))


@pytest.mark.parametrize(
    ("event", "body", "left"),
    [
        ("push", {**PUSH, "pusher": {"name": "fleet[bot]"}, "sender": {"login": "fleet[bot]", "type": "Bot"}}, ()),
        ("push", {key: value for key, value in PUSH.items() if key != "pusher"}, ()),
        (
            "pull_request",
            changed(PULL_REQUEST, "pull_request.user", {"login": "d[bot]", "type": "Bot"}),
            ("person-6", "person-7"),
        ),
    ],
    ids=["an application pushes", "nobody is named", "an application opens"],
)
def test_what_an_application_does_nobody_has_done(event: str, body: dict[str, Any], left: tuple[str, ...]) -> None:
    claim = github(event, body)
    assert isinstance(claim, ChangeClaim)
    assert claim.senders == tuple(map(login, left))


@pytest.mark.parametrize(("event", "body"), [("push", PUSH), ("pull_request", PULL_REQUEST)])
def test_a_key_that_is_there_twice_is_refused_at_any_depth(event: str, body: dict[str, Any]) -> None:
    """Which of the two somebody else read, nobody can tell."""
    text = json.dumps(body).replace('"clone_url":', '"clone_url": "https://github.com/Example/other.git", "clone_url":')
    with pytest.raises(WebhookError, match="clone_url: there twice"):
        github_claim(event, text.encode(), branch="main", repository=GITHUB_URL)


@pytest.mark.parametrize(
    ("event", "body", "said"),
    [
        ("ping", {}, "event ping"),
        ("issues", PUSH, "event issues"),
        ("push", changed(PUSH, "ref", "refs/heads/topic"), "refs/heads/topic is not the branch main"),
        ("push", changed(PUSH, "ref", "refs/tags/main"), "refs/tags/main is not the branch main"),
        ("push", changed(PUSH, "deleted", True), "was deleted"),
        ("push", changed(PUSH, "after", "0" * 40), "was deleted"),
        ("push", changed(PUSH, "repository.clone_url", "https://github.com/Example/other.git"), "not the configured"),
        ("pull_request", changed(PULL_REQUEST, "action", "opened"), "was opened, not merged"),
        ("pull_request", changed(PULL_REQUEST, "pull_request.merged", False), "was closed, not merged"),
        ("pull_request", changed(PULL_REQUEST, "pull_request.base.ref", "release"), "is not the branch main"),
    ],
)
def test_what_concerns_nothing_of_ours_is_ignored_with_a_reason(event: str, body: Any, said: str) -> None:
    ignored = github(event, body)
    assert isinstance(ignored, Ignored)
    assert said in ignored.reason


def test_the_older_address_of_azure_devops_is_the_same_repository() -> None:
    """What the documented sample of the service hook has."""
    url = "https://example.visualstudio.com/DefaultCollection/Fleet/_git/fleet"
    assert isinstance(devops(changed(MERGED, "resource.repository.remoteUrl", url)), ChangeClaim)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("eventType", "git.push", "event git.push"),
        ("resource.targetRefName", "refs/heads/topic", "is not the branch main"),
        ("resource.status", "active", "the pull request is active"),
        ("resource.status", "abandoned", "the pull request is abandoned"),
        ("resource.mergeStatus", "conflicts", "its merge conflicts"),
        ("resource.repository.remoteUrl", "https://dev.azure.com/example/Other/_git/fleet", "not the configured"),
    ],
)
def test_azure_devops_tries_merges_of_open_pull_requests_and_they_are_ignored(path: str, value: str, said: str) -> None:
    ignored = devops(changed(MERGED, path, value))
    assert isinstance(ignored, Ignored)
    assert said in ignored.reason


@pytest.mark.parametrize(
    "url",
    ["https://github.com/example/FLEET", "https://github.com/Example/fleet.git/", "/srv/git/fleet", "file:///srv/f"],
)
def test_one_repository_has_several_addresses_and_one_on_disk_has_none(url: str) -> None:
    assert isinstance(github("push", PUSH, url), ChangeClaim)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("after", "main"),
        ("after", "a" * 39),
        ("after", "A" * 40),
        ("after", ["a" * 40]),
        ("ref", ""),
        ("ref", "r" * 400),
        ("repository", None),
        ("before", {"commit": BEFORE}),
    ],
)
def test_a_push_of_another_form_is_refused(path: str, value: object) -> None:
    """And what is wrong is named, without what was sent."""
    with pytest.raises(WebhookError, match=path):
        github("push", changed(PUSH, path, value))


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"eventType": 5}', b"[" * 100_000])
def test_a_body_that_is_no_webhook_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookError):
        azure_devops_claim(body, branch="main", repository=DEVOPS_URL)
    with pytest.raises(WebhookError):
        github_claim("push", body, branch="main", repository=GITHUB_URL)


def test_a_merged_pull_request_without_its_commit_is_refused() -> None:
    with pytest.raises(WebhookError, match="lastMergeCommit"):
        devops(changed(MERGED, "resource.lastMergeCommit", None))
    with pytest.raises(WebhookError, match="merge_commit_sha"):
        github("pull_request", changed(PULL_REQUEST, "pull_request.merge_commit_sha", None))


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_only_the_signature_of_exactly_this_body_holds() -> None:
    body = json.dumps(PUSH).encode()
    assert github_signature_holds(signature(body), body, SECRET)
    assert not github_signature_holds(signature(body), body + b" ", SECRET)
    assert not github_signature_holds(signature(body, "another secret"), body, SECRET)
    for header in ("", "sha256=", signature(body).upper(), signature(body).replace("sha256", "sha1"), "sha256=ü"):
        assert not github_signature_holds(header, body, SECRET)


def basic(password: str, user: str = "hooks") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_only_the_password_counts_and_only_the_whole_of_it() -> None:
    assert basic_secret_holds(basic(SECRET), SECRET)
    assert basic_secret_holds(basic(SECRET, ""), SECRET)
    assert basic_secret_holds(basic("ü:" + SECRET), "ü:" + SECRET)
    wrong = ("", "Basic", "Basic !!", "Basic ü", basic(""), basic(SECRET + "x"), basic(SECRET[:-1]))
    for header in (*wrong, f"Bearer {SECRET}", basic(SECRET).replace("Basic", "Bearer")):
        assert not basic_secret_holds(header, SECRET)
