"""What holds for every spec: valid ones are accepted, broken ones never give a traceback."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.check import check_spec
from generator.diagnostics import Severity, format_problems
from generator.errors import SpecInvalid
from generator.layout import find_resources
from generator.spec.source import parse_source
from generator.spec.text import split_lines
from tests.properties.strategies import as_yaml, valid_specs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.diagnostics import Problem

EXAMPLES = sorted((find_resources() / "examples").glob("*.yaml"))
JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**17,
    "",
    " ",
    "x" * 300,
    "10.77.0.11",
    "0.0.0.0/0",
    "../../etc",
    "a\nb",
    "${x}",
    "{{ y }}",
    "%pre",
    "'",
    '"',
    "\\",
    "ф",
    "\u202e",
    [],
    [[]],
    {},
    {"a": {"b": 1}},
    [None],
    {"": ""},
    "/dev/sda",
    "12GiB",
)


def collect(text: bytes) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Return the problems and the excerpt lines of a spec; anything but SpecInvalid fails the test."""
    try:
        checked = check_spec(text, "spec.yaml")
    except SpecInvalid as caught:
        invalid = caught
    else:
        assert all(problem.severity is Severity.WARNING for problem in checked.problems)
        return checked.problems, checked.document.lines
    assert any(problem.severity is Severity.ERROR for problem in invalid.problems)
    return invalid.problems, invalid.lines


def assert_explained(text: bytes) -> None:
    """Every problem lies inside the file and can be shown in each style."""
    problems, shown = collect(text)
    lines = split_lines(text.decode("utf-8", errors="replace"))
    for problem in problems:
        position = problem.position
        assert position is not None
        if problem.id != "file-too-large":
            assert 1 <= position.line <= len(lines)
            assert 1 <= position.column <= len(lines[position.line - 1]) + 1
        assert problem.message
    for style in ("text", "short", "json"):
        assert "\x1b" not in format_problems(problems, source="spec.yaml", lines=shown, style=style)
    assert list(problems) == sorted(problems, key=lambda each: (each.position.line, each.position.column))  # type: ignore[union-attr]


def list_places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Yield container and key of every value."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        yield data, key
        yield from list_places(value)


def drop(container: Any, key: Any, _: Any) -> None:
    """Remove a value."""
    del container[key]


def replace(container: Any, key: Any, junk: Any) -> None:
    """Put junk in place of a value."""
    container[key] = junk


def add(container: Any, _: Any, junk: Any) -> None:
    """Add junk beside a value."""
    if isinstance(container, list):
        container.append(junk)
    else:
        container[f"new-{junk}"[:40]] = junk


def rename(container: Any, key: Any, _: Any) -> None:
    """Misspell a key."""
    if isinstance(container, dict):
        container[f"{key}x"] = container.pop(key)


def double(container: Any, key: Any, _: Any) -> None:
    """Repeat a list item."""
    if isinstance(container, list):
        container.append(copy.deepcopy(container[key]))


MUTATIONS: tuple[Callable[[Any, Any, Any], None], ...] = (drop, replace, add, rename, double)


@given(valid_specs())
@settings(max_examples=60)
def test_every_generated_valid_spec_is_accepted(data: dict[str, Any]) -> None:
    """The strategy that other property tests build on yields valid specs only."""
    checked = check_spec(as_yaml(data), "spec.yaml")
    assert checked.spec.cluster == data["cluster"]
    assert checked.profile.name == data["platform"]


@given(data=valid_specs(), picks=st.data())
@settings(max_examples=150)
def test_mutated_spec_never_gives_a_traceback(data: dict[str, Any], picks: st.DataObject) -> None:
    """Values dropped, replaced, added, repeated, keys misspelled: SpecInvalid or success."""
    for _ in range(picks.draw(st.integers(1, 5))):
        places = list(list_places(data))
        if not places:
            break
        container, key = picks.draw(st.sampled_from(places))
        picks.draw(st.sampled_from(MUTATIONS))(
            container, key, copy.deepcopy(picks.draw(st.sampled_from(JUNK)))
        )
    assert_explained(as_yaml(data))


@given(example=st.sampled_from(EXAMPLES), picks=st.data())
@settings(max_examples=150)
def test_damaged_bytes_never_give_a_traceback(example: Any, picks: st.DataObject) -> None:
    """Bytes inserted, removed, the file cut anywhere: SpecInvalid or success."""
    text = bytearray(example.read_bytes())
    for _ in range(picks.draw(st.integers(1, 4))):
        at = picks.draw(st.integers(0, len(text)))
        text[at : at + picks.draw(st.integers(0, 20))] = picks.draw(
            st.binary(max_size=8)
            | st.sampled_from(
                [b"\t", b"\r", b"&a ", b"*a", b"!!x ", b"---\n", b"{", b"[", b": ", b'"', b"- "]
            )
        )
    if picks.draw(st.booleans()):
        del text[picks.draw(st.integers(0, len(text))) :]
    assert_explained(bytes(text))


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_any_bytes_never_give_a_traceback(text: bytes) -> None:
    """Files that are no specs at all."""
    assert_explained(text)


@given(st.text(alphabet="ab:-[]{}\"'|>&*!#%@?, \n\t\r0é\u2028", max_size=60))
@settings(max_examples=300)
def test_any_yaml_like_text_never_gives_a_traceback(text: str) -> None:
    """Everything that YAML gives a meaning to, in any order."""
    assert_explained(text.encode())


@given(valid_specs())
@settings(max_examples=30)
def test_reading_keeps_every_value(data: dict[str, Any]) -> None:
    """What is read is what was written: no value changes its type on the way."""
    assert parse_source(as_yaml(data), "spec.yaml").data == data


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_cut_anywhere_never_give_a_traceback(path: Any) -> None:
    """An example cut after each line."""
    lines = path.read_bytes().splitlines(keepends=True)
    for count in range(len(lines)):
        assert_explained(b"".join(lines[:count]))


@given(data=valid_specs(), picks=st.data())
@settings(max_examples=150)
def test_one_value_of_a_wrong_type_gives_one_problem(data: dict[str, Any], picks: st.DataObject) -> None:
    """Nothing is reported but the value itself: rules declare truthfully what they read."""
    before = {(problem.id, problem.path) for problem in collect(as_yaml(data))[0]}
    places = list(list_paths(data, ()))
    path = picks.draw(st.sampled_from(places))
    container = data
    for key in path[:-1]:
        container = container[key]
    container[path[-1]] = [[]] if isinstance(container[path[-1]], dict) else {"x": 1}
    problems, _ = collect(as_yaml(data))
    errors = {problem.path[: len(path)] for problem in problems if problem.severity is Severity.ERROR}
    assert errors == {path}
    warnings = {(each.id, each.path) for each in problems if each.severity is Severity.WARNING}
    assert warnings <= before


def list_paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from list_paths(inner, (*path, key))
