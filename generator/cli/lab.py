"""`holster lab`: what the lab measures."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from generator.cli.boot import FOLDER, IMAGE, TIMEOUT, locate_image, locate_lab, print_boot
from generator.cli.console import QUIET, SPEC, ConsoleReporter, check_and_print
from generator.cli.environment import open_toolbox
from generator.cli.lab_view import LiveView
from generator.lab.cluster import open_lab
from generator.lab.kept import reserve
from generator.lab.proof import measure_bare_boot, prove_boot
from generator.lab.report import REPORT, format_report, write_report

if TYPE_CHECKING:
    from pathlib import Path


@click.group("lab")
def command() -> None:
    """Measure the cluster in QEMU."""


@command.command("report")
@SPEC
@IMAGE
@FOLDER
@TIMEOUT
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of the table.")
@QUIET
def report(  # noqa: PLR0913 -- one parameter per option
    spec: Path, image: Path | None, folder: Path | None, timeout_s: int, *, as_json: bool, quiet: bool
) -> None:
    """Boot the cluster of SPEC, then the same machines with empty seeds, and compare.

    Writes lab-report.json into the folder of the lab: when each stage of each machine
    began and ended, when it was ready, when the first row was written through the
    virtual address, how long the bare boot took, and the ratio of the two.
    """
    reporter = ConsoleReporter(quiet=quiet)
    checked = check_and_print(spec)
    place = locate_lab(checked, folder)
    with ExitStack() as stack:
        stack.enter_context(reserve(place))
        lab = stack.enter_context(open_lab(checked, locate_image(checked, image), place, open_toolbox()))
        reporter.step(f"{lab.qemu_label}, {lab.accelerator.name} ({lab.accelerator.reason})")
        with LiveView(lab, is_quiet=quiet):
            made = prove_boot(lab, timeout_s)
        reporter.step("the same machines with empty seeds")
        with LiveView(lab, is_quiet=quiet):
            made = made.with_bare_boot(measure_bare_boot(lab, timeout_s))
        write_report(made, place / REPORT)
    if as_json:
        click.echo(format_report(made), nl=False)
        return
    print_boot(made)
    bare = max(node.bare_boot or 0.0 for node in made.nodes)
    click.echo(f"bare boot {bare:.0f} s, ratio {made.ratio}; {place / REPORT}")
