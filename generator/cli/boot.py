"""`holster boot`: the cluster in QEMU, from the golden image and its seeds."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

from generator.cli.console import QUIET, SPEC, ConsoleReporter, check_and_print, count, name_program
from generator.cli.environment import open_toolbox
from generator.cli.lab_view import LiveView, tabulate_boot
from generator.errors import HolsterError, UsageInvalid
from generator.lab.cluster import Lab, open_lab
from generator.lab.kept import forget_kept, reserve, save_kept, stop_kept
from generator.lab.network import LOOPBACK
from generator.lab.proof import prove_boot
from generator.lab.report import REPORT, LabReport, format_report, write_report

if TYPE_CHECKING:
    from generator.check import CheckedSpec

WIDE: Final = 200
IMAGE = click.option(
    "--image",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the golden image.  [default: output/<cluster>-image]",
)
FOLDER = click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the lab: disks, consoles, keys.  [default: output/<cluster>-lab]",
)
TIMEOUT = click.option(
    "--timeout",
    "timeout_s",
    type=click.IntRange(min=1),
    default=1800,
    show_default=True,
    metavar="SECONDS",
    help="How long the machines may take to be ready.",
)


def locate_lab(checked: CheckedSpec, folder: Path | None) -> Path:
    """Return the lab's folder: the given one, or the default of the cluster."""
    return folder or Path("output") / f"{checked.spec.cluster}-lab"


def locate_image(checked: CheckedSpec, image: Path | None) -> Path:
    """Return the image's folder: the given one, or the default of the cluster."""
    return image or Path("output") / f"{checked.spec.cluster}-image"


def format_ways_in(lab: Lab, spec: Path, folder: Path, *, is_default: bool) -> str:
    """Return the commands that lead to a lab that goes on, and the one that ends it."""
    site = lab.site
    ports = site.cluster.spec.ports
    shell = f"ssh -F none -i {quote(str(site.key))} -o StrictHostKeyChecking=accept-new"
    steps = []
    for name, node in site.nodes.items():
        known = quote(str(site.machine_folder(name) / "known_hosts"))
        port = site.forwards[str(node.address), ports.ssh].host_port
        way = f"{shell} -o UserKnownHostsFile={known} -o HostKeyAlias={name} -p {port}"
        steps.append(f"  {name}: {way} {site.cluster.spec.access.user}@{LOOPBACK}")
    if lab.vip is not None:
        _, port = lab.endpoint(lab.vip, ports.postgresql)
        steps.append(f"  {lab.vip}:{ports.postgresql} is {LOOPBACK}:{port} here; roles are made by `psql` as")
        steps.append(f"  {site.cluster.platform.users.postgres} on the machine that leads")
    option = "" if is_default else f" -o {quote(str(folder))}"
    steps.append(f"  {name_program()} boot {quote(str(spec))}{option} --stop  ends it")
    return "the machines go on:\n" + "\n".join(steps)


def print_boot(report: LabReport) -> None:
    """Print the table of a boot to standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    console.print(tabulate_boot(report))
    if report.first_row is not None:
        console.print(
            f"first row written and read through {report.vip} after {report.first_row:.0f} s", soft_wrap=True
        )


def stop_lab(folder: Path, reporter: ConsoleReporter) -> None:
    """End a lab that was kept.

    Raises:
        UsageInvalid: there is none.
    """
    ended = stop_kept(folder)
    if not ended:
        raise UsageInvalid(f"no lab runs in {folder}")
    reporter.step(f"ended: {', '.join(ended)}; the disks stay in {folder}")


@click.command("boot")
@SPEC
@IMAGE
@FOLDER
@click.option("--node", "names", multiple=True, metavar="NAME", help="Boot this machine only; repeatable.")
@click.option("--keep", is_flag=True, help="Leave the machines running and say how to get in.")
@click.option("--stop", is_flag=True, help="End the machines that an earlier --keep left running.")
@TIMEOUT
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of the table.")
@QUIET
def command(  # noqa: PLR0913 -- one parameter per option
    spec: Path,
    image: Path | None,
    folder: Path | None,
    names: tuple[str, ...],
    *,
    keep: bool,
    stop: bool,
    timeout_s: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Boot the cluster of SPEC in QEMU: a copy of the golden image and its seed for each machine.

    Every machine comes up by its first boot alone; then a row is written through the
    virtual address and read back. The machines reach each other and nothing else. They
    end with the command, unless --keep is given. The lab has keys and secrets of its own.
    """
    reporter = ConsoleReporter(quiet=quiet)
    checked = check_and_print(spec)
    place = locate_lab(checked, folder)
    if stop:
        stop_lab(place, reporter)
        return
    with ExitStack() as stack:
        stack.enter_context(reserve(place))
        reporter.step(f"preparing {count(len(names), 'machine') if names else 'all machines'} in {place}")
        lab = open_lab(
            checked, locate_image(checked, image), place, open_toolbox(), names=names, outlives=keep
        )
        end = stack.enter_context(ExitStack())
        end.callback(forget_kept, place)
        end.callback(lab.close)
        reporter.step(f"{lab.qemu_label}, {lab.accelerator.name} ({lab.accelerator.reason})")
        try:
            with LiveView(lab, is_quiet=quiet):
                if keep:
                    _start_kept(lab, place)
                report = prove_boot(lab, timeout_s)
        except HolsterError:
            if keep and any(machine.is_on for machine in lab.nodes.values()):
                # To be looked at; an interruption ends everything.
                end.pop_all()
                _let_go(lab, place)
                reporter.warn(format_ways_in(lab, spec, place, is_default=folder is None))
            raise
        write_report(report, place / REPORT)
        if keep:
            end.pop_all()
            _let_go(lab, place)
    if as_json:
        click.echo(format_report(report), nl=False)
    else:
        print_boot(report)
    if keep:
        reporter.step(format_ways_in(lab, spec, place, is_default=folder is None))


def _start_kept(lab: Lab, folder: Path) -> None:
    """Power the machines on, and write each down at once: they outlive us from here on.

    Whatever ends us, even without a chance to end them, `--stop` finds them.
    """
    for name in lab.nodes:
        lab.start(name)
        save_kept(folder, lab.pids, lab.site.sockets)


def _let_go(lab: Lab, folder: Path) -> None:
    save_kept(folder, lab.release(), lab.site.sockets)
