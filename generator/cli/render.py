"""`holster render`: every artefact of every machine."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from generator.cli.console import QUIET, ConsoleReporter, check_and_print, count, locate_bundle, name_program
from generator.cli.signals import leave_to_parent
from generator.cli.terminal import print_failure
from generator.errors import EnvironmentFailed, HolsterError, SpecInvalid, UsageInvalid
from generator.layout import OEMDRV_ISO, SEED_ISO, ClusterOutput
from generator.produce import ProducedCluster, produce_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


DEFAULT_ABOVE = Path("output")


@dataclass(frozen=True, slots=True)
class Order:
    """One cluster to render.

    Attributes:
        output, bundle: its folder and its credential bundle, where they were named.
        above: the folder above the cluster's, where `output` was not named.
        names: the machines to render; none means all.
    """

    spec: Path
    output: Path | None = None
    bundle: Path | None = None
    above: Path = DEFAULT_ABOVE
    names: tuple[str, ...] = ()


def plan_orders(
    specs: tuple[Path, ...], output: Path | None, bundle: Path | None, names: tuple[str, ...]
) -> tuple[Order, ...]:
    """Return one order for each spec; with several, `output` is the folder above the clusters'.

    Raises:
        UsageInvalid: one bundle, or machines, for several specs.
    """
    if len(specs) == 1:
        return (Order(specs[0], output, bundle, names=names),)
    if bundle:
        raise UsageInvalid(
            "--secrets names one bundle, but there are several specs",
            hint="leave it out: each cluster's bundle is secrets/<cluster>.yaml",
        )
    if names:
        raise UsageInvalid(
            "--node names machines of one cluster, but there are several specs", hint="render that spec alone"
        )
    return tuple(Order(spec, above=output or DEFAULT_ABOVE) for spec in specs)


def render_one(order: Order) -> ProducedCluster:
    """Check and produce one cluster; prints the spec's problems.

    Raises:
        HolsterError: an expected failure; nothing half-made is left behind.
        SystemExit: the spec is invalid.
    """
    checked = check_and_print(order.spec)
    cluster = checked.spec.cluster
    return produce_cluster(
        checked,
        output=order.output or order.above / cluster,
        bundle_path=locate_bundle(checked, order.bundle),
        names=order.names,
        now=datetime.now(UTC),
        entropy=secrets.token_bytes,
    )


def attempt_one(order: Order) -> ProducedCluster | int:
    """Render one cluster of several; a failure is printed, becomes its exit code and stops no other."""
    try:
        return render_one(order)
    except HolsterError as error:
        print_failure(error)
        return error.exit_code
    except SystemExit:
        return SpecInvalid.exit_code


def render_many(orders: tuple[Order, ...], jobs: int) -> Iterator[ProducedCluster | int]:
    """Yield what became of each order, in their order; several at once when asked.

    Raises:
        EnvironmentFailed: a worker was killed.
    """
    if jobs == 1:
        yield from map(attempt_one, orders)
        return
    # Forked workers share the imports and templates that are already loaded.
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork"), initializer=leave_to_parent) as pool:
        try:
            yield from pool.map(attempt_one, orders, chunksize=max(1, min(16, len(orders) // (4 * jobs))))
        except BrokenProcessPool:
            raise EnvironmentFailed(
                "a process that renders was killed; every output on the disk is whole",
                hint="memory may be short: take fewer --jobs, then render again",
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def format_next_steps(made: ProducedCluster, program: str) -> str:
    """Return what to do after a render, with the paths of this one as a shell takes them."""
    output = ClusterOutput(made.output)
    node = made.nodes[0]
    folder = output.node(node)
    steps = [
        (f"{program} verify {quote(str(made.output))}", "the consuming programs read every file back"),
        (
            quote(str(folder / SEED_ISO)),
            f"for a machine from the golden image: attach it to {node} as a CD-ROM, then start",
        ),
    ]
    if (folder / OEMDRV_ISO).exists():
        steps.append(
            (
                quote(str(folder / OEMDRV_ISO)),
                f"without an image: attach it to {node} beside the installer's disc",
            )
        )
    steps += [
        (quote(str(output.packer)), "makes the golden image"),
        (quote(str(made.bundle)), "keep it safe: it holds every secret, and renders need it again"),
    ]
    width = max(len(left) for left, _ in steps)
    return "next:\n" + "\n".join(f"  {left:<{width}}  {right}" for left, right in steps)


def print_produced(made: ProducedCluster, reporter: ConsoleReporter) -> None:
    """Print what one render did."""
    report = made.report
    reporter.warn_of(made.warnings)
    if made.made_secrets_for:
        reporter.step(f"{made.bundle}: secrets made for {', '.join(made.made_secrets_for)}")
    if not report.has_changed:
        reporter.step(f"{made.output}: up to date, nothing written")
        return
    removed = f", {len(report.removed)} removed" if report.removed else ""
    reporter.step(
        f"{made.output}: {count(len(made.nodes), 'machine')}, {count(len(report.written), 'file')} written, "
        f"{report.unchanged} unchanged{removed}"
    )


def print_all(
    orders: tuple[Order, ...], outcomes: Iterator[ProducedCluster | int], reporter: ConsoleReporter
) -> int:
    """Print what became of several clusters as they come; return the exit code of the gravest failure."""
    begin = time.monotonic()
    codes: list[int] = []
    owners: dict[Path, Path] = {}
    for order, outcome in zip(orders, outcomes, strict=True):
        if isinstance(outcome, int):
            codes.append(outcome)
            continue
        print_produced(outcome, reporter)
        if (owner := owners.setdefault(outcome.output, order.spec)) is not order.spec:
            twice = UsageInvalid(
                f"{owner} and {order.spec} are both the cluster {outcome.cluster}, which has one output",
                hint="render one of them, or give it another name",
            )
            print_failure(twice)
            codes.append(twice.exit_code)
    reporter.step(
        f"{count(len(orders), 'cluster')}, {len(codes) or 'none'} failed ({time.monotonic() - begin:.1f} s)"
    )
    return max(codes, default=0)


@click.command("render")
@click.argument("specs", metavar="SPEC…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Output folder of the cluster; with several specs, the folder above theirs.  "
    "[default: output/<cluster>]",
)
@click.option(
    "--secrets",
    "bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Credential bundle; made when absent.  [default: secrets/<cluster>.yaml]",
)
@click.option("--node", "names", multiple=True, metavar="NAME", help="Render this machine only; repeatable.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Clusters rendered at once."
)
@QUIET
def command(  # noqa: PLR0913 -- one parameter per option
    specs: tuple[Path, ...],
    output: Path | None,
    bundle: Path | None,
    names: tuple[str, ...],
    jobs: int,
    *,
    quiet: bool,
) -> int:
    """Make every artefact of every machine of SPEC.

    Per machine: kickstart, cloud-init user-data with its seed ISO, the payload.
    Per cluster: Packer files of the golden image, the manifest. Needs no outside
    program. Rendering again writes only what has changed; secrets are never made
    anew. Of several specs, one that fails stops no other.
    """
    reporter = ConsoleReporter(quiet=quiet)
    orders = plan_orders(specs, output, bundle, names)
    if len(orders) > 1:
        return print_all(orders, render_many(orders, jobs), reporter)
    made = render_one(orders[0])
    print_produced(made, reporter)
    if made.report.has_changed:
        reporter.step(format_next_steps(made, name_program()))
    return 0
