"""Batch endpoints and deployments: long-running operations, conflicts, limits, and injected faults."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from azure.ai.ml import Input
from azure.ai.ml.entities import Model, ModelBatchDeployment
from azure.ai.ml.exceptions import ValidationException
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError, ServiceResponseError

from tests.local.azureml.cloud import Cloud, token, workspace_path
from tests.local.azureml.workshop import DEPLOYMENT, ENDPOINT, Workshop, folder
from tests.support.processes import until


def test_an_update_replaces_the_deployment_and_keeps_who_created_it(workshop: Workshop) -> None:
    """PUT replaces everything: tags that are not sent are gone."""
    workshop.deploy(name="replaced", tags={"model_version": "1", "release_id": "r1"})
    workshop.environment("1.5.1")
    workshop.deploy(name="replaced", environment="azureml:custom-tf-env:1.5.1", tags={"model_version": "1"})
    stored = workshop.client.batch_deployments.get("replaced", ENDPOINT)
    assert stored.tags == {"model_version": "1"}
    assert stored.environment.endswith("/environments/custom-tf-env/versions/1.5.1")
    assert stored.provisioning_state == "Succeeded"


def test_a_deployment_of_a_missing_model_fails_when_it_is_carried_out(workshop: Workshop) -> None:
    """The request is accepted; the operation fails, and the deployment shows it."""
    poller = workshop.client.batch_deployments.begin_create_or_update(
        workshop.deployment(name="hopeless", model="azureml:sensor-model:99")
    )
    with pytest.raises(HttpResponseError, match="sensor-model:99 was not found"):
        poller.result()
    assert workshop.client.batch_deployments.get("hopeless", ENDPOINT).provisioning_state == "Failed"


def test_a_second_change_is_refused_while_the_endpoint_is_being_changed(workshop: Workshop) -> None:
    """409 until the running operation has ended, for any deployment of the endpoint."""
    workshop.cloud.control("PUT", "profile", json={"lro_seconds": 4})  # the client's next request has come by then
    first = workshop.client.batch_deployments.begin_create_or_update(workshop.deployment(name="first"))
    assert workshop.client.batch_deployments.get("first", ENDPOINT).provisioning_state == "Creating"
    with pytest.raises(ResourceExistsError, match="another operation on same entity is already running"):
        workshop.client.batch_deployments.begin_create_or_update(workshop.deployment(name="second"))
    workshop.cloud.control("PUT", "profile", json={"lro_seconds": 0})
    first.result()
    workshop.client.batch_deployments.begin_create_or_update(workshop.deployment(name="second")).result()
    assert {"first", "second"} <= {one.name for one in workshop.client.batch_deployments.list(ENDPOINT)}


def test_an_endpoint_has_at_most_twenty_deployments(workshop: Workshop, quotas: dict[str, int]) -> None:
    """The twenty-first is refused; an existing one can still be updated."""
    workshop.cloud.control("PUT", "profile", json={"lro_seconds": 0})
    workshop.endpoint("crowded")
    put = raw_put(workshop.cloud, "crowded")
    for number in range(20):
        until(lambda number=number: put(f"circuit-{number}").status_code == 201)
    until(lambda: put("circuit-0").status_code == 200)
    refused = until(lambda: last if (last := put("circuit-20")).status_code != 409 else None)
    assert refused.status_code == 400
    assert "20 deployments, which is the limit" in refused.text


def test_the_default_deployment_is_invoked_when_none_is_named(workshop: Workshop) -> None:
    """The client's shared headers remember a named deployment, so the request is posted by hand."""
    endpoint = workshop.client.batch_endpoints.get(ENDPOINT)
    endpoint.defaults.deployment_name = DEPLOYMENT
    workshop.client.batch_endpoints.begin_create_or_update(endpoint).result()
    job = post_invocation(workshop.cloud, request_id="default-1")
    assert workshop.finished(job).properties["azureml.deploymentname"] == DEPLOYMENT


def test_the_same_invocation_posted_twice_is_one_job(workshop: Workshop) -> None:
    """The client retries a POST with the same repeatability id after a 500."""
    once = post_invocation(workshop.cloud, request_id="again", deployment=DEPLOYMENT)
    assert post_invocation(workshop.cloud, request_id="again", deployment=DEPLOYMENT) == once
    assert post_invocation(workshop.cloud, request_id="other", deployment=DEPLOYMENT) != once


def test_deleting_an_endpoint_deletes_its_deployments_and_keeps_its_jobs(workshop: Workshop) -> None:
    """A deleted deployment cannot be invoked; the job that ran is still there."""
    workshop.endpoint("short-lived")
    workshop.deploy(endpoint="short-lived", name="only")
    job = workshop.invoke("only", "short-lived")
    workshop.client.batch_endpoints.begin_delete("short-lived").result()
    with pytest.raises(ResourceNotFoundError):
        workshop.client.batch_deployments.get("only", "short-lived")
    assert workshop.finished(job).name == job


def test_names_that_azure_refuses_are_refused(workshop: Workshop) -> None:
    """Three to thirty-two characters, a letter first, no underscores."""
    with pytest.raises(HttpResponseError, match="must have 3 to 32 characters"):
        workshop.deploy(name="circuit_1")


def test_a_component_deployment_and_an_unknown_route_are_refused_by_name(cloud: Cloud) -> None:
    """501 names what was asked for, so that nobody takes a guess for an answer."""
    body = {"properties": {"deploymentConfiguration": {"deploymentConfigurationType": "PipelineComponent"}}}
    answer = raw_put(cloud, ENDPOINT)("component", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented")
    unknown = httpx.get(f"{cloud.part.url}{workspace_path()}/featuresets", headers=token())
    assert unknown.status_code == 501
    assert "/featuresets" in unknown.json()["error"]["message"]


def test_the_next_operations_fail_when_a_fault_says_so(workshop: Workshop) -> None:
    """Two injected failures, then it works again."""
    workshop.cloud.fault("deployment.put", "lro_failed", count=2, code="OutOfCapacity", message="no nodes left")
    for _ in range(2):
        with pytest.raises(HttpResponseError, match="no nodes left"):
            workshop.deploy(name="unlucky")
    assert workshop.deploy(name="unlucky").provisioning_state == "Succeeded"


@pytest.mark.parametrize(
    ("kind", "problem"), [("status_after_commit", HttpResponseError), ("drop_after_commit", Exception)]
)
def test_a_change_can_be_made_although_its_answer_is_lost(
    workshop: Workshop, kind: str, problem: type[Exception]
) -> None:
    """A 500, or a cut connection, after the deployment was stored: the caller must look what happened."""
    name = kind.split("_")[0]
    workshop.cloud.fault("deployment.put", kind)
    hasty = Workshop(workshop.cloud, workshop.cloud.workspace(retry_total=0), workshop.root)
    with pytest.raises(problem):
        hasty.deploy(name=name)
    applied = until(lambda: workshop.client.batch_deployments.get(name, ENDPOINT).provisioning_state == "Succeeded")
    assert applied


def test_a_held_change_waits_until_it_is_let_go_and_is_then_made(workshop: Workshop) -> None:
    """It can be looked at meanwhile, and nothing has been done for it."""
    workshop.cloud.fault("deployment.put", "hold")
    with ThreadPoolExecutor(1) as caller:
        deployed = caller.submit(workshop.deploy, name="patient")
        [path] = until(lambda: workshop.cloud.control("GET", "held").json())
        assert path.endswith("/deployments/patient")
        assert (deployed.done(), puts_of(workshop, "patient")) == (False, [])
        workshop.cloud.control("DELETE", "faults")
        assert deployed.result().provisioning_state == "Succeeded"
    assert (workshop.cloud.control("GET", "held").json(), puts_of(workshop, "patient")) == ([], ["Succeeded"])


def test_a_held_change_whose_sender_is_gone_never_arrived(workshop: Workshop) -> None:
    """A client that gives up hangs up, as a process that is killed does."""
    workshop.cloud.fault("deployment.put", "hold")
    hasty = Workshop(workshop.cloud, workshop.cloud.workspace(retry_total=0, read_timeout=0.2), workshop.root)
    with pytest.raises(ServiceResponseError):
        hasty.deploy(name="impatient")
    until(lambda: not workshop.cloud.control("GET", "held").json())
    assert puts_of(workshop, "impatient") == []


def puts_of(workshop: Workshop, name: str) -> list[str]:
    """The states of all changes of a deployment that were accepted."""
    operations = workshop.cloud.control("GET", "operations/deployment.put").json()
    return [each["state"] for each in operations if each["target"].endswith(f"/deployments/{name}")]


def test_a_throttled_request_is_retried_by_the_client(workshop: Workshop) -> None:
    """429 with Retry-After, once: the client waits and comes again."""
    workshop.cloud.fault("deployment.list", "status", status=429, code="TooManyRequests", retry_after_s=1)
    assert DEPLOYMENT in {one.name for one in workshop.client.batch_deployments.list(ENDPOINT)}
    assert workshop.cloud.control("GET", "faults").json() == []


def test_an_unknown_deployment_cannot_be_invoked(workshop: Workshop) -> None:
    """The client asks for the list first and finds that the name is not in it."""
    with pytest.raises(ValidationException, match="not found for this endpoint"):
        workshop.invoke("nobody")


def test_a_patch_changes_tags_and_description_and_nothing_else(workshop: Workshop) -> None:
    """PATCH is REST only; the client always replaces everything."""
    before = workshop.deploy(name="patched", tags={"model_version": "1"})
    url = f"{workshop.cloud.part.url}{workspace_path()}/batchEndpoints/{ENDPOINT}/deployments/patched"
    body = {"tags": {"model_version": "2"}, "properties": {"description": "by hand", "miniBatchSize": 99}}
    answer = httpx.patch(url, json=body, headers=token())
    assert (answer.status_code, "mfeOperationResults" in answer.headers["location"]) == (202, True)
    until(lambda: httpx.get(answer.headers["location"], headers=token()).status_code == 204)
    after = workshop.client.batch_deployments.get("patched", ENDPOINT)
    assert (after.tags, after.description) == ({"model_version": "2"}, "by hand")
    assert (after.mini_batch_size, after.environment) == (before.mini_batch_size, before.environment)


def raw_put(cloud: Cloud, endpoint: str):
    def put(name: str, body: dict[str, object] | None = None) -> httpx.Response:
        url = f"{cloud.part.url}{workspace_path()}/batchEndpoints/{endpoint}/deployments/{name}"
        return httpx.put(url, json=body or {"properties": {}}, headers=token())

    return put


def post_invocation(cloud: Cloud, *, request_id: str, deployment: str | None = None) -> str:
    """Post to the scoring URI; the name of the job."""
    headers = {**token(), "repeatability_request-id": request_id}
    if deployment:
        headers["azureml-model-deployment"] = deployment
    url = f"{cloud.part.url}{workspace_path()}/batchEndpoints/{ENDPOINT}"
    scoring_uri = httpx.get(url, headers=token()).json()["properties"]["scoringUri"]
    path = "azureml://datastores/sensor_lake/paths/processed/sensor_data/"
    body = {"properties": {"inputData": {"UriFolder": {"jobInputType": "UriFolder", "uri": path}}}}
    answer = httpx.post(scoring_uri, json=body, headers=headers)
    assert answer.is_success, answer.text
    return str(answer.json()["name"])


def test_the_jobs_of_an_endpoint_and_of_a_deployment_are_listed(workshop: Workshop) -> None:
    """Of no other deployment, with the state of each."""
    for name in ("listed", "unlisted"):
        workshop.deploy(name=name)
    workshop.table("a.parquet")
    mine, other = workshop.invoke("listed"), workshop.invoke("unlisted")
    workshop.finished(mine)
    of_endpoint = {each.name for each in workshop.client.batch_endpoints.list_jobs(ENDPOINT)}
    (of_deployment,) = workshop.client.batch_deployments.list_jobs(ENDPOINT, name="listed")
    assert {mine, other} <= of_endpoint
    assert (of_deployment.name, of_deployment.status) == (mine, "Completed")


def test_a_model_in_mlflows_format_without_a_script_is_not_served(workshop: Workshop) -> None:
    """501, and not the user's mistake: in Azure it needs neither environment nor script."""
    path = folder(workshop.root / "mlflow", {"MLmodel": "flavors: {}\n"})
    model = workshop.client.models.create_or_update(Model(name="mlflow-model", path=str(path), type="mlflow_model"))
    wanted = ModelBatchDeployment(name="no-code", endpoint_name=ENDPOINT, model=model.id, compute="cpu-cluster")
    with pytest.raises(HttpResponseError) as caught:
        workshop.client.batch_deployments.begin_create_or_update(wanted).result()
    assert caught.value.error is not None
    assert caught.value.error.code == "NotImplemented"
    assert "MLflow" in str(caught.value)


def test_a_job_may_have_mini_batches_of_its_own(workshop: Workshop) -> None:
    """What the request says counts for its job, not what the deployment has."""
    score = (
        "import pathlib\ndef init(): pass\n"
        "def run(mini_batch):\n    names = sorted(pathlib.Path(file).name for file in mini_batch)\n"
        "    return ['+'.join(names)] * len(names)\n"
    )
    workshop.deploy(name="small-batches", score=score, mini_batch_size=10)
    folder(workshop.cloud.data / "lake/small", dict.fromkeys(("a.txt", "b.txt"), "x"))
    job = workshop.client.batch_endpoints.invoke(
        ENDPOINT,
        deployment_name="small-batches",
        input=Input(type="uri_folder", path="azureml://datastores/sensor_lake/paths/small/"),
        params_override=[{"mini_batch_size": 1}],
    )
    assert sorted(workshop.rows(workshop.finished(str(job.name)))) == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"attempt": 1}, "'attempt' is 1"),
        ({"reason": "x" * 257}, "at most 256"),
        ({f"t{number}": "" for number in range(51)}, "at most 50 tags"),
        ({"what/why": "x"}, "what/why"),
    ],
)
def test_tags_that_azure_resource_manager_refuses_are_refused(
    workshop: Workshop, tags: dict[str, str], said: str
) -> None:
    """At once, and nothing of the deployment is changed."""
    with pytest.raises(HttpResponseError, match=said):
        workshop.client.batch_deployments.begin_create_or_update(workshop.deployment(name="tagged", tags=tags))
    assert "tagged" not in {each.name for each in workshop.client.batch_deployments.list(ENDPOINT)}
