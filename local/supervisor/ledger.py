"""DATA/pids.json: which processes belong to a data directory, so that another process can find and end them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.conventions import write_atomically
from local.supervisor.parts import PARTS
from local.supervisor.process import ProcessRecord

_LAST = "azurite"  # stays until the end, so that whatever is being written can still be stored


@dataclass(frozen=True)
class Ledger:
    """The supervisor and the parts; everything in it may have ended long ago."""

    supervisor: ProcessRecord | None = None
    parts: Mapping[str, ProcessRecord] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Ledger:
        if not file.exists():
            return cls()
        stored = json.loads(file.read_text())
        supervisor = stored["supervisor"]
        return cls(
            ProcessRecord.from_json(supervisor) if supervisor else None,
            {name: ProcessRecord.from_json(record) for name, record in stored["parts"].items()},
        )

    def write(self, file: Path) -> None:
        write_atomically(file, json.dumps(asdict(self), indent=2) + "\n")

    def running(self) -> list[str]:
        return [name for name, record in self.parts.items() if record.running()]

    def end_parts(self) -> list[str]:
        """End what still runs, the storage last; returns the parts that would not end."""
        names = sorted(self.running(), key=lambda name: name == _LAST)
        return [
            name
            for name in names
            if not self.parts[name].end(patience_s=PARTS[name].patience_s, may_kill=PARTS[name].may_be_killed)
        ]
