"""dulwich's HTTP client with all that it reads counted and timed: references, answers and packs alike."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from dulwich.client import Urllib3HttpGitClient

_PIECE = 64 * 1024


class MeteredHttpGitClient(Urllib3HttpGitClient):
    """`taken` is told of every piece that arrives, however small, and raises to end it."""

    def __init__(self, base_url: str, *, taken: Callable[[int], None], **options: Any) -> None:
        super().__init__(base_url, **options)
        self._taken = taken
        self._ended = False
        self._sockets: list[Any] = []
        manager: Any = self.pool_manager
        pools = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {scheme: self._watched(pool) for scheme, pool in pools}

    def end(self) -> None:
        """Cuts every connection, from another thread: heads of answers may drip, and nobody counts them."""
        self._ended = True
        for each in self._sockets:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # of TLS as well, whose own would touch its state

    def _watched(self, pool: Any) -> Any:
        """The pool, with connections that `end` can cut."""
        client = self

        class Connection(pool.ConnectionCls):  # type: ignore[misc]  # urllib3 names its class at run time
            def connect(self) -> None:
                if client._ended:
                    raise OSError("the time is over")
                super().connect()
                client._sockets.append(self.sock)

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Callable[..., bytes]]:
        """The base class reads every answer by what this returns."""
        answer: Any = super()._http_request(url, headers, data, raise_for_status)[0]

        def read(size: int | None = None) -> bytes:
            """`size` bytes, fewer only at the end. `answer.read` would wait for all of them, whatever `taken` says."""
            pieces: list[bytes] = []
            missing = size
            while missing is None or missing > 0:
                piece: bytes = answer.read1(_PIECE if missing is None else min(missing, _PIECE))
                self._taken(len(piece))
                if not piece:
                    break
                pieces.append(piece)
                missing = None if missing is None else missing - len(piece)
            return b"".join(pieces)

        return answer, read
