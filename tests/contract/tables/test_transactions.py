"""Transactions in our own form: the service takes them, and keeps and answers what it would if the SDK wrote them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableErrorCode
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.adapters.tables.rows import Operation, Row, delete, insert, put_index, replace
from shared.adapters.tables.transactions import lean

ODD = {
    "text": 'quotes " \' back\\slash\r\nline\tumlaut \u00fc \u2028 HTTP/1.1 500 ETag: "no"',
    "empty": "",
    "number": 7,
    "flag": True,
    "at": datetime(2026, 12, 1, 4, 5, 6, 789000, tzinfo=UTC),
}


def a_row(key: str, **columns: Any) -> Row:
    return {"PartitionKey": "rel-a.b_c", "RowKey": key, **ODD, **columns}


@pytest.fixture(params=["lean", "sdk"])
async def client(request: pytest.FixtureRequest, service: TableServiceClient, table_name: str) -> TableClient:
    """Each test runs on both."""
    await service.create_table_if_not_exists(table_name)
    client = service.get_table_client(table_name)
    return lean(client) if request.param == "lean" else client


async def rows_of(client: TableClient) -> dict[str, Row]:
    return {row["RowKey"]: dict(row) async for row in client.query_entities("PartitionKey eq 'rel-a.b_c'")}


def test_there_is_still_a_method_that_we_replace() -> None:
    """Else nobody would notice that the SDK writes its transactions itself again, at four times the cost."""
    assert callable(getattr(TableClient, "_batch_send", None))


@pytest.mark.azurite
async def test_rows_are_kept_as_they_were_given(client: TableClient) -> None:
    """Every kind of operation, and the texts that could break the form."""
    first = await client.submit_transaction([insert(a_row("a|1")), insert(a_row("b~2"))])
    operations: list[Operation] = [
        replace(a_row("a|1", number=8), str(first[0]["etag"])),
        delete({"PartitionKey": "rel-a.b_c", "RowKey": "b~2"}),
        put_index(a_row("c'3", text="x" * 30_000)),
    ]
    second = await client.submit_transaction(operations)

    found = await rows_of(client)
    assert {key: row["number"] for key, row in found.items()} == {"a|1": 8, "c'3": 7}
    assert {name: found["a|1"][name] for name in ODD} == {**ODD, "number": 8}
    assert found["c'3"]["text"] == "x" * 30_000
    entity = await client.get_entity("rel-a.b_c", "a|1")
    assert second[0]["etag"] == entity.metadata["etag"] != first[0]["etag"]
    assert not second[1].get("etag")


@pytest.mark.azurite
@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        (insert(a_row("there")), 409, TableErrorCode.ENTITY_ALREADY_EXISTS),
        (replace(a_row("there"), "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""), 412, None),
        (delete({"PartitionKey": "rel-a.b_c", "RowKey": "gone"}), 404, None),
    ],
)
async def test_a_refused_operation_is_told_and_nothing_of_the_others_is_there(
    client: TableClient, operation: Operation, status: int, code: TableErrorCode | None
) -> None:
    await client.submit_transaction([insert(a_row("there"))])

    with pytest.raises(HttpResponseError) as raised:
        await client.submit_transaction([insert(a_row("new")), operation])

    assert raised.value.status_code == status
    assert code is None or getattr(raised.value, "error_code", None) == code
    assert set(await rows_of(client)) == {"there"}


@pytest.mark.azurite
async def test_a_table_that_is_not_there_is_told(client: TableClient, service: TableServiceClient) -> None:
    """It is made again then."""
    await service.delete_table(client.table_name)
    with pytest.raises(HttpResponseError) as raised:
        await client.submit_transaction([insert(a_row("new"))])
    assert getattr(raised.value, "error_code", None) == TableErrorCode.TABLE_NOT_FOUND
