"""`python -m local.mailbox --port P --data DIR`: the mailbox part of the local cloud."""

from __future__ import annotations

import argparse
from pathlib import Path

from local.conventions import LOOPBACK, configure_logging
from local.mailbox.app import MailboxApi
from local.mailbox.credentials import MailAuthenticator
from local.mailbox.store import Store
from local.serving import listen, serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.mailbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 for any free port")
    parser.add_argument("--data", type=Path, required=True, help="directory for what arrived")
    parser.add_argument(
        "--access-key", default="bG9jYWwtYWNjZXNzLWtleQ==", help="access key of the mail service, Base64"
    )
    parser.add_argument("--sender", default="switchyard@switchyard.example", help="address that mail may come from")
    parser.add_argument("--workflow-signature", default="local", help="what addresses of workflows carry as sig")
    parser.add_argument("--webhook-secret", default="whsec_bG9jYWwtd2ViaG9vay1zZWNyZXQtMjQtYnl0ZXM=")
    parser.add_argument("--jwks", help="where the keys that sign bearer tokens are read")
    options = parser.parse_args()
    configure_logging()
    listener = listen(options.port)
    api = MailboxApi(
        store=Store(options.data),
        authenticator=MailAuthenticator(options.access_key, options.jwks),
        sender=options.sender,
        workflow_signature=options.workflow_signature,
        webhook_secret=options.webhook_secret,
        base=f"http://{LOOPBACK}:{listener.getsockname()[1]}",
    )
    serve(api.app(), part="mailbox", listener=listener)


if __name__ == "__main__":
    main()
