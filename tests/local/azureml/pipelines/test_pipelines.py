"""Pipelines of command components: bindings, order, outputs, failures, cancellation, and what survives a restart.

The functions of pipelines say nothing about their inputs: the client reads annotations and knows no deferred ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import Input, Output, command, dsl
from azure.ai.ml.entities import Component, PipelineJob
from azure.core.exceptions import HttpResponseError

from local.azureml.pipelines.graph import steps_of
from local.azureml.service.errors import ArmError
from tests.local.azureml.cloud import REGISTRY
from tests.local.azureml.workshop import FINISHED, TABLE, Workshop, folder
from tests.support.processes import until

ENVIRONMENT = "azureml:custom-tf-env:1.5.0"
TRAIN = "import sys, pathlib; pathlib.Path(sys.argv[1], 'weights.txt').write_text(f'weight {sys.argv[2]}')"


def step(name: str, text: str, **fields: Any) -> Any:
    return command(name=name, command=text, environment=ENVIRONMENT, **fields)


def training(workshop: Workshop) -> Any:
    """Writes a weight; the rate has a default."""
    return step(
        "train",
        "ls ${{inputs.table}} && python train.py ${{outputs.model}} ${{inputs.rate}}",
        code=str(folder(workshop.root / "pipeline-code", {"train.py": TRAIN})),
        inputs={"table": Input(type="uri_folder"), "rate": Input(type="number", default=0.1)},
        outputs={"model": Output(type="uri_folder")},
    )


def comparison() -> Any:
    """Copies what it got into a report, with a remark if there is one."""
    return step(
        "compare",
        "cat ${{inputs.model}}/weights.txt > ${{outputs.report}}/report.txt"
        " && echo $LABEL $[[remark ${{inputs.remark}}]] >> ${{outputs.report}}/report.txt",
        inputs={"model": Input(type="uri_folder"), "remark": Input(type="string", optional=True)},
        outputs={"report": Output(type="uri_folder")},
        environment_variables={"LABEL": "compared"},
    )


def submit(workshop: Workshop, pipeline: PipelineJob, name: str | None = None) -> str:
    if name:
        pipeline.name = name
    pipeline.experiment_name = "comparison"
    return str(workshop.client.jobs.create_or_update(pipeline).name)


def ended(workshop: Workshop, name: str) -> PipelineJob:
    return until(lambda: job if (job := workshop.client.jobs.get(name)).status in FINISHED else None, deadline_s=20)


def children(workshop: Workshop, pipeline: str) -> dict[str, str]:
    """The states of the steps that were started."""
    jobs = workshop.client.jobs.list(parent_job_name=pipeline)
    return {str(job.display_name): str(getattr(job.status, "value", job.status)) for job in jobs}


def test_a_pipeline_hands_the_output_of_one_step_to_the_next_and_publishes_the_last(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Inline steps, an input of the pipeline, a default, an option that is not used; the report can be downloaded."""
    train, compare = training(workshop), comparison()

    @dsl.pipeline(default_compute="cpu-cluster")
    def compared(table, rate) -> dict[str, Any]:
        trained = train(table=table, rate=rate)
        second = compare(model=trained.outputs.model)
        return {"report": second.outputs.report}

    name = submit(workshop, compared(table=Input(type="uri_folder", path=TABLE), rate=0.5))
    job = ended(workshop, name)
    assert (job.status, job.experiment_name) == ("Completed", "comparison")
    workshop.client.jobs.download(name, download_path=tmp_path, output_name="report")
    [report] = tmp_path.rglob("report.txt")
    assert report.read_text() == "weight 0.5compared\n"
    assert children(workshop, name) == {"trained": "Completed", "second": "Completed"}
    steps = {child.display_name: child.name for child in workshop.client.jobs.list(parent_job_name=name)}
    assert "a.parquet" in workshop.log(steps["trained"])
    assert workshop.client.jobs.get(steps["second"]).display_name == "second"
    assert steps["second"] not in {each.name for each in workshop.client.jobs.list()}


def test_registered_components_are_used_by_name_and_the_same_pipeline_is_submitted_once(workshop: Workshop) -> None:
    """Component versions are immutable; a deterministic name makes the submission idempotent, as for commands."""
    components = workshop.client.components
    registered = components.create_or_update(comparison().component, version="1")
    assert (registered.name, registered.version) == ("compare", "1")
    assert [one.version for one in components.list("compare")] == ["1"]
    assert components.get("compare", label="latest").version == "1"
    with pytest.raises(HttpResponseError):
        components.create_or_update(step("compare", "echo other").component, version="1")
    found: Component = components.get("compare", "1")

    @dsl.pipeline(default_compute="cpu-cluster")
    def remarked(model) -> None:
        found(model=model, remark="fine")

    uri = TABLE.replace("processed/sensor_data", "models/m1")
    folder(workshop.cloud.data / "lake/models/m1", {"weights.txt": "w"})
    for _ in range(2):
        submit(workshop, remarked(model=Input(type="uri_folder", path=uri)), name="compare-r1-1")
    assert ended(workshop, "compare-r1-1").status == "Completed"
    assert children(workshop, "compare-r1-1") == {"compare": "Completed"}
    with pytest.raises(HttpResponseError, match="A job with this name already exists"):
        submit(workshop, remarked(model=Input(type="uri_folder", path=TABLE)), name="compare-r1-1")


def test_a_component_without_a_version_gets_the_next_and_is_found_as_the_latest(workshop: Workshop) -> None:
    """It is read back with the version that it got."""
    components = workshop.client.components
    made = [
        components.create_or_update(step("unversioned", f"echo {text}").component).version for text in ("one", "two")
    ]
    assert all(made)
    latest = components.get("unversioned", label="latest")
    assert latest.version == made[1]

    @dsl.pipeline(default_compute="cpu-cluster")
    def spoken() -> None:
        latest()

    name = submit(workshop, spoken())
    assert ended(workshop, name).status == "Completed"


def test_a_step_runs_in_an_environment_of_the_registry(workshop: Workshop) -> None:
    """Which is how one version serves all workspaces."""
    name = "shared-for-steps"
    workshop.client.environments.share(
        "custom-tf-env", "1.5.0", registry_name=REGISTRY, share_with_name=name, share_with_version="1.5.0"
    )
    reference = f"azureml://registries/{REGISTRY}/environments/{name}/versions/1.5.0"
    said = command(name="shared", command="echo shared", environment=reference)

    @dsl.pipeline(default_compute="cpu-cluster")
    def spoken() -> None:
        said()

    assert ended(workshop, submit(workshop, spoken())).status == "Completed"


def test_an_output_of_a_step_elsewhere_is_refused(workshop: Workshop) -> None:
    """Not written to its default place in silence."""
    compare = step("elsewhere", "echo > ${{outputs.report}}/r", outputs={"report": Output(type="uri_folder")})

    @dsl.pipeline(default_compute="cpu-cluster")
    def placed() -> None:
        node = compare()
        node.outputs.report = Output(type="uri_folder", path="azureml://datastores/workspaceblobstore/paths/mine/")

    with pytest.raises(HttpResponseError, match="The output 'report' of step"):
        submit(workshop, placed())


def test_after_a_failed_step_nothing_more_is_started(workshop: Workshop) -> None:
    """The pipeline fails and names the step; what did not depend on it and ran already is finished."""
    broken = step("broken", "echo no > ${{outputs.model}}/w; exit 3", outputs={"model": Output(type="uri_folder")})
    compare = comparison()

    @dsl.pipeline(default_compute="cpu-cluster")
    def failing() -> None:
        compare(model=broken().outputs.model)

    name = submit(workshop, failing())
    job = ended(workshop, name)
    assert (job.status, job.properties["local.error"]) == ("Failed", "These steps did not complete: broken.")
    assert children(workshop, name) == {"broken": "Failed"}


def test_a_canceled_pipeline_ends_its_running_steps(workshop: Workshop, tmp_path: Path) -> None:
    """A step with a limit of its own was ended by that."""
    mark = tmp_path / "mark"
    slow, limited = step("slow", f"touch {mark}; sleep 60"), step("limited", "sleep 60")
    limited.set_limits(timeout=1)

    @dsl.pipeline(default_compute="cpu-cluster")
    def sleeping() -> None:
        slow()
        limited()

    name = submit(workshop, sleeping())
    until(mark.exists)
    until(lambda: children(workshop, name).get("limited") == "Canceled")
    workshop.client.jobs.begin_cancel(name).result()
    assert workshop.status(name) == "Canceled"
    assert children(workshop, name) == {"slow": "Canceled", "limited": "Canceled"}


def test_a_killed_server_goes_on_with_a_pipeline(workshop: Workshop, tmp_path: Path) -> None:
    """The step that ran is run again, and the next one follows."""
    first_time = f"test -e {tmp_path}/mark || {{ touch {tmp_path}/mark; sleep 60; }}"
    first = step(
        "first",
        first_time + "; echo again > ${{outputs.model}}/weights.txt",
        outputs={"model": Output(type="uri_folder")},
    )
    compare = comparison()

    @dsl.pipeline(default_compute="cpu-cluster")
    def interrupted() -> None:
        second = compare(model=first().outputs.model)
        second.name = "second"

    name = submit(workshop, interrupted())
    until((tmp_path / "mark").exists)
    workshop.cloud.part.kill()
    workshop.cloud.part.start_again()
    assert ended(workshop, name).status == "Completed"
    assert children(workshop, name) == {"first": "Completed", "second": "Completed"}


def _node(**inputs: str) -> dict[str, Any]:
    bound = {name: {"job_input_type": "literal", "value": value} for name, value in inputs.items()}
    return {"type": "command", "componentId": "some-id", "inputs": bound}


@pytest.mark.parametrize(
    ("jobs", "problem"),
    [
        ({}, "at least one step"),
        ({"a": {"type": "sweep", "componentId": "some-id"}}, "Step a of type 'sweep'"),
        ({"a": _node(x="${{parent.inputs.nothing}}")}, "which the pipeline does not have"),
        ({"a": _node(x="${{parent.jobs.b.outputs.o}}")}, "there is no such step"),
        (
            {"a": _node(x="${{parent.jobs.b.outputs.o}}"), "b": _node(x="${{parent.jobs.a.outputs.o}}")},
            "wait for each other",
        ),
    ],
)
def test_a_graph_that_cannot_run_is_refused_when_it_is_submitted(jobs: dict[str, Any], problem: str) -> None:
    """The client checks some of it itself, so that the graph is asked directly."""
    with pytest.raises(ArmError, match=problem):
        steps_of({"jobs": jobs})


def test_the_rest_of_a_pipeline_goes_on_after_a_failure_if_it_says_so(workshop: Workshop) -> None:
    """What does not need the failed step runs; the pipeline fails all the same."""
    broken, after = (
        step("broken", "exit 3"),
        step("after", "cat ${{inputs.w}}/w", inputs={"w": Input(type="uri_folder")}),
    )
    first = step("first", "echo 1 > ${{outputs.o}}/w", outputs={"o": Output(type="uri_folder")})

    @dsl.pipeline(default_compute="cpu-cluster", continue_on_step_failure=True)
    def stubborn() -> None:
        broken()
        after(w=first().outputs.o)

    name = submit(workshop, stubborn())
    assert ended(workshop, name).status == "Failed"
    assert children(workshop, name) == {"broken": "Failed", "first": "Completed", "after": "Completed"}
