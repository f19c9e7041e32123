"""Machines of the cluster test: own network, process and mount namespace, own root, own disks.

The root is an overlay over this machine's, so that its programs run unchanged.  What
a container cannot do is replaced by stand-ins on PATH: systemd, udev, device-mapper,
the clock, kernel settings, the firewall.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.network import sh

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HERE = Path(__file__).parent
BIN = "/opt/stand-in"
SHM = "/dev/shm"  # noqa: S108 - inside the machine, a file system of its own
SEARCH = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LVM_PROGRAMS = (
    "pvs",
    "vgs",
    "lvs",
    "pvcreate",
    "vgcreate",
    "lvcreate",
    "vgchange",
    "pvresize",
    "lvextend",
    "lvmdevices",
)
# Answer 0 and do nothing: their effect would be on the host, or there is nothing for them to act on.
SILENT = (
    "udevadm",
    "timedatectl",
    "chronyc",
    "sysctl",
    "systemd-tmpfiles",
    "firewall-offline-cmd",
    "modprobe",
)
NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}

TRIPWIRE = """#!/bin/sh
n=$(($(cat /run/count) + 1)); echo $n >/run/count
wanted=$(cat /run/trip)
if [ "$wanted" = "before-$n" ]; then kill -9 $PPID; exit 1; fi
{inner} "$@"; code=$?
if [ "$wanted" = "after-$n" ]; then kill -9 $PPID; fi
exit $code
"""


class TestMachine:
    """One machine; `address` with prefix length, `disks` name -> MiB."""

    __test__ = False

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.folder = folder / name
        self.network = f"hol-{os.getpid()}-{name}"
        self.upper = self.folder / "upper"
        self.root = self.folder / "root"
        self._init: subprocess.Popen[str] | None = None
        self._loops: list[str] = []
        for path in (self.upper, self.root, self.folder / "work"):
            path.mkdir(parents=True)
        sh("ip", "netns", "add", self.network)

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Put a file onto the machine before it is switched on."""
        target = self.upper / path.lstrip("/")
        self._make_parents(target.parent)
        target.write_bytes(content)
        target.chmod(mode)

    def open_folder(self, folder: Path) -> None:
        """Let every user of the machine pass through a folder of the host."""
        target = self.upper / folder.relative_to("/")
        self._make_parents(target)
        target.chmod(target.stat().st_mode | 0o011)

    def _make_parents(self, folder: Path) -> None:
        """Make folders as the host has them: an overlay shows the upper one's owner and mode."""
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            path.mkdir()
            like = Path("/") / path.relative_to(self.upper)
            if like.is_dir():
                shutil.copystat(like, path)
                os.chown(path, like.stat().st_uid, like.stat().st_gid)

    def add_disk(self, name: str, mib: int) -> None:
        """Attach a disk that the machine finds as /dev/disk/by-id/NAME."""
        image = self.folder / f"{name}.img"
        with image.open("wb") as stream:
            stream.truncate(mib << 20)
        device = sh("losetup", "--find", "--show", image)
        self._loops.append(device)
        by_id = self.folder / "dev" / "disk" / "by-id"
        by_id.mkdir(parents=True, exist_ok=True)
        number = Path(device).stat().st_rdev
        os.mknod(self.folder / "dev" / Path(device).name, stat.S_IFBLK | 0o600, number)
        (by_id / name).symlink_to(f"../../{Path(device).name}")

    def install_stand_ins(self, programs: Mapping[str, Path]) -> None:
        """Put the stand-ins on PATH and the real programs under test where the payload expects them."""
        for name in ("systemctl", "journalctl"):
            self._install(name, HERE / "systemctl_stand_in.py")
        for name in LVM_PROGRAMS:
            self._install(name, HERE / "lvm_stand_in.py")
        for name in SILENT:
            self.write(f"{BIN}/{name}", b"#!/bin/sh\nexit 0\n", 0o755)
        for path in programs:
            self.write(path, b"", 0o755)
        self._programs = dict(programs)

    def install_tripwires(self, programs: Sequence[str]) -> None:
        """Let the machine's programs kill who started them when `trip` says so."""
        for name in programs:
            inner = f"{BIN}/inner/{name}"
            stand_in = self.upper / BIN.lstrip("/") / name
            if stand_in.exists():
                self.write(inner, stand_in.read_bytes(), 0o755)
            else:
                self.write(inner, f'#!/bin/sh\nexec {shutil.which(name)} "$@"\n'.encode(), 0o755)
            self.write(f"{BIN}/{name}", TRIPWIRE.format(inner=inner).encode(), 0o755)

    def trip(self, count: int, moment: str) -> None:
        """Kill the first-boot program before or after its `count`-th changing command from now on."""
        self.ask("sh", "-c", f"echo 0 >/run/count; echo {moment}-{count} >/run/trip")

    def count_commands(self) -> int:
        """Return how many changing commands ran since `trip`."""
        return int(self.ask("cat", "/run/count"))

    def _install(self, name: str, source: Path) -> None:
        text = source.read_text()
        self.write(f"{BIN}/{name}", f"#!/usr/bin/python3 -S\n{text}".encode(), 0o755)

    def switch_on(self) -> None:
        """Make the namespaces and the root, and start process 1."""
        dev = self.folder / "dev"
        (dev / "pts").mkdir(parents=True, exist_ok=True)
        (dev / "shm").mkdir(exist_ok=True)
        for name, (major, minor) in NODES.items():
            if not (dev / name).exists():
                os.mknod(dev / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
                (dev / name).chmod(0o666)
        if not (dev / "loop-control").exists():
            os.mknod(dev / "loop-control", stat.S_IFCHR | 0o600, os.makedev(10, 237))
        shutil.rmtree(dev / "mapper", ignore_errors=True)
        for link, target in (
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ):
            if not (dev / link).is_symlink():
                (dev / link).symlink_to(target)
        binds = "".join(
            f"mount --bind '{source}' '{self.root}{path}'\n" for path, source in self._programs.items()
        )
        script = f"""set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=/,upperdir={self.upper},workdir={self.folder}/work {self.root}
mount --bind {dev} {self.root}/dev
mount -t tmpfs tmpfs {self.root}{SHM}
mount -t proc proc {self.root}/proc
mount -t sysfs -o ro sysfs {self.root}/sys
mount -t tmpfs tmpfs {self.root}/run
mkdir -p {self.root}/run/postgresql && chown postgres: {self.root}/run/postgresql
{binds}exec chroot {self.root} /usr/bin/env -i PATH={SEARCH} /usr/bin/python3 -S {BIN}/init
"""
        self.write(f"{BIN}/init", (HERE / "init_stand_in.py").read_bytes(), 0o755)
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL"]
        with (self.folder / "init.log").open("w") as log:
            self._init = subprocess.Popen(
                ["ip", "netns", "exec", self.network, *namespaces, "sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self._init.stdout.readline() if self._init.stdout else ""
        if line.strip() != "up":
            message = (self.folder / "init.log").read_text()
            raise RuntimeError(message)

    def _enter(self, argv: Sequence[str]) -> list[str]:
        pid = sh("pgrep", "-P", str(self._find_unshare()))
        return [
            "nsenter",
            "-t",
            pid,
            "-m",
            "-n",
            "-p",
            "-r",
            "-w",
            "env",
            "-i",
            f"PATH={SEARCH}",
            "LANG=C.UTF-8",
            *argv,
        ]

    def _find_unshare(self) -> int:
        if self._init is None:
            message = f"{self.name} is off"
            raise RuntimeError(message)
        # `ip netns exec` replaces itself by unshare.
        return self._init.pid

    def start(self, *argv: str, log: str) -> subprocess.Popen[bytes]:
        """Start a program on the machine; its output goes to a file of the test."""
        with (self.folder / log).open("ab") as stream:
            return subprocess.Popen(self._enter(argv), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)

    def ask(self, *argv: str, check: bool = True) -> str:
        """Run a program on the machine and return its output."""
        return sh(*self._enter(argv), check=check)

    def status(self) -> dict[str, object]:
        """Return the first boot's status record."""
        text = self.ask("cat", "/var/lib/holster/status.json", check=False)
        return dict(json.loads(text)) if text else {}

    def redeliver(self, path: str, text: str) -> None:
        """Replace a payload file of a running machine, with its digest in node.json."""
        self._change_node(
            lambda node: next(item for item in node["files"] if item["path"] == path).update(
                sha256=hashlib.sha256(text.encode()).hexdigest()
            )
        )
        self._write_running(path, text)

    def shorten_deadline(self, stage: str, seconds: int) -> None:
        """Give a stage of a running machine less time."""
        self._change_node(lambda node: node.setdefault("deadlines", {}).update({stage: seconds}))

    def _change_node(self, change: Callable[[dict[str, Any]], None]) -> None:
        node = json.loads(self.ask("cat", "/etc/holster/node.json"))
        change(node)
        self._write_running("/etc/holster/node.json", json.dumps(node))

    def _write_running(self, path: str, text: str) -> None:
        (self.folder / "dev" / "shm-file").write_text(text)
        self.ask("sh", "-c", f"cat /dev/shm-file > {path}; rm /dev/shm-file")

    def switch_off(self) -> None:
        """Cut the power: everything on the machine dies at once."""
        if self._init is not None:
            for pid in sh("pgrep", "-P", str(self._init.pid), check=False).split():
                sh("kill", "-9", pid, check=False)
            self._init.wait(30)
            if self._init.stdout:
                self._init.stdout.close()
            self._init = None
        record = self.upper / "var/lib/loop-devices"
        for device in record.read_text().split() if record.exists() else []:
            sh("losetup", "--detach", device, check=False)
        record.unlink(missing_ok=True)
        for node in (self.folder / "dev").glob("loop*"):
            if f"/dev/{node.name}" not in self._loops and node.name != "loop-control":
                node.unlink()

    def remove(self) -> None:
        """Remove everything that the machine used."""
        self.switch_off()
        for device in self._loops:
            sh("losetup", "--detach", device, check=False)
        sh("ip", "netns", "del", self.network, check=False)
