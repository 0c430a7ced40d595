"""The ways in which a request names an asset or a place in storage.

Forms that the client writes and reads: ARM ids with and without the `azureml:` prefix, registry
URIs, location URIs in imports, short and long datastore URIs, outputs of jobs, and blob URLs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from local.azureml.service.errors import invalid

ASSET_KINDS = ("models", "environments", "data", "codes")

_ASSET = r"(?P<kind>[a-z]+)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)$"
_REFERENCES = (
    re.compile(r"^azureml://registries/(?P<registry>[^/]+)/" + _ASSET, re.I),
    re.compile(r"^azureml://locations/[^/]+/workspaces/(?P<guid>[^/]+)/" + _ASSET, re.I),
    re.compile(
        r"^(?:azureml:)?/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.MachineLearningServices"
        r"/(?:workspaces/(?P<workspace>[^/]+)|registries/(?P<registry>[^/]+))/" + _ASSET,
        re.I,
    ),
)
_DATASTORE = re.compile(
    r"^azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/workspaces/(?P<workspace>[^/]+)/)?"
    r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)$",
    re.I,
)
_JOB_OUTPUT = re.compile(r"^azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)/paths/?(?P<path>.*)$", re.I)
_PUBLIC_BLOB = re.compile(r"^https://(?P<account>[a-z0-9]+)\.blob\.core\.windows\.net/(?P<rest>.+)$")


@dataclass(frozen=True, kw_only=True)
class AssetRef:
    """An asset version and where it lives; a workspace may be named by its guid."""

    home: Literal["workspace", "guid", "registry"]
    scope: str
    kind: str
    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class DatastorePath:
    """A folder or file on a datastore of a workspace (None: of the workspace the request is about)."""

    workspace: str | None
    datastore: str
    path: str


@dataclass(frozen=True, kw_only=True)
class BlobPath:
    """A folder or file in a container of the storage account."""

    container: str
    path: str


def parse_asset(reference: str) -> AssetRef:
    """Read an asset reference with a version. Raises `ArmError` 400 for any other form."""
    for pattern in _REFERENCES:
        if match := pattern.match(reference):
            parts = match.groupdict()
            for home in ("workspace", "guid", "registry"):
                if scope := parts.get(home):
                    return AssetRef(
                        home=home, scope=scope, kind=parts["kind"], name=parts["name"], version=parts["version"]
                    )
    raise invalid(
        f"{reference!r} does not name an asset version. Use a full ARM id or "
        "azureml://registries/<registry>/<kind>/<name>/versions/<version>."
    )


def asset_id(reference: str) -> str:
    """The id without the `azureml:` that components put before an ARM id; that of a registry begins so itself."""
    return reference if reference.startswith("azureml://") else reference.removeprefix("azureml:")


def parse_location(uri: str, *, blob_endpoint: str) -> DatastorePath | BlobPath:
    """Read the URI of a folder or file. Raises `ArmError` 400 for a place this machine cannot reach."""
    if match := _DATASTORE.match(uri):
        return DatastorePath(**match.groupdict())
    if match := _JOB_OUTPUT.match(uri):
        return job_output(**match.groupdict())
    rest = None
    if match := _PUBLIC_BLOB.match(uri):
        rest = match["rest"] if blob_endpoint.endswith("/" + match["account"]) else None
    elif uri.startswith(blob_endpoint + "/"):
        rest = uri.removeprefix(blob_endpoint + "/")
    if not rest:
        raise invalid(f"{uri!r} is not a place in the local cloud's storage.")
    container, _, path = rest.partition("?")[0].partition("/")
    return BlobPath(container=container, path=path)


def job_of(uri: str) -> str | None:
    """The job whose output a URI names; None for any other place."""
    match = _JOB_OUTPUT.match(uri)
    return match["job"] if match else None


def job_output(job: str, output: str, path: str = "") -> DatastorePath:
    """Where an output of a job is kept: named outputs with the data, default artifacts with the run history."""
    if output == "artifacts":
        return DatastorePath(
            workspace=None, datastore="workspaceartifactstore", path=f"ExperimentRun/dcid.{job}/{path}"
        )
    return DatastorePath(workspace=None, datastore="workspaceblobstore", path=f"azureml/{job}/{output}/{path}")
