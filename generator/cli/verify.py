"""`holster verify`: the consuming programs read every file back."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.cli.console import QUIET, ConsoleReporter, count
from generator.cli.environment import open_toolbox
from generator.credentials.store import load_bundle
from generator.verify.report import Verdict
from generator.verify.runner import verify_output

if TYPE_CHECKING:
    from generator.verify.report import VerifyReport


def format_summary(report: VerifyReport) -> str:
    """Return one line per check and tool, and what was skipped for want of a tool."""
    counts: dict[tuple[str, str], Counter[Verdict]] = {}
    for result in report.results:
        counts.setdefault((result.check, result.tool), Counter())[result.verdict] += 1
    width = max((len(check) for check, _ in counts), default=0)
    lines = [
        f"  {check:<{width}}  {tool}: "
        + ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
        for (check, tool), verdicts in counts.items()
    ]
    lines += [
        f"absent: {tool}, {count(number, 'check')} skipped" for tool, number in report.absent_tools.items()
    ]
    return "\n".join(lines)


def list_notes(report: VerifyReport) -> list[str]:
    """Return, one line for each check, what those that passed want to be known.

    Such as the installers that were asked, or a key that a tool does not know yet.
    """
    notes: dict[str, set[str]] = {}
    for result in report.select(Verdict.OK):
        if result.detail:
            notes.setdefault(result.check, set()).add(result.detail)
    return [f"  {check}: {'; '.join(sorted(details))}" for check, details in notes.items()]


@click.command("verify")
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--require-tools", is_flag=True, help="An absent outside tool is an error.")
@click.option(
    "--secrets",
    "bundle_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Credential bundle: its CA key, too, must appear nowhere.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 1,
    show_default="cores",
    help="Checks at once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print every result as JSON.")
@QUIET
def command(  # noqa: PLR0913 -- one parameter per option
    directory: Path,
    bundle_path: Path | None,
    jobs: int,
    *,
    require_tools: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Have every file of DIRECTORY read back by the program that will consume it.

    Absent programs are named, never ignored silently. HOLSTER_TOOLS names a folder
    that is searched before PATH; `make tools` fills one.

    Exit code 0: clean. 1: the bundle is another cluster's. 2: DIRECTORY is no output
    folder. 3: a tool is absent (with --require-tools) or broke. 4: a file was rejected.
    """
    report = verify_output(
        directory,
        tools=open_toolbox(),
        require_tools=require_tools,
        reporter=ConsoleReporter(quiet=quiet or as_json),
        bundle=load_bundle(bundle_path) if bundle_path else None,
        jobs=jobs,
    )
    if as_json:
        click.echo(json.dumps({"results": [result.to_json() for result in report.results]}, indent=2))
    elif not quiet:
        click.echo("\n".join([format_summary(report), *list_notes(report)]))
    error = report.find_error()
    if error:
        raise error
    if not as_json and not quiet:
        readers = "every tool that is here" if report.absent_tools else "every program of docs/verify.md"
        click.echo(f"{directory}: accepted by {readers}")
