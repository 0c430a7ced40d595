"""Fires an alert of Azure Monitor on the running local cloud, or resolves one.

python -m local.fire_alert --rule batch-job-failure --circuits P001/C001,P001/C002
python -m local.fire_alert --resolve all
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import yaml
from rich.console import Console

from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.typed import command

console = Console(highlight=False)

#: What a rule of each kind measures: column, value, threshold. A degraded circuit is half as bad again as the limit.
MEASURED = {
    "batch_failures": ("failures", 1.0, 0.0),
    "scoring_errors": ("errors", 1.0, 0.0),
    "degradation": ("mae", 0.375, 0.25),
    "other": ("drift_magnitude", 0.3, 0.25),
}


def body_of(rule: str, policies: Path) -> dict[str, Any]:
    """The alert of a rule, as far as `policies.yml` lists it by its name; any other rule is a log search rule."""
    listed = yaml.safe_load(policies.read_text(encoding="utf-8")).get("alerts", {}).get("rules", [])
    outside = [each for each in listed if not each["rule"].startswith("switchyard/")]
    found = next(
        (each for each in outside if rule.lower() in (each["rule"].lower(), each["rule"].lower().split("/")[1])), None
    )
    if found is None:
        return {"rule": rule if "/" in rule else f"scheduledQueryRules/{rule}"}
    metric, value, threshold = MEASURED[found["kind"]]
    return {
        "rule": found["rule"],
        "severity": found["severity"],
        "metric": metric,
        "value": value,
        "threshold": threshold,
    }


def fire(
    rule: Annotated[str, typer.Option(help="The rule's name, for example batch-job-failure.")] = "batch-job-failure",
    circuits: Annotated[str, typer.Option(help="Circuits with commas; one alert each.")] = "P001/C001",
    together: Annotated[bool, typer.Option("--together", help="One alert for all circuits.")] = False,
    value: Annotated[float | None, typer.Option(help="What was measured.")] = None,
    severity: Annotated[str, typer.Option(help="Another severity than the rule's: Sev0 to Sev4.")] = "",
    way: Annotated[str, typer.Option(help="How the app is told: webhook, event-grid or none.")] = "webhook",
    resolve: Annotated[str, typer.Option(help="Resolve this alert, or all that fire, instead of firing one.")] = "",
    data: Annotated[Path, typer.Option(help="Data directory of the running local cloud.")] = Path(".local"),
) -> None:
    """Fire an alert, or resolve some."""
    try:
        cloud = LocalCloud.running(data)
        control = f"{cloud.urls['azureml']}/control/alerts"
        if resolve:
            _resolve(control, resolve, way)
            return
        body = {**body_of(rule, cloud.layout.policies_file), "together": together, "way": way}
        body |= {"circuits": [name.strip() for name in circuits.split(",") if name.strip()]}
        body |= {"value": value} if value is not None else {}
        body |= {"severity": severity} if severity else {}
        for alert in _answered(httpx.post(control, json=body, trust_env=False))["alerts"]:
            console.print(f"Fired {alert.rpartition('/')[2]} of {body['rule']}.")
    except CloudError as problem:
        console.print(f"Error: {problem}", style="red", markup=False)
        sys.exit(1)
    console.print(f"What it led to:  {command()} alerts", markup=False)


def _resolve(control: str, wanted: str, way: str) -> None:
    known = _answered(httpx.get(control, trust_env=False))["value"]
    firing = [each for each in known if each["properties"]["essentials"]["monitorCondition"] == "Fired"]
    names = [each["id"].rpartition("/")[2] for each in firing] if wanted == "all" else [wanted]
    for name in names:
        _answered(httpx.post(f"{control}/{name}/resolve", params={"way": way}, trust_env=False))
        console.print(f"Resolved {name}.")
    if not names:
        console.print("No alert fires.")


def _answered(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise CloudError(f"the local Azure Monitor answers {answer.status_code}: {answer.text}")
    return answer.json()


if __name__ == "__main__":
    typer.run(fire)
