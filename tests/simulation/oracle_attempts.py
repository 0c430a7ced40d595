"""What must hold of the attempts of a version: each begins after the last one ended, and who wanted one approves none
that follows it."""

from collections.abc import Iterator, Mapping

from shared.domain.online.events import OnlineReleaseRequested
from shared.domain.release.events import AttemptRequested, EnvironmentReleaseRequested, Event
from shared.domain.release.model import Actor, Kind, Release
from tests.fakes.store import Partition
from tests.simulation.violation import require


class AttemptJudge:
    """Knows the attempts of a version by its name, not by what they say of each other."""

    def __init__(self, partitions: Mapping[str, Partition], published: Mapping[str, Event]) -> None:
        self._partitions = partitions
        self._published = published

    def check_opened(self, release: Release) -> None:
        """L1: one attempt of a version is under way at a time, and knows all before it."""
        if release.kind is Kind.ROLLBACK:
            return
        before = {each.release_id: each for each in self._of_version(release)}
        live = [rid for rid, each in before.items() if not each.phase.is_terminal]
        require(not live, f"L1: {release.release_id} began while {live} of the same version was under way")
        told = {each.release_id: each.phase for each in release.earlier}
        ended = {rid: each.phase.value for rid, each in before.items()}
        require(told == ended, f"I21: {release.release_id} tells of attempts {told}, and there were {ended}")

    def asked_for(self, release: Release, actor: Actor) -> bool:
        """I4: whether this person's wish opened the release, or an attempt before it. Who only wished the same as
        somebody else had, or as an event had brought about, was told so and opened nothing."""
        ids = {release.release_id, *(each.release_id for each in self._of_version(release))}
        openers = (self._published.get(self._partitions[rid].history[0].event_id) for rid in ids)
        return any(
            event.actor.object_id == actor.object_id
            for event in openers
            if isinstance(event, AttemptRequested | EnvironmentReleaseRequested | OnlineReleaseRequested)
        )

    def check_end(self) -> None:
        """I13: every wish that was accepted became a release."""
        for event in self._published.values():
            if isinstance(event, AttemptRequested | EnvironmentReleaseRequested | OnlineReleaseRequested):
                there = event.release_id in self._partitions
                require(there, f"I13: {event.release_id} was asked for and is not there")

    def _of_version(self, release: Release) -> Iterator[Release]:
        """The other attempts that were opened no later than this one."""
        for partition in self._partitions.values():
            each = partition.release
            same = (each.kind, each.asset_name, each.asset_version) == (
                release.kind,
                release.asset_name,
                release.asset_version,
            )
            if same and each.release_id != release.release_id and each.opened_at <= release.opened_at:
                yield each
