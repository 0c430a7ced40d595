"""Turns what pydantic found wrong with a configuration file into problems that say what to write instead."""

from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from shared.adapters.config.strict_yaml import Document, Path
from shared.domain.changes.circuits import ConfigProblem


def problems_of(error: ValidationError, model: type[BaseModel], document: Document) -> list[ConfigProblem]:
    """One problem per mistake, in the order of the file's fields."""
    return [_problem(each, model, document) for each in error.errors(include_url=False)]


def _problem(error: ErrorDetails, model: type[BaseModel], document: Document) -> ConfigProblem:
    path: Path = error["loc"]
    description, parent = _described(model, path)
    text = document.origins[path].text if path in document.origins else ""
    kind, given = error["type"], error["input"]
    reason = error["msg"][:1].lower() + error["msg"][1:]
    if kind == "missing":
        return document.problem(path, "the key is missing", f"add {path[-1]}: {description}")
    if kind == "extra_forbidden":
        return document.problem(path, "unknown key", _known_key(str(path[-1]), parent))
    if kind == "string_type" and isinstance(given, int | float):
        reason = f"YAML reads {text} as {given!r}, and text is wanted"
        return document.problem(path, reason, f'put it in quotes: "{text}"')
    if kind in ("int_type", "float_type", "literal_error") and isinstance(given, str):
        reason = "this is text to YAML, and a number is wanted" if kind != "literal_error" else reason
        return document.problem(path, reason, f"write, without quotes and as a plain decimal: {description}")
    return document.problem(path, reason, f"write {description}" if description else "correct the values it names")


def _known_key(key: str, parent: type[BaseModel] | None) -> str:
    known = list(parent.model_fields) if parent else []
    close = get_close_matches(key, known, n=1)
    if close:
        return f"write {close[0]} if that is meant, or remove it"
    return f"remove it; known here: {', '.join(known)}"


def _described(model: type[BaseModel], path: Path) -> tuple[str, type[BaseModel] | None]:
    """The description of the field at the path, and the model that holds the field."""
    here: Any = model
    parent: type[BaseModel] | None = None
    description = ""
    for part in path:
        if isinstance(part, int):
            here = get_args(here)[0]
            notes = [each for each in get_args(here)[1:] if isinstance(each, FieldInfo)]
            description = next((note.description for note in notes if note.description), description)
        elif (parent := _model_in(here)) and part in parent.model_fields:
            info = parent.model_fields[part]
            here, description = info.annotation, info.description or _keys(info.annotation)
        else:
            return "", parent
    return description, parent


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model an annotation stands for, also when it is optional."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _keys(annotation: Any) -> str:
    inner = _model_in(annotation)
    return f"a section with the keys {', '.join(inner.model_fields)}" if inner else ""
