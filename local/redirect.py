"""Sends the public Azure hosts of the SDKs to the local cloud, and stops every other connection.

The SDKs keep their public configuration: URLs, audiences, long-running-operation headers and the policies
that insist on https all see `https://management.azure.com/...`. Only in the transport, right before the
socket, is the URL exchanged for a loopback one, and put back when the call returns. Rules: Azure Machine
Learning: docs/azure-facts.md#where-the-client-sends-its-requests.

Three layers:

1. redirect: `RequestsTransport.send` and `AioHttpTransport.send` of azure-core, below every Azure SDK in use;
2. a readable refusal for code that uses `requests` by itself (azure-ai-ml fetches schemas that way):
   `Session.send`, which also holds when a proxy on this machine would hide the real destination;
3. an egress guard for all other Python code of the process (urllib, httpx, aiohttp, AMQP): an audit hook on
   name look-ups, connections and datagrams. Not seen: event loops written in C (uvloop), child processes.

Only SAS or bearer tokens reach Blob Storage like this: an account-key signature covers the path, which
changes.
"""

from __future__ import annotations

import inspect
import ipaddress
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

EMULATED_HOST_HEADER = "x-emu-host"

_AZUREML_SUFFIXES = (".api.azureml.ms", ".inference.ml.azure.com", ".experiments.azureml.net")
_BLOB = re.compile(r"^(?P<account>[a-z0-9]{3,24})\.blob\.core\.windows\.net$")
_MAIL_SUFFIX = ".communication.azure.com"
_TOPIC = re.compile(r"^(?P<topic>[a-z0-9-]{3,50})\.[a-z0-9-]+\.eventgrid\.azure\.net$")


class EgressBlocked(RuntimeError):
    """Something tried to leave this machine. Not an `AzureError` or `OSError`: no client retries it."""


class RedirectUnsupported(RuntimeError):
    """The installed azure-core or requests no longer has the function that is patched here."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Base URLs of the local parts, without a trailing slash; None where a part does not run."""

    azureml: str | None = None
    blob: str | None = None
    eventgrid: str | None = None
    mailbox: str | None = None


_targets: Targets | None = None  # None: nothing is installed, and every patch and hook lets everything pass
_originals: dict[str, tuple[type, Callable[..., Any]]] = {}
_audit_hook_added = False  # Python cannot take an audit hook back; it is added once and sleeps while uninstalled


def install(
    *, azureml: str | None = None, blob: str | None = None, eventgrid: str | None = None, mailbox: str | None = None
) -> None:
    """Redirect the SDKs of this process to the given base URLs and block everything that is not loopback.

    `blob` is the base *without* the account: `http://127.0.0.1:10000`. A second call replaces the targets.
    Raises `RedirectUnsupported` if a symbol to patch is missing, before anything is patched.
    """
    global _targets
    _patch_transports()
    _add_audit_hook()
    _targets = Targets(
        azureml=_clean_base(azureml),
        blob=_clean_base(blob),
        eventgrid=_clean_base(eventgrid),
        mailbox=_clean_base(mailbox),
    )


def uninstall() -> None:
    """Undo `install`; harmless when nothing is installed."""
    global _targets
    _targets = None
    for owner, original in _originals.values():
        owner.send = original  # type: ignore[attr-defined] # only owners of a `send` are noted
    _originals.clear()


def redirected(url: str, targets: Targets) -> str:
    """The loopback URL for a public one; a loopback URL stays as it is. Raises `EgressBlocked`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if is_loopback(host):
        return url
    new = _base_for(host, targets) + parts.path
    return f"{new}?{parts.query}" if parts.query else new


def is_loopback(host: str) -> bool:
    """Whether a host name or address literal stays on this machine; an empty one means a local bind."""
    if host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _base_for(host: str, targets: Targets) -> str:
    if host == "management.azure.com" or host.endswith(_AZUREML_SUFFIXES):
        return _configured(host, "azureml", targets.azureml)
    if blob := _BLOB.match(host):
        return f"{_configured(host, 'blob', targets.blob)}/{blob['account']}"
    if topic := _TOPIC.match(host):
        return f"{_configured(host, 'eventgrid', targets.eventgrid)}/topics/{topic['topic']}"
    if host.endswith(_MAIL_SUFFIX):
        return _configured(host, "mailbox", targets.mailbox)
    raise EgressBlocked(
        f"{host} is not part of the local cloud, and nothing may leave this machine while it is in use. "
        "Leave the call out locally, or teach local/redirect.py the host and serve it from a local part."
    )


def _configured(host: str, name: str, base: str | None) -> str:
    if base is None:
        raise EgressBlocked(
            f"{host} belongs to the local part '{name}', whose address is not set: pass {name}=... to "
            "local.redirect.install (or put it in SWITCHYARD_LOCAL_REDIRECT)."
        )
    return base


def _clean_base(base: str | None) -> str | None:
    if base is None:
        return None
    parts = urlsplit(base)
    if parts.scheme != "http" or not is_loopback(parts.hostname or "-"):
        raise ValueError(f"{base!r} is not a loopback address: a redirect target starts with http://127.0.0.1:")
    return base.rstrip("/")


@contextmanager
def _exchanged_url(request: Any) -> Iterator[None]:
    """Give a request its loopback URL for one call; policies and pollers look at the public one."""
    public = request.url
    local = redirected(public, _targets) if _targets else public
    if local == public:
        yield
        return
    request.headers[EMULATED_HOST_HEADER] = urlsplit(public).hostname
    request.url = local
    try:
        yield
    finally:
        request.url = public
        request.headers.pop(EMULATED_HOST_HEADER, None)


def _patch_transports() -> None:
    import requests
    from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport

    if _originals:
        return
    sync_send = _checked_send(RequestsTransport, asynchronous=False)
    async_send = _checked_send(AioHttpTransport, asynchronous=True)
    session_send = _checked_send(requests.Session, asynchronous=False)

    def send(self: Any, request: Any, **options: Any) -> Any:
        with _exchanged_url(request):
            return sync_send(self, request, **options)

    async def send_async(self: Any, request: Any, **options: Any) -> Any:
        with _exchanged_url(request):
            return await async_send(self, request, **options)

    def send_plain(self: Any, request: Any, **options: Any) -> Any:
        if _targets:
            _refuse_egress(urlsplit(request.url).hostname or "")
        return session_send(self, request, **options)

    for owner, original, patched in (
        (RequestsTransport, sync_send, send),
        (AioHttpTransport, async_send, send_async),
        (requests.Session, session_send, send_plain),
    ):
        _originals[owner.__name__] = (owner, original)
        owner.send = patched  # type: ignore[method-assign] # what the patch is


def _checked_send(owner: type, *, asynchronous: bool) -> Callable[..., Any]:
    send = vars(owner).get("send")
    if (
        not inspect.isfunction(send)
        or inspect.iscoroutinefunction(send) is not asynchronous
        or list(inspect.signature(send).parameters)[:2] != ["self", "request"]
    ):
        raise RedirectUnsupported(
            f"{owner.__module__}.{owner.__name__}.send(self, request, ...) is not what local/redirect.py was "
            "written for (azure-core 1.41, requests 2.34). Install the pinned versions, or adapt the patch."
        )
    return send


_LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
_SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")


def _add_audit_hook() -> None:
    global _audit_hook_added
    if not _audit_hook_added:
        _audit_hook_added = True
        sys.addaudithook(_on_audit_event)


def _on_audit_event(event: str, arguments: tuple[Any, ...]) -> None:
    """Look at names and addresses; an address that is no tuple (unix sockets) is local."""
    if _targets is None or not event.startswith("socket."):
        return
    if event in _LOOK_UPS:
        name = arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]
        if event == "socket.getaddrinfo" or _text(name) != os.uname().nodename:  # its own name is asked for by many
            _refuse_egress(_text(name))
    elif event in _SENDS and isinstance(arguments[1], tuple):
        _refuse_egress(_text(arguments[1][0]))


def _text(host: object) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")


def _refuse_egress(host: str) -> None:
    if not is_loopback(host.lower()):
        raise EgressBlocked(
            f"A connection to {host} was stopped: nothing may leave this machine while the local cloud is in "
            "use. Call it through an Azure SDK that local/redirect.py redirects, or leave it out locally."
        )
