"""What the app's identity may do: enough for what it asks for, and no more; and the page says so."""

from pathlib import Path

from infra.check import rights
from infra.check.problem import Report
from local.azureml.routes import operations
from tests.infra.rendered import REPOSITORY, example

APP = "<switchyard-app.properties.principalId>"


def test_the_app_may_do_what_it_asks_for_and_nothing_else() -> None:
    report = Report()

    rights.check(list(example()), report)

    assert report.problems == set()
    assert len(rights.grants(list(example()), APP)) > 20


def test_the_app_deletes_nothing_in_a_workspace() -> None:
    """Whatever its roles name, and however wide their patterns are; but slots of online endpoints."""
    kinds = (
        "models/versions",
        "jobs",
        "batchEndpoints",
        "batchEndpoints/deployments",
        "onlineEndpoints",
        "codes/versions",
        "data/versions",
    )
    given = [each for each in rights.grants(list(example()), APP) if "/workspaces/" in each.scope]

    may = [kind for kind in kinds for each in given if each.rights.allow(f"{rights._ML}workspaces/{kind}/delete")]

    assert given
    assert may == []


def test_the_app_deletes_slots_of_online_endpoints_in_dev_and_production() -> None:
    """Each instance of a slot that failed, or that served before, costs as long as it is there."""
    right = f"{rights._ML}workspaces/onlineEndpoints/deployments/delete"

    places = {each.scope.rpartition("/")[2] for each in rights.grants(list(example()), APP) if each.rights.allow(right)}

    assert places == {"dev-ml-workspace", "prod-ml-workspace"}


def test_every_operation_that_is_listed_is_one_of_the_local_azure_ml() -> None:
    served = {name for name, *_ in operations()}
    read = rights.document()

    assert {*read["operations"], *read["unnamed"]} <= served
    assert {each for seen in read["seen"].values() for each in seen} == read["operations"].keys()


def test_every_part_of_the_app_that_asks_is_there() -> None:
    assert [each["by"] for each in rights.document()["others"] if not Path(REPOSITORY, each["by"]).is_file()] == []


def test_the_page_lists_the_rights_that_the_templates_give() -> None:
    text = rights.PAGE.read_text()

    assert rights.table(list(example())) in text
