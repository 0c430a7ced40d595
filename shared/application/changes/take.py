"""Merged changes: accepted from a webhook, looked at in the repository, acted on once and as a whole.

A change is compared with the commit everything was taken up to, not with its own parent: what was refused or failed
stays to be done and comes with the next change (ADR 0014). Doing any of it twice changes nothing the second time.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.application.changes.makers import makers_of_change
from shared.application.changes.ports import (
    ChangePorts,
    Found,
    FoundCircuit,
    RepositoryRefused,
)
from shared.application.changes.steps import registered_environment, requests_of, training_problems, without_released
from shared.application.errors import ConcurrentUpdate, NotFound, PlatformRefused, TransientFault
from shared.application.paging import Page
from shared.application.training.start import request_trainings
from shared.application.work.look import Look, WorkKind
from shared.domain.changes.circuits import ConfigProblem
from shared.domain.changes.environment import EnvironmentChange
from shared.domain.changes.record import (
    CIRCUITS_TOLD_MAX,
    PROBLEMS_TOLD_MAX,
    ChangeClaim,
    ChangeRecord,
    ChangeState,
    CircuitOutcome,
    EnvironmentOutcome,
)
from shared.domain.makers import together

log = logging.getLogger(__name__)

PUSH_PAUSE = timedelta(seconds=20)
"""A push says no pull request, and GitHub's event of that not what the branch was before. Both are sent at the same
moment, in any order."""

SAVE_TRIES_MAX = 5
"""Each one is lost only to another webhook of the same commit, or to a fault of the store."""

UNTAKEN_MAX = 50
"""Of the changes that came in before any was taken: those that the first to be taken brings with it."""

_BEGUN_ANEW = (ChangeState.REFUSED, ChangeState.FAILED, ChangeState.IGNORED)
"""What the same webhook, sent again, has looked at again: its cause may be mended by then."""

_FOR_GOOD = (RepositoryRefused, PlatformRefused)


class NoSuchChange(NotFound):
    """No webhook brought this commit."""


async def accept_change(claim: ChangeClaim, ports: ChangePorts) -> tuple[ChangeRecord, bool]:
    """Makes the change durable and has it looked at; the record, and whether it is still to be looked at.

    One that was refused, failed or ignored is looked at again: that is what sending a webhook again is for.
    """
    now = ports.clock.now()
    record = await _stored(ChangeRecord(claim=claim, state=ChangeState.ACCEPTED, accepted_at=now), ports)
    if record.is_ended:
        return record, False
    at = None if record.claim.is_whole else now + PUSH_PAUSE
    message_id = f"{record.change_id}-{claim.source}-{claim.pr_number or 'push'}-{_stamp(now)}"
    await ports.queue.send(look_of(record.change_id), message_id, at=at)
    return record, True


def look_of(change_id: str) -> Look:
    """A look at the change."""
    return Look(kind=WorkKind.CHANGE, key=change_id)


async def take_change(change_id: str, ports: ChangePorts) -> None:
    """Looks at an accepted change and does what follows from it. Raises PortError for what another try may mend."""
    stored = await ports.log.load(change_id)
    if stored is None:
        log.error("a message names change %s, which does not exist: dropped", change_id)
        return
    if stored.record.is_ended:
        return
    try:
        taken = await _taken(stored.record, ports)
    except _FOR_GOOD as error:
        taken = _Taken(_failed(stored.record, str(error)))
    await _end(taken, stored.version, ports)


async def give_up(change_id: str, reason: str, ports: ChangePorts) -> None:
    """Ends a change that could not be taken; sending its webhook again begins anew."""
    stored = await ports.log.load(change_id)
    if stored and not stored.record.is_ended:
        again = "its webhook, sent again once the cause is mended, begins anew"
        await _end(_Taken(_failed(stored.record, reason, again)), stored.version, ports)


async def list_changes(ports: ChangePorts, limit: int, after: str = "") -> Page[ChangeRecord]:
    """The latest accepted first, from behind `after` on."""
    return await ports.log.latest(limit, after)


async def read_change(change_id: str, ports: ChangePorts) -> ChangeRecord:
    """One change. Raises NoSuchChange."""
    stored = await ports.log.load(change_id.lower())
    if stored is None:
        raise NoSuchChange(f"there is no change {change_id}: give the full id of the commit that a merge brought")
    return stored.record


async def _stored(accepted: ChangeRecord, ports: ChangePorts) -> ChangeRecord:
    """What is on record of the commit afterwards: accepted, with all that its webhooks know, or ended for good."""
    for _ in range(SAVE_TRIES_MAX):
        stored = await ports.log.accept(accepted)
        record = stored.record
        if record.is_ended and record.state not in _BEGUN_ANEW:
            return record
        wanted = replace(accepted, claim=_merged(record.claim, accepted.claim), accepted_at=record.accepted_at)
        if wanted == record:
            return record
        try:
            await ports.log.save(wanted, stored.version)
        except ConcurrentUpdate:  # GitHub sends both its events of a merge at the same moment
            continue
        return wanted
    raise TransientFault(f"change {accepted.change_id} kept changing")


def _merged(there: ChangeClaim, more: ChangeClaim) -> ChangeClaim:
    """Two webhooks of one merge know more than one."""
    return replace(
        there,
        base=there.base or more.base,
        pr_number=there.pr_number or more.pr_number,
        sender=there.sender or more.sender,
        since=there.since or more.since,
        is_first=there.is_first or more.is_first,
        forced=there.forced or more.forced,
        senders=together(there.senders, more.senders),
    )


@dataclass(frozen=True)
class _Taken:
    """What became of a change, the commit that the branch was taken up to before, and whether the configuration in
    force is this commit's from now on."""

    record: ChangeRecord
    since: str = ""
    configures: bool = False


async def _taken(record: ChangeRecord, ports: ChangePorts) -> _Taken:
    taken = await ports.log.taken(ports.branch)
    untaken = [] if taken else await _untaken(ports)
    found = await ports.source.find(record.claim, taken=taken, untaken=untaken)
    if found is None:
        note = f"part of the later change {taken}, which was taken first"
        return _Taken(replace(record, state=ChangeState.COVERED, notes=(note,)), taken)
    if not taken and found.base:
        await ports.log.begin(ports.branch, found.base)
    judged = await _judged(_described(record, found), found, ports)
    return _Taken(judged, taken or found.base, await _configures(judged, found, ports))


async def _configures(judged: ChangeRecord, found: Found, ports: ChangePorts) -> bool:
    """Keeps the configuration of a change that is done, before anything says that it is in force. A change that leaves
    `config/` as it was leaves in force what is."""
    if not judged.moves_branch or found.head.commit not in found.configurations:
        return False
    if judged.state is ChangeState.UNRELATED and await ports.log.in_force(ports.branch):
        return False
    for commit, files in found.configurations.items():
        await ports.kept.put(commit, files)
    return True


async def _untaken(ports: ChangePorts) -> list[ChangeClaim]:
    """What came in before anything was taken."""
    found = (await ports.log.latest(UNTAKEN_MAX)).records
    return [each.claim for each in found if each.state is not ChangeState.IGNORED]


async def _judged(record: ChangeRecord, found: Found, ports: ChangePorts) -> ChangeRecord:
    if found.is_empty:
        return replace(record, state=ChangeState.UNRELATED, notes=("config/ and environment/ are as they were",))
    found = await without_released(found, ports)
    problems = found.problems or await training_problems(found, record, ports)
    if problems:
        return _refused(record, problems)
    return await _acted_on(record, found, ports)


async def _acted_on(record: ChangeRecord, found: Found, ports: ChangePorts) -> ChangeRecord:
    environment: EnvironmentOutcome | None = None
    record = replace(record, makers=await makers_of_change(record, found, ports))
    if found.environment:
        registered = await registered_environment(found, found.environment, record, ports)
        if isinstance(registered, ConfigProblem):
            return _refused(record, (registered,))
        environment = _environment_outcome(found.environment, registered)
    trained = [each for each in found.circuits if each.change.trains]
    run_ids = await request_trainings(requests_of(trained, found, record), ports.training)
    runs = {_key(each): run_id for each, run_id in zip(trained, run_ids, strict=True)}
    circuits = [_circuit_outcome(each, runs.get(_key(each), "")) for each in found.circuits[:CIRCUITS_TOLD_MAX]]
    return replace(
        record,
        state=ChangeState.TAKEN,
        circuits=tuple(circuits),
        circuits_total=len(found.circuits),
        trainings_total=len(run_ids),
        environment=environment,
        notes=(*found.notes, *_what_is_next(found.environment)),
    )


def _described(record: ChangeRecord, found: Found) -> ChangeRecord:
    head = found.head
    pr_number = head.pr_number or record.claim.pr_number
    return replace(record, base=found.base, title=head.title, author=head.author, pr_number=pr_number)


def _refused(record: ChangeRecord, problems: tuple[ConfigProblem, ...]) -> ChangeRecord:
    return replace(
        record,
        state=ChangeState.REFUSED,
        problems=problems[:PROBLEMS_TOLD_MAX],
        problems_total=len(problems),
        notes=("nothing is trained; correct the files and merge: this change is then part of that one",),
    )


def _failed(record: ChangeRecord, *notes: str) -> ChangeRecord:
    return replace(record, state=ChangeState.FAILED, notes=notes)


def _circuit_outcome(found: FoundCircuit, run_id: str) -> CircuitOutcome:
    change, origin = found.change, found.origin
    return CircuitOutcome(
        plant_id=change.plant_id,
        circuit_id=change.circuit_id,
        kind=change.kind,
        fields=change.fields,
        renamed_from=change.renamed_from,
        commit=origin.commit,
        pr_number=origin.pr_number,
        author=origin.author,
        run_id=run_id,
    )


def _environment_outcome(change: EnvironmentChange, asset_id: str) -> EnvironmentOutcome:
    return EnvironmentOutcome(
        name=change.name,
        version=change.version,
        previous=change.previous,
        kind=change.kind.value if change.kind else "first",
        breaking=change.breaking,
        summary=change.summary,
        asset_id=asset_id,
        moved=len(change.moved),
        waiting=change.waiting,
    )


def _what_is_next(change: EnvironmentChange | None) -> tuple[str, ...]:
    """How the new environment version reaches production: alone, or with new models (R-ENV-12, R-ENV-13)."""
    if change is None:
        return ()
    if not change.breaking:
        return (f"{change.name}:{change.version} needs no new models: release it with release-environment",)
    if not change.waiting:
        return (f"{change.name}:{change.version} is breaking; every circuit is trained with it",)
    return (
        f"{change.name}:{change.version} is breaking; {change.waiting} circuits stay with what they name until "
        f"config set-environment {change.version} moves them",
    )


def _stamp(now: datetime) -> int:
    return int(now.timestamp() * 1000)


async def _end(taken: _Taken, version: str, ports: ChangePorts) -> None:
    """Stores what became of a change, and moves the branch with it, unless somebody else moved it meanwhile. A
    webhook that came meanwhile changed the claim only: the outcome stays that of the claim that was looked at, but for
    a refusal, whose reason may be what the webhook brought. Raises TransientFault: look again."""
    record, since = taken.record, taken.since
    ended = replace(record, ended_at=ports.clock.now())
    moves = ports.branch if ended.moves_branch else ""
    for _ in range(SAVE_TRIES_MAX):
        try:
            await ports.log.save(ended, version, moves=moves, since=since, configures=taken.configures)
        except ConcurrentUpdate:
            there = await ports.log.load(record.change_id)
            if there is None or there.record.is_ended or (moves and await ports.log.taken(moves) != since):
                raise
            if ended.state is ChangeState.REFUSED and there.record.claim != ended.claim:
                raise
            ended, version = replace(ended, claim=there.record.claim), there.version
            continue
        log.info("change %s: %s", record.change_id, record.state.value)
        return
    raise TransientFault(f"change {record.change_id} kept changing")


def _key(found: FoundCircuit) -> tuple[str, str]:
    return found.change.plant_id, found.change.circuit_id
