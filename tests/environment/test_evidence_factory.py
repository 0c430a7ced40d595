"""Evidence that the local cloud makes: really run in a version's own code, and good enough to approve on."""

import json
from pathlib import Path

import pytest

from local.seeding.environment_factory import CLEARER_LOG, write_version
from local.seeding.evidence_factory import EXAMPLE, write_evidence
from local.supervisor.cloud import CloudError
from shared.adapters.notebook_evidence import read_notebook
from shared.domain.evidence.matrix import Advice, assess
from shared.domain.release.policy import Stage


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """The folder of version 1.5.1."""
    return write_version(tmp_path / "1.5.1", CLEARER_LOG).parent


def test_the_example_run_in_a_new_version_is_evidence_for_it(
    code: Path, model_dir: Path, table_dir: Path, tmp_path: Path
) -> None:
    """Its own version and predictions, the code of the example, nothing left in the code's folder or said of the
    machine."""
    before = sorted(code.rglob("*"))
    file = write_evidence(tmp_path / "new" / "evidence.ipynb", code=code, model=model_dir, table=table_dir)

    assessed = assess(read_notebook(file.read_bytes()), environment="custom-tf-env:1.5.1", stage=Stage.REGISTRY)
    assert (assessed.advice, [each for each in assessed.reasons if not each.holds]) == (Advice.APPROVE, [])
    made, example = (json.loads(path.read_text())["cells"] for path in (file, EXAMPLE))
    assert [cell["source"] for cell in made] == [cell["source"] for cell in example]
    assert "Day: 2025-12-09, rows: 24" in file.read_text()
    assert str(tmp_path) not in file.read_text()
    assert sorted(code.rglob("*")) == before


def test_a_version_that_does_not_score_leaves_evidence_of_that(code: Path, table_dir: Path, tmp_path: Path) -> None:
    """Here it finds no model; nobody can approve on the notebook."""
    model, file = tmp_path / "empty", tmp_path / "evidence.ipynb"
    model.mkdir()
    with pytest.raises(CloudError, match=r"shows an error, see .*evidence\.ipynb"):
        write_evidence(file, code=code, model=model, table=table_dir)

    assessed = assess(read_notebook(file.read_bytes()), environment="custom-tf-env:1.5.1", stage=Stage.REGISTRY)
    assert assessed.advice is Advice.REJECT
