"""Every kind of work is looked after alike: put off after a fault, and given up with a reason that people see."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.errors import TransientFault
from shared.application.work.look import Look, WorkKind, look_at
from shared.application.work.pause import TRIES_MAX, try_id
from tests.support.benches.looked_after import Piece

#: What work is once it was given up, and whether it says the reason itself. Runs wait for their deadline, a task for
#: its next try; an alert, a fact and a message for the sweep; the tasks of a period are left to the sweep.
GIVEN_UP = {
    WorkKind.ALERT: ("accepted", True),
    WorkKind.CHANGE: ("failed", True),
    WorkKind.TRAINING: ("registering_data", True),
    WorkKind.TASK: ("pending", True),
    WorkKind.PERIOD: ("begun", False),
    WorkKind.NOTICE: ("accepted", True),
    WorkKind.DELIVERY: ("waiting", True),
}


async def broken(look: Look) -> None:
    raise TransientFault("the table does not answer")


async def test_used_up_tries_give_the_work_up_and_the_reason_is_seen(piece: Piece) -> None:
    """Nothing is only kept."""
    await look_at(piece.look, try_id("m", TRIES_MAX), replace(piece.work, look=broken))

    state, says_why = GIVEN_UP[piece.look.kind]
    seen, said = await piece.seen()
    assert seen == state
    assert ("given up after 16 more tries: the table does not answer" in said) is says_why
    assert not [each for each in piece.queue.sent if "-try-" in each.message_id]


async def test_giving_up_twice_is_giving_up_once(piece: Piece) -> None:
    """A dead letter may be delivered again."""
    await piece.work.give_up(piece.look.key, "nobody could process it")
    seen = await piece.seen()
    await piece.work.give_up(piece.look.key, "nobody could process it")
    assert await piece.seen() == seen


async def test_what_nobody_knows_cannot_be_given_up(piece: Piece) -> None:
    """A period that nobody began is begun: that is how it is held."""
    unknown = {
        WorkKind.ALERT: "0" * 32,
        WorkKind.CHANGE: "0" * 40,
        WorkKind.TRAINING: "train-nobody",
        WorkKind.TASK: "inference/2026-01-04/P001-C001",
        WorkKind.PERIOD: "inference/2026-01-04",
        WorkKind.NOTICE: "0" * 32,
        WorkKind.DELIVERY: "0" * 32,
    }
    seen = await piece.seen()
    await piece.work.give_up(unknown[piece.look.kind], "nobody knows it")
    assert await piece.seen() == seen


async def test_a_fault_of_a_bug_is_not_put_off(piece: Piece) -> None:
    """It raises, so that the bus counts its deliveries and dead-letters it."""

    async def bug(look: Look) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await look_at(piece.look, "m", replace(piece.work, look=bug))
    assert piece.queue.sent == []


async def test_work_that_cannot_be_given_up_comes_back(piece: Piece) -> None:
    """The store is away: the message is not completed."""

    async def silent(key: str, reason: str) -> None:
        raise TransientFault("still away")

    work = replace(piece.work, look=broken, give_up=silent)
    with pytest.raises(TransientFault, match="still away"):
        await look_at(piece.look, try_id("m", TRIES_MAX), work)


async def test_what_was_given_up_goes_on_when_it_is_looked_at_again(piece: Piece) -> None:
    """All but a change, whose webhook begins anew: what was held takes up where it was."""
    if piece.look.kind is WorkKind.CHANGE:
        return
    await piece.work.give_up(piece.look.key, "nobody could process it")
    before = await piece.seen()
    piece.clock.time += timedelta(hours=1)
    await look_at(piece.look, "m", piece.work)
    assert await piece.seen() != before
