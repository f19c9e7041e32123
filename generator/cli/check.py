"""`holster check`: every problem of a spec at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from generator.cli.console import FORMAT, SPEC, check_and_print, count
from generator.errors import InputInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from generator.diagnostics import Style


@click.command("check")
@SPEC
@FORMAT
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
def command(spec: Path, style: Style, *, strict: bool) -> int:
    """Report every problem of SPEC at once, with its place and the fix; write nothing.

    Exit code 0: valid. 1: at least one error (with --strict: or warning).
    """
    checked = check_and_print(spec, style)
    if style == "text":
        warnings = count(len(checked.problems), "warning") if checked.problems else ""
        noted = f" with {warnings}" if warnings else ""
        if warnings and strict:
            raise InputInvalid(f"{spec} has {warnings}, and --strict takes them for errors")
        click.echo(f"{spec} is valid{noted}: cluster {checked.spec.cluster} on {checked.profile.title}")
    return 1 if strict and checked.problems else 0
