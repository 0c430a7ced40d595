"""Real git repositories for tests, made with the git of this machine: a small fleet, its environment, its history."""

import os
import subprocess
from pathlib import Path

AUTHOR = "Person 5 <person5@example.com>"

CIRCUIT = """\
# {plant}/{circuit}
plant_id: "{plant}"
circuit_id: "{circuit}"
training:
  cutoff_date: "2025-12-09"     # the last day
  environment_version: "1.5.0"
  hyperparameters:
    sequence_length: 24
    lstm_units: 16
    dropout: 0.1
    learning_rate: 0.01
    batch_size: 16
    epochs: 3
  data_filters:
    sensor_id: "SENSOR_{plant}_{circuit}"
    feature_columns: ["temperature", "pressure"]
deployment:
  compute_instance_type: "Standard_DS3_v2"
  mini_batch_size: 100
"""

DEFINITION = """\
name: custom-tf-env
version: "1.5.0"
description: Custom TensorFlow environment for sensor predictions
build:
  path: .
  dockerfile_path: Dockerfile
tags:
  backward_compatible: "true"
  requires_retrain: "false"
  tensorflow_version: "2.21.0"
  python_version: "3.11"
  source_code_version: "1.5.0"
  cuda_version: ""
  openmpi_version: "4.1.0"
  change_summary: "First"
  breaking_changes: ""
  git_commit_sha: ""
  registered_at: ""
  registered_by: ""
  pr_number: ""
"""

MASTER = "config/plants_circuits.yml"
ENVIRONMENT = "environment/custom_tf_env.yml"
FLEET = {"P001": ["C001", "C002"], "P002": ["C001"]}


def circuit_path(plant: str = "P001", circuit: str = "C001") -> str:
    """A circuit's file."""
    return f"config/plants/{plant}/{circuit}.yml"


class Project:
    """A working copy with a branch `main`, and the ways a person changes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @classmethod
    def with_fleet(cls, root: Path) -> "Project":
        """Three circuits in two plants, and environment 1.5.0, in the first commit."""
        project = cls(root)
        project.fleet(FLEET)
        for plant, circuits in FLEET.items():
            for circuit in circuits:
                project.circuit(plant, circuit)
        project.write(ENVIRONMENT, DEFINITION)
        project.write("environment/Dockerfile", "FROM scratch\n")
        project.write("environment/conda.yml", "dependencies:\n  - python=3.11\n")
        project.write("environment/requirements.txt", "tensorflow==2.21.0 \\\n    --hash=sha256:00\n")
        project.write("environment/sensor_model/__init__.py", '__version__ = "1.5.0"\n')
        project.write("README.md", "a fleet\n")
        project.commit("First")
        return project

    def git(self, *words: str, author: str = AUTHOR) -> str:
        """One command of git, with no configuration of this machine; its output."""
        name, _, address = author.removesuffix(">").partition(" <")
        who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in
               (("NAME", name), ("EMAIL", address), ("DATE", "2026-01-05T08:00:00Z"))}  # fmt: skip
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.root)}
        done = subprocess.run(
            ["git", *words], cwd=self.root, env={**os.environ, **alone, **who}, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def write(self, path: str, content: str | bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace the first `old`; the test is wrong if it is not there."""
        text = self.read(path)
        assert old in text, f"{old!r} is not in {path}"
        self.write(path, text.replace(old, new, 1))

    def circuit(self, plant: str, circuit: str) -> None:
        """Write a new circuit's file."""
        self.write(circuit_path(plant, circuit), CIRCUIT.format(plant=plant, circuit=circuit))

    def fleet(self, plants: dict[str, list[str]]) -> None:
        """Write the master list."""
        lines = ["plants:"]
        for plant, circuits in plants.items():
            lines += [f'  - plant_id: "{plant}"', f'    plant_name: "Plant {plant}"', "    circuits:"]
            for circuit in circuits:
                lines += [f'      - circuit_id: "{circuit}"', f'        circuit_name: "Line {circuit}"']
        self.write(MASTER, "\n".join(lines) + "\n")

    def cutoff(self, day: str, plant: str = "P001", circuit: str = "C001") -> None:
        """Another cutoff date for a circuit."""
        text = self.read(circuit_path(plant, circuit)).splitlines()
        lines = [f'  cutoff_date: "{day}"' if "cutoff_date" in line else line for line in text]
        self.write(circuit_path(plant, circuit), "\n".join(lines) + "\n")

    def environment(self, version: str, **tags: str) -> None:
        """Another version of the environment, with these tags."""
        lines = []
        for line in DEFINITION.splitlines():
            key = line.strip().partition(":")[0]
            lines.append(f'  {key}: "{tags[key]}"' if key in tags else line.replace("1.5.0", version))
        self.write(ENVIRONMENT, "\n".join(lines) + "\n")
        self.write("environment/sensor_model/__init__.py", f'__version__ = "{version}"\n')

    def commit(self, message: str, *, author: str = AUTHOR) -> str:
        """Commit everything; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message, author=author)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str) -> None:
        """Begin a branch here."""
        self.git("switch", "--quiet", "--create", name)

    def merge(self, name: str, message: str, *, by: str = "Person 9 <person9@example.com>") -> str:
        """Merge a branch into main with a merge commit; the commit."""
        self.git("switch", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", message, name, author=by)
        return self.head()
