"""Trees that a payload is delivered into: by the rendered kickstart, and by the real cloud-init.

Each script runs as root in namespaces of its own (mounts, host name, network), chrooted or
not as the installer does it, with the system's programs bound read-only.  Only what needs a
disc, a service manager or SELinux is a stand-in; `tar`, `install` and cloud-init are real.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MERGED = ("bin", "sbin", "lib", "lib64")
EMPTY = ("dev", "proc", "run", "sys", "tmp", "root", "var/log", "usr/local", "usr/bin", "mnt")
ACCOUNTS = {
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nconsul:x:990:990::/opt/consul:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nconsul:x:990:\n",
}
# In the root's folder.  /usr/local stays the root's own, the rest of /usr is this machine's.
ENTER = """set -eu
mount --bind usr/local "$WORK/hold"
mount --bind /usr usr
mount -o remount,bind,ro usr
mount --bind "$WORK/hold" usr/local
mount -t tmpfs tmpfs run
mkdir run/work
mount --bind "$WORK" run/work
mount -t proc proc proc
mount -t tmpfs tmpfs dev
for name in null zero urandom; do
    touch dev/$name
    mount --bind /dev/$name dev/$name
done
{mount}
(cd dev && {devices})
PATH=$INSIDE:$PATH exec chroot . {command}
"""
PATH = "/run/work/stand-ins"
RECORD = 'echo "$(basename "$0") $*" >> /run/work/stand-ins/calls\n'
MOUNT = (
    'case "$1 $2 $3 $4" in\n'
    '"-o ro -L OEMDRV" | "-o ro -L HOLSTER") cp -R "/run/work/discs/$4/." "$5" ;;\n'
    "*) exit 32 ;;\nesac\n"
)


class Section(NamedTuple):
    """A script of a kickstart file."""

    kind: str
    options: tuple[str, ...]
    text: str


class Entry(NamedTuple):
    """What a file or folder is; folders have no digest."""

    mode: str
    uid: int
    gid: int
    digest: str


def read_sections(kickstart: str) -> list[Section]:
    """Return the `%pre` and `%post` scripts in their order."""
    found, head, lines = [], None, list[str]()
    for line in kickstart.splitlines():
        if head is None and line.startswith(("%pre", "%post")):
            head, lines = line.split(), []
        elif head is not None and line == "%end":
            found.append(Section(head[0], tuple(head[1:]), "\n".join(lines) + "\n"))
            head = None
        elif head is not None:
            lines.append(line)
    return found


def make_tree(folder: Path) -> Path:
    """Make what the packages leave, as far as a payload meets it."""
    for name in EMPTY:
        (folder / name).mkdir(parents=True)
    for name in MERGED:
        if Path("/", name).is_symlink():
            (folder / name).symlink_to(f"usr/{name}")
    for name, text in ACCOUNTS.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    # Closed on every distribution: delivering a file must not open it.
    (folder / "etc/sudoers.d").mkdir(mode=0o750)
    return folder


def describe_tree(folder: Path, *, without: tuple[str, ...] = ()) -> dict[str, Entry]:
    """Return path -> entry of all files and folders below `/etc`, `/usr`, `/root` and PostgreSQL's home."""
    found = {}
    for top in ("etc", "usr", "root", "var/lib/pgsql"):
        for path in sorted((folder / top).rglob("*")):
            name = f"/{path.relative_to(folder)}"
            if name.startswith(without):
                continue
            facts = path.lstat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(facts.st_mode) else ""
            found[name] = Entry(stat.filemode(facts.st_mode), facts.st_uid, facts.st_gid, digest)
    return found


class Installation:
    """One machine's tree, the installer that it is mounted into, and the discs in the drives."""

    def __init__(self, folder: Path) -> None:
        self.tree = make_tree(folder / "tree")
        self._installer = make_tree(folder / "installer")
        (self._installer / "mnt/sysimage").mkdir()
        self._work = folder / "work"
        for name in ("hold", "stand-ins", "discs"):
            (self._work / name).mkdir(parents=True)
        self.stand_in("mount", MOUNT)
        for name in ("umount", "restorecon", "rpm", "systemctl", "udevadm"):
            self.stand_in(name)

    def insert_disc(self, label: str, files: Mapping[str, bytes]) -> None:
        """Put a disc into a drive."""
        for name, content in files.items():
            path = self._work / "discs" / label / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o400)

    def stand_in(self, name: str, script: str = "") -> None:
        """Put a stand-in for a program on PATH; it records how it was called."""
        path = self._work / "stand-ins" / name
        path.write_text(f"#!/bin/sh\n{RECORD}{script}")
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """Every call of a stand-in."""
        path = self._work / "stand-ins" / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, section: Section, devices: str = ":") -> subprocess.CompletedProcess[str]:
        """Run a section where the installer does: in its own root, or in the machine's.

        `devices` is a shell command that makes more devices in the current folder.
        """
        (self._work / "script").write_text(section.text)
        outside = section.kind == "%pre" or "--nochroot" in section.options
        if not outside:
            return self._enter(self.tree, ("sh", "/run/work/script"), devices)
        mount = f"mount --bind {shlex.quote(str(self.tree))} mnt/sysimage"
        return self._enter(self._installer, ("sh", "/run/work/script"), devices, mount)

    def run_inside(self, *argv: str, bound: Path) -> subprocess.CompletedProcess[str]:
        """Run a program in the machine's root, which sees the folder `bound` as /mnt."""
        return self._enter(self.tree, argv, mount=f"mount --rbind {shlex.quote(str(bound))} mnt")

    def _enter(
        self, root: Path, argv: Sequence[str], devices: str = ":", mount: str = ":"
    ) -> subprocess.CompletedProcess[str]:
        script = ENTER.format(mount=mount, devices=devices, command=shlex.join(argv))
        return subprocess.run(
            ["unshare", "--mount", "--uts", "--net", "sh", "-c", script],
            cwd=root,
            env={"PATH": os.environ["PATH"], "INSIDE": PATH, "WORK": str(self._work)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
