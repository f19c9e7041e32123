"""How problems look: excerpts, carets, styles, and nothing a terminal would obey."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from generator.check import check_spec
from generator.diagnostics import (
    MAX_PROBLEMS,
    Position,
    Problem,
    Severity,
    escape,
    format_path,
    format_problems,
    measure,
    summarize,
)
from generator.errors import SpecInvalid

FOLDER = Path(__file__).parent.parent / "diagnostics"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def explain(name: str) -> tuple[tuple[Problem, ...], str]:
    """Return the problems of a broken spec and their text."""
    source = f"{name}.yaml"
    try:
        checked = check_spec((FOLDER / source).read_bytes(), source)
    except SpecInvalid as invalid:
        problems, lines = invalid.problems, invalid.lines
    else:
        problems, lines = checked.problems, checked.document.lines
    return problems, format_problems(problems, source=source, lines=lines)


@pytest.mark.parametrize("name", CASES)
def test_broken_spec_is_explained_exactly(name: str, *, update_golden: bool) -> None:
    """Each id has a broken spec and the text that a user sees."""
    problems, text = explain(name)
    golden = FOLDER / f"{name}.txt"
    if update_golden:
        golden.write_text(text, "utf-8")
    assert name in {problem.id for problem in problems}
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize("name", CASES)
def test_no_message_or_excerpt_shows_a_password(name: str) -> None:
    """Passwords that people write by mistake are masked wherever they stand."""
    _, text = explain(name)
    assert "hunter2" not in text


def show(line: str, column: int, length: int, *, previous: str = "") -> list[str]:
    """Return the excerpt rows of a problem on `line`."""
    problem = Problem("sample", "message", position=Position(2, column, length))
    return format_problems([problem], source="s.yaml", lines=[previous, line]).splitlines()[2:-2]


def test_caret_stands_under_cyrillic() -> None:
    """Cyrillic letters take one column each."""
    assert show("имя: узел", 6, 4) == ["2 | имя: узел", "  |      ^^^^"]


def test_caret_stands_under_wide_characters() -> None:
    """Wide characters take two columns, before the caret and under it."""
    assert show("名: 节点", 4, 2) == ["2 | 名: 节点", "  |     ^^^^"]


def test_caret_ignores_combining_marks() -> None:
    """A combining mark takes no column."""
    assert show("и\u0306: x", 5, 1) == ["2 | и\u0306: x", "  |    ^"]


def test_tab_is_shown_as_spaces() -> None:
    """A tab before the caret is shown as four columns, whatever the terminal's tab stops."""
    assert show("\tkey: x", 7, 1) == ["2 |     key: x", "  |          ^"]


def test_terminal_injection_is_escaped() -> None:
    """Control sequences and direction marks from the file never reach the terminal."""
    assert show("a: \x1b[31m\u202ex", 4, 5) == ["2 | a: \\x1b[31m\\u202ex", "  |    ^^^^^^^^"]
    problem = Problem("sample", "bad \x1b[2J", hint="\x07", position=Position(1, 1))
    for style in ("text", "short", "json"):
        text = format_problems([problem], source="\x1b.yaml", lines=["x"], style=style)
        assert "\x1b" not in text
        assert "\x07" not in text


def test_long_line_is_cut_around_the_caret() -> None:
    """A line of a megabyte does not fill the screen."""
    rows = show("x" * 500_000 + "HERE" + "y" * 500_000, 500_001, 4)
    assert all(measure(row) < 130 for row in rows)
    text, carets = rows
    start = carets.index("^")
    assert text[start : start + 4] == "HERE"


def test_long_token_has_no_endless_caret() -> None:
    """A token longer than the excerpt is underlined as far as it is shown."""
    text, carets = show("k: " + "x" * 1000, 4, 1000)
    assert len(carets) <= len(text)


def test_problem_without_a_place_has_no_excerpt() -> None:
    """What is missing altogether points at the file, not at an innocent line."""
    problem = Problem("missing-key", "the key 'vip' is missing", path=("vip",), position=Position(1, 1, 0))
    text = format_problems([problem], source="s.yaml", lines=["holster: 1"])
    assert text == snapshot("""\
error[missing-key]: the key 'vip' is missing
  --> s.yaml:1:1 (vip)

1 error in s.yaml; nothing was written
""")


def test_styles() -> None:
    """One line each for editors, one object for programs, the path in both readable."""
    path = ("groups", "a b", "nodes", 0, "mac")
    problem = Problem(
        "duplicate-mac", "used", Severity.WARNING, path, position=Position(3, 5, 2), hint="other"
    )
    assert format_problems([problem], source="s.yaml", lines=[], style="short") == snapshot("""\
s.yaml:3:5: warning[duplicate-mac]: used
""")
    assert json.loads(format_problems([problem], source="s.yaml", lines=[], style="json")) == snapshot(
        {
            "file": "s.yaml",
            "errors": 0,
            "warnings": 1,
            "problems": [
                {
                    "id": "duplicate-mac",
                    "severity": "warning",
                    "message": "used",
                    "hint": "other",
                    "path": 'groups["a b"].nodes[0].mac',
                    "file": "s.yaml",
                    "line": 3,
                    "column": 5,
                    "length": 2,
                }
            ],
        }
    )


def test_no_problems_are_no_text_but_a_json_object() -> None:
    """Programs always get an object."""
    assert format_problems([], source="s.yaml", lines=[]) == ""
    assert json.loads(format_problems([], source="s.yaml", lines=[], style="json"))["problems"] == []


def test_color_is_only_where_it_is_asked_for() -> None:
    """Without colour there is no escape character at all; with it the words are the same."""
    problem = Problem("sample", "message", position=Position(1, 1), hint="hint")
    plain = format_problems([problem], source="s.yaml", lines=["x: 1"])
    colored = format_problems([problem], source="s.yaml", lines=["x: 1"], color=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31merror[sample]\x1b[0m" in colored
    for code in ("\x1b[1;31m", "\x1b[0m", "\x1b[1m", "\x1b[2m"):
        colored = colored.replace(code, "")
    assert colored == plain


def test_very_many_problems_are_counted_not_listed() -> None:
    """The summary counts all, the text shows the first ones."""
    problems = [Problem("sample", str(number), position=Position(1, 1)) for number in range(MAX_PROBLEMS + 7)]
    text = format_problems(problems, source="s.yaml", lines=["x"])
    assert "… and 7 more problems" in text
    assert text.count("error[sample]") == MAX_PROBLEMS
    assert "57 errors in s.yaml" in text


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ((Severity.ERROR,), "1 error in f; nothing was written"),
        ((Severity.ERROR, Severity.ERROR, Severity.WARNING), "2 errors, 1 warning in f; nothing was written"),
        ((Severity.WARNING,), "1 warning in f"),
        ((), "no problems in f"),
    ],
)
def test_summary(severities: tuple[Severity, ...], expected: str) -> None:
    """Singular, plural, and whether something was written."""
    assert summarize([Problem("x", "y", severity) for severity in severities], "f") == expected


def test_path_and_escape() -> None:
    """Odd keys are quoted, everything invisible becomes visible."""
    assert format_path(("a", 0, "b.c")) == 'a[0]["b.c"]'
    assert escape("\x00\u2028é\t") == "\\x00\\u2028é    "
