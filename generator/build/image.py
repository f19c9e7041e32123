"""Build one golden image: prepare, run Packer, examine the disk, put the result in place.

In: the rendered recipe and what it needs.  Out: a folder with the image, its digest, its
bill of materials and the logs.  Everything is made in a private folder beside the
result, which goes away again: a build that fails leaves the old image and its logs.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.artifacts.folder import demand_whole, digest_file
from generator.build.examine import judge_disk
from generator.build.explain import explain_failure
from generator.build.inventory import describe_materials, format_manifest, parse_inventory
from generator.build.plan import (
    DISC_LABEL,
    Base,
    BuildPaths,
    choose_surroundings,
    digest_inputs,
    list_variables,
)
from generator.errors import EnvironmentFailed, OutputRejected, ToolFailed
from generator.tools import programs
from generator.tools.debugfs import extract, holds_file_system, list_folder
from generator.tools.disc import find_disc_maker, pack_disc
from generator.tools.packer import Message, build_image, copy_for, needs_plugins, prepare_plugins
from generator.tools.process import DEFAULT_PATH
from generator.tools.qemu import SOFTWARE_CPU, Accelerator, convert_to_raw, probe_accelerator
from generator.tools.ssh_keygen import make_key_pair
from generator.whole_file import replace_file

if TYPE_CHECKING:
    from generator.artifacts.folder import Artifacts
    from generator.platforms.profile import PlatformProfile
    from generator.progress import Reporter
    from generator.spec.model import ImageSpec
    from generator.tools.toolbox import ToolBox

RECORD = "build.json"
MATERIALS, INSTALLED = "sbom.cdx.json", "installed.tsv"
CONSOLE, LOG = "console.log", "packer.log"
CACHE = ".packer-cache"


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What to build, from what, where to.

    Attributes:
        recipe: the rendered folder `packer/`.
        target: the folder of the result.
        name: the image's file name.
        profile, image: the facts of the platform, the spec's section `image`.
        artifacts: programs and packages for a build without a network; None builds from repositories.
        base: the disk to start from; None installs from the ISO.
        accelerator: "kvm", "tcg", or "auto" for a probe.
        secrets: title -> value; none of these may stand anywhere in the image.
    """

    recipe: Path
    target: Path
    name: str
    profile: PlatformProfile
    image: ImageSpec
    artifacts: Artifacts | None
    base: Base | None
    accelerator: str
    secrets: dict[str, str]


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """The result: the image, its digest, and whether it was built now."""

    path: Path
    sha256: str
    is_new: bool
    seconds: float


def build_golden_image(
    order: BuildRequest, tools: ToolBox, reporter: Reporter, *, force: bool = False
) -> BuiltImage:
    """Build the image, unless the one that is there was made from the same inputs.

    Raises:
        InputInvalid: the artifacts are not what their manifest says.
        ToolMissing, ToolFailed: an outside program is missing or the build failed, with the cause.
        OutputRejected: the disk holds what no image may.
    """
    began = time.monotonic()
    inputs = digest_inputs(order.recipe, order.artifacts, order.base)
    known = None if force else find_current(order, inputs)
    if known is not None:
        return known
    order.target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".work.", dir=order.target) as folder:
        places = BuildPaths(Path(folder).resolve())
        messages = _run_packer(order, places, tools, reporter)
        reporter.step("examining the disk from outside")
        record = _examine(order, places, tools) | {"inputs": inputs, "messages": len(messages)}
        _put_in_place(order, places, record)
    return BuiltImage(
        order.target / order.name, record["sha256"], is_new=True, seconds=time.monotonic() - began
    )


def find_current(order: BuildRequest, inputs: str) -> BuiltImage | None:
    """Return the image that is there, if it is whole and made from these inputs."""
    path = order.target / order.name
    try:
        record = json.loads((order.target / RECORD).read_text("utf-8"))
        if record["inputs"] == inputs and digest_file(path) == record["sha256"]:
            return BuiltImage(path, record["sha256"], is_new=False, seconds=0.0)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass  # none, or not of ours: it is built
    return None


def _run_packer(order: BuildRequest, places: BuildPaths, tools: ToolBox, reporter: Reporter) -> list[Message]:
    packer, qemu = tools.find(programs.PACKER), tools.find(programs.QEMU)
    tools.find(programs.QEMU_IMG)
    find_disc_maker(tools)  # Packer packs the key of the build with it
    if order.base is not None and order.base.kernel is not None:
        tools.find(programs.DEBUGFS)  # to examine the disk: a build is too long to miss it at its end
    _prepare(order, places, tools, reporter)
    copy_for(packer, order.recipe, places.packer)
    accelerator = _choose_accelerator(order, places, tools)
    reporter.step(f"{qemu.label}, {accelerator.name} ({accelerator.reason})")
    around = choose_surroundings(order.base, order.artifacts)
    variables = list_variables(places, order.image, accelerator, around) | {"image_name": order.name}
    places.variables.write_text(json.dumps(variables), "utf-8")
    plugins = tools.plugins if needs_plugins(packer) else None
    prepare_plugins(packer, places.packer, places.scratch, plugins, tools.network)
    messages: list[Message] = []
    began = time.monotonic()

    def hear(message: Message) -> None:
        messages.append(message)
        if message.kind == "say":
            reporter.step(f"[{time.monotonic() - began:4.0f} s] {message.text.splitlines()[0]}")

    try:
        answer = build_image(
            packer,
            places.packer,
            places.scratch,
            # Gigabytes: the next build, after this one may have failed, need not fetch them again.
            cache=order.target / CACHE,
            source="qemu.iso" if order.base is None else "qemu.base",
            variables=places.variables,
            plugins=plugins,
            network=tools.network,
            log=places.log,
            search_path=os.pathsep.join([*(str(folder) for folder in tools.folders), DEFAULT_PATH]),
            on_message=hear,
        )
    finally:
        _keep_logs(order, places)
        _tidy_cache(order.target / CACHE)
    if answer.exit_code or not (places.image_folder / order.name).is_file():
        cause = explain_failure(messages, _read(places.log), _read(places.console))
        raise ToolFailed(
            f"could not build {order.name}: {cause}",
            hint=f"everything that was said is in {order.target / LOG} and {order.target / CONSOLE}",
        )
    return messages


def _prepare(order: BuildRequest, places: BuildPaths, tools: ToolBox, reporter: Reporter) -> None:
    if order.base is not None and digest_file(order.base.disk) != order.base.sha256:
        raise EnvironmentFailed(
            f"{order.base.disk} is not the file that its checksum names, {order.base.sha256}"
        )
    if order.artifacts is not None:
        reporter.step(f"comparing {len(order.artifacts.sums)} artifacts with their manifest")
        demand_whole(order.artifacts)
        if order.artifacts.disc_folders:
            pack_disc(tools, places.disc, DISC_LABEL, order.artifacts.disc_folders)
    make_key_pair(tools.find(programs.SSH_KEYGEN), places.key)


def _choose_accelerator(order: BuildRequest, places: BuildPaths, tools: ToolBox) -> Accelerator:
    if order.accelerator == "auto":
        kernel = order.base.kernel if order.base else None
        return probe_accelerator(tools.find(programs.QEMU), places.scratch, kernel)
    cpu = "host" if order.accelerator == "kvm" else SOFTWARE_CPU
    return Accelerator(order.accelerator, cpu, "as asked")


def _read(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def _tidy_cache(cache: Path) -> None:
    """Leave nothing but discs that were downloaded, and no folder without one."""
    for path in cache.glob("*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix == ".lock" or path.stat().st_size == 0:
            path.unlink()
    with suppress(OSError):
        cache.rmdir()


def _keep_logs(order: BuildRequest, places: BuildPaths) -> None:
    for path, name in ((places.log, LOG), (places.console, CONSOLE)):
        if path.is_file():
            # What the machine and Packer said is nobody else's to read; a log of before may be open to all.
            (order.target / name).unlink(missing_ok=True)
            (order.target / name).touch(mode=0o600)
            shutil.copyfile(path, order.target / name)


def _examine(order: BuildRequest, places: BuildPaths, tools: ToolBox) -> dict[str, Any]:
    """Return the record of the image; refuse one that holds what it must not."""
    image, raw = places.image_folder / order.name, places.scratch / "disk.raw"
    convert_to_raw(tools.find(programs.QEMU_IMG), image, raw)
    found = judge_disk(tools, raw, places.scratch, order.profile, order.secrets)
    if holds_file_system(raw):
        _extract_boot_files(tools, raw, places.image_folder)
    raw.unlink()
    if found:
        raise OutputRejected("the built disk is not fit:\n" + "\n".join(f"  {line}" for line in found))
    return {
        "image": order.name,
        "sha256": digest_file(image),
        "platform": order.profile.name,
        "installed": len(parse_inventory(_read(places.inventory))),
    }


def _extract_boot_files(tools: ToolBox, raw: Path, target: Path) -> None:
    """Copy kernel and initrd out: a disk without a boot loader is started with them."""
    debugfs = tools.find(programs.DEBUGFS)
    for name in list_folder(debugfs, raw, "/boot") or {}:
        for prefix in ("vmlinuz", "initrd.img"):
            if name.startswith(f"{prefix}-"):
                extract(debugfs, raw, f"/boot/{name}", target / prefix)


def _put_in_place(order: BuildRequest, places: BuildPaths, record: dict[str, Any]) -> None:
    items = parse_inventory(_read(places.inventory))
    materials = describe_materials(
        items,
        image=order.name,
        image_sha256=record["sha256"],
        family=order.profile.family,
        os_id=order.profile.os_release.id,
    )
    # The record last: without it the image does not count as current.
    (order.target / RECORD).unlink(missing_ok=True)
    for path in places.image_folder.iterdir():
        path.replace(order.target / path.name)
    _write_json(order.target / MATERIALS, materials)
    replace_file(order.target / INSTALLED, format_manifest(items))
    replace_file(order.target / f"{order.name}.sha256", f"{record['sha256']}  {order.name}\n")
    _write_json(order.target / RECORD, record)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    replace_file(path, json.dumps(content, indent=2, sort_keys=True) + "\n")
