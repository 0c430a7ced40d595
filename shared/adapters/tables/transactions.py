"""Transactions of the table in a form that costs little.

The SDK writes each row of a transaction as a part of a MIME message with the standard library's `email`, and reads the
answer back the same way: two fifths of the processor time of a decision. The form is fixed, so it is written here; the
SDK still makes the requests of the rows, signs, sends and repeats. It calls what `lean` puts in the place of a method
of its own; a version of the SDK that has none by that name would go its own way, and everything would be as it was.
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import partial
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.data.tables import TableErrorCode
from azure.data.tables.aio import TableClient

_HEADERS = {
    "DataServiceVersion": "3.0",
    "MaxDataServiceVersion": "3.0;NetFx",
    "Accept": "application/json",
}
_PART = re.compile(rb"^HTTP/1\.1 (\d{3})", re.MULTILINE)
_ETAG = re.compile(rb"^ETag: *([^\r\n]+)", re.MULTILINE | re.IGNORECASE)


def lean(client: TableClient) -> TableClient:
    """The client itself; its transactions are written and read here from now on."""
    replaced: Any = client
    replaced._batch_send = partial(_send, client)
    return client


async def _send(
    client: TableClient, table_name: str, *requests: HttpRequest, **options: Any
) -> list[Mapping[str, Any]]:
    """What the SDK would return: the ETag of each row. Raises HttpResponseError, with the code of the service."""
    batch = f"batch_{uuid.uuid4()}"
    request = HttpRequest(
        "POST",
        f"{client.url}/$batch",
        headers={**_HEADERS, "x-ms-version": client.api_version, "Content-Type": f"multipart/mixed; boundary={batch}"},
        content=_body(batch, requests),
    )
    response = await client._client.send_request(request, stream=True, **options)  # else a policy would decode it
    parts = _parts(await response.read()) if response.status_code == 202 else []
    failed = next((part for status, part in parts if not 200 <= status < 300), None)
    if failed is not None or not parts:
        status = next((status for status, part in parts if part is failed), response.status_code)
        raise _error(status, response.content if failed is None else failed, response.headers.get("x-ms-error-code"))
    return [_metadata(part) for _, part in parts]


def _body(batch: str, requests: Sequence[HttpRequest]) -> bytes:
    changes = f"changeset_{uuid.uuid4()}"
    now = formatdate(usegmt=True)
    lines = [f"--{batch}", f"Content-Type: multipart/mixed; boundary={changes}", ""]
    for number, request in enumerate(requests):
        lines += [f"--{changes}", "Content-Type: application/http", "Content-Transfer-Encoding: binary"]
        lines += [f"Content-ID: {number}", "", f"{request.method} {request.url} HTTP/1.1", f"x-ms-date: {now}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        lines += ["", _text(request.content), ""] if request.content else ["", ""]
    return "\r\n".join([*lines, f"--{changes}--", f"--{batch}--", ""]).encode()


def _text(content: Any) -> str:
    return content.decode() if isinstance(content, bytes) else str(content)


def _parts(content: bytes) -> list[tuple[int, bytes]]:
    """The status of each answer in the answer, and its text."""
    found = list(_PART.finditer(content))
    ends = [*(each.start() for each in found[1:]), len(content)]
    return [(int(each[1]), content[each.start() : end]) for each, end in zip(found, ends, strict=True)]


def _metadata(part: bytes) -> dict[str, Any]:
    etag = _ETAG.search(part)
    return {"etag": etag[1].decode()} if etag else {}


def _error(status: int, content: bytes, code: str | None) -> HttpResponseError:
    """As the SDK says it: with the code that the service names, where it names one."""
    text = content[content.find(b"{") : content.rfind(b"}") + 1]
    try:
        said = json.loads(text)["odata.error"]
        code, message = said["code"], said["message"]["value"]
    except (ValueError, LookupError, TypeError):
        message = content[:300].decode(errors="replace")
    error: Any = HttpResponseError(f"{status} {code}: {message}")
    error.status_code = status
    error.error_code = TableErrorCode(code) if code in set(TableErrorCode) else code
    return error  # type: ignore[no-any-return]
