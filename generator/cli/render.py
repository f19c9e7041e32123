"""`holster render`: every artefact of every machine."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from generator.check import check_spec
from generator.cli.console import (
    QUIET,
    SECRETS,
    ConsoleReporter,
    check_and_print,
    count,
    locate_bundle,
    name_program,
    read_spec,
)
from generator.cli.signals import leave_to_parent
from generator.cli.terminal import print_failure
from generator.errors import EnvironmentFailed, HolsterError, SpecInvalid, UsageInvalid
from generator.layout import OEMDRV_ISO, SEED_ISO, ClusterOutput
from generator.pipeline import RenderedCluster, run_pipeline
from generator.spec.source import parse_source

if TYPE_CHECKING:
    from collections.abc import Iterator


DEFAULT_ABOVE = Path("output")


@dataclass(frozen=True, slots=True)
class RenderRequest:
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
) -> tuple[RenderRequest, ...]:
    """Return one order for each spec; with several, `output` is the folder above the clusters'.

    Raises:
        UsageInvalid: one bundle, or machines, for several specs.
    """
    if len(specs) == 1:
        return (RenderRequest(specs[0], output, bundle, names=names),)
    if bundle:
        raise UsageInvalid(
            "--secrets names one bundle, but there are several specs",
            hint="leave it out: each cluster's bundle is secrets/<cluster>.yaml",
        )
    if names:
        raise UsageInvalid(
            "--node names machines of one cluster, but there are several specs", hint="render that spec alone"
        )
    return tuple(RenderRequest(spec, above=output or DEFAULT_ABOVE) for spec in specs)


def demand_distinct(orders: tuple[RenderRequest, ...]) -> None:
    """Refuse two specs of one cluster before anything is written: they have one output and one bundle.

    A spec that is not valid is none of this: nothing is written for it, and its own turn says why.

    Raises:
        UsageInvalid: two valid specs name the same cluster.
    """
    owners: dict[str, list[Path]] = {}
    for order in orders:
        with suppress(UsageInvalid):
            cluster = parse_source(read_spec(order.spec), str(order.spec)).data.get("cluster")
            owners.setdefault(str(cluster), []).append(order.spec)
    for cluster, specs in owners.items():
        if len(specs) > 1 and len(valid := [spec for spec in specs if _is_valid(spec)]) > 1:
            raise UsageInvalid(
                f"{valid[0]} and {valid[1]} are both the cluster {cluster}, which has one output; "
                "nothing was written",
                hint="render one of them, or give it another name",
            )


def _is_valid(spec: Path) -> bool:
    try:
        check_spec(read_spec(spec), str(spec))
    except (UsageInvalid, SpecInvalid):
        return False
    return True


def demand_place(output: Path, bundle: Path) -> None:
    """Refuse an output folder that would mix with the secrets, or is no folder of its own.

    Raises:
        UsageInvalid: with the reason.
    """
    folder, secrets_folder = output.resolve(), bundle.parent.resolve()
    if folder == Path(folder.anchor):
        raise UsageInvalid(
            f"--output {output} is the root of the file system; nothing was written",
            hint="name a folder of its own",
        )
    if output.is_symlink():
        raise UsageInvalid(
            f"{output} is not a folder but a link; Holster follows none; nothing was written",
            hint="name the folder itself",
        )
    if folder == secrets_folder or (secrets_folder in folder.parents and bundle.parent.name == SECRETS):
        raise UsageInvalid(
            f"the output {output} would lie among the secrets in {bundle.parent}; nothing was written",
            hint="choose another --output: secrets and output are kept apart",
        )
    if folder in secrets_folder.parents:
        raise UsageInvalid(
            f"the bundle {bundle} would lie in the output {output}; nothing was written",
            hint="choose another --secrets: secrets and output are kept apart",
        )


def render_one(order: RenderRequest) -> RenderedCluster:
    """Check and produce one cluster; prints the spec's problems.

    Raises:
        HolsterError: an expected failure; nothing half-made is left behind.
        SystemExit: the spec is invalid.
    """
    checked = check_and_print(order.spec)
    output = order.output or order.above / checked.spec.cluster
    bundle = locate_bundle(checked, order.bundle)
    demand_place(output, bundle)
    return run_pipeline(
        checked,
        output=output,
        bundle_path=bundle,
        names=order.names,
        now=datetime.now(UTC),
        entropy=secrets.token_bytes,
    )


def attempt_one(order: RenderRequest) -> RenderedCluster | int:
    """Render one cluster of several; a failure is printed, becomes its exit code and stops no other."""
    try:
        return render_one(order)
    except HolsterError as error:
        print_failure(error)
        return error.exit_code
    except SystemExit:
        return SpecInvalid.exit_code


def render_many(orders: tuple[RenderRequest, ...], jobs: int) -> Iterator[RenderedCluster | int]:
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


def format_next_steps(made: RenderedCluster, program: str) -> str:
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


def print_produced(made: RenderedCluster, reporter: ConsoleReporter) -> None:
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
    orders: tuple[RenderRequest, ...], outcomes: Iterator[RenderedCluster | int], reporter: ConsoleReporter
) -> int:
    """Print what became of several clusters as they come; return the exit code of the gravest failure."""
    begin = time.monotonic()
    codes: list[int] = []
    for outcome in outcomes:
        if isinstance(outcome, int):
            codes.append(outcome)
        else:
            print_produced(outcome, reporter)
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
        demand_distinct(orders)
        return print_all(orders, render_many(orders, jobs), reporter)
    made = render_one(orders[0])
    print_produced(made, reporter)
    if made.report.has_changed:
        reporter.step(format_next_steps(made, name_program()))
    return 0
