"""The steps of a pipeline as it is submitted: what each runs, what it waits for, where its inputs come from.

The client sends components by their id and bindings as text: `${{parent.inputs.x}}`, `${{parent.jobs.step.outputs.y}}`
and, for the outputs of the pipeline itself, `${{parent.outputs.z}}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from local.azureml.service.errors import invalid, not_emulated
from local.azureml.service.store import Document

_INPUT = re.compile(r"^\$\{\{\s*parent\.inputs\.(\w+)\s*\}\}$")
_STEP_OUTPUT = re.compile(r"^\$\{\{\s*parent\.jobs\.(\w+)\.outputs\.(\w+)\s*\}\}$")
_OUTPUT = re.compile(r"^\$\{\{\s*parent\.outputs\.(\w+)\s*\}\}$")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.S)
_USED = re.compile(r"\$\{\{\s*inputs\.(\w+)\s*\}\}")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command component with its bindings, as they were sent."""

    name: str
    component: str
    compute: str | None
    inputs: Mapping[str, Document]
    outputs: Mapping[str, Document]
    variables: Mapping[str, str]
    limits: Document | None

    @property
    def after(self) -> frozenset[str]:
        """The steps whose outputs it needs."""
        matches = (_STEP_OUTPUT.match(str(given.get("value", ""))) for given in self.inputs.values())
        return frozenset(match[1] for match in matches if match)

    @property
    def published(self) -> dict[str, str]:
        """Names of the pipeline's outputs by the step's own that become them."""
        matches = {name: _OUTPUT.match(str(given.get("value", ""))) for name, given in self.outputs.items()}
        return {name: match[1] for name, match in matches.items() if match}


def steps_of(request: Document) -> dict[str, Step]:
    """The steps by name. Raises `ArmError` for a graph that cannot run, or with steps that do not run here."""
    settings = request.get("settings") or {}
    default = settings.get("default_compute") or settings.get("defaultCompute") or request.get("computeId")
    steps = {name: _step(name, node, default) for name, node in (request.get("jobs") or {}).items()}
    if not steps:
        raise invalid("A pipeline needs at least one step.")
    for step in steps.values():
        _check_bindings(step, steps, request)
    try:
        TopologicalSorter({name: step.after for name, step in steps.items()}).prepare()
    except CycleError as problem:
        raise invalid(f"The steps wait for each other: {' -> '.join(problem.args[1])}.") from problem
    return steps


def bound(step: Step, declared: Document, pipeline: Document, output_of: Callable[[str, str], str]) -> Document:
    """The inputs of a step's job: bindings, values and the component's defaults.

    `declared` are the inputs of the component, `pipeline` those of the pipeline, and `output_of` gives the URI of a
    step's output. Raises `ArmError` for an input that is needed and has no value.
    """
    inputs: Document = {}
    for name, declaration in declared.items():
        given = step.inputs.get(name)
        if given is not None:
            inputs[name] = _resolved(given, declaration, pipeline, output_of)
        elif declaration.get("default") is not None:
            inputs[name] = {"jobInputType": "literal", "value": str(declaration["default"])}
        elif not declaration.get("optional"):
            raise invalid(f"Step {step.name} has no value for its input {name}.")
    return inputs


def without_unused_options(command: str, inputs: Mapping[str, object]) -> str:
    """The command; a part in `$[[ ]]` stays if all the inputs it uses have values."""

    def kept(match: re.Match[str]) -> str:
        return match[1] if all(name in inputs for name in _USED.findall(match[1])) else ""

    return _OPTIONAL.sub(kept, command)


def _step(name: str, node: Document, default_compute: str | None) -> Step:
    if node.get("type", "command") != "command" or not node.get("componentId"):
        raise not_emulated(f"Step {name} of type {node.get('type')!r}, which is not a command component,")
    for output, given in (node.get("outputs") or {}).items():
        if isinstance(given, dict) and (given.get("uri") or given.get("path")):
            raise not_emulated(f"The output {output!r} of step {name} at a place of its own")
    variables = node.get("environment_variables") or node.get("environmentVariables") or {}
    return Step(
        name=name,
        component=str(node["componentId"]),
        compute=node.get("computeId") or default_compute,
        inputs={key: _as_input(given) for key, given in (node.get("inputs") or {}).items()},
        outputs={key: given if isinstance(given, dict) else {} for key, given in (node.get("outputs") or {}).items()},
        variables={key: str(value) for key, value in variables.items()},
        limits=node.get("limits"),
    )


def _as_input(given: object) -> Document:
    """One spelling of an input: nodes have `job_input_type`, pipelines `jobInputType`."""
    if not isinstance(given, dict):
        return {"jobInputType": "literal", "value": str(given)}
    kind = given.get("jobInputType") or given.get("job_input_type") or "literal"
    return {**{key: value for key, value in given.items() if key != "job_input_type"}, "jobInputType": kind}


def _check_bindings(step: Step, steps: Mapping[str, Step], request: Document) -> None:
    for name, given in step.inputs.items():
        value = str(given.get("value", ""))
        if (match := _INPUT.match(value)) and match[1] not in (request.get("inputs") or {}):
            raise invalid(f"Input {name} of step {step.name} is bound to {value}, which the pipeline does not have.")
        if (match := _STEP_OUTPUT.match(value)) and match[1] not in steps:
            raise invalid(f"Input {name} of step {step.name} is bound to {value}; there is no such step.")
    for published in step.published.values():
        if published not in (request.get("outputs") or {}):
            raise invalid(f"Step {step.name} is bound to the output {published}, which the pipeline does not have.")


def _resolved(
    given: Document, declaration: Document, pipeline: Document, output_of: Callable[[str, str], str]
) -> Document:
    value = str(given.get("value", ""))
    if match := _INPUT.match(value):
        return _as_input(pipeline[match[1]])
    if match := _STEP_OUTPUT.match(value):
        kind = declaration.get("type") or "uri_folder"
        return {"jobInputType": kind, "mode": "ReadOnlyMount", "uri": output_of(match[1], match[2])}
    return given
