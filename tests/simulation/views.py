"""Every view of a release, in every state that a schedule reaches: API, command, report, file, notification.

A view that cannot be made would take a list down with it, or leave whoever is on call without an answer.
"""

import io
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from itertools import repeat
from types import NoneType
from typing import Any

from rich.console import Console

from cli.going_back import what_a_new_rollback_does, what_rollback_does
from cli.reading import what_to_type
from cli.show import release_panel, releases_table
from cli.tallies import tallies
from cli.views import Release as ShownRelease
from cli.views import Releases as ShownReleases
from cli.views import Targets as ShownTargets
from shared.application.release.summary import summary_of
from shared.contracts.http.fleet import RollbackFormat, rollback_metadata_of, targets_of
from shared.contracts.http.releases import ReleaseList, line_of, view_of
from shared.contracts.http.rollback import rollback_report_of
from shared.domain.errors import Conflict
from shared.domain.fleet.roster import Roster
from shared.domain.release.model import Kind, Release
from shared.domain.release.waiting import waiting
from tests.simulation.violation import Violation, require

_FORMS: tuple[RollbackFormat, ...] = ("release", "list")
_seen: set[object] = set()
"""Shapes of releases that were shown in this process: what a view does depends on the shape."""

_printed: set[object] = set()
"""What the command printed in this process; printing takes long, and depends on less."""


def check_views(release: Release, now: datetime) -> None:
    """Raises Violation for a view that cannot be made, or that contradicts the release."""
    shape = shape_of(release)
    if shape in _seen:
        return
    try:
        _show(release, now)
    except Violation:
        raise
    except Exception as error:  # whatever it is, a person would have got an error instead of the view
        raise Violation(
            f"views: {release.release_id} in {release.phase} cannot be shown: {type(error).__name__}: {error}"
        ) from error
    _seen.add(shape)


def _show(release: Release, now: datetime) -> None:
    summary, view = line_of(summary_of(release)), view_of(release)
    shown = ShownRelease.model_validate_json(view.model_dump_json())
    listed = ShownReleases.model_validate_json(ReleaseList(releases=[summary]).model_dump_json())
    said = [what_to_type(shown), what_a_new_rollback_does(shown, critical=True)]
    for tally in tallies(shown):
        require(0 <= tally.done <= tally.total, f"views: {release.release_id} shows {tally.name} {tally.text}")
    if release.kind is not Kind.MODEL:
        said.append(what_rollback_does(ShownTargets.model_validate_json(targets_of(release).model_dump_json())))
        for form in _FORMS:
            _unless_there_is_none(lambda form=form: rollback_metadata_of(release, [], form))  # type: ignore[misc]
    _unless_there_is_none(lambda: rollback_report_of(release, 0))
    _check_who_is_waited_for(release)
    _print(shown, listed, said, now)


def _print(shown: ShownRelease, listed: ShownReleases, said: list[str], now: datetime) -> None:
    about = (shown.kind, shown.phase, shown.gate is None, bool(shown.reason), bool(shown.check_runs), len(said))
    if about not in _printed:
        Console(file=io.StringIO(), width=100).print(
            releases_table(listed.releases, now), release_panel(shown, now), *said
        )
        _printed.add(about)


def _unless_there_is_none(view: Any) -> None:
    """A conflict is an answer: it says why there is no such view."""
    try:
        view().model_dump_json()
    except Conflict as error:
        require(bool(str(error)), "views: a conflict without a reason")


def _check_who_is_waited_for(release: Release) -> None:
    """Whoever ends the wait can be named, while there is one."""
    wait = waiting(release)
    require((wait is None) == release.phase.is_terminal, f"views: {release.release_id} waits in {release.phase}")
    require(wait is None or bool(wait.who_can_end_it), f"views: nobody can end the wait of {release.release_id}")


def shape_of(value: object) -> object:
    """What is there and what is not, without texts, numbers and times."""
    return _way_of(type(value))(value)


@cache
def _way_of(kind: type) -> Callable[[Any], object]:
    """How the shape of a value of this type is found: what the type says is asked once, as there are many values."""
    if issubclass(kind, Enum | bool | NoneType):
        return lambda value: value
    if is_dataclass(kind):
        names = [each.name for each in fields(kind)]
        return _Kept(lambda value: tuple(_shapes(map(getattr, repeat(value), names))))
    if issubclass(kind, str):
        return bool
    if issubclass(kind, Mapping):
        return lambda value: min(len(value), 2)
    if issubclass(kind, tuple | frozenset | Roster):
        return _Kept(_shape_of_collection)
    if issubclass(kind, Collection):
        return _shape_of_collection
    return type


def _shape_of_collection(value: Collection[object]) -> object:
    return min(len(value), 2), frozenset(_shapes(value))


def _shapes(values: Iterable[object]) -> list[object]:
    return [_way_of(type(each))(each) for each in values]


class _Kept:
    """The shapes of values of a type that never change. From one commit to the next most parts of a release are the
    very same objects: what was found for one is kept under its identity, with the object, so that no other gets it."""

    KEPT_MAX = 10_000

    def __init__(self, find: Callable[[Any], object]) -> None:
        self._find = find
        self._shapes: dict[object, object] = {}
        self._known: dict[int, tuple[object, object]] = {}

    def __call__(self, value: object) -> object:
        """The same object for the same shape, as nested tuples would be compared part by part."""
        if known := self._known.get(id(value)):
            return known[1]
        shape = self._shapes.setdefault(self._find(value), object())
        if len(self._known) >= self.KEPT_MAX:
            self._known.clear()
        self._known[id(value)] = value, shape
        return shape
