"""Which slot a new version gets, and how the traffic goes there and back. Pure; adapters send it."""

from dataclasses import dataclass

from shared.domain.online.model import (
    Distribution,
    EndpointFound,
    Shares,
    SlotFound,
    SlotSpec,
    TrafficPlan,
    TrafficStep,
)

ALL_PCT = 100


def served(shares: Shares) -> Shares:
    """Without the slots that get nothing, in small letters: how two distributions are compared."""
    return {slot.lower(): share for slot, share in shares.items() if share}


def is_same(one: Distribution, other: Distribution) -> bool:
    """Whether two distributions give every slot the same."""
    return (served(one.traffic), served(one.mirror)) == (served(other.traffic), served(other.mirror))


def told(shares: Shares) -> str:
    """As people read it: `blue 70 %, green 30 %`."""
    return ", ".join(f"{slot} {share} %" for slot, share in sorted(served(shares).items())) or "nobody"


@dataclass(frozen=True, kw_only=True)
class SlotChoice:
    """The slot for a new version; where there is none, `refusal` says why and what to do."""

    slot: str = ""
    refusal: str = ""


def choose_slot(found: EndpointFound | None, names: tuple[str, ...], preferred: str, asked: str = "") -> SlotChoice:
    """The slot that somebody `asked` for; else the preferred one if it serves nothing, else the first that does.

    Nobody's traffic goes to a slot of another model unasked: a slot that gets traffic, live or mirrored, is never
    taken, and neither is a deployment that no release brought.
    """
    if asked:
        return _if_free(found, asked) if asked in names else SlotChoice(refusal=_no_such(asked, names))
    order = (*((preferred,) if preferred else ()), *(name for name in names if name != preferred))
    choices = [_if_free(found, name) for name in order]
    free = next((choice for choice in choices if choice.slot), None)
    return free or SlotChoice(refusal="; ".join(choice.refusal for choice in choices))


def _no_such(asked: str, names: tuple[str, ...]) -> str:
    return f"the configuration has no slot {asked}: name one of {', '.join(names)}"


def _if_free(found: EndpointFound | None, name: str) -> SlotChoice:
    if found is None:
        return SlotChoice(slot=name)
    live, copies = served(found.traffic).get(name.lower(), 0), served(found.mirror).get(name.lower(), 0)
    if live or copies:
        return SlotChoice(refusal=f"slot {name} serves {live or copies} %: add a slot to the configuration")
    there = found.slot(name)
    if there is not None and not there.brought_by:
        return SlotChoice(refusal=f"slot {name} is a deployment that no release brought: delete it, or add a slot")
    return SlotChoice(slot=name)


def steps_to(slot: str, before: Shares, mirror_before: Shares, plan: TrafficPlan) -> tuple[TrafficStep, ...]:
    """The distributions on the way of `slot` to everything, from `before`. Where nothing served, it is one step."""
    everything = TrafficStep(traffic={slot: ALL_PCT}, mirror={}, share_s=0)
    if not served(before):
        return (everything,)
    copies = TrafficStep(traffic=dict(before), mirror={slot: plan.mirror_pct}, share_s=plan.share_s)
    shared = [
        TrafficStep(traffic=shared_with(before, slot, pct), mirror={}, share_s=plan.share_s)
        for pct in plan.steps_pct
        if pct < ALL_PCT
    ]
    return (*((copies,) if plan.mirror_pct and not served(mirror_before) else ()), *shared, everything)


def shared_with(before: Shares, slot: str, pct: int) -> Shares:
    """`before` with `pct` for `slot`: the others keep their proportions in what is left, to whole per cents.

    The largest remainders are rounded up, so that it sums to 100. `slot` has nothing in `before`.
    """
    others = {name: share for name, share in before.items() if share and name.lower() != slot.lower()}
    left = ALL_PCT - pct
    exact = {name: share * left / sum(others.values()) for name, share in others.items()}
    shares = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (shares[name] - exact[name], name))
    for name in by_remainder[: left - sum(shares.values())]:
        shares[name] += 1
    return {**shares, slot: pct}


def going_back(before: Shares, found: EndpointFound) -> Shares:
    """`before` as it can be sent: a slot that got nothing may be gone by now, and cannot be named."""
    return {slot: share for slot, share in before.items() if share or found.slot(slot) is not None}


def serves(wanted: SlotSpec, actual: SlotSpec) -> bool:
    """True when `actual`, read back from Azure ML, is what `wanted` asked for. Compared is what decides behaviour and
    who brought it; the code's id differs by nature."""
    return (
        wanted.model == actual.model
        and wanted.environment == actual.environment
        and wanted.scoring_script == actual.scoring_script
        and wanted.instance_type == actual.instance_type
        and wanted.instance_count == actual.instance_count
        and wanted.environment_variables == actual.environment_variables
        and all(actual.tags.get(name) == value for name, value in wanted.tags.items())
    )


def down(wanted: Distribution, found: EndpointFound) -> list[str]:
    """The slots that would get traffic and are not up."""
    named = {**served(wanted.traffic), **served(wanted.mirror)}
    states: dict[str, SlotFound] = {each.spec.slot.lower(): each for each in found.slots}
    return sorted(name for name in named if name not in states or not states[name].is_up)
