"""The HTTP functions of freezes, and what a release says that waits behind one."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.release.model import Phase
from tests.functions.callers import PERSON_ID, Signer, answered, function, request
from tests.support.benches.release import Bench
from tests.support.builders import RELEASE_ID, a_release

set_freeze = function("set_freeze")
list_freezes = function("list_freezes")
lift_freeze = function("lift_freeze")
read_release = function("read_release")
list_releases = function("list_releases")

WISH = {"scope": "P001", "reason": "stocktaking", "hours": 2}


async def frozen(bench: Bench, signer: Signer, **changes: Any) -> dict[str, Any]:
    """A freeze of plant P001 for two hours, unless said otherwise."""
    return answered(await set_freeze(request(signer.token(), {**WISH, **changes}, method="POST")), 201)


async def test_a_freeze_counts_at_once_and_is_listed_with_who_why_and_until(bench: Bench, signer: Signer) -> None:
    """Who comes from the token."""
    set_at = await frozen(bench, signer)

    listed = answered(await list_freezes(request(signer.token())), 200)

    assert listed == {"freezes": [set_at], "unreadable": [], "who_can_lift": ["Engineering-Managers", "ML-Engineers"]}
    assert set_at == {
        "freeze_id": set_at["freeze_id"],
        "scope": "P001",
        "who": "Person 2",
        "reason": "stocktaking",
        "starts_at": "2026-01-05T08:00:00Z",
        "ends_at": "2026-01-05T10:00:00Z",
        "active": True,
        "lifted_at": None,
        "lifted_by": "",
        "lift_reason": "",
    }
    assert bench.freezes.freezes[set_at["freeze_id"]].who_id == PERSON_ID


async def test_the_same_freeze_again_is_a_success_that_changes_nothing(bench: Bench, signer: Signer) -> None:
    """200 instead of 201."""
    first = await frozen(bench, signer)
    second = answered(await set_freeze(request(signer.token(), WISH, method="POST")), 200)

    assert second == first
    assert len(bench.freezes.freezes) == 1


async def test_a_freeze_can_be_planned_in_any_time_zone(bench: Bench, signer: Signer) -> None:
    """It is answered in UTC, and is not active before its start."""
    times = {"starts_at": "2026-01-10T01:00:00+01:00", "until": "2026-01-12T00:00:00+01:00", "hours": None}

    planned = await frozen(bench, signer, scope="fleet", **times)

    assert (planned["starts_at"], planned["ends_at"]) == ("2026-01-10T00:00:00Z", "2026-01-11T23:00:00Z")
    assert not planned["active"]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"hours": None}, "give either until or hours"),
        ({"until": "2026-01-05T09:00:00Z"}, "give either until or hours"),
        ({"hours": 0}, "greater than 0"),
        ({"hours": 721}, "less than or equal to 720"),
        ({"hours": None, "until": "2026-01-05T07:00:00Z"}, "must end in the future"),
        ({"hours": None, "until": "2026-01-05T09:00:00"}, "timezone"),
        ({"hours": None, "until": "2026-02-05T09:00:00Z"}, "at most 30 days"),
        ({"scope": "P099"}, "there is no circuit in 'P099'"),
        ({"reason": ""}, "at least 1 character"),
        ({"reason": "\n "}, "needs a reason"),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"who": "somebody else"}, "Extra inputs"),
        ({"hours": None, "until": "9999-12-31T23:59:59-14:00"}, "until: the year must be 1970 to 2199"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "starts_at: the year must be 1970 to 2199"),
        ({"hours": "5"}, "hours: Input should be a valid number"),
    ],
)
async def test_a_freeze_outside_its_limits_is_a_bad_request_that_says_what_to_do(
    bench: Bench, signer: Signer, changes: dict[str, Any], detail: str
) -> None:
    """And nothing is frozen."""
    problem = answered(await set_freeze(request(signer.token(), {**WISH, **changes}, method="POST")), 400)

    assert detail in problem["detail"]
    assert bench.freezes.freezes == {}


async def test_lifting_keeps_who_and_why_and_empties_the_list(bench: Bench, signer: Signer) -> None:
    """Lifting again answers with the first lift."""
    freeze_id = (await frozen(bench, signer))["freeze_id"]
    bench.clock.advance(600)

    lifted = answered(
        await lift_freeze(request(signer.token(), {"reason": "done"}, method="POST", freeze_id=freeze_id)), 200
    )
    again = answered(
        await lift_freeze(request(signer.token(), {"reason": "me too"}, method="POST", freeze_id=freeze_id)), 200
    )

    assert (lifted["active"], lifted["lifted_by"], lifted["lift_reason"]) == (False, "Person 2", "done")
    assert lifted["lifted_at"] == "2026-01-05T08:10:00Z"
    assert again == lifted
    assert answered(await list_freezes(request(signer.token())), 200)["freezes"] == []


async def test_there_is_nothing_to_lift_once_a_freeze_has_ended(bench: Bench, signer: Signer) -> None:
    """404, with where to look."""
    freeze_id = (await frozen(bench, signer))["freeze_id"]
    bench.clock.advance(timedelta(hours=2).total_seconds())

    problem = answered(
        await lift_freeze(request(signer.token(), {"reason": "done"}, method="POST", freeze_id=freeze_id)), 404
    )

    assert "list the freezes" in problem["detail"]


async def test_who_is_in_no_freezing_group_may_look_and_not_touch(bench: Bench, signer: Signer) -> None:
    """Neither set nor lift; an application neither."""
    freeze_id = (await frozen(bench, signer))["freeze_id"]
    stranger = signer.token(groups=[])
    application = signer.token(without=("scp",), idtyp="app", roles=["Api.Call", "ML-Engineers"])
    for token in (stranger, application):
        answered(await set_freeze(request(token, WISH, method="POST")), 403)
        answered(await lift_freeze(request(token, {"reason": "r"}, method="POST", freeze_id=freeze_id)), 403)
        assert len(answered(await list_freezes(request(token)), 200)["freezes"]) == 1


async def test_without_a_token_nobody_freezes_lifts_or_looks(bench: Bench) -> None:
    """401."""
    answered(await set_freeze(request(None, WISH, method="POST")), 401)
    answered(await lift_freeze(request(None, {"reason": "r"}, method="POST", freeze_id="fleet-1")), 401)
    answered(await list_freezes(request(None)), 401)


async def test_a_release_behind_a_freeze_says_so_until_it_is_lifted(bench: Bench, signer: Signer) -> None:
    """In the list and alone; the answer follows the freezes, not what the release saw last."""
    await bench.put(a_release(Phase.WAITING_FOR_CIRCUIT))
    freeze_id = (await frozen(bench, signer))["freeze_id"]

    waits = answered(await read_release(request(signer.token(), release_id=RELEASE_ID)), 200)["waiting"]
    (summary,) = answered(await list_releases(request(signer.token())), 200)["releases"]

    assert waits["waits_for"] == "the end of the freeze of P001 by Person 2 until 2026-01-05 10:00 UTC: stocktaking"
    assert waits["until"] == "2026-01-05T10:00:00Z"
    assert waits["who_can_end_it"] == ["Engineering-Managers", "ML-Engineers"]
    assert summary["waiting"] == waits
    answered(await lift_freeze(request(signer.token(), {"reason": "r"}, method="POST", freeze_id=freeze_id)), 200)
    waits = answered(await read_release(request(signer.token(), release_id=RELEASE_ID)), 200)["waiting"]
    assert waits["waits_for"] == "circuit P001-C001, held by nobody yet"
