"""What an executed notebook shows of an environment, and what follows from it by the approval decision matrix.

See R-EVID-1 to R-EVID-8. The advice is not an approval: people approve, and see the advice with its reasons.
`shared.adapters.notebook_evidence` reads the facts; `docs/evidence.md` is for authors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.evidence.model import Advice as Advice
from shared.domain.evidence.model import Quality as Quality
from shared.domain.evidence.model import Reason as Reason
from shared.domain.release.model import Verdict
from shared.domain.release.policy import Stage

NOTEBOOK_BYTES_MAX = 5 * 1024 * 1024
"""Of a notebook's file, pictures included; evidence is text, the complete example has 7 KiB."""

NAMES_SHOWN_MAX = 10
"""Names of models and cells in one reason; a fleet has up to 10,000 circuits."""


class Content(StrEnum):
    """The six required contents of a notebook, in their order; each is introduced by its heading."""

    ENVIRONMENT = "Load environment version"
    MODEL = "Load test model"
    DATA = "Load sample data"
    SCORING = "Execute scoring"
    PREDICTIONS = "Display predictions"
    NO_ERRORS = "Show no errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentFact:
    """Was one content found? `detail` says in which cell, or what is missing."""

    found: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorOutput:
    """An error that a cell shows, or may show; cells are counted from 1, texts included; None: no cell shows it."""

    cell: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCell:
    """A cell with code: its place, counted from 1 with texts included, and when it ran; None means that it did not."""

    cell: int
    execution_count: int | None


@dataclass(frozen=True, kw_only=True)
class NotebookFacts:
    """What was found in a notebook. `sha256` is of the file's bytes, 64 hexadecimal digits: approvals bind to it.

    A content that is not in `contents` counts as not found. `doubts` are what the file shows and nobody can judge from
    it: each may be an error. `environments` are the environments printed below the
    heading of ENVIRONMENT, each as `name:version`.
    """

    sha256: str
    contents: dict[Content, ContentFact] = field(default_factory=dict)
    errors: tuple[ErrorOutput, ...] = ()
    doubts: tuple[ErrorOutput, ...] = ()
    code_cells: tuple[CodeCell, ...] = ()
    environments: tuple[str, ...] = ()


class FleetResult(StrEnum):
    """The second column of the matrix, with what it leaves open: results that are not due yet, or decide nothing."""

    ALL_PASSED = "all models pass"
    SOME_FAILED = "some models fail"
    UNDECIDED = "some models have no clear result"
    NOT_DUE = "tests follow after this gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The advice, the two columns of the matrix it comes from, and one reason per rule."""

    advice: Advice
    quality: Quality
    fleet: FleetResult
    reasons: tuple[Reason, ...]


NO_NOTEBOOK = Reason(rule="notebook", holds=False, text="no executed notebook was uploaded: upload one")


def advise(quality: Quality, fleet: FleetResult) -> Advice:
    """The approval decision matrix. Only complete evidence is weighed against tests; what shows too little is rejected.

    What cannot be judged is left to a person, whatever the tests say.
    """
    if quality is Quality.INCONCLUSIVE:
        return Advice.NEEDS_PERSON
    if quality is not Quality.COMPLETE:
        return Advice.REJECT
    return {
        FleetResult.ALL_PASSED: Advice.APPROVE,
        FleetResult.NOT_DUE: Advice.APPROVE,
        FleetResult.SOME_FAILED: Advice.NEEDS_PERSON,
        FleetResult.UNDECIDED: Advice.NEEDS_PERSON,
    }[fleet]


def assess(
    facts: NotebookFacts | None,
    *,
    environment: str,
    stage: Stage,
    results: Mapping[str, Verdict | None] | None = None,
) -> Assessment:
    """The advice for the gate of `stage` on `environment` (`name:version`), with the reason of every rule.

    `facts` is None without a notebook. `results` has the verdict of every model of the frozen target set, None for one
    that has none. At the registry gate tests are not due; at any other gate, missing results never lead to approval.
    """
    quality, reasons = judge(facts, environment)
    return weigh(quality, reasons, stage, results)


def judge(facts: NotebookFacts | None, environment: str) -> tuple[Quality, tuple[Reason, ...]]:
    """What the notebook alone is worth for `environment` (`name:version`), with the reason of every rule."""
    if facts is None:
        return Quality.MISSING, (NO_NOTEBOOK,)
    errors = _no_error_outputs(facts)
    doubts = _no_doubts(facts)
    complete = [*_contents(facts), _order(facts), _ran_in(facts, environment)]
    if not errors.holds:
        quality = Quality.WITH_ERRORS
    elif not all(reason.holds for reason in complete):
        quality = Quality.INCOMPLETE
    else:
        quality = Quality.COMPLETE if doubts.holds else Quality.INCONCLUSIVE
    return quality, (Reason(rule="notebook", holds=True, text=f"SHA-256 {facts.sha256}"), *complete, errors, doubts)


def weigh(
    quality: Quality, reasons: tuple[Reason, ...], stage: Stage, results: Mapping[str, Verdict | None] | None = None
) -> Assessment:
    """The advice at the gate of `stage` for a notebook that was judged so; the reason of the tests comes last."""
    fleet, reason = _fleet(stage, results)
    return Assessment(advice=advise(quality, fleet), quality=quality, fleet=fleet, reasons=(*reasons, reason))


def _contents(facts: NotebookFacts) -> list[Reason]:
    reasons = []
    for content in Content:
        fact = facts.contents.get(content, ContentFact(found=False, detail="not found"))
        reasons.append(Reason(rule=content.value, holds=fact.found, text=fact.detail))
    return reasons


def _no_error_outputs(facts: NotebookFacts) -> Reason:
    text = _where(facts.errors) or "nothing shows an error"
    return Reason(rule="no error outputs", holds=not facts.errors, text=text)


def _no_doubts(facts: NotebookFacts) -> Reason:
    shown = _where(facts.doubts)
    text = f"{shown}: open the notebook and look" if shown else "all that it shows can be judged"
    return Reason(rule="nothing in doubt", holds=not facts.doubts, text=text)


def _where(found: tuple[ErrorOutput, ...]) -> str:
    places = (("no cell" if each.cell is None else f"cell {each.cell}", each.text) for each in found[:NAMES_SHOWN_MAX])
    return "; ".join(f"{place}: {text}" for place, text in places)


def _order(facts: NotebookFacts) -> Reason:
    """Run once, from top to bottom, in a fresh kernel, counts are 1, 2, 3, ...; a gap hides a cell that ran."""
    rule = "execution order"
    advice = 'choose "Restart kernel and run all cells", save, and upload again'
    if not facts.code_cells:
        return Reason(rule=rule, holds=False, text="there is no cell with code")
    for expected, code in enumerate(facts.code_cells, start=1):
        if code.execution_count != expected:
            how = "did not run" if code.execution_count is None else f"ran as number {code.execution_count}"
            return Reason(rule=rule, holds=False, text=f"cell {code.cell} {how}, not as number {expected}: {advice}")
    return Reason(rule=rule, holds=True, text=f"{len(facts.code_cells)} cells ran in order, from a fresh kernel")


def _ran_in(facts: NotebookFacts, environment: str) -> Reason:
    """The environment is printed, and no other version of it; other packages may print versions too."""
    rule = "environment version"
    name = environment.rpartition(":")[0]
    own = sorted({printed for printed in facts.environments if printed.rpartition(":")[0] == name})
    if own == [environment]:
        return Reason(rule=rule, holds=True, text=f"it ran in {environment}")
    ran = f"it ran in {', '.join(own[:NAMES_SHOWN_MAX])}" if own else f"no version of {name} is printed"
    text = f"{ran}, and {environment} is released: run it in {environment} and print that"
    return Reason(rule=rule, holds=False, text=text)


def _fleet(stage: Stage, results: Mapping[str, Verdict | None] | None) -> tuple[FleetResult, Reason]:
    rule = "tests of all models"
    if stage is Stage.REGISTRY:
        return FleetResult.NOT_DUE, Reason(rule=rule, holds=True, text="they run after the environment is promoted")
    if not results:
        text = "there are no results, and unknown is not passed: wait for the tests, or start them again"
        return FleetResult.UNDECIDED, Reason(rule=rule, holds=False, text=text)
    failed = sorted(name for name, verdict in results.items() if verdict is Verdict.FAILED)
    unclear = sorted(name for name, verdict in results.items() if verdict not in (Verdict.PASSED, Verdict.FAILED))
    if not failed and not unclear:
        return FleetResult.ALL_PASSED, Reason(rule=rule, holds=True, text=f"all {len(results)} pass")
    parts = [f"{len(failed)} of {len(results)} fail ({_named(failed)}): investigate, likely reject"] if failed else []
    if unclear:
        parts.append(f"{len(unclear)} of {len(results)} have no clear result ({_named(unclear)}): look at the numbers")
    result = FleetResult.SOME_FAILED if failed else FleetResult.UNDECIDED
    return result, Reason(rule=rule, holds=False, text="; ".join(parts))


def _named(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN_MAX
    return ", ".join(names[:NAMES_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
