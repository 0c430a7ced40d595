"""Daily inference and monitoring from a terminal."""

import json

from shared.contracts.http.inference import InferenceView, RoutineAccepted, TaskView
from shared.contracts.http.monitoring import MonitoringCheckView, MonitoringView, ProposalView
from tests.cli.conftest import OPENED, App, Run, problem


def task(circuit: str, state: str = "succeeded", **changes: object) -> TaskView:
    content: dict[str, object] = {
        "circuit": circuit,
        "state": state,
        "late": False,
        "attempt": 1,
        "attempts_allowed": 3,
        "job_name": "job-1",
        "detail": "as it should be",
        "next_look_at": None,
        "tries": [],
        "alerts": [],
        "result": {},
    }
    return TaskView.model_validate({**content, **changes})


DAY = InferenceView(
    date="2026-01-05",
    succeeded=1,
    open=1,
    missing=["P001-C002"],
    late=["P001-C003"],
    tasks=[
        task("P001-C001"),
        task("P001-C002", "failed", detail="every try failed"),
        task("P001-C003", "running", late=True, next_look_at=OPENED),
    ],
)


def test_a_day_is_started_and_says_where_to_look(server: App, run: Run) -> None:
    accepted = RoutineAccepted(routine="inference", period="2026-01-05", follow="")
    server.on("POST /api/inference", (202, accepted))
    shown = run("infer", "--date", "2026-01-05", "--retry")
    assert server.bodies == [("/api/inference", {"date": "2026-01-05", "again": True})]
    assert "begins in a moment" in shown.output
    assert "switchyard inference --date 2026-01-05" in shown.output.splitlines()[-1]


def test_a_day_shows_what_is_missing_and_late_and_leaves_out_what_is_well(server: App, run: Run) -> None:
    server.on("GET /api/inference?date=2026-01-05", DAY)
    shown = run("inference", "--date", "2026-01-05").output
    assert "1 of 3 circuits have predictions, 1 are under way" in shown
    assert "Missing: P001-C002.  Late: P001-C003." in shown
    assert "every try failed" in shown
    assert "P001-C001" not in shown
    assert "P001-C001" in run("inference", "--date", "2026-01-05", "--all").output


def test_the_answer_itself_is_printed_as_json(server: App, run: Run) -> None:
    server.on("GET /api/inference", DAY)
    assert json.loads(run("inference", "--json").output) == DAY.model_dump(mode="json")


def test_before_the_first_day_it_says_so(server: App, run: Run) -> None:
    server.on("GET /api/inference", InferenceView(date="", succeeded=0, open=0, missing=[], late=[], tasks=[]))
    assert "No day was started yet." in run("inference").output


def test_a_day_without_a_start_says_how_to_start_it(server: App, run: Run) -> None:
    day = InferenceView(date="2026-01-05", succeeded=0, open=0, missing=["P001-C001"], late=[], tasks=[])
    server.on("GET /api/inference", day)
    shown = run("inference").output
    assert "no circuit was started" in shown
    assert "switchyard infer --date 2026-01-05" in shown


def report() -> MonitoringView:
    performance = MonitoringCheckView(
        period="2025-12",
        levels={"critical": 1, "inconclusive": 1},
        without_check=["P009-C001"],
        circuits=[
            task(
                "P001-C001",
                result={"mae": 0.3, "rmse": 0.4, "mape": 0.1, "r2": 0.5, "rows": 700.0, "level": "critical"},
            ),
            task("P001-C002", "inconclusive", detail="there are no predictions"),
        ],
    )
    drift = MonitoringCheckView(
        period="2025-q4",
        levels={"critical": 1},
        without_check=[],
        circuits=[task("P001-C001", result={"drift_magnitude": 0.31, "rows": 2000.0, "level": "critical"})],
    )
    proposal = ProposalView(
        circuit="P001-C001",
        period="2025-q4",
        state="dry_run",
        cutoff_date=OPENED.date(),
        path="config/plants/P001/C001.yml",
        branch="drift/p001-c001-2025-q4",
        title="Train P001/C001 up to 2025-12-31",
        body="",
        diff='-  cutoff_date: "2025-12-09"\n+  cutoff_date: "2025-12-31"\n',
        url="",
        note="",
        proposed_at=OPENED,
    )
    return MonitoringView(performance=performance, drift=drift, proposals=[proposal])


def test_the_checks_are_shown_with_numbers_levels_and_what_was_proposed(server: App, run: Run) -> None:
    server.on("GET /api/monitoring", report())
    shown = run("monitoring", "--diff").output
    assert "performance of 2025-12: 1 critical, 1 inconclusive." in shown
    assert "Not checked: P009-C001." in shown
    assert "0.31" in shown
    assert "Train P001/C001 up to 2025-12-31 (dry_run: nothing was sent)" in shown
    assert '+  cutoff_date: "2025-12-31"' in shown
    assert "cutoff_date" not in run("monitoring").output


def test_a_month_and_a_quarter_may_be_named(server: App, run: Run) -> None:
    server.on("GET /api/monitoring?month=2025-12&quarter=2025-q4", report())
    assert run("monitoring", "--month", "2025-12", "--quarter", "2025-q4").exit_code == 0


def test_a_check_is_started_by_its_name(server: App, run: Run) -> None:
    server.on("POST /api/monitoring", (202, RoutineAccepted(routine="drift", period="2025-q4", follow="")))
    assert "monitoring --quarter 2025-q4" in " ".join(run("check", "drift").output.split())
    assert server.bodies == [("/api/monitoring", {"check": "drift", "period": "", "again": False})]
    assert run("check", "weather").exit_code == 1


def test_a_refusal_is_told_in_the_apps_own_words(server: App, run: Run) -> None:
    server.on("POST /api/inference", problem(400, "2026-01-06 is not over yet"))
    shown = run("infer", "--date", "2026-01-06")
    assert shown.exit_code == 1
    assert "2026-01-06 is not over yet" in shown.output
