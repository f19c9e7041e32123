"""Reading YAML: positions, literal values, and everything that is refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generator.diagnostics import Position
from generator.layout import find_resources
from generator.spec import source
from generator.spec.source import MAX_DEPTH, MAX_PROBLEMS, parse_source
from generator.spec.text import MAX_BYTES

if TYPE_CHECKING:
    from generator.spec.document import SourceDocument

EXAMPLES = sorted((find_resources() / "examples").glob("*.yaml"))


def read(text: str) -> SourceDocument:
    """Return the document of a text."""
    return parse_source(text.encode(), "spec.yaml")


def list_ids(text: str | bytes) -> list[str]:
    """Return the ids of a text's problems."""
    return [
        problem.id for problem in parse_source(text.encode() if isinstance(text, str) else text, "s").problems
    ]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("42", 42),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("True", "True"),
        ("NULL", "NULL"),
        ("0644", "0644"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("1.22", "1.22"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ('"42"', "42"),
        ("'true'", "true"),
        ('""', ""),
        ("9" * 18, int("9" * 18)),
        ("9" * 5000, "9" * 5000),
        ("=", "="),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_values_are_literal(written: str, value: object) -> None:
    """An unquoted MAC is no base-60 number, `no` is not false, a version keeps its zeros."""
    data = read(f"key: {written}").data
    assert data == {"key": value}
    assert type(data["key"]) is type(value)


def test_positions_of_keys_and_values() -> None:
    """Every key and value has its place; blocks are shown by their first key, flows whole."""
    document = read('a: 1\nb:\n  c: "два"\n  d: [x, yy]\ne:\n  - f: 1\n    g:\n')
    assert document.keys == {
        ("a",): Position(1, 1),
        ("b",): Position(2, 1),
        ("b", "c"): Position(3, 3),
        ("b", "d"): Position(4, 3),
        ("e",): Position(5, 1),
        ("e", 0, "f"): Position(6, 5),
        ("e", 0, "g"): Position(7, 5),
    }
    assert document.values == {
        (): Position(1, 1),
        ("a",): Position(1, 4),
        ("b",): Position(3, 3),
        ("b", "c"): Position(3, 6, 5),
        ("b", "d"): Position(4, 6, 7),
        ("b", "d", 0): Position(4, 7),
        ("b", "d", 1): Position(4, 10, 2),
        ("e",): Position(6, 3),
        ("e", 0): Position(6, 5),
        ("e", 0, "f"): Position(6, 8),
        ("e", 0, "g"): Position(7, 5),
    }


def test_unknown_path_takes_its_deepest_known_ancestor() -> None:
    """A missing key is shown at the key of the mapping that lacks it; a missing top key nowhere."""
    document = read("network:\n  prefix: 10.0.0.0/8\nnodes:\n  - {name: a}\n")
    assert document.locate(("network", "gateway")) == Position(1, 1, 7)
    assert document.locate(("nodes", 0, "address")) == Position(4, 5, 9)
    assert document.locate(("network", "prefix"), at_key=True) == Position(2, 3, 6)
    assert document.locate(("vip",)) == Position(1, 1, 0)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_both_parsers_agree(path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libyaml and PyYAML's own parser give the same data and the same positions."""
    text = path.read_bytes()
    first = parse_source(text, "s")
    monkeypatch.setattr(source, "LOADER", yaml.Loader)
    second = parse_source(text, "s")
    assert (first.data, first.keys, first.values) == (second.data, second.keys, second.values)


SYNTAX = [
    "a: [1, 2",
    "a: b: c",
    "a: 'x",
    "a: {b: 1",
    "- a\nb: 1",
    "a:\n  b: 1\n c: 2",
    "a: @x",
    "a: `x`",
    "a\nb: 1",
    "]",
    "%YAML 3.0\n---\na: 1",
    "a: |2x\n b",
    "a: *",
    "a: &",
    "!<x",
    "? a\n: b\n  : c",
    "a: 1\n...\nb: 2",
    '"\\q": 1',
]


@pytest.mark.parametrize("text", SYNTAX)
def test_both_parsers_refuse_bad_syntax(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no YAML is one problem inside the file, whichever parser is there."""
    for loader in (source.LOADER, yaml.Loader):
        monkeypatch.setattr(source, "LOADER", loader)
        document = read(text)
        assert not document.is_usable
        problem = document.problems[-1]
        assert problem.id == "yaml-syntax"
        assert problem.position
        assert problem.position.line <= len(document.lines)
        assert "YAML:" in problem.message


def test_duplicate_keys_are_found() -> None:
    """YAML parsers silently take the last one; here neither value counts."""
    document = read("a: 1\nb: {c: 1, c: 2, c: 3}\na: {x: 1}\n")
    assert [(problem.id, problem.path, problem.position) for problem in document.problems] == [
        ("duplicate-key", ("b", "c"), Position(2, 11)),
        ("duplicate-key", ("b", "c"), Position(2, 17)),
        ("duplicate-key", ("a",), Position(3, 1)),
    ]
    assert document.broken == {("a",), ("b", "c")}
    assert document.is_usable


def test_tab_is_refused_outside_comments() -> None:
    """A tab is one clear problem; in a comment it harms nobody."""
    document = read("a:\n\tb: 1\n\tc: 2\n")
    (problem,) = document.problems
    assert (problem.id, problem.position) == ("tab", Position(2, 1))
    assert "1 more line" in problem.message
    assert list_ids("a: 1 # x\ty\n#\tz\n") == []
    assert list_ids("a: 1\t# x\n") == ["tab"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "empty-file"),
        (b"# x\n", "empty-file"),
        (b"---\n", "empty-file"),
        (b"null\n", "empty-file"),
        (b"- a\n", "not-a-mapping"),
        (b"text\n", "not-a-mapping"),
        (b"5", "not-a-mapping"),
        (b"a: \xd0\xff\n", "not-utf8"),
        ("a: 1".encode("utf-16"), "not-utf8"),
        (b"\xef\xbb\xbfa: 1\n", "byte-order-mark"),
        (b"a: x\x00y\n", "control-character"),
        (b"a: x\x1by\n", "control-character"),
        ("a: x\u2028y\n".encode(), "control-character"),
        ("a: x\x85y\n".encode(), "control-character"),
        (b"a: 1\n---\nb: 2\n", "multiple-documents"),
        (b"1: x\n", "key-not-text"),
        (b"true: x\n", "key-not-text"),
        (b"? [a, {b: c}]\n: x\n", "key-not-text"),
        (b"{a: 1}: x\n", "key-not-text"),
        (b"? \n: x\n", "key-not-text"),
        (b"a: !!int 5\n", "unknown-tag"),
        (b"a: !x [1]\n", "unknown-tag"),
        (b"!!python/object:os.system a: 1\n", "key-not-text"),
        (b"a: &x 1\nb: *x\n", "alias"),
        (b"a: {<<: {b: 1}}\n", "alias"),
    ],
)
def test_refused_text(text: bytes, expected: str) -> None:
    """Each has its own id and a position."""
    problems = parse_source(text, "s").problems
    assert [problem.id for problem in problems] == [expected]
    assert problems[0].position


def test_not_utf8_points_at_the_byte() -> None:
    """Columns count characters, not bytes."""
    (problem,) = parse_source("a: 1\nимя: ".encode() + b"\xff", "s").problems
    assert problem.position == Position(2, 6)


def test_yaml_bomb_by_aliases_is_refused_at_once() -> None:
    """A billion laughs cost one pass over the bytes: aliases are never expanded."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    began = time.perf_counter()
    assert list_ids("\n".join(levels)) == ["alias"]
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "{["])
def test_yaml_bomb_by_depth_is_refused(opening: str) -> None:
    """Hundreds of thousands of levels end at the limit, without recursion."""
    assert list_ids(opening * (400_000 // len(opening)))[-1] in {"too-deep", "key-not-text", "yaml-syntax"}
    assert list_ids("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH) == ["too-deep"]
    assert list_ids("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)) == []


def test_yaml_bomb_by_size_is_refused() -> None:
    """The limit is on bytes, before anything is decoded or parsed."""
    assert list_ids(b"#" * (MAX_BYTES + 1)) == ["file-too-large"]
    assert list_ids(b"a: 1\n" + b"#" * (MAX_BYTES - 5)) == []


def test_many_problems_are_limited() -> None:
    """A file full of tags does not make a report without end."""
    assert len(list_ids("\n".join(f"k{n}: !x 1" for n in range(5000)))) == MAX_PROBLEMS


def test_secrets_are_masked_in_lines() -> None:
    """Lines are for excerpts: passwords, tokens and URL credentials are not in them."""
    document = read(
        "password: hunter2\naccess: {console_password_hash: hunter2, x: 1}\nmy-token: >\n"
        "  hunter2\n  hunter2\n"
        "secrets:\n  a: hunter2\n\n  b: [hunter2]\nurl: http://me:hunter2@example.org/x\n"
        "gossip_key: hunter2\nauthority: {key: hunter2}\n"
        '# encrypt = "hunter2"\n"encrypt": hunter2\n'
        "spaced: http://me:hunter2 hunter2@example.org/x\nslashed: http://me:/hunter2@example.org/x\n"
        "keep: this\n# password: hunter2\n"
    )
    assert "hunter2" not in "\n".join(document.lines)
    assert "keep: this" in document.lines
    assert "example.org" in "\n".join(document.lines)
    assert document.data["secrets"]["a"] == "hunter2"
