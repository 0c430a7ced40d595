"""Writes docs/openapi.json, or with `--check` says whether it is current."""

import sys

from shared.contracts.http.openapi.document import main

sys.exit(main())
