"""Runs the app with the official `azure-functions-runtime`, in this process.

The runtime is the library that indexes, decodes, runs and encodes functions in Azure from Python 3.13 on. Only
its public coroutines are used. Their argument shape is not documented and changed between releases, so the
version is pinned here as well as in requirements-runtime.txt. One app per process: the registry is module-global.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime
from azure_functions_runtime.version import VERSION

from local.host.functions import AppLoadError, FunctionDef, RetryPolicy
from local.host.protos import PROTOS, ParameterBinding, StatusResult, TypedData

SUPPORTED_RUNTIME = "1.3.0"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Which run of an invocation this is, as `context.retry_context` shows it."""

    retry_count: int = 0
    max_retry_count: int = 0


@dataclass(frozen=True, kw_only=True)
class WorkerResult:
    """What came back: the return value and the outputs by name, or error text and stack trace of the function."""

    succeeded: bool
    value: TypedData | None = None
    outputs: Mapping[str, TypedData | None] = field(default_factory=dict)
    error: str = ""
    stack: str = ""


def _request(kind: str, **fields: Any) -> SimpleNamespace:
    """A request in the shape the runtime's handlers read."""
    return SimpleNamespace(
        request=SimpleNamespace(**{kind: SimpleNamespace(**fields)}),
        properties={"protos": PROTOS, "host": "127.0.0.1"},
    )


class Worker:
    """The loaded app."""

    def __init__(self, app_dir: Path) -> None:
        if VERSION != SUPPORTED_RUNTIME:
            raise RuntimeError(
                f"azure-functions-runtime {VERSION} is installed, the local host is written for {SUPPORTED_RUNTIME}: "
                "install requirements-runtime.txt"
            )
        self._app_dir = app_dir

    async def load(self) -> list[FunctionDef]:
        """Import and index the app. Raises AppLoadError with the app's own message and stack trace."""
        if not (self._app_dir / "function_app.py").is_file():
            raise AppLoadError(f"no function_app.py in {self._app_dir}")
        sys.path.insert(0, str(self._app_dir))
        os.chdir(self._app_dir)  # the platform runs the worker in the app's directory
        runtime.start_threadpool_executor()
        try:
            answer = await runtime.worker_init_request(
                _request("worker_init_request", capabilities={}, function_app_directory=str(self._app_dir))
            )
        except SystemExit as ending:
            raise AppLoadError(f"the app called sys.exit({ending.code}) while it was imported") from ending
        if answer.result.status != StatusResult.Success:
            raise AppLoadError(answer.result.exception.message, answer.result.exception.stack_trace)
        indexed = await runtime.functions_metadata_request(_request("functions_metadata_request"))
        return [_definition(item) for item in indexed.function_metadata_results or []]

    async def invoke(
        self,
        function: FunctionDef,
        data: TypedData,
        *,
        invocation_id: str,
        metadata: Mapping[str, TypedData],
        attempt: Attempt,
        trace_parent: str = "",
    ) -> WorkerResult:
        """Run one invocation. Function errors come back as a result; only BaseExceptions of the app escape."""
        answer = await runtime.invocation_request(
            _request(
                "invocation_request",
                invocation_id=invocation_id,
                function_id=function.function_id,
                input_data=[ParameterBinding(name=function.trigger["name"], data=data)],
                trigger_metadata=metadata,
                trace_context=SimpleNamespace(trace_parent=trace_parent, trace_state="", attributes={}),
                retry_context=SimpleNamespace(
                    retry_count=attempt.retry_count, max_retry_count=attempt.max_retry_count, exception=None
                ),
            )
        )
        if answer.result.status != StatusResult.Success:
            failure = answer.result.exception
            return WorkerResult(succeeded=False, error=failure.message, stack=failure.stack_trace)
        outputs = {item.name: item.data for item in answer.output_data or []}
        return WorkerResult(succeeded=True, value=answer.return_value, outputs=outputs)


def _definition(item: Any) -> FunctionDef:
    return FunctionDef(
        name=item.name,
        function_id=item.function_id,
        bindings=tuple(json.loads(raw) for raw in item.raw_bindings),
        retry=_retry(item.retry_options),
    )


def _retry(options: Any) -> RetryPolicy | None:
    if options is None:
        return None
    fixed: timedelta | None = getattr(options, "delay_interval", None)
    return RetryPolicy(
        max_retry_count=options.max_retry_count,
        shortest=fixed if fixed is not None else options.minimum_interval,
        longest=fixed if fixed is not None else options.maximum_interval,
    )
