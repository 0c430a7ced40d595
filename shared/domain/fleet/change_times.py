"""How long Azure ML has taken for the changes of one release: it tells when to look at the next one."""

from dataclasses import dataclass

#: Looks begin a little before the quickest change so far would have ended: a quicker one is noticed, and counts then.
_BEGIN_AT = 0.9


@dataclass(frozen=True, kw_only=True)
class ChangeTimes:
    """The changes that were read back, from the moment Azure ML took them, in seconds."""

    count: int = 0
    total_s: float = 0.0
    quickest_s: float = 0.0

    def with_one(self, took_s: float) -> "ChangeTimes":
        """These and one more."""
        quickest_s = min(self.quickest_s, took_s) if self.count else took_s
        return ChangeTimes(count=self.count + 1, total_s=self.total_s + took_s, quickest_s=quickest_s)

    @property
    def first_look_s(self) -> float:
        """After how many seconds a change may have ended."""
        return _BEGIN_AT * self.quickest_s

    @property
    def looked_at(self) -> float:
        """The part of its time in which a change is looked at, above 0 and up to 1."""
        mean_s = self.total_s / self.count if self.count else 0.0
        return 1 - self.first_look_s / mean_s if mean_s else 1.0
