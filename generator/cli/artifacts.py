"""`holster artifacts`: the files of a build without a network."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from generator.artifacts.fetch import bring_files, find_missing_wheels
from generator.artifacts.folder import (
    BASE_DISK,
    PACKAGES,
    WHEELS,
    demand_whole,
    load_artifacts,
    sum_artifacts,
)
from generator.artifacts.needs import Needs, list_needs, list_package_commands, list_wheel_command
from generator.cli.console import PLATFORM, QUIET, SPEC, ConsoleReporter, check_and_print, count, name_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.artifacts.fetch import Fetched
    from generator.artifacts.needs import FileNeed

FOLDER = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
TIMEOUT_S = 30.0


def locate_artifacts(folder: Path | None, platform: str) -> Path:
    """Return the folder that was named, else that of the platform."""
    return folder or Path("artifacts") / platform


def describe_need(need: FileNeed) -> str:
    """Return one file on one line: what, which version, from where, and whether its digest is known."""
    words = [need.name, f"version {need.version}" if need.version else "the disk to start from"]
    if need.url:
        words += [need.url, "" if need.sha256 else "(no SHA-256 is known)"]
    return "  ".join(word for word in words if word)


def describe_needs(needs: Needs) -> Iterator[str]:
    """Yield what a folder of artifacts needs, one line each."""
    yield from (describe_need(need) for need in needs.files)
    if needs.has_wheels and not needs.wheels:
        yield f"{WHEELS}/  Patroni {needs.patroni} and all that it needs, for Python {needs.python}"
    for wheel in needs.wheels:
        name, _, digest = wheel.partition(" ")
        yield f"{WHEELS}/  {name}  {digest}"
    yield f"{PACKAGES}/  a flat repository with every package of the image and what it needs"
    if needs.needs_base:
        yield f"{BASE_DISK}  a disk with {needs.title} and cloud-init"
    if needs.disc:
        yield f"the installer's disc  {needs.disc[0]}  ({needs.disc[1]}; image.iso_url may name your copy)"


def list_left(needs: Needs, folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what no download of ours brings, with the commands that do."""
    if needs.has_wheels:
        missing = find_missing_wheels(needs, folder)
        if missing or not (needs.wheels or any((folder / WHEELS).glob("*.whl"))):
            what = count(len(missing), "wheel") if missing else "wheels"
            yield f"{WHEELS}/, {what} of Patroni", (list_wheel_command(needs, folder),)
    if not any((folder / PACKAGES).glob("*.rpm")) and not any((folder / PACKAGES).glob("*.deb")):
        where = f", on a machine with {needs.title}" if needs.family == "rpm" else ""
        disk = f", and {BASE_DISK}" if needs.family == "deb" and needs.needs_base else ""
        yield f"{PACKAGES}/{disk}{where}", list_package_commands(needs, folder)
    elif needs.needs_base and not (folder / BASE_DISK).is_file():
        yield BASE_DISK, list_package_commands(needs, folder)[:1] if needs.family == "deb" else ()


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """Give a function that draws how far downloads are; a terminal gets bars, a log gets nothing."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    is_off = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=is_off) as bars:
        known: dict[str, Any] = {}

        def draw(name: str, here: int, total: int | None) -> None:
            if name not in known:
                # Not markup: a file name may hold brackets.
                known[name] = bars.add_task(name.replace("[", "("), total=total)
            bars.update(known[name], completed=here, total=total)

        yield draw


def describe_fetched(each: Fetched) -> str:
    """Return what became of one file."""
    version = f" {each.need.version}" if each.need.version else ""
    return f"{each.need.name}{version}: {'new' if each.is_new else 'there already'}"


@click.group("artifacts")
def command() -> None:
    """Look after the files of a build without a network.

    A folder of artifacts has programs/ (single files such as consul), packages/ (a
    flat repository), wheels/ (where Patroni comes as Python wheels) and, where the
    system has no installer, base/ (a disk to start from). Its manifest holds the
    SHA-256 of each file.
    """


@command.command("list")
@SPEC
@PLATFORM
def list_command(spec: Path, platform: str | None) -> None:
    """Print what a folder of artifacts needs for SPEC."""
    checked = check_and_print(spec, platform=platform)
    for line in describe_needs(list_needs(checked.spec, checked.profile)):
        click.echo(line)


@command.command("fetch")
@SPEC
@PLATFORM
@click.option(
    "--artifacts",
    "named",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder; made when absent.  [default: artifacts/<platform>]",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1, max=3600),
    default=TIMEOUT_S,
    show_default=True,
    metavar="SECONDS",
    help="How long a server may be silent before the transfer is tried again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@QUIET
def fetch_command(  # noqa: PLR0913 -- one parameter per option
    spec: Path, platform: str | None, named: Path | None, timeout_s: float, *, as_json: bool, quiet: bool
) -> None:
    """Download the pinned programs of SPEC; print the commands for everything else.

    A file appears in programs/ only when its SHA-256, or that of the archive around it,
    is the declared one. What is there already is not downloaded again, and a transfer
    that broke off goes on where it stopped. Proxies come from HTTPS_PROXY and NO_PROXY, the
    authority of a closed network from SSL_CERT_FILE. A file that came another way is taken from
    downloads/ in the folder, under the last part of its address.
    """
    reporter = ConsoleReporter(quiet=quiet)
    checked = check_and_print(spec, platform=platform)
    needs = list_needs(checked.spec, checked.profile)
    folder = locate_artifacts(named, needs.platform)
    with show_progress(quiet=quiet or as_json) as draw:
        brought = bring_files(needs, folder, timeout_s, draw)
    for each in brought.files:
        reporter.step(f"{folder / describe_fetched(each)}")
    left = tuple(list_left(needs, folder))
    if as_json:
        click.echo(json.dumps(describe_result(folder, brought.files, left), indent=2))
    elif left:
        click.echo("\n".join(format_left(folder, left)))
    if brought.failure:
        raise brought.failure


def format_left(folder: Path, left: tuple[tuple[str, tuple[str, ...]], ...]) -> Iterator[str]:
    """Yield the commands for what is still to come, one line each."""
    for what, commands in left:
        yield f"still to come: {what}"
        yield from (f"  {line}" for line in commands)
    yield f"then `{name_program()} artifacts sum {quote(str(folder))}` writes the manifest"


def describe_result(
    folder: Path, fetched: tuple[Fetched, ...], left: tuple[tuple[str, tuple[str, ...]], ...]
) -> dict[str, Any]:
    """Return what a fetch did, for programs."""
    return {
        "folder": str(folder),
        "files": [
            {"name": each.need.name, "version": each.need.version, "sha256": each.sha256, "new": each.is_new}
            for each in fetched
        ],
        "left": [{"what": what, "commands": list(commands)} for what, commands in left],
    }


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
