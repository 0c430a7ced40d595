"""App settings: a file in the shape of local.settings.json, merged into the environment before the app loads.

`%NAME%` in a binding is replaced by the app setting NAME (docs/azure-facts.md#service-bus-in-the-functions-host).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

_REFERENCE = re.compile(r"%([^%]+)%")
REDIRECT_SETTING = "SWITCHYARD_LOCAL_REDIRECT"
REDIRECTED = ("azureml", "blob", "eventgrid", "mailbox")


class SettingsError(Exception):
    """A settings file or a reference to a setting is wrong; the message says what to change."""


def apply_settings(path: Path) -> int:
    """Merge `Values` of the file into os.environ, the file winning; returns how many there were."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read the settings file {path}: {error}") from error
    values = document.get("Values") if isinstance(document, dict) else None
    if not isinstance(values, dict):
        raise SettingsError(f'{path} must hold an object {{"Values": {{...}}}}')
    for name, value in values.items():
        if not isinstance(value, str):
            raise SettingsError(f"{path}: setting {name} must be a string, as in Azure, not {type(value).__name__}")
    os.environ.update(values)
    return len(values)


def describe_platform(port: int) -> None:
    """Set the variables that the platform gives every worker, unless the settings already do."""
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    os.environ.setdefault("WEBSITE_HOSTNAME", f"127.0.0.1:{port}")
    # Container names of the machine make the runtime believe that it runs on the Consumption platform.
    os.environ.pop("CONTAINER_NAME", None)


def resolve(value: str) -> str:
    """Replace every %NAME% by the app setting of that name; an unset one is an error, as on the platform."""

    def replacement(match: re.Match[str]) -> str:
        name = match[1]
        if name not in os.environ:
            raise SettingsError(f"'%{name}%' does not resolve to a value: set the app setting {name}")
        return os.environ[name]

    return _REFERENCE.sub(replacement, value)


def install_redirect() -> bool:
    """Point the Azure SDKs at local servers if SWITCHYARD_LOCAL_REDIRECT is set; true when it was."""
    setting = os.environ.get(REDIRECT_SETTING)
    if not setting:
        return False
    try:
        targets = json.loads(setting)
    except ValueError as error:
        raise SettingsError(f"{REDIRECT_SETTING} is not JSON: {error}") from error
    if not isinstance(targets, dict) or not set(targets) <= set(REDIRECTED):
        raise SettingsError(f"{REDIRECT_SETTING} must be an object with addresses of {', '.join(REDIRECTED)}")
    from local.redirect import install  # only hosts that redirect pay for the import

    install(**{name: targets.get(name) for name in REDIRECTED})
    return True
