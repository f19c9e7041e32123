"""Rules that need the platform: versions, packages, installers.

In: a valid spec and the platform's profile.  Out: problems with paths in the spec.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.layout import NodePaths
from generator.platforms.defaults import find_major, find_source, find_version
from generator.spec.defaults import MOUNTS, choose_clients, choose_mount
from generator.spec.model import Durability
from generator.spec.rules.disks import STORAGE, list_storage
from generator.spec.rules.rule import Rule, rule
from generator.spec.rules.volumes import find_hidden
from generator.spec.topology import iterate_nodes
from generator.spec.wording import join_words
from generator.versions import POSTGRESQL_END_OF_LIFE, PatroniDialect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec, ComponentSpec

FACTS = "platform platform_overrides"
SSH_PORT = 22
OLDEST = {"consul": "1.8", "patroni": "2.1.2", "vip_manager": "1.0"}
"""The oldest versions whose configuration Holster renders."""


@rule("version-unsupported", reads=f"{FACTS} components")
def check_versions(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """C7: the keys are known from these versions on."""
    for name, oldest in OLDEST.items():
        version = find_version(spec, profile, name)
        if not version.at_least(oldest):
            message = f"{name} {version} is not supported; {oldest} is the oldest that Holster configures"
            yield Problem("version-unsupported", message, path=("components", name, "version"))


@rule(
    "postgresql-unsupported",
    "postgresql-end-of-life",
    reads=f"{FACTS} components postgresql.allow_end_of_life",
)
def check_postgresql(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """P3: PostgreSQL is one that Patroni runs and somebody still mends."""
    major = find_major(spec, profile)
    patroni = find_version(spec, profile, "patroni")
    oldest, newest = PatroniDialect(patroni).postgresql_range
    path = ("components", "postgresql", "version")
    if not oldest <= major <= newest:
        message = f"Patroni {patroni} runs PostgreSQL {oldest} to {newest}, not {major}"
        hint = "choose another PostgreSQL or Patroni version in components"
        yield Problem("postgresql-unsupported", message, path=path, hint=hint)
    elif major <= POSTGRESQL_END_OF_LIFE and not spec.postgresql.allow_end_of_life:
        message = f"PostgreSQL {major} gets no fixes any more"
        hint = f"use {POSTGRESQL_END_OF_LIFE + 1} or newer, or set postgresql.allow_end_of_life: true"
        yield Problem("postgresql-end-of-life", message, path=path, hint=hint)


@rule("durability-version", reads=f"{FACTS} components durability")
def check_quorum(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """P10: quorum commit came with Patroni 4.0."""
    version = find_version(spec, profile, "patroni")
    if spec.durability is Durability.QUORUM and not PatroniDialect(version).has_quorum:
        message = f"quorum durability needs Patroni 4.0 or newer; this cluster gets {version}"
        hint = "choose synchronous, or a newer Patroni in components.patroni"
        yield Problem("durability-version", message, path=("durability",), hint=hint)


@rule("tags", reads=f"{FACTS} components groups.*.nodes.*", is_partial=True)
def check_priorities(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """An older Patroni takes a tag that it does not know for one of the user's own, and does nothing."""
    version = find_version(spec, profile, "patroni")
    dialect = PatroniDialect(version)
    known = {
        "failover_priority": ("3.2", dialect.has_failover_priority),
        "sync_priority": ("4.1", dialect.has_sync_priority),
    }
    for path, node, _ in iterate_nodes(spec):
        for key, (since, is_known) in known.items():
            if getattr(node.tags, key) is not None and not is_known:
                message = f"{key} needs Patroni {since} or newer; this cluster gets {version}"
                yield Problem("tags", message, path=(*path, "tags", key), hint=f"remove {key}")


@rule("failsafe-version", reads=f"{FACTS} components patroni.failsafe_mode")
def check_failsafe(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """P10: failsafe mode came with Patroni 3.0."""
    version = find_version(spec, profile, "patroni")
    if spec.patroni.failsafe_mode and not PatroniDialect(version).has_failsafe_mode:
        message = f"failsafe_mode needs Patroni 3.0 or newer; this cluster gets {version}"
        yield Problem(
            "failsafe-version", message, path=("patroni", "failsafe_mode"), hint="remove failsafe_mode"
        )


@rule("component-packages", reads=f"{FACTS} components")
def check_packages(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """A program from a package needs the package's name."""
    for name in OLDEST:
        component: ComponentSpec = getattr(spec.components, name)
        default: ComponentSpec = getattr(profile, name)
        packages = default.packages if component.packages is None else component.packages
        if find_source(spec, profile, name) == "package" and not packages:
            message = f"{profile.title} has no package of {name}"
            hint = f"set components.{name}.packages, or source: artifact"
            yield Problem("component-packages", message, path=("components", name, "source"), hint=hint)


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


@rule("image-release", "image-checksum", reads=f"{FACTS} image")
def check_release(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """The installer of the release is known: where it is and which keys start it."""
    image, facts = spec.image, profile.image
    release = image.release or facts.default_release
    if image.base_image or (release is None and image.iso_url is None):
        return
    known = sorted({name for command in facts.boot_commands for name in command.releases})
    commands = [command for command in facts.boot_commands if release in command.releases]
    path = ("image", "release" if image.release else "iso_url")
    if not commands:
        subject = f"release {release} of {profile.title}" if release else f"this ISO of {profile.title}"
        message = f"no keys are known that start the installer of {subject}"
        hint = f"image.release may be {join_words(known, 'or')}" if known else "use image.base_image"
        yield Problem("image-release", message, path=path, hint=hint)
    elif all(command.firmware != image.firmware for command in commands):
        message = (
            f"no keys are known that start the installer of release {release} with {image.firmware} firmware"
        )
        yield Problem(
            "image-release", message, path=("image", "firmware"), hint=f"use {commands[0].firmware}"
        )
    elif image.iso_url is None and release not in facts.isos:
        message = f"no ISO of release {release} is known"
        yield Problem("image-release", message, path=path, hint="set image.iso_url and image.iso_checksum")
    elif image.iso_url is None and release and not (image.iso_checksum or facts.isos[release].checksum):
        message = f"no checksum of the ISO of release {release} is known"
        yield Problem("image-checksum", message, path=path, hint="set image.iso_checksum")


@rule("reserved-name", reads=f"{FACTS} access.user")
def check_admin(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """The administrator is made before any package: a service's user of that name would be a person's.

    systemd removes the shared memory of people when they log out (RemoveIPC, reference notes §7).
    """
    taken = {
        "root": "nobody can log in as root",
        profile.users.consul: "the Consul agent runs as it",
        profile.users.postgres: "PostgreSQL runs as it",
        profile.image.ssh_user: "the build of the image makes and removes it",
    }
    user = spec.access.user
    is_known = user in profile.accounts or user.startswith("systemd-")
    reason = taken.get(user) or ("the system has a user or a group of that name" if is_known else None)
    if reason:
        message = f"the administrator cannot be called {spec.access.user}: {reason}"
        yield Problem("reserved-name", message, path=("access", "user"), hint="use a name of your own")


@rule("superuser-name", reads=f"{FACTS} postgresql.superuser")
def check_superuser(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """pg_hba.conf says `peer` for the superuser: over the socket only a system user of that name gets in.

    The first boot asks PostgreSQL that way before it seals.
    """
    user, name = profile.users.postgres, spec.postgresql.superuser
    if name != user:
        message = (
            f"the superuser must be called {user}, like the system user that runs PostgreSQL, not {name}"
        )
        hint = f"set postgresql.superuser: {user}, and make {name} by SQL if applications need it"
        yield Problem("superuser-name", message, path=("postgresql", "superuser"), hint=hint)


@rule(
    "address-outside-network",
    reads=f"{FACTS} postgresql.hba.* network.prefix network.clients",
    is_partial=True,
)
def check_client_rules(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """A line of pg_hba.conf lets nobody in whom the firewall keeps out."""
    clients = choose_clients(spec)
    for index, line in enumerate(spec.postgresql.hba):
        if line.method == "reject" or line.address is None or line.address.is_loopback:
            continue
        if not any(line.address.overlaps(network) for network in clients):
            message = f"nobody in {line.address} reaches PostgreSQL: network.clients does not have it"
            hint = f"add {line.address} to network.clients, from which the firewall is made"
            if profile.firewall == "none":
                message = f"this line lets {line.address} in, and network.clients does not have it"
                hint = f"add {line.address} to network.clients, or remove the line"
            path = ("postgresql", "hba", index, "address")
            yield Problem("address-outside-network", message, Severity.WARNING, path=path, hint=hint)


@rule("no-firewall", reads=f"{FACTS} network.admins network.monitors ports", is_partial=True)
def check_firewall(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Without a firewall nobody is kept out: not by the keys that become its rules, nor from what listens."""
    network, ports = spec.network, spec.ports
    if profile.firewall != "none":
        return
    message = "nothing filters: PostgreSQL and Patroni's REST interface listen on every address of a member"
    hint = f"limit who reaches the ports {ports.postgresql} and {ports.patroni} in the network, or remove it"
    yield Problem(
        "no-firewall", message, Severity.WARNING, path=("platform_overrides", "firewall"), hint=hint
    )
    given = {"admins": network.admins is not None, "monitors": bool(network.monitors)}
    for key, port in {"admins": ports.ssh, "monitors": ports.patroni}.items():
        if given[key]:
            message = f"network.{key} does nothing: these machines get no firewall (platform_overrides)"
            hint = f"remove `firewall: none`, or {key}, and limit who reaches port {port} in the network"
            yield Problem(
                "no-firewall", message, Severity.WARNING, path=("network", key), at_key=True, hint=hint
            )


@rule("ssh-port", reads=f"{FACTS} ports.ssh system.selinux")
def check_ssh_port(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Trap 34 and promise 6: a machine that nobody can enter tells nobody why."""
    port = spec.ports.ssh
    if port == SSH_PORT:
        return
    if profile.paths.sshd_dropin_dir is None:
        message = (
            f"on {profile.title} only the installer sets the SSH port; a machine from the image keeps 22"
        )
        hint = f"with an image, give sshd the port {port} in it: the firewall opens no other"
    elif profile.has_selinux and spec.system.selinux == "enforcing":
        message = f"SELinux lets sshd use port {SSH_PORT} only; it will not start on {port}"
        hint = (
            f"label it in the image (`semanage port -a -t ssh_port_t -p tcp {port}`), or stay with {SSH_PORT}"
        )
    else:
        return
    yield Problem("ssh-port", message, Severity.WARNING, path=("ports", "ssh"), hint=hint)


PLATFORM_RULES: tuple[Rule, ...] = (
    check_versions,
    check_postgresql,
    check_quorum,
    check_priorities,
    check_failsafe,
    check_packages,
    check_hidden,
    check_release,
    check_admin,
    check_superuser,
    check_client_rules,
    check_firewall,
    check_ssh_port,
)
