"""Loaded by every Python process of a job at its start: nothing leaves this machine while the local cloud is in use.

The folder is the first on a job's PYTHONPATH (`processes.py`). The rule is that of `local/redirect.py`, which a job
does not see: only loopback addresses, and an error that names the host. Uses the standard library only.
"""

import ipaddress
import os
import sys
from typing import Any

_LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
_SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")


class EgressBlocked(RuntimeError):
    """The job tried to leave this machine. Not an OSError: no client tries it again."""


def _is_loopback(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _LOOK_UPS:
        host = arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]
        if event != "socket.getaddrinfo" and host == os.uname().nodename:  # its own name is asked for by many
            return
    elif event in _SENDS and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    if not _is_loopback(text.lower()):
        raise EgressBlocked(
            f"A connection of this job to {text} was stopped: in the local cloud nothing leaves this machine."
        )


sys.addaudithook(_look)
