"""The counts of an environment release as people read them: checks, updates, targets put back."""

from dataclasses import dataclass

from cli.views import Progress, Release

_NAMES = {"updating": "updates", "rolling_back": "put back", "verifying_rollback": "sample inferences"}


@dataclass(frozen=True)
class Tally:
    """`done` of `total` targets are through, well or not; `rest` says how they ended, where that is worth a word."""

    name: str
    done: int
    total: int
    rest: str

    @property
    def text(self) -> str:
        """For a line of text."""
        return f"{self.done} of {self.total}" + (f": {self.rest}" if self.rest else "")


def tallies(release: Release) -> list[Tally]:
    """The checks and, after them, the change that is under way or was the last. Nothing before targets are frozen."""
    progress = release.progress
    if progress is None or not progress.targets or progress.work is None:
        return []
    shown = [_checks(progress)]
    if progress.work in _NAMES:
        failed = progress.counts.get("failed", 0)
        total = progress.targets - progress.counts.get("untouched", 0)
        shown.append(Tally(_NAMES[progress.work], _through(progress), total, f"{failed} failed" if failed else ""))
    return shown


def _checks(progress: Progress) -> Tally:
    """A check that was given up has no verdict; it is through all the same."""
    said = [f"{count} {verdict}" for verdict, count in progress.checks.items() if count]
    done = sum(progress.checks.values())
    if progress.work == "checking":
        done = _through(progress)
        given_up = progress.counts.get("failed", 0)
        said += [f"{given_up} given up"] if given_up else []
    return Tally("checks", done, progress.targets, ", ".join(said))


def _through(progress: Progress) -> int:
    return progress.counts.get("done", 0) + progress.counts.get("failed", 0)
