"""Units, read by systemd as one boot: keys, programs, and above all the order.

A cycle is no error to systemd: it deletes a job and boots on, without Patroni if need
be.  It shows only when everything that one boot starts is loaded together, so a root
folder is made with our units, the ones around them, and the links of enabled units.
"""

from __future__ import annotations

import re
import shutil
from functools import partial
from typing import TYPE_CHECKING, Final

from generator.tools import programs
from generator.tools.systemd_analyze import can_check, check_units
from generator.verify.boot_units import (
    BOOT_UNITS,
    BOOT_WANTS,
    CLOUD_INIT_GENERATIONS,
    CLOUD_INIT_WANTS,
    make_vendor_service,
)
from generator.verify.check import ToolCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.verify.context import Context
    from generator.verify.output import NodeOutput

UNIT_FOLDERS: Final = ("/etc/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system")
_SUFFIXES: Final = frozenset({".service", ".target", ".mount", ".timer", ".path", ".socket"})
_PROGRAM: Final = re.compile(r"^Exec\w+=[-@:+!|]*(\"?)(/[^\s\"]+)\1", re.MULTILINE)
_INSTALL: Final = re.compile(r"^(WantedBy|RequiredBy)=(.*)$", re.MULTILINE)
_SERVICE_FACTS: Final = ("consul", "patroni", "vip_manager", "chrony", "ssh")


class BootRoot:
    """A folder that stands in for `/` of a booting machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vendor = folder / "usr/lib/systemd/system"
        self.own = folder / "etc/systemd/system"
        for path in (self.vendor, self.own):
            path.mkdir(parents=True)

    def add_vendor(self, name: str, text: str) -> None:
        """Add a unit of a package."""
        (self.vendor / name).write_text(text)
        self._add_programs(text)

    def add_payload(self, node: NodeOutput) -> list[str]:
        """Add the payload's units and drop-ins; return the names of the units."""
        names = []
        for folder in UNIT_FOLDERS:
            source = node.payload(folder)
            if not source.is_dir():
                continue
            shutil.copytree(source, self.folder / folder.removeprefix("/"), dirs_exist_ok=True)
            for path in sorted(source.rglob("*")):
                if path.is_file():
                    self._add_programs(path.read_text("utf-8"))
                if path.is_file() and path.parent == source and path.suffix in _SUFFIXES:
                    names.append(path.name)
        return names

    def has_unit(self, name: str) -> bool:
        """Say whether there is a unit of this name."""
        return any((self.folder / folder.removeprefix("/") / name).exists() for folder in UNIT_FOLDERS)

    def enable(self, name: str) -> None:
        """Link a unit where its [Install] section says."""
        for folder in UNIT_FOLDERS:
            path = self.folder / folder.removeprefix("/") / name
            if path.is_file():
                for kind, targets in _INSTALL.findall(path.read_text("utf-8")):
                    for target in targets.split():
                        self.link(target, [name], "requires" if kind == "RequiredBy" else "wants")
                return

    def link(self, target: str, names: Iterable[str], kind: str = "wants") -> None:
        """Make `target` want or require units, as far as they exist."""
        folder = self.own / f"{target}.{kind}"
        folder.mkdir(exist_ok=True)
        for name in names:
            if self.has_unit(name) and not (folder / name).is_symlink():
                where = self.own if (self.own / name).exists() else self.vendor
                (folder / name).symlink_to(f"/{(where / name).relative_to(self.folder)}")

    def _add_programs(self, text: str) -> None:
        """Put a stand-in for each program: whether it is installed is the image check's question."""
        for _, program in _PROGRAM.findall(text):
            path = self.folder / program.removeprefix("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o755)


def build_root(node: NodeOutput, folder: Path, generation: str | None) -> tuple[BootRoot, list[str]]:
    """Make the root of one machine; return it and the payload's units.

    Args:
        node: the machine.
        folder: where, empty.
        generation: which cloud-init there is (a key of CLOUD_INIT_GENERATIONS); None for none.
    """
    root = BootRoot(folder)
    cloud_init = CLOUD_INIT_GENERATIONS[generation] if generation else {}
    for name, text in {**BOOT_UNITS, **cloud_init}.items():
        root.add_vendor(name, text)
    names = root.add_payload(node)
    services = [str(node.facts["units"][key]) for key in _SERVICE_FACTS if node.facts["units"].get(key)]
    for service in services:
        if not root.has_unit(service):
            root.add_vendor(service, make_vendor_service())
    for target, wanted in BOOT_WANTS.items():
        root.link(target, wanted)
    if generation:
        root.link("cloud-init.target", CLOUD_INIT_WANTS)
        root.link("multi-user.target", ["cloud-init.target"])
    for name in [*names, *services]:
        root.enable(name)
    return root, names


def _judge_units(context: Context, node: NodeOutput, generation: str | None, tool: Tool) -> tuple[str, ...]:
    root, names = build_root(node, context.make_folder("systemd"), generation)
    # The target first: it pulls in everything that is enabled, as a boot does.
    return check_units(tool, root.folder, ["multi-user.target", *names])


def plan_systemd(context: Context) -> Iterator[ToolCheck]:
    """Plan one boot of each machine without cloud-init (kickstart) and with each generation of it."""
    for node in context.output.nodes:
        label = context.output.label(node.payload(UNIT_FOLDERS[0]))
        for generation in (None, *CLOUD_INIT_GENERATIONS):
            yield ToolCheck(
                "units",
                label,
                programs.SYSTEMD_ANALYZE,
                partial(_judge_units, context, node, generation),
                can_check,
                "250 or newer",
                partial(_note, generation),
            )


def _note(generation: str | None, tool: Tool) -> str:
    del tool
    return f"a boot with {generation}" if generation else "a boot without cloud-init"
