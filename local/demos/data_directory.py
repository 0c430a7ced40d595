"""Where a demo keeps its data."""

from __future__ import annotations

import shutil
from pathlib import Path

from local.supervisor.cloud import CloudError, LocalCloud


def emptied(data: Path) -> None:
    """Remove what an earlier demo left in `data`. Raises `CloudError` when it holds anything else, or is in use."""
    if not data.exists() or not any(data.iterdir()):
        return
    if not (data / "ports.json").exists():
        raise CloudError(f"{data} is not empty and holds no local cloud: choose another directory with --data.")
    LocalCloud(data).end_leftovers()
    shutil.rmtree(data)
