"""What speaks against a yes at a gate, each with a name that programs can go by: it is shown first."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.predictions import RANGES_UNKNOWN
from shared.domain.release.lowering import lowered
from shared.domain.release.missing import missing_facts
from shared.domain.release.model import Kind, Release, Verdict
from shared.domain.release.policy import Stage
from shared.domain.release.specs import passed_test


class WarningCode(StrEnum):
    """The kinds of warnings."""

    MISSING_FACT = "missing_fact"
    DOWNGRADE = "downgrade"
    ROLLED_BACK_BEFORE = "rolled_back_before"
    OTHER_PREDICTIONS = "other_predictions"
    RANGE_UNKNOWN = "range_unknown"


@dataclass(frozen=True, kw_only=True)
class GateWarning:
    """One thing that an approver should know first. `is_bad` where it needs a close look or a reason."""

    code: WarningCode
    text: str
    is_bad: bool = False


def gate_warnings(release: Release, stage: Stage) -> tuple[GateWarning, ...]:
    """Everything that speaks against approving, worst first. A rollback brings nothing new, so its gate has none."""
    if stage is Stage.ROLLBACK:
        return ()
    found = [*_lowered(release, stage), *_missing(release), *_rolled_back(release), *_predictions(release, stage)]
    return tuple(sorted(found, key=lambda each: not each.is_bad))


def _lowered(release: Release, stage: Stage) -> list[GateWarning]:
    needs_reason = stage is Stage.PRODUCTION
    return [
        GateWarning(code=WarningCode.DOWNGRADE, text=f"the {what} {how}", is_bad=needs_reason)
        for what, how in sorted(lowered(release).items())
    ]


def _missing(release: Release) -> list[GateWarning]:
    required = release.policy.required_facts
    return [
        GateWarning(code=WarningCode.MISSING_FACT, text=f"{fact}: {text}", is_bad=fact in required)
        for fact, text in missing_facts(release).items()
    ]


def _rolled_back(release: Release) -> list[GateWarning]:
    by = [each.release_id for each in release.earlier if each.rolled_back]
    if not by and release.candidate and release.candidate.rolled_back:
        by = [release.candidate.rolled_back]
    text = f"this version was rolled back before: {', '.join(by)}"
    return [GateWarning(code=WarningCode.ROLLED_BACK_BEFORE, text=text, is_bad=True)] if by else []


def _predictions(release: Release, stage: Stage) -> list[GateWarning]:
    if stage is not Stage.PRODUCTION:
        return []
    if release.kind is Kind.ENVIRONMENT:
        others = [each.key for each in release.fleet if each.check is Verdict.INCONCLUSIVE]
        text = f"{len(others)} models predict other values: {', '.join(others[:5])}"
        return [GateWarning(code=WarningCode.OTHER_PREDICTIONS, text=text, is_bad=True)] if others else []
    run = passed_test(release)
    if run is None or RANGES_UNKNOWN not in run.output:
        return []
    return [GateWarning(code=WarningCode.RANGE_UNKNOWN, text=run.output)]
