"""Volumes: sizes that fit their disks, mount points and names that fit the system."""

from __future__ import annotations

from itertools import permutations
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.layout import NodePaths
from generator.sizing import EXTENT_MIB
from generator.spec.defaults import MOUNTS, choose_mount, choose_volume_group, choose_volume_name
from generator.spec.disk_paths import is_below_dev
from generator.spec.rules.disks import LABELS, STORAGE, StorageView, list_storage
from generator.spec.rules.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

SYSTEM_TREES = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",  # noqa: S108 -- a name to refuse
    "/usr",
)
"""Nothing may be mounted on or below these."""
SYSTEM_FOLDERS = (
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/srv",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/spool",
    "/var/tmp",  # noqa: S108 -- likewise
)
"""Nothing may be mounted on these; below them is fine."""
RESERVED_PREFIXES = ("pvmove", "snapshot")
RESERVED_PARTS = (
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_imeta", "_iorig", "_mimage", "_mlog", "_pmspare",
    "_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig",
)  # fmt: skip
"""lvm(8), valid names."""
MAX_MAPPER_NAME = 127
"""Device mapper's limit without the ending zero; hyphens count twice."""


@rule("volume-size", reads=STORAGE, is_partial=True)
def check_sizes(spec: ClusterSpec) -> Iterator[Problem]:
    """D1: one size, which fits the disk less one extent for LVM's own records."""
    for view in list_storage(spec):
        for kind, volume in view.volumes:
            path = view.find(kind, "size")
            if volume.size is not None and volume.percent is not None:
                message = f"the {LABELS[kind]} volume has a percent and a size"
                yield Problem("volume-size", message, path=path, hint="keep one of the two")
            elif volume.size and volume.disk_size and volume.size > volume.disk_size - EXTENT_MIB:
                room = volume.disk_size - EXTENT_MIB
                message = f"the {LABELS[kind]} volume of {volume.size} MiB does not fit into {room} MiB"
                yield Problem("volume-size", message, path=path, hint="make it smaller, or use percent")


@rule("mount-point", reads=STORAGE, is_partial=True)
def check_mounts(spec: ClusterSpec) -> Iterator[Problem]:
    """D2: mount points are distinct, not nested and hide nothing of the system."""
    for view in list_storage(spec):
        mounts = {kind: PurePosixPath(choose_mount(volume, kind)) for kind, volume in view.volumes}
        for kind, mount in mounts.items():
            hidden = find_hidden(mount)
            if hidden:
                message = f"the {LABELS[kind]} volume on {mount} would hide {hidden} of the system"
                hint = f"use a folder of its own, such as {MOUNTS[kind]}"
                yield Problem("mount-point", message, path=view.find(kind, "mount"), hint=hint)
        yield from _check_nesting(mounts, view)


def find_hidden(mount: PurePosixPath) -> str | None:
    """Return the folder that a mount would hide, of the system on any platform or of Holster, or None."""
    for tree in SYSTEM_TREES:
        if mount.is_relative_to(tree):
            return tree
    if str(mount) in SYSTEM_FOLDERS:
        return str(mount)
    kept = (NodePaths.state_dir, NodePaths.config_dir)
    return next((folder for folder in kept if mount.is_relative_to(folder)), None)


def _check_nesting(mounts: dict[str, PurePosixPath], view: StorageView) -> Iterator[Problem]:
    if mounts["data"] == mounts["wal"]:
        message = f"both volumes are mounted on {mounts['wal']}"
        path, related = view.find("wal", "mount"), view.find("data", "mount")
        yield Problem(
            "mount-point", message, path=path, hint="give each its own mount point", related=related
        )
        return
    for inner, outer in permutations(mounts, 2):
        if mounts[inner].is_relative_to(mounts[outer]):
            message = f"the mount point {mounts[inner]} lies inside the {LABELS[outer]} volume"
            hint = "put the two mount points side by side"
            yield Problem("mount-point", message, path=view.find(inner, "mount"), hint=hint)


@rule("volume-name", reads=STORAGE, is_partial=True)
def check_names(spec: ClusterSpec) -> Iterator[Problem]:
    """D2: LVM's own names are taken, and two volumes of a group are two."""
    for view in list_storage(spec):
        group = choose_volume_group(view.merged)
        if group in {".", ".."}:
            yield Problem(
                "volume-name", f"LVM does not allow the name {group}", path=view.find("volume_group")
            )
        if is_below_dev(group):
            # vgcreate: "/dev/shm: already exists in filesystem".
            message = f"the volume group cannot be called {group}: the system has /dev/{group}"
            hint = "use another name, such as pg"
            yield Problem("volume-name", message, path=view.find("volume_group"), hint=hint)
        names = {kind: choose_volume_name(volume, kind) for kind, volume in view.volumes}
        for kind, name in names.items():
            reason = _find_reason(group, name)
            if reason:
                yield Problem("volume-name", f"{name} cannot be used: {reason}", path=view.find(kind, "name"))
        if names["data"] == names["wal"]:
            message = f"the data volume is already called {names['wal']}"
            path, related = view.find("wal", "name"), view.find("data", "name")
            yield Problem("volume-name", message, path=path, related=related)


def _find_reason(group: str, name: str) -> str | None:
    if (
        name in {".", ".."}
        or name.startswith(RESERVED_PREFIXES)
        or any(part in name for part in RESERVED_PARTS)
    ):
        return "LVM keeps such names for itself"
    mapper = f"{group.replace('-', '--')}-{name.replace('-', '--')}"
    if len(mapper) > MAX_MAPPER_NAME:
        return (
            f"with the group's name it has {len(mapper)} characters; devices have at most {MAX_MAPPER_NAME}"
        )
    return None


RULES = (check_sizes, check_mounts, check_names)
