"""What the tests of the first boot on real programs share."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from generator.pack.node_program import build_node_program

if TYPE_CHECKING:
    from tests.fakes.machines import TestMachine

POSTGRESQL = Path("/usr/lib/postgresql")
NEEDED = ("ip", "nft", "unshare", "nsenter", "losetup", "lvm", "wipefs", "mkfs.ext4", "runuser", "pgrep")


def absent(reason: str) -> NoReturn:
    """Skip, or fail where tools are demanded."""
    if os.environ.get("HOLSTER_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(f"outside tool absent: {reason}")


def find_postgresql() -> Path:
    """Return the folder of the programs of the newest PostgreSQL server of this machine."""
    found = sorted(POSTGRESQL.glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    if not found:
        absent("PostgreSQL server (package postgresql)")
    return found[-1].parent


def demand_privileges() -> None:
    """Skip where namespaces, overlays and loop devices cannot be had."""
    if os.geteuid() != 0:
        absent("root privileges")
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        absent(", ".join(missing))


def install_image(machine: TestMachine, programs: dict[str, Path]) -> None:
    """Install what the golden image has: users, the first-boot program, the programs under test."""
    for path in ("/etc/passwd", "/etc/group"):
        line = "consul:x:990:990::/opt/consul:/bin/sh\n" if path == "/etc/passwd" else "consul:x:990:\n"
        machine.write(path, (Path(path).read_text() + line).encode())
    machine.write("/etc/fstab", b"")
    machine.write("/etc/lvm/lvm.conf", b"devices { use_devicesfile = 0 }\n")
    # The firewall's daemon has nothing to guard in these namespaces; its configuration is tested elsewhere.
    unit = b"[Service]\nType=oneshot\nExecStart=/bin/true\n"
    machine.write("/etc/systemd/system/firewalld.service", unit)
    machine.write("/etc/systemd/system/systemd-journald.service", unit)
    machine.write("/usr/local/sbin/holster-node", build_node_program(), 0o755)
    # Patroni of this Python environment; its folders may be closed to other users.
    script = f'#!/bin/sh\nexec {sys.executable} -m patroni "$@"\n'
    machine.write("/usr/bin/patroni", script.encode(), 0o755)
    for folder in Path(sys.executable).resolve().parents:
        if folder != Path("/") and not folder.stat().st_mode & 0o001:
            machine.open_folder(folder)
    machine.install_stand_ins(programs)


def read_os_release() -> dict[str, str]:
    """Return this machine's /etc/os-release."""
    lines = Path("/etc/os-release").read_text().splitlines()
    pairs = (line.partition("=") for line in lines)
    return {key: value.strip('"') for key, _, value in pairs}
