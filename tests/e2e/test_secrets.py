"""No secret, token or signature appears in any row, message, log or answer (I23)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local import storage_account
from local.demos.desk import Desk
from local.seeding.credentials import token_of
from local.seeding.model_factory import ModelFactory
from local.supervisor.cloud import LocalCloud
from tests.e2e.conftest import CIRCUIT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TOKEN = rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
SHARED_ACCESS = rb"(?:sig=|SharedAccessSignature sr=)[\w%+/=-]{20,}"


def test_no_secret_is_in_a_row_a_message_a_log_or_an_answer(
    cloud: LocalCloud, factory: ModelFactory, model_folder: Path, desk: Desk
) -> None:
    """People with good and bad tokens, callers with good and bad keys, and one release up to its rejection."""
    answers = list(refused_calls(cloud))
    version = factory.register_model(CIRCUIT, model_folder, "PR-1")
    release = desk.follow(desk.opened(f"{CIRCUIT.model_name}:{version}").release_id)
    desk.reject(release, "engineer-1", "only to leave traces")
    cloud.restart("azurite")  # it writes its rows late, and at the latest when it stops

    secrets = re.compile(b"|".join([TOKEN, SHARED_ACCESS, *(re.escape(key) for key in keys(cloud))]))
    files = {file.relative_to(cloud.data): file for file in sorted(cloud.data.rglob("*")) if file.is_file()}
    texts = {name.as_posix(): file.read_bytes() for name, file in files.items() if is_output(name)}

    assert secrets.search(token_of(cloud.urls["identity"], "viewer-1").encode()), "a token is not recognised"
    assert release.release_id.encode() in b"".join(texts.values()), "nothing of the release is in what is searched"
    found = {name: secrets.findall(text)[0][:24] for name, text in texts.items() if secrets.search(text)}
    assert found == {}
    assert [text for text in answers if secrets.search(text)] == []


def refused_calls(cloud: LocalCloud) -> Iterator[bytes]:
    """The bodies of answers to callers who may not do what they ask for."""
    good = token_of(cloud.urls["identity"], "viewer-1")
    forged = f"{good[:-8]}AAAAAAAA"
    api, host = cloud.urls["api"], cloud.urls["host"]
    with httpx.Client(trust_env=False, verify=False) as client:
        for token in (good, forged, good.rpartition(".")[0]):
            headers = {"Authorization": f"Bearer {token}"}
            yield client.post(f"{api}releases/no-such-release/abort", headers=headers, json={"reason": token}).content
            yield client.get(f"{api}releases", headers=headers, params={"token": token}).content
        for key in (*(key.decode() for key in keys(cloud)), "no-key"):
            hook = f"{host}/runtime/webhooks/eventgrid"
            yield client.post(hook, params={"functionName": "model_events", "code": key}, json=[{}]).content


def keys(cloud: LocalCloud) -> list[bytes]:
    """The keys of storage and of the host, by value."""
    storage = re.search("AccountKey=([^;]+)", storage_account.connection_string(cloud.layout.azurite_ports))
    assert storage is not None
    host = json.loads(cloud.layout.host_keys.read_text())
    return [storage[1].encode(), *(str(key).encode() for key in texts_of(host) if len(str(key)) >= 16)]


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from texts_of(each)
    elif isinstance(value, str):
        yield value


def is_output(file: Path) -> bool:
    """What parts write of themselves, as against where they keep the keys that they are given."""
    kept = ("settings.json", "eventgrid.json", "keys.json", "eventgrid.sqlite", "eventgrid.sqlite-wal")
    return file.parts[0] not in ("identity", "azureml", "lake", "environments") and file.name not in kept
