"""ASP.NET route templates: matching, constraints, optional and catch-all parameters, and which route wins.

Rules: docs/azure-facts.md#http-of-the-functions-host. A constraint that is not listed here is an error at load,
because a route that silently matches more than in Azure is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

Check = Callable[[str], bool]

_PART = re.compile(r"\{\{|\}\}|\{(?P<param>(?:[^{}]|\{\{|\}\})+)\}|(?P<literal>[^{}]+)")
_PARAM = re.compile(r"(?P<stars>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[A-Za-z]+(?:\(.*?\))?)*)(?P<optional>\?)?")
_CONSTRAINT = re.compile(r":(?P<name>[A-Za-z]+)(?:\((?P<args>.*?)\))?(?=:|$)")
_GUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.I)

# ASP.NET orders routes by how specific each segment is; the smaller digit wins.
_LITERAL, _CONSTRAINED, _PARAMETER, _CONSTRAINED_REST, _REST = 1, 2, 3, 4, 5


@dataclass(frozen=True, kw_only=True)
class RouteTemplate:
    """A compiled template. `precedence` sorts routes: the smallest tuple is tried first."""

    text: str
    pattern: re.Pattern[str]
    checks: tuple[tuple[str, Check], ...]
    precedence: tuple[int, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Route parameters of `path`, without the optional ones it leaves out; None if it does not match."""
        found = self.pattern.fullmatch(path.strip("/"))
        if not found:
            return None
        values = {name: value for name, value in found.groupdict().items() if value}
        if all(check(values[name]) for name, check in self.checks if name in values):
            return values
        return None


def compile_route(template: str) -> RouteTemplate:
    """Compile a template like `releases/{id:guid}/{tail?}`. Raises ValueError naming what is not supported."""
    pattern, checks, precedence = "", [], []
    for segment in _segments(template):
        expression, segment_checks, optional, rank = _compile_segment(segment, template)
        separator = "/" if pattern else ""
        pattern += f"(?:{separator}{expression})?" if optional else f"{separator}{expression}"
        checks += segment_checks
        precedence.append(rank)
    return RouteTemplate(
        text=template,
        pattern=re.compile(pattern, re.IGNORECASE),
        checks=tuple(checks),
        precedence=tuple(precedence),
    )


def _segments(template: str) -> list[str]:
    """Split at slashes outside braces (a regex constraint may hold one)."""
    segments, depth, current = [], 0, ""
    for character in template.strip("/"):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "/" and depth == 0:
            segments.append(current)
            current = ""
        else:
            current += character
    return [segment for segment in (*segments, current) if segment]


def _compile_segment(segment: str, template: str) -> tuple[str, list[tuple[str, Check]], bool, int]:
    expression, checks, optional, rank, position = "", [], False, _LITERAL, 0
    for part in _PART.finditer(segment):
        if part.start() != position:
            break
        position = part.end()
        if part["param"] is None:
            expression += re.escape(part["literal"] or part[0][0])
            continue
        parameter = _PARAM.fullmatch(part["param"])
        if not parameter:
            raise ValueError(f"route '{template}': parameter '{{{part['param']}}}' is not supported by the local host")
        found = _checks(parameter["constraints"], template)
        rest = bool(parameter["stars"])
        optional = optional or rest or bool(parameter["optional"])
        checks += [(parameter["name"], check) for check in found]
        expression += f"(?P<{parameter['name']}>{'.*' if rest else '[^/]+'})"
        if rest:
            rank = _CONSTRAINED_REST if found else _REST
        else:
            rank = _CONSTRAINED if found or part[0] != segment else _PARAMETER
    if position != len(segment):
        raise ValueError(f"route '{template}': cannot read segment '{segment}'")
    return expression, checks, optional, rank


def _checks(constraints: str, template: str) -> list[Check]:
    checks = []
    for constraint in _CONSTRAINT.finditer(constraints):
        name, args = constraint["name"].lower(), constraint["args"]
        if args is None and name in _SIMPLE:
            checks.append(_SIMPLE[name])
        elif args is not None and name in _WITH_ARGS:
            checks.append(_WITH_ARGS[name](args.replace("{{", "{").replace("}}", "}")))
        else:
            raise ValueError(f"route '{template}': constraint '{constraint[0][1:]}' is not supported by the local host")
    return checks


def _integer(bits: int) -> Check:
    limit = 2 ** (bits - 1)
    return lambda value: bool(re.fullmatch(r"[+-]?\d+", value)) and -limit <= int(value) < limit


def _number(value: str) -> bool:
    return bool(re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", value, re.I))


def _datetime(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _length(args: str) -> Check:
    least, _, most = args.partition(",")
    return lambda value: int(least) <= len(value) <= int(most or least)


def _whole(value: str) -> bool:
    return _integer(64)(value)


def _range(args: str) -> Check:
    least, _, most = args.partition(",")
    return lambda value: _whole(value) and int(least) <= int(value) <= int(most)


_SIMPLE: dict[str, Check] = {
    "int": _integer(32),
    "long": _integer(64),
    "bool": lambda value: value.lower() in ("true", "false"),
    "alpha": lambda value: bool(re.fullmatch(r"[A-Za-z]*", value)),
    "guid": lambda value: bool(_GUID.fullmatch(value)),
    "decimal": _number,
    "double": _number,
    "float": _number,
    "datetime": _datetime,
    "required": bool,
}
_WITH_ARGS: dict[str, Callable[[str], Check]] = {
    "length": _length,
    "minlength": lambda args: lambda value: len(value) >= int(args),
    "maxlength": lambda args: lambda value: len(value) <= int(args),
    "min": lambda args: lambda value: _whole(value) and int(value) >= int(args),
    "max": lambda args: lambda value: _whole(value) and int(value) <= int(args),
    "range": _range,
    "regex": lambda args: lambda value: bool(re.search(args, value, re.IGNORECASE)),
}
