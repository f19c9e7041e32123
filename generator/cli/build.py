"""`holster build`: the golden image."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.artifacts import Artifacts, load_artifacts
from generator.build.image import BuiltImage, Order, build_golden_image
from generator.build.plan import Base, choose_base
from generator.cli.console import QUIET, SPEC, ConsoleReporter, check_and_print, locate_bundle
from generator.cli.environment import open_toolbox
from generator.credentials.store import load_bundle
from generator.errors import UsageInvalid
from generator.layout import ClusterOutput
from generator.produce import produce_cluster
from generator.verify.output import load_output
from generator.verify.secrets import collect_secrets

if TYPE_CHECKING:
    from generator.check import CheckedSpec


def find_artifacts(named: Path | None, platform: str) -> Artifacts | None:
    """Return the artifacts that were named, else those of `artifacts/<platform>` where there are some.

    Raises:
        ArtifactsInvalid: the folder has no manifest.
    """
    folder = named or Path("artifacts") / platform
    return load_artifacts(folder.resolve()) if named or folder.is_dir() else None


def find_base(
    checked: CheckedSpec, base: Path | None, checksum: str | None, artifacts: Artifacts | None
) -> Base | None:
    """Return the disk to start from, or None when the platform is installed from its ISO.

    Raises:
        UsageInvalid: there is neither.
    """
    image, facts = checked.spec.image, checked.profile
    if base is None and image.base_image and image.base_image.startswith("/"):
        base, checksum = (
            Path(image.base_image),
            checksum or (image.base_checksum or "").removeprefix("sha256:"),
        )
    # Packer and QEMU run in folders of their own.
    found = choose_base(base.resolve() if base else None, checksum, artifacts)
    if found is not None:
        return found
    release = facts.image.isos.get(image.release or facts.image.default_release or "")
    if facts.kickstart is None or (image.iso_url is None and release is None):
        raise UsageInvalid(
            f"there is nothing to build {facts.name} from",
            hint="--base IMAGE names a disk; artifacts/<platform>/base/disk.qcow2 is found by itself",
        )
    if not (image.iso_checksum or (release and release.checksum and not image.iso_url)):
        raise UsageInvalid(
            "the installer's disc has no checksum",
            hint="set image.iso_checksum in the spec (sha256:… or md5:…)",
        )
    return None


def print_built(built: BuiltImage, reporter: ConsoleReporter) -> None:
    """Print what the build did."""
    if not built.is_new:
        reporter.step(f"{built.path}: up to date, nothing built")
        return
    reporter.step(
        f"{built.path}: built in {built.seconds:.0f} s\n"
        f"  sha256  {built.sha256}\n"
        f"  beside it: sbom.cdx.json (what is installed), console.log, packer.log"
    )


@click.command("build")
@SPEC
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
    help="Output folder of the cluster, rendered first.  [default: output/<cluster>]",
)
@click.option(
    "--image",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the image.  [default: output/<cluster>-image]",
)
@click.option(
    "--base",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A ready disk of the same system to start from, instead of the installer.",
)
@click.option("--base-sha256", metavar="HEX", help="The SHA-256 of the disk named by --base.")
@click.option(
    "--artifacts",
    "artifacts_path",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Programs, packages and a base disk; the build then has no network.  "
    "[default: artifacts/<platform>, where it exists]",
)
@click.option(
    "--accelerator",
    type=click.Choice(["auto", "kvm", "tcg"]),
    default="auto",
    show_default=True,
    help="Hardware virtualisation or software emulation; auto tries it out.",
)
@click.option("--force", is_flag=True, help="Build even when the image is up to date.")
@QUIET
def command(  # noqa: PLR0913 -- one parameter per option
    spec: Path,
    bundle_path: Path | None,
    output: Path | None,
    target: Path | None,
    base: Path | None,
    *,
    base_sha256: str | None,
    artifacts_path: Path | None,
    accelerator: str,
    force: bool,
    quiet: bool,
) -> None:
    """Build the golden image of SPEC with Packer and QEMU.

    The image holds every program and no secret; each machine becomes itself by its seed.
    The check at the end of the build runs inside the image and names everything that
    is wrong. HOLSTER_TOOLS names a folder that is searched for Packer and QEMU
    before PATH. docs/image.md says what is needed.
    """
    reporter = ConsoleReporter(quiet=quiet)
    checked = check_and_print(spec)
    cluster, platform = checked.spec.cluster, checked.profile.name
    artifacts = find_artifacts(artifacts_path, platform)
    found = find_base(checked, base, base_sha256, artifacts)
    made = produce_cluster(
        checked,
        output=output or Path("output") / cluster,
        bundle_path=locate_bundle(checked, bundle_path),
        now=datetime.now(UTC),
        entropy=secrets.token_bytes,
    )
    values = collect_secrets(load_output(made.output), load_bundle(made.bundle))
    order = Order(
        recipe=ClusterOutput(made.output).packer,
        target=target or Path("output") / f"{cluster}-image",
        name=f"{cluster}-{platform}.qcow2",
        profile=checked.profile,
        image=checked.spec.image,
        artifacts=artifacts,
        base=found,
        accelerator=accelerator,
        secrets={secret.title: secret.value for secret in values.entries},
    )
    print_built(build_golden_image(order, open_toolbox(), reporter, force=force), reporter)
