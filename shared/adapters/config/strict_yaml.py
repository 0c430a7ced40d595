"""YAML that means what it looks like: plain values, each with its line and its text in the file.

What the rules answer (R-SEC-17): aliases explode (306 bytes become 10^8 items), and YAML 1.1 reads NO as false, 010 as
eight, 1.10 as 1.1 and the key `on` as true. The document is therefore built from parser events, and anchors, aliases,
tags, repeated keys and every scalar that is not what it looks like are reported, all at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from yaml.resolver import Resolver

from shared.contracts.config.files import ConfigError
from shared.domain.changes.circuits import ConfigProblem
from shared.domain.shown import shown

FILE_BYTES_MAX = 256 * 1024
"""Largest file that is read (R-SEC-17)."""

DEPTH_MAX = 20
"""Deepest nesting of lists and mappings; our own formats have 7 levels."""

PROBLEMS_MAX = 100
"""Mistakes of one file that are told; a person corrects those first, and no file costs more than a second."""

TEXT_CHARS_SHOWN = 60

_PART_CHARS = 100  # of one key, as people are shown it

Path = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same grammar, ten times as fast where libyaml is there
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}([eE][-+][0-9]{1,2})?")
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value stands in the file; the text of a list or mapping is empty."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file's plain value (dict, list, str, int, float, bool) and the origin of each of its parts."""

    file: str
    value: object
    origins: dict[Path, Origin]

    def problem(self, path: Path, reason: str, fix: str) -> ConfigProblem:
        """A mistake at this path, or at the nearest part around it that is in the file."""
        origin = self.origins.get(path)
        near = next((self.origins[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.origins), None)
        return ConfigProblem(
            file=self.file,
            field=dotted(path),
            value=origin.text if origin else "",
            reason=reason,
            fix=fix,
            line=near.line if near else None,
        )


def dotted(path: Path) -> str:
    """A path as people write it: `plants[0].circuits[1].circuit_id`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:_PART_CHARS]}" for part in path)
    return text.removeprefix(".")


def parse(raw: bytes, file: str) -> Document:
    """Read one YAML document; ConfigError lists everything wrong with it, under the name `file`."""
    if len(raw) > FILE_BYTES_MAX:
        reason = f"the file is larger than {FILE_BYTES_MAX // 1024} KiB"
        raise ConfigError([ConfigProblem(file=file, field="", value="", reason=reason, fix="split or shorten it")])
    builder = _Builder(file)
    try:
        value = builder.document(yaml.parse(raw.decode("utf-8"), Loader=_LOADER))
    except UnicodeDecodeError as error:
        raise ConfigError(
            [ConfigProblem(file=file, field="", value="", reason="not UTF-8 text", fix="save the file as UTF-8")]
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError([*builder.problems, _syntax_problem(error, file)]) from error
    if builder.problems:
        raise ConfigError(builder.problems)
    return Document(file, value, builder.origins)


def _syntax_problem(error: yaml.YAMLError, file: str) -> ConfigProblem:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or "a character YAML does not allow"
    return ConfigProblem(
        file=file,
        field="",
        value="",
        reason=f"not valid YAML: {reason}",
        fix="correct the text at or just above this line (indentation, quotes, brackets)",
        line=mark.line + 1 if mark else None,
    )


class _Builder:
    """Turns parser events into plain values and notes every problem on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[ConfigProblem] = []
        self.origins: dict[Path, Origin] = {}
        self._resolver = Resolver()

    def document(self, events: Iterator[yaml.Event]) -> object:
        next(events)  # the start of the stream
        if isinstance(next(events), yaml.StreamEndEvent):
            self._report((), 1, "", "the file is empty", "write the configuration or delete the file")
            return None
        value = self._value(events, next(events), ())
        next(events)  # the end of the document
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._report((), _line(after), "---", "a second document in the file", "keep one document per file")
        return value

    def _value(self, events: Iterator[yaml.Event], event: yaml.Event, path: Path) -> object:
        self._refuse_references(event, path)
        if isinstance(event, yaml.ScalarEvent):
            self.origins[path] = Origin(_line(event), _shown(event.value))
            return self._scalar(event, path)
        self.origins[path] = Origin(_line(event), "")
        if len(path) >= DEPTH_MAX:
            problem = Document(self.file, None, self.origins).problem(
                path, f"nested deeper than {DEPTH_MAX} levels", "write it flatter"
            )
            raise ConfigError([*self.problems, problem])
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        return None  # an alias, already reported

    def _refuse_references(self, event: yaml.Event, path: Path) -> None:
        anchor, tag, line = getattr(event, "anchor", None), getattr(event, "tag", None), _line(event)
        if isinstance(event, yaml.AliasEvent):
            self._report(path, line, f"*{anchor}", "YAML aliases are not allowed", "write the value out in full")
        elif anchor:
            self._report(path, line, f"&{anchor}", "YAML anchors are not allowed", f"remove &{anchor}")
        if tag:
            self._report(path, line, tag, "YAML tags are not allowed", "remove the tag and write the plain value")

    def _sequence(self, events: Iterator[yaml.Event], path: Path) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(events, event, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[yaml.Event], path: Path) -> dict[str, object]:
        mapping: dict[str, object] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._key(events, event, path)
            value_path = (*path, key)
            if key in mapping:
                first = self.origins[value_path].line
                self._report(
                    value_path,
                    _line(event),
                    key,
                    f"the key is already on line {first}",
                    "keep one of the two",
                )
            mapping[key] = self._value(events, next(events), value_path)
        return mapping

    def _key(self, events: Iterator[yaml.Event], event: yaml.Event, path: Path) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._value(events, event, (*path, "?"))
            self._report(path, _line(event), "", "a key is a list, a mapping or an alias", "write a word as the key")
            return "?"
        self._refuse_references(event, (*path, event.value))
        if not event.style and self._kind(event.value) != "str":
            reason = f"the key {event.value} is no text to YAML{_read_as(event.value)}"
            self._report((*path, event.value), _line(event), event.value, reason, _quote(event.value))
        return str(event.value)

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> object:
        text: str = event.value
        kind = "str" if event.style else self._kind(text)
        if kind == "str":
            return text
        if kind == "int" and _INT.fullmatch(text):
            return int(text)
        if kind == "float" and _FLOAT.fullmatch(text):
            return float(text)
        if kind == "bool" and text in ("true", "false"):
            return text == "true"
        self._report_ambiguous(text, kind, path, _line(event))
        return None

    def _report_ambiguous(self, text: str, kind: str, path: Path, line: int) -> None:
        if kind == "null":
            self._report(path, line, text, "no value is given", "write a value or remove the key")
            return
        fixes = {
            "int": f"write a plain decimal number, or {_quote(text)}",
            "float": f"write a plain decimal number such as 0.5, or {_quote(text)}",
            "bool": f"write true or false, or {_quote(text)}",
        }
        reason = f"not what it looks like to YAML{_read_as(text)}"
        self._report(path, line, text, reason, fixes.get(kind, _quote(text)))

    def _kind(self, text: str) -> str:
        tag: str = self._resolver.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        return tag.removeprefix(_TAG)

    def _report(self, path: Path, line: int, value: str, reason: str, fix: str) -> None:
        if len(self.problems) >= PROBLEMS_MAX:
            reason = f"more than {PROBLEMS_MAX} mistakes, and more follow from this line on"
            fix = "correct the others first"
            last = ConfigProblem(file=self.file, field="", value="", reason=reason, fix=fix, line=line)
            raise ConfigError([*self.problems, last])
        self.problems.append(
            ConfigProblem(file=self.file, field=dotted(path), value=_shown(value), reason=reason, fix=fix, line=line)
        )


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _shown(text: str) -> str:
    return shown(text, TEXT_CHARS_SHOWN)


def _quote(text: str) -> str:
    return f'put it in quotes: "{_shown(text)}"'


def _read_as(text: str) -> str:
    """What a YAML 1.1 reader makes of an unquoted scalar; nothing for a long one, and where it makes no value of it."""
    if len(text) > TEXT_CHARS_SHOWN:
        return ""
    try:
        return f": it reads {_shown(text)} as {yaml.safe_load(text)!r}"
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError):
        return ""  # `<<`, `=`, a date that does not exist, a number that Python cannot hold
