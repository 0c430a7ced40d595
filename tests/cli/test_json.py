"""Whoever reads can read by program: each command has --json, but for those that change something."""

from typing import Any

import typer.main

from cli.app import app

CHANGING = {
    "approve", "reject", "abort", "retry", "again", "redeploy", "rollback", "release-model", "release-environment",
    "release-online", "deployment-state", "decide",
    "watch", "freeze", "lift", "infer", "check", "abort-training", "config set-environment",
    "rollback-metadata", "login", "logout", "local up", "local down", "local status",
}  # fmt: skip
"""Commands that change something, or run until something happens, are another program's, or print nothing but JSON."""


def commands(group: Any, before: str = "") -> dict[str, Any]:
    """Every command by its words."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        found |= commands(command, f"{before}{name} ") if hasattr(command, "commands") else {f"{before}{name}": command}
    return found


def test_each_command_that_reads_has_an_answer_for_programs() -> None:
    every = commands(typer.main.get_command(app))
    without = {name for name, each in every.items() if not any("--json" in option.opts for option in each.params)}

    assert without <= CHANGING
    assert set(every) >= CHANGING
