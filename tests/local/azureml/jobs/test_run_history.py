"""What the client does through the run history: tags, archive, logs, downloads."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from azure.ai.ml import Output, command
from azure.ai.ml.exceptions import JobException

from tests.local.azureml.cloud import token, workspace_path
from tests.local.azureml.workshop import DEPLOYMENT, Workshop
from tests.support.processes import until


def submitted(workshop: Workshop, text: str, **fields: object) -> str:
    wanted = command(command=text, environment="azureml:custom-tf-env:1.5.0", compute="cpu-cluster", **fields)
    return str(workshop.client.jobs.create_or_update(wanted).name)


def test_tags_and_names_of_a_job_are_changed_in_place_and_merged(workshop: Workshop) -> None:
    """Get, change, put again, as the client's users do; and `update`. No second job is made."""
    name = submitted(workshop, "true", tags={"attempt": "1"})
    job = workshop.finished(name)
    job.tags["verdict"] = "passed"
    workshop.client.jobs.create_or_update(job)
    changed = workshop.client.jobs.update(
        name, display_name="the check", tags={"by": "ada"}, properties={"seen": "yes"}
    )
    assert changed.tags == {"attempt": "1", "verdict": "passed", "by": "ada"}
    assert (changed.display_name, changed.properties["seen"], changed.status) == ("the check", "yes", "Completed")


def test_an_archived_job_leaves_the_list_until_it_is_restored(workshop: Workshop) -> None:
    name = submitted(workshop, "true")
    workshop.finished(name)

    def listed() -> bool:
        return name in {job.name for job in workshop.client.jobs.list()}

    workshop.client.jobs.archive(name)
    assert not listed()
    workshop.client.jobs.restore(name)
    assert listed()


def test_a_run_is_not_found_in_another_experiment(workshop: Workshop) -> None:
    name = submitted(workshop, "true")
    url = f"{workshop.cloud.part.url}/history/v1.0{workspace_path()}/experiments/other/runs/{name}"
    assert httpx.patch(url, json={"tags": {"a": "b"}}, headers=token()).status_code == 404
    workshop.finished(name)


def test_the_log_of_a_running_job_is_streamed_to_its_end(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client looks every two seconds while the job runs, and raises when it failed."""
    name = submitted(workshop, "echo so far so good; sleep 1; echo it broke >&2; exit 4")
    with pytest.raises(JobException, match="exit code 4: it broke"):
        workshop.client.jobs.stream(name)
    said = capsys.readouterr().out
    assert "Streaming user_logs/std_log.txt" in said
    assert "so far so good\nit broke\n" in said


def test_logs_and_outputs_of_a_job_can_be_downloaded(workshop: Workshop, tmp_path: Path) -> None:
    """What it wrote into `outputs` and its log are its artifacts; named outputs are fetched by name."""
    text = "echo hello; echo 1 > outputs/metrics.json; echo 2 > ${{outputs.model}}/weights.txt"
    name = submitted(workshop, text, outputs={"model": Output(type="uri_folder")})
    workshop.finished(name)
    workshop.client.jobs.download(name, download_path=tmp_path / "artifacts")
    [log] = (tmp_path / "artifacts").rglob("std_log.txt")
    assert log.read_text() == "hello\n"
    assert [file.read_text() for file in (tmp_path / "artifacts").rglob("metrics.json")] == ["1\n"]
    workshop.client.jobs.download(name, download_path=tmp_path / "named", output_name="model")
    assert [file.read_text() for file in (tmp_path / "named").rglob("weights.txt")] == ["2\n"]
    scored = workshop.finished(workshop.invoke(DEPLOYMENT))
    workshop.client.jobs.download(scored.name, download_path=tmp_path / "scores", output_name="score")
    [predictions] = (tmp_path / "scores").rglob("predictions.csv")
    assert predictions.read_text().splitlines()[0] == "a.parquet,0.25,1.5.0,C001"


def test_a_job_that_runs_cannot_be_downloaded_yet(workshop: Workshop, tmp_path: Path) -> None:
    name = submitted(workshop, "sleep 60")
    until(lambda: workshop.status(name) == "Running")
    with pytest.raises(JobException, match="Download is allowed only in states"):
        workshop.client.jobs.download(name, download_path=tmp_path)
    workshop.client.jobs.begin_cancel(name).result()
