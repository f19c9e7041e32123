"""How messages reach standard error: colours, escaping, and streams that are gone."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from generator.errors import HolsterError


def is_colored() -> bool:
    """Say whether standard error gets colours: a terminal, and NO_COLOR is not set."""
    # None where the caller closed it.
    return sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def print_labelled(label: str, text: str, color: str) -> None:
    """Print `label: text`; what a file name or a tool could smuggle in is made visible."""
    from generator.diagnostics import escape  # noqa: PLC0415 -- `holster --help` needs no problems

    shown = "\n".join(escape(line) for line in text.split("\n"))
    click.echo(f"{click.style(label, fg=color) if is_colored() else label}: {shown}", err=True)


def print_failure(error: HolsterError) -> None:
    """Print an expected failure and, where it is known, the fix."""
    print_labelled("error", error.message, "red")
    if error.hint:
        print_labelled("  hint", error.hint, "cyan")


def tolerate_encoding() -> None:
    """Let a terminal without UTF-8 show `?` for what it cannot show."""
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="replace")


def drop_output() -> None:
    """Forget what standard output could not take, or the interpreter complains about it at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
