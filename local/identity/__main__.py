"""`python -m local.identity --port P --data DIR`: the identity part of the local cloud."""

from __future__ import annotations

import argparse
from pathlib import Path

from local.conventions import LOOPBACK, configure_logging
from local.identity.app import IdentityApi
from local.identity.keys import KeyStore
from local.identity.people import load_directory
from local.identity.tokens import TokenIssuer
from local.serving import listen, serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.identity", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 for any free port")
    parser.add_argument("--data", type=Path, required=True, help="directory for the signing keys")
    parser.add_argument("--identity-header", default="local", help="secret of the managed-identity endpoint")
    options = parser.parse_args()
    configure_logging()
    listener = listen(options.port)
    tokens = TokenIssuer(
        keys=KeyStore(options.data),
        directory=load_directory(),
        base=f"http://{LOOPBACK}:{listener.getsockname()[1]}",
    )
    serve(IdentityApi(tokens, options.identity_header).app(), part="identity", listener=listener)


if __name__ == "__main__":
    main()
