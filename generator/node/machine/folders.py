"""Make the folders that the payload asks for: those of the system disk, and later those on the volumes."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.node.facts.node import Folder
    from generator.node.machine.machine import Machine


def make_system_folders(machine: Machine) -> None:
    """Make the folders of the system disk; a mount point stays empty, or the mount would hide them."""
    _make(machine, [folder for folder in machine.node.folders if not _is_on_volume(machine, folder)])


def make_volume_folders(machine: Machine) -> None:
    """Make the folders on the volumes, once these are mounted."""
    _make(machine, [folder for folder in machine.node.folders if _is_on_volume(machine, folder)])


def _make(machine: Machine, folders: list[Folder]) -> None:
    for folder in folders:
        machine.fs.make_folder(folder.path, folder.owner, folder.group, folder.mode)


def _is_on_volume(machine: Machine, folder: Folder) -> bool:
    path = PurePosixPath(folder.path)
    mounts = {
        PurePosixPath(volume.mount)
        for volume in (machine.node.storage.volumes if machine.node.storage else ())
    }
    return bool(mounts & {path, *path.parents})
