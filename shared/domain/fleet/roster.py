"""The targets of a release: a list that never changes, found by key and counted by how far each has come.

Work on a fleet moves one target at a time. A list that is copied, or walked, at every move costs more with every target
there is, so a new roster shares with the one before it all that did not change: its targets lie in blocks, and where
each has come to is kept as sets of places. A set of places is a whole number with one bit per target, the first target
the lowest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

if TYPE_CHECKING:
    from shared.domain.release.model import FleetTarget, Phase, Progress

#: Targets of a block: a move copies one block, and the list of blocks.
_BLOCK = 64

_Blocks = tuple[tuple["FleetTarget", ...], ...]


class Standing(NamedTuple):
    """All of a target that says how far it is; what that means, the release's phase decides (`lanes.py`)."""

    is_superseded: bool
    goal: Phase | None
    serial: int
    progress: Progress
    touched: bool


def standing_of(target: FleetTarget) -> Standing:
    """Where the target has come to."""
    return Standing(bool(target.superseded_by), target.goal, target.serial, target.progress, target.touched)


class Roster(Sequence["FleetTarget"]):
    """The targets in the order in which they were frozen; of two with one key the first is found.

    `standings` are the places of all targets by where they have come to, none of them empty. `lanes` are the places by
    endpoint. Neither may be changed by whoever reads it.
    """

    __slots__ = ("_blocks", "_count", "_places", "lanes", "standings")

    standings: Mapping[Standing, int]
    lanes: Mapping[str, int]

    def __init__(self, targets: Iterable[FleetTarget] = ()) -> None:
        flat = tuple(targets)
        places: dict[str, int] = {}
        lanes: dict[str, int] = {}
        standings: dict[Standing, int] = {}
        _enter(flat, 0, places, lanes, standings)
        self._set(_in_blocks(flat), len(flat), places, lanes, standings)

    def _set(
        self,
        blocks: _Blocks,
        count: int,
        places: dict[str, int],
        lanes: Mapping[str, int],
        standings: Mapping[Standing, int],
    ) -> None:
        self._blocks, self._count, self._places = blocks, count, places
        self.lanes, self.standings = lanes, standings

    def find(self, key: str) -> FleetTarget | None:
        """The target with this key."""
        place = self._places.get(key)
        return None if place is None else self._at(place)

    def places_of(self, keys: Iterable[str]) -> int:
        """The places of the targets with these keys."""
        found = 0
        for key in keys:
            found |= 1 << self._places[key]
        return found

    def at(self, places: int) -> list[FleetTarget]:
        """The targets at these places, in their order."""
        return [self._at(place) for place in _numbers(places)]

    def first(self, places: int) -> FleetTarget:
        """The first target at these places, of which there must be one."""
        return self._at((places & -places).bit_length() - 1)

    def with_changed(self, changed: Iterable[FleetTarget]) -> Roster:
        """These targets in the places of those with the same keys; what has no such place is left out."""
        blocks: list[tuple[FleetTarget, ...]] | None = None
        standings = dict(self.standings)
        for target in changed:
            place = self._places.get(target.key)
            if place is None:
                continue
            blocks = blocks or list(self._blocks)
            number, within = divmod(place, _BLOCK)
            block = blocks[number]
            if block[within].previous.endpoint_name != target.previous.endpoint_name:
                raise ValueError(f"{target.key} was frozen on {block[within].previous.endpoint_name} and stays there")
            _move(standings, standing_of(block[within]), standing_of(target), 1 << place)
            blocks[number] = (*block[:within], target, *block[within + 1 :])
        if blocks is None:
            return self
        roster = Roster.__new__(Roster)
        roster._set(tuple(blocks), self._count, self._places, self.lanes, standings)
        return roster

    def with_more(self, targets: Iterable[FleetTarget]) -> Roster:
        """These targets behind the others."""
        more = tuple(targets)
        places, lanes, standings = dict(self._places), dict(self.lanes), dict(self.standings)
        _enter(more, self._count, places, lanes, standings)
        last = self._blocks[-1] if self._count % _BLOCK else ()
        full = self._blocks[: self._count // _BLOCK]
        roster = Roster.__new__(Roster)
        roster._set((*full, *_in_blocks((*last, *more))), self._count + len(more), places, lanes, standings)
        return roster

    def changed_since(self, before: Roster) -> Iterator[tuple[int, FleetTarget]]:
        """Place and target of what is not as it is in `before`; later places are all told."""
        for number, block in enumerate(self._blocks):
            known = before._blocks[number] if number < len(before._blocks) else ()
            if block is known:
                continue
            for within, target in enumerate(block):
                if within >= len(known) or (target is not known[within] and target != known[within]):
                    yield number * _BLOCK + within, target

    def _at(self, place: int) -> FleetTarget:
        return self._blocks[place // _BLOCK][place % _BLOCK]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[FleetTarget]:
        for block in self._blocks:
            yield from block

    @overload
    def __getitem__(self, index: int) -> FleetTarget: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[FleetTarget, ...]: ...
    def __getitem__(self, index: int | slice) -> FleetTarget | tuple[FleetTarget, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        return self._at(range(self._count)[index])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Roster):
            return self._blocks == other._blocks
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._blocks)

    def __repr__(self) -> str:
        return repr(tuple(self))


def _in_blocks(targets: tuple[FleetTarget, ...]) -> _Blocks:
    return tuple(targets[start : start + _BLOCK] for start in range(0, len(targets), _BLOCK))


def _enter(
    targets: tuple[FleetTarget, ...],
    start: int,
    places: dict[str, int],
    lanes: dict[str, int],
    standings: dict[Standing, int],
) -> None:
    """Adds the targets, whose first place is `start`."""
    for place, target in enumerate(targets, start):
        places.setdefault(target.key, place)
        endpoint, standing = target.previous.endpoint_name, standing_of(target)
        lanes[endpoint] = lanes.get(endpoint, 0) | 1 << place
        standings[standing] = standings.get(standing, 0) | 1 << place


def _move(standings: dict[Standing, int], before: Standing, after: Standing, place: int) -> None:
    if before == after:
        return
    left = standings[before] ^ place
    if left:
        standings[before] = left
    else:
        del standings[before]
    standings[after] = standings.get(after, 0) | place


def _numbers(places: int) -> Iterator[int]:
    while places:
        lowest = places & -places
        yield lowest.bit_length() - 1
        places ^= lowest


NOBODY = Roster()
"""The roster of a release whose targets are not known yet."""
