"""Positions and problems: what is wrong, where, and how to mend it.

In: problems found while a spec is read.  Out: text for people, lines for
editors, JSON for programs.  Never prints and never raises.

Everything that comes from the file is escaped: a spec cannot send control
sequences to the terminal that shows its errors.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SpecPath = tuple[str | int, ...]
"""Where a value stands in the spec: ("groups", "pg", "nodes", 0, "address")."""


class Severity(StrEnum):
    """Errors stop the run; warnings are shown and the run goes on."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A run of characters in the spec; line and column count from 1, length 0 shows nothing."""

    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about the spec.

    Attributes:
        id: stable identifier, listed in docs/errors.md.
        message: the rule that is broken, with the values concerned.
        severity: error or warning.
        path: where in the spec.
        at_key: the finding concerns the key itself, not its value.
        position: filled in by the loader; None only for findings without a file.
        hint: the fix, where it is known.
        related: the other value that the message names; its line is added to the message.
    """

    id: str
    message: str
    severity: Severity = Severity.ERROR
    path: SpecPath = ()
    at_key: bool = False
    position: Position | None = None
    hint: str | None = None
    related: SpecPath | None = None


Style = Literal["text", "short", "json"]

TAB = "    "
MAX_WIDTH = 110
"""Columns of an excerpt; longer lines are cut around the caret."""
LEAD = 40
MAX_PROBLEMS = 50
"""Problems shown as text; the summary counts all of them."""

RESET = "\x1b[0m"
COLORS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}
DIM = "\x1b[2m"
BOLD = "\x1b[1m"


def format_problems(
    problems: Sequence[Problem],
    *,
    source: str,
    lines: Sequence[str],
    style: Style = "text",
    color: bool = False,
) -> str:
    """Return the problems in the order given, ending in a newline; empty for none in text styles.

    Args:
        problems: with positions; those without stand for the whole file.
        source: the file's name.
        lines: the file's lines, secrets already masked.
        style: `text` with excerpts, `short` one line each, `json` one object.
        color: use ANSI colours in the text style.
    """
    if style == "json":
        return _format_json(problems, source)
    if not problems:
        return ""
    if style == "short":
        return "".join(f"{_format_short(problem, source)}\n" for problem in problems)
    shown = [_format_text(problem, source, lines, _Paint(color)) for problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        shown.append(f"… and {len(problems) - MAX_PROBLEMS} more problems\n")
    return "\n".join([*shown, f"{summarize(problems, source)}\n"])


def summarize(problems: Sequence[Problem], source: str) -> str:
    """Return `2 errors, 1 warning in FILE; nothing was written`."""
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors
    counts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    end = "; nothing was written" if errors else ""
    return f"{', '.join(counts) or 'no problems'} in {escape(source)}{end}"


def format_path(path: SpecPath) -> str:
    """Return `groups.pg.nodes[1].address`; keys that are no plain words are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("_", "").replace("-", "").isalnum():
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return text


def escape(text: str) -> str:
    """Return `text` with everything that a terminal would obey or hide made visible."""
    return "".join(_escape_character(character) for character in text)


def _escape_character(character: str) -> str:
    if character == "\t":
        return TAB
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 -- what two digits hold


def measure(text: str) -> int:
    """Return the columns that escaped `text` takes on a terminal."""
    return sum(_measure_character(character) for character in text)


def _measure_character(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _format_short(problem: Problem, source: str) -> str:
    position = problem.position or Position(1, 1)
    place = f"{escape(source)}:{position.line}:{position.column}"
    return f"{place}: {problem.severity}[{problem.id}]: {escape(problem.message)}"


def _format_json(problems: Sequence[Problem], source: str) -> str:
    entries = []
    for problem in problems:
        position = problem.position or Position(1, 1)
        entries.append(
            {
                "id": problem.id,
                "severity": problem.severity.value,
                "message": problem.message,
                "hint": problem.hint,
                "path": format_path(problem.path),
                "file": source,
                "line": position.line,
                "column": position.column,
                "length": position.length,
            }
        )
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    summary = {"file": source, "errors": errors, "warnings": len(problems) - errors, "problems": entries}
    return json.dumps(summary, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class _Paint:
    """Puts ANSI codes around text, or nothing."""

    is_active: bool

    def __call__(self, text: str, code: str) -> str:
        return f"{code}{text}{RESET}" if self.is_active else text


def _format_text(problem: Problem, source: str, lines: Sequence[str], paint: _Paint) -> str:
    tint = COLORS[problem.severity]
    head = f"{paint(f'{problem.severity}[{problem.id}]', tint)}: {paint(escape(problem.message), BOLD)}"
    position = problem.position or Position(1, 1)
    margin = " " * len(str(position.line))
    path = f" ({escape(format_path(problem.path))})" if problem.path else ""
    place = f"{escape(source)}:{position.line}:{position.column}{path}"
    rows = [head, f"{margin} {paint('-->', DIM)} {place}"]
    rows += _format_excerpt(position, lines, paint, tint)
    if problem.hint:
        rows.append(f"{margin} {paint('=', DIM)} hint: {escape(problem.hint)}")
    return "".join(f"{row.rstrip()}\n" for row in rows)


def _format_excerpt(position: Position, lines: Sequence[str], paint: _Paint, tint: str) -> Iterator[str]:
    if not position.length or not 0 < position.line <= len(lines):
        return
    margin = len(str(position.line))
    line = lines[position.line - 1]
    start = position.column - 1
    # Cut by characters, before escaping: no escape is torn.
    cut = max(0, start - LEAD) if len(line) > MAX_WIDTH else 0
    before, marked = escape(line[cut:start]), escape(line[start : start + position.length])
    after = escape(line[start + position.length : cut + MAX_WIDTH])
    if position.line > 1 and lines[position.line - 2].strip() and not cut:
        context = escape(lines[position.line - 2][:MAX_WIDTH])
        yield f"{paint(f'{position.line - 1:>{margin}} |', DIM)} {context}"
    mark = "…" if cut else ""
    rest = "…" if cut + MAX_WIDTH < len(line) else ""
    room = max(1, min(measure(marked), MAX_WIDTH))
    yield f"{paint(f'{position.line} |', DIM)} {mark}{before}{marked[:MAX_WIDTH]}{after}{rest}"
    indent = " " * measure(mark + before)
    yield f"{' ' * margin} {paint('|', DIM)} {indent}{paint('^' * room, tint)}"
