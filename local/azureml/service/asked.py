"""Who asked for what: the operations of each caller, for whoever compares rights with what is really used."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Asked:
    """Every operation that a caller asked for, with the workspace or registry it was about, each once."""

    _seen: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def note(self, caller: str, operation: str, place: str) -> None:
        """Notes one request."""
        self._seen.setdefault(caller, set()).add((operation, place))

    def by(self, caller: str) -> list[dict[str, str]]:
        """What a caller asked for, in order."""
        return [{"operation": operation, "place": place} for operation, place in sorted(self._seen.get(caller, ()))]
