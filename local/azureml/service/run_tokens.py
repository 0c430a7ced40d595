"""Who may tell about which run: a token for each job's process, handed down in its variables."""

from __future__ import annotations

import hmac
import secrets

from local.azureml.service.config import Scope

BASE = "/mlflow/v1.0"
"""Below this the server is an MLflow tracking server (`../jobs/mlflow.py`)."""


class RunTokens:
    """Which process may tell about which run; gone with the server, as its jobs are."""

    def __init__(self) -> None:
        self._by_run: dict[tuple[str, str], str] = {}
        self.address = ""
        """Of this server, as its jobs reach it; empty until it is known, and then no job is told of it."""

    def variables(self, workspace: Scope, job: str) -> dict[str, str]:
        """What a job's process needs to tell about its run."""
        if not self.address:
            return {}
        token = self._by_run[workspace.name, job] = secrets.token_urlsafe(24)
        return {
            "MLFLOW_TRACKING_URI": f"{self.address}{BASE}{workspace.arm_id}",
            "MLFLOW_RUN_ID": job,
            "MLFLOW_TRACKING_TOKEN": token,
        }

    def allows(self, workspace: Scope, job: str, authorization: str | None) -> bool:
        """Whether the header is that of this run's own process."""
        wanted = self._by_run.get((workspace.name, job))
        return wanted is not None and hmac.compare_digest(f"Bearer {wanted}", authorization or "")
