"""Stand-ins for the protobuf messages that `azure-functions-runtime` builds and reads.

The runtime never imports protobuf: it takes a `protos` object and uses the classes on it by name
(`azure_functions_runtime.handle_event`, `.loader`, `.bindings.datumdef`, version 1.3.0). Plain attribute bags
with the two one-of look-ups it makes are all it needs, so no gRPC channel stands between host and worker.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any


class Bag:
    """A message: whatever fields it was built with."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class BindingInfo(Bag):
    """Direction and data type of one binding; the numbers are those of FunctionRpc.proto."""

    undefined, string, binary, stream = 0, 1, 2, 3
    out, inout = 1, 2


class StatusResult(Bag):
    """Outcome of one request to the worker; the numbers are those of FunctionRpc.proto."""

    Failure, Success, Cancelled = 0, 1, 2


class TypedData:
    """One value in or out of a function: exactly one of the kinds string, json, bytes, http, collection_*."""

    def __init__(self, **field: Any) -> None:
        if len(field) > 1:
            raise ValueError(f"typed data holds one value, not {sorted(field)}")
        self.kind: str | None = next(iter(field), None)
        self.value: Any = field.get(self.kind) if self.kind else None
        if self.kind:
            setattr(self, self.kind, self.value)

    def WhichOneof(self, _group: str) -> str | None:
        """The kind that is set, as protobuf names it."""
        return self.kind


class ParameterBinding(Bag):
    """A named value; this host always sends it inline, never through shared memory."""

    name: str
    data: TypedData

    def WhichOneof(self, _group: str) -> str:
        """The transport of the value, as protobuf names it."""
        return "data"


class RpcHttpCookie(Bag):
    """A cookie of an HTTP response."""

    SameSite = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


_PLAIN_MESSAGES = (
    "RpcHttp",
    "NullableString",
    "NullableBool",
    "NullableDouble",
    "NullableTimestamp",
    "Timestamp",
    "RpcException",
    "WorkerMetadata",
    "RpcRetryOptions",
    "RpcFunctionMetadata",
    "WorkerInitResponse",
    "FunctionMetadataResponse",
    "FunctionLoadResponse",
    "InvocationResponse",
)

PROTOS = SimpleNamespace(
    BindingInfo=BindingInfo,
    StatusResult=StatusResult,
    TypedData=TypedData,
    ParameterBinding=ParameterBinding,
    RpcHttpCookie=RpcHttpCookie,
    **{name: type(name, (Bag,), {}) for name in _PLAIN_MESSAGES},
)


def text(value: str) -> TypedData:
    """A string value."""
    return TypedData(string=value)


def as_json(value: Any) -> TypedData:
    """A value that travels as JSON text: numbers, dates, objects."""
    return TypedData(json=json.dumps(value))


def http(**fields: Any) -> TypedData:
    """An HTTP request: method, url, headers, params, query and a TypedData body."""
    return TypedData(http=PROTOS.RpcHttp(**fields))
