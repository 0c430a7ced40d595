"""EndpointLog in memory."""

from shared.application.listed import Listed
from shared.application.release.production import EndpointRead


class MemoryEndpointLog:
    """The latest read of each endpoint."""

    def __init__(self) -> None:
        self.reads: dict[str, EndpointRead] = {}

    async def put(self, read: EndpointRead) -> None:
        there = self.reads.get(read.endpoint_name.lower())
        if there is None or there.at < read.at:
            self.reads[read.endpoint_name.lower()] = read

    async def all(self) -> Listed[EndpointRead]:
        return Listed(self.reads[each] for each in sorted(self.reads))
