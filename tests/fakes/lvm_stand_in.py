"""LVM without device-mapper: real metadata, volumes shown as loop devices over their extents.

Started under the name of an LVM program.  Every question and every change of metadata
goes to the real program with `--driverloaded n`; what device-mapper would do, a loop
device with the volume's offset and size does.  Only whole, contiguous volumes.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

LVM = os.environ.get("REAL_LVM", "/usr/sbin/lvm")
# Where the test finds the loop devices that it must detach.
RECORD = Path("/var/lib/loop-devices")
MAPPER = Path("/dev/mapper")
QUIET = ["--driverloaded", "n"]


def call(*arguments: str) -> int:
    """Run a real LVM command."""
    return subprocess.run([LVM, arguments[0], *QUIET, *arguments[1:]], check=False).returncode


def ask(*arguments: str) -> list[dict[str, str]]:
    """Return the rows of a real LVM report."""
    done = subprocess.run(
        [LVM, arguments[0], *QUIET, "--reportformat", "json", "--units", "b", "--nosuffix", *arguments[1:]],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    report = json.loads(done.stdout)["report"][0]
    return [row for rows in report.values() for row in rows]


def activate(group: str) -> None:
    """Show every volume of a group as /dev/mapper/GROUP-VOLUME."""
    MAPPER.mkdir(exist_ok=True)
    starts = {row["pv_name"]: int(row["pe_start"]) for row in ask("pvs", "-o", "pv_name,pe_start")}
    extent = int(ask("vgs", "-o", "vg_extent_size", group)[0]["vg_extent_size"])
    for row in ask("lvs", "-o", "lv_name,lv_size,devices", group):
        link = MAPPER / f"{group.replace('-', '--')}-{row['lv_name'].replace('-', '--')}"
        if link.is_symlink():
            continue
        disk, _, first = row["devices"].rstrip(")").partition("(")
        offset = starts[disk] + int(first) * extent
        link.symlink_to(attach(disk, offset, int(row["lv_size"])))


def attach(disk: str, offset: int, size: int) -> str:
    """Return a loop device over a part of a disk."""
    for _attempt in range(20):
        name = subprocess.run(
            ["losetup", "--find"], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        is_new = not Path(name).exists()
        if is_new:
            os.mknod(name, stat.S_IFBLK | 0o600, os.makedev(7, int(name.removeprefix("/dev/loop"))))
        part = ["--offset", str(offset), "--sizelimit", str(size)]
        if subprocess.run(["losetup", *part, name, disk], check=False).returncode == 0:
            with RECORD.open("a") as stream:
                stream.write(f"{name}\n")
            return name
        if is_new:
            # Another machine was faster: its disk must not be seen from here.
            Path(name).unlink()
    sys.exit("no free loop device")


def main() -> int:
    """Do what the named LVM program does."""
    name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    if name == "vgchange":
        activate(arguments[-1])
        return 0
    return call(name, *arguments)


if __name__ == "__main__":
    sys.exit(main())
