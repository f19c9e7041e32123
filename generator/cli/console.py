"""What commands share: reading specs, printing problems, the colour decision."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.check import CheckedSpec, check_spec
from generator.diagnostics import format_problems
from generator.errors import SpecInvalid, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from generator.diagnostics import Problem, Style

SPEC = click.argument("spec", type=click.Path(path_type=Path))
FORMAT = click.option(
    "--format",
    "style",
    type=click.Choice(["text", "short", "json"]),
    default="text",
    show_default=True,
    help="How problems are printed: for people, one line each for editors, JSON for programs.",
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="Print errors and warnings only.")


def is_colored() -> bool:
    """Say whether standard error gets colours: a terminal, and NO_COLOR is not set."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


class ConsoleReporter:
    """Plain lines on standard error; nothing but warnings when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def step(self, text: str) -> None:
        """Print the step."""
        if not self._quiet:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """Print the warning, also when quiet."""
        click.secho("warning: ", fg="yellow", nl=False, err=True)
        click.echo(text, err=True)

    def warn_of(self, warnings: Iterable[Problem]) -> None:
        """Print warnings that have no place in the spec, with the fix."""
        for warning in warnings:
            self.warn(f"{warning.message}; {warning.hint}" if warning.hint else warning.message)


def read_spec(path: Path) -> bytes:
    """Return the spec's bytes.

    Raises:
        UsageInvalid: there is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageInvalid(
            f"cannot read the spec {path}: {error.strerror}",
            hint="`holster init FILE` writes one to start from; examples/ holds complete ones",
        ) from None


def print_problems(
    problems: tuple[Problem, ...], *, source: str, lines: tuple[str, ...], style: Style = "text"
) -> None:
    """Print problems: JSON to standard output for programs, the rest to standard error."""
    if not problems and style != "json":
        return
    text = format_problems(problems, source=source, lines=lines, style=style, color=is_colored())
    click.echo(text, err=style != "json")


def check_and_print(path: Path, style: Style = "text") -> CheckedSpec:
    """Return the checked spec and print its warnings; print all problems when it is invalid.

    Raises:
        UsageInvalid: the file cannot be read.
        SystemExit: the spec is invalid; everything has been printed.
    """
    try:
        checked = check_spec(read_spec(path), str(path))
    except SpecInvalid as invalid:
        print_problems(invalid.problems, source=invalid.source, lines=invalid.lines, style=style)
        raise SystemExit(invalid.exit_code) from None
    print_problems(
        tuple(checked.problems), source=str(path), lines=tuple(checked.document.lines), style=style
    )
    return checked
