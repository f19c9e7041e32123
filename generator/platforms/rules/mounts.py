"""Mount points that would hide what a program uses."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.layout import NodePaths
from generator.platforms.defaults import find_major, find_source
from generator.platforms.rules.reads import FACTS
from generator.spec.defaults import MOUNTS, choose_mount
from generator.spec.rules.disks import STORAGE, list_storage
from generator.spec.rules.rule import Rule, rule
from generator.spec.rules.volumes import find_hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec


@rule("mount-hides", reads=f"{FACTS} {STORAGE} components")
def check_hidden(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """D2: a data volume must not cover the files of a program; the first boot would refuse to mount it."""
    for view in list_storage(spec):
        for kind, volume in view.volumes:
            mount = choose_mount(volume, kind)
            covered = _find_covered(PurePosixPath(mount), spec, profile)
            if covered:
                folder, program = covered
                message = f"a volume on {mount} would cover {folder}, which {program} uses"
                hint = f"such as {MOUNTS[kind]}"
                yield Problem("mount-hides", message, path=view.find(kind, "mount"), hint=hint)


def _find_covered(
    mount: PurePosixPath, spec: ClusterSpec, profile: PlatformProfile
) -> tuple[str, str] | None:
    """Return a folder that a mount would cover and the program that uses it, or None.

    None as well where the mount point is refused on every platform: that is said once.
    """
    if find_hidden(mount):
        return None
    whole = {profile.paths.consul_data_dir: "Consul", profile.paths.consul_config_dir: "Consul"}
    if find_source(spec, profile, "patroni") == "artifact":
        whole[NodePaths.wheels_home] = "Patroni"
    home = profile.users.postgres_home
    tops = {home: "PostgreSQL"}
    if profile.family == "rpm":
        # The server's package makes data and backups in it; elsewhere below the home is room.
        tops[f"{home}/{find_major(spec, profile)}"] = "PostgreSQL"
    for folder, program in {**whole, **tops}.items():
        if PurePosixPath(folder).is_relative_to(mount) or (folder in whole and mount.is_relative_to(folder)):
            return folder, program
    return None


RULES: tuple[Rule, ...] = (check_hidden,)
