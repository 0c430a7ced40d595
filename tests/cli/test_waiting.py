"""Many circuits at once from a terminal: what runs where, gates that wait, decisions that do not stop each other."""

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.http.fleet_state import FleetCircuit, FleetView, RunningView
from shared.contracts.http.gates import DecisionAnswer, DecisionAnswers, GateList, OpenGateView
from shared.contracts.http.releases import GateView, WarningView
from tests.cli.conftest import OPENED, App, Run

DECISIONS = "/api/gates/decisions"


def a_gate(number: int, **changes: Any) -> OpenGateView:
    """Of a model at its second gate, without warnings."""
    gate = GateView(
        stage="production",
        digest=f"{number:x}" * 64,
        instructions="Look at it.",
        facts={"model": f"sensor_model:{number}"},
        approvals_needed=[{"group": "ML-Engineers", "count": 1}],
        approved_by=[],
        warnings=changes.pop("warnings", []),
    )
    content: dict[str, Any] = {
        "release_id": f"rel-{number}",
        "kind": "model",
        "asset": f"sensor_model:{number}",
        "circuit": f"P001/C00{number}",
        "plant_name": "Plant 1",
        "circuit_name": "Pump",
        "criticality": "high" if number == 1 else "normal",
        "group": "model",
        "since": OPENED,
        "until": OPENED + timedelta(days=400),
        "eligible": True,
        "because": "",
        "gate": gate,
    }
    return OpenGateView(**{**content, **changes})


def wait(server: App, *gates: OpenGateView, total: int | None = None) -> None:
    server.on("GET /api/gates", GateList(gates=list(gates), total=len(gates) if total is None else total))


def answer(server: App, **answers: str) -> None:
    told = [
        DecisionAnswer(release_id=release_id.replace("_", "-"), stage="production", answer=what, detail=f"why {what}")
        for release_id, what in answers.items()
    ]
    server.on(f"POST {DECISIONS}", DecisionAnswers(answers=told))


def test_gates_that_wait_are_listed_with_what_speaks_against_a_yes(server: App, run: Run) -> None:
    warned = WarningView(code="downgrade", text="the model is older than what runs", is_bad=True)
    wait(server, a_gate(1), a_gate(2, group="model_with_warnings", warnings=[warned]), total=5)
    shown = run("waiting")
    assert shown.exit_code == 0
    for text in ("rel-1", "(critical)", "older than what runs", "3 more wait", "decide approve --group model"):
        assert text in shown.output
    assert server.asked == ["GET /api/gates?limit=100&mine=true"]


def test_what_is_not_mine_says_why(server: App, run: Run) -> None:
    wait(server, a_gate(1, eligible=False, because="Person 2 requested this release"))
    assert "requested this" in run("waiting", "--all").output
    assert server.asked == ["GET /api/gates?limit=100&mine=false"]


def test_nothing_waits(server: App, run: Run) -> None:
    wait(server)
    assert "No gate waits for you." in run("waiting").output


def test_many_are_decided_on_as_they_were_shown(server: App, run: Run) -> None:
    """Of the group that was named, each with its own digest."""
    wait(server, a_gate(1), a_gate(2), a_gate(3, group="first_gate"))
    answer(server, rel_1="accepted", rel_2="already_done")
    shown = run("decide", "approve", "--group", "model", "--reason", "looked at them", input="y\n")
    assert shown.exit_code == 0
    assert shown.output.index("111111111111") < shown.output.index("Approve 2 gates?")
    [(path, body)] = server.bodies
    assert (path, body["reason"]) == (DECISIONS, "looked at them")
    assert [(each["release_id"], each["digest"][:3], each["decision"]) for each in body["decisions"]] == [
        ("rel-1", "111", "approve"),
        ("rel-2", "222", "approve"),
    ]


def test_one_that_is_refused_is_told_apart_and_the_status_says_so(server: App, run: Run) -> None:
    wait(server, a_gate(1), a_gate(2))
    answer(server, rel_1="accepted", rel_2="stale")
    shown = run("decide", "reject", "--circuit", "P001-C001", "--circuit", "P001/C002", "--reason", "worse", "--yes")
    assert shown.exit_code == 3
    assert "rel-2  stale: why stale" in shown.output
    assert "1 of 2 were not decided" in shown.output


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        (("decide", "approve", "--reason", "all"), 64, "--group or --circuit"),
        (("decide", "maybe", "--group", "model", "--reason", "all"), 64, "approve or reject"),
        (("decide", "approve", "--group", "model", "--reason", " "), 1, "need a reason"),
        (("decide", "approve", "--group", "rollback", "--reason", "all"), 1, "no gate of group rollback"),
        (("decide", "approve", "--circuit", "P009/C009", "--reason", "all"), 1, "no gate of P009/C009"),
    ],
)
def test_what_names_no_gate_sends_nothing(
    server: App, run: Run, typed: tuple[str, ...], status: int, said: str
) -> None:
    wait(server, a_gate(1))
    shown = run(*typed)
    assert shown.exit_code == status
    assert said in shown.stderr
    assert server.bodies == []


def test_a_no_sends_nothing(server: App, run: Run) -> None:
    wait(server, a_gate(1))
    shown = run("decide", "approve", "--group", "model", "--reason", "all", input="n\n")
    assert (shown.exit_code, server.bodies) == (1, [])
    assert "Nothing was done." in shown.output


def test_the_fleet_says_what_runs_where_and_what_holds_it(server: App, run: Run) -> None:
    runs = RunningView(
        model="sensor_model_P001_C001:7",
        environment="custom-tf-env:1.5.0",
        model_by="rel-1",
        environment_by="",
        provisioning="Succeeded",
    )
    about: dict[str, Any] = {"plant_name": "Plant 1", "circuit_name": "Pump", "criticality": "normal", "releases": []}
    known = FleetCircuit(
        circuit="P001/C001", runs=runs, read_at=OPENED, held_by="rel-2", waits="person", frozen=True, **about
    )
    unknown = FleetCircuit(circuit="P001/C002", runs=None, read_at=None, held_by="", waits="", frozen=False, **about)
    server.on("GET /api/fleet", FleetView(at=OPENED, circuits=[known, unknown], fleet_releases=[]))
    shown = run("fleet")
    assert shown.exit_code == 0
    for text in (
        "sensor_model_P001_C001:7",
        "custom-tf-env:1.5.0",
        "rel-2 has it",
        "frozen",
        "nothing known",
        "2 circuits",
    ):
        assert text in " ".join(shown.output.split())
