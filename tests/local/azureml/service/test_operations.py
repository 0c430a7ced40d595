"""Long-running operations on their own: each one ends, whatever happens at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from local.azureml.service.operations import Finisher, Operation, Operations
from local.azureml.service.store import Store


@pytest.fixture
async def operations(tmp_path: Path) -> AsyncIterator[tuple[Store, Operations]]:
    """Operations that are being worked on."""
    store = Store(tmp_path / "azureml.db")
    operations = Operations(store)
    running = asyncio.create_task(operations.run())
    yield store, operations
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    store.close()


async def test_an_operation_whose_outcome_cannot_be_recorded_fails(operations: tuple[Store, Operations]) -> None:
    """Whoever polls it must not wait for ever."""
    store, service = operations
    recorded: list[dict[str, Any] | None] = []
    failed = asyncio.Event()

    async def work(_: Operation) -> None:
        return None

    def commit(_: Operation, error: dict[str, Any] | None) -> None:
        recorded.append(error)
        if error is None:
            raise ValueError("there is no such place")
        failed.set()

    service.register("move", Finisher(work=work, commit=commit))
    with store.transaction():
        operation = service.start("move", target="/somewhere", entity=None, seconds=0)
    async with asyncio.timeout(5):
        await failed.wait()
    ended = service.get(operation.id)
    assert ended.state == "Failed"
    assert ended.error is not None
    assert ended.error["message"] == "ValueError: there is no such place"
    assert recorded == [None, ended.error]
    assert not service.running_on("/somewhere")
