"""What commands share: reading specs, printing problems, the colour decision."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from shutil import which
from typing import TYPE_CHECKING, Final

import click

from generator.check import CheckedSpec, check_spec
from generator.cli.terminal import is_colored, print_labelled
from generator.diagnostics import format_problems
from generator.errors import SpecInvalid, UsageInvalid
from generator.platforms.profile import list_platforms

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
BUNDLE = click.option(
    "--secrets",
    "bundle_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Credential bundle.  [default: secrets/<cluster>.yaml]",
)
PLATFORM = click.option(
    "--platform",
    type=click.Choice(list_platforms()),
    help="Take this platform instead of the spec's.",
)
SECRETS = "secrets"
"""The folder of bundles, unless another place is named."""

QUIET = click.option("-q", "--quiet", is_flag=True, help="Print errors and warnings only.")


def count(number: int, word: str) -> str:
    """Return `1 machine`, `2 machines`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def name_program() -> str:
    """Return how this program was called, as the user's shell finds it again."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m generator"
    return called.name if which(called.name) == str(called) else quote(str(called))


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
        print_labelled("warning", text, "yellow")

    def warn_of(self, warnings: Iterable[Problem]) -> None:
        """Print warnings that have no place in the spec, with the fix."""
        for warning in warnings:
            self.warn(f"{warning.message}; {warning.hint}" if warning.hint else warning.message)


MAX_INPUT: Final = 16 << 20
"""Bytes of a file that people write: a spec of a hundred thousand machines has fewer."""


def read_input(path: Path) -> bytes:
    """Return a file's bytes; it may be a pipe.

    Raises:
        UsageInvalid: it is too large to be what was asked for, or has no end, as /dev/zero has none.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_INPUT + 1)
    if len(content) > MAX_INPUT:
        raise UsageInvalid(
            f"cannot read {path}: it is larger than {MAX_INPUT >> 20} MiB", hint="name the file that is meant"
        )
    return content


def read_spec(path: Path) -> bytes:
    """Return the spec's bytes.

    Raises:
        UsageInvalid: there is no such file, or it cannot be read.
    """
    try:
        return read_input(path)
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
    # It ends in a line break already.
    click.echo(text, nl=False, err=style != "json")


def check_and_print(path: Path, style: Style | None = None, platform: str | None = None) -> CheckedSpec:
    """Return the checked spec and print its warnings; print all problems when it is invalid.

    Args:
        path: the spec.
        style: how problems are printed; None is for commands whose subject is another
            one: an invalid spec with excerpts, the warnings of a valid one in a line each.
        platform: takes the place of the spec's.

    Raises:
        UsageInvalid: the file cannot be read, or does not fit the platform.
        SystemExit: the spec is invalid; everything has been printed.
    """
    try:
        checked = check_spec(read_spec(path), str(path), platform)
    except SpecInvalid as invalid:
        print_problems(invalid.problems, source=invalid.source, lines=invalid.lines, style=style or "text")
        raise SystemExit(invalid.exit_code) from None
    print_problems(checked.problems, source=str(path), lines=checked.document.lines, style=style or "short")
    if checked.problems and style is None:
        print_labelled(
            "  hint", f"`{name_program()} check {quote(str(path))}` tells how to mend them", "cyan"
        )
    return checked


def locate_bundle(checked: CheckedSpec, path: Path | None) -> Path:
    """Return the bundle's path: the given one, or the default of the cluster."""
    return path or Path(SECRETS) / f"{checked.spec.cluster}.yaml"
