"""Who may talk to the server: a bearer token in form, or one that the identity part has signed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.local.azureml.cloud import workspace_path
from tests.support.processes import Part, running

AUDIENCE = "https://management.azure.com"


@pytest.fixture(scope="module")
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def jwks_url(signing_key: rsa.RSAPrivateKey) -> Iterator[str]:
    """A server of one public key."""
    public = jwt.algorithms.RSAAlgorithm.to_jwk(signing_key.public_key(), as_dict=True)
    document = json.dumps({"keys": [{**public, "kid": "k1", "use": "sig", "alg": "RS256"}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/keys"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def part(jwks_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    data = tmp_path_factory.mktemp("access")
    options = ["--data", str(data), "--blob-endpoint", "http://127.0.0.1:1/devstoreaccount1", "--jwks", jwks_url]
    with running("local.azureml", *options, log=data / "log") as started:
        yield started


def ask(part: Part, bearer: str | None) -> httpx.Response:
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    return httpx.get(part.url + workspace_path(), headers=headers)


def signed(key: Any, **claims: Any) -> str:
    wanted = {"aud": AUDIENCE, "exp": int(time.time()) + 60, "upn": "ada@example.com", **claims}
    return jwt.encode(wanted, key, algorithm="RS256", headers={"kid": "k1"})


@pytest.mark.parametrize("audience", [AUDIENCE, AUDIENCE + "/", "https://ml.azure.com"])
def test_a_signed_token_for_this_api_is_accepted(part: Part, signing_key: rsa.RSAPrivateKey, audience: str) -> None:
    """Both spellings of the management audience, and the machine-learning one."""
    assert ask(part, signed(signing_key, aud=audience)).status_code == 200


def test_a_token_that_proves_nothing_is_refused(part: Part, signing_key: rsa.RSAPrivateKey) -> None:
    """None, nonsense, expired, for another API, or signed by somebody else: 401, in ARM's form."""
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused = [
        None,
        "nonsense",
        signed(signing_key, exp=int(time.time()) - 60),
        signed(signing_key, aud="api://switchyard"),
        signed(stranger),
    ]
    answers = [ask(part, bearer) for bearer in refused]
    assert [answer.status_code for answer in answers] == [401] * len(refused)
    assert answers[0].json()["error"]["code"] == "AuthenticationFailed"


def test_health_and_control_need_no_token_and_control_refuses_what_it_does_not_know(part: Part) -> None:
    """A misspelled fault is an error, not a test that passes by accident."""
    assert httpx.get(f"{part.url}/health").json() == {"status": "ok"}
    misspelled = httpx.post(f"{part.url}/control/faults", json={"operation": "deployment.put", "kind": "lro_fail"})
    assert misspelled.status_code == 400
    assert "lro_failed" in misspelled.text


def test_the_lake_is_a_folder_below_the_data_unless_told_otherwise(part: Part) -> None:
    """It is there from the start, so that somebody can put a table into it."""
    data = Path(part.options[part.options.index("--data") + 1])
    assert (data / "lake").is_dir()


@pytest.mark.parametrize(
    ("claims", "kind"), [({}, "User"), ({"idtyp": "app", "upn": "", "oid": "4" * 8}, "Application")]
)
def test_who_made_a_version_is_on_record_with_what_they_are(
    part: Part, signing_key: rsa.RSAPrivateKey, claims: dict[str, str], kind: str
) -> None:
    """An application is nobody who could be asked."""
    address = f"{part.url}{workspace_path()}/environments/made-by-{kind.lower()}/versions/1"
    headers = {"authorization": f"Bearer {signed(signing_key, **claims)}"}
    answer = httpx.put(address, headers=headers, json={"properties": {"image": "scratch"}})
    made = answer.json()["systemData"]
    assert (made["createdByType"], made["lastModifiedByType"]) == (kind, kind)
    assert made["createdBy"] == (claims.get("oid") or "ada@example.com")


def test_the_server_tells_what_each_caller_asked_for(part: Part, signing_key: rsa.RSAPrivateKey) -> None:
    """Whoever compares rights with what is used needs it."""
    ask(part, signed(signing_key, upn="grace@example.com"))

    def asked(caller: str) -> Any:
        return httpx.get(f"{part.url}/control/asked", params={"caller": caller}).json()

    assert asked("grace@example.com") == [{"operation": "workspace.get", "place": "dev-ml-workspace"}]
    assert asked("nobody@example.com") == []
