"""Every way a release to online endpoints can get stuck has a defined end."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.application.errors import PlatformBlocked
from shared.application.fleet.rollback_requests import request_rollback
from shared.application.freezes.freezes import set_freeze
from shared.application.platform_ports import Place
from shared.application.release import dead_letters, people
from shared.application.work.dead_letters import DeadLetter
from shared.domain.online.model import Shares, Side, SlotSpec
from shared.domain.online.specs import rollout_of
from shared.domain.release import commands as c
from shared.domain.release.model import Phase, Release
from tests.fakes.online_platform import MemoryOnlinePlatform
from tests.support.benches.online import ENGINEER, REQUESTER, OnlineBench, a_slot

LIVE = "taxi-fare-live"


def serving(production: Shares | None = None) -> OnlineBench:
    """Version 1 serves on both sides."""
    bench = OnlineBench()
    bench.something_serves(dev={"green": 100}, production={"blue": 100} if production is None else production)
    return bench


def is_at(release: Release, side: Side, step: int) -> bool:
    """Whether this share of the traffic was read back."""
    rollout = release.online.rollout(side) if release.online else None
    return rollout is not None and rollout.step == step and rollout.shared_since is not None


async def until(bench: OnlineBench, release_id: str, there: Callable[[Release], bool]) -> Release:
    """Delivers and lets time pass until it is so."""
    for _ in range(2000):
        await bench.deliver()
        if there(bench.release(release_id)):
            return bench.release(release_id)
        bench.clock.advance(10)
    raise AssertionError(f"still {bench.release(release_id).phase}")


async def at_30_pct(bench: OnlineBench) -> str:
    """A release whose slot has its share of production."""
    release_id = await bench.at_production_gate()
    await bench.until(release_id, Phase.MOVING_TRAFFIC)
    await until(bench, release_id, lambda release: is_at(release, Side.PRODUCTION, 0))
    assert bench.traffic(Side.PRODUCTION) == {"blue": 70, "green": 30}
    return release_id


async def test_what_served_is_stored_before_the_first_change() -> None:
    bench = serving({"blue": 60, "red": 40})
    release_id = await bench.at_production_gate()

    release = await bench.until(release_id, Phase.DEPLOYING_PRODUCTION)

    rollout = rollout_of(release, Side.PRODUCTION)
    assert (rollout.traffic_before, [spec.slot for spec in rollout.slots_before]) == (
        {"blue": 60, "red": 40},
        ["blue", "red"],
    )


async def test_a_first_deployment_that_fails_stays_without_traffic_and_says_why() -> None:
    """Nothing is deleted: people look at it."""
    bench = OnlineBench()
    bench.something_serves(dev={"green": 100})
    bench.online.report = {"improved": True, "candidate": {"mae": 1.0}}
    release_id = await bench.at_production_gate()
    bench.online.error["2"] = 5

    release = await bench.until(release_id, Phase.FAILED)

    assert bench.traffic(Side.PRODUCTION) == {}
    assert set(bench.endpoint(Side.PRODUCTION).slots) == {"green"}
    assert "mean absolute error 5" in release.reason
    assert "slot green stays, without traffic" in release.reason


async def test_a_slot_that_fails_in_dev_never_comes_to_production() -> None:
    bench = serving()
    bench.online.status["2"] = 424
    release_id = await bench.ask()
    await bench.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
    await bench.approve(release_id, stage=next(iter(bench.release(release_id).policy.gates)))

    release = await bench.run_until(release_id, Phase.FAILED)

    assert not release.production_touched
    assert bench.traffic(Side.DEV) == {"green": 100}
    assert set(bench.endpoint(Side.DEV).slots) == {"green"}


async def test_a_slot_that_does_not_come_up_is_tried_again_and_then_goes() -> None:
    bench = serving()
    release_id = await bench.at_production_gate()
    bench.online.failing = {Place.PRODUCTION}

    release = await bench.until(release_id, Phase.FAILED)

    assert "deploying_production did not succeed after 3 attempts" in release.reason
    assert set(bench.endpoint(Side.PRODUCTION).slots) == {"blue"}


async def test_a_slot_that_stays_in_updating_ends_with_people_who_are_told_what_is_left() -> None:
    bench = serving()
    release_id = await bench.at_production_gate()
    await bench.until(release_id, Phase.DEPLOYING_PRODUCTION)
    await bench.deliver()
    bench.endpoint(Side.PRODUCTION).slots["green"].reads_left = 10**9

    held = await until(bench, release_id, lambda release: release.phase is Phase.HELD)

    assert held.held_phase is Phase.RESTORING
    assert "slot green is Updating" in held.reason
    await people.abort(release_id, ENGINEER, "a ticket is open with Microsoft", bench.ports)
    release = await bench.run_until(release_id, Phase.ABORTED)
    assert f"{LIVE} in production is left as it is: before this release it served by blue 100 %" in release.reason
    assert bench.traffic(Side.PRODUCTION) == {"blue": 100}


@pytest.mark.parametrize(
    ("production", "strangers", "told"),
    [({"blue": 50, "green": 50}, (), "serves 50 %"), ({"blue": 100}, ("green",), "that no release brought")],
)
async def test_without_a_slot_people_are_asked_before_anything_is_changed(
    production: Shares, strangers: tuple[str, ...], told: str
) -> None:
    bench = serving(production)
    for name in strangers:
        spec = a_slot(Side.PRODUCTION, name, "1", tags={})
        bench.endpoint(Side.PRODUCTION).slots[name] = type(bench.endpoint(Side.PRODUCTION).slots["blue"])(spec=spec)
    release_id = await bench.at_production_gate()

    release = await bench.until(release_id, Phase.HELD)

    assert told in release.reason
    assert not release.production_touched
    assert bench.traffic(Side.PRODUCTION) == production


class WithoutQuota(MemoryOnlinePlatform):
    """Production has no cores left."""

    has_quota = False

    async def put_slot(self, place: Place, spec: SlotSpec) -> None:
        if place is Place.PRODUCTION and not self.has_quota:
            raise PlatformBlocked("(OutOfQuota) not enough cores")
        await super().put_slot(place, spec)


async def test_without_quota_it_waits_for_people_and_goes_on_when_they_have_it() -> None:
    bench = OnlineBench()
    bench.online = WithoutQuota(bench.platform)
    bench.something_serves(dev={"green": 100}, production={"blue": 100})
    release_id = await bench.at_production_gate()

    held = await bench.until(release_id, Phase.HELD)

    assert "OutOfQuota" in held.reason
    bench.online.has_quota = True
    await people.retry(release_id, ENGINEER, "quota raised", bench.ports)
    await bench.run_until(release_id, Phase.RELEASED, within_s=200_000)
    assert bench.traffic(Side.PRODUCTION) == {"green": 100}


async def test_traffic_that_somebody_changed_by_hand_is_not_overwritten() -> None:
    """Set as it was, a retry goes on."""
    bench = serving()
    release_id = await at_30_pct(bench)
    bench.endpoint(Side.PRODUCTION).traffic = {"blue": 100}

    held = await until(bench, release_id, lambda release: release.phase is Phase.HELD)

    assert "somebody changed the traffic by hand, to blue 100 %" in held.reason
    bench.endpoint(Side.PRODUCTION).traffic = {"blue": 70, "green": 30}
    await people.retry(release_id, ENGINEER, "mine", bench.ports)
    await bench.run_until(release_id, Phase.RELEASED, within_s=200_000)


async def test_on_the_way_back_a_person_decides_whose_traffic_counts() -> None:
    bench = serving()
    release_id = await at_30_pct(bench)
    bench.endpoint(Side.PRODUCTION).traffic = {"blue": 90, "green": 10}
    await people.abort(release_id, ENGINEER, "wrong", bench.ports)

    held = await until(bench, release_id, lambda release: release.phase is Phase.HELD)

    assert "retry overwrites it, abort leaves it as it is" in held.reason
    assert bench.traffic(Side.PRODUCTION) == {"blue": 90, "green": 10}
    await people.retry(release_id, ENGINEER, "overwrite it", bench.ports)
    await bench.run_until(release_id, Phase.ABORTED)
    assert bench.traffic(Side.PRODUCTION) == {"blue": 100}


async def test_a_retry_on_the_way_back_overwrites_nothing_that_nobody_was_told_of() -> None:
    """It was held for another reason, and somebody changed the traffic meanwhile."""
    bench = serving()
    release_id = await at_30_pct(bench)
    await people.abort(release_id, ENGINEER, "wrong", bench.ports)
    lost = DeadLetter(queue="effects", message_id="put-back", reason="MaxDeliveryCountExceeded", body="")
    await bench.deliver()
    (command,) = [each for each in bench.commands.sent if isinstance(each[1], c.PutBack)][:1]
    await dead_letters.dead_lettered(lost, command[1], bench.ports)
    await until(bench, release_id, lambda release: release.phase is Phase.HELD)
    bench.endpoint(Side.PRODUCTION).traffic = {"blue": 90, "green": 10}

    await people.retry(release_id, ENGINEER, "", bench.ports)
    held = await until(bench, release_id, lambda release: release.phase is Phase.HELD and "by hand" in release.reason)

    assert held.held_phase is Phase.RESTORING
    assert bench.traffic(Side.PRODUCTION) == {"blue": 90, "green": 10}


async def test_a_change_forward_that_lands_late_is_taken_back_before_the_end() -> None:
    """Nobody got an answer to it, and it arrives after the traffic had gone back."""
    bench = serving()
    release_id = await at_30_pct(bench)
    await people.abort(release_id, ENGINEER, "wrong", bench.ports)
    await until(bench, release_id, lambda release: bench.traffic(Side.PRODUCTION) == {"blue": 100})
    spec = rollout_of(bench.release(release_id), Side.PRODUCTION)
    wanted = a_slot(Side.PRODUCTION, spec.slot, "2", tags={"release_id": release_id})
    bench.online.apply_put(Place.PRODUCTION, wanted)
    bench.online.apply_traffic(Place.PRODUCTION, LIVE, {"blue": 70, "green": 30}, {})

    await bench.run_until(release_id, Phase.ABORTED)

    assert bench.traffic(Side.PRODUCTION) == {"blue": 100}
    assert set(bench.endpoint(Side.PRODUCTION).slots) == {"blue"}


async def test_a_slot_that_fails_while_it_is_watched_sends_the_traffic_back() -> None:
    bench = serving()
    release_id = await bench.at_production_gate()
    await bench.until(release_id, Phase.WATCHING)
    bench.online.status["2"] = 500

    release = await until(bench, release_id, lambda release: release.phase is Phase.ROLLED_BACK)

    assert bench.traffic(Side.PRODUCTION) == {"blue": 100}
    assert "status 500" in release.reason


async def test_a_person_takes_the_traffic_back_while_it_moves() -> None:
    bench = serving()
    release_id = await at_30_pct(bench)

    await request_rollback(release_id, REQUESTER, "people complain", bench.ports, critical=False)
    await bench.run_until(release_id, Phase.ROLLED_BACK)

    assert bench.traffic(Side.PRODUCTION) == {"blue": 100}


async def test_a_freeze_of_the_model_stands_before_production_and_not_before_the_way_back() -> None:
    bench = serving()
    release_id = await bench.at_production_gate()
    await set_freeze("taxi-fare", ENGINEER, "holidays", bench.ports, until=timedelta(hours=2))

    release = await bench.until(release_id, Phase.RECORDING_PREVIOUS)
    await bench.deliver()

    assert "freeze of taxi-fare" in bench.release(release_id).waiting_on
    assert not release.production_touched
    await bench.run_until(release_id, Phase.MOVING_TRAFFIC, within_s=200_000)
    await until(bench, release_id, lambda release: is_at(release, Side.PRODUCTION, 0))
    await set_freeze("fleet", ENGINEER, "stocktaking", bench.ports, until=timedelta(hours=2))
    await people.abort(release_id, ENGINEER, "wrong", bench.ports)
    await bench.run_until(release_id, Phase.ABORTED)
    assert bench.traffic(Side.PRODUCTION) == {"blue": 100}


async def test_a_release_behind_another_of_the_same_endpoint_waits_for_it() -> None:
    bench = serving()
    first = await bench.at_production_gate()
    bench.version = "3"
    bench.platform.add_model("taxi-fare", "3", {}, created_by="maker@example.com")

    second = await bench.ask()
    await bench.run_until(second, Phase.AWAITING_REGISTRY_APPROVAL)
    await bench.approve(second, next(iter(bench.release(second).policy.gates)))

    assert bench.release(second).phase is Phase.WAITING_FOR_ENDPOINT
    assert first in bench.release(second).waiting_on
