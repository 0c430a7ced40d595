"""The kind of machine in a circuit's file decides on which cluster its deployment runs (R-FLEET-9)."""

from shared.adapters.config.check import checked
from shared.adapters.config.files import DiskTree
from tests.config.conftest import CIRCUIT, POLICIES, ConfigTree
from tests.support.configuration import configured

KIND, OTHER = '"Standard_DS3_v2"', '"Standard_NC6s_v3"'
LISTED = "machines: {Standard_NC6s_v3: {test: gpu-test, production: gpu-production}}"


def clusters(tree: ConfigTree, circuit_id: str = "C001") -> tuple[str, str]:
    plan = configured(tree.root).releases.plan("P001", circuit_id)
    assert plan is not None
    return plan.test_compute, plan.production_compute


def test_a_circuit_runs_on_the_clusters_that_have_its_kind_of_machine(tree: ConfigTree) -> None:
    tree.edit(POLICIES, "machines: {}", LISTED)
    tree.edit(CIRCUIT, KIND, OTHER)
    assert clusters(tree) == ("gpu-test", "gpu-production")
    assert clusters(tree, "C002") == ("cpu-cluster", "cpu-cluster")
    assert checked(DiskTree(tree.root))[1] == []


def test_a_kind_of_machine_that_no_cluster_has_is_a_mistake_of_the_circuit(tree: ConfigTree) -> None:
    tree.edit(CIRCUIT, KIND, OTHER)
    (problem,) = checked(DiskTree(tree.root))[1]
    assert (problem.file, problem.field) == (f"config/{CIRCUIT}", "deployment.compute_instance_type")
    assert (problem.value, problem.reason) == ("Standard_NC6s_v3", "no cluster has this kind of machine")
    assert problem.fix.startswith("write one of Standard_DS3_v2, or add it to deployment.compute.machines")


def test_policies_that_do_not_say_what_their_clusters_have_take_every_kind(tree: ConfigTree) -> None:
    """As before there were kinds: a repository of then is in force still."""
    tree.edit(POLICIES, "instance_type: Standard_DS3_v2", "")
    tree.edit(POLICIES, "machines: {}", "")
    tree.edit(CIRCUIT, KIND, OTHER)
    assert checked(DiskTree(tree.root))[1] == []
    assert clusters(tree) == ("cpu-cluster", "cpu-cluster")


def test_a_gate_shows_what_people_call_a_circuit(tree: ConfigTree) -> None:
    plan = configured(tree.root).releases.plan("P001", "C002")
    assert plan is not None
    assert plan.known_as == "Packaging Line B Sensor in Manufacturing Plant 1"
