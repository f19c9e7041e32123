"""The built disk, examined from outside: the guest's own word is not enough.

In: the disk as a raw file.  Out: everything that no image may hold.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from generator.tools.debugfs import extract, holds_file_system, list_folder
from generator.tools.programs import DEBUGFS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generator.platforms.profile import PlatformProfile
    from generator.tools.toolbox import Tool, ToolBox

CHUNK: Final = 32 * 1024 * 1024
NEVER_FILES: Final = (
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret",
    "/var/lib/dbus/machine-id",
    "/var/log/cloud-init.log",
    "/var/log/cloud-init-output.log",
    "/etc/sudoers.d/90-cloud-init-users",
    "/root/.bash_history",
    "/root/.ssh/authorized_keys",
)
NEVER: Final = ("/etc/holster", "/var/lib/holster", "/pgdata", "/pgwal")
CLOUD_INIT_STATE: Final = "/var/lib/cloud"
"""`cloud-init clean` leaves it empty: the next boot is the first."""
DATA_FOLDERS: Final = ("main", "data")
"""How Debian and the RPM family name what lies below postgres_home/<major>."""


def read_written(raw: Path, overlap: int) -> Iterator[bytes]:
    """Yield the written parts of a sparse file, each beginning with the end of the one before.

    Holes hold nothing and are skipped: a disk of 30 GiB has 2 GiB of data.
    """
    with raw.open("rb") as stream:
        end, position, tail = stream.seek(0, os.SEEK_END), 0, b""
        while position < end:
            try:
                start = os.lseek(stream.fileno(), position, os.SEEK_DATA)
            except OSError:
                return  # no data behind this place
            if start != position:
                tail = b""
            hole = os.lseek(stream.fileno(), start, os.SEEK_HOLE)
            os.lseek(stream.fileno(), start, os.SEEK_SET)
            chunk = os.read(stream.fileno(), min(CHUNK, hole - start))
            if not chunk:
                return
            yield tail + chunk
            tail = chunk[-overlap:] if overlap else b""
            position = start + len(chunk)


def find_values(raw: Path, values: dict[str, str]) -> list[str]:
    """Return the titles of the secret values (title -> value) that stand anywhere on the disk."""
    sought = {title: value.encode() for title, value in values.items()}
    overlap = max((len(value) for value in sought.values()), default=1) - 1
    found: set[str] = set()
    for part in read_written(raw, overlap):
        found.update(title for title, value in sought.items() if value in part)
    return sorted(found)


def find_remains(debugfs: Tool, raw: Path, scratch: Path, facts: PlatformProfile) -> list[str]:
    """Return what is left of the machine that built the image, as its file system shows it."""
    found = [*_judge_identity(debugfs, raw), *_judge_build_user(debugfs, raw, scratch, facts.image.ssh_user)]
    paths = facts.paths
    for path in (*NEVER_FILES, paths.patroni_config, paths.vip_manager_config):
        folder, _, name = path.rpartition("/")
        if name in (list_folder(debugfs, raw, folder) or {}):
            found.append(f"{path} is there")
    found += [f"{path} is there" for path in NEVER if list_folder(debugfs, raw, path) is not None]
    home = facts.users.postgres_home
    empty = [f"{home}/{major}/{name}" for major in _names(debugfs, raw, home) for name in DATA_FOLDERS]
    empty += [CLOUD_INIT_STATE, paths.consul_config_dir, paths.consul_data_dir]
    return found + [f"{path} is not empty" for path in empty if _names(debugfs, raw, path)]


def judge_disk(
    tools: ToolBox, raw: Path, scratch: Path, facts: PlatformProfile, secrets: dict[str, str]
) -> list[str]:
    """Return everything that no image may hold.

    Secret values (title -> value) are sought in every byte; files only where the disk is
    one plain ext4 file system, which debugfs reads.
    """
    found = [f"{title} stands in the image" for title in find_values(raw, secrets)]
    if holds_file_system(raw):
        found += find_remains(tools.find(DEBUGFS), raw, scratch, facts)
    return found


def _names(debugfs: Tool, raw: Path, folder: str) -> list[str]:
    return sorted(list_folder(debugfs, raw, folder) or {})


def _judge_identity(debugfs: Tool, raw: Path) -> Iterator[str]:
    machine_id = (list_folder(debugfs, raw, "/etc") or {}).get("machine-id")
    if machine_id is None:
        yield "/etc/machine-id is missing"
    elif machine_id:
        yield "/etc/machine-id is not empty"
    for name in _names(debugfs, raw, "/etc/ssh"):
        if name.startswith("ssh_host_"):
            yield f"a host key: /etc/ssh/{name}"


def _judge_build_user(debugfs: Tool, raw: Path, scratch: Path, user: str) -> Iterator[str]:
    passwd = scratch / "passwd"
    if not extract(debugfs, raw, "/etc/passwd", passwd):
        yield "/etc/passwd is missing"
    elif any(line.startswith(f"{user}:") for line in passwd.read_text("utf-8", "replace").splitlines()):
        yield f"the build's user {user}"
    if user in _names(debugfs, raw, "/home"):
        yield f"the home of the build's user {user}"
