"""Remembers whether a deployment was sent to Azure ML, below the client, in the pipeline of azure-core."""

import threading
from typing import Any

from azure.core.pipeline import PipelineRequest


class SentMarker(threading.local):
    """Whether the current thread has put a deployment on the wire: from then on its outcome may be unknown."""

    sent = False

    def look_at(self, request: PipelineRequest[Any]) -> None:
        """Called for every request right before it is sent."""
        http = request.http_request
        if http.method.upper() == "PUT" and "/batchEndpoints/" in http.url and "/deployments/" in http.url:
            self.sent = True


sent_marker = SentMarker()
