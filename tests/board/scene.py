"""A fleet on a working day, for pictures: gates that wait, an end of each kind, a freeze, an alert, inference."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from cli.views import Release
from local.seeding.model_factory import Circuit
from tests.board.works import Works
from tests.support.processes import until

CIRCUITS = [Circuit(f"P{plant:03}", f"C{circuit:03}") for plant in (1, 2, 3) for circuit in range(1, 7)]


def play(works: Works) -> dict[str, str]:
    """Makes the scene; returns the ids of releases worth a look, by what they show."""
    engineer = works.as_person("engineer-1")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    works.factory.write_data(last_day=yesterday, days=3)
    engineer.infer({"date": yesterday})
    with ThreadPoolExecutor(4) as pool:
        waiting = list(pool.map(works.at_registry_gate, CIRCUITS[:9]))
    for release in waiting[:4]:
        works.desk.approve(release, "engineer-2")
    works.desk.reject(waiting[4], "engineer-2", "trained on the days of the repair")
    tested = [works.desk.follow(release.release_id) for release in waiting[:4]]
    works.desk.approve(tested[0], "engineer-2")
    released = works.desk.follow(tested[0].release_id)
    rollback = engineer.roll_back(released.release_id, "its predictions are late", critical=True).release_id
    engineer.freeze({"scope": "P003", "reason": "yearly clean-down", "hours": 30})
    engineer.train({"plant_id": "P003", "circuit_id": "C006", "cutoff_date": "2025-12-01"})
    works.fire("batch-job-failure", CIRCUITS[12])
    back = until(lambda: _ended(works, rollback), deadline_s=90)
    return {
        "gate": waiting[5].release_id,
        "production": tested[1].release_id,
        "released": released.release_id,
        "rejected": waiting[4].release_id,
        "rollback": back.release_id,
    }


def _ended(works: Works, release_id: str) -> Release | None:
    found = works.desk.read(release_id)
    return found if found.ended else None
