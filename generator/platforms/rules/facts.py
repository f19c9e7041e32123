"""Rules about the facts of a platform among each other; they matter where a spec replaces some.

In: a valid spec and the platform's profile.  Out: problems with paths below platform_overrides.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from generator.diagnostics import Problem
from generator.layout import NodePaths
from generator.spec.rules.rule import Rule, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec

OVERRIDES: Final = "platform_overrides"
FACTS: Final = "platform platform_overrides"
VOLATILE: Final = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/run")  # noqa: S108 -- names to refuse
"""What lies here is gone after a restart."""
SHARED_FOLDERS: Final = frozenset(
    {"/", "/etc", "/etc/default", "/etc/sysconfig", "/opt", "/srv", "/usr/local/etc", "/var/lib"}
)
"""Other programs live here too: a profile may put a file into them, but they change no owner."""
SYSTEM_FOLDERS: Final = frozenset(
    {
        "/bin", "/boot", "/home", "/lib", "/lib64", "/media", "/mnt", "/root", "/sbin", "/usr", "/var",
        "/etc/pki", "/etc/ssl", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/local",
        "/usr/local/bin", "/usr/local/lib", "/usr/local/sbin", "/usr/local/share", "/usr/sbin",
        "/usr/share", "/var/cache", "/var/log", "/var/spool", "/var/tmp",  # noqa: S108 -- likewise
    }
)  # fmt: skip
OWN_FILES: Final = (
    "/etc/hosts",
    "/etc/modules-load.d/holster.conf",
    "/etc/sysctl.d/90-holster.conf",
    "/etc/sysctl.d/91-holster-huge-pages.conf",
    "/etc/systemd/system/holster-firewall.service",
    "/etc/systemd/system/nftables.service.d/10-holster.conf",
    "/etc/systemd/system/holster-storage.service",
    "/etc/tmpfiles.d/holster.conf",
    "/etc/udev/rules.d/90-holster-watchdog.rules",
    f"/etc/systemd/system/{NodePaths.firstboot_unit}",
    NodePaths.firewall_rules,
    NodePaths.firewall_zone,
    NodePaths.journald_config,
    NodePaths.node_program,
    NodePaths.node_json,
    NodePaths.roles_sql,
    NodePaths.sealed,
    NodePaths.sudoers,
)
"""What Holster puts at the same place on every platform."""
SYSTEM_UNITS: Final = frozenset(
    {
        NodePaths.firewall_unit, NodePaths.firstboot_unit, "holster-storage.service", "chrony-wait.service",
        "dbus.service", "firewalld.service", "getty.service", "network.service", "NetworkManager.service",
        "nftables.service",
    }
)  # fmt: skip
FILES: Final = (
    "consul_binary", "patroni_binary", "vip_manager_binary", "ip_binary", "patroni_config",
    "vip_manager_config", "chrony_config", "sshd_config",
)  # fmt: skip
WITHOUT_IFCFG: Final = ("debian", "ubuntu")
"""Distributions whose `renderer_configs` in cloud-init have no entry `sysconfig`."""
FOLDERS: Final = ("consul_config_dir", "consul_data_dir")
"""Folders that belong to one program: their owner changes, and nothing else may live there."""


def _is_below(path: str, folders: tuple[str, ...]) -> bool:
    return any(PurePosixPath(path).is_relative_to(folder) for folder in folders)


def _list_files(spec: ClusterSpec, profile: PlatformProfile) -> dict[str, str]:
    """Return each file that is written or started, by the fact that places it; the spec's own first."""
    paths = profile.paths
    files = {name: str(getattr(paths, name)) for name in FILES}
    if paths.sshd_dropin_dir is not None:
        files["sshd_dropin_dir"] = f"{paths.sshd_dropin_dir}/{NodePaths.sshd_dropin}"
    files["repositories_dir"] = f"{paths.repositories_dir}/holster-*"
    given = spec.platform_overrides.get("paths", {})
    return dict(sorted(files.items(), key=lambda item: item[0] not in given))


def _list_folders(profile: PlatformProfile) -> dict[str, str]:
    """Return each folder that gets an owner, by the fact that places it."""
    folders = {name: str(getattr(profile.paths, name)) for name in FOLDERS}
    home = profile.paths.patroni_config.rpartition("/")[0] or "/"
    return folders if home in SHARED_FOLDERS else {**folders, "patroni_config": home}


@rule("fact-path", reads=FACTS)
def check_paths(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """No two facts name one place, and no program becomes the owner of what others use."""
    files, folders = _list_files(spec, profile), _list_folders(profile)
    reasons = dict(_find_twins(files)) | dict(_find_volatile(profile))
    for name, message in (reasons or dict(_find_taken(files, folders))).items():
        yield Problem("fact-path", message, path=(OVERRIDES, "paths", name), hint="choose another path")


def _find_volatile(profile: PlatformProfile) -> Iterator[tuple[str, str]]:
    for name in type(profile.paths).model_fields:
        path = getattr(profile.paths, name)
        if path is not None and _is_below(path, VOLATILE):
            yield name, f"{path} is gone after a restart: {name} cannot lie there"


def _find_twins(files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Find files at the same place, or at a place where another one needs a folder."""
    others = {**dict.fromkeys(OWN_FILES, "Holster"), **{path: name for name, path in files.items()}}
    for name, path in files.items():
        for other, owner in others.items():
            if other != path and _is_below(other, (path,)):
                yield name, f"{path} is a file of {name}, and {owner} needs a folder of that name"
        if others[path] != name or path in OWN_FILES:
            owner = "Holster" if path in OWN_FILES else others[path]
            yield name, f"{name} and {owner} are both {path}"


def _find_taken(files: dict[str, str], folders: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Find folders that are not one program's own."""
    for name, folder in folders.items():
        if folder in SYSTEM_FOLDERS | SHARED_FOLDERS:
            yield name, f"{folder} belongs to the system: {name} must be in a folder of its own"
        for owner, path in chain(
            ((owner, path) for owner, path in files.items() if owner != name),
            (("Holster", path) for path in OWN_FILES),
            ((owner, path) for owner, path in folders.items() if owner != name),
        ):
            if _is_below(path, (folder,)):
                yield name, f"{folder}, the folder of {name}, holds {path} of {owner}"


@rule("fact-name", reads=FACTS)
def check_names(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Each program has a unit and a user of its own, and root is nobody's."""
    del spec
    units = profile.units
    written = {"consul": units.consul, "patroni": units.patroni, "vip_manager": units.vip_manager}
    known = Counter([*written.values(), units.chrony, units.ssh, *set(units.postgresql)])
    for name, unit in written.items():
        if known[unit] > 1 or unit in SYSTEM_UNITS or unit.startswith(("systemd-", "cloud-")):
            message = f"{unit} is the unit of another service, and {name} would replace it"
            yield Problem(
                "fact-name", message, path=(OVERRIDES, "units", name), hint="give it a unit of its own"
            )
    users = {
        ("users", "consul"): profile.users.consul,
        ("users", "postgres"): profile.users.postgres,
        ("image", "ssh_user"): profile.image.ssh_user,
    }
    counts = Counter(users.values())
    for path, user in users.items():
        if user == "root" or counts[user] > 1:
            why = "may do everything" if user == "root" else "is used for another program, too"
            message = f"{path[-1]} cannot be {user}, who {why}"
            yield Problem("fact-name", message, path=(OVERRIDES, *path), hint="use a user of its own")


@rule("fact-renderer", reads=FACTS)
def check_renderers(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """cloud-init ends with an error where its class of the distribution says nothing of ifcfg files."""
    del spec
    facts = profile.cloud_init
    if facts.distro in WITHOUT_IFCFG and "sysconfig" in facts.renderers:
        path = (OVERRIDES, "cloud_init", "renderers")
        message = f"cloud-init writes no sysconfig files on {facts.distro}"
        yield Problem("fact-renderer", message, path=path, hint="use networkd, netplan or eni")


RULES: tuple[Rule, ...] = (check_paths, check_names, check_renderers)
