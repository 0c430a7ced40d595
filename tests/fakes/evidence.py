"""EvidenceStore in memory."""


class MemoryEvidenceStore:
    """Files by release and hash."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}

    async def put(self, release_id: str, sha256: str, content: bytes) -> None:
        self.files.setdefault((release_id, sha256), content)

    async def get(self, release_id: str, sha256: str) -> bytes | None:
        return self.files.get((release_id, sha256))
