"""A notebook file (`.ipynb`, format 4) as checked parts: its cells, their outputs, and its metadata.

The file is foreign text. Sizes are looked at before anything else is, and each field that is read has its form checked
here, so that readers need not. Fields that nobody reads may be anything. Messages count cells and outputs from 1, name
the field, and say what to do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import InvalidRequest
from shared.domain.evidence.matrix import NOTEBOOK_BYTES_MAX

CELLS_MAX = 500
OUTPUTS_MAX = 1_000
OUTPUT_CHARS_MAX = 1_000_000
"""Of one cell, pictures included."""

COUNT_MAX = 1_000_000
"""Largest number of a run; a kernel counts from 1."""

_FORMAT = 4
_TEXTS = ("text/", "image/", "audio/", "video/")
_AGAIN = "run all cells again in Jupyter and save it"
_UPLOAD = "upload the .ipynb file that Jupyter saved"


@dataclass(frozen=True, slots=True)
class Output:
    """What a cell showed: an error, a stream (`name` and `text`), or `data` by media type.

    Texts that Jupyter saved as lists of lines are joined. `node` is the output as it is in the file.
    """

    node: Mapping[str, Any]
    is_error: bool = False
    name: str = ""
    text: str = ""
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """`number` counts from 1; `execution_count` is None for what did not run, and for texts."""

    number: int
    is_code: bool
    source: str
    metadata: Mapping[str, Any]
    execution_count: int | None
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Notebook:
    """The cells in their order, and what the file says of itself."""

    cells: tuple[Cell, ...]
    metadata: Mapping[str, Any]


def parse_notebook(raw: bytes) -> Notebook:
    """The parts of one `.ipynb` file. Raises InvalidRequest, which says what is wrong with a file that is none."""
    if len(raw) > NOTEBOOK_BYTES_MAX:
        raise _refused(
            f"the file is larger than {NOTEBOOK_BYTES_MAX // 1024**2} MiB", "clear pictures and long outputs"
        )
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except ValueError as error:
        raise _refused("it is not JSON in UTF-8", _UPLOAD) from error
    except RecursionError as error:
        raise _refused("it is nested too deeply", _UPLOAD) from error
    if not isinstance(content, dict) or "nbformat" not in content:
        raise _refused("it has no nbformat", _UPLOAD)
    major, minor = content["nbformat"], content.get("nbformat_minor")
    if type(major) is not int or major != _FORMAT:
        raise _refused(
            f"its format is not {_FORMAT} (nbformat {_shown(major)})", "open it in a current Jupyter and save it"
        )
    if type(minor) is not int or minor < 0:
        raise _refused("nbformat_minor is no whole number", "open it in a current Jupyter and save it")
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise _refused("it has no list of cells", _UPLOAD)
    if len(cells) > CELLS_MAX:
        raise _refused(f"it has more than {CELLS_MAX} cells", "keep what shows the six required contents")
    return Notebook(
        cells=tuple(_cell(number, node) for number, node in enumerate(cells, start=1)),
        metadata=_object(content, "metadata", "the notebook"),
    )


def _cell(number: int, node: object) -> Cell:
    where = f"cell {number}"
    if not isinstance(node, dict):
        raise _refused(f"{where} is {_kind(node)}, not an object", _AGAIN)
    kind = _field(node, "cell_type", where)
    if kind not in ("code", "markdown", "raw"):
        raise _refused(f"cell_type of {where} is {_shown(kind)}, not code, markdown or raw", _AGAIN)
    is_code = kind == "code"
    return Cell(
        number=number,
        is_code=is_code,
        source=_text(_field(node, "source", where), f"source of {where}"),
        metadata=_object(node, "metadata", where),
        execution_count=_count(node, where) if is_code else None,
        outputs=_outputs(node, where) if is_code else (),
    )


def _count(node: Mapping[str, Any], where: str) -> int | None:
    count = _field(node, "execution_count", where)
    if count is None:
        return None
    if type(count) is not int or count < 0:
        raise _refused(f"execution_count of {where} is {_shown(count)}, not a count", _AGAIN)
    if count > COUNT_MAX:
        raise _refused(f"execution_count of {where} is one that no kernel reaches", _AGAIN)
    return count


def _outputs(node: Mapping[str, Any], where: str) -> tuple[Output, ...]:
    outputs = _field(node, "outputs", where)
    if not isinstance(outputs, list):
        raise _refused(f"outputs of {where} is {_kind(outputs)}, not a list", _AGAIN)
    if len(outputs) > OUTPUTS_MAX or sum(map(_size, outputs)) > OUTPUT_CHARS_MAX:
        limits = f"{OUTPUTS_MAX} outputs or {OUTPUT_CHARS_MAX} characters of output"
        raise _refused(f"{where} has more than {limits}", "print less there and run it again")
    return tuple(_output(output, f"output {n} of {where}") for n, output in enumerate(outputs, start=1))


def _size(output: object) -> int:
    return len(json.dumps(output, ensure_ascii=False))


def _output(node: object, where: str) -> Output:
    if not isinstance(node, dict):
        raise _refused(f"{where} is {_kind(node)}, not an object", _AGAIN)
    kind = _field(node, "output_type", where)
    if kind == "stream":
        name = _field(node, "name", where)
        text = _text(_field(node, "text", where), f"text of {where}")
        return Output(node, name=_text(name, f"name of {where}"), text=text)
    if kind == "error":
        for key in ("ename", "evalue", "traceback"):
            _text(_field(node, key, where), f"{key} of {where}")
        return Output(node, is_error=True)
    if kind not in ("display_data", "execute_result"):
        raise _refused(f"output_type of {where} is {_shown(kind)}, which format {_FORMAT} does not have", _AGAIN)
    data = _object(node, "data", where)
    return Output(node, data={media: _content(media, shown, where) for media, shown in data.items()})


def _content(media: str, shown: object, where: str) -> object:
    """Texts and pictures (as base64) are text; JSON and the types of vendors may be anything."""
    return _text(shown, f'data["{_shown(media)}"] of {where}') if media.startswith(_TEXTS) else shown


def _field(node: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in node:
        raise _refused(f"{where} has no {key}", _AGAIN)
    return node[key]


def _object(node: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    found = _field(node, key, where)
    if not isinstance(found, dict):
        raise _refused(f"{key} of {where} is {_kind(found)}, not an object", _AGAIN)
    return found


def _text(value: object, where: str) -> str:
    """Jupyter saves longer texts as lists of lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    raise _refused(f"{where} is {_kind(value)}, not text", _AGAIN)


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", dict: "an object"}
    return "null" if value is None else kinds.get(type(value), "a list of other things than text")


def _shown(value: object) -> str:
    text = str(value)[:40] if isinstance(value, (str, int, float)) else _kind(value)
    return "".join(c if c.isprintable() else " " for c in text)


def _refused(reason: str, fix: str) -> InvalidRequest:
    return InvalidRequest(f"the notebook cannot be read: {reason}; {fix}")
