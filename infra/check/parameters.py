"""Compares the parameters that a file is given with those that it declares."""

from typing import Any

from infra.check.evaluate import Evaluator
from infra.check.problem import Place
from infra.check.syntax import Declaration, File
from infra.check.values import Unknown

_KINDS = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}


def checked(tree: File, given: dict[str, Any], evaluator: Evaluator, place: Place) -> None:
    """Says what is missing, unknown, of another type, or out of the limits of its decorators; defaults as well."""
    parameters = {name: each for name, each in tree.declared.items() if each.kind == "param"}
    say = evaluator.report.say
    for name in given.keys() - parameters.keys():
        say(place, f"{evaluator.file} takes no parameter {name}")
    for name, declaration in parameters.items():
        if name in given:
            _one(declaration, given[name], evaluator, place)
        elif declaration.value is None:
            say(place, f"{evaluator.file} needs the parameter {name}")
        else:
            default = evaluator.value(declaration.value)
            _one(declaration, default, evaluator, Place(evaluator.file, declaration.line))


def _one(declaration: Declaration, value: Any, evaluator: Evaluator, place: Place) -> None:
    name, say = declaration.name, evaluator.report.say
    if isinstance(value, Unknown) or value is None or declaration.of is None:  # in a parameter file nothing has a type
        return
    if isinstance(declaration.of, list):
        if value not in declaration.of:
            say(place, f"{name} is {value!r}, one of {', '.join(declaration.of)} is wanted")
        return
    kind, inner = declaration.of.partition("[]")[0], declaration.of.endswith("[]")
    values = value if inner and isinstance(value, list) else [value]
    if kind not in _KINDS:
        say(Place(evaluator.file, declaration.line), f"there is no type {kind}")
        return
    if (inner and not isinstance(value, list)) or not all(
        isinstance(each, (_KINDS[kind], Unknown)) and not (kind == "int" and isinstance(each, bool)) for each in values
    ):
        say(place, f"{name} is {value!r}, {declaration.of} is wanted")
        return
    limits = {word: evaluator.value(arguments[0]) for word, arguments in declaration.decorators.items() if arguments}
    size = value if kind == "int" and not inner else len(value) if isinstance(value, (str, list, dict)) else 0
    for word, lowest in (("minLength", True), ("minValue", True), ("maxLength", False), ("maxValue", False)):
        if word in limits and (size < limits[word] if lowest else size > limits[word]):
            say(place, f"{name} is {value!r}: {word} is {limits[word]}")
    if "allowed" in limits and any(each not in limits["allowed"] for each in values):
        say(place, f"{name} is {value!r}, one of {', '.join(map(str, limits['allowed']))} is wanted")
