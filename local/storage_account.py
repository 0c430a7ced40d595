"""The one storage account of the local cloud: Azurite's, whose published key opens nothing but the emulator."""

from __future__ import annotations

from local.conventions import LOOPBACK

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SERVICES = ("blob", "queue", "table")


def endpoint(port: int) -> str:
    """Base URL of one service: the account is the first path segment."""
    return f"http://{LOOPBACK}:{port}/{ACCOUNT}"


def connection_string(ports: dict[str, int]) -> str:
    """Of the whole account; `ports` by service."""
    endpoints = "".join(f"{service.title()}Endpoint={endpoint(ports[service])};" for service in SERVICES)
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints}"
