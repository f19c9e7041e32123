"""`holster render`: every artefact of every machine."""

from __future__ import annotations

import secrets
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.cli.console import QUIET, ConsoleReporter, check_and_print
from generator.errors import UsageInvalid
from generator.produce import ProducedCluster, produce_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Places:
    """Where one cluster's output and bundle live."""

    spec: Path
    output: Path | None
    bundle: Path | None


def plan_places(specs: tuple[Path, ...], output: Path | None, bundle: Path | None) -> tuple[Places, ...]:
    """Return the places of each spec; with several, `output` is the folder above the clusters'.

    Raises:
        UsageInvalid: one bundle for several specs.
    """
    if len(specs) == 1:
        return (Places(specs[0], output, bundle),)
    if bundle:
        raise UsageInvalid(
            "--secrets names one bundle, but there are several specs",
            hint="leave it out: each cluster's bundle is secrets/<cluster>.yaml",
        )
    return tuple(Places(spec, None, None) for spec in specs)


def render_one(places: Places, names: tuple[str, ...], above: Path | None) -> ProducedCluster:
    """Check and produce one cluster; prints the spec's problems.

    Raises:
        HolsterError: an expected failure; nothing half-made is left behind.
        SystemExit: the spec is invalid.
    """
    checked = check_and_print(places.spec)
    cluster = checked.spec.cluster
    output = places.output or (above or Path("output")) / cluster
    bundle = places.bundle or Path("secrets") / f"{cluster}.yaml"
    return produce_cluster(
        checked,
        output=output,
        bundle_path=bundle,
        names=names,
        now=datetime.now(UTC),
        entropy=secrets.token_bytes,
    )


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent, which ends its workers; the writer leaves nothing half-made."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def render_many(
    plan: tuple[Places, ...], names: tuple[str, ...], above: Path | None, jobs: int
) -> Iterator[ProducedCluster]:
    """Yield the produced clusters in the order of the plan, several at once when asked."""
    work = partial(render_one, names=names, above=above)
    if jobs == 1 or len(plan) == 1:
        yield from map(work, plan)
        return
    # Forked workers share the imports and templates that are already loaded.
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork"), initializer=ignore_interrupts) as pool:
        try:
            yield from pool.map(work, plan, chunksize=max(1, min(16, len(plan) // (4 * jobs))))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def format_next_steps(made: ProducedCluster) -> str:
    """Return what to do after a render, with the paths of this one."""
    node = made.nodes[0]
    return (
        "next:\n"
        f"  holster verify {made.output}        the consuming programs read every file back\n"
        f"  {made.output}/nodes/{node}/seed.iso  attach to the machine {node} as a CD-ROM, then start it\n"
        f"  {made.output}/packer/               the golden image: packer init . && packer build .\n"
        f"  {made.bundle}  keep it safe: it holds every secret, and renders need it again"
    )


def print_produced(made: ProducedCluster, seconds: float, reporter: ConsoleReporter) -> None:
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
        f"{made.output}: {len(made.nodes)} machines, {len(report.written)} files written, "
        f"{report.unchanged} unchanged{removed} ({seconds:.1f} s)"
    )


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
) -> None:
    """Make every artefact of every machine of SPEC.

    Per machine: kickstart, cloud-init user-data with its seed ISO, the payload.
    Per cluster: Packer files of the golden image, the manifest. Needs no outside
    program. Rendering again writes only what has changed; secrets are never made
    anew.
    """
    reporter = ConsoleReporter(quiet=quiet)
    plan = plan_places(specs, output, bundle)
    start = time.monotonic()
    made = None
    for made in render_many(plan, names, output if len(specs) > 1 else None, jobs):
        print_produced(made, time.monotonic() - start, reporter)
    if made and len(plan) == 1 and made.report.has_changed:
        reporter.step(format_next_steps(made))
