"""Rules of an installation by kickstart: only platforms with Anaconda have one.

In: a valid spec and the platform's profile.  Out: problems with paths in the spec.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.sizing import SMALLEST_SYSTEM_MIB
from generator.spec.defaults import choose_disk, choose_os_disk
from generator.spec.disk_paths import explain_moving
from generator.spec.rules.disks import STORAGE, list_storage
from generator.spec.rules.rule import Rule, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec
    from generator.spec.rules.disks import StorageView


def _find_moving(view: StorageView) -> str | None:
    """Return the install disk where neither its name nor that of each data disk stays the same."""
    system = choose_os_disk(view.merged)
    paths = [choose_disk(volume, kind).path for kind, volume in view.volumes]
    is_moving = any(path is not None and path != system and explain_moving(path) for path in paths)
    return system if is_moving and explain_moving(system) else None


@rule("unstable-disk-name", reads=f"platform platform_overrides {STORAGE}", is_partial=True)
def check_install_name(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Trap 2: the guard of the installer knows a data disk by what the spec says of it, which must not move.

    Once for each cluster: what mends it is most often one line.
    """
    if profile.kickstart is None:
        return
    for view in list_storage(spec):
        disk = _find_moving(view)
        if disk is not None:
            message = f"{disk}, which a kickstart erases, may be a data disk when the installer starts"
            hint = "set storage.os_disk to a path below /dev/disk/by-id; images need none"
            path = view.find("os_disk")
            yield Problem("unstable-disk-name", message, Severity.WARNING, path=path, hint=hint)
            return


@rule("image-disk-size", reads="platform platform_overrides image", is_partial=True)
def check_image_disk(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """The installer ends with an error on its console when its partitions do not fit."""
    image = spec.image
    has_iso = image.iso_url is not None or bool(profile.image.isos)
    if profile.kickstart is None or image.base_image is not None or not has_iso:
        return
    if image.disk_size < SMALLEST_SYSTEM_MIB:
        message = (
            f"the image's disk has {image.disk_size} MiB; the installer's partitions (/boot, swap, /) "
            f"need {SMALLEST_SYSTEM_MIB} MiB"
        )
        hint = f"use at least {ceil(SMALLEST_SYSTEM_MIB / 1024)}GiB"
        yield Problem("image-disk-size", message, path=("image", "disk_size"), hint=hint)


RULES: tuple[Rule, ...] = (check_install_name, check_image_disk)
