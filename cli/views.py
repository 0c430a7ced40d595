"""What the API answers, as far as the command shows it (docs/openapi.json, version 1).

Its own models, not the app's: the command talks to a running app of any later version, so unknown fields are left
alone. Texts come from tags that anybody may set; what a terminal would take for a command is replaced.
"""

import unicodedata
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

NEEDS_A_PERSON = (
    "awaiting_registry_approval",
    "awaiting_production_approval",
    "awaiting_rollback_approval",
    "held",
)
RELEASED = "released"
ROLLED_BACK = "rolled_back"
HELD = "held"
ROLLING_BACK = "rolling_back"
ENVIRONMENT = "environment"
ROLLBACK = "rollback"
MODEL = "model"
ONLINE = "online"
CAN_ROLL_BACK = ("updating", "watching", "held")


def printable(text: str) -> str:
    """The text with control and invisible formatting characters replaced; line breaks become spaces."""
    if text.isprintable():
        return text
    flat = " ".join(text.splitlines()) if "\n" in text or "\r" in text else text
    if flat.isprintable():
        return flat
    return "".join("\ufffd" if unicodedata.category(character) in ("Cc", "Cf") else character for character in flat)


Text = Annotated[str, AfterValidator(printable)]


class View(BaseModel):
    """What a command needs of an answer; anything more is left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Waiting(View):
    """Why nothing is happening."""

    waits_for: Text
    since: datetime
    until: datetime | None
    who_can_end_it: list[Text]


class Rule(View):
    """How many different people of a group have to approve."""

    group: Text
    count: int


class Gate(View):
    """The open gate."""

    stage: Text
    digest: Text
    instructions: Text
    facts: dict[Text, Text]
    approvals_needed: list[Rule]
    people_min: int = 1
    approved_by: list[Text]


class CheckRun(View):
    """One test inference."""

    attempt: int
    job_name: Text
    verdict: Text | None
    detail: Text


class Summary(View):
    """One line of the list."""

    release_id: Text
    kind: Text = "model"
    model: Text
    circuit: Text
    phase: Text
    ended: bool
    reason: Text
    waiting: Waiting | None
    version_attempt: int = 1
    undone_by: Text | None = None

    @property
    def needs_a_person(self) -> bool:
        """True when the release waits for a person's decision."""
        return self.phase in NEEDS_A_PERSON


class Progress(View):
    """How far the work on the targets of an environment release is, and what their checks said."""

    work: Text | None
    targets: int
    counts: dict[Text, int]
    checks: dict[Text, int]

    @property
    def failing(self) -> int:
        """Targets whose check did not go well or whose change was given up."""
        return sum((self.counts.get("failed", 0), self.checks.get("failed", 0), self.checks.get("errored", 0)))


class Reason(View):
    """One rule of evidence, whether it holds, and why."""

    rule: Text
    holds: bool
    text: Text


class Evidence(View):
    """The executed notebook of an environment release, and what the approval decision matrix says to it."""

    release_id: Text
    advice: Text
    quality: Text
    tests: Text
    required: bool
    reasons: list[Reason]
    sha256: Text | None
    size_bytes: int | None
    submitted_by: Text | None
    submitted_at: datetime | None


class EvidenceAccepted(View):
    """The answer to a notebook that was handed in."""

    answer: Text
    evidence: Evidence


class Earlier(View):
    """An attempt of the same version that ended before."""

    release_id: Text
    phase: Text
    reason: Text
    decisions: list[Text]
    rolled_back: Text


class Endpoint(View):
    """What a release does to one online endpoint."""

    side: Text
    endpoint: Text
    slot: Text
    before: Text
    now: Text
    state: Text
    last_test: Text


class Release(Summary):
    """One release."""

    opened_at: datetime
    phase_since: datetime
    attempt: int
    gate: Gate | None
    check_runs: list[CheckRun]
    registry_model_id: Text
    previous_model: Text | None
    production_touched: bool
    earlier: list[Earlier] = []
    again_as: Text | None = None
    pull_request: Text | None = None
    progress: Progress | None = None
    endpoints: list[Endpoint] = []
    evidence: Evidence | None = None


class Target(View):
    """One circuit's deployment in an environment release."""

    key: Text
    plant_id: Text
    circuit_id: Text
    progress: Text
    attempt: int
    touched: bool
    check: Text | None
    check_detail: Text
    detail: Text
    previous_model: Text
    previous_environment: Text

    @property
    def is_failing(self) -> bool:
        """True when its check did not go well or its change was given up."""
        return self.progress == "failed" or self.check in ("failed", "errored")


class Targets(View):
    """The targets of an environment release."""

    release_id: Text
    work: Text | None
    targets: list[Target]


class Releases(View):
    """The list: open releases first."""

    releases: list[Summary]


class Entry(View):
    """One entry of the history."""

    number: int
    at: datetime
    event: Text
    actor: Text
    actor_id: Text
    phase_before: Text
    phase_after: Text
    note: Text
    digest: Text

    @property
    def is_idle(self) -> bool:
        """True when neither the release moved nor a person did anything, as after an answer that came twice."""
        return self.phase_before == self.phase_after and not self.actor_id and self.number > 1


class History(View):
    """The history, oldest first; `verified` is the app's verdict on the hash chain."""

    release_id: Text
    verified: bool
    entries: list[Entry]


class Accepted(View):
    """The answer to everything that changes something."""

    release_id: Text
    answer: Text
    phase: Text


class Freeze(View):
    """No forward change of `scope`; one that is not active is planned, over or lifted."""

    freeze_id: Text
    scope: Text
    who: Text
    reason: Text
    starts_at: datetime
    ends_at: datetime
    active: bool
    lifted_at: datetime | None
    lifted_by: Text
    lift_reason: Text


class Freezes(View):
    """The freezes that have neither ended nor been lifted."""

    freezes: list[Freeze]
    who_can_lift: list[Text]


class Problem(View):
    """RFC 9457 problem details."""

    title: Text = ""
    detail: Text = ""


class Result(View):
    """What became of one circuit of a rollback."""

    key: Text
    result: Text
    detail: Text


class Check(View):
    """One line of what has to be looked at after a rollback; `done` is None where a person must."""

    what: Text
    done: bool | None
    detail: Text


class Meter(View):
    """How long a rollback took, in seconds from the alert or the request."""

    requested_at: datetime
    seconds_to_first_restored: float | None
    seconds_to_last_restored: float | None
    seconds_to_verified: float | None


class RollbackReport(View):
    """What a rollback did."""

    release_id: Text
    undoes: Text
    phase: Text
    reason: Text
    counts: dict[str, int]
    targets: list[Result]
    meter: Meter | None
    checklist: list[Check]
