"""Jobs forked from a warm template: quicker than fresh processes, and in everything else the same."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path

import pytest
from azure.ai.ml import Output, command
from azure.ai.ml.entities import BuildContext, CommandJobLimits, Environment

from tests.local.azureml.workshop import Workshop, folder
from tests.support.processes import alive, until

WORK = """
import atexit, os, pathlib, sys, threading, time
IMPORTED_BY = os.getpid()
def main(words):
    place = pathlib.Path(words[0])
    place.mkdir(parents=True, exist_ok=True)
    for name, value in {"pid": os.getpid(), "imported_by": IMPORTED_BY, "cwd": os.getcwd(), "group": os.getpgid(0),
                        "run": os.environ["AZUREML_RUN_ID"], "kept": os.environ.get("SET_BY_IMPORT")}.items():
        (place / name).write_text(str(value))
    print("hello from", VERSION, *words[1:], flush=True)
    if "fail" in words:
        raise ValueError("the sensor is upside down")
    if "leave" in words:
        atexit.register(print, "left")
        threading.Thread(target=lambda: (time.sleep(0.2), print("waited for"))).start()
        sys.exit(7)
    if "give up" in " ".join(words):
        sys.exit("no sensor at all")
    if "sleep" in words and not (place / "slept").exists():
        (place / "slept").touch()
        time.sleep(60)
"""
RUN = "import sys\nfrom sensor_model.work import main\nmain(sys.argv[1:])\n"
KERAS = """
import hashlib, sys, tempfile
print("warm", "tensorflow" in sys.modules)
import tensorflow as tf
tf.config.experimental.enable_op_determinism()
tf.keras.utils.set_random_seed(7)
window = tf.keras.Input((24, 3))
model = tf.keras.Model(window, tf.keras.layers.Dense(3)(tf.keras.layers.LSTM(16)(window)))
with tempfile.TemporaryDirectory() as place:
    model.save(f"{place}/model.keras")
    again = tf.keras.models.load_model(f"{place}/model.keras", compile=False)
rows = tf.reshape(tf.range(24 * 3 * 64, dtype=tf.float32), (64, 24, 3)) / 1000
print("predictions", hashlib.sha256(again(rows).numpy().tobytes()).hexdigest())
"""
SCORE = """
import os
from sensor_model import work
def init(): pass
def run(mini_batch):
    return [f"{work.IMPORTED_BY != os.getpid()},{os.environ['CIRCUIT_ID']}"]
"""
_numbers = itertools.count(1)


def environment(workshop: Workshop, root: Path, *, imports: str = "sensor_model.work", **files: str) -> str:
    """A new version of an environment whose jobs may run warm; files are modules of its package."""
    version = f"1.0.{next(_numbers)}"
    package = {"__init__": "", "work": f'VERSION = "{version}"\n{WORK}', "run": RUN, **files}
    context = folder(
        root / version, {"Dockerfile": "FROM scratch\n", **{f"sensor_model/{k}.py": v for k, v in package.items()}}
    )
    made = Environment(name="warm-env", version=version, build=BuildContext(path=str(context)))
    made.tags = {"warm_imports": imports}
    workshop.client.environments.create_or_update(made)
    return f"azureml:warm-env:{version}"


def submit(workshop: Workshop, where: str, text: str, **fields: object) -> str:
    """The name of a submitted job with an output `seen`."""
    timeout = fields.pop("timeout", None)
    wanted = command(
        command=text, environment=where, compute="cpu-cluster", outputs={"seen": Output(type="uri_folder")}, **fields
    )
    wanted.limits = CommandJobLimits(timeout=timeout) if timeout else None
    return str(workshop.client.jobs.create_or_update(wanted).name)


def seen(workshop: Workshop, name: str) -> dict[str, str]:
    """What the job's process wrote about itself."""
    place = workshop.cloud.data / f"jobs/dev-ml-workspace/{name}/outputs/seen"
    return {file.name: file.read_text() for file in place.iterdir()} if place.exists() else {}


def ran_warm(about: dict[str, str]) -> bool:
    return about["imported_by"] != about["pid"]


TELL = "python -m sensor_model.run ${{outputs.seen}}"


def test_jobs_of_one_version_are_forked_from_one_template_and_share_nothing_else(
    workshop: Workshop, tmp_path: Path
) -> None:
    """The import is shared; process, group, folder and log are each job's own."""
    where = environment(workshop, tmp_path)
    names = [submit(workshop, where, f"{TELL} {word}") for word in ("one", "two")]
    jobs = [workshop.finished(name) for name in names]
    first, second = (seen(workshop, name) for name in names)
    assert [job.status for job in jobs] == ["Completed", "Completed"], workshop.log(names[0])
    assert ran_warm(first)
    assert first["imported_by"] == second["imported_by"]
    assert len({first["pid"], second["pid"], first["group"], second["group"], first["imported_by"]}) == 5
    for name, about, word in zip(names, (first, second), ("one", "two"), strict=True):
        assert about["run"] == name
        assert about["cwd"].endswith(f"/{name}/work")
        assert workshop.log(name).count("hello from") == 1
        assert word in workshop.log(name)


def test_each_version_has_a_template_of_its_own_code(workshop: Workshop, tmp_path: Path) -> None:
    """A change of behaviour shows."""
    versions = [environment(workshop, tmp_path) for _ in range(2)]
    names = [workshop.finished(submit(workshop, where, TELL)).name for where in versions]
    for where, name in zip(versions, names, strict=True):
        assert f"hello from {where.rpartition(':')[2]}" in workshop.log(name)
        assert ran_warm(seen(workshop, name))


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("fail", "The process ended with exit code 1: ValueError: the sensor is upside down"),
        ("leave", "The process ended with exit code 7."),
        ("give up", "The process ended with exit code 1: no sensor at all"),
    ],
)
def test_a_warm_job_fails_with_its_own_exit_code_and_traceback(
    workshop: Workshop, tmp_path: Path, word: str, reason: str
) -> None:
    """It ends as a fresh process does, and the template goes on."""
    where = environment(workshop, tmp_path)
    job = workshop.finished(submit(workshop, where, f"{TELL} {word}"))
    assert [line in workshop.log(job.name) for line in ("waited for\nleft", "Traceback")] == [
        word == "leave",
        word == "fail",
    ]
    assert (job.status, job.properties["local.error"]) == ("Failed", reason)
    assert ran_warm(seen(workshop, job.name))
    after = workshop.finished(submit(workshop, where, TELL))
    assert seen(workshop, after.name)["imported_by"] == seen(workshop, job.name)["imported_by"]


def test_a_warm_job_is_canceled_and_timed_out_like_any_other(workshop: Workshop, tmp_path: Path) -> None:
    """Its process is gone afterwards."""
    where = environment(workshop, tmp_path)
    name = submit(workshop, where, f"{TELL} sleep")
    until(lambda: "slept" in seen(workshop, name))
    workshop.client.jobs.begin_cancel(name).result()
    late = workshop.finished(submit(workshop, where, f"{TELL} sleep", timeout=1))
    assert (workshop.status(name), late.status) == ("Canceled", "Canceled")
    for about in (seen(workshop, name), seen(workshop, late.name)):
        assert ran_warm(about)
        assert not alive(int(about["pid"]))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (f"{TELL} && true", {}),
        (f"env {TELL}", {}),
        (TELL, {"environment_variables": {"TF_ENABLE_ONEDNN_OPTS": "1"}}),
        (TELL, {"code": "code"}),
    ],
)
def test_a_job_whose_imports_could_differ_gets_a_fresh_process(
    workshop: Workshop, tmp_path: Path, text: str, fields: dict[str, object]
) -> None:
    """Shell syntax, variables that libraries read when they are imported, and code of its own."""
    if "code" in fields:
        fields = {"code": str(folder(tmp_path / "code", {"other.py": ""}))}
    job = workshop.finished(submit(workshop, environment(workshop, tmp_path), text, **fields))
    assert job.status == "Completed", workshop.log(job.name)
    assert not ran_warm(seen(workshop, job.name))


def test_what_an_import_sets_reaches_the_job(workshop: Workshop, tmp_path: Path) -> None:
    """Settings of TensorFlow are made this way, and decide the last digits of a prediction."""
    where = environment(
        workshop, tmp_path, __init__="import os\nos.environ.setdefault('SET_BY_IMPORT', 'by the package')\n"
    )
    job = workshop.finished(submit(workshop, where, TELL))
    assert seen(workshop, job.name)["kept"] == "by the package"


def test_a_version_that_cannot_be_imported_fails_its_jobs_with_the_reason(workshop: Workshop, tmp_path: Path) -> None:
    """They run cold, so that the log shows what the code does."""
    where = environment(workshop, tmp_path, work="raise ImportError('no such sensor')\n")
    jobs = [workshop.finished(submit(workshop, where, TELL)) for _ in range(2)]
    assert [job.status for job in jobs] == ["Failed", "Failed"]
    assert all("ImportError: no such sensor" in workshop.log(job.name) for job in jobs)


def test_a_batch_job_runs_warm_as_well(workshop: Workshop, tmp_path: Path) -> None:
    """With the deployment's own variables."""
    where = environment(workshop, tmp_path)
    workshop.deploy(name="warm", environment=where, score=SCORE, variables={"CIRCUIT_ID": "C007"})
    job = workshop.finished(workshop.invoke("warm"))
    assert job.status == "Completed", workshop.log(job.name)
    assert workshop.rows(job) == ["True,C007"]


def test_a_killed_template_costs_no_job(workshop: Workshop, tmp_path: Path) -> None:
    """The running job goes on, and the next one has a new template."""
    where = environment(workshop, tmp_path)
    running = submit(workshop, where, f"{TELL} sleep")
    until(lambda: "slept" in seen(workshop, running))
    template = int(seen(workshop, running)["imported_by"])
    os.kill(template, signal.SIGKILL)
    job = workshop.finished(submit(workshop, where, TELL))
    assert job.status == "Completed", workshop.log(job.name)
    assert workshop.status(running) == "Running"
    workshop.client.jobs.begin_cancel(running).result()
    assert int(seen(workshop, job.name)["imported_by"]) != template


def test_a_killed_server_takes_warm_jobs_and_templates_with_it_and_runs_the_job_again(
    workshop: Workshop, tmp_path: Path
) -> None:
    """As with any other job."""
    place = tmp_path / "place"
    name = submit(workshop, environment(workshop, tmp_path), f"python -m sensor_model.run {place} sleep")
    until((place / "slept").exists)
    first = {file.name: file.read_text() for file in place.iterdir()}
    workshop.cloud.part.kill()
    until(lambda: not alive(int(first["pid"])) and not alive(int(first["imported_by"])))
    workshop.cloud.part.start_again()
    assert workshop.finished(name).status == "Completed", workshop.log(name)
    assert (place / "pid").read_text() != first["pid"]


@pytest.mark.timeout(180)
def test_a_fork_after_the_import_of_tensorflow_predicts_what_a_fresh_process_predicts(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Two forks at a time build, save, load and run a network; the third process is fresh."""
    where = environment(workshop, tmp_path, imports="tensorflow", keras_job=KERAS)
    text = "python -m sensor_model.keras_job"
    names = [submit(workshop, where, words) for words in (text, text, f"env {text}")]
    assert {workshop.finished(name, 90).status for name in names} == {"Completed"}, workshop.log(names[0])
    said = [[line for line in workshop.log(name).splitlines() if line.startswith(("warm", "pred"))] for name in names]
    assert [warm for warm, _ in said] == ["warm True", "warm True", "warm False"]
    assert len({predictions for _, predictions in said}) == 1
