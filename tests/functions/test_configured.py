"""Every function sees the configuration in force, asked for once per call; the queues go on while it cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from shared.application.configuration import ConfigurationUnreadable
from shared.application.errors import PortError, TransientFault
from shared.application.ports import Clock
from shared.application.work.look import Look, LookedAfter, WorkKind
from shared.bootstrap import _in_force
from shared.bootstrap import configuration as composition
from shared.bootstrap.root import Root
from tests.fakes.clock import FakeClock
from tests.fakes.queues import MemoryLookQueue


@dataclass
class Asked:
    """Configurations whose answers the test decides."""

    current: str = "commit 1"
    fault: PortError | None = None
    times: int = 0

    async def in_force(self) -> str:
        self.times += 1
        if self.fault:
            raise self.fault
        return self.current

    async def of(self, commit: str) -> str:
        return commit


@dataclass(frozen=True)
class PartPorts:
    """The ports of one part of the app."""

    config: str = "published"
    clock: Clock = field(default_factory=FakeClock)


@pytest.fixture
def asked() -> Iterator[Asked]:
    made = Asked()
    composition.provide(made)  # type: ignore[arg-type]
    yield made
    composition.provide(None)


def root(*, mends: bool = False) -> "Root[PartPorts]":
    return Root(PartPorts, lambda ports, whole: PartPorts(str(whole), ports.clock), mends=mends)


async def test_each_call_has_what_is_in_force_then(asked: Asked) -> None:
    """Without anything being published or started anew."""
    part = root()
    before = await part()
    asked.current = "commit 2"
    assert (before.config, (await part()).config, asked.times) == ("commit 1", "commit 2", 2)


async def test_a_configuration_that_nobody_can_read_stops_all_but_the_part_that_mends_it(asked: Asked) -> None:
    asked.fault = ConfigurationUnreadable("a field is missing")
    with pytest.raises(ConfigurationUnreadable):
        await root()()
    assert (await root(mends=True)()).config == "published"


async def test_a_table_that_does_not_answer_is_never_taken_for_a_fleet_without_merges(asked: Asked) -> None:
    asked.fault = TransientFault("the table does not answer")
    for mends in (False, True):
        with pytest.raises(TransientFault):
            await root(mends=mends)()


async def test_a_look_asks_what_is_in_force_and_giving_up_does_without_it(asked: Asked) -> None:
    """A fault of the table is then one of the look, which is tried later; and what is given up is given up."""
    seen: list[tuple[str, str]] = []

    def looked_after(ports: PartPorts) -> LookedAfter:
        async def look(each: Look) -> None:
            seen.append(("look", ports.config))

        async def give_up(key: str, reason: str) -> None:
            seen.append(("give up", ports.config))

        return LookedAfter(look=look, give_up=give_up, queue=MemoryLookQueue(), clock=ports.clock)

    work = _in_force(root(), looked_after)
    each = Look(kind=WorkKind.TASK, key="a")
    await work.look(each)
    await work.give_up("a", "why")
    asked.fault = TransientFault("the table does not answer")
    with pytest.raises(TransientFault):
        await work.look(each)
    await work.give_up("a", "why")
    assert seen == [("look", "commit 1"), ("give up", "commit 1"), ("give up", "published")]
