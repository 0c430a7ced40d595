"""Tokens by which a job's process may report to its own run only; each process gets its token in its variables."""

from __future__ import annotations

import hmac
import secrets

from local.azureml.service.config import Scope

BASE = "/mlflow/v1.0"
"""Below this the server is an MLflow tracking server (`../jobs/mlflow.py`)."""


class RunTokens:
    """The tokens of the running jobs. They are lost with the server, which ends its jobs as well."""

    def __init__(self) -> None:
        self._by_run: dict[tuple[str, str], str] = {}
        self.address = ""
        """The server's URL for its jobs. Empty until it is known; jobs that start before have no tracking server."""

    def variables(self, workspace: Scope, job: str) -> dict[str, str]:
        """The variables by which MLflow in a job's process reports to its run."""
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
