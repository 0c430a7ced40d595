"""The judge of proposals: what a release brought to stay is proposed once, and nothing else is."""

from shared.domain.release.events import EnvironmentProposed
from shared.domain.release.model import Kind, Phase
from tests.fakes.source_control import MemorySourceControl
from tests.simulation.oracle import WatchedStore
from tests.simulation.violation import require


def check_proposals(store: WatchedStore, repository: MemorySourceControl) -> None:
    """After faults stopped. A release that was undone meanwhile may have proposed before, or not."""
    released = set()
    for rid, partition in store.partitions.items():
        release = partition.release
        told = sum(entry.event == EnvironmentProposed.__name__ for entry in partition.history)
        if release.kind is Kind.ENVIRONMENT and release.phase is Phase.RELEASED:
            released.add(f"environment/{rid}")
            require(told == 1 or (release.undone_by and told == 0), f"{rid} told {told} times what it proposed")
        else:
            require(told == 0, f"{rid} is {release.phase} and proposed a change")
    require(set(repository.pull_requests) <= released, f"{set(repository.pull_requests) - released} were proposed")
