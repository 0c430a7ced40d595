"""What the templates and the app have to say alike: app settings, names of alert rules, names of metrics."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.check.problem import Place, Report
from infra.check.rules import value_at
from infra.check.template import INFRA, Resource
from shared.measures import DIMENSIONS, Metric
from shared.settings import Settings

POLICIES = INFRA.parent / "config" / "policies.yml"

#: Settings of the app that Azure does not set: connection strings are secrets, the files ship with the app.
NOT_IN_AZURE = {
    "STATE_STORAGE",
    "SERVICEBUS",
    "MAIL",
    "CONFIG_DIR",
    "POLICIES_FILE",
    "MONITORING_FILE",
    "PEOPLE_FILE",
    "NOTIFICATIONS_FILE",
}

#: What is no setting of shared/settings.py: read by the host, the worker, the triggers or an SDK.
OF_THE_PLATFORM = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AZURE_CLIENT_ID",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "DRIFT_SCHEDULE",
    "ETL_SCHEDULE",
    "INFERENCE_SCHEDULE",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "PERFORMANCE_SCHEDULE",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY",
    "ROUTINE_SWEEP_SCHEDULE",
    "SERVICEBUS__clientId",
    "SERVICEBUS__credential",
    "SWEEP_SCHEDULE",
}


def known_settings() -> dict[str, bool]:
    """Environment variables of shared/settings.py; True where the app cannot start without one."""
    fields = Settings.model_fields.items()
    return {
        str(field.validation_alias) if field.validation_alias else name.upper(): field.is_required()
        for name, field in fields
    }


def check(resources: list[Resource], report: Report, policies: Path = POLICIES) -> None:
    """Says where the templates and the app differ."""
    for site in (each for each in resources if each.type == "Microsoft.Web/sites"):
        _settings(site, report)
    _rules([each for each in resources if each.type == "Microsoft.Insights/scheduledQueryRules"], report, policies)


def _settings(site: Resource, report: Report) -> None:
    listed = value_at(site.body, "properties.siteConfig.appSettings")
    given = {each["name"]: each["value"] for each in listed}
    known = known_settings()
    expected = (known.keys() - NOT_IN_AZURE) | OF_THE_PLATFORM
    for name in sorted(given.keys() - expected):
        report.say(site.place, f"the app reads no setting {name}")
    for name in sorted(expected - given.keys()):
        report.say(site.place, f"the app gets no setting {name}")
    for name in sorted(name for name, needed in known.items() if needed and given.get(name) == ""):
        report.say(site.place, f"the app cannot do without {name}, which is empty")


def _rules(rules: list[Resource], report: Report, policies: Path) -> None:
    by_name = {str(each.name): each for each in rules}
    listed: dict[str, dict[str, Any]] = {}
    for each in _listed(policies.read_text(encoding="utf-8")):
        kind, _, name = each["rule"].partition("/")
        if kind != "switchyard":
            listed[name] = each
            rule = by_name.get(name)
            if rule is None or kind != "scheduledQueryRules":
                report.say(Place("../config/policies.yml", 1), f"there is no rule {each['rule']} in the templates")
            elif f"Sev{value_at(rule.body, 'properties.severity')}" != each["severity"]:
                report.say(rule.place, f"{name} is not {each['severity']}, as config/policies.yml says")
    for name, rule in by_name.items():
        _metrics(name, rule, report)
        tells = value_at(rule.body, "properties.actions.actionGroups") or []
        acts = any(str(each).endswith("/actionGroups/switchyard") for each in tells)
        if acts != (name in listed):
            what = "is told to the app, and not listed in" if acts else "is not told to the app, and listed in"
            report.say(rule.place, f"{name} {what} config/policies.yml")


@cache
def _listed(policies: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = yaml.safe_load(policies)["alerts"]["rules"]
    return rules


def _metrics(name: str, rule: Resource, report: Report) -> None:
    for each in value_at(rule.body, "properties.criteria.allOf"):
        for metric in re.findall(r'"switchyard\.(\w+)"', each["query"]):
            if metric not in set(Metric):
                report.say(rule.place, f"{name} asks for the metric {metric}, which the app does not tell")
        for dimension in each.get("dimensions") or []:
            if dimension["name"] not in DIMENSIONS:
                report.say(
                    rule.place, f"{name} asks for the dimension {dimension['name']}, which the app does not tell"
                )
