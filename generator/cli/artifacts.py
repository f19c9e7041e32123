"""`holster artifacts`: the files of a build without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.artifacts import (
    BASE_DISK,
    PACKAGES,
    PROGRAMS,
    demand_whole,
    load_artifacts,
    sum_artifacts,
)
from generator.cli.console import SPEC, check_and_print
from generator.spec.model import ComponentSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.check import CheckedSpec

FOLDER = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))


def list_needs(checked: CheckedSpec) -> Iterator[str]:
    """Yield what a folder of artifacts needs for this spec, one line each."""
    spec, facts = checked.spec, checked.profile
    for name, ours, default in (
        ("consul", spec.components.consul, facts.consul),
        ("vip-manager", spec.components.vip_manager, facts.vip_manager),
    ):
        merged = ComponentSpec.model_validate(default.model_dump() | ours.model_dump(exclude_none=True))
        if merged.source == "artifact":
            origin = f"  {merged.url}" if merged.url else ""
            yield f"{PROGRAMS}/{name}  version {merged.version}{origin}"
    yield f"{PACKAGES}/  a flat repository with every package of the image and what it needs"
    if facts.kickstart is None:
        yield f"{BASE_DISK}  a disk with {facts.title} and cloud-init"


@click.group("artifacts")
def command() -> None:
    """Look after the files of a build without a network.

    A folder of artifacts has programs/ (single files such as consul), packages/ (a
    flat repository) and, where the system has no installer, base/ (a disk to start
    from). Its manifest holds the SHA-256 of each file.
    """


@command.command("list")
@SPEC
def list_command(spec: Path) -> None:
    """Print what a folder of artifacts needs for SPEC."""
    for line in list_needs(check_and_print(spec)):
        click.echo(line)


@command.command("sum")
@FOLDER
def sum_command(folder: Path) -> None:
    """Write the manifest of what FOLDER holds now."""
    made = sum_artifacts(folder)
    click.echo(f"{folder / 'manifest.json'}: {len(made.sums)} files")


@command.command("check")
@FOLDER
def check_command(folder: Path) -> None:
    """Compare FOLDER with its manifest; name every difference."""
    artifacts = load_artifacts(folder)
    demand_whole(artifacts)
    click.echo(f"{folder}: {len(artifacts.sums)} files, all as the manifest says")
