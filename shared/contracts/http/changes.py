"""Changes of the configuration as they cross our HTTP border, version 1: webhooks answered, changes read."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.application.paging import Page
from shared.contracts.base import Contract
from shared.contracts.http.paging import LISTED_MAX, token_of
from shared.contracts.http.unreadable import UnreadableView, unreadable_of
from shared.domain.changes.record import ChangeRecord, CircuitOutcome, EnvironmentOutcome

FOLLOW = "/api/changes/{change_id}"


class WebhookAnswer(Contract):
    """202: durable, and looked at in a moment. 200: taken already, or `ignored` for a reason; nothing follows."""

    answer: Literal["accepted", "already_taken", "ignored"]
    reason: str = ""
    change_id: str = ""
    follow: str = ""


class FieldView(Contract):
    """One value of a circuit's file, before and after."""

    field: str
    before: str
    after: str


class CircuitView(Contract):
    """What the change means for a circuit. `run_id` names the training it led to; deployment, text and deleted have
    none."""

    circuit: str
    kind: Literal["new", "training", "unknown", "released", "deployment", "text", "deleted"]
    fields: list[FieldView]
    renamed_from: str
    commit: str
    pr_number: str
    author: str
    run_id: str


class EnvironmentView(Contract):
    """The environment version of the change, registered in the dev workspace under `asset_id`."""

    name: str
    version: str
    previous: str
    kind: Literal["major", "minor", "patch", "first"]
    breaking: bool
    summary: str
    asset_id: str
    circuits_moved: int
    circuits_on_other_versions: int


class ProblemView(Contract):
    """One mistake, and what to write instead."""

    file: str
    field: str
    value: str
    reason: str
    fix: str
    line: int | None


class ChangeSummary(Contract):
    """One line of the list."""

    change_id: str
    state: Literal["accepted", "taken", "unrelated", "covered", "refused", "failed", "ignored"]
    title: str
    author: str
    pr_number: str
    accepted_at: datetime
    ended_at: datetime | None
    circuits_total: int
    trainings_total: int
    environment: str
    problems_total: int
    note: str


class ChangeView(ChangeSummary):
    """One change. Lists are cut where a change touches very many circuits; the totals are not."""

    branch: str
    source: str
    base: str
    circuits: list[CircuitView]
    environment_version: EnvironmentView | None
    problems: list[ProblemView]
    notes: list[str]


class ChangeList(Contract):
    """A page, the latest first."""

    changes: list[ChangeSummary] = Field(max_length=LISTED_MAX)
    unreadable: list[UnreadableView] = Field(default_factory=list)
    in_force: str = Field(
        default="",
        description="The commit whose configuration is in force; empty for the files that the app was published with.",
    )
    next: str | None = Field(default=None, description="Give it as `after` for the next page; null on the last one.")


CHANGES = "changes"
"""The name of the list in the tokens of its pages."""


def change_list_of(page: Page[ChangeRecord], in_force: str) -> ChangeList:
    """The list as it is shown."""
    return ChangeList(
        changes=[change_summary_of(record) for record in page.records],
        unreadable=unreadable_of(page.records.unreadable),
        next=token_of(CHANGES, page.after),
        in_force=in_force,
    )


def change_summary_of(record: ChangeRecord) -> ChangeSummary:
    """The line of a record."""
    environment = record.environment
    return ChangeSummary(
        change_id=record.change_id,
        state=record.state.value,
        title=record.title,
        author=record.author,
        pr_number=record.pr_number,
        accepted_at=record.accepted_at,
        ended_at=record.ended_at,
        circuits_total=record.circuits_total,
        trainings_total=record.trainings_total,
        environment=f"{environment.name}:{environment.version}" if environment else "",
        problems_total=record.problems_total,
        note=record.notes[0] if record.notes else "",
    )


def change_view_of(record: ChangeRecord) -> ChangeView:
    """The whole record."""
    return ChangeView(
        **dict(change_summary_of(record)),
        branch=record.claim.branch,
        source=record.claim.source,
        base=record.base,
        circuits=[_circuit(each) for each in record.circuits],
        environment_version=_environment(record.environment) if record.environment else None,
        problems=[ProblemView.model_validate(vars(each)) for each in record.problems],
        notes=list(record.notes),
    )


def _circuit(outcome: CircuitOutcome) -> CircuitView:
    return CircuitView(
        circuit=f"{outcome.plant_id}-{outcome.circuit_id}",
        kind=outcome.kind.value,
        fields=[FieldView.model_validate(vars(each)) for each in outcome.fields],
        renamed_from=outcome.renamed_from,
        commit=outcome.commit,
        pr_number=outcome.pr_number,
        author=outcome.author,
        run_id=outcome.run_id,
    )


def _environment(outcome: EnvironmentOutcome) -> EnvironmentView:
    return EnvironmentView.model_validate(
        {
            "name": outcome.name,
            "version": outcome.version,
            "previous": outcome.previous,
            "kind": outcome.kind,
            "breaking": outcome.breaking,
            "summary": outcome.summary,
            "asset_id": outcome.asset_id,
            "circuits_moved": outcome.moved,
            "circuits_on_other_versions": outcome.waiting,
        }
    )
