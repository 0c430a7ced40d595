"""What goes back on one deployment: it as it is now, with the undone dimensions as they were recorded.

Another dimension is left alone, with one exception: where the circuit was taken from a release that had not finished on
it, what that had begun goes back as well, because it will not.
"""

from dataclasses import dataclass, replace

from shared.application.errors import PlatformRefused
from shared.application.release.ports import Lock, Ports
from shared.domain.release import commands as c
from shared.domain.release.dimensions import MARKS, brings, brought_by, is_from, same, with_dimension
from shared.domain.release.model import DeploymentSpec, Dimension, FleetTarget, Kind, Phase, Progress, Release


@dataclass(frozen=True, kw_only=True)
class GoesBack:
    """What a deployment shall run; `is_foreign` where the undone release was not the last to bring what goes back.
    `undecided` names who lost the circuit and has not said yet whether its change there had landed."""

    spec: DeploymentSpec
    is_foreign: bool
    undecided: str = ""


async def goes_back(command: c.ChangeTarget, release: Release, running: DeploymentSpec, ports: Ports) -> GoesBack:
    """`command.dimensions` has the one that the undone release is about first. Of the others, what somebody brought
    since stays."""
    lock = await ports.locks.get(command.target_key)
    taken_from = lock.taken_from if lock and lock.holder == command.release_id else ""
    loser = await _loser(taken_from, command, running, ports)
    first, *others = [await _undone(command, release, dimension, ports) for dimension in command.dimensions]
    layers = {first.dimension: first.recorded}
    layers |= {each.dimension: each.recorded for each in others if await each.is_last(running, loser, ports)}
    spec = running
    for dimension, recorded in (dict.fromkeys(loser.begun, loser.previous) | layers).items():
        spec = with_dimension(spec, dimension, recorded)
    marks = {name: value for name, value in command.spec.tags.items() if name in MARKS}
    return GoesBack(
        spec=replace(spec, tags={**spec.tags, **marks}),
        is_foreign=not await first.is_last(running, loser, ports),
        undecided=taken_from if loser.is_undecided else "",
    )


@dataclass(frozen=True, kw_only=True)
class _Loser:
    """Whom the circuit was taken from before it had ended well: whatever it brought here in the dimension that goes
    back goes back as well. `begun` are the others in which it had not finished here, `previous` is what it had found.

    It is undecided until it has said whether its change was read back in time.
    """

    release_id: str
    previous: DeploymentSpec
    begun: frozenset[Dimension] = frozenset()
    is_undecided: bool = False


@dataclass(frozen=True, kw_only=True)
class _Undone:
    """One dimension that goes back: what `release_id` had found there."""

    dimension: Dimension
    release_id: str
    recorded: DeploymentSpec

    async def is_last(self, running: DeploymentSpec, loser: _Loser, ports: Ports) -> bool:
        """Whether nobody else brought this dimension since, but for whom the circuit was taken from."""
        by = brought_by(running, self.dimension)
        if by and by in (self.release_id, loser.release_id):
            return True
        if by == brought_by(self.recorded, self.dimension) and same(self.dimension, running, self.recorded):
            return True
        return not by and is_from(running, self.dimension, await _load(self.release_id, ports))


async def _undone(command: c.ChangeTarget, release: Release, dimension: Dimension, ports: Ports) -> _Undone:
    paired = release.undoes_models.get(command.target_key, "") if dimension is Dimension.MODEL else ""
    if not paired:
        undone = command.undoes or command.release_id
        return _Undone(dimension=dimension, release_id=undone, recorded=command.previous)
    recorded = (await _load(paired, ports)).target.previous
    if recorded is None:
        raise PlatformRefused(f"{paired} replaced nothing, so that there is no model to go back to")
    return _Undone(dimension=dimension, release_id=paired, recorded=recorded)


async def _load(release_id: str, ports: Ports) -> Release:
    stored = await ports.store.load(release_id)
    if stored is None:
        raise PlatformRefused(f"there is no release {release_id}: list the releases to find its id")
    return stored.release


async def _loser(release_id: str, command: c.ChangeTarget, running: DeploymentSpec, ports: Ports) -> _Loser:
    release = await ports.store.without_fleet(release_id) if release_id else None
    if release is None or release.phase is Phase.RELEASED:
        return _Loser(release_id="", previous=running)
    nothing = _Loser(release_id=release_id, previous=running)
    brought = {each for each in Dimension if brought_by(running, each) == release_id} - {*command.dimensions}
    if not brought:
        return nothing
    if release.kind is Kind.MODEL:
        if not release.phase.is_terminal:
            return replace(nothing, is_undecided=True)
        previous = release.target.previous
    else:
        target = await ports.store.fleet_target(release_id, command.target_key)
        if target is None or _takes_back_itself(target):
            return nothing
        previous = target.previous
        if not target.superseded_by and target.progress is Progress.CHANGING and not release.phase.is_terminal:
            return replace(nothing, is_undecided=True)
    if previous is None:
        return nothing
    return replace(nothing, previous=previous, begun=frozenset(brought & set(brings(release, previous))))


def _takes_back_itself(target: FleetTarget) -> bool:
    """What was read back is no half of anything, and what goes back already needs nobody else."""
    if target.superseded_by:
        return False
    return target.goal is not Phase.UPDATING or target.progress is Progress.DONE


async def decides_environment(lock: Lock, ports: Ports) -> bool:
    """Whether whoever has the circuit takes the environment back itself."""
    target: FleetTarget | None = await ports.store.fleet_target(lock.holder, lock.key) if lock.holder else None
    if target is None or target.superseded_by:
        return False
    release = await ports.store.without_fleet(lock.holder)
    is_rollback = release is not None and release.kind is Kind.ROLLBACK
    return is_rollback and (not target.dimensions or Dimension.ENVIRONMENT in target.dimensions)
