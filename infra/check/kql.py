"""Has Microsoft's analysis of KQL look at the queries of the alert rules: `python -m infra.check.kql`. Needs Node.

A query has to be one, to know its columns, and to have those that its rule measures and splits by.
"""

import json
import subprocess
import sys
from typing import Any

from infra.check import cases
from infra.check.problem import Report
from infra.check.rules import value_at
from infra.check.template import INFRA, Resource, render
from infra.check.types import table

_SCRIPT = INFRA / "check" / "kql.cjs"


class NoAnalysis(Exception):
    """Node or its package is not there; the text says what to do."""


def problems(queries: list[dict[str, Any]]) -> list[list[str]]:
    """What is wrong with each of `{"query": ..., "columns": [...]}`; of a good one nothing. Raises NoAnalysis."""
    command = ["node", str(_SCRIPT)]
    try:
        ended = subprocess.run(  # nosec B603 B607 # our own script, without a shell
            command, input=json.dumps(queries), capture_output=True, text=True, timeout=60
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise NoAnalysis(f"node could not be run: {error}") from error
    if ended.returncode:
        raise NoAnalysis(f"queries could not be looked at; make install brings what it takes: {ended.stderr[-400:]}")
    found: list[list[str]] = json.loads(ended.stdout)
    return found


def asked_by(rule: Resource) -> dict[str, Any]:
    """The query of a rule, and the columns that it has to have."""
    criterion = value_at(rule.body, "properties.criteria.allOf")[0]
    columns = [criterion["metricMeasureColumn"], *(each["name"] for each in criterion.get("dimensions") or [])]
    return {"query": criterion["query"], "columns": columns}


def rules() -> list[Resource]:
    """Every alert rule of the templates, with the parameters of the example."""
    found = []
    for case in cases.of(INFRA):
        if case.label == cases.EXAMPLE:
            found += render(case.path, case.given, table(), Report()).deployed()
    return [each for each in found if each.type == "Microsoft.Insights/scheduledQueryRules"]


def main() -> int:
    """Prints what is wrong, by rule."""
    looked_at = rules()
    try:
        answers = problems([asked_by(each) for each in looked_at])
    except NoAnalysis as error:
        sys.stderr.write(f"{error}\n")
        return 1
    wrong = [
        f"{rule.place.file}: {rule.name}: {each}"
        for rule, said in zip(looked_at, answers, strict=True)
        for each in said
    ]
    sys.stdout.write("".join(f"infra/{each}\n" for each in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
