"""JSON Schemas of the configuration files: `python -m shared.contracts.config.schema [--check]`.

The models are the source; the files in `config/schema` are generated and never edited.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from shared.contracts.config.files import CircuitConfig, MasterList, PeopleConfig, Policies
from shared.contracts.config.monitoring import MonitoringConfig
from shared.contracts.config.notifications import NotificationsConfig
from shared.contracts.config.online import OnlineConfig
from shared.settings import APP_ROOT

SCHEMA_DIR = APP_ROOT / "config" / "schema"
COMMAND = "python -m shared.contracts.config.schema"

MODELS: dict[str, type[BaseModel]] = {
    "plants_circuits": MasterList,
    "circuit": CircuitConfig,
    "policies": Policies,
    "monitoring": MonitoringConfig,
    "people": PeopleConfig,
    "notifications": NotificationsConfig,
    "online": OnlineConfig,
}


def schemas() -> dict[str, str]:
    """File name and text of every schema."""
    return {f"{name}.schema.json": _text(model) for name, model in MODELS.items()}


def _text(model: type[BaseModel]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def stale(directory: Path) -> list[str]:
    """Names of the schema files that are missing or differ from the models."""
    return [name for name, text in schemas().items() if _read(directory / name) != text]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schemas, or with --check exit 1 when they are not current."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Write the JSON Schemas of the configuration files.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a schema is not current")
    parser.add_argument("--directory", type=Path, default=SCHEMA_DIR, help="where the schemas are")
    options = parser.parse_args(arguments)
    if options.check:
        outdated = stale(options.directory)
        if outdated:
            sys.stderr.write(f"not current: {', '.join(outdated)}. Run: {COMMAND}\n")
        return 1 if outdated else 0
    options.directory.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (options.directory / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
