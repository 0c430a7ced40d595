"""The hazards of YAML (R-SEC-17): none of them passes, each is told with its cure."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.config.strict_yaml import FILE_BYTES_MAX, PROBLEMS_MAX, parse
from shared.contracts.config.files import ConfigError
from shared.domain.changes.circuits import ConfigProblem
from tests.config.conftest import CIRCUIT, MASTER, POLICIES, ConfigTree


def problems_of(text: str | bytes) -> list[ConfigProblem]:
    """What is wrong with this text; fails when nothing is."""
    with pytest.raises(ConfigError) as caught:
        parse(text.encode() if isinstance(text, str) else text, "config/x.yml")
    return list(caught.value.problems)


def test_plain_values_come_out_as_they_look() -> None:
    """Text, numbers and truth values, with the line each of them stands on."""
    document = parse(b'a: "1.10"\nb: [1, -2.5, true]\nc:\n  d: plain text\n', "config/x.yml")
    assert document.value == {"a": "1.10", "b": [1, -2.5, True], "c": {"d": "plain text"}}
    assert document.origins["c", "d"].line == 4
    assert document.origins["b", 1].text == "-2.5"


CHANGED_BY_YAML = [
    # text, what YAML 1.1 makes of it
    ("NO", "False"),
    ("yes", "True"),
    ("off", "False"),
    ("True", "True"),
    ("010", "8"),
    ("0x1F", "31"),
    ("1_000", "1000"),
    ("12:30:45", "45045"),
    (".5", "0.5"),
    (".inf", "inf"),
    ("1.", "1.0"),
    ("2025-12-09", "datetime.date(2025, 12, 9)"),
]


@pytest.mark.parametrize(("text", "read_as"), CHANGED_BY_YAML)
def test_a_value_yaml_would_change_is_reported(text: str, read_as: str) -> None:
    """The message shows the text, what YAML makes of it, and the quotes that keep it."""
    (problem,) = problems_of(f"first: 1\nsome:\n  - key: {text}\n")
    assert (problem.file, problem.line, problem.field, problem.value) == ("config/x.yml", 3, "some[0].key", text)
    assert problem.reason == f"not what it looks like to YAML: it reads {text} as {read_as}"
    assert f'put it in quotes: "{text}"' in problem.fix


@pytest.mark.parametrize(("text", "read_as"), CHANGED_BY_YAML)
def test_a_quoted_value_is_text(text: str, read_as: str) -> None:
    """The cure works."""
    assert parse(f'key: "{text}"\n'.encode(), "config/x.yml").value == {"key": text}


def test_the_version_number_that_loses_its_zero_is_reported(tree: ConfigTree) -> None:
    """1.10 without quotes is the number 1.1: the field wants text, so it is caught where the meaning is known."""
    tree.edit(CIRCUIT, 'environment_version: "1.5.0"', "environment_version: 1.10")
    problem = tree.only_problem()
    assert (problem.file, problem.field, problem.value) == (
        f"config/{CIRCUIT}",
        "training.environment_version",
        "1.10",
    )
    assert (problem.reason, problem.fix) == ("YAML reads 1.10 as 1.1, and text is wanted", 'put it in quotes: "1.10"')


@pytest.mark.parametrize(("key", "read_as"), [("on", "True"), ("no", "False"), ("1", "1"), ("~", "None")])
def test_a_key_that_is_no_text_is_reported(key: str, read_as: str) -> None:
    """`on:` would be the key True."""
    (problem,) = problems_of(f"{key}: 5\n")
    assert (problem.field, problem.value, problem.line) == (key, key, 1)
    assert problem.reason == f"the key {key} is no text to YAML: it reads {key} as {read_as}"
    assert problem.fix == f'put it in quotes: "{key}"'


@pytest.mark.parametrize("text", ["key:\n", "key: ~\n", "key: null\n"])
def test_an_empty_value_is_reported(text: str) -> None:
    """Nothing in our formats may be nothing."""
    (problem,) = problems_of(text)
    assert (problem.field, problem.reason) == ("key", "no value is given")
    assert problem.fix == "write a value or remove the key"


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    """Nine levels of nine references are 10^8 items when walked; they are refused in milliseconds, unexpanded."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    start_s = time.perf_counter()
    problems = problems_of("\n".join(levels))
    assert time.perf_counter() - start_s < 1
    assert problems[0].reason == "YAML anchors are not allowed"
    assert problems[0].fix == "remove &a0"
    assert any(p.reason == "YAML aliases are not allowed" and p.value == "*a0" for p in problems)


def test_anchors_and_aliases_are_refused_in_a_circuit(tree: ConfigTree) -> None:
    """Also the harmless ones: a file says what it means in full."""
    tree.edit(CIRCUIT, "lstm_units: 16", "lstm_units: &n 16")
    tree.edit(CIRCUIT, "batch_size: 16", "batch_size: *n")
    assert [(p.field, p.value, p.fix) for p in tree.problems()] == [
        ("training.hyperparameters.lstm_units", "&n", "remove &n"),
        ("training.hyperparameters.batch_size", "*n", "write the value out in full"),
    ]


def test_the_merge_key_is_refused() -> None:
    """`<<` copies keys out of sight."""
    (problem,) = problems_of("a: {b: 1}\n<<: {c: 2}\n")
    assert (problem.field, problem.value) == ("<<", "<<")
    assert problem.fix == 'put it in quotes: "<<"'


TAGS = [
    "!!python/object/apply:os.system ['true']",
    "!!python/name:os.system ''",
    "!!str 12",
    "!!binary aGk=",
    "!!set {a}",
    "!!timestamp 2025-12-09",
    "!local x",
    "! x",
]


@pytest.mark.parametrize("value", TAGS)
def test_a_tag_is_refused(value: str) -> None:
    """No tag has a use here, and some of them run code in careless readers."""
    problem = problems_of(f"key: {value}\n")[0]
    assert (problem.field, problem.reason) == ("key", "YAML tags are not allowed")
    assert problem.value
    assert problem.fix == "remove the tag and write the plain value"


def test_a_key_given_twice_is_refused(tree: ConfigTree) -> None:
    """YAML readers keep the last and forget the first."""
    tree.edit(CIRCUIT, "epochs: 3", "epochs: 3\n    epochs: 300")
    problem = tree.only_problem()
    assert (problem.file, problem.field, problem.value) == (
        f"config/{CIRCUIT}",
        "training.hyperparameters.epochs",
        "epochs",
    )
    assert problem.reason == f"the key is already on line {(problem.line or 0) - 1}"
    assert problem.fix == "keep one of the two"


def test_a_list_or_a_mapping_is_no_key() -> None:
    """YAML allows it; nothing here can use it."""
    problem = problems_of("? [a, b]\n: 1\n")[0]
    assert problem.reason == "a key is a list, a mapping or an alias"
    assert problem.fix == "write a word as the key"


@pytest.mark.parametrize("file", [CIRCUIT, MASTER, POLICIES])
def test_a_file_over_256_kib_is_refused_unread(tree: ConfigTree, file: str) -> None:
    """The size is the first thing looked at."""
    text = (tree.root / file).read_bytes()
    tree.write(file, text + b"#" * (FILE_BYTES_MAX - len(text)))
    assert tree.problems() == []
    tree.write(file, text + b"#" * (FILE_BYTES_MAX - len(text) + 1))
    problem = tree.only_problem()
    assert (problem.file, problem.reason) == (f"config/{file}", "the file is larger than 256 KiB")
    assert problem.fix == "split or shorten it"


def test_nesting_without_end_is_refused() -> None:
    """A deep document cannot exhaust the stack."""
    problem = problems_of("[" * 5000 + "]" * 5000)[0]
    assert (problem.reason, problem.fix) == ("nested deeper than 20 levels", "write it flatter")


BROKEN = [
    ("a: [1\n", "not valid YAML", "indentation"),
    ("a: 1\n b: 2\n", "not valid YAML", "indentation"),
    ("a: \x01\n", "not valid YAML", "indentation"),
    ("", "the file is empty", "write the configuration"),
    ("# only a comment\n", "the file is empty", "write the configuration"),
    ("a: 1\n---\nb: 2\n", "a second document in the file", "one document per file"),
    (b"a: \xff\xfe\n", "not UTF-8 text", "save the file as UTF-8"),
]


@pytest.mark.parametrize(("text", "reason", "fix"), BROKEN)
def test_a_file_that_is_no_single_document_is_told(text: str | bytes, reason: str, fix: str) -> None:
    """Broken, empty, double and wrongly encoded files are problems, never tracebacks."""
    problem = problems_of(text)[-1]
    assert problem.file == "config/x.yml"
    assert problem.reason.startswith(reason)
    assert fix in problem.fix


def test_all_hazards_of_a_file_are_told_at_once() -> None:
    """In the order of the file."""
    problems = problems_of("a: NO\nb: !!int 5\nc: 010\na: 1\n")
    assert [(problem.line, problem.field) for problem in problems] == [(1, "a"), (2, "b"), (3, "c"), (4, "a")]


NOT_HELD = [
    "1" + ":59" * 200 + ":59.5",
    "1" + ":59" * 19 + ":1.5",
    "9" * 5_000,
    "-" + "9" * 5_000,
    "0x" + "f" * 5_000,
    "0b" + "1" * 5_000,
    "1" + ":59" * 5_000,
    "9" * 400 + ".5",
    "1.5e+999",
    "0001-01-01 00:00:00 +14:00",
    "9999-12-31 23:59:59 -14:00",
    "2001-12-14 21:59:43.10 -99:99",
    "0b_",
    "0x_",
    "2025-02-30",
]


@pytest.mark.parametrize("text", NOT_HELD, ids=[each[:30] for each in NOT_HELD])
@pytest.mark.parametrize(
    "place", ["a: 1\nb: {}\n", "a: 1\n? {}\n: 1\n", "a: 1\nb: [1, {}]\n"], ids=["value", "key", "item"]
)
def test_a_scalar_that_python_cannot_hold_is_a_mistake_with_its_line(text: str, place: str) -> None:
    problem, *_ = problems_of(place.format(text))

    assert problem.line == 2
    assert "put it in quotes" in problem.fix or "write a plain decimal number" in problem.fix
    assert len(problem.value) <= 60


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('" 1.5.1"', 'a = " 1.5.1"'),
        (r'"1.5.1\n"', r"a = 1.5.1\n"),
        (r'"1.5.1\xa0"', r"a = 1.5.1\xa0"),
        ('"1.5"', "a = 1.5"),
    ],
)
def test_blanks_of_a_value_are_seen_in_a_problem(text: str, seen: str) -> None:
    document = parse(f"a: {text}\n".encode(), "config/x.yml")

    assert seen in str(document.problem(("a",), "wrong", "write another"))


def test_more_mistakes_than_a_person_reads_end_the_reading() -> None:
    problems = problems_of("- NO\n" * 1_000)

    assert len(problems) == PROBLEMS_MAX + 1
    assert (problems[-1].line, problems[-1].reason[:22]) == (PROBLEMS_MAX + 1, "more than 100 mistakes")


EXPENSIVE = {
    "ambiguous items": "- 1:1:1\n",
    "long ambiguous items": f"- {'1:' * 29}1\n",
    "numbers nobody can hold": f"- {'1:' * 5_000}1.5\n",
    "one number": "1" * 1_000,
    "values": "- 1.5\n",
    "keys": "? 1\n",
    "the same key": "a: b\n",
    "brackets": "[[],",
    "tags": "- !!int 1\n",
    "anchors": "- &a 1\n",
    "aliases": "- *a\n",
    "empty values": "a:\n",
    "words": "- word\n",
    "dates": "- 2025-12-09\n",
    "underscores": "- 1_1\n",
}


@pytest.mark.parametrize("part", EXPENSIVE.values(), ids=EXPENSIVE)
def test_no_file_costs_more_than_a_second(part: str) -> None:
    """The processor's time, with room for a slow machine."""
    raw = (part * (FILE_BYTES_MAX // len(part))).encode()
    begun = time.process_time()
    with contextlib.suppress(ConfigError):
        parse(raw, "config/x.yml")

    assert time.process_time() - begun < 3


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_input_gives_a_document_or_problems(noise: str | bytes) -> None:
    """Nothing a file may contain escapes as another exception."""
    raw = noise.encode("utf-8", "surrogatepass") if isinstance(noise, str) else noise
    try:
        found = parse(raw, "config/x.yml").file
    except ConfigError as error:
        found = error.problems[0].file
    assert found == "config/x.yml"
