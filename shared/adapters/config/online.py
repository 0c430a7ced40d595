"""The files of `config/online/`: one for each model that is served by online endpoints."""

import re
from collections.abc import Iterator, Mapping

from shared.adapters.config.check_attempt import attempted
from shared.adapters.config.files import ConfigTree, file_of
from shared.contracts.config.files import ConfigError
from shared.contracts.config.online import Endpoint, OnlineConfig
from shared.domain.changes.circuits import ConfigProblem
from shared.domain.online.model import ComparisonPlan, OnlinePlan, SidePlan, SlotLimits, TrafficPlan

ONLINE_DIR = "online"

_FILE = re.compile(rf"{ONLINE_DIR}/([a-z](?:-?[a-z0-9]){{1,39}})\.yml")


def online_of(tree: ConfigTree) -> dict[str, OnlinePlan]:
    """Every model by the name of its file; none where there is no such directory. Raises ConfigError with every problem
    of every file."""
    problems: list[ConfigProblem] = []
    found: dict[str, OnlineConfig] = {}
    for path in tree.under(ONLINE_DIR):
        name = _FILE.fullmatch(path)
        if name is None:
            problems.append(_not_named(f"{tree.name}/{path}", tree.name))
        elif config := attempted(lambda path=path: file_of(tree, path, OnlineConfig), problems):  # type: ignore[misc]
            found[name[1]] = config
    problems += _shared(tree.name, found)
    if problems:
        raise ConfigError(problems)
    return {name: plan_of(name, config) for name, config in found.items()}


def plan_of(name: str, config: OnlineConfig) -> OnlinePlan:
    """One model in the domain's words."""
    tests, comparison = config.tests, config.comparison
    return OnlinePlan(
        name=name,
        model_name=config.model.name,
        registry_model_name=config.model.registry_name,
        environment_name=config.environment.name,
        environment_version=config.environment.version,
        code=config.scoring.code,
        scoring_script=config.scoring.script,
        request_timeout_ms=config.scoring.request_timeout_ms,
        concurrent_max=config.scoring.concurrent_max,
        environment_variables=dict(config.scoring.variables),
        slots=config.slots,
        dev=_side(config.dev),
        production=_side(config.production),
        traffic=TrafficPlan(
            steps_pct=config.traffic.steps_pct, mirror_pct=config.traffic.mirror_pct, share_s=config.traffic.share_s
        ),
        tests=SlotLimits(
            held_set=tests.held_set,
            samples_max=tests.samples_max,
            p50_ms=tests.latency.p50_ms,
            p95_ms=tests.latency.p95_ms,
            p99_ms=tests.latency.p99_ms,
            error_max=tests.error_max,
            failures_max_pct=tests.failures_max_pct,
            answer_min=tests.answers.lowest,
            answer_max=tests.answers.highest,
        ),
        comparison=ComparisonPlan(
            code=comparison.code, script=comparison.script, compute=comparison.compute, data_uri=comparison.data_uri
        ),
        branches=config.branches,
    )


def _side(endpoint: Endpoint) -> SidePlan:
    return SidePlan(
        endpoint_name=endpoint.endpoint_name,
        slot=endpoint.slot or "",
        instance_type=endpoint.instance_type,
        instance_count=endpoint.instance_count,
    )


def _not_named(file: str, root: str) -> ConfigProblem:
    fix = f"name it {root}/{ONLINE_DIR}/<model>.yml with small letters, digits and single dashes, or remove it"
    return ConfigProblem(file=file, field="", value="", reason="not the file of a model", fix=fix)


def _shared(root: str, found: Mapping[str, OnlineConfig]) -> Iterator[ConfigProblem]:
    """Two models on one endpoint would take each other's traffic, and two files of one model each other's versions."""
    seen: dict[tuple[str, str], str] = {}
    for name, config in sorted(found.items()):
        for field, value in (
            ("dev.endpoint_name", config.dev.endpoint_name),
            ("production.endpoint_name", config.production.endpoint_name),
            ("model.registry_name", config.model.registry_name),
        ):
            first = seen.setdefault((field, value), name)
            if first != name:
                yield ConfigProblem(
                    file=f"{root}/{ONLINE_DIR}/{name}.yml",
                    field=field,
                    value=value,
                    reason=f"{root}/{ONLINE_DIR}/{first}.yml has it as well",
                    fix="give each model its own",
                )
