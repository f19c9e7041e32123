"""node.json: all that the first-boot program is told (docs/node-json.md)."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from generator.layout import NodePaths
from generator.platforms.rules.facts import SHARED_FOLDERS
from generator.postgresql.encodings import normalise_locale
from generator.render.json_text import to_json
from generator.spec.locales import list_database_locales
from generator.spec.rules.tags import may_lead
from generator.spec.topology import list_members

if TYPE_CHECKING:
    from collections.abc import Iterable

    from generator.credentials.bundle import CredentialBundle
    from generator.resolve.cluster import ResolvedCluster, ResolvedNode
    from generator.resolve.components import ResolvedComponent
    from generator.resolve.storage import ResolvedStorage, ResolvedVolume

Document = dict[str, object]

TIME_WAIT_SECONDS = 120
DIGEST_LENGTH = 12


class DeliveredFile(Protocol):
    """What node.json says of a payload file."""

    @property
    def path(self) -> str:
        """Its absolute path."""

    @property
    def content(self) -> bytes:
        """Its bytes."""

    @property
    def owner(self) -> str:
        """Its final owner."""

    @property
    def group(self) -> str:
        """Its final group."""

    @property
    def permissions(self) -> str:
        """Its mode as an octal string."""

    @property
    def is_secret(self) -> bool:
        """Whether it must not be shown."""


def digest_instance(document: Document, boot_inputs: bytes) -> str:
    """Return twelve hex digits over everything that decides the first boot.

    A new instance-id makes cloud-init run everything again (trap 10), so the
    version of Holster alone must not change it.
    """
    return sha256(to_json(document) + b"\0" + boot_inputs).hexdigest()[:DIGEST_LENGTH]


def _describe_file(file: DeliveredFile) -> Document:
    return {
        "path": file.path,
        "owner": file.owner,
        "group": file.group,
        "mode": file.permissions,
        "sha256": sha256(file.content).hexdigest(),
        "secret": file.is_secret,
    }


def _describe_directories(node: ResolvedNode) -> list[Document]:
    facts = node.cluster.platform
    consul, postgres = facts.users.consul, facts.users.postgres

    def own(path: str, owner: str, group: str, mode: str) -> Document:
        return {"path": path, "owner": owner, "group": group, "mode": mode}

    directories = [
        # Consul reads it; an agent that was taken over must not write its own rules for the next start.
        own(facts.paths.consul_config_dir, "root", consul, "0750"),
        own(f"{facts.paths.consul_config_dir}/tls", "root", consul, "0750"),
        own(facts.paths.consul_data_dir, consul, consul, "0750"),
    ]
    if node.storage:
        folder = facts.paths.patroni_config.rpartition("/")[0] or "/"
        if folder not in SHARED_FOLDERS:
            directories.append(own(folder, postgres, postgres, "0750"))
        directories.append(own(NodePaths.member_tls, "root", postgres, "0750"))
        # The mount roots too: Patroni renames and removes below them (trap 8).
        for volume in (node.storage.data, node.storage.wal):
            directories.append(own(volume.mount, postgres, postgres, "0700"))
            directories.append(own(volume.directory.rpartition("/")[0], postgres, postgres, "0700"))
    return directories


def _describe_program(path: str, component: ResolvedComponent) -> Document:
    return {"path": path, "version": str(component.version)}


def describe_consul_source(cluster: ResolvedCluster) -> Document | None:
    """Return where the first boot may take an absent Consul from: only from where the user said.

    A URL of the platform's profile serves the machine that builds the image, never a node.
    """
    declared = cluster.spec.components.consul
    url = urlsplit(declared.url or "")
    if url.scheme not in {"file", "http", "https"} or declared.sha256 is None:
        return None
    place = {"path": unquote(url.path)} if url.scheme == "file" else {"url": declared.url}
    return {**place, "sha256": declared.sha256}


def _describe_programs(node: ResolvedNode) -> Document:
    cluster, paths = node.cluster, node.cluster.platform.paths
    consul = _describe_program(paths.consul_binary, cluster.consul)
    consul["source"] = describe_consul_source(cluster)
    programs: Document = {"consul": consul}
    if node.is_member:
        programs["patroni"] = _describe_program(paths.patroni_binary, cluster.patroni)
        programs["vip_manager"] = _describe_program(paths.vip_manager_binary, cluster.vip_manager)
        programs["postgres"] = {
            "path": f"{cluster.postgresql_bin_dir}/postgres",
            "version": str(cluster.postgresql_major),
        }
    return programs


def _describe_volume(role: str, volume: ResolvedVolume) -> Document:
    return {
        "role": role,
        "name": volume.name,
        "disk": volume.disk.model_dump(exclude_none=True),
        "mount": volume.mount,
        "label": volume.label,
        "percent": volume.percent,
        "size": volume.size_mib,
        "min_size": volume.min_size_mib,
        "directory": volume.directory,
    }


def _describe_storage(storage: ResolvedStorage | None, os_disk: str) -> Document | None:
    if storage is None:
        return None
    return {
        "volume_group": storage.volume_group,
        "os_disk": os_disk,
        "volumes": [_describe_volume("data", storage.data), _describe_volume("wal", storage.wal)],
    }


def _describe_consul(node: ResolvedNode, bundle: CredentialBundle) -> Document:
    cluster, paths = node.cluster, node.cluster.platform.paths
    return {
        "datacenter": cluster.datacenter,
        "http": f"http://127.0.0.1:{cluster.spec.ports.consul_http}",
        "servers": len(cluster.servers),
        "agents": len(cluster.peers),
        "config_dir": paths.consul_config_dir,
        "data_dir": paths.consul_data_dir,
        "agent_token": bundle.nodes[node.name].agent_token.secret_id.get_secret_value(),
    }


def _describe_patroni(node: ResolvedNode, bundle: CredentialBundle) -> Document | None:
    if not node.is_member:
        return None
    cluster, spec = node.cluster, node.cluster.spec
    rest = f"{node.address}:{spec.ports.patroni}"
    return {
        "scope": cluster.name,
        "namespace": spec.patroni.namespace,
        "member": node.name,
        "members": len(cluster.members),
        "rest": f"{'https' if spec.patroni.rest_tls else 'http'}://{rest}",
        "rest_authority": f"{NodePaths.member_tls}/ca.pem" if spec.patroni.rest_tls else None,
        "ttl": spec.patroni.ttl,
        "first": _find_first(cluster),
        "config": cluster.platform.paths.patroni_config,
        "token": bundle.patroni_token.secret_id.get_secret_value(),
        "postgresql_port": spec.ports.postgresql,
        "bin_dir": cluster.postgresql_bin_dir,
        "superuser": spec.postgresql.superuser,
        "replication_user": spec.postgresql.replication_user,
        "rewind_user": spec.postgresql.rewind_user,
        "roles": NodePaths.roles_sql,
    }


def _find_first(cluster: ResolvedCluster) -> str:
    """Return the member that makes the database: one that must not lead would be waited for in vain."""
    members = list_members(cluster.spec)
    return next((member for member in members if may_lead(member.tags)), members[0]).name


def _describe_vip(node: ResolvedNode, bundle: CredentialBundle) -> Document | None:
    if not node.is_member:
        return None
    cluster, spec = node.cluster, node.cluster.spec
    by_consul = cluster.vip_mode == "consul"
    return {
        "address": str(spec.vip),
        "prefix_length": spec.network.prefix.prefixlen,
        "mode": cluster.vip_mode,
        "port": spec.ports.postgresql,
        "environment_file": NodePaths.vip_environment,
        "token": bundle.vip_token.secret_id.get_secret_value() if by_consul else None,
    }


def _describe_identity(node: ResolvedNode) -> Document:
    cluster, facts, spec = node.cluster, node.cluster.platform, node.cluster.spec
    roles = [("consul-server", node.is_server), ("postgres", node.is_member)]
    return {
        "cluster": cluster.name,
        "name": node.name,
        "fqdn": node.peer.fqdn,
        "roles": [role for role, has in roles if has],
        "platform": {
            "name": facts.name,
            "family": facts.family,
            "os_id": facts.os_release.id,
            "os_version_major": facts.os_release.version_major,
            "has_selinux": facts.has_selinux,
        },
        "network": {
            "address": str(node.address),
            "prefix_length": spec.network.prefix.prefixlen,
            "mac": node.mac,
            "interface": node.interface,
            "gateway": str(spec.network.gateway) if spec.network.gateway else None,
        },
        "peers": [
            {
                "name": peer.name,
                "fqdn": peer.fqdn,
                "address": str(peer.address),
                "is_server": peer.is_server,
                "is_member": peer.is_member,
            }
            for peer in cluster.peers
        ],
    }


def _describe_huge_pages(node: ResolvedNode) -> Document | None:
    pages = node.huge_pages
    return {"count": pages.count, "is_required": pages.is_required} if pages and pages.count else None


def _list_locales(node: ResolvedNode) -> list[str]:
    """Return the locales that PostgreSQL needs here, spelt as `locale -a` does."""
    names = list_database_locales(node.cluster.spec) if node.is_member else ()
    return [normalise_locale(name) for name in names]


def _describe_system(node: ResolvedNode) -> Document:
    cluster, facts, spec = node.cluster, node.cluster.platform, node.cluster.spec
    return {
        "users": {"consul": facts.users.consul, "postgres": facts.users.postgres},
        "units": {
            "consul": facts.units.consul,
            "patroni": facts.units.patroni,
            "vip_manager": facts.units.vip_manager,
            "chrony": facts.units.chrony,
            "ssh": facts.units.ssh,
            "disabled": list(cluster.postgresql_units),
        },
        "time": {"servers": [str(server) for server in spec.network.ntp], "wait": TIME_WAIT_SECONDS},
        "system": {
            "timezone": spec.system.timezone,
            "locales": _list_locales(node),
            "selinux": spec.system.selinux if facts.has_selinux else None,
            "firewall_zone": "holster" if facts.firewall == "firewalld" else None,
            "watchdog": spec.patroni.watchdog,
            "sysctl_file": "/etc/sysctl.d/90-holster.conf",
            "huge_pages": _describe_huge_pages(node),
            "tmpfiles": ["/etc/tmpfiles.d/holster.conf"] if node.is_member else [],
        },
    }


def describe_node(node: ResolvedNode, bundle: CredentialBundle, files: Iterable[DeliveredFile]) -> Document:
    """Return node.json without the version of its format, the tool's version and the instance-id."""
    return {
        **_describe_identity(node),
        "files": [_describe_file(file) for file in files],
        "directories": _describe_directories(node),
        "programs": _describe_programs(node),
        **_describe_system(node),
        "storage": _describe_storage(node.storage, node.os_disk),
        "consul": _describe_consul(node, bundle),
        "patroni": _describe_patroni(node, bundle),
        "vip": _describe_vip(node, bundle),
    }
