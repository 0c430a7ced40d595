"""The functions of merged changes: webhooks, messages, and what is read of a change; on a real repository."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from shared import bootstrap
from shared.application.changes.take import look_of
from shared.application.errors import TransientFault
from shared.application.ports import IntakeResult
from shared.contracts.inbound.webhooks import BODY_BYTES_MAX
from shared.contracts.looks import encode_look
from shared.contracts.messages import MessageError
from shared.settings import SettingsError, load_settings
from tests.contract.forms.test_webhooks import MERGED, PULL_REQUEST, PUSH, changed
from tests.fakes.facts import MemoryFindingLog
from tests.functions.callers import Signer, answered, function, message, request
from tests.functions.conftest import forget_settings
from tests.support.benches.changes import ChangeBench
from tests.support.benches.release import Bench
from tests.support.repositories import Project, circuit_path

accept_github = function("accept_github_change")
accept_devops = function("accept_azure_devops_change")
list_changes = function("list_changes")
read_change = function("read_change")
take_change = function("take_change")
dead_changes = function("dead_changes")
sweep_changes = function("sweep_changes")

SECRET = "a secret of sixteen"


@pytest.fixture
def changing(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChangeBench]:
    """The composition root hands out these ports; the repository lies on disk, so that any address may be ours."""
    made = ChangeBench(Project.with_fleet(tmp_path / "project"), tmp_path / "cache")
    monkeypatch.setenv("CHANGES_REPOSITORY", str(made.project.root))
    monkeypatch.setenv("CHANGES_GITHUB_SECRET", SECRET)
    monkeypatch.setenv("CHANGES_AZURE_DEVOPS_SECRET", SECRET)
    forget_settings()
    bootstrap.change_ports.provide(lambda: made.ports)
    yield made
    bootstrap.change_ports.provide(None)


def github(event: str, body: Any, *, secret: str = SECRET, raw: bytes | None = None) -> func.HttpRequest:
    """A delivery, signed."""
    data = raw if raw is not None else json.dumps(body).encode()
    signed = hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-github-event": event, "x-hub-signature-256": f"sha256={signed}"}
    return func.HttpRequest(method="POST", url="http://127.0.0.1/api/changes/github", headers=headers, body=data)


def devops(body: Any, *, password: str = SECRET) -> func.HttpRequest:
    coded = b64encode(f"hooks:{password}".encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {coded}"}
    data = json.dumps(body).encode()
    return func.HttpRequest(method="POST", url="http://127.0.0.1/api/changes/azure-devops", headers=headers, body=data)


def merged(changing: ChangeBench) -> str:
    changing.project.cutoff("2025-12-20")
    return changing.project.commit("More days")


async def test_a_merge_on_github_is_accepted_taken_and_can_be_read(changing: ChangeBench, signer: Signer) -> None:
    """From the signed webhook to the run id, as a person reads it."""
    head = merged(changing)
    body = changed(PULL_REQUEST, "pull_request.merge_commit_sha", head)

    accepted = answered(await accept_github(github("pull_request", body)), 202)
    assert accepted == {"answer": "accepted", "reason": "", "change_id": head, "follow": f"/api/changes/{head}"}
    (sent,) = changing.queue.sent
    await take_change(message(encode_look(sent.look), sent.message_id))

    view = answered(await read_change(request(signer.token(), change_id=head)), 200)
    (run,) = changing.trained()
    assert (view["state"], view["pr_number"], view["trainings_total"]) == ("taken", "PR-17", 1)
    (circuit,) = view["circuits"]
    assert (circuit["circuit"], circuit["kind"], circuit["run_id"]) == ("P001-C001", "training", run.run_id)
    listed = answered(await list_changes(request(signer.token())), 200)
    (summary,) = listed["changes"]
    assert summary.items() <= view.items()
    assert listed["in_force"] == head
    again = answered(await accept_github(github("pull_request", body)), 200)
    assert again["answer"] == "already_taken"


async def test_a_merge_in_azure_devops_is_accepted(changing: ChangeBench) -> None:
    head = merged(changing)
    body = changed(MERGED, "resource.lastMergeCommit.commitId", head)
    assert answered(await accept_devops(devops(body)), 202)["change_id"] == head
    assert changing.queue.keys == [head]


async def test_both_webhooks_of_one_merge_are_one_change(changing: ChangeBench, signer: Signer) -> None:
    """The push waits for the pull request's number."""
    head = merged(changing)
    answered(await accept_github(github("push", changed(PUSH, "after", head))), 202)
    answered(
        await accept_github(github("pull_request", changed(PULL_REQUEST, "pull_request.merge_commit_sha", head))), 202
    )
    waiting = [each.at is not None for each in changing.queue.sent]
    listed = answered(await list_changes(request(signer.token(), query={"limit": "5"})), 200)["changes"]
    assert waiting == [True, False]
    assert [each["state"] for each in listed] == ["accepted"]


async def test_what_is_refused_is_read_with_file_field_value_and_fix(changing: ChangeBench, signer: Signer) -> None:
    changing.project.edit(circuit_path(), "epochs: 3", "epochs: many")
    head = changing.project.commit("A mistake (#3)")
    await changing.settled(head)
    view = answered(await read_change(request(signer.token(), change_id=head.upper())), 200)
    (problem,) = view["problems"]
    assert view["state"] == "refused"
    assert (problem["file"], problem["field"], problem["value"], problem["line"]) == (
        circuit_path(),
        "training.hyperparameters.epochs",
        "many",
        13,
    )
    assert "write" in problem["fix"]


@pytest.mark.parametrize("secret", ["", "another secret!!", SECRET + " "])
async def test_a_wrong_secret_is_refused_and_nothing_is_kept(changing: ChangeBench, secret: str) -> None:
    """401, also for a body that could not be read."""
    answered(await accept_github(github("push", PUSH, secret=secret)), 401)
    answered(await accept_github(github("push", None, raw=b"{", secret=secret)), 401)
    answered(await accept_devops(devops(MERGED, password=secret)), 401)
    assert (changing.queue.sent, changing.log.records) == ([], {})


async def test_an_ignored_webhook_that_looks_like_ours_is_listed_and_found(
    changing: ChangeBench, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repository was renamed, or the branch is written otherwise: GitHub shows a green delivery all the same."""
    monkeypatch.setenv("CHANGES_REPOSITORY", "https://github.com/example/fleet-of-old")
    forget_settings()
    elsewhere = answered(await accept_github(github("push", PUSH)), 200)
    monkeypatch.setenv("CHANGES_REPOSITORY", PUSH["repository"]["clone_url"])
    forget_settings()
    branch = changed(changed(PUSH, "ref", "refs/heads/Main"), "after", "d" * 40)
    miswritten = answered(await accept_github(github("push", branch)), 200)
    feature = answered(await accept_github(github("push", changed(PUSH, "ref", "refs/heads/topic"))), 200)

    assert {each["answer"] for each in (elsewhere, miswritten, feature)} == {"ignored"}
    listed = answered(await list_changes(request(signer.token())), 200)["changes"]
    assert {(each["state"], each["note"]) for each in listed} == {
        ("ignored", elsewhere["reason"]),
        ("ignored", miswritten["reason"]),
    }
    assert isinstance(changing.ports.training.findings, MemoryFindingLog)
    assert {each.rule for each in changing.ports.training.findings.findings.values()} == {"change-ignored"}


async def test_what_concerns_nothing_of_ours_is_ignored_with_a_reason(changing: ChangeBench) -> None:
    """200: the sender need not send it again."""
    for call, said in (
        (accept_github(github("ping", {})), "ping"),
        (accept_github(github("push", changed(PUSH, "ref", "refs/heads/topic"))), "refs/heads/topic"),
        (accept_devops(devops(changed(MERGED, "resource.status", "active"))), "active"),
    ):
        answer = answered(await call, 200)
        assert answer["answer"] == "ignored"
        assert said in answer["reason"]
    assert (changing.queue.sent, changing.log.records) == ([], {})


async def test_a_body_above_the_limit_or_of_another_kind_is_refused(changing: ChangeBench) -> None:
    answered(await accept_github(github("push", None, raw=b" " * (BODY_BYTES_MAX + 1))), 413)
    problem = answered(await accept_github(github("push", changed(PUSH, "after", "main"))), 400)
    assert "after" in problem["detail"]
    form = func.HttpRequest(
        method="POST", url="/", headers={"content-type": "application/x-www-form-urlencoded"}, body=b"payload=%7B%7D"
    )
    assert "application/json" in answered(await accept_github(form), 400)["detail"]


async def test_an_app_that_expects_no_webhooks_says_what_to_set(
    changing: ChangeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is ever accepted without a secret."""
    monkeypatch.delenv("CHANGES_GITHUB_SECRET")
    forget_settings()
    assert "CHANGES_GITHUB_SECRET" in answered(await accept_github(github("push", PUSH, secret="")), 404)["detail"]
    monkeypatch.delenv("CHANGES_REPOSITORY")
    forget_settings()
    assert "CHANGES_REPOSITORY" in answered(await accept_devops(devops(MERGED)), 404)["detail"]


async def test_a_change_is_accepted_only_once_its_message_was_sent(
    changing: ChangeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and the same webhook again is accepted."""

    async def refused(*words: object, **options: object) -> None:
        raise TransientFault("the queue does not answer")

    body = changed(PULL_REQUEST, "pull_request.merge_commit_sha", merged(changing))
    send = changing.queue.send
    changing.queue.send = refused  # type: ignore[method-assign]
    answered(await accept_github(github("pull_request", body)), 503)
    changing.queue.send = send  # type: ignore[method-assign]
    answered(await accept_github(github("pull_request", body)), 202)
    assert len(changing.queue.sent) == 1


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("CHANGES_REPOSITORY", "https://github.com/example/fleet.git", True),
        ("CHANGES_REPOSITORY", "http://127.0.0.1:8000/fleet", True),
        ("CHANGES_REPOSITORY", "/srv/fleet.git", True),
        ("CHANGES_REPOSITORY", "http://github.com/example/fleet.git", False),
        ("CHANGES_REPOSITORY", "https://someone:secret@github.com/example/fleet.git", False),
        ("CHANGES_REPOSITORY", "https://token@github.com/example/fleet.git", False),
        ("CHANGES_REPOSITORY", "ssh://git@github.com/example/fleet.git", False),
        ("CHANGES_REPOSITORY", "fleet.git", False),
        ("CHANGES_GITHUB_SECRET", "short", False),
        ("CHANGES_AZURE_DEVOPS_SECRET", "short", False),
        ("CHANGES_BRANCH", "main..x y", False),
    ],
)
def test_settings_that_would_send_or_show_a_secret_are_refused(
    changing: ChangeBench, monkeypatch: pytest.MonkeyPatch, name: str, value: str, holds: bool
) -> None:
    """The error names the setting and never its value."""
    monkeypatch.setenv(name, value)
    if holds:
        assert load_settings().changes_repository == value
        return
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings()
    assert value not in str(caught.value)


async def test_reading_takes_a_token(changing: ChangeBench) -> None:
    answered(await list_changes(request(None)), 401)
    answered(await read_change(request(None, change_id="a" * 40)), 401)


async def test_what_is_no_change_is_not_found(changing: ChangeBench, signer: Signer) -> None:
    for change_id in ("a" * 40, "main", "../releases"):
        answered(await read_change(request(signer.token(), change_id=change_id)), 404)
    for limit in ("0", "201", "x", "-1"):
        answered(await list_changes(request(signer.token(), query={"limit": limit})), 400)


async def test_a_dead_message_fails_its_change(changing: ChangeBench, bench: Bench, signer: Signer) -> None:
    """One that cannot be read is only recorded; on the queue itself it raises, so that it becomes a dead letter."""
    head = merged(changing)
    await changing.merged(head)
    with pytest.raises(MessageError):
        await take_change(message(b"{"))
    await dead_changes(message(b"{"))
    await dead_changes(message(encode_look(look_of(head)), "m-2"))
    view = answered(await read_change(request(signer.token(), change_id=head)), 200)
    assert view["state"] == "failed"
    assert "message m-2 of changes could not be processed" in view["notes"][0]
    assert "sent again" in view["notes"][1]
    assert [each[:2] for each in bench.intake.records.values()] == [(IntakeResult.QUARANTINED, "changes")] * 2


async def test_the_timer_brings_back_a_change_whose_message_is_lost(changing: ChangeBench) -> None:
    head = merged(changing)
    await changing.merged(head)
    changing.queue.sent.clear()
    changing.clock.advance(3601)
    await sweep_changes(None)
    assert changing.queue.keys == [head]
