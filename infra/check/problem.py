"""A mistake in a template, with its place."""

from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Problem:
    """Where something is wrong, and what; the file is relative to `infra/`."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"infra/{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Place:
    """A line of a file; the line begins at 1."""

    file: str
    line: int


@dataclass
class Report:
    """Collects problems; the same one of several sets of parameters counts once."""

    problems: set[Problem] = field(default_factory=set)

    def say(self, place: Place, text: str) -> None:
        """Notes a problem."""
        self.problems.add(Problem(place.file, place.line, text))
