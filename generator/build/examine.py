"""The built disk, examined from outside: the guest's own word is not enough.

In: the disk as a raw file.  Out: everything that no image may hold.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from generator.tools.debugfs import extract, list_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generator.tools.toolbox import Tool

CHUNK: Final = 32 * 1024 * 1024
NEVER_FILES: Final = (
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret",
    "/var/lib/dbus/machine-id",
    "/etc/sudoers.d/90-cloud-init-users",
    "/root/.ssh/authorized_keys",
)
NEVER: Final = ("/etc/holster", "/var/lib/holster", "/var/lib/cloud/instances", "/pgdata", "/pgwal")


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


def find_remains(
    debugfs: Tool, raw: Path, scratch: Path, *, empty_folders: tuple[str, ...], build_user: str
) -> list[str]:
    """Return what is left of the machine that built the image, as its file system shows it."""
    found = []
    machine_id = (list_folder(debugfs, raw, "/etc") or {}).get("machine-id")
    if machine_id is None:
        found.append("/etc/machine-id is missing")
    elif machine_id:
        found.append("/etc/machine-id is not empty")
    found += [
        f"a host key: /etc/ssh/{name}"
        for name in list_folder(debugfs, raw, "/etc/ssh") or {}
        if name.startswith("ssh_host_")
    ]
    for path in NEVER_FILES:
        folder, _, name = path.rpartition("/")
        if name in (list_folder(debugfs, raw, folder) or {}):
            found.append(f"{path} is there")
    found += [f"{path} is there" for path in NEVER if list_folder(debugfs, raw, path) is not None]
    found += [f"{path} is not empty" for path in empty_folders if list_folder(debugfs, raw, path)]
    passwd = scratch / "passwd"
    if not extract(debugfs, raw, "/etc/passwd", passwd):
        found.append("/etc/passwd is missing")
    elif any(line.startswith(f"{build_user}:") for line in passwd.read_text("utf-8", "replace").splitlines()):
        found.append(f"the build's user {build_user}")
    if build_user in (list_folder(debugfs, raw, "/home") or {}):
        found.append(f"the home of the build's user {build_user}")
    return found
