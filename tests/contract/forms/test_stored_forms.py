"""Every kind of record survives storage, also as older code stored it; what is not known is refused as a whole."""

import importlib
import json
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.application.release.production import EndpointRead
from shared.application.release.summary import Summary
from shared.contracts import stored
from shared.contracts.stored.alerts import ALERT
from shared.contracts.stored.changes import CHANGE
from shared.contracts.stored.fleet import ENDPOINT_READ
from shared.contracts.stored.form import StoredForm, StoredFormError
from shared.contracts.stored.notifications import DELIVERY, NOTICE
from shared.contracts.stored.releases import ENTRY, FLEET_TARGET, RELEASE, SUMMARY, TARGET
from shared.contracts.stored.routines import JOB_END, PROPOSAL, TASK
from shared.contracts.stored.training import TRAINING
from shared.domain.alerts.model import AlertRecord
from shared.domain.changes.record import ChangeRecord
from shared.domain.notifications.delivery import Delivery
from shared.domain.notifications.notice import Notice
from shared.domain.release.history import HistoryEntry, broken_at
from shared.domain.release.model import FleetTarget, Phase, Release, Target
from shared.domain.routines.cutoff import Proposal
from shared.domain.routines.task import JobEnd, Task
from shared.domain.training.model import TrainingRun
from tests.contract.tables.rows_before import ROWS_BEFORE, is_kept, text_of
from tests.support.builders import a_release, an_entry
from tests.support.strategies import anything_of

#: What a record is called in its text; its form; its class; and where older code kept it.
KINDS: dict[str, tuple[StoredForm[Any], type, Callable[[str, str], bool]]] = {
    "release": (RELEASE, Release, lambda _, row_key: row_key == "release"),
    "target": (TARGET, Target, lambda partition, row_key: partition[:4] == "rel-" and row_key[:7] == "target|"),
    "fleet_target": (FLEET_TARGET, FleetTarget, lambda part, row_key: part[:4] == "env-" and row_key[:7] == "target|"),
    "summary": (SUMMARY, Summary, lambda *_: False),
    "entry": (ENTRY, HistoryEntry, lambda _, row_key: row_key[:8] == "history|"),
    "alert": (ALERT, AlertRecord, lambda partition, row_key: partition == "alerts" and row_key[:2] == "t|"),
    "change": (CHANGE, ChangeRecord, lambda partition, row_key: partition == "changes" and row_key[:2] == "t|"),
    "training": (TRAINING, TrainingRun, lambda _, row_key: row_key[:4] == "run|"),
    "task": (TASK, Task, lambda partition, _: partition[:6] == "tasks|"),
    "job_end": (JOB_END, JobEnd, lambda partition, _: partition[:6] == "ended|"),
    "notice": (NOTICE, Notice, lambda *_: False),
    "delivery": (DELIVERY, Delivery, lambda *_: False),
    "endpoint": (ENDPOINT_READ, EndpointRead, lambda *_: False),
    "proposal": (PROPOSAL, Proposal, lambda partition, _: partition[:10] == "proposals|"),
}
#: Kinds that older code did not keep, as they were written at first.
FIRST_WRITTEN = {
    "summary": (
        '{"schema_v":1,"summary":{"release_id":"rel-0123456789abcdef","kind":"model","asset":"sensor-model-P0'
        '01-C001:7","version_attempt":1,"phase":"awaiting_registry_approval","phase_since":"2026-01-05T08:01:'
        '00Z","reason":"","for_whom":"P001/C001","circuits":["P001-C001"],"ahead":[],"so_far":"","waiting":{"'
        'waits_for":"a decision on registry by ML-Engineers","since":"2026-01-05T08:01:00Z","until":"2026-01-'
        '06T08:01:00Z","who_can_end_it":["ML-Engineers"]},"not_by":["11111111-aaaa-bbbb-cccc-000000000001","r'
        'ita@example.com"],"touched":false}}'
    ),
    "endpoint": (
        '{"schema_v":1,"endpoint":{"endpoint_name":"batch-endpoint-plant-P001","at":"2026-01-05T08:00:00Z","running":[{'
        '"circuit":"P001-C001","model":"sensor_model_P001_C001:7","environment":"custom-tf-env:1.5.0","model_by":"rel-1'
        '","environment_by":"","provisioning":"Succeeded"}]}}'
    ),
    "notice": (
        '{"schema_v":1,"notice":{"key":"00000000000000000000000000000001","fact":{"fact_id":"r-1-3-fact",'
        '"kind":"switchyard.release.held","subject":"releases/r-1","at":"2026-01-05T08:00:00Z","data":{"r'
        'eason":"gr\\u00f6\\u00dfer"}},"accepted_at":"2026-01-05T08:00:00Z","state":"accepted","messages":['
        '],"note":""}}'
    ),
    "delivery": (
        '{"schema_v":1,"delivery":{"key":"00000000000000000000000000000001","recipient":"engineer","addre'
        'sses":[{"kind":"mail","to":"engineer@example.com"},{"kind":"teams","to":"engineer"}],"items":[{"'
        'item_id":"item-1","what":"gate_opened","severity":0,"at":"2026-01-05T08:00:00Z","subject":"Subje'
        'ct of item-1","text":"Text of item-1.","facts":{},"release_id":"r-1","kind":"model","circuits":['
        '"P001/C001"],"path":"releases/r-1","still":null}],"created_at":"2026-01-05T08:00:00Z","due_at":"'
        '2026-01-05T08:00:00Z","gathered":false,"state":"waiting","place":0,"faults":0,"serial":0,"claim"'
        ':null,"doubtful_at":null,"requested_at":null,"taken_at":null,"ended_at":null,"tries":[],"note":"'
        '"}}'
    ),
}
every_kind = pytest.mark.parametrize("what", KINDS)


def texts_before(what: str) -> list[str]:
    """The texts of that kind which older code wrote."""
    if what in FIRST_WRITTEN:
        return [FIRST_WRITTEN[what]]
    is_place = KINDS[what][2]
    return [text_of(row) for row in ROWS_BEFORE if is_place(row["PartitionKey"], row["RowKey"])]


def today(what: str) -> dict[str, Any]:
    """The outer object of a record as it is stored now."""
    form = KINDS[what][0]
    outer: dict[str, Any] = json.loads(form.dump(form.load(texts_before(what)[0])))
    return outer


def test_no_kind_of_record_is_left_out() -> None:
    """A form that is added anywhere has to be added above."""
    modules = [
        importlib.import_module(f"{stored.__name__}.{each.name}") for each in pkgutil.iter_modules(stored.__path__)
    ]
    forms = {form for module in modules for form in vars(module).values() if isinstance(form, StoredForm)}
    assert forms == {form for form, _, _ in KINDS.values()}


@every_kind
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_record_comes_back_as_it_was(what: str, data: st.DataObject) -> None:
    """Whatever it holds, as ASCII, beside the version."""
    form, kind, _ = KINDS[what]
    record = data.draw(anything_of(kind))
    text = form.dump(record)
    assert form.load(text) == record
    assert text.isascii()
    assert text.startswith(f'{{"schema_v":1,"{what}":{{')


@every_kind
def test_nothing_of_what_older_code_stored_is_lost(what: str) -> None:
    """Trainings had no version then, and routines another envelope; the record inside is the same."""
    form = KINDS[what][0]
    assert texts_before(what)
    for text in texts_before(what):
        before = json.loads(text)
        inside = before.get(what) or before.get("data") or before
        assert is_kept({"schema_v": 1, what: inside}, json.loads(form.dump(form.load(text)))), text


def test_trainings_and_routines_were_stored_in_other_forms() -> None:
    """So the test above reads more than today's form."""
    assert all("schema_v" not in text and '{"run_id":' in text for text in texts_before("training"))
    for what in ("task", "job_end", "proposal"):
        assert all(text.startswith('{"v":1,"data":{') for text in texts_before(what))


@pytest.mark.parametrize("kind", ["completed", "failed", "not_started", "cancelled", "no_job"])
def test_ends_that_were_recorded_before_a_job_could_be_broken_are_still_read(kind: str) -> None:
    """Rows are kept for as long as a watch may ask for them."""
    row = {"attempt": 1, "job_name": "inference-1", "kind": kind, "ended_at": "2026-01-06T04:00:00Z", "detail": "x"}
    assert JOB_END.load(json.dumps({"v": 1, "data": row})).kind == kind


@every_kind
@pytest.mark.parametrize("version", [2, 0, None, True, "1", 1.0])
def test_another_version_is_refused_and_says_what_to_do(what: str, version: object) -> None:
    text = json.dumps({**today(what), "schema_v": version})
    with pytest.raises(StoredFormError, match=rf"stored {what} has schema_v .* reads 1: deploy the version that wrote"):
        KINDS[what][0].load(text)


@pytest.mark.parametrize("what", ["task", "job_end", "proposal"])
def test_another_version_of_the_former_envelope_is_refused(what: str) -> None:
    newer = json.dumps({**json.loads(texts_before(what)[0]), "v": 2})
    with pytest.raises(StoredFormError, match="schema_v 2; this code reads 1"):
        KINDS[what][0].load(newer)


@every_kind
def test_a_field_of_a_newer_version_is_not_dropped_silently(what: str) -> None:
    """Inside the record and beside it: reading it and writing it back would lose what newer code knew."""
    outer = today(what)
    inside = {**outer, what: {**outer[what], "from_the_future": 1}}
    for text in (json.dumps(inside), json.dumps({**outer, "from_the_future": 1})):
        with pytest.raises(StoredFormError, match=r"from_the_future.*: deploy the version that wrote it"):
            KINDS[what][0].load(text)


@every_kind
@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", "{}", '{"schema_v": 1}', '{"schema_v": 1, "other": {}}'])
def test_a_text_that_is_none_of_ours_is_refused(what: str, text: str) -> None:
    with pytest.raises(StoredFormError, match=f"a stored {what} .*: deploy the version that wrote it"):
        KINDS[what][0].load(text)


@every_kind
def test_a_record_of_another_kind_is_refused(what: str) -> None:
    """A text that got into the wrong row."""
    for other in KINDS:
        if other != what:
            with pytest.raises(StoredFormError):
                KINDS[what][0].load(json.dumps(today(other)))


@pytest.mark.parametrize("what", [what for what in KINDS if what not in ("alert", "proposal", "notice", "endpoint")])
def test_a_number_written_as_text_is_refused(what: str) -> None:
    """Alerts, proposals, facts and what endpoints run have no whole number."""
    outer = today(what)
    number = next(name for name, value in outer[what].items() if type(value) is int)
    outer[what][number] = str(outer[what][number])
    with pytest.raises(StoredFormError, match=number):
        KINDS[what][0].load(json.dumps(outer))


def test_a_form_costs_nothing_before_its_first_text() -> None:
    """A cold start must not build what it does not read: this one cannot be built at all."""

    @dataclass
    class Unbuildable:
        field: StoredFormError

    form = StoredForm("thing", Unbuildable)
    with pytest.raises(Exception, match="Unable to generate pydantic-core schema"):
        form.load('{"schema_v": 1, "thing": {}}')


@pytest.mark.parametrize("phase", list(Phase))
def test_a_release_in_every_phase_is_kept(phase: Phase) -> None:
    """The sample releases hold what the phases bring."""
    assert RELEASE.load(RELEASE.dump(a_release(phase))) == a_release(phase)


def test_the_history_chain_verifies_after_storage() -> None:
    """A digest covers the entry's time as text, which must not change its form on the way."""
    assert broken_at([ENTRY.load(ENTRY.dump(an_entry()))]) is None
