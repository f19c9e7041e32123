"""`holster build`: the golden image."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.build.image import INSTALLED, MATERIALS, BuildRequest, BuiltImage, build_golden_image
from generator.build.sources import demand_programs, find_artifacts, find_base
from generator.cli.console import PLATFORM, QUIET, SPEC, ConsoleReporter, check_and_print, locate_bundle
from generator.cli.environment import open_toolbox
from generator.credentials.store import load_bundle
from generator.layout import ClusterOutput
from generator.pipeline import run_pipeline
from generator.verify.output import load_output
from generator.verify.secrets import collect_secrets

if TYPE_CHECKING:
    from generator.check import CheckedSpec


def describe_built(built: BuiltImage, platform: str) -> dict[str, Any]:
    """Return what the build did, for programs."""
    folder = built.path.parent
    return {
        "image": str(built.path),
        "sha256": built.sha256,
        "platform": platform,
        "new": built.is_new,
        "seconds": round(built.seconds, 1),
        "sbom": str(folder / MATERIALS),
        "installed": str(folder / INSTALLED),
    }


def print_built(built: BuiltImage, reporter: ConsoleReporter) -> None:
    """Print what the build did."""
    if not built.is_new:
        reporter.step(f"{built.path}: up to date, nothing built")
        return
    reporter.step(
        f"{built.path}: built in {built.seconds:.0f} s\n"
        f"  sha256  {built.sha256}\n"
        f"  beside it: {MATERIALS} and {INSTALLED} (what is installed), console.log, packer.log"
    )


def name_output(checked: CheckedSpec, platform: str | None) -> str:
    """Return the folder's name below `output/`: another platform's files must not replace the spec's own."""
    name = checked.spec.cluster
    return f"{name}-{platform}" if platform and checked.is_ported else name


@click.command("build")
@SPEC
@PLATFORM
@click.option(
    "--secrets",
    "bundle_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Credential bundle; no value of it may be in the image.  [default: secrets/<cluster>.yaml]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Output folder of the cluster, rendered first.  "
    "[default: output/<cluster>, with --platform output/<cluster>-<platform>]",
)
@click.option(
    "--image",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the image.  [default: that of the output with -image]",
)
@click.option(
    "--base",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A ready disk of the same system with cloud-init to start from, instead of the installer "
    "or the disk among the artifacts.",
)
@click.option(
    "--base-sha256", metavar="HEX", help="The SHA-256 of the disk named by --base; demanded with it."
)
@click.option(
    "--artifacts",
    "artifacts_path",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Programs, wheels, packages and a base disk; with packages the machine that is built has no "
    "network.  [default: artifacts/<platform>, where it exists]",
)
@click.option(
    "--accelerator",
    type=click.Choice(["auto", "kvm", "tcg"]),
    default="auto",
    show_default=True,
    help="Hardware virtualisation or software emulation; auto tries it out.",
)
@click.option("--force", is_flag=True, help="Build even when the image is up to date.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@QUIET
def command(  # noqa: PLR0913 -- one parameter per option
    *,
    spec: Path,
    platform: str | None,
    bundle_path: Path | None,
    output: Path | None,
    target: Path | None,
    base: Path | None,
    base_sha256: str | None,
    artifacts_path: Path | None,
    accelerator: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Build the golden image of SPEC with Packer and QEMU.

    The image holds every program and no secret; each machine becomes itself by its seed.
    --platform builds it for another system than the spec's, with that one's packages and
    paths; what is rendered for it gets a folder of its own. The check at the end of the
    build runs inside the image and names everything that is wrong. HOLSTER_TOOLS names a
    folder that is searched for Packer and QEMU before PATH. docs/image.md says what is
    needed.
    """
    reporter = ConsoleReporter(quiet=quiet)
    checked = check_and_print(spec, platform=platform)
    name, facts = name_output(checked, platform), checked.profile
    artifacts = find_artifacts(artifacts_path, facts.name)
    found = find_base(checked, base, base_sha256, artifacts)
    demand_programs(checked, artifacts, found)
    made = run_pipeline(
        checked,
        output=output or Path("output") / name,
        bundle_path=locate_bundle(checked, bundle_path),
        now=datetime.now(UTC),
        entropy=secrets.token_bytes,
    )
    values = collect_secrets(load_output(made.output), load_bundle(made.bundle))
    order = BuildRequest(
        recipe=ClusterOutput(made.output).packer,
        target=target or Path("output") / f"{name}-image",
        name=f"{checked.spec.cluster}-{facts.name}.qcow2",
        profile=facts,
        image=checked.spec.image,
        artifacts=artifacts,
        base=found,
        accelerator=accelerator,
        secrets={secret.title: secret.value for secret in values.entries},
    )
    built = build_golden_image(order, open_toolbox(), reporter, force=force)
    print_built(built, reporter)
    if as_json:
        click.echo(json.dumps(describe_built(built, facts.name), indent=2))
