"""Service Bus clients from the `connection` of a trigger: a connection string, or a namespace with an identity."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, TypedDict

from azure.servicebus.aio import ServiceBusClient

from local.host.settings import SettingsError

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential


class _ClientRetries(TypedDict):
    """Options of the client. Times are in seconds."""

    retry_total: int
    retry_backoff_factor: float
    retry_backoff_max: float


# The client retries inside one call; the pumps retry around it, so its own attempts are few and quick.
_CLIENT_RETRIES: _ClientRetries = {"retry_total": 3, "retry_backoff_factor": 0.1, "retry_backoff_max": 1.0}
_LOOPBACK = ("localhost", "127.0.0.1")


class Connections:
    """One client per `connection` name, made when first asked for."""

    def __init__(self) -> None:
        self._clients: dict[str, ServiceBusClient] = {}
        self._credentials: list[DefaultAzureCredential] = []
        # Once for all: by itself the client reads the certificates again for every link it opens, TLS or not.
        self._authorities = ssl.create_default_context()

    def client(self, name: str) -> ServiceBusClient:
        """The client for the app setting `name`. Raises SettingsError if neither form is set."""
        if name not in self._clients:
            self._clients[name] = self._make(name)
        return self._clients[name]

    def _make(self, name: str) -> ServiceBusClient:
        namespace = os.environ.get(f"{name}__fullyQualifiedNamespace")
        connection_string = os.environ.get(name)
        if connection_string:
            return ServiceBusClient.from_connection_string(
                connection_string, ssl_context=self._authorities, **_CLIENT_RETRIES
            )
        if namespace:
            from azure.identity.aio import DefaultAzureCredential  # slow to import; a connection string needs none

            credential = DefaultAzureCredential(managed_identity_client_id=os.environ.get(f"{name}__clientId"))
            self._credentials.append(credential)
            # A broker on this machine speaks plain TCP; Azure's namespaces speak TLS only.
            use_tls = namespace.split(":")[0] not in _LOOPBACK
            return ServiceBusClient(
                namespace, credential, use_tls=use_tls, ssl_context=self._authorities, **_CLIENT_RETRIES
            )
        raise SettingsError(
            f"connection '{name}': set the app setting {name} (a connection string) or {name}__fullyQualifiedNamespace"
        )

    async def close(self) -> None:
        """Close the clients and credentials; their receivers are closed by the pumps."""
        for client in self._clients.values():
            await client.close()
        for credential in self._credentials:
            await credential.close()
