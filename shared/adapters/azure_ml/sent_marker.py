"""Remembers whether a change was sent to Azure ML, below the client, in the pipeline of azure-core."""

import threading
from typing import Any

from azure.core.pipeline import PipelineRequest


class SentMarker(threading.local):
    """Whether the current thread has put a change on the wire: from then on its outcome may be unknown."""

    sent = False

    def look_at(self, request: PipelineRequest[Any]) -> None:
        """Called for every request right before it is sent."""
        http = request.http_request
        method, is_online = http.method.upper(), "/onlineEndpoints/" in http.url
        is_batch = "/batchEndpoints/" in http.url and "/deployments/" in http.url
        if (method == "PUT" and (is_batch or is_online)) or (method == "DELETE" and is_online):
            self.sent = True


sent_marker = SentMarker()
