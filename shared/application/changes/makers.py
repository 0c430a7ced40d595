"""Who had a part in a merged change, and in the environment version that it registered."""

from collections.abc import Iterable, Mapping

from shared.application.changes.ports import ChangeLog, ChangePorts, Found
from shared.application.errors import PlatformBusy
from shared.domain.changes.circuits import CommitFacts
from shared.domain.changes.record import ChangeRecord
from shared.domain.makers import Account, AccountKind, named_in, together, unnamed

RECORDS_READ_MAX = 200
"""Of the latest changes: those between two commits that were taken are among them."""

SHOWN = 10
"""Digits of a commit's id that people are told."""


async def makers_of_change(record: ChangeRecord, found: Found, ports: ChangePorts) -> tuple[Account, ...]:
    """All who wrote a commit of the change, opened its pull requests, merged or pushed any part of it.

    A change that was refused or failed is part of a later one: whoever brought it has a part in that as well.
    """
    latest = (await ports.log.latest(RECORDS_READ_MAX)).records
    within = {each.change_id: each for each in latest if each.change_id in found.commits}
    within[record.change_id] = record
    return together(
        *(each.claim.senders for each in within.values()),
        found.makers,
        (Account(kind=AccountKind.GIT_EMAIL, name=each.author) for each in _named_commits(found)),
        _who_opened(_named_commits(found), within),
        _who_brought(record, found, within),
    )


def _named_commits(found: Found) -> list[CommitFacts]:
    """The head, and the commits that are on record as having changed something last."""
    origins = [found.head, *(each.origin for each in found.circuits)]
    return [*origins, *([found.environment_origin] if found.environment_origin else [])]


def _who_opened(commits: Iterable[CommitFacts], within: Mapping[str, ChangeRecord]) -> Iterable[Account]:
    """Whoever opened a pull request that a commit names, where the event that knows it did not come."""
    for each in commits:
        record = within.get(each.commit)
        if each.pr_number and not (record and record.claim.pr_number):
            yield unnamed(f"whoever opened {each.pr_number}")


def _who_brought(record: ChangeRecord, found: Found, within: Mapping[str, ChangeRecord]) -> Iterable[Account]:
    """Whoever brought commits to the branch of which no event came.

    An event says what the branch was before. One that does not is that of a pull request, which brought at least its
    last commit.
    """
    at = record.change_id
    for _ in range(RECORDS_READ_MAX):
        event = within.get(at)
        if event is None:
            yield unnamed(f"whoever brought {at[:SHOWN]} to the branch")
            return
        at = event.claim.base or found.commits.get(at, "")
        if event.claim.is_first or at not in found.commits:  # all of it, or what was there before the change
            return


class RecordedChanges:
    """MakerRecords of environment versions."""

    def __init__(self, log: ChangeLog) -> None:
        self._log = log

    async def makers_of(self, name: str, version: str, tags: Mapping[str, str]) -> tuple[Account, ...] | None:
        """Of a version that names its commit in a tag: only the change itself says whether it registered it."""
        commit = tags.get("git_commit_sha", "")
        stored = await self._log.load(commit) if commit else None
        if stored is None:
            return None
        record = stored.record
        if not record.is_ended:
            raise PlatformBusy(f"change {commit} is being taken")
        registered = record.environment
        if registered is None or not registered.asset_id or (registered.name, registered.version) != (name, version):
            return None
        names = [each.name for each in record.makers]
        return together(record.makers, named_in(tags, "registered_by", "pr_author", but_not=names))
