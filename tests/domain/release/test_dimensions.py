"""The two dimensions of a deployment: who brought each, and how one goes back while the other stays."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.release.dimensions import (
    ENVIRONMENT_TAGS,
    MARKS,
    RELEASE_TAGS,
    brings,
    brought_by,
    is_from,
    unmarked,
    with_dimension,
)
from shared.domain.release.model import DeploymentSpec, Dimension, Kind, Phase
from tests.support.builders import a_release, a_spec

MODEL, ENVIRONMENT = Dimension.MODEL, Dimension.ENVIRONMENT
TOLD = {"model_release": "m-1", "environment_release": "e-1", "release_id": "e-1"}


@pytest.mark.parametrize(
    ("tags", "model", "environment"),
    [
        (TOLD, "m-1", "e-1"),
        ({"release_id": "m-1"}, "m-1", "m-1"),  # before dimensions: a model's release brought both
        ({"release_id": "e-1", "environment_updated_at": "then"}, "", "e-1"),  # and an environment's forgot the model's
        (
            {**TOLD, "release_id": "e-2", "environment_updated_at": "then"},
            "m-1",
            "e-2",
        ),  # code that knew none came back
        ({"release_id": "e-1", "environment_release": "e-1"}, "", "e-1"),
        ({}, "", ""),
    ],
)
def test_who_brought_a_dimension_is_read_also_from_deployments_that_know_none(
    tags: dict[str, str], model: str, environment: str
) -> None:
    """Deployments are as old as the code that wrote them."""
    spec = a_spec(tags=tags)
    assert (brought_by(spec, MODEL), brought_by(spec, ENVIRONMENT)) == (model, environment)


def test_a_model_whose_release_is_forgotten_is_known_by_its_id() -> None:
    """An environment went over it with code that knew no dimensions; a version is released once."""
    spec = a_spec(tags={"release_id": "e-1", "environment_updated_at": "then"})
    release = replace(a_release(Phase.RELEASED), registry_model_id=spec.model)
    assert is_from(spec, MODEL, release)
    assert not is_from(replace(spec, model="another"), MODEL, release)
    assert not is_from(replace(spec, tags={}), MODEL, release)  # nobody of ours wrote that


def test_a_model_brings_its_environment_only_where_another_ran() -> None:
    """What it keeps is not its own to take back."""
    release = replace(a_release(Phase.RELEASED), registry_environment_id="env/versions/1.5.1")
    assert brings(release, a_spec(environment="env/versions/1.5.1")) == (MODEL,)
    assert brings(release, a_spec(environment="env/versions/1.5.0")) == (MODEL, ENVIRONMENT)
    assert brings(release, None) == (MODEL, ENVIRONMENT)
    assert brings(replace(release, kind=Kind.ENVIRONMENT), a_spec()) == (ENVIRONMENT,)


def specs() -> st.SearchStrategy[DeploymentSpec]:
    """Any deployment, with any of the tags that count and others."""
    names = st.sampled_from(["release_id", *RELEASE_TAGS.values(), *sorted(ENVIRONMENT_TAGS | MARKS), "plant_id"])
    few = st.sampled_from(["a", "b", "c"])
    return st.builds(
        a_spec,
        model=few,
        environment=few,
        scoring_script=few,
        mini_batch_size=st.integers(1, 2),
        environment_variables=st.dictionaries(few, few, max_size=1),
        tags=st.dictionaries(names, few, max_size=6),
    )


def without_tags(spec: DeploymentSpec, dimension: Dimension) -> DeploymentSpec:
    """What runs in this dimension."""
    blank = a_spec(tags={}, environment="")
    return (
        replace(blank, environment=spec.environment)
        if dimension is ENVIRONMENT
        else replace(spec, environment="", tags={})
    )


@given(specs(), specs(), st.sampled_from(Dimension))
def test_one_dimension_goes_back_and_the_other_stays(
    running: DeploymentSpec, recorded: DeploymentSpec, dimension: Dimension
) -> None:
    """I28, of any two deployments; done twice it is done once, and no mark stays."""
    (other,) = set(Dimension) - {dimension}
    after = with_dimension(running, dimension, recorded)

    assert without_tags(after, dimension) == without_tags(recorded, dimension)
    assert without_tags(after, other) == without_tags(running, other)
    assert with_dimension(after, dimension, recorded) == after
    assert not MARKS & set(after.tags)


@given(specs(), st.sampled_from(Dimension), st.sampled_from(["new", "newer"]))
def test_what_goes_back_with_nothing_in_between_is_what_ran_before(
    recorded: DeploymentSpec, dimension: Dimension, by: str
) -> None:
    """Also the tags, where they say who brought what."""
    previous = replace(recorded, tags={**unmarked(recorded).tags, **TOLD})
    brought = replace(previous, tags={**previous.tags, f"{dimension.value}_release": by, "release_id": by})
    brought = replace(brought, environment="newer") if dimension is ENVIRONMENT else replace(brought, model="newer")
    assert with_dimension(brought, dimension, previous) == previous


def test_after_going_back_the_last_writer_is_one_whose_work_still_runs() -> None:
    """Otherwise a reader of tags would be sent to a release that was undone."""
    first = a_spec(tags={"model_release": "m-1", "environment_release": "e-1", "release_id": "m-1"})
    both = replace(first, model="m/2", tags={**first.tags, "model_release": "m-2", "release_id": "m-2"})
    newest = replace(both, environment="e/2", tags={**both.tags, "environment_release": "e-2", "release_id": "e-2"})
    model_back = with_dimension(newest, MODEL, first)
    assert (model_back.tags["model_release"], model_back.tags["environment_release"]) == ("m-1", "e-2")
    assert model_back.tags["release_id"] == "e-2"
    assert with_dimension(newest, ENVIRONMENT, both) == both
    back = with_dimension(with_dimension(newest, MODEL, first), ENVIRONMENT, both).tags
    assert (back["model_release"], back["environment_release"]) == ("m-1", "e-1")
    assert back["release_id"] in ("m-1", "e-1")


def test_a_deployment_says_its_circuit_by_variables_or_else_by_tags() -> None:
    """Both ids by one of them: half of each is nothing."""
    tags = {"plant_id": "P009", "circuit_id": "C009"}
    assert a_spec(tags=tags).circuit == "P001-C001"
    assert a_spec(tags=tags, environment_variables={}).circuit_ids == ("P009", "C009")
    assert a_spec(tags=tags, environment_variables={"PLANT_ID": "P001"}).circuit == "P009-C009"
    assert a_spec(tags={"plant_id": "P009"}, environment_variables={"CIRCUIT_ID": "C001"}).circuit == ""
