"""Settings that would send a credential in clear, or that are no values at all, are refused with what to do."""

import typing
from typing import Any

import pytest
from pydantic import AnyUrl, SecretStr

from shared.settings import Settings, SettingsError, load_settings

GUID = "00000000-0000-4000-8000-000000000001"
GOOD = {
    "STATE_STORAGE__tableServiceUri": "https://a.table.core.windows.net",
    "STATE_STORAGE__blobServiceUri": "https://a.blob.core.windows.net",
    "SERVICEBUS__fullyQualifiedNamespace": "a.servicebus.windows.net",
    "RELEASE_EVENTS_QUEUE": "release-events",
    "EFFECTS_QUEUE": "effects",
    "TRAININGS_QUEUE": "trainings",
    "AZURE_TENANT_ID": GUID,
    "AZURE_SUBSCRIPTION_ID": GUID,
    "AZURE_RESOURCE_GROUP": "g",
    "DEV_WORKSPACE": "dev",
    "TEST_WORKSPACE": "test",
    "PRODUCTION_WORKSPACE": "production",
    "MODEL_REGISTRY": "shared",
    "FACTS_TOPIC_ENDPOINT": "https://t.westeurope-1.eventgrid.azure.net/api/events",
    "API_AUDIENCE": "api://switchyard",
}
VARIABLES = {
    field.validation_alias if isinstance(field.validation_alias, str) else name.upper(): field
    for name, field in Settings.model_fields.items()
}


def _types(annotation: Any) -> set[type]:
    """Every class in an annotation, `X | None` and `Annotated` taken apart."""
    inner = typing.get_args(annotation)
    return {each for part in inner for each in _types(part)} if inner else {annotation}


ADDRESSES = [
    name
    for name, field in VARIABLES.items()
    if any(isinstance(each, type) and issubclass(each, AnyUrl) for each in _types(field.annotation))
    or name.endswith(("_API", "_URI", "_URL", "_ENDPOINT", "_REPOSITORY", "Uri"))
]
"""By type and by name, so that a new address cannot be forgotten."""

SECRETS = [name for name, field in VARIABLES.items() if SecretStr in _types(field.annotation)]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def refusal() -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings()
    (problem,) = refused.value.problems
    return problem


def test_the_settings_of_this_file_are_good() -> None:
    assert load_settings().model_registry == "shared"


def test_addresses_and_secrets_are_found_in_the_model() -> None:
    assert {"PROPOSALS_API", "JWKS_URI", "FACTS_TOPIC_ENDPOINT", "CHANGES_REPOSITORY"} < set(ADDRESSES)
    assert {"PROPOSALS_TOKEN", "CHANGES_REPOSITORY_TOKEN", "STATE_STORAGE", "SERVICEBUS"} < set(SECRETS)


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/x",
        "HTTP://example.com/x",
        "http://10.0.0.4:8080/x",
        "http://127.0.0.1.example.com/x",
        "http://localhost@example.com/x",
        "https://user:word@example.com/x",
        "ftp://example.com/x",
    ],
)
def test_an_address_that_a_credential_would_reach_in_clear_is_refused(
    name: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one stand in the address: logs repeat it. The address itself is not repeated here either."""
    monkeypatch.setenv(name, address)

    problem = refusal()

    assert problem.startswith(f"{name} is wrong")
    assert "word" not in problem.partition(": set it to")[0]


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("address", ["https://example.com/x", "http://127.0.0.1:7071/x", "http://localhost/x"])
def test_addresses_with_tls_and_those_of_this_machine_are_taken(
    name: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local cloud is on this machine."""
    monkeypatch.setenv(name, address)

    load_settings()


@pytest.mark.parametrize(
    ("name", "connection"),
    [
        ("STATE_STORAGE", "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=k;EndpointSuffix=core.windows.net"),
        (
            "STATE_STORAGE",
            "defaultendpointsprotocol = HTTP ;AccountName=a;TableEndpoint=https://a.table.core.windows.net",
        ),
        ("STATE_STORAGE", "BlobEndpoint=http://a.blob.core.windows.net;SharedAccessSignature=s"),
        ("SERVICEBUS", "Endpoint=sb://example.com;SharedAccessKey=k;UseDevelopmentEmulator=true"),
    ],
)
def test_a_connection_without_tls_is_refused(name: str, connection: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, connection)

    assert f"{name} is wrong (what the app sends there must not travel in clear" in refusal()


@pytest.mark.parametrize(
    ("name", "connection"),
    [
        ("STATE_STORAGE", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=k;EndpointSuffix=core.windows.net"),
        (
            "STATE_STORAGE",
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=k;BlobEndpoint=http://127.0.0.1:1/a;"
            "QueueEndpoint=http://127.0.0.1:2/a;TableEndpoint=http://127.0.0.1:3/a;",
        ),
        ("SERVICEBUS", "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=k="),
        ("SERVICEBUS", "Endpoint=sb://127.0.0.1:5672;SharedAccessKey=k;UseDevelopmentEmulator=true;"),
    ],
)
def test_connections_with_tls_and_those_of_this_machine_are_taken(
    name: str, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, connection)

    load_settings()


@pytest.mark.parametrize("name", [*SECRETS, *ADDRESSES, "API_AUDIENCE", "AZURE_TENANT_ID", "ALERT_TOPICS"])
@pytest.mark.parametrize(
    "reference",
    [
        "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)",
        " @microsoft.keyvault(VaultName=v;SecretName=s)",
    ],
)
def test_a_reference_that_was_not_resolved_is_no_secret(
    name: str, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Webhooks would be signed with a text that anybody can read in the template."""
    monkeypatch.setenv(name, reference)

    problem = refusal()

    assert problem.startswith(f"{name} is wrong (it is a reference to a key vault")
    assert '"Key Vault Secrets User"' in problem
