"""A version may be released again: what has ended is an attempt, not the version.

An attempt is a release of its own. Its id follows from the first one's, so that asking twice opens one, and so that the
attempts of a version are found without a list. The next one opens only when the last has ended, from the first step on:
what was decided before is shown and counts for nothing.
"""

from shared.application.ids import attempt_id_of, release_id_of, rollback_id
from shared.application.platform_ports import Place
from shared.application.release.people import Answer, Decided, NoSuchRelease
from shared.application.release.ports import Ports
from shared.domain.changes.versions import SemanticVersion
from shared.domain.errors import Conflict, InvalidRequest
from shared.domain.online.events import OnlineReleaseRequested
from shared.domain.online.model import Online, OnlineWish, Side
from shared.domain.records import replace
from shared.domain.release.decide import open_attempt, open_environment_release, open_online_release
from shared.domain.release.earlier import EarlierAttempt
from shared.domain.release.events import AttemptRequested, EnvironmentReleaseRequested
from shared.domain.release.model import Actor, Kind, Phase, Release
from shared.domain.release.specs import told_decisions

#: More attempts of one version than this are somebody going round in circles.
ATTEMPTS_MAX = 20

#: More rollbacks of one release than this are somebody going round in circles.
ROLLBACKS_MAX = 20


async def request_again(release_id: str, actor: Actor, reason: str, ports: Ports) -> Decided:
    """Opens the next attempt of the release's version. Asked of one whose next attempt is open, it finds that one.

    Raises NotEligible; Conflict for one that has not ended, for a rollback, and while production runs the version;
    NoSuchRelease, Unreadable and the Platform* errors.
    """
    release = await ports.store.without_fleet(release_id)
    if release is None:
        raise NoSuchRelease(f"there is no release {release_id}: list the releases to find its id")
    if release.kind is Kind.ROLLBACK:
        raise Conflict(f"{release_id} is a rollback: ask for the rollback of {release.undoes} again")
    if not release.phase.is_terminal:
        raise Conflict(f"{release_id} has not ended: retry or abort it")
    last = await _last(first_of(release), ports) or release
    if not last.phase.is_terminal:
        return Decided(answer=Answer.ALREADY_DONE, release=last)
    return await _next(last, actor, reason, ports)


async def request_model_release(
    workspace: str, name: str, version: str, actor: Actor, reason: str, ports: Ports
) -> Decided:
    """Opens the release of a model version whose event did not come, or the next attempt after one that ended.

    Asking for one that is under way, or that production runs, finds it. Raises DomainError.
    """
    first = release_id_of(workspace, name, version)
    last = await _last(first, ports)
    if last is None:
        wish = _request(Kind.MODEL, first, (workspace, name, version), actor, reason, ports)
        return await _opened(wish, ports)
    return await _again_unless_under_way(last, actor, reason or "asked for again", ports)


async def request_environment_release(
    workspace: str, name: str, version: str, actor: Actor, reason: str, ports: Ports
) -> Decided:
    """Opens the release of an environment version, or the next attempt after one that ended.

    Asking for one that is under way, or that production runs, finds it. Raises DomainError.
    """
    release_id = release_id_of(workspace, name, version)
    event = EnvironmentReleaseRequested(
        event_id=f"{release_id}-requested",
        release_id=release_id,
        occurred_at=ports.clock.now(),
        workspace=workspace,
        environment_name=name,
        environment_version=version,
        actor=actor,
        reason=reason,
    )
    SemanticVersion.parse(version)
    decision = open_environment_release(event, ports.config.policy(Kind.ENVIRONMENT), ports.clock.now())
    last = await _last(release_id, ports)
    if last is not None:
        return await _again_unless_under_way(last, actor, reason or "asked for again", ports)
    await ports.events.publish(event)
    return Decided(answer=Answer.ACCEPTED, release=decision.release)


async def request_online_release(
    workspace: str, version: str, wish: OnlineWish, actor: Actor, reason: str, ports: Ports
) -> Decided:
    """Opens the release of a version of the model that `wish.config` names, or the next attempt after one that ended.

    Asking for one that is under way, or that production serves, finds it. Raises DomainError.
    """
    plan = ports.config.online(wish.config)
    if plan is None:
        known = ", ".join(ports.config.online_names()) or "none"
        raise InvalidRequest(f"there is no config/online/{wish.config}.yml: there are {known}")
    if unknown := sorted(set(wish.slots) - set(Side)):
        raise InvalidRequest(f"a slot is chosen for dev or production, not for {', '.join(unknown)}")
    first = release_id_of(workspace, f"online-{plan.model_name}", version)
    last = await _last(first, ports)
    if last is None:
        return await _opened(_online(first, (workspace, plan.model_name, version), wish, actor, reason, ports), ports)
    if not last.phase.is_terminal or (await _is_current(last, ports) and not wish.compare_only):
        return Decided(answer=Answer.ALREADY_DONE, release=last)
    asked = replace(last, online=replace(last.online or Online(wish=wish), wish=wish))
    return await _next(asked, actor, reason or "asked for again", ports)


async def next_attempt(release: Release, ports: Ports) -> str | None:
    """The id of the attempt that followed an ended release; None when none did."""
    if not release.phase.is_terminal or release.kind is Kind.ROLLBACK:
        return None
    following = attempt_id_of(first_of(release), release.version_attempt + 1)
    return following if await ports.store.without_fleet(following) is not None else None


def first_of(release: Release) -> str:
    """The id of the first attempt of the release's version."""
    return release.earlier[0].release_id if release.earlier else release.release_id


async def _again_unless_under_way(last: Release, actor: Actor, reason: str, ports: Ports) -> Decided:
    """The next attempt after `last`, or `last` itself while it is open or production runs what it released."""
    if not last.phase.is_terminal or await _is_current(last, ports):
        return Decided(answer=Answer.ALREADY_DONE, release=last)
    return await _next(last, actor, reason, ports)


async def _last(first: str, ports: Ports) -> Release | None:
    found: Release | None = None
    for number in range(1, ATTEMPTS_MAX + 1):
        there = await ports.store.without_fleet(attempt_id_of(first, number))
        if there is None:
            break
        found = there
    return found


async def _is_current(release: Release, ports: Ports) -> bool:
    """Released, and production still runs it, or a part of production does. Raises the Platform* errors."""
    if release.phase is not Phase.RELEASED:
        return False
    if release.kind is Kind.ONLINE:
        return await _is_served(release, ports)
    if release.kind is Kind.MODEL:
        plan = release.target.plan
        state = await ports.platform.get_deployment(Place.PRODUCTION, plan.endpoint_name, plan.deployment_name)
        return state is not None and state.spec.model == release.registry_model_id
    for endpoint in ports.config.fleet().endpoints:
        states = await ports.environments.list_deployments(Place.PRODUCTION, endpoint)
        if any(state.spec.environment == release.registry_environment_id for state in states):
            return True
    return False


async def _is_served(release: Release, ports: Ports) -> bool:
    rollout = release.online.rollout(Side.PRODUCTION) if release.online else None
    found = await ports.online.get_endpoint(Place.PRODUCTION, rollout.endpoint_name) if rollout else None
    return found is not None and any(
        share and (slot := found.slot(name)) and slot.spec.model == release.registry_model_id
        for name, share in found.traffic.items()
    )


async def _next(last: Release, actor: Actor, reason: str, ports: Ports) -> Decided:
    if await _is_current(last, ports):
        what = f"{last.asset} is released by {last.release_id} and in production"
        raise Conflict(f"{what}: roll that back first, or release another version")
    if last.version_attempt >= ATTEMPTS_MAX:
        raise Conflict(f"{ATTEMPTS_MAX} attempts of {last.asset} did not succeed: register another version")
    names = (last.asset_workspace, last.asset_name, last.asset_version)
    release_id = attempt_id_of(first_of(last), last.version_attempt + 1)
    rollback = await succeeded_rollback(last.release_id, ports)
    taken_back = last if last.phase is Phase.ROLLED_BACK else rollback
    earlier = EarlierAttempt(
        release_id=last.release_id,
        phase=last.phase.value,
        ended_at=last.phase_since,
        reason=last.reason,
        decisions=told_decisions(last),
        rolled_back=(taken_back.rollback_reason or taken_back.reason or "no reason given") if taken_back else "",
    )
    if last.online is not None:
        earlier_too = (*last.earlier, earlier)
        again = _online(release_id, names, last.online.wish, actor, reason, ports, earlier_too, last.requested_by)
        return await _opened(again, ports)
    wish = _request(
        last.kind, release_id, names, actor, reason, ports, (*last.earlier, earlier), requested_before=last.requested_by
    )
    return await _opened(wish, ports)


def _request(
    kind: Kind,
    release_id: str,
    names: tuple[str, str, str],
    actor: Actor,
    reason: str,
    ports: Ports,
    earlier: tuple[EarlierAttempt, ...] = (),
    requested_before: tuple[str, ...] = (),
) -> AttemptRequested:
    workspace, name, version = names
    return AttemptRequested(
        event_id=f"{release_id}-requested",
        release_id=release_id,
        occurred_at=ports.clock.now(),
        kind=kind,
        workspace=workspace,
        asset_name=name,
        asset_version=version,
        actor=actor,
        reason=reason,
        earlier=earlier,
        requested_before=requested_before,
    )


def _online(
    release_id: str,
    names: tuple[str, str, str],
    wish: OnlineWish,
    actor: Actor,
    reason: str,
    ports: Ports,
    earlier: tuple[EarlierAttempt, ...] = (),
    requested_before: tuple[str, ...] = (),
) -> OnlineReleaseRequested:
    workspace, name, version = names
    return OnlineReleaseRequested(
        event_id=f"{release_id}-requested",
        release_id=release_id,
        occurred_at=ports.clock.now(),
        workspace=workspace,
        asset_name=name,
        asset_version=version,
        wish=wish,
        actor=actor,
        reason=reason,
        earlier=earlier,
        requested_before=requested_before,
    )


async def _opened(wish: AttemptRequested | OnlineReleaseRequested, ports: Ports) -> Decided:
    now = ports.clock.now()
    if isinstance(wish, OnlineReleaseRequested):
        decision = open_online_release(wish, ports.config.policy(Kind.ONLINE), now)
    else:
        decision = open_attempt(wish, ports.config.policy(wish.kind), now)
    await ports.events.publish(wish)
    return Decided(answer=Answer.ACCEPTED, release=decision.release)


async def succeeded_rollback(release_id: str, ports: Ports) -> Release | None:
    """The rollback of its own by which production went back from what the release brought; None when there is none."""
    for number in range(1, ROLLBACKS_MAX + 1):
        found = await ports.store.without_fleet(rollback_id(release_id, number))
        if found is None:
            return None
        if found.undoes == release_id and found.phase is Phase.ROLLED_BACK:
            return found
    return None
